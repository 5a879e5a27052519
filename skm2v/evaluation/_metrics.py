"""Metrics that the tasks share: cosine similarity, correlation, ranking, and thresholds.

What scikit-learn and SciPy have is taken from them; the functions with `counts` are their bootstrap
twins, which evaluate many weighted resamples at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import scipy.stats
from numpy.typing import NDArray

__all__ = [
    "Floats",
    "Matrix",
    "average_precision_counts",
    "best_accuracy",
    "best_f1",
    "is_sparse",
    "paired_cosine",
    "spearman",
    "spearman_counts",
    "unit_rows",
]

Floats = NDArray[np.float64]
# A dense (n, d) array or a SciPy sparse matrix: tf-idf baselines stay sparse.
Matrix = Any


def is_sparse(matrix: Matrix) -> bool:
    """Say whether a matrix is a SciPy sparse one."""
    return bool(scipy.sparse.issparse(matrix))


def unit_rows(vectors: Matrix) -> Matrix:
    """Scale rows to length one; zero rows stay zero, so that their cosine with anything is 0."""
    if is_sparse(vectors):
        lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        lengths[lengths == 0] = 1.0
        scaling: Any = scipy.sparse.diags(1.0 / lengths)
        return scaling @ vectors
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1.0
    return vectors / lengths


def paired_cosine(first: Matrix, second: Matrix) -> Floats:
    """Cosine of the rows of two matrices, pair by pair; shape (n,), float64."""
    first, second = unit_rows(first), unit_rows(second)
    if is_sparse(first):
        return np.asarray(first.multiply(second).sum(axis=1), dtype=np.float64).ravel()
    return np.asarray(np.einsum("ij,ij->i", first, second, dtype=np.float64))


def spearman(gold: Floats, similarity: Floats) -> float:
    """Spearman's rank correlation; 0.0 where one side is constant."""
    if np.ptp(gold) == 0 or np.ptp(similarity) == 0:
        return 0.0
    return float(scipy.stats.spearmanr(gold, similarity).statistic)


def _counted_ranks(values: Floats, counts: NDArray[np.int64]) -> Floats:
    """Mid-ranks of `values` within each resample; shape (n_block, n)."""
    unique, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(unique)))
    grouped = np.add.reduceat(counts[:, order], starts, axis=1).astype(np.float64)
    return (np.cumsum(grouped, axis=1) - grouped / 2)[:, group]


def spearman_counts(gold: Floats, similarity: Floats, counts: NDArray[np.int64]) -> Floats:
    """Spearman's correlation of every resample, 0.0 where a side is constant; shape (n_block,)."""
    n_items = counts.sum(axis=1, keepdims=True)
    centred = []
    for values in (gold, similarity):
        ranks = _counted_ranks(values, counts)
        centred.append(ranks - (counts * ranks).sum(axis=1, keepdims=True) / n_items)
    first, second = centred
    covariance = (counts * first * second).sum(axis=1)
    scale = np.sqrt((counts * first**2).sum(axis=1) * (counts * second**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(scale > 0, covariance / scale, 0.0))


def average_precision_counts(
    relevant: NDArray[np.bool_], scores: Floats, counts: NDArray[np.int64]
) -> Floats:
    """Average precision of every resample, ties taken together as scikit-learn does."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    drawn = counts[:, order]
    hits = np.cumsum(drawn * relevant[order], axis=1)[:, ends]
    taken = np.cumsum(drawn, axis=1)[:, ends]
    total = hits[:, -1]
    precision = hits / np.maximum(taken, 1)
    gained = np.diff(hits, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total > 0, (gained * precision).sum(axis=1) / total, np.nan))


def _cut_counts(
    relevant: NDArray[np.bool_], scores: Floats
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Thresholds between distinct scores, with the positives and the rows above each of them.

    The cut below the last row is not among them, as in MTEB: it would call every pair a match.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    cuts = np.flatnonzero(np.diff(ranked) != 0)
    hits = np.cumsum(relevant[order])
    taken = (cuts + 1).astype(np.int64)
    return (ranked[cuts] + ranked[cuts + 1]) / 2, hits[cuts].astype(np.int64), taken


def best_f1(relevant: NDArray[np.bool_], scores: Floats) -> dict[str, float]:
    """Highest F1 over all thresholds, with its precision, recall and threshold.

    Returns
    -------
    dict
        ``f1``, ``precision``, ``recall`` and ``threshold``; zeros where no threshold separates.
    """
    thresholds, hits, taken = _cut_counts(relevant, scores)
    if len(thresholds) == 0 or hits[-1] == 0:
        return {"f1": 0.0, "precision": 0.0, "recall": 0.0, "threshold": 0.0}
    f1 = 2 * hits / (taken + relevant.sum())
    best = int(np.argmax(f1))
    return {
        "f1": float(f1[best]),
        "precision": float(hits[best] / taken[best]),
        "recall": float(hits[best] / relevant.sum()),
        "threshold": float(thresholds[best]),
    }


def best_accuracy(relevant: NDArray[np.bool_], scores: Floats) -> dict[str, float]:
    """Highest accuracy over all thresholds, with its threshold."""
    thresholds, hits, taken = _cut_counts(relevant, scores)
    if len(thresholds) == 0:
        return {"accuracy": 0.0, "accuracy_threshold": 0.0}
    correct = hits + (len(relevant) - relevant.sum()) - (taken - hits)
    best = int(np.argmax(correct))
    return {
        "accuracy": float(correct[best] / len(relevant)),
        "accuracy_threshold": float(thresholds[best]),
    }
