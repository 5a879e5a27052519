"""Topics over time or by group: shares with intervals."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from skm2v._checks import is_number, some
from skm2v._clustering.drawing import axes
from skm2v._clustering.groups import read_labels
from skm2v._clustering.periods import Period, split_times
from skm2v._clustering.shares_html import render_shares

__all__ = ["ClusterShare", "ClusterShares", "cluster_shares"]

MOST_GROUPS = 200

STYLES = ("-", "--", "-.", ":")
MARKERS = "osD^vP"


class ClusterShare(NamedTuple):
    """How many texts of a period or group are in a cluster.

    Attributes
    ----------
    group : object
        The period or value: a ``numpy.datetime64`` for periods.
    label : int or str
        The cluster.
    n_texts, total : int
        Texts of the group in the cluster, and in all.
    share, low, high : float
        ``n_texts / total`` and its interval.

    Examples
    --------
    >>> from skm2v.clustering import cluster_shares
    >>> share = cluster_shares([0, 0, 1, 0], by=["mail", "mail", "mail", "chat"]).rows()[0]
    >>> share.group, share.label, share.n_texts, share.total
    ('chat', 0, 1, 1)
    """

    group: Any
    label: Any
    n_texts: int
    total: int
    share: float
    low: float
    high: float


ClusterShare.__module__ = "skm2v.clustering"


class ClusterShares:
    """Shares of clusters in the texts of each period or group.

    Parameters
    ----------
    groups : list
        Periods or values, in their order.
    labels : list
        Clusters, the largest one first.
    counts : ndarray of int64 of shape (n_groups, n_labels)
        Texts of each group in each cluster.
    totals : ndarray of int64 of shape (n_groups,)
        Texts of each group, those without a cluster included.
    low, high : ndarray of float64 of shape (n_groups, n_labels)
        Bounds of the intervals.
    are_periods : bool
        Whether groups are periods, and in order of time.

    Examples
    --------
    >>> from skm2v.clustering import cluster_shares
    >>> shares = cluster_shares([0, 0, 1, 0], by=["mail", "mail", "mail", "chat"])
    >>> shares.groups
    ['chat', 'mail']
    >>> shares.shares.round(2)
    array([[1.  , 0.  ],
           [0.67, 0.33]])
    """

    __module__ = "skm2v.clustering"

    def __init__(
        self,
        groups: list[Any],
        labels: list[Any],
        counts: npt.NDArray[np.int64],
        totals: npt.NDArray[np.int64],
        low: npt.NDArray[np.float64],
        high: npt.NDArray[np.float64],
        are_periods: bool,
    ) -> None:
        self.groups, self.labels, self.counts, self.totals = groups, labels, counts, totals
        self.low, self.high, self.are_periods = low, high, are_periods

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """Shares of shape (n_groups, n_labels); NaN for a period without texts."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.counts / self.totals[:, None])

    def rows(self) -> list[ClusterShare]:
        """Return one row for each group and cluster.

        Returns
        -------
        rows : list of ClusterShare
            Group by group.
        """
        shares = self.shares
        return [
            ClusterShare(
                group,
                label,
                int(self.counts[i, j]),
                int(self.totals[i]),
                float(shares[i, j]),
                float(self.low[i, j]),
                float(self.high[i, j]),
            )
            for i, group in enumerate(self.groups)
            for j, label in enumerate(self.labels)
        ]

    def to_frame(self) -> Any:
        """Return a data frame of pandas with a row for each group and cluster.

        Returns
        -------
        frame : pandas.DataFrame
            With the fields of :class:`ClusterShare` as columns.
        """
        import pandas

        return pandas.DataFrame(self.rows(), columns=ClusterShare._fields)

    def plot(
        self,
        labels: Any = None,
        *,
        n_clusters: int = 6,
        names: dict[Any, str] | None = None,
        ax: Any = None,
    ) -> Any:
        """Draw shares with their intervals: lines over periods, dots by group.

        Parameters
        ----------
        labels : list or None, default=None
            Clusters to draw; None means those whose share differs most between groups.
        n_clusters : int, default=6
            Number of these.
        names : dict or None, default=None
            Names of clusters, such as ``table.names``.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        ax : matplotlib.axes.Axes
            The axes that were drawn on.
        """
        chosen = self._chosen(labels, n_clusters)
        ax = axes(ax, (8, 4.5))
        shares = 100 * self.shares
        places: Any = np.array(self.groups) if self.are_periods else np.arange(len(self.groups))
        for number, label in enumerate(chosen):
            j = self.labels.index(label)
            low, high = 100 * self.low[:, j], 100 * self.high[:, j]
            shade = str(0.65 * number / max(len(chosen) - 1, 1))  # of grey, for any printer
            text = str((names or {}).get(label, label))
            marker = MARKERS[number % len(MARKERS)]
            if self.are_periods:
                line = STYLES[number % len(STYLES)]
                ax.fill_between(places, low, high, color=shade, alpha=0.15, linewidth=0)
                ax.plot(places, shares[:, j], line, color=shade, marker=marker, ms=4, label=text)
            else:
                shift = (number - (len(chosen) - 1) / 2) * 0.8 / max(len(chosen), 1)
                errors = np.maximum([shares[:, j] - low, high - shares[:, j]], 0)
                ax.errorbar(
                    places + shift, shares[:, j], errors, fmt=marker, color=shade, ms=5, label=text
                )
        if not self.are_periods:
            ax.set_xticks(places, [str(group) for group in self.groups])
        ax.set_ylabel("share of texts, %")
        ax.set_ylim(bottom=0)
        ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
        return ax

    def to_html(
        self, labels: Any = None, *, n_clusters: int = 6, names: dict[Any, str] | None = None
    ) -> str:
        """Return an HTML fragment with its own style and without scripts.

        Parameters
        ----------
        labels : list or None, default=None
            Clusters to show; None means those whose share differs most between groups.
        n_clusters : int, default=6
            Number of these.
        names : dict or None, default=None
            Names of clusters, such as ``table.names``.

        Returns
        -------
        html : str
            A curve over periods, or a bar for each group, with intervals.
        """
        return render_shares(self, names or {}, self._chosen(labels, n_clusters))

    def _repr_html_(self) -> str:
        return self.to_html()

    def _chosen(self, labels: Any, n_clusters: int) -> list[Any]:
        """Clusters to show."""
        chosen = self.most_different(n_clusters) if labels is None else list(labels)
        unknown = [label for label in chosen if label not in self.labels]
        if unknown:
            raise ValueError(f"There is no cluster {some(unknown)}; there are {some(self.labels)}.")
        return chosen

    def most_different(self, n: int = 6) -> list[Any]:
        """Return labels of the clusters whose share differs most between groups, beside chance.

        Parameters
        ----------
        n : int, default=6
            Number of labels.

        Returns
        -------
        labels : list
            In descending order of the chi-square statistic of the cluster's counts.
        """
        overall = self.counts.sum(axis=0) / max(self.totals.sum(), 1)
        expected = self.totals[:, None] * overall
        with np.errstate(invalid="ignore", divide="ignore"):
            terms = (self.counts - expected) ** 2 / (expected * (1 - overall))
        order = np.argsort(-np.nan_to_num(terms).sum(axis=0), kind="stable")
        return [self.labels[j] for j in order[:n].tolist()]

    def __repr__(self) -> str:
        kind = "periods" if self.are_periods else "groups"
        return f"<ClusterShares: {len(self.labels)} clusters in {len(self.groups)} {kind}>"


