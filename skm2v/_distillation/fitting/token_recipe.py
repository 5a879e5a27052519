"""From a teacher's token vectors to the table of a static model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from skm2v._checks import check_flag, is_count, require
from skm2v._distillation.fitting.principal_axes import number_of_components
from skm2v._distillation.teacher.teacher import POOLINGS, Teacher
from skm2v._distillation.teacher_pass.token_table import (
    RotatedTable,
    clusters,
    sif_weights,
    stage,
    token_table,
)
from skm2v._model import ModelConfig, Projection, quantize, software_versions
from skm2v._static_model import StaticModel

__all__ = ["TeacherLike", "TokenRecipe"]

_DTYPES = ("float16", "float32", "float64", "int8")


class TeacherLike(Protocol):
    """What is known of a teacher before it is loaded."""

    @property
    def name(self) -> str:
        """Hub id or folder name."""

    @property
    def revision(self) -> str | None:
        """Commit, if known."""

    @property
    def licence(self) -> str | None:
        """Licence, if known."""

    @property
    def language(self) -> tuple[str, ...]:
        """Language codes."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that the vectors depend on."""


@dataclass(frozen=True)
class TokenRecipe:
    """The parameters of ``objective="tokens"``, checked; :func:`skm2v.distill` explains them.

    Raises
    ------
    ValueError
        If a parameter is out of its bounds.
    """

    vocabulary: Sequence[str] | None = None
    pca_dims: int | float | str | None = 256
    sif_coefficient: float | None = 1e-4
    pooling: str = "mean"
    token_remove_pattern: str | None = r"\[unused\d+\]"
    quantize_to: str = "float16"
    vocabulary_quantization: int | None = None
    max_length: int | None = 512
    normalize: bool = True

    def __post_init__(self) -> None:
        words: Any = self.vocabulary
        if isinstance(words, (str, bytes)):
            raise ValueError("vocabulary must be a sequence of words, not one string.")
        iterable = words is None or isinstance(words, Iterable)
        require(iterable, "vocabulary", words, "a sequence of strings")
        words = () if words is None else tuple(words)
        for word in words:
            require(isinstance(word, str), "vocabulary", word, "a sequence of strings")
        object.__setattr__(self, "vocabulary", words)
        dims: Any = self.pca_dims
        if isinstance(dims, np.generic):
            dims = dims.item()
            object.__setattr__(self, "pca_dims", dims)
        require(
            dims is None
            or dims == "auto"
            or is_count(dims)
            or (isinstance(dims, float) and 0 < dims <= 1),
            "pca_dims",
            dims,
            "a positive integer, a share of variance between 0.0 and 1.0, 'auto' or None",
        )
        sif = self.sif_coefficient
        require(
            sif is None or (isinstance(sif, (float, np.floating)) and 0 < sif < 1),
            "sif_coefficient",
            sif,
            "a number between 0 and 1 or None",
        )
        require(self.pooling in POOLINGS, "pooling", self.pooling, f"one of {POOLINGS}")
        require(self.quantize_to in _DTYPES, "quantize_to", self.quantize_to, f"one of {_DTYPES}")
        count = self.vocabulary_quantization
        require(
            count is None or is_count(count, 2),
            "vocabulary_quantization",
            count,
            "a number of clusters, at least 2, or None",
        )
        length = self.max_length
        require(
            length is None or is_count(length),
            "max_length",
            length,
            "a positive integer or None",
        )
        check_flag("normalize", self.normalize)
        pattern = self.token_remove_pattern
        if pattern is not None:
            try:
                re.compile(pattern)
            except (re.error, TypeError) as error:
                raise ValueError(
                    "token_remove_pattern must be a regular expression or None; got"
                    f" {pattern!r}: {error}."
                ) from error

    def build(
        self,
        teacher: TeacherLike,
        load: Callable[[], Teacher],
        *,
        folder: Path | None = None,
        batch_size: int = 256,
        show_progress_bar: bool = False,
    ) -> StaticModel:
        """Distil a teacher.

        Parameters
        ----------
        teacher : TeacherLike
            Where the model comes from.
        load : callable
            Loads the teacher; called only if its vectors are not in the cache.
        folder : Path or None, default=None
            Where the cache keeps entries on disk.
        batch_size : int, default=256
        show_progress_bar : bool, default=False

        Returns
        -------
        model : StaticModel
        """
        wanted = "a positive integer"
        require(is_count(batch_size), "batch_size", batch_size, wanted)
        table = token_table(
            load,
            teacher.fingerprint,
            vocabulary=self.vocabulary or (),
            token_remove_pattern=self.token_remove_pattern,
            pooling=self.pooling,
            folder=folder,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
        )
        weights: npt.NDArray[Any] | None = sif_weights(len(table.raw), self.sif_coefficient)
        mapping = None
        rows: npt.NDArray[Any] = table.raw
        rotated = table.rotated
        if self.vocabulary_quantization is not None:
            rows, mapping, rotated = clusters(table, self.vocabulary_quantization, folder)
        with stage("model built"):
            rows, projection = self._reduce(rows, rotated)
            if weights is not None and mapping is None:
                rows = _scaled(rows, weights, self.quantize_to)
                weights = None
            rows, scales = quantize(rows, self.quantize_to)
            if scales is not None:
                scales = scales if mapping is None else scales[mapping]
                weights = scales if weights is None else scales * weights
            return StaticModel(
                rows,
                table.tokenizer,
                weights=None if weights is None else weights.astype(np.float32),
                mapping=mapping,
                normalize=self.normalize,
                max_length=self.max_length,
                config=self._config(teacher),
                projection=projection,
            )

    def _reduce(
        self, rows: npt.NDArray[Any], rotated: RotatedTable
    ) -> tuple[npt.NDArray[Any], Projection | None]:
        if self.pca_dims is None:
            return rows, None
        axes = rotated.axes
        kept = number_of_components(self.pca_dims, axes)
        # float32 is what the teacher's vectors have, and all that adding a word later needs.
        projection = Projection(
            axes.mean.astype(np.float32),
            axes.components[:kept].astype(np.float32),
            axes.explained_variance_ratio[:kept],
        )
        return rotated.rows[:, :kept], projection

    def _config(self, teacher: TeacherLike) -> ModelConfig:
        return ModelConfig(
            teacher=teacher.name,
            revision=teacher.revision,
            licence=teacher.licence,
            language=teacher.language,
            objective="tokens",
            pooling=self.pooling,
            sif_coefficient=self.sif_coefficient,
            pca_dims=self.pca_dims,
            pca_ordered=self.pca_dims is not None,
            created_with=software_versions(),
        )


def _scaled(
    rows: npt.NDArray[Any], weights: npt.NDArray[np.float64], dtype: str
) -> npt.NDArray[Any]:
    """Multiply rows by weights, in the precision that the result will have."""
    factors = weights if dtype == "float64" else weights.astype(np.float32)
    return np.asarray(rows * factors[:, None])
