"""A linear model of features that are sums over tokens, as one table of scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skm2v._classification.scores import ScoreTable
from skm2v._features.vectorizer import HybridVectorizer
from skm2v._pooling import PoolingTable, pairs_of_keys

__all__ = ["collapse"]

Floats = npt.NDArray[np.float64]


def collapse(vectorizer: HybridVectorizer, coef: Floats, intercept: Floats) -> ScoreTable:
    """Scores of tokens and pairs, from the coefficients of their features.

    Parameters
    ----------
    vectorizer : HybridVectorizer
        Fitted, with ``normalize=False``.
    coef : ndarray of float64 of shape (n_features, K)
        Coefficients of its features, those of the vectors times its `semantic_scale_`.
    intercept : ndarray of float64 of shape (K,)

    Returns
    -------
    scores : ScoreTable
        Of form "scaled".
    """
    model, vocabulary = vectorizer.embedder_.model_, vectorizer._vocabulary
    embedding = model.pooler.table
    dim, k = vectorizer._n_semantic, len(intercept)
    keys = vocabulary.pair_keys
    if embedding.pairs is not None:
        of_embedding = embedding.pair_keys()
        keys = np.union1d(keys, of_embedding)
    n_tokens = vocabulary.n_tokens
    rows = np.zeros((n_tokens + len(keys), 2 * k + 2), dtype=np.float32)
    places = np.arange(n_tokens)
    if embedding.pairs is not None:
        places = np.concatenate([places, n_tokens + np.searchsorted(keys, of_embedding)])
    if dim:
        rows[places, :k] = embedding.entry_vectors() @ coef[:dim]
    rows[places, 2 * k + 1] = vectorizer._squared_norms
    lexical = np.concatenate(
        [vocabulary.tokens, n_tokens + np.searchsorted(keys, vocabulary.pair_keys)]
    )
    rows[lexical, k : 2 * k] = coef[dim:] * vocabulary.weights[:, np.newaxis]
    rows[lexical, 2 * k] = vocabulary.weights**2
    table = PoolingTable(rows, pairs=pairs_of_keys(keys, n_tokens) if len(keys) else None)
    return ScoreTable(model.text_tokenizer, table, intercept, "scaled", model.max_length)
