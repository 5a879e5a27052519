"""Weights chosen by labelled queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_count, is_number, require
from skm2v._search.fusion import Weights, best_documents
from skm2v._search.index import Index
from skm2v._search.ranking import ranking_metrics, read_relevance
from skm2v._search.reranking import blend, second_scores

if TYPE_CHECKING:
    from skm2v._search.base import FittedIndex

__all__ = ["Tuning", "mean_ndcg", "tune"]

Floats = npt.NDArray[np.float64]
K = 10


@dataclass(frozen=True, eq=False)
class Tuning:
    """What :meth:`~skm2v.TextSearcher.tune` tried.

    Attributes
    ----------
    lexical_weight : float
        The best one for all queries.
    rerank_weight : float or None
        The best one; None without a reranker.
    cv_score : float
        Mean nDCG@10 of queries with weights that were chosen on the others.
    scores : ndarray of float64 of shape (n_lexical_weights, n_rerank_weights)
        Mean nDCG@10 of all queries for each pair of weights.
    lexical_weights, rerank_weights : ndarray of float64
        Those tried. Without a reranker the latter is [0].
    n_queries : int
        Queries with a relevant document.

    Examples
    --------
    >>> from skm2v import TextSearcher
    >>> documents = ["how to reset a password", "opening hours of the shop", "refunds and returns"]
    >>> searcher = TextSearcher().fit(documents)
    >>> tuning = searcher.tune(["lost password", "when do you open"], [[0], [1]], cv=2).tuning_
    >>> tuning.n_queries, len(tuning.lexical_weights) == len(tuning.scores)
    (2, True)
    """

    lexical_weight: float
    rerank_weight: float | None
    cv_score: float
    scores: Floats
    lexical_weights: Floats
    rerank_weights: Floats
    n_queries: int


Tuning.__module__ = "skm2v.search"


def row_gains(index: Index, relevance: Any, n: int) -> tuple[list[int], list[dict[int, float]]]:
    """Numbers of the queries that count, and for each the relevance of documents by row.

    An id that is not there stands for a document that cannot be found: a row below 0.
    """
    kept, gains = [], []
    known = False
    for number, by_id in enumerate(read_relevance(relevance, n)):
        own: dict[int, float] = {}
        for name, gain in by_id.items():
            there = index.rows_of([name]).tolist()
            known |= bool(there)
            rows = there or [-1 - len(own)]
            own.update(dict.fromkeys(rows, gain))
        if own:
            kept.append(number)
            gains.append(own)
    if not kept:
        raise ValueError("No query has a relevant document, so there is nothing to measure.")
    if not known and len(index):
        raise ValueError(
            "relevance names no document that is there. Fix: name them by their ids, such as"
            f" {index.ids_at(np.array([0]))[0]!r}."
        )
    return kept, gains


def ndcg_of(rows: list[npt.NDArray[np.int64]], gains: list[dict[int, float]]) -> Floats:
    """Compute nDCG@10 of each query."""
    found = np.zeros((len(rows), K))
    for place, (own, judged) in enumerate(zip(rows, gains, strict=True)):
        values = [judged.get(row, 0.0) for row in own[:K].tolist()]
        found[place, : len(values)] = values
    judged_values = [np.array(list(own.values())) for own in gains]
    return ranking_metrics(found, judged_values, (K,))[f"ndcg_at_{K}"]


def mean_ndcg(index: Index, found: list[npt.NDArray[np.int64]], relevance: Any) -> float:
    """Mean nDCG@10 of rows that were found, for the queries that have a relevant document."""
    kept, gains = row_gains(index, relevance, len(found))
    return float(ndcg_of([found[number] for number in kept], gains).mean())


def tune(searcher: FittedIndex, texts: list[str], relevance: Any, weights: Any, cv: Any) -> Tuning:
    """Try weights; see :meth:`skm2v.TextSearcher.tune`."""
    lexical = np.linspace(0, 1, 11).round(1) if weights is None else _numbers(weights)
    index = searcher._index
    kept, gains = row_gains(index, relevance, len(texts))
    require(
        is_count(cv, 2) and cv <= len(kept),
        "cv",
        cv,
        f"a number of folds from 2 to the {len(kept)} queries with a relevant document",
    )
    own = [texts[number] for number in kept]
    second = lexical if searcher.reranker is not None else np.zeros(1)
    # For each query and each pair of weights.
    scores = np.empty((len(own), len(lexical), len(second)))
    for i, weight in enumerate(lexical.tolist()):
        for j, rows in enumerate(_rankings(searcher, own, weight, second)):
            scores[:, i, j] = ndcg_of(rows, gains)
    flat = scores.reshape(len(own), -1)
    folds = np.arange(len(own)) % cv
    held_out = np.empty(len(own))
    for fold in range(cv):
        mine = folds == fold
        held_out[mine] = flat[mine, _best(flat[~mine].mean(axis=0))]
    means = flat.mean(axis=0)
    i_best, j_best = divmod(_best(means), len(second))
    return Tuning(
        float(lexical[i_best]),
        float(second[j_best]) if searcher.reranker is not None else None,
        float(held_out.mean()),
        means.reshape(scores.shape[1:]),
        lexical,
        second,
        len(own),
    )


def _numbers(weights: Any) -> Floats:
    values = list(weights) if isinstance(weights, Iterable) else []
    if not values or not all(is_number(value) and 0 <= value <= 1 for value in values):
        raise ValueError(f"weights must be numbers from 0 to 1; got {weights!r}.")
    return np.array(values, dtype=np.float64)


def _best(means: Floats) -> int:
    """Place of the largest mean; of equal ones the first."""
    return int(np.argmax(means.round(12)))


def _rankings(
    searcher: FittedIndex, texts: list[str], weight: float, second: Floats
) -> list[list[npt.NDArray[np.int64]]]:
    """Rows found for each query, for each weight of the reranker."""
    weights = Weights(weight, float(searcher.k1), float(searcher.b))
    k = K if searcher.reranker is None else max(K, searcher.rerank_top)
    found = list(
        best_documents(searcher._index, searcher._queries(texts), k, weights, None, searcher.n_jobs)
    )
    if searcher.reranker is None:
        return [[own.rows for own in found]]
    lists = [searcher._index.texts.take(own.rows) for own in found]
    asked = list(second_scores(searcher.reranker, texts, lists))
    return [
        [
            own.rows[np.argsort(-blend(own.score, said, share), kind="stable")]
            for own, said in zip(found, asked, strict=True)
        ]
        for share in second.tolist()
    ]
