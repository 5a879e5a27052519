"""Bootstrap intervals and paired comparisons.

Every score of the evaluation comes with `N_REPLICATES` bootstrap replicates of itself. The
resamples depend on the number of items and on nothing else, so the replicates of two models on the
same task are paired: the interval of a difference is read off the differences of their replicates,
and no per-item data have to be kept.

References
----------
B. Efron and R. Tibshirani, *An Introduction to the Bootstrap*, chapters 13 and 16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CONFIDENCE",
    "Difference",
    "bootstrap",
    "bootstrap_mean",
    "bootstrap_two_way",
    "interval",
    "paired_difference",
    "resample_counts",
]

Floats = NDArray[np.float64]

N_REPLICATES = 1000
CONFIDENCE = 0.95
# Counts held at a time: 4 million int64 are 32 MB, whatever the number of items.
_BLOCK_CELLS = 4_000_000


def resample_counts(n_items: int, n_replicates: int = N_REPLICATES) -> Iterator[NDArray[np.int64]]:
    """Yield how often each item is drawn in each bootstrap resample.

    Parameters
    ----------
    n_items : int
        Number of items; every resample draws as many, with replacement.
    n_replicates : int, default=1000
        Number of resamples.

    Yields
    ------
    ndarray of shape (n_block, n_items), int64
        Blocks of resamples, `n_replicates` rows in all; every row sums to `n_items`.
    """
    rng = np.random.default_rng([20_231, n_items])
    step = max(1, _BLOCK_CELLS // max(1, n_items))
    for start in range(0, n_replicates, step):
        n_block = min(step, n_replicates - start)
        drawn = rng.integers(n_items, size=(n_block, n_items))
        drawn += np.arange(n_block)[:, None] * n_items
        yield np.bincount(drawn.ravel(), minlength=n_block * n_items).reshape(n_block, n_items)


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], Floats],
    n_items: int,
    n_replicates: int = N_REPLICATES,
) -> Floats:
    """Bootstrap replicates of a statistic of weighted items.

    Parameters
    ----------
    statistic : callable
        From counts of shape (n_block, n_items) to values of shape (n_block,).
    n_items : int
        Number of items.
    n_replicates : int, default=1000
        Number of replicates.

    Returns
    -------
    ndarray of shape (n_replicates,), float64
    """
    blocks = [statistic(counts) for counts in resample_counts(n_items, n_replicates)]
    return np.concatenate(blocks).astype(np.float64)


def bootstrap_mean(values: Floats, n_replicates: int = N_REPLICATES) -> Floats:
    """Bootstrap replicates of the mean of `values`, of shape (n_items,)."""
    values = np.asarray(values, dtype=np.float64)
    return bootstrap(lambda counts: counts @ values / len(values), len(values), n_replicates)


def bootstrap_two_way(values: Floats, n_replicates: int = N_REPLICATES) -> Floats:
    """Replicates of the mean of a (draws, items) table, resampling draws and items independently.

    This is the interval of a few-shot score: another draw of training samples and another sample of
    test items would both have changed it.
    """
    values = np.asarray(values, dtype=np.float64)
    n_draws, n_items = values.shape
    if n_draws == 1:
        return bootstrap_mean(values[0], n_replicates)
    draws = np.concatenate(list(resample_counts(n_draws, n_replicates))) / n_draws
    replicates, start = [], 0
    for counts in resample_counts(n_items, n_replicates):
        weights = draws[start : start + len(counts)]
        replicates.append(((counts @ values.T) * weights).sum(axis=1) / n_items)
        start += len(counts)
    return np.concatenate(replicates)


def interval(replicates: Floats, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Percentile interval of bootstrap replicates, NaN ones (degenerate resamples) left out."""
    usable = np.asarray(replicates)[~np.isnan(replicates)]
    if len(usable) == 0:
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(usable, [tail, 1 - tail])
    return float(low), float(high)


@dataclass(frozen=True)
class Difference:
    """A paired difference of two scores.

    Attributes
    ----------
    value : float
        First score minus second score.
    low, high : float
        The interval of the difference.
    """

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``"better"``, ``"worse"``, or ``"unclear"`` where the interval holds zero."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "unclear"


def paired_difference(
    score: float, replicates: Floats, other_score: float, other_replicates: Floats
) -> Difference:
    """Compare two scores of the same items through their paired replicates."""
    low, high = interval(np.asarray(replicates) - np.asarray(other_replicates))
    return Difference(score - other_score, low, high)
