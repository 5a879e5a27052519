"""
Two-stage retrieval: words and meaning first, a strong second opinion
=====================================================================

Search 10,003 bank questions for those with the intent of a new question. The first stage compares
meaning (static vectors), words (BM25), or both, with the whole collection; the second, a
transformer, reads the 30 questions that came out on top and is blended with the first. It is any
callable ``(query, texts) -> scores``: a cross-encoder or an API fits as well.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from _teacher import teacher_name

from skm2v import TextSearcher
from skm2v.datasets import load_banking77
from skm2v.search import BiEncoderReranker

N_QUERIES = 100


def main(reranker: Any) -> None:
    corpus, corpus_intent = load_banking77(subset="train", return_X_y=True)
    questions, intent = load_banking77(subset="test", return_X_y=True)
    # Questions stand sorted by intent: take every k-th.
    chosen = np.linspace(0, len(questions) - 1, N_QUERIES).astype(int)
    queries, query_intent = [questions[i] for i in chosen], intent[chosen]

    # Ids may repeat: with intents as ids, all questions of the same intent are relevant.
    start = time.perf_counter()
    searcher = TextSearcher().fit(corpus, ids=corpus_intent)
    print(f"{len(corpus):,} questions indexed in {time.perf_counter() - start:.2f} s\n")
    stages: dict[str, dict[str, Any]] = {
        "meaning": {"lexical_weight": 0.0},
        "words": {"lexical_weight": 1.0},
        "both": {"lexical_weight": 0.3},
        "reranked": {"lexical_weight": 0.3, "reranker": reranker},
    }
    print(f"{'stage':10} {'nDCG@10':>8} {'ms a query':>11}")
    for name, parameters in stages.items():
        searcher.set_params(**parameters)
        start = time.perf_counter()
        score = searcher.score(queries, query_intent)
        each = 1000 * (time.perf_counter() - start) / N_QUERIES
        print(f"{name:10} {score:8.3f} {each:11.2f}")

    query = "My card has not arrived, can you track it?"
    searcher.set_params(reranker=None)
    hit = searcher.search(query, 1)[0][0]
    print(f"\nWhy {hit.text!r} for {query!r}:")
    print(searcher.explain(query, hit.id))


if __name__ == "__main__":
    main(BiEncoderReranker(sys.argv[1] if sys.argv[1:] else teacher_name()))
