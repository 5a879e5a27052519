"""
Two-stage retrieval: a fast first pass, a strong second opinion
===============================================================

Search 10,003 bank questions for those with the intent of a new question. The static embedding
reads the whole collection; the transformer only judges the 100 questions that came out on top.
The reranker is any callable ``(query, candidates) -> scores``: a cross-encoder or an API fits as
well as the teacher used here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from _teacher import teacher_name

from skm2v import StaticEmbedder
from skm2v.datasets import load_banking77

Reranker = Callable[[str, Sequence[str]], npt.NDArray[np.float32]]
N_QUERIES = 100
N_CANDIDATES = 100


def teacher_reranker(name: str) -> Reranker:
    """Score candidates with a sentence transformer; each text is read once."""
    from skm2v import load_teacher

    teacher = load_teacher(name)
    known: dict[str, npt.NDArray[np.float32]] = {}

    def rerank(query: str, candidates: Sequence[str]) -> npt.NDArray[np.float32]:
        new = [text for text in dict.fromkeys([query, *candidates]) if text not in known]
        if new:
            known.update(zip(new, teacher.encode(new), strict=True))
        vectors = np.stack([known[text] for text in candidates])
        return vectors @ known[query]

    return rerank


def ndcg_at_10(relevant: npt.NDArray[np.bool_], n_relevant: int) -> float:
    """Return the nDCG of one ranking whose i-th place is relevant or not."""
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = discounts[: min(n_relevant, 10)].sum()
    return float((relevant[:10] * discounts).sum() / ideal)


def main(rerank: Reranker) -> None:
    corpus, corpus_intent = load_banking77(subset="train", return_X_y=True)
    questions, intent = load_banking77(subset="test", return_X_y=True)
    # Questions stand sorted by intent: take every k-th.
    chosen = np.linspace(0, len(questions) - 1, N_QUERIES).astype(int)
    queries, query_intent = [questions[i] for i in chosen], intent[chosen]
    n_relevant = np.bincount(corpus_intent)

    # Stage 1: one matrix product. argpartition finds the top 100, argsort orders only those.
    embedder = StaticEmbedder().fit(corpus)
    start = time.perf_counter()
    index = embedder.transform(corpus)
    index_seconds = time.perf_counter() - start
    start = time.perf_counter()
    scores = embedder.transform(queries) @ index.T
    top = np.argpartition(-scores, N_CANDIDATES, axis=1)[:, :N_CANDIDATES]
    order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1, kind="stable")
    first = np.take_along_axis(top, order, axis=1)
    first_seconds = time.perf_counter() - start

    # Stage 2: the reranker reads a hundred candidates of each query.
    start = time.perf_counter()
    second = np.empty_like(first)
    for row, query in enumerate(queries):
        candidates = [corpus[i] for i in first[row]]
        second[row] = first[row][np.argsort(-rerank(query, candidates), kind="stable")]
    second_seconds = time.perf_counter() - start

    print(f"{len(corpus):,} questions indexed in {index_seconds:.2f} s, {N_QUERIES} queries\n")
    print(f"{'stage':16} {'recall@100':>10} {'nDCG@10':>8} {'seconds':>8} {'ms a query':>11}")
    for name, ranking, seconds in [
        ("1 static", first, first_seconds),
        ("2 reranked", second, second_seconds),
    ]:
        relevant = corpus_intent[ranking] == query_intent[:, None]
        # Of an intent with 180 questions no list of 100 can hold more than 100.
        possible = np.minimum(n_relevant[query_intent], N_CANDIDATES)
        recall = np.mean(relevant.sum(axis=1) / possible)
        ndcg = np.mean(
            [ndcg_at_10(r, n_relevant[k]) for r, k in zip(relevant, query_intent, strict=True)]
        )
        each = 1000 * seconds / N_QUERIES
        print(f"{name:16} {recall:10.3f} {ndcg:8.3f} {seconds:8.2f} {each:11.2f}")


if __name__ == "__main__":
    main(teacher_reranker(sys.argv[1] if sys.argv[1:] else teacher_name()))
