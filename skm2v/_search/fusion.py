"""The best documents by cosine and BM25 together, exactly.

A document has the score ``(1 - w) * cosine + w * bm25 / (largest bm25 of the query)``. To find the
k best ones, not all are scored. The K nearest vectors are known, so any other document has at most
the cosine of the last one of them; and most documents have no word of the query, so that their
score cannot be above that of the nearest ones. What is left is scored one by one.

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

from skm2v._pairs.exact import cosines
from skm2v._pairs.vectors import squares
from skm2v._search.index import Index

__all__ = ["Found", "Query", "Weights", "best_documents", "cosines_with", "score_all"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

# Nearest vectors beyond those that are wanted: the more, the fewer documents are left to score.
EXTRA = 30
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
    if not queries or not len(index):
        none = np.zeros(0, dtype=np.int64)
        yield from [_scored(index, query, none, None, weights) for query in queries]
        return
    if weights.lexical < 1:
        # Of negative cosines nothing follows: a document with neither has a score of zero.
        near = index.dense.nearest(
            np.stack([query.vector for query in queries]),
            min(k + EXTRA, len(index)),
            minimum=0.0,
            permitted=permitted,
            n_jobs=n_jobs,
        )
    for number, query in enumerate(queries):
        bm25 = index.postings.bm25(query.terms, weights.k1, weights.b)
        if weights.lexical < 1:
            rows, similar = near.row[number], near.similarity[number]
        else:
            rows, similar = np.zeros(0, np.int32), np.zeros(0, np.float32)
        yield _best(index, query, k, weights, permitted, bm25, rows, similar)


def _best(
    index: Index,
    query: Query,
    k: int,
    weights: Weights,
    permitted: npt.NDArray[np.bool_] | None,
    bm25: Floats,
    near: npt.NDArray[np.int32],
    similar: npt.NDArray[np.float32],
) -> Found:
    w = weights.lexical
    full = len(near) > 0 and near[-1] >= 0
    # What any document has at most whose vector is not among the nearest; one without a vector
    # has zero.
    most = (1 - w) * max(float(similar[-1]), 0.0) if full else 0.0
    there = near >= 0
    found = _scored(index, query, near[there].astype(np.int64), bm25, weights, similar[there])
    if w > 0 and (largest := bm25.max()) > 0:
        hit = bm25 > 0
        if permitted is not None:
            hit &= permitted
        hit[found.rows] = False
        hits = np.flatnonzero(hit)
        shares = w * (bm25[hits] / largest)
        if len(hits) > k:
            # First those with the most words: they tell how good the others have to be.
            first = np.argpartition(-shares, k)[:k]
            chosen = np.zeros(len(hits), dtype=bool)
            chosen[first] = True
            found = _joined(found, _scored(index, query, hits[chosen], bm25, weights))
            if len(found.rows) >= k:
                least = np.partition(found.score, -k)[-k]
                chosen |= shares + most < least - SLACK
            hits = hits[~chosen]
        found = _joined(found, _scored(index, query, hits, bm25, weights))
    return _ordered(found, k)


def _ordered(found: Found, k: int) -> Found:
    order = np.lexsort((found.rows, -found.score))[:k]
    return found.take(order[found.score[order] > 0])


def _joined(first: Found, second: Found) -> Found:
    columns: Any = (np.concatenate(pair) for pair in zip(first, second, strict=True))
    return Found(*columns)


def _scored(
    index: Index,
    query: Query,
    rows: Rows,
    bm25: Floats | None,
    weights: Weights,
    similar: npt.NDArray[np.float32] | None = None,
) -> Found:
    """Score some documents, whose cosines may be known."""
    if bm25 is None:
        bm25 = np.zeros(len(index))
    if similar is None:
        similar = cosines_with(index, query.vector, rows)
    cosine, own = similar.astype(np.float64), bm25[rows]
    words = own / (bm25.max(initial=0.0) or 1.0)
    w = weights.lexical
    return Found(rows, (1 - w) * cosine + w * words, cosine, words, own)


def cosines_with(
    index: Index, vector: npt.NDArray[np.float32], rows: Rows
) -> npt.NDArray[np.float32]:
    """Cosines of some documents with a query, those that the search finds; 0 for a zero vector."""
    similar = np.zeros(len(rows), dtype=np.float32)
    query = vector.reshape(1, -1)
    norm = squares(query)
    real = np.flatnonzero(index.squares[rows] > 0) if norm[0] > 0 else np.zeros(0, np.int64)
    if len(real):
        mine = rows[real]
        own = index.vectors[mine].astype(np.float32), index.squares[mine]
        zeros, places = np.zeros(len(real), np.int32), np.arange(len(real), dtype=np.int32)
        similar[real] = cosines((query, norm), zeros, own, places)
    return similar


def score_all(index: Index, query: Query, weights: Weights) -> Found:
    """Score all documents, in the order of scores; equal ones in their own order."""
    bm25 = index.postings.bm25(query.terms, weights.k1, weights.b)
    found = _scored(index, query, np.arange(len(index)), bm25, weights)
    return found.take(np.lexsort((found.rows, -found.score)))
