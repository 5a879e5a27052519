"""Vectors of texts for a comparison, from any transformer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from skm2v._embedder import StaticEmbedder
from skm2v.exceptions import TextWarning

__all__ = ["Embed", "embedding_by", "fit_embedder"]

Embed = Callable[[list[str]], npt.NDArray[np.float32]]


def fit_embedder(embedder: Any, texts: Iterable[str], n_jobs: int | None = None) -> Any:
    """Fit a copy of an embedder, or the default one, to the different texts."""
    embedder = StaticEmbedder(n_jobs=n_jobs) if embedder is None else clone(embedder)
    return embedder.fit([*dict.fromkeys(texts)])


def embedding_by(embedder: Any) -> Embed:
    """Return a function that makes dense vectors of texts with a fitted embedder."""

    def embed(texts: list[str]) -> npt.NDArray[np.float32]:
        if not texts:
            return np.zeros((0, 1), dtype=np.float32)
        # Texts of nothing are compared as texts only; a warning that they are empty says no more.
        full = [place for place, text in enumerate(texts) if text.strip()]
        if full and len(full) < len(texts):
            some = embed([texts[place] for place in full])
            everything = np.zeros((len(texts), some.shape[1]), dtype=np.float32)
            everything[full] = some
            return everything
        with warnings.catch_warnings():
            if not full:
                warnings.simplefilter("ignore", TextWarning)
            vectors = embedder.transform(texts)
        if hasattr(vectors, "toarray"):
            raise TypeError(
                f"The embedder {type(embedder).__name__} makes sparse vectors. Fix: reduce them,"
                " with make_pipeline(embedder, TruncatedSVD(256))."
            )
        matrix = np.ascontiguousarray(vectors, dtype=np.float32)
        if matrix.ndim != 2 or len(matrix) != len(texts):
            raise ValueError(
                f"The embedder {type(embedder).__name__} must make a row for each text; got shape"
                f" {matrix.shape} for {len(texts)} texts."
            )
        return matrix

    return embed
