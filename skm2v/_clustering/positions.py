"""Places of vectors in a plane."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.manifold import TSNE
from sklearn.utils import check_random_state

from skm2v._clustering.order import canonical_order, one_thread, scattered
from skm2v._pairs import NeighborSearch
from skm2v._pairs.vectors import check_vectors

__all__ = ["Positions", "place_in_plane"]

PERPLEXITY, ROUNDS = 30.0, 500
NEAREST = 5  # sampled rows around which another one is placed

Floats = npt.NDArray[np.float64]


class Positions(NamedTuple):
    """Rows in a plane.

    Attributes
    ----------
    xy : ndarray of float64 of shape (n, 2)
        Between 0 and 1.
    sampled : ndarray of bool of shape (n,)
        Rows that the reducer has placed; the others are at the mean of those next to them.
    """

    xy: Floats
    sampled: npt.NDArray[np.bool_]


def place_in_plane(
    vectors: Any, *, reducer: Any = None, max_points: int = 5000, random_state: Any = 0
) -> Positions:
    """Put vectors that are alike near to each other.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
    reducer : transformer or None
        ``fit_transform`` makes two columns; None means t-SNE from a start by PCA.
    max_points : int
        Most rows that the reducer places.
    random_state : int, RandomState or None
        Of the sample and of t-SNE.
    """
    checked = check_vectors(vectors)
    lengths = np.sqrt(checked.squares)
    lengths[lengths == 0] = 1
    unit = (checked.values / lengths[:, None]).astype(np.float32)
    order = canonical_order(unit)
    unit = unit[order]
    random = check_random_state(random_state)
    drawn = np.sort(random.permutation(len(unit))[:max_points])
    sampled = np.zeros(len(unit), dtype=bool)
    sampled[drawn] = True
    xy = np.empty((len(unit), 2))
    xy[sampled] = _reduced(unit[sampled], reducer, random)
    if not sampled.all():
        found = NeighborSearch(unit[sampled]).nearest(unit[~sampled], min(NEAREST, len(drawn)))
        weight = np.where(found.row < 0, 0, np.maximum(found.similarity, 0) ** 2 + 1e-6)
        places = xy[sampled][np.maximum(found.row, 0)]
        total = weight.sum(axis=1, keepdims=True)
        middle = xy[sampled].mean(axis=0)
        near = (weight[..., None] * places).sum(axis=1) / np.where(total == 0, 1, total)
        xy[~sampled] = np.where(total == 0, middle, near)
    low, high = xy.min(axis=0), xy.max(axis=0)
    xy = (xy - low) / np.where(high > low, high - low, 1)
    return Positions(scattered(xy, order), scattered(sampled, order))


def _reduced(rows: npt.NDArray[np.float32], reducer: Any, random: np.random.RandomState) -> Floats:
    if len(rows) < 3 or (rows == rows[0]).all():  # nothing to tell apart
        return np.stack([np.arange(len(rows)), np.zeros(len(rows))], axis=1).astype(np.float64)
    if reducer is None:
        perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
        reducer = TSNE(
            init="pca", perplexity=perplexity, max_iter=ROUNDS, random_state=random.randint(2**31)
        )
        if rows.shape[1] < 2:
            rows = np.pad(rows, ((0, 0), (0, 1)))
    else:
        reducer = clone(reducer)
    with one_thread():
        places = np.asarray(reducer.fit_transform(rows), dtype=np.float64)
    if places.shape != (len(rows), 2) or not np.isfinite(places).all():
        raise ValueError(
            f"The reducer {type(reducer).__name__} must make two finite columns; got shape"
            f" {places.shape}. Fix: n_components=2."
        )
    return places
