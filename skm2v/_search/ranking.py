"""How good rankings are: nDCG, recall and reciprocal ranks, as trec_eval has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_count, is_integer, is_number, require
from skm2v._search.result import SearchResult

__all__ = ["mrr", "ndcg_at", "ranking_metrics", "read_relevance", "recall_at"]

Floats = npt.NDArray[np.float64]


def ranking_metrics(
    gains: Floats, judged: list[Floats], cutoffs: tuple[int, ...] = (1, 3, 5, 10, 100)
) -> dict[str, Floats]:
    """Per-query ranking metrics with trec_eval's definitions.

    Parameters
    ----------
    gains : ndarray of shape (n_queries, depth), float64
        Relevance of the documents retrieved, best first; 0 for those not relevant or not there.
    judged : list of ndarray
        The positive relevance values of every query, retrieved or not.
    cutoffs : tuple of int
        The cut-offs of nDCG and recall.

    Returns
    -------
    dict of str to ndarray of shape (n_queries,)
        ``ndcg_at_k`` and ``recall_at_k`` for every cut-off, ``map`` and ``mrr`` over the whole
        depth, ``mrr_at_10``.
    """
    depth = gains.shape[1]
    discount = 1 / np.log2(np.arange(2, depth + 2))
    hits = gains > 0
    totals = np.array([len(values) for values in judged], dtype=np.float64)
    if (totals == 0).any():
        n_without = int((totals == 0).sum())
        raise ValueError(f"Every query needs a relevant document; {n_without} have none.")
    metrics: dict[str, Floats] = {}
    for k in cutoffs:
        top = min(k, depth)
        ideal = np.array([_discounted(np.sort(values)[::-1][:k]) for values in judged])
        metrics[f"ndcg_at_{k}"] = gains[:, :top] @ discount[:top] / ideal
        metrics[f"recall_at_{k}"] = hits[:, :top].sum(axis=1) / totals
    precision = np.cumsum(hits, axis=1) / np.arange(1, depth + 1)
    metrics["map"] = (precision * hits).sum(axis=1) / totals
    reciprocal = (hits / np.arange(1, depth + 1)).max(axis=1, initial=0.0)
    metrics["mrr"] = reciprocal
    top = min(depth, 10)
    metrics["mrr_at_10"] = (hits[:, :top] / np.arange(1, top + 1)).max(axis=1, initial=0.0)
    return metrics


def _discounted(gains: Floats) -> float:
    return float(gains @ (1 / np.log2(np.arange(2, len(gains) + 2))))


def read_relevance(relevance: Any, n_queries: int) -> list[dict[Any, float]]:
    """For each query the relevance of documents, by id, of those where it is above 0.

    Parameters
    ----------
    relevance : column of ids, collections of ids, or mappings of id to number
    n_queries : int

    Raises
    ------
    TypeError, ValueError
        If it is something else, or has not one for each query.
    """
    if isinstance(relevance, (str, bytes, Mapping)) or not isinstance(relevance, Iterable):
        raise TypeError(
            "relevance must have the relevant ids of each query, such as [{'a', 'b'}, {'c'}]; got"
            f" {type(relevance).__name__}."
        )
    values = list(relevance.tolist() if hasattr(relevance, "tolist") else relevance)
    if len(values) != n_queries:
        raise ValueError(
            f"relevance must have an item for each of {n_queries} queries; got {len(values)}."
        )
    return [_gains(value, row) for row, value in enumerate(values)]


def _gains(value: Any, row: int) -> dict[Any, float]:
    if isinstance(value, str) or is_integer(value):
        return {value: 1.0}
    if isinstance(value, Mapping):
        bad = [gain for gain in value.values() if not is_number(gain)]
        if bad:
            raise ValueError(f"Relevance must be a number; got {bad[0]!r} in row {row}.")
        return {name: float(gain) for name, gain in value.items() if gain > 0}
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return dict.fromkeys(value, 1.0)
    raise TypeError(
        "The relevance of a query must be an id, ids, or a mapping of ids to numbers; got"
        f" {type(value).__name__} in row {row}."
    )


def _metric(found: Any, relevance: Any, k: Any, name: str, cutoffs: tuple[int, ...]) -> float:
    require(k is None or is_count(k), "k", k, "a positive integer")
    if isinstance(found, SearchResult):
        found = [[hit.id for hit in hits] for hits in found]
    rankings = [list(dict.fromkeys(ranking)) for ranking in found]
    judged = read_relevance(relevance, len(rankings))
    kept = [row for row, gains in enumerate(judged) if gains]
    if not kept:
        raise ValueError("No query has a relevant document, so there is nothing to measure.")
    depth = max([1, *(len(rankings[row]) for row in kept)])
    gains = np.zeros((len(kept), depth if k is None else min(depth, k)))
    for place, row in enumerate(kept):
        own = [judged[row].get(name, 0.0) for name in rankings[row][: gains.shape[1]]]
        gains[place, : len(own)] = own
    values = [np.array(list(judged[row].values())) for row in kept]
    return float(ranking_metrics(gains, values, cutoffs)[name].mean())


def ndcg_at(found: SearchResult | Sequence[Sequence[Any]], relevance: Any, k: int = 10) -> float:
    """Mean normalised discounted cumulative gain of the first `k` documents.

    Parameters
    ----------
    found : SearchResult or sequence of sequences of ids
        For each query the ids found, the best ones first. Of an id that comes again the first place
        counts.
    relevance : sequence
        For each query the relevant id, ids, or a mapping of ids to their relevance. Queries without
        a relevant document are left out, as in trec_eval.
    k : int, default=10
        How many documents count.

    Returns
    -------
    ndcg : float
        From 0 to 1.

    References
    ----------
    K. Järvelin, J. Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM Transactions
    on Information Systems 20(4), 2002. https://doi.org/10.1145/582415.582418

    Examples
    --------
    >>> from skm2v.evaluation import ndcg_at
    >>> ndcg_at([["a", "b", "c"]], [{"a", "c"}])
    0.9197207891481876
    """
    return _metric(found, relevance, k, f"ndcg_at_{k}", (k,))


def recall_at(found: SearchResult | Sequence[Sequence[Any]], relevance: Any, k: int = 100) -> float:
    """Mean share of the relevant documents that are among the first `k`.

    Parameters
    ----------
    found, relevance : as for :func:`ndcg_at`
        What was found for each query, and what is relevant to it.
    k : int, default=100
        How many documents count.

    Returns
    -------
    recall : float
        From 0 to 1.

    Examples
    --------
    >>> from skm2v.evaluation import recall_at
    >>> recall_at([["a", "b", "c"]], [{"a", "d"}], k=3)
    0.5
    """
    return _metric(found, relevance, k, f"recall_at_{k}", (k,))


def mrr(
    found: SearchResult | Sequence[Sequence[Any]], relevance: Any, k: int | None = None
) -> float:
    """Mean of one divided by the rank of the first relevant document; 0 where there is none.

    Parameters
    ----------
    found, relevance : as for :func:`ndcg_at`
        What was found for each query, and what is relevant to it.
    k : int or None, default=None
        How many documents count; None means all.

    Returns
    -------
    mrr : float
        From 0 to 1.

    Examples
    --------
    >>> from skm2v.evaluation import mrr
    >>> mrr([["a", "b"], ["c", "d"]], [{"a"}, {"d"}])
    0.75
    """
    return _metric(found, relevance, k, "mrr", ())
