"""Products of vectors in one fixed order of additions, the same to the bit as the compiled ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["cosines", "squares"]

LANES = 16  # as in csrc/scanners.c
ROWS = 4096  # at a time: what fits the cache


def _dots(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Dot products of rows of equal number: sixteen float64 sums side by side, then a tree."""
    products = a.astype(np.float64)
    products *= b
    sums = np.zeros((len(a), LANES))
    for start in range(0, a.shape[1], LANES):
        part = products[:, start : start + LANES]
        sums[:, : part.shape[1]] += part
    half = LANES // 2
    while half:
        sums[:, :half] += sums[:, half : 2 * half]
        half //= 2
    return sums[:, 0].copy()


def squares(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the squared norm of every row."""
    out = np.empty(len(vectors))
    for start in range(0, len(vectors), ROWS):
        part = vectors[start : start + ROWS]
        out[start : start + ROWS] = _dots(part, part)
    return out


def cosines(
    left: tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]],
    left_rows: npt.NDArray[np.int32],
    right: tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]],
    right_rows: npt.NDArray[np.int32],
) -> npt.NDArray[np.float32]:
    """Cosines of pairs of rows: symmetric, and exactly 1 for equal rows.

    Parameters
    ----------
    left, right : pair of ndarray
        Vectors, and their squared norms.
    left_rows, right_rows : ndarray of int32 of shape (n,)
        Rows of the pairs; none of them is zero.
    """
    out = np.empty(len(left_rows), dtype=np.float32)
    for start in range(0, len(left_rows), ROWS):
        part = slice(start, start + ROWS)
        i, j = left_rows[part], right_rows[part]
        # The root of a square is exact, so equal rows give 1.
        out[part] = _dots(left[0][i], right[0][j]) / np.sqrt(left[1][i] * right[1][j])
    return out
