"""Rows of features scaled and put side by side, dense and sparse ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

__all__ = ["root_mean_square", "scale_rows", "side_by_side", "with_norm"]

Floats = npt.NDArray[np.float64]


def root_mean_square(vectors: npt.NDArray[np.float32]) -> float:
    """Root mean square of the norms of vectors."""
    return float(np.sqrt(np.einsum("ij,ij->", vectors, vectors, dtype=np.float64) / len(vectors)))


def with_norm(vectors: npt.NDArray[Any], norm: float) -> Floats:
    """Vectors scaled to a norm; zeros stay zeros."""
    scaled = vectors.astype(np.float64)
    lengths = np.sqrt(np.add.reduce(scaled * scaled, axis=1, keepdims=True))
    lengths[lengths == 0] = 1
    scaled *= norm / lengths
    return scaled


def scale_rows(features: Any, norm: float) -> None:
    """Scale the rows of a CSR array to a norm, in place; rows of zeros stay so."""
    n = features.shape[0]
    rows = np.repeat(np.arange(n), np.diff(features.indptr))
    squares = np.bincount(rows, weights=features.data**2, minlength=n)
    squares[squares == 0] = 1
    features.data *= (norm / np.sqrt(squares))[rows]


def side_by_side(dense: npt.NDArray[Any], lexical: Any) -> Any:
    """Both kinds of features in one CSR array, with the small indices that solvers want."""
    n, dim = dense.shape
    if not dense.any():
        dense = dense[:, :0]
    width = dense.shape[1]
    lengths = np.diff(lexical.indptr) + width
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    indices = np.empty(indptr[-1], dtype=np.int32)
    data = np.empty(indptr[-1], dtype=np.float64)
    positions = indptr[:-1, np.newaxis] + np.arange(width)
    indices[positions] = np.arange(width)
    data[positions] = dense
    rest = np.ones(len(data), dtype=bool)
    rest[positions] = False
    indices[rest] = lexical.indices + dim
    data[rest] = lexical.data
    small = indptr.astype(np.int32 if indptr[-1] < 2**31 else np.int64)
    return sparse.csr_array((data, indices, small), shape=(n, dim + lexical.shape[1]))
