"""A second stage: scores of a stronger model for the best documents, blended with the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Rerank", "as_function", "blend", "second_scores"]

Rerank = Callable[[str, list[str]], Any]
Floats = npt.NDArray[np.float64]


def as_function(reranker: Any) -> Rerank:
    """Return a function of a query and texts, of a cross-encoder too.

    Raises
    ------
    TypeError
        If it is nothing of that kind.
    """
    # Cross-encoders of sentence-transformers can be called, too, but as modules of torch.
    if hasattr(reranker, "predict"):
        return lambda query, texts: reranker.predict([(query, text) for text in texts])
    if callable(reranker):
        function: Rerank = reranker
        return function
    raise TypeError(
        "reranker must be a function (query, texts) -> scores, a CrossEncoder or None; got"
        f" {type(reranker).__name__}."
    )


def second_scores(reranker: Any, queries: list[str], lists: list[list[str]]) -> Iterator[Floats]:
    """Yield the scores of a reranker for the texts of each query, checked.

    One that has a method ``prepare(queries, texts)`` is told all of them before.
    """
    rerank = as_function(reranker)
    if hasattr(reranker, "prepare"):
        asked = [query for query, texts in zip(queries, lists, strict=True) if texts]
        reranker.prepare(asked, [text for texts in lists for text in texts])
    for query, texts in zip(queries, lists, strict=True):
        yield _scores(rerank, query, texts)


def _scores(rerank: Rerank, query: str, texts: list[str]) -> Floats:
    if not texts:
        return np.zeros(0)
    scores = np.asarray(rerank(query, texts), dtype=np.float64)
    if scores.shape == (len(texts), 1):
        scores = scores[:, 0]
    if scores.shape != (len(texts),):
        raise ValueError(
            f"A reranker must return a score for each of {len(texts)} texts; got shape"
            f" {scores.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise ValueError(
            f"The reranker's score of {texts[bad[0]]!r:.60} is {scores[bad[0]]}; it must be finite."
        )
    return scores


def blend(first: Floats, second: Floats, weight: float) -> Floats:
    """Weighted mean of the scores of a list, each at mean 0 and standard deviation 1.

    So scores of any scale can be put together.
    """
    return (1 - weight) * _standard(first) + weight * _standard(second)


def _standard(scores: Floats) -> Floats:
    deviation = float(scores.std()) if len(scores) else 0.0
    # Scores that are all the same but for rounding say nothing.
    if deviation <= 1e-12 * max(1.0, float(np.abs(scores).max(initial=0.0))):
        return np.zeros(len(scores))
    return np.asarray((scores - scores.mean()) / deviation)
