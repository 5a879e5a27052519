"""A pass through a teacher: what it makes of tokens and of texts, each read once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_count, require
from skm2v._distillation.stages import Progress, Stages, ignore
from skm2v._distillation.teacher.device import TeacherDType, of_dtype
from skm2v._distillation.teacher.loading import open_teacher
from skm2v._distillation.teacher.teacher import Pooling, Teacher
from skm2v._distillation.teacher.words import warn_of_words
from skm2v._distillation.teacher_pass.agreement import N_TEXTS, agreement, cosines, sample
from skm2v._distillation.teacher_pass.store import cache_folder, fetch
from skm2v._distillation.teacher_pass.text_vectors import text_vectors
from skm2v._distillation.teacher_pass.token_table import (
    RotatedTable,
    TokenTable,
    cluster_tokens,
    key_of,
    read_tokens,
    rotated_table,
)

__all__ = ["LoadedOnce", "TeacherLike", "TeacherPass"]


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
        """Hash of all that the vectors in float32 depend on."""

    @property
    def prompt(self) -> str | None:
        """Text that it reads before every token and every text, if it was told one."""

    @property
    def dtype(self) -> TeacherDType:
        """What it computes in."""


class LoadedOnce:
    """Loads a teacher once in this process; a copy in another process loads its own."""

    def __init__(self, load: Callable[[], Teacher]) -> None:
        self._load = load
        self._teacher: Teacher | None = None

    def __call__(self) -> Teacher:
        """Return the teacher."""
        if self._teacher is None:
            self._teacher = self._load()
        return self._teacher

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._load,)


@dataclass(eq=False)
class TeacherPass:
    """What a fit asks of its teacher: loaded only if the cache lacks an answer.

    Parameters
    ----------
    teacher : TeacherLike
        Where the vectors come from.
    load : callable
        Loads it.
    folder : Path or None, default=None
        Where the cache keeps answers on disk.
    batch_size : int, default=256
        Number of tokens that the teacher embeds at a time; without influence on the vectors.
    stages : Stages
        Times what is done here, and shows it.
    moved : dict
        What was found of how far another number type than float32 moves vectors.

    Raises
    ------
    ValueError
        If `batch_size` is no positive integer.
    """

    teacher: TeacherLike
    load: Callable[[], Teacher]
    folder: Path | None = None
    batch_size: int = 256
    stages: Stages = field(default_factory=Stages)
    moved: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(is_count(self.batch_size), "batch_size", self.batch_size, "a positive integer")

    @classmethod
    def open(
        cls,
        model: str | os.PathLike[str] | Any,
        tokenizer: Any = None,
        *,
        memory: Any = None,
        batch_size: int = 256,
        show_progress_bar: bool | None = None,
        **where: Any,
    ) -> TeacherPass:
        """Find a teacher by its name, or take one that is in memory.

        Parameters
        ----------
        model, tokenizer, **where
            See :func:`~skm2v._distillation.teacher.loading.open_teacher`.
        memory, batch_size, show_progress_bar
            See :func:`skm2v.distill`.
        """
        folder = cache_folder(memory)
        teacher, load = open_teacher(model, tokenizer, **where)
        return cls(teacher, load, folder, batch_size, Stages(show_progress_bar))

    def keeping_the_teacher(self) -> TeacherPass:
        """Return a pass that loads the teacher once, for fits that ask it several times.

        A fit that asks once is better without: rotating a large table needs the memory.
        """
        return replace(self, load=LoadedOnce(self.load))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that the teacher's vectors depend on."""
        return of_dtype(self.teacher.fingerprint, self.teacher.dtype)

    def facts(self) -> dict[str, Any]:
        """Return the fields of a fit report on the number type, if it is another than float32."""
        if self.teacher.dtype == "float32":
            return {}
        return {"teacher_dtype": {"dtype": self.teacher.dtype, **self.moved}}

    def _compare(self, of: str, found: npt.NDArray[Any]) -> None:
        self.moved.update(agreement(self.teacher.dtype, of, found))

    def token_table(
        self,
        vocabulary: Sequence[str] = (),
        token_remove_pattern: str | None = None,
        pooling: Pooling = "mean",
    ) -> TokenTable:
        """Return the teacher's vectors of a model's tokens; see :func:`skm2v.distill`."""
        key = key_of("tokens", self.fingerprint, tuple(vocabulary), token_remove_pattern, pooling)

        def compute() -> dict[str, npt.NDArray[Any]]:
            return read_tokens(
                self.load,
                vocabulary=vocabulary,
                token_remove_pattern=token_remove_pattern,
                pooling=pooling,
                batch_size=self.batch_size,
                stages=self.stages,
            )

        arrays = fetch(key, compute, self.folder)
        warn_of_words(json.loads(arrays["notes"].tobytes()))
        if "cosines" in arrays:
            self._compare("tokens", arrays["cosines"])
        tokenizer = arrays["tokenizer"].tobytes().decode()
        return TokenTable(key, tokenizer, arrays["raw"], rotated_table(arrays))

    def clusters(
        self, table: TokenTable, n_clusters: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], RotatedTable]:
        """Group tokens with similar vectors.

        Returns
        -------
        centres : ndarray of float32 of shape (n_clusters, d_teacher)
        mapping : ndarray of int32 of shape (V,)
            Cluster of each token.
        rotated : RotatedTable
            The centres on their own principal axes.

        Raises
        ------
        ValueError
            If there are fewer tokens than clusters.
        """
        if n_clusters > len(table.raw):
            raise ValueError(
                "vocabulary_quantization must be at most the number of tokens,"
                f" {len(table.raw)}; got {n_clusters}."
            )
        key = key_of("clusters", table.key, n_clusters)
        arrays = fetch(key, lambda: cluster_tokens(table.raw, n_clusters, self.stages), self.folder)
        return arrays["centres"], arrays["mapping"], rotated_table(arrays)

    def window(self, max_length: int | None) -> int | None:
        """Number of tokens of a text that both the teacher and a model of `max_length` use.

        Special tokens do not count.
        """

        def compute() -> dict[str, npt.NDArray[Any]]:
            teacher = self.load()
            length = teacher.max_length
            special = len(teacher.tokenizer.backend_tokenizer.encode("").ids)
            return {"window": np.array(-1 if length is None else max(length - special, 1))}

        window = int(fetch(f"{self.fingerprint}-window", compute, self.folder)["window"])
        lengths = [length for length in (window, max_length) if length is not None and length > 0]
        return min(lengths, default=None)

    def unit_vectors(
        self, texts: Sequence[str], progress: Progress = ignore
    ) -> npt.NDArray[np.float32]:
        """Return the teacher's vectors of different texts, scaled to norm 1.

        Zero vectors stay zero.
        """
        if not texts:
            return np.zeros((0, 1), np.float32)
        S = text_vectors(texts, self.load, self.fingerprint, folder=self.folder, progress=progress)
        norms = np.linalg.norm(S, axis=1, keepdims=True)
        return np.asarray(S / np.where(norms > 0, norms, 1), dtype=np.float32)

    def compare_texts(self, texts: Sequence[str], S: npt.NDArray[np.float32]) -> None:
        """Find how far the number type moves vectors of texts: some are read in float32, too.

        Parameters
        ----------
        texts : sequence of str
        S : ndarray of float32 of shape (n, d_teacher)
            Their vectors.
        """
        if self.teacher.dtype == "float32":
            return
        rows = sample(len(texts), N_TEXTS)
        with self.stages("texts in float32", len(rows), "texts") as progress:
            exact = text_vectors(
                [texts[row] for row in rows],
                partial(_in_float32, self.load),
                self.teacher.fingerprint,
                folder=self.folder,
                progress=progress,
            )
        self._compare("texts", cosines(S[rows], exact))


def _in_float32(load: Callable[[], Teacher]) -> Teacher:
    return replace(load(), dtype="float32")
