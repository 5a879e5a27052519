"""Vectors as means of their neighbourhoods, which makes groups stand out."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from skm2v._clustering.order import canonical_order, scattered
from skm2v._doc_link import Documented
from skm2v._fit_context import fit_context
from skm2v._model.state import SealedState
from skm2v._pairs import NeighborSearch
from skm2v._pairs.vectors import squares
from skm2v._progress import progress

__all__ = ["NeighborAverager"]

ROWS = 2048  # averaged at a time: what fits the cache

Floats = npt.NDArray[np.float32]


class NeighborAverager(
    SealedState, ClassNamePrefixFeaturesOutMixin, TransformerMixin, Documented, BaseEstimator
):
    """Replace each vector by the mean of its nearest neighbours.

    A step between an embedder and a clusterer. Texts of one topic move together, and those between
    topics to where most of their neighbours are, so that k-means finds groups that people would
    make. Neighbours are exact, by cosine, and means are added in a fixed order: the result is the
    same to the bit for any CPU, number of threads and order of rows.

    Parameters
    ----------
    n_neighbors : int, default=10
        Number of vectors in a mean, the vector itself included. 1 changes lengths only.
    n_iter : int, default=2
        How often means are taken, each time of the last means and over the same neighbours.
    n_jobs : int or None, default=None
        Number of threads. None means 1, -1 all processors.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns, if they are all strings.

    See Also
    --------
    skm2v.clustering.WardKMeans : Groups what comes out.
    skm2v.clustering.choose_n_clusters : Needs the vectors as they were: means look like groups of
        any number.

    Notes
    -----
    A vector counts with weight 1, its neighbours with their cosines, those below 0 not at all.
    Neighbours of a vector that was not fitted are fitted ones, beside itself. Rows of the result
    have length 1; a zero vector stays one. Finding neighbours takes a time that grows with the
    square of the number of vectors: half a minute of one core for 100,000.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.clustering import NeighborAverager
    >>> vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    >>> NeighborAverager(n_neighbors=2, n_iter=1).fit_transform(vectors).round(2)
    array([[0.96, 0.28],
           [0.94, 0.35],
           [0.33, 0.94]], dtype=float32)
    """

    __module__ = "skm2v.clustering"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self, n_neighbors: int = 10, *, n_iter: int = 2, n_jobs: int | None = None
    ) -> None:
        self.n_neighbors = n_neighbors
        self.n_iter = n_iter
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> NeighborAverager:
        """Keep the vectors among which neighbours are found.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Vectors of any length.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : NeighborAverager
            The fitted averager.
        """
        self.fit_transform(X)
        return self

    @fit_context(nested=False)
    def fit_transform(self, X: Any, y: Any = None) -> Floats:
        """Fit, and return the means of the fitted vectors.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Vectors of any length.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        means : ndarray of float32 of shape (n, d)
            Mean of each vector and its neighbours.
        """
        vectors = self._checked(X, reset=True)
        order = canonical_order(vectors)  # of equally near vectors the first ones count
        state = vectors[order]
        self._n_features_out = state.shape[1]
        self._search = NeighborSearch(state)
        rows, weights = self._neighbors(state)
        self._states = []
        for _ in range(self.n_iter):
            self._states.append(state)
            state = _means(state, state, rows, weights)
        return scattered(state, order)

    def transform(self, X: Any) -> Floats:
        """Return the means of vectors and their neighbours among the fitted ones.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Vectors, fitted or new.

        Returns
        -------
        means : ndarray of float32 of shape (n, d)
            Mean of each vector and its neighbours.
        """
        check_is_fitted(self)
        own = self._checked(X, reset=False)
        rows, weights = self._neighbors(own)
        for state in self._states:
            own = _means(own, state, rows, weights)
        return own

    def _checked(self, X: Any, *, reset: bool) -> Floats:
        vectors = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        return _of_length_one(np.ascontiguousarray(vectors, dtype=np.float32))

    def _neighbors(self, vectors: Floats) -> tuple[npt.NDArray[np.int32], Floats]:
        """Rows of fitted vectors and their weights, beside each vector itself."""
        done = 0
        with progress("nearest neighbours", len(vectors), "vectors") as advance:

            def tell(n_done: int, _: int) -> None:
                nonlocal done
                advance(n_done - done)
                done = n_done

            found = self._search.nearest(
                vectors, self.n_neighbors, n_jobs=self.n_jobs, progress=tell
            )
        # The nearest fitted vector of a fitted one is itself; only equal ones have a cosine of 1.
        itself = (found.similarity[:, :1] == 1).astype(np.int64)
        columns = np.arange(self.n_neighbors - 1) + itself
        rows = np.take_along_axis(found.row, columns, 1)
        weights = np.take_along_axis(found.similarity, columns, 1)
        return rows, np.where(rows < 0, 0, np.maximum(weights, 0)).astype(np.float32)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_states")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _plain_state(self) -> dict[str, Any]:
        return {name: value for name, value in super()._plain_state().items() if name != "_search"}

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if "_states" in state:
            self._search = NeighborSearch(state["_states"][0])


def _means(own: Floats, state: Floats, rows: npt.NDArray[np.int32], weights: Floats) -> Floats:
    """Add to vectors those of their neighbours, one after the other, and make the sums length 1."""
    out = np.empty_like(own)
    for start in range(0, len(own), ROWS):
        part = slice(start, start + ROWS)
        total = own[part].copy()
        for column in range(rows.shape[1]):
            total += weights[part, column, None] * state[rows[part, column]]
        out[part] = total
    return _of_length_one(out)


def _of_length_one(vectors: Floats) -> Floats:
    lengths = np.sqrt(squares(vectors))
    lengths[lengths == 0] = 1
    return np.asarray(vectors / lengths[:, None], dtype=np.float32)
