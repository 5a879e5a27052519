"""Weights of tokens by how rare they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["sif_weights", "token_weights"]

# Chosen by data: see docs/constants.md.
SIF = 1e-3  # coefficient of the token weights
PRIOR_COUNT = 1e4  # tokens that the estimate by Zipf's law is worth


def sif_weights(n_tokens: int, coefficient: float | None) -> npt.NDArray[np.float64] | None:
    """Weights of smooth inverse frequency, a / (a + p).

    The probability p of a token is estimated by Zipf's law from its id: vocabularies are ordered
    by frequency, nearly.

    Parameters
    ----------
    n_tokens : int
    coefficient : float or None
        The number a; None means no weights.

    Returns
    -------
    weights : ndarray of float64 of shape (n_tokens,) or None

    References
    ----------
    .. [1] S. Arora, Y. Liang, T. Ma, "A simple but tough-to-beat baseline for sentence
       embeddings", ICLR 2017.
    """
    if coefficient is None:
        return None
    shares = 1 / np.arange(2, n_tokens + 2)
    return np.asarray(coefficient / (coefficient + shares / shares.sum()))


def token_weights(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Smooth inverse frequency weights from a corpus, with Zipf's law for what it lacks.

    Parameters
    ----------
    counts : ndarray of shape (V,)
        How often each token occurs in the corpus.

    Returns
    -------
    weights : ndarray of float32 of shape (V,)
    """
    zipf = 1 / np.arange(2, len(counts) + 2)
    zipf /= zipf.sum()
    share = (counts + PRIOR_COUNT * zipf) / (counts.sum() + PRIOR_COUNT)
    return np.asarray(SIF / (SIF + share), dtype=np.float32)
