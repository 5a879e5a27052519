"""The best documents by cosine and BM25 together, exactly.

A document has the score ``(1 - w) * cosine + w * bm25 / (largest bm25 of the query)``. To find the
k best ones, not all are scored. Those with the most words of the query are: they tell what score
the others have to reach, and with fewer words or none, what cosine. If there can be such cosines,
the nearest vectors are looked for; any other document has at most the cosine of the last one of
them. What then can still be among the best is scored one by one.

References
----------
.. [1] R. Fagin, A. Lotem, M. Naor, Optimal aggregation algorithms for middleware. Journal of
   Computer and System Sciences 66(4), 2003. https://doi.org/10.1016/S0022-0000(03)00026-6

.. [2] S. Bruch, S. Gai, A. Ingber, An analysis of fusion functions for hybrid retrieval. ACM
   Transactions on Information Systems 42(1), 2023. https://doi.org/10.1145/3596512
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._search.index import Index

__all__ = ["Found", "Query", "Weights", "best_documents", "score_all"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

# Nearest vectors beyond those that are wanted, and documents with words that are scored at once.
# The more, the fewer are left to score; and where the best ones have enough words, vectors that are
# near need not be looked for. They decide about time only.
EXTRA, SCORED = 30, 300
# Queries that are answered at a time: so many that their scores of all documents are 128 MB, and no
# more than a pass over the vectors is worth.
CELLS, QUERIES = 1 << 24, 256
NO_ROWS, NO_COSINES = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
# What a bound may lose to rounding.
SLACK = 1e-6


class Query(NamedTuple):
    """A query as numbers.

    Attributes
    ----------
    vector : ndarray of float32 of shape (d,)
    terms : dict of str to int
        How often it has each term.
    """

    vector: npt.NDArray[np.float32]
    terms: dict[str, int]


class Weights(NamedTuple):
    """Parameters of a score."""

    lexical: float
    k1: float
    b: float


class Found(NamedTuple):
    """Documents and their scores.

    Attributes
    ----------
    rows : ndarray of int64 of shape (n,)
    score, cosine, words : ndarray of float64 of shape (n,)
        Score, and what it is made of: the cosine and the share of the largest BM25.
    bm25 : ndarray of float64 of shape (n,)
    """

    rows: Rows
    score: Floats
    cosine: Floats
    words: Floats
    bm25: Floats

    def take(self, which: Rows) -> Found:
        """Return some of the documents."""
        return Found(
            self.rows[which],
            self.score[which],
            self.cosine[which],
            self.words[which],
            self.bm25[which],
        )


def best_documents(
    index: Index,
    queries: list[Query],
    k: int,
    weights: Weights,
    permitted: npt.NDArray[np.bool_] | None = None,
    n_jobs: int | None = None,
) -> Iterator[Found]:
    """Yield for each query the `k` documents with the largest scores above zero.

    Parameters
    ----------
    index : Index
    queries : list of Query
    k : int
    weights : Weights
    permitted : ndarray of bool of shape (n_documents,) or None, default=None
        Which documents may be found. The scores of these do not depend on the others being left
        out.
    n_jobs : int or None, default=None
        Number of threads that compare vectors.
    """
    step = max(1, min(QUERIES, CELLS // max(len(index), 1)))
    for start in range(0, len(queries), step):
        part = queries[start : start + step]
        hits = [_Hits(index, query, k, weights, permitted) for query in part]
        near = _nearest(index, hits, k, permitted, n_jobs)
        for own in hits:
            yield own.finish(*next(near)) if own.reaches else own.finish(NO_ROWS, NO_COSINES)


def _nearest(
    index: Index,
    hits: list[_Hits],
    k: int,
    permitted: npt.NDArray[np.bool_] | None,
    n_jobs: int | None,
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]]:
    """Nearest vectors for the queries that need them, all compared at once."""
    asking = [own for own in hits if own.reaches]
    if not asking:
        return iter(())
    found = index.dense.nearest(
        np.stack([own.query.vector for own in asking]),
        min(k + EXTRA, len(index)),
        minimum=min(own.least_cosine for own in asking),
        permitted=permitted,
        n_jobs=n_jobs,
    )
    return zip(found.row, found.similarity, strict=True)


class _Hits:
    """Documents with words of a query, of which the best are scored.

    Attributes
    ----------
    least_cosine : float
        A document that is not scored yet can be among the best only with a cosine of so much,
        unless it is one of `rest`.
    reaches : bool
        Whether a cosine can be so large.
    """

    def __init__(
        self,
        index: Index,
        query: Query,
        k: int,
        weights: Weights,
        permitted: npt.NDArray[np.bool_] | None,
    ) -> None:
        self.index, self.query, self.k, self.w = index, query, k, weights.lexical
        self.bm25 = index.postings.bm25(query.terms, weights.k1, weights.b)
        self.largest = float(self.bm25.max(initial=0.0)) or 1.0
        # By way of booleans, whose places are found four times as fast as those of numbers.
        rows = np.flatnonzero(self.bm25 > 0) if self.w > 0 else np.zeros(0, np.int64)
        if permitted is not None:
            rows = rows[permitted[rows]]
        self.rest = np.zeros(0, dtype=np.int64)
        most = 0.0  # share of the words in what is not scored
        scored = max(SCORED, k)
        if len(rows) > scored:
            values = self.bm25[rows]
            first = np.argpartition(-values, scored)
            self.rest = rows[first[scored:]]
            rows = rows[np.sort(first[:scored])]
            most = self.w * float(self.bm25[self.rest].max()) / self.largest
        self.found = self.score(rows)
        self.least = self.least_score()
        # Of negative cosines nothing follows: without words, such a document has no score.
        self.least_cosine = 0.0
        if self.w < 1:
            self.least_cosine = max((self.least - most) / (1 - self.w) - SLACK, 0.0)
        self.reaches = self.w < 1 and self.least_cosine <= 1 + SLACK and len(index) > 0

    def least_score(self) -> float:
        """Score that a document needs to be among the best."""
        if len(self.found.rows) < self.k:
            return 0.0
        return max(float(np.partition(self.found.score, -self.k)[-self.k]), 0.0)

    def finish(self, near: npt.NDArray[np.int32], similar: npt.NDArray[np.float32]) -> Found:
        """Return the best documents, given the nearest vectors, the nearest first."""
        there = near >= 0
        # What any other document can have as a cosine at most. One without a vector has zero.
        bound = self.least_cosine if self.reaches else 1.0
        if len(near) and there[-1]:
            bound = max(float(similar[-1]), 0.0)
        rows, similar = near[there].astype(np.int64), similar[there]
        new = ~_among(rows, self.found.rows, len(self.index))
        self.found = _joined(self.found, self.score(rows[new], similar[new]))
        if len(self.rest):
            least = self.least_score()
            shares = self.w * self.bm25[self.rest] / self.largest
            rest = self.rest[shares + (1 - self.w) * bound >= least - SLACK]
            rest = rest[~_among(rest, rows, len(self.index))]
            self.found = _joined(self.found, self.score(rest))
        return _ordered(self.found, self.k)

    def score(self, rows: Rows, similar: npt.NDArray[np.float32] | None = None) -> Found:
        """Score some documents, whose cosines may be known."""
        if similar is None:
            similar = self.index.dense.cosines(self.query.vector, rows.astype(np.int32))
        cosine, own = similar.astype(np.float64), self.bm25[rows]
        words = own / self.largest
        return Found(rows, (1 - self.w) * cosine + self.w * words, cosine, words, own)


def _among(rows: Rows, others: Rows, n: int) -> npt.NDArray[np.bool_]:
    """Which of some rows are among others, of `n` that there are."""
    there = np.zeros(n, dtype=bool)
    there[others] = True
    among: npt.NDArray[np.bool_] = there[rows]
    return among


def _ordered(found: Found, k: int) -> Found:
    order = np.lexsort((found.rows, -found.score))[:k]
    return found.take(order[found.score[order] > 0])


def _joined(first: Found, second: Found) -> Found:
    columns: Any = (np.concatenate(pair) for pair in zip(first, second, strict=True))
    return Found(*columns)


def score_all(index: Index, query: Query, weights: Weights) -> Found:
    """Score all documents, in the order of scores; equal ones in their own order."""
    hits = _Hits(index, query, len(index), weights, None)
    found = hits.score(np.arange(len(index)))
    return found.take(np.lexsort((found.rows, -found.score)))
