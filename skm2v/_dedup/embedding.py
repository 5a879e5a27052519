"""Vectors of texts for a comparison, from any transformer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from skm2v._embedder import StaticEmbedder

__all__ = ["Embed", "embedding_by", "fit_embedder"]

Embed = Callable[[list[str]], npt.NDArray[np.float32]]


def fit_embedder(embedder: Any, texts: Iterable[str], n_jobs: int | None = None) -> Any:
    """Fit a copy of an embedder, or the default one, to the different texts."""
    embedder = StaticEmbedder(n_jobs=n_jobs) if embedder is None else clone(embedder)
    return embedder.fit([*dict.fromkeys(texts)])


def embedding_by(embedder: Any) -> Embed:
    """Return a function that makes dense vectors of texts with a fitted embedder."""

    def embed(texts: list[str]) -> npt.NDArray[np.float32]:
        vectors = embedder.transform(texts) if texts else np.zeros((0, 1))
        if hasattr(vectors, "toarray"):
            raise TypeError(
                f"The embedder {type(embedder).__name__} makes sparse vectors. Fix: reduce them,"
                " with make_pipeline(embedder, TruncatedSVD(256))."
            )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    return embed
