"""The pairs and neighbours that every engine must find, by looking at all of them."""

from __future__ import annotations

import numpy as np

from skm2v._pairs import Neighbors, Pairs
from skm2v._pairs.exact import cosines, squares


def all_cosines(left, right):
    """Matrix of cosines, computed in the order of the house; NaN for zero vectors."""
    left, right = np.asarray(left, np.float32), np.asarray(right, np.float32)
    i, j = np.indices((len(left), len(right)), dtype=np.int32).reshape(2, -1)
    with np.errstate(invalid="ignore"):
        values = cosines((left, squares(left)), i, (right, squares(right)), j)
    return values.reshape(len(left), len(right))


def pairs(vectors, threshold, other=None):
    """Pairs above a threshold: products in float64 find them, with room for their rounding."""
    left = np.asarray(vectors, np.float32)
    right = left if other is None else np.asarray(other, np.float32)
    norms = np.sqrt(squares(left)), np.sqrt(squares(right))
    with np.errstate(invalid="ignore"):
        found = (left / norms[0][:, None]) @ (right / norms[1][:, None]).T >= threshold - 1e-6
    if other is None:
        found = np.triu(found, 1)
    i, j = (side.astype(np.int32) for side in np.nonzero(found))
    values = cosines((left, squares(left)), i, (right, squares(right)), j)
    above = values >= np.float32(threshold)
    return Pairs(i[above], j[above], values[above])


def neighbors(vectors, k, queries=None, permitted=None):
    matrix = all_cosines(vectors if queries is None else queries, vectors)
    if queries is None:
        np.fill_diagonal(matrix, np.nan)
    if permitted is not None:
        matrix[:, ~permitted] = np.nan
    matrix[np.isnan(matrix)] = -np.inf
    row = np.argsort(-matrix, axis=1, kind="stable")[:, :k].astype(np.int32)
    similarity = np.take_along_axis(matrix, row, axis=1)
    row[np.isinf(similarity)] = -1
    missing = [(0, 0), (0, k - row.shape[1])]
    return Neighbors(
        np.pad(similarity, missing, constant_values=-np.inf),
        np.pad(row, missing, constant_values=-1),
    )


def assert_same(found, expected):
    """Equal to the bit."""
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
