"""k-means that comes out the same every time."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.cluster import KMeans
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from skm2v._clustering.order import canonical_order, first_of_equals, one_thread, scattered
from skm2v._doc_link import Documented
from skm2v._fit_context import fit_context
from skm2v._model.state import SealedState

__all__ = ["WardKMeans", "refined", "ward_centers"]

LEAST_SAMPLE, SAMPLE_PER_CLUSTER = 3000, 4

Array = npt.NDArray[Any]


class WardKMeans(SealedState, ClusterMixin, Documented, BaseEstimator):
    """K-means that starts from the groups of a Ward tree.

    k-means finds other groups for every start, and scikit-learn's also for every order of rows.
    Here the start is a hierarchical clustering of a sample, which is drawn from the rows in an
    order of their own: the groups are the same on every run, with any number of threads and for
    any order of rows.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of groups.
    sample_size : int or None, default=None
        Number of rows in the tree; it takes 4 bytes of memory for each pair of these. None means
        3,000, or four for each group.
    max_iter : int, default=300
        Most rounds of k-means after the tree.
    random_state : int or None, default=0
        Draws the sample.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, d)
        Means of the groups.
    labels_ : ndarray of int64 of shape (n,)
        Group of each row. Groups are numbered by size, the largest one is 0.
    n_iter_ : int
        Rounds of k-means.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str of shape (n_features_in_,)
        Names of the columns, if they are all strings.

    See Also
    --------
    sklearn.cluster.KMeans : Starts at random, takes weights of rows.

    References
    ----------
    J. H. Ward. Hierarchical Grouping to Optimize an Objective Function. Journal of the American
    Statistical Association, 1963. https://doi.org/10.1080/01621459.1963.10500845

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.clustering import WardKMeans
    >>> WardKMeans(n_clusters=2).fit_predict(np.array([[5.0], [0.0], [0.1], [0.2]]))
    array([1, 0, 0, 0])
    """

    __module__ = "skm2v.clustering"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "sample_size": [Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        sample_size: int | None = None,
        max_iter: int = 300,
        random_state: Any = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.sample_size = sample_size
        self.max_iter = max_iter
        self.random_state = random_state

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any = None) -> WardKMeans:
        """Group the rows.

        Parameters
        ----------
        X : array-like of shape (n, d)
            At least as many rows as groups.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : WardKMeans
            The fitted clusterer.
        """
        values = validate_data(self, X, dtype=[np.float64, np.float32], accept_large_sparse=False)
        if len(values) < self.n_clusters:
            raise ValueError(
                f"n_samples={len(values)} must be at least n_clusters={self.n_clusters}. Fix: ask"
                " for fewer groups."
            )
        order = canonical_order(values)
        rows = values[order]
        size = self.sample_size or max(LEAST_SAMPLE, SAMPLE_PER_CLUSTER * self.n_clusters)
        size = min(len(rows), max(size, self.n_clusters))
        drawn = check_random_state(self.random_state).permutation(len(rows))[:size]
        with one_thread():
            start = ward_centers(rows[np.sort(drawn)], [self.n_clusters])[0]
            model = refined(rows, start, self.max_iter)
        labels = model.labels_[first_of_equals(rows)]
        sizes = np.bincount(labels, minlength=self.n_clusters)
        # Of groups of one size that with the smaller centre comes first: it has no order of rows.
        by_size = np.lexsort((*model.cluster_centers_.T[::-1], -sizes))
        number = np.empty(self.n_clusters, dtype=np.int64)
        number[by_size] = np.arange(self.n_clusters)
        self.labels_ = scattered(number[labels], order)
        self.cluster_centers_ = model.cluster_centers_[by_size]
        self.n_iter_ = model.n_iter_
        return self

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return the group whose centre is nearest.

        Parameters
        ----------
        X : array-like of shape (n, d)
            Vectors to place.

        Returns
        -------
        labels : ndarray of int64 of shape (n,)
            Group of each row.
        """
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        centers = self.cluster_centers_.astype(rows.dtype)
        with one_thread():
            products = rows @ centers.T
        nearest: npt.NDArray[np.int64] = np.argmax(products - (centers**2).sum(axis=1) / 2, axis=1)
        return nearest


def ward_centers(
    rows: Array, numbers: list[int], distances: npt.NDArray[np.float64] | None = None
) -> list[Array]:
    """Centres of the groups of a Ward tree, for each of some numbers of groups.

    `distances` are those of all pairs of rows, in the order of SciPy's ``pdist``, if they are
    known.
    """
    if len(rows) == 1:
        return [rows.copy() for _ in numbers]
    exact = rows.astype(np.float64)
    tree = linkage(pdist(exact) if distances is None else distances, "ward")
    return [
        _means(exact, labels, number).astype(rows.dtype)
        for labels, number in zip(_cuts(tree, numbers), numbers, strict=True)
    ]


def _cuts(tree: Array, numbers: list[int]) -> list[npt.NDArray[np.int64]]:
    """Groups of rows after so many merges that a number of groups is left, for each number.

    SciPy's `cut_tree` goes through all merges and all rows in Python, which takes as long as the
    tree.
    """
    n = len(tree) + 1
    above = np.arange(2 * n - 1)  # what each row or group was merged into
    children = tree[:, :2].astype(np.int64)
    above[children[:, 0]] = above[children[:, 1]] = n + np.arange(n - 1)
    cuts = []
    for number in numbers:
        step = np.where(above < 2 * n - number, above, np.arange(2 * n - 1))
        while (step[step] != step).any():
            step = step[step]
        cuts.append(np.unique(step[:n], return_inverse=True)[1])
    return cuts


def refined(rows: Array, centers: Array, max_iter: int = 300) -> KMeans:
    """Run k-means from given centres; within :func:`one_thread`, always with the same result."""
    model = KMeans(len(centers), init=centers, n_init=1, max_iter=max_iter, algorithm="lloyd")
    return model.fit(rows)


def _means(rows: Array, labels: Array, number: int) -> Array:
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(number))
    sums = np.add.reduceat(rows[order], starts, axis=0)
    return np.asarray(sums / np.bincount(labels, minlength=number)[:, None])
