"""Small collections whose best documents are found by scoring every one of them."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from sklearn.base import BaseEstimator

from skm2v import StaticEmbedder, TextSearcher
from tests.model.forge import tiny_model
from tests.tiny import WORDS

ENDINGS = ("", "s", "ed", "ing")


def random_texts(n, seed=0, longest=12, words=WORDS):
    """Texts of few different words in some of their forms, so that scores tie now and then."""
    rng = np.random.default_rng(seed)
    return [
        " ".join(
            f"{word}{rng.choice(ENDINGS)}" for word in rng.choice(words, rng.integers(1, longest))
        )
        for _ in range(n)
    ]


def tiny_embedder(kind="wordpiece", **settings):
    return StaticEmbedder(tiny_model(kind), **settings)


def searcher(**parameters):
    return TextSearcher(tiny_embedder(), **parameters)


class Letters(BaseEstimator):
    """Counts of letters: an embedder that is no static model."""

    def fit(self, X, y=None):
        self.n_texts_ = len(X)
        return self

    def transform(self, X):
        counts = [np.bincount([ord(c) % 32 for c in text], minlength=32) for text in X]
        return np.array(counts, dtype=np.float32)


def plain_bm25(documents, query, *, k1=1.5, b=0.75):
    """BM25 by its formula, one document and one word at a time; words are runs of letters."""
    split = [re.findall("[a-z0-9]+", text.lower()) for text in documents]
    mean = sum(map(len, split)) / len(split)
    scores = np.zeros(len(split))
    for word, repeats in Counter(re.findall("[a-z0-9]+", query.lower())).items():
        df = sum(word in words for words in split)
        idf = np.log(1 + (len(split) - df + 0.5) / (df + 0.5))
        for row, words in enumerate(split):
            tf = words.count(word)
            damping = k1 * (1 - b + b * len(words) / mean)
            scores[row] += repeats * idf * tf * (k1 + 1) / (tf + damping)
    return scores


def columns(result):
    """All that a result says, to be compared."""
    return (
        result.ids,
        result.texts,
        result.indptr.tolist(),
        *(
            getattr(result, name).tobytes()
            for name in ("score", "first", "cosine", "words", "bm25")
        ),
    )
