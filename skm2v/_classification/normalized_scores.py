"""Scores of features that are divided by norms, for explanations only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse.linalg

from skm2v._classification.scores import ScoreTable
from skm2v._features.vectorizer import HybridVectorizer
from skm2v._pooling import TokenIds

__all__ = ["NormalizedScores"]


@dataclass(frozen=True, eq=False)
class NormalizedScores(ScoreTable):
    """What tokens add to decisions over the features of a normalizing vectorizer.

    The features of a text are divided by two norms, that of its vector and that of its tf-idf. No
    table of scores can tell them; for one text after the other the vectorizer does.

    Parameters
    ----------
    vectorizer : HybridVectorizer
        Fitted, with ``normalize=True`` and without n-grams of characters.
    """

    vectorizer: HybridVectorizer | None = None

    def _divisors(
        self, ids: npt.NDArray[np.int32], squares: npt.NDArray[np.float64]
    ) -> tuple[float, float]:
        of_idf, of_vectors = super()._divisors(ids, squares)
        assert self.vectorizer is not None
        text = TokenIds(ids, np.array([0, len(ids)]))
        weight = self.vectorizer.semantic_weight
        share = math.hypot(weight, 1.0)
        lexical = float(scipy.sparse.linalg.norm(self.vectorizer._vocabulary.transform(text)))
        of_idf *= (lexical or 1.0) * share
        if weight:
            semantic = float(np.linalg.norm(self.vectorizer._sums(text).astype(np.float64)))
            of_vectors *= (semantic or 1.0) * share / weight
        return of_idf, of_vectors
