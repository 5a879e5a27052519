"""Cosines of vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["cosines", "pairwise_cosines"]


def cosines(one: Any, other: Any) -> npt.NDArray[np.float32]:
    """Cosine of each row of `one` with each row of `other`."""
    rows, columns = (_unit_rows(vectors, name) for vectors, name in ((one, "1"), (other, "2")))
    _check_width(rows, columns)
    return rows @ columns.T


def pairwise_cosines(one: Any, other: Any) -> npt.NDArray[np.float32]:
    """Cosine of each row of `one` with the row of `other` at its place."""
    rows, others = (_unit_rows(vectors, name) for vectors, name in ((one, "1"), (other, "2")))
    _check_width(rows, others)
    if len(rows) != len(others):
        raise ValueError(
            f"similarity_pairwise wants as many vectors on both sides; got {len(rows)} and"
            f" {len(others)}. similarity compares each with each."
        )
    of_pairs: npt.NDArray[np.float32] = np.einsum("ij,ij->i", rows, others)
    return of_pairs


def _unit_rows(vectors: Any, name: str) -> npt.NDArray[np.float32]:
    """Rows of Euclidean norm 1; rows of zeros stay zeros, so that their cosine is 0."""
    try:
        rows = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"embeddings{name} must be vectors, as encode returns them: {error}."
        ) from error
    if rows.ndim == 1:
        rows = rows[None]
    if rows.ndim != 2:
        raise ValueError(
            f"embeddings{name} must be a vector or an array of shape (n, d); got {rows.shape}."
        )
    norms: npt.NDArray[np.float32] = np.linalg.norm(rows, axis=1, keepdims=True)
    norms[norms == 0] = 1
    return rows / norms


def _check_width(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> None:
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            f"Vectors of {one.shape[1]} and of {other.shape[1]} dimensions cannot be compared."
        )
