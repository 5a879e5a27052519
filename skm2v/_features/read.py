"""Texts as a vectorizer has read them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._pooling import TokenIds

__all__ = ["Read"]


class Read(NamedTuple):
    """Texts as the vectorizer has read them.

    Attributes
    ----------
    tokens : TokenIds
        Known tokens.
    truncated : ndarray of bool of shape (n_texts,)
        Texts with more than `max_length` tokens.
    foreign : ndarray of bool of shape (n_texts,)
        Texts of a language that the model seems not to know.
    sums : ndarray of float32 of shape (n_texts, d) or None
        Scaled sums of their vectors, if they were made.
    characters : sparse array of float64 of shape (n_texts, n_terms) or None
        Weighted n-grams of characters, if they count.
    """

    tokens: TokenIds
    truncated: npt.NDArray[np.bool_]
    foreign: npt.NDArray[np.bool_]
    sums: npt.NDArray[np.float32] | None = None
    characters: Any = None
