"""How many groups there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.spatial.distance import squareform
from sklearn.base import clone
from sklearn.utils import check_random_state

from skm2v._checks import is_count, some
from skm2v._clustering.drawing import axes
from skm2v._clustering.kmeans import refined, ward_centers
from skm2v._clustering.order import canonical_order, one_thread
from skm2v._pairs.vectors import check_vectors
from skm2v._progress import progress

__all__ = ["ClusterChoice", "choose_n_clusters", "silhouettes"]

# Numbers that are told apart: with one in between, scores hardly differ.
STEPS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300)
# Most rows that make groups, for each of those that judge them; and least ones for a group.
MAKERS, LEAST_OF_GROUP = 1.5, 4
# After so many samples, numbers that are worse than the best one by so many standard errors are
# given up. They decide about time more than about results.
EARLY, HOPELESS = 4, 4

Floats = npt.NDArray[np.float64]


class ClusterChoice:
    """Numbers of groups and how well they do.

    Parameters
    ----------
    ks : ndarray of int64 of shape (n_ks,)
        Numbers of groups, ascending.
    scores : ndarray of float64 of shape (n_ks, n_splits)
        Mean silhouettes of texts that did not make the groups; NaN for splits in which a number
        was not tried any more, as it was hopeless by then.

    Attributes
    ----------
    n_clusters : int
        The middle of the numbers that nobody could tell from the best one (`as_good`). Where texts
        fall into a few groups, and these into many, both as good, it is the middle of the latter.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.clustering import ClusterChoice
    >>> scores = np.array([[0.10, 0.12], [0.31, 0.30], [0.20, 0.22]])
    >>> choice = ClusterChoice(np.array([2, 3, 4]), scores)
    >>> choice.n_clusters
    3
    """

    __module__ = "skm2v.clustering"

    def __init__(self, ks: npt.NDArray[np.int64], scores: Floats) -> None:
        self.ks, self.scores = ks, scores
        mean, good = np.nanmean(scores, axis=1), np.isin(ks, self.as_good)
        # The last run of numbers that are as good, without worse ones in between.
        last = int(np.flatnonzero(good)[-1])
        worse = np.flatnonzero(~good[:last])
        run = np.arange(int(worse[-1]) + 1 if len(worse) else 0, last + 1)
        # Which of them scores best is chance; the middle, where they lie evenly on a logarithmic
        # scale, is what to expect. Of two that are as near to it, the better one.
        middle = np.sqrt(float(ks[run[0]]) * float(ks[run[-1]]))
        away = np.abs(np.log(ks[run] / middle)).round(6)
        self.n_clusters = int(ks[run[np.lexsort((-mean[run], away))[0]]])

    @property
    def as_good(self) -> list[int]:
        """Numbers that are not worse than the best one beyond chance.

        Those whose difference to it, over the splits, is within twice its standard error.
        """
        # Those given up are none of these.
        whole = ~np.isnan(self.scores).any(axis=1)
        scores = self.scores[whole]
        lost = scores[scores.mean(axis=1).argmax()] - scores
        n = lost.shape[1]
        error = lost.std(axis=1, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(len(lost))
        return [int(k) for k in self.ks[whole][lost.mean(axis=1) <= 2 * error]]

    def to_frame(self) -> Any:
        """Return a data frame of pandas: n_clusters, silhouette and its standard deviation.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each number of groups.
        """
        import pandas

        return pandas.DataFrame(
            {
                "n_clusters": self.ks,
                "silhouette": np.nanmean(self.scores, axis=1),
                "deviation": np.nanstd(self.scores, axis=1),
            }
        )

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the curve with matplotlib.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        ax : matplotlib.axes.Axes
            The axes that were drawn on.
        """
        ax = axes(ax, (7, 3.5))
        mean, deviation = np.nanmean(self.scores, axis=1), np.nanstd(self.scores, axis=1)
        ax.fill_between(self.ks, mean - deviation, mean + deviation, color="0.85", linewidth=0)
        ax.plot(self.ks, mean, "o-", color="black", markersize=4)
        ax.axvline(self.n_clusters, color="black", linestyle=":")
        ax.annotate(
            f" {self.n_clusters}", (self.n_clusters, mean.max()), va="bottom", fontweight="bold"
        )
        ax.set_xscale("log")
        ax.set_xticks(self.ks, [str(k) for k in self.ks.tolist()], rotation=90, fontsize=8)
        ax.minorticks_off()
        ax.set_xlabel("number of groups")
        ax.set_ylabel("silhouette")
        return ax

    def __str__(self) -> str:
        good = set(self.as_good)
        lines = ["groups  silhouette"]
        mean = np.nanmean(self.scores, axis=1)
        for k, score in zip(self.ks.tolist(), mean.tolist(), strict=True):
            note = "  chosen" if k == self.n_clusters else "  as good" if k in good else ""
            lines.append(f"{k:6}  {score:10.4f}{note}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<ClusterChoice: {self.n_clusters} groups, as good: {self.as_good}>"


def choose_n_clusters(
    vectors: Any,
    ks: Any = None,
    *,
    clusterer: Any = None,
    sample_size: int = 2000,
    n_splits: int = 10,
    random_state: Any = 0,
) -> ClusterChoice:
    """Find out how many groups vectors fall into.

    Groups are made of some rows and judged by others: each of these goes to the nearest centre, and
    the silhouette says how much nearer it is to the rows of its group than to those of the next.
    Judged by the rows that made them, more groups are always better.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
        Vectors as the embedder makes them. Those of a
        :class:`~skm2v.clustering.NeighborAverager` look like groups of any number.
    ks : sequence of int or None, default=None
        Numbers to try. None means 2, 3, 4, 5, 6, 8, 10, 12, 15, 20 and so on up to 300, as far as
        there are rows enough: with finer steps, chance decides.
    clusterer : estimator or None, default=None
        Makes groups; it is cloned and gets its parameter `n_clusters`. None means k-means from a
        Ward tree, as :class:`~skm2v.clustering.WardKMeans` does it.
    sample_size : int, default=2000
        Most rows that judge; half as many again make groups.
    n_splits : int, default=10
        Number of samples. Numbers that are hopeless after four of them are not tried on the others.
    random_state : int, RandomState or None, default=0
        Draws the samples.

    Returns
    -------
    choice : ClusterChoice
        ``n_clusters``; the curve with its spread, as a table and a plot; and ``as_good``, other
        numbers that nobody could tell from it.

    Raises
    ------
    ValueError
        If there are too few different rows, or a number is too large for them.

    References
    ----------
    P. J. Rousseeuw. Silhouettes: a Graphical Aid to the Interpretation and Validation of Cluster
    Analysis. 1987. https://doi.org/10.1016/0377-0427(87)90125-7

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.clustering import choose_n_clusters
    >>> rng = np.random.default_rng(0)
    >>> vectors = np.repeat(np.eye(4), 20, axis=0) + 0.05 * rng.standard_normal((80, 4))
    >>> choose_n_clusters(vectors).n_clusters
    4
    """
    if not is_count(sample_size, 4) or not is_count(n_splits):
        raise ValueError(
            "sample_size must be at least 4 and n_splits at least 1; got"
            f" {sample_size!r} and {n_splits!r}."
        )
    checked = check_vectors(vectors)
    lengths = np.sqrt(checked.squares[checked.rows])
    rows = (checked.values[checked.rows] / lengths[:, None]).astype(np.float32)
    # A text that stands there often is one text, which would be in both samples.
    rows = rows[canonical_order(rows)]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    rows = rows[new]
    n_judges = min(sample_size, len(rows) // 2)
    n_makers = min(len(rows) - n_judges, int(MAKERS * sample_size))
    numbers = _numbers(ks, n_makers)
    random = check_random_state(random_state)
    scores = np.full((len(numbers), n_splits), np.nan)
    places = np.arange(len(numbers))  # of the numbers that are still tried
    with progress("choosing the number of groups", n_splits, "samples") as advance:
        for split in range(n_splits):
            if split == EARLY:
                places = np.flatnonzero(_may_be_best(scores[:, :EARLY]))
            drawn = random.permutation(len(rows))
            judges, makers = rows[drawn[:n_judges]], rows[drawn[n_judges:][:n_makers]]
            with one_thread():
                tried = [numbers[place] for place in places.tolist()]
                scores[places, split] = _split_scores(judges, makers, tried, clusterer)
            advance(1)
    return ClusterChoice(np.array(numbers), scores)


def _may_be_best(scores: Floats) -> npt.NDArray[np.bool_]:
    """Whether each number is not so far from the best one that more samples are wasted on it."""
    lost = scores[scores.mean(axis=1).argmax()] - scores
    error = lost.std(axis=1, ddof=1) / np.sqrt(lost.shape[1])
    return np.asarray(lost.mean(axis=1) <= HOPELESS * error)


def _numbers(ks: Any, n_makers: int) -> list[int]:
    if ks is None:
        numbers = [k for k in STEPS if LEAST_OF_GROUP * k <= n_makers]
        if not numbers:
            raise ValueError(
                f"There are too few different vectors to choose a number of groups: {n_makers} in a"
                " sample. Fix: give the number yourself (n_topics of find_topics)."
            )
        return numbers
    numbers = sorted(set(ks))
    wrong = [k for k in numbers if not is_count(k, 2) or k > n_makers]
    if wrong or not numbers:
        raise ValueError(
            f"ks must be integers from 2 to {n_makers}, the number of different rows in a sample;"
            f" got {some(wrong) or 'none'}."
        )
    return [int(k) for k in numbers]


def _split_scores(
    judges: npt.NDArray[np.float32],
    makers: npt.NDArray[np.float32],
    numbers: list[int],
    clusterer: Any,
) -> list[float]:
    """Silhouette of the judges for each number of groups."""
    distances = _distances(judges)
    starts: list[Any] = [None] * len(numbers)
    if clusterer is None:
        # One product; `pdist` takes as long as all the rest of the tree.
        between = squareform(_distances(makers.astype(np.float64)), checks=False)
        starts = list(ward_centers(makers, numbers, between))
    scores = []
    for number, start in zip(numbers, starts, strict=True):
        if start is not None:
            centers = refined(makers, start, max_iter=30).cluster_centers_
        else:
            labels = clone(clusterer).set_params(n_clusters=number).fit_predict(makers)
            there = np.unique(labels[labels >= 0])
            centers = np.stack([makers[labels == label].mean(axis=0) for label in there])
        nearest = np.argmax(judges @ centers.T - (centers**2).sum(axis=1) / 2, axis=1)
        scores.append(float(silhouettes(distances, nearest).mean()))
    return scores


def _distances(units: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Distances of all pairs of vectors of length 1."""
    distances = np.sqrt(np.maximum(2 - 2 * units @ units.T, 0))
    np.fill_diagonal(distances, 0)
    return np.asarray(distances)


def silhouettes(distances: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> Floats:
    """Silhouettes of rows, from all their distances; 0 for the only row of a group.

    scikit-learn's takes these apart row by row for each set of labels; here it is one product with
    a sparse matrix, as each row is in one group.
    """
    _, labels = np.unique(labels, return_inverse=True)
    sizes = np.bincount(labels)
    rows = np.arange(len(labels))
    member = csr_array((np.ones(len(labels), distances.dtype), (labels, rows)))
    sums = (member @ distances).astype(np.float64)
    own = sums[labels, rows] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes[:, None]
    means[labels, rows] = np.inf
    other = means.min(axis=0)
    if len(sizes) == 1:
        return np.zeros(len(labels))
    with np.errstate(invalid="ignore"):
        values = np.nan_to_num((other - own) / np.maximum(own, other))
    values[sizes[labels] == 1] = 0
    return np.asarray(values)
