"""Batches that a teacher reads, and a check of what it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from skm2v.exceptions import TeacherError

__all__ = ["all_finite", "equal_lengths"]


def equal_lengths(
    lengths: npt.NDArray[np.int64], batch_size: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield batches of positions whose sequences have the same length."""
    order = np.argsort(lengths, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        # A single token is three or four ids; more of them take as much memory in fewer rows.
        step = max(min(batch_size, 4 * batch_size // max(int(lengths[group[0]]), 1)), 1)
        for start in range(0, len(group), step):
            yield group[start : start + step]


def all_finite(
    vectors: npt.NDArray[np.float32], name: str, describe: Callable[[int], str]
) -> npt.NDArray[np.float32]:
    """Refuse vectors with NaN or infinity: as zeros they would be wrong without a word."""
    rows = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(rows):
        raise TeacherError(
            f"The teacher {name!r} gives vectors with NaN or infinity for {len(rows)} of"
            f" {len(vectors)} inputs, the first of which is {describe(rows[0])}. Its weights are"
            " damaged, or too large for the number type that they were saved in: get them again, or"
            " a revision with float32 weights."
        )
    return vectors
