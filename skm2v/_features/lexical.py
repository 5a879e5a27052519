"""Which tokens and pairs of tokens a text has: tf-idf as sums over its tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from skm2v._pooling import TokenIds, keys_of_pairs, pairs_of_keys
from skm2v.exceptions import ModelFormatError

__all__ = ["Vocabulary", "token_importance"]

# Of tokens whose vectors are next to nothing; they may matter all the same.
SMALLEST_IMPORTANCE = 0.05

_NO_KEYS = np.empty(0, dtype=np.int64)


def _are_ascending(numbers: Any, stop: int) -> bool:
    """Whether these are ascending integers from 0 to below `stop`."""
    return (
        isinstance(numbers, np.ndarray)
        and numbers.dtype == np.int64
        and numbers.ndim == 1
        and bool((np.diff(numbers) > 0).all())
        and (not len(numbers) or (numbers[0] >= 0 and numbers[-1] < stop))
    )


class Vocabulary:
    """Tokens and pairs of neighbouring tokens of the training texts, with their weights.

    A text is described by ``count * weight`` of each of its tokens and pairs, divided by the square
    root of the sum of ``count * weight ** 2``. That has norm 1 for texts that repeat nothing, and
    is their tf-idf where all are of importance 1; and as both sums are over occurrences, a table of
    scores can reproduce it.

    Parameters
    ----------
    stream : TokenIds
        Training texts.
    importance : ndarray of float64 of shape (n_tokens,)
        Factor of the weight of each token of the tokenizer; that of a pair is the geometric mean of
        its tokens'. See :func:`token_importance`.
    max_pairs : int or None
        Number of pairs to keep, the most frequent; None keeps all.

    Attributes
    ----------
    n_tokens : int
        Number of tokens of the tokenizer.
    tokens : ndarray of int64 of shape (n_seen,)
        Ids of the tokens that occur, ascending.
    pair_keys : ndarray of int64 of shape (n_pairs,)
        ``left * n_tokens + right`` of the pairs, ascending.
    weights : ndarray of float64 of shape (n_seen + n_pairs,)
        ``(log((1 + n) / (1 + df)) + 1) * importance``, with the number n of texts and df of those
        that hold the token or pair.
    """

    def __init__(
        self, stream: TokenIds, importance: npt.NDArray[np.float64], max_pairs: int | None
    ) -> None:
        self.n_tokens = n_tokens = len(importance)
        self.tokens, token_df = _document_frequencies(stream.ids.astype(np.int64), stream.rows)
        if max_pairs == 0:
            self.pair_keys, pair_df = _NO_KEYS, _NO_KEYS
        else:
            self.pair_keys, pair_df = _document_frequencies(*_pair_keys(stream, n_tokens))
        if max_pairs is not None and len(self.pair_keys) > max_pairs:
            best = np.sort(np.argsort(-pair_df, kind="stable")[:max_pairs])
            self.pair_keys, pair_df = self.pair_keys[best], pair_df[best]
        frequencies = np.concatenate([token_df, pair_df])
        idf = np.log((1 + stream.n_texts) / (1 + frequencies)) + 1
        left, right = pairs_of_keys(self.pair_keys, n_tokens).T
        of_pairs = np.sqrt(importance[left] * importance[right])
        self.weights = idf * np.concatenate([importance[self.tokens], of_pairs])

    @property
    def arrays(self) -> dict[str, Any]:
        """What it is made of, to be pickled."""
        return {
            "n_tokens": self.n_tokens,
            "tokens": self.tokens,
            "pair_keys": self.pair_keys,
            "weights": self.weights,
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, Any]) -> Vocabulary:
        """Build it of what was pickled.

        Raises
        ------
        ModelFormatError
            If something is missing or does not fit together.
        """
        n_tokens, tokens, keys, weights = (
            arrays[name] for name in ("n_tokens", "tokens", "pair_keys", "weights")
        )
        if not (
            type(n_tokens) is int
            and _are_ascending(tokens, n_tokens)
            and _are_ascending(keys, n_tokens**2)
            and isinstance(weights, np.ndarray)
            and weights.dtype == np.float64
            and weights.shape == (len(tokens) + len(keys),)
            and np.isfinite(weights).all()
        ):
            raise ModelFormatError("A pickled vocabulary is damaged: its arrays do not fit.")
        vocabulary = cls.__new__(cls)
        vocabulary.__dict__.update(arrays)
        return vocabulary

    def __len__(self) -> int:
        return len(self.weights)

    def transform(self, stream: TokenIds) -> Any:
        """Lexical features of texts.

        Returns
        -------
        features : sparse array of float64 of shape (n_texts, len(self))
        """
        columns, rows = _known(self.tokens, stream.ids.astype(np.int64), stream.rows)
        if len(self.pair_keys):
            pair_columns, pair_rows = _known(self.pair_keys, *_pair_keys(stream, self.n_tokens))
            columns = np.concatenate([columns, len(self.tokens) + pair_columns])
            rows = np.concatenate([rows, pair_rows])
        weights = self.weights[columns]
        squares = np.bincount(rows, weights=weights**2, minlength=stream.n_texts)
        values = weights / np.sqrt(squares)[rows]
        features = sparse.csr_array((values, (rows, columns)), shape=(stream.n_texts, len(self)))
        features.sum_duplicates()
        return features


def token_importance(
    squared_norms: npt.NDArray[np.float64], exponent: float
) -> npt.NDArray[np.float64]:
    """How much a token tells about a text, as far as the static model knows.

    Static models make the vectors of frequent tokens short. From a handful of texts idf cannot tell
    "the" from "prize"; the norms of their vectors can.

    Parameters
    ----------
    squared_norms : ndarray of float64 of shape (n_tokens,)
        Of the vectors of tokens.
    exponent : float
        0 makes all tokens equal, 1 takes the norms as they are.

    Returns
    -------
    importance : ndarray of float64 of shape (n_tokens,)
        Norms relative to their root mean square, at least 0.05, to the power of `exponent`.
    """
    relative = squared_norms / (squared_norms.mean() or 1.0)
    return np.asarray(np.maximum(relative, SMALLEST_IMPORTANCE**2) ** (exponent / 2))


def _pair_keys(
    stream: TokenIds, n_tokens: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """One number for each pair of neighbours, and the number of its text."""
    left, right, rows = stream.neighbours()
    return keys_of_pairs(left, right, n_tokens), rows


def _document_frequencies(
    keys: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Distinct keys, ascending, and the number of rows that hold each."""
    distinct, columns = np.unique(keys, return_inverse=True)
    order = np.lexsort((rows, columns))
    columns, rows = columns[order], rows[order]
    first = np.ones(len(columns), dtype=bool)
    first[1:] = (columns[1:] != columns[:-1]) | (rows[1:] != rows[:-1])
    return distinct, np.bincount(columns[first], minlength=len(distinct))


def _known(
    vocabulary: npt.NDArray[np.int64], keys: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Columns of the keys that are in a sorted vocabulary, and their rows."""
    if not len(vocabulary):
        return _NO_KEYS, _NO_KEYS
    columns = np.minimum(np.searchsorted(vocabulary, keys), len(vocabulary) - 1)
    known = vocabulary[columns] == keys
    return columns[known], rows[known]
