"""``objective="tokens"``: a table of what the teacher makes of each token alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import check_length, is_count, require
from skm2v._distillation.fitting.parameters import normalised
from skm2v._distillation.fitting.stretching import checked_axes, with_axes
from skm2v._distillation.fitting.weights import sif_weights
from skm2v._distillation.teacher.teacher import POOLINGS, Pooling
from skm2v._distillation.teacher_pass.principal_axes import number_of_components
from skm2v._distillation.teacher_pass.teacher_pass import TeacherLike, TeacherPass
from skm2v._distillation.teacher_pass.token_table import RotatedTable
from skm2v._fit_report import FitReport
from skm2v._model import Core, ModelConfig, Projection, quantize, software_versions
from skm2v._model.config import Axes
from skm2v._model.quantization import DTYPES
from skm2v._model.tokenizer_check import build_tokenizer
from skm2v._pooling import PoolingTable

__all__ = ["TokenRecipe", "config_of"]


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
    pooling: Pooling = "mean"
    token_remove_pattern: str | None = r"\[unused\d+\]"
    quantize_to: str = "float16"
    vocabulary_quantization: int | None = None
    max_length: int | None = 512
    normalize: bool = True
    stretch: Axes | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = normalised(item.name, getattr(self, item.name))
            object.__setattr__(self, item.name, value)
        self._check_vocabulary()
        self._check_table()
        check_length(self.max_length)
        require(isinstance(self.normalize, bool), "normalize", self.normalize, "True or False")
        checked_axes(self.stretch)

    def _check_vocabulary(self) -> None:
        words: Any = self.vocabulary
        if isinstance(words, (str, bytes)):
            raise ValueError("vocabulary must be a sequence of words, not one string.")
        if words is not None:
            require(isinstance(words, Iterable), "vocabulary", words, "a sequence of strings")
            words = tuple(words)
            for word in words:
                require(isinstance(word, str), "vocabulary", word, "a sequence of strings")
            object.__setattr__(self, "vocabulary", words)
        pattern = self.token_remove_pattern
        if pattern is not None:
            try:
                re.compile(pattern)
            except (re.error, TypeError) as error:
                raise ValueError(
                    "token_remove_pattern must be a regular expression or None; got"
                    f" {pattern!r}: {error}."
                ) from error

    def _check_table(self) -> None:
        dims, sif, count = self.pca_dims, self.sif_coefficient, self.vocabulary_quantization
        require(
            dims is None
            or dims == "auto"
            or is_count(dims)
            or (isinstance(dims, float) and 0 < dims <= 1),
            "pca_dims",
            dims,
            "a positive integer, a share of variance between 0.0 and 1.0, 'auto' or None",
        )
        require(
            sif is None or (isinstance(sif, float) and 0 < sif < 1),
            "sif_coefficient",
            sif,
            "a number between 0 and 1 or None",
        )
        require(self.pooling in POOLINGS, "pooling", self.pooling, f"one of {POOLINGS}")
        require(self.quantize_to in DTYPES, "quantize_to", self.quantize_to, f"one of {DTYPES}")
        require(
            count is None or is_count(count, 2),
            "vocabulary_quantization",
            count,
            "a number of clusters, at least 2, or None",
        )

    def build(self, teacher: TeacherPass, texts: Sequence[str] = ()) -> tuple[Core, FitReport]:
        """Distil a teacher: tokens, vectors, axes, weights, model.

        Parameters
        ----------
        teacher : TeacherPass
        texts : sequence of str
            Those of the other recipe, which shares this interface; not used here.

        Returns
        -------
        model : Core
        report : FitReport
        """
        model, done = with_axes(self.core(teacher), self.stretch, teacher.stages)
        return model, FitReport.of_model(model, **done, **teacher.facts())

    def core(self, teacher: TeacherPass) -> Core:
        """Return the model before it is stretched."""
        table = teacher.token_table(self.vocabulary or (), self.token_remove_pattern, self.pooling)
        rows: npt.NDArray[Any] = table.raw
        rotated, mapping = table.rotated, None
        if self.vocabulary_quantization is not None:
            rows, mapping, rotated = teacher.clusters(table, self.vocabulary_quantization)
        with teacher.stages("model built"):
            rows, projection = self._reduce(rows, rotated)
            weights: npt.NDArray[Any] | None = sif_weights(len(table.raw), self.sif_coefficient)
            if weights is not None and mapping is None:
                rows = _scaled(rows, weights, self.quantize_to)
                weights = None
            rows, scales = quantize(rows, self.quantize_to)
            if scales is not None:
                scales = scales if mapping is None else scales[mapping]
                weights = scales if weights is None else scales * weights
            weights = None if weights is None else weights.astype(np.float32)
            return Core(
                build_tokenizer(table.tokenizer),
                PoolingTable(rows, weights, mapping),
                projection,
                self.normalize,
                self.max_length,
                config_of(
                    teacher.teacher,
                    objective="tokens",
                    pooling=self.pooling,
                    sif_coefficient=self.sif_coefficient,
                    pca_dims=self.pca_dims,
                    pca_ordered=self.pca_dims is not None,
                ),
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


def config_of(teacher: TeacherLike, **recipe: Any) -> ModelConfig:
    """Say where a model comes from: the teacher, and what was done with it."""
    return ModelConfig(
        teacher=teacher.name,
        revision=teacher.revision,
        licence=teacher.licence,
        language=teacher.language,
        prompt=teacher.prompt,
        teacher_dtype=None if teacher.dtype == "float32" else teacher.dtype,
        created_with=software_versions(),
        **recipe,
    )


def _scaled(
    rows: npt.NDArray[Any], weights: npt.NDArray[np.float64], dtype: str
) -> npt.NDArray[Any]:
    """Multiply rows by weights, in the precision that the result will have."""
    factors = weights if dtype == "float64" else weights.astype(np.float32)
    return np.asarray(rows * factors[:, None])
