"""What a fit asks of its teacher about texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._distillation.progress import Progress, ignore
from skm2v._distillation.teacher.teacher import Teacher
from skm2v._distillation.teacher_pass.store import fetch
from skm2v._distillation.teacher_pass.text_vectors import text_vectors

__all__ = ["Once", "reading_window", "unit_vectors"]


class Once:
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


def reading_window(
    load: Once, fingerprint: str, folder: Path | None, max_length: int | None
) -> int | None:
    """Number of tokens of a text that both the teacher and a model of `max_length` use.

    Special tokens do not count.
    """

    def compute() -> dict[str, npt.NDArray[Any]]:
        teacher = load()
        length = teacher.max_length
        special = len(teacher.tokenizer.backend_tokenizer.encode("").ids)
        return {"window": np.array(-1 if length is None else max(length - special, 1))}

    window = int(fetch(f"{fingerprint}-window", compute, folder)["window"])
    lengths = [length for length in (window, max_length) if length is not None and length > 0]
    return min(lengths, default=None)


def unit_vectors(
    texts: list[str],
    load: Once,
    fingerprint: str,
    folder: Path | None,
    progress: Progress = ignore,
) -> npt.NDArray[np.float32]:
    """Return the teacher's vectors of texts, scaled to norm 1 (zero vectors stay zero)."""
    if not texts:
        return np.zeros((0, 1), np.float32)
    S = text_vectors(texts, load, fingerprint, folder=folder, progress=progress)
    norms = np.linalg.norm(S, axis=1, keepdims=True)
    return np.asarray(S / np.where(norms > 0, norms, 1), dtype=np.float32)