def cluster_shares(
    labels: Any, by: Any, *, period: Period | None = None, confidence: float = 0.95
) -> ClusterShares:
    """Count how large each cluster is over time, or by group.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Clusters. The integer -1 means none; such texts count in the total only.
    by : array-like of shape (n,)
        A column beside the texts: dates and times, or values of a few groups. Strings are groups;
        ``numpy.array(column, dtype="datetime64")`` makes dates of ISO strings.
    period : {"year", "quarter", "month", "week", "day", "hour"} or None, default=None
        Length of periods, where `by` has times. None takes the longest which makes six of them.
        Weeks begin on Mondays.
    confidence : float, default=0.95
        Of the intervals, which are those of Wilson.

    Returns
    -------
    shares : ClusterShares
        With `rows`, `to_frame`, `plot`. Periods without texts are there, with a share of NaN.

    References
    ----------
    E. B. Wilson. Probable Inference, the Law of Succession, and Statistical Inference. Journal of
    the American Statistical Association, 1927. https://doi.org/10.1080/01621459.1927.10502953

    Examples
    --------
    >>> from skm2v.clustering import cluster_shares
    >>> shares = cluster_shares([0, 0, 1, 1], ["mail", "mail", "mail", "chat"])
    >>> [(row.group, row.label, row.n_texts, row.total) for row in shares.rows()]
    [('chat', 0, 0, 1), ('chat', 1, 1, 1), ('mail', 0, 2, 3), ('mail', 1, 1, 3)]
    """
    if not is_number(confidence) or not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1; got {confidence!r}.")
    names, codes = read_labels(labels, None)
    groups, places, are_periods = _grouped(by, len(codes), period)
    counts = np.zeros((len(groups), len(names)), dtype=np.int64)
    kept = codes >= 0
    np.add.at(counts, (places[kept], codes[kept]), 1)
    totals = np.bincount(places, minlength=len(groups))
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    counts = counts[:, order]
    low, high = wilson(counts, totals[:, None], confidence)
    return ClusterShares(
        groups, [names[j] for j in order.tolist()], counts, totals, low, high, are_periods
    )


