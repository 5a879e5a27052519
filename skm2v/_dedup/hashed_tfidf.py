"""Tf-idf in which what no training text has counts as rare, as the names of new products do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize

__all__ = ["HashedTfidf"]

BUCKETS = 2**20  # of words and runs of characters
ANALYZERS: dict[str, dict[str, Any]] = {
    "words": {"token_pattern": r"(?u)\b\w+\b"},
    "characters": {"analyzer": "char_wb", "ngram_range": (3, 4)},
}


@dataclass(frozen=True)
class HashedTfidf:
    """Weights of the buckets that training texts fill; all others have the weight of the rarest.

    The vectors are those of scikit-learn's ``HashingVectorizer`` and
    ``TfidfTransformer(sublinear_tf=True)``, which keeps a weight for each of a million buckets.

    Attributes
    ----------
    analyzer : {"words", "characters"}
        Words, or runs of three and four characters of words.
    buckets : ndarray of int64 of shape (n_filled,)
        Buckets that training texts fill, ascending.
    weights : ndarray of float64 of shape (n_filled,)
        Inverse document frequencies of their contents.
    unseen : float
        That of all others.
    """

    analyzer: str
    buckets: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    unseen: float

    @classmethod
    def of_texts(cls, analyzer: str, texts: list[str]) -> HashedTfidf:
        """Count the texts that fill each bucket."""
        counts = _count(analyzer, texts)
        buckets, n_texts = np.unique(counts.indices, return_counts=True)
        n = len(texts) + 1
        weights = np.log(n / (n_texts + 1.0)) + 1
        return cls(analyzer, buckets.astype(np.int64), weights, float(np.log(float(n)) + 1))

    def transform(self, texts: list[str]) -> Any:
        """Sparse unit vectors of the texts."""
        counts = _count(self.analyzer, texts)
        weights = np.full(len(counts.data), self.unseen)
        if len(self.buckets):
            places = np.searchsorted(self.buckets, counts.indices).clip(max=len(self.buckets) - 1)
            seen = self.buckets[places] == counts.indices
            weights[seen] = self.weights[places[seen]]
        counts.data = (np.log(counts.data) + 1) * weights
        return normalize(counts, copy=False)


def _count(analyzer: str, texts: list[str]) -> Any:
    hashing = HashingVectorizer(
        n_features=BUCKETS, norm=None, alternate_sign=False, **ANALYZERS[analyzer]
    )
    return hashing.transform(texts)
