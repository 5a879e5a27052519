"""Baselines without an embedding model: tf-idf, and tf-idf followed by an SVD."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


def tfidf() -> Any:
    """Unfitted tf-idf of words: ``TfidfVectorizer(sublinear_tf=True)``, float32, sparse."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Words of one letter count too: the tasks include single words and short product names.
    return TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b", dtype=np.float32)


class TfidfSVD(TransformerMixin, BaseEstimator):
    """Latent semantic analysis: tf-idf of words, truncated SVD.

    Parameters
    ----------
    n_components : int, default=256
        Number of dimensions; fewer where the texts have fewer distinct words.
    random_state : int, default=0
        Seed of the randomised SVD.

    Attributes
    ----------
    vectorizer_ : TfidfVectorizer
        The fitted first step.
    svd_ : TruncatedSVD
        The fitted second step.
    """

    def __init__(self, n_components: int = 256, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: list[str], y: object = None) -> TfidfSVD:
        """Fit both steps on texts; `y` is not used."""
        from sklearn.decomposition import TruncatedSVD

        self.vectorizer_ = tfidf()
        counts = self.vectorizer_.fit_transform(X)
        rank = min(self.n_components, counts.shape[1] - 1)
        self.svd_ = TruncatedSVD(max(1, rank), random_state=self.random_state).fit(counts)
        return self

    def transform(self, X: list[str]) -> Any:
        """Embed texts; shape (n, n_components), float32."""
        return self.svd_.transform(self.vectorizer_.transform(X))