def wilson(
    counts: npt.NDArray[np.int64], totals: npt.NDArray[np.int64], confidence: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Bounds of Wilson's interval of shares; 0 and 1 where there is nothing to count."""
    z = norm.ppf(0.5 + confidence / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = counts / totals
        middle = (share + z**2 / (2 * totals)) / (1 + z**2 / totals)
        half = z * np.sqrt(share * (1 - share) / totals + z**2 / (4 * totals**2.0))
        half /= 1 + z**2 / totals
    low = np.where(counts == 0, 0.0, np.maximum(middle - half, 0))
    high = np.where(counts == totals, 1.0, np.minimum(middle + half, 1))
    nothing = np.broadcast_to(totals == 0, low.shape)
    return np.where(nothing, 0.0, low), np.where(nothing, 1.0, high)


def _grouped(by: Any, n: int, period: str | None) -> tuple[list[Any], npt.NDArray[np.int64], bool]:
    """Groups in order, the place of each row among them, and whether they are periods."""
    array = np.asarray(by.to_numpy() if hasattr(by, "to_numpy") else by)
    if array.dtype.kind == "O" and len(array) and all(hasattr(v, "year") for v in array.tolist()):
        array = np.array([np.datetime64(v, "s") for v in _without_zone(array.tolist())])
    if array.shape != (n,):
        raise ValueError(f"by must have a value for each of {n} labels; got shape {array.shape}.")
    if array.dtype.kind == "M":
        _refuse(np.flatnonzero(np.isnat(array)))
        return (*split_times(array, period), True)
    if period is not None:
        raise TypeError(
            f"period is for dates and times; by has dtype {array.dtype}. Fix:"
            " numpy.array(column, dtype='datetime64') for ISO strings."
        )
    if array.dtype.kind == "O":
        missing = [row for row, one in enumerate(array.tolist()) if one is None or one != one]
    else:
        missing = np.flatnonzero(np.isnan(array)).tolist() if array.dtype.kind == "f" else []
    _refuse(missing)
    groups, places = np.unique(array, return_inverse=True)
    if len(groups) > MOST_GROUPS:
        raise ValueError(
            f"by has {len(groups):,} different values, of which shares would say nothing; at most"
            f" {MOST_GROUPS} make sense. Fix: for numbers, numpy.digitize(column, bounds); for ISO"
            " dates, numpy.array(column, dtype='datetime64')."
        )
    return groups.tolist(), places, False


def _refuse(missing: Any) -> None:
    if len(missing):
        raise ValueError(
            f"by must not be missing; rows {some(missing)} are. Fix: leave these rows out."
        )


def _without_zone(times: list[Any]) -> list[Any]:
    """Times as they are on the clocks where they were taken."""
    return [time.replace(tzinfo=None) if getattr(time, "tzinfo", None) else time for time in times]
