"""What a text is about: the sum of the static vectors of its tokens."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skm2v._pooling import PoolingTable, TokenIds
from skm2v._pooling.reference import pool_ids

__all__ = ["semantic_features", "squared_norms_of"]


def semantic_features(
    embedding: PoolingTable, squared_norms: npt.NDArray[np.float64], stream: TokenIds
) -> npt.NDArray[np.float32]:
    """Sum of the vectors of a text's tokens, over the root of the sum of their squared norms.

    That is about the norm of the sum where vectors point anywhere, so features are of about norm
    1, and a longer text about one thing has larger ones. The norm itself could not be had without
    the vectors: this scale is a sum over tokens, as tf-idf's is, and needs one number for each.

    Parameters
    ----------
    embedding : PoolingTable
        Vectors of tokens.
    squared_norms : ndarray of float64 of shape (V + P,)
        Of these vectors.
    stream : TokenIds

    Returns
    -------
    features : ndarray of float32 of shape (n_texts, d)
    """
    squares = PoolingTable(squared_norms[:, np.newaxis], pairs=embedding.pairs)
    sums, totals = (
        pool_ids(table, *stream, normalize=False, total=True) for table in (embedding, squares)
    )
    totals[totals == 0] = 1
    return np.asarray(sums / np.sqrt(totals), dtype=np.float32)


def squared_norms_of(embedding: PoolingTable) -> npt.NDArray[np.float64]:
    """Squared norms of the vectors of all tokens, then of all pairs: (V + P,)."""
    rows = embedding.entry_vectors()
    return np.asarray(np.einsum("ij,ij->i", rows, rows))
