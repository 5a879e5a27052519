"""Token ids of many texts, and numbers for pairs of neighbouring tokens."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["TokenIds", "keys_of_pairs", "pairs_of_keys"]

Integers = npt.NDArray[np.integer[Any]]


class TokenIds(NamedTuple):
    """Token ids of texts, one text after the other.

    Attributes
    ----------
    ids : ndarray of int32 of shape (n_tokens,)
    indptr : ndarray of int64 of shape (n_texts + 1,)
        The ids of text ``i`` are ``ids[indptr[i]:indptr[i + 1]]``.
    """

    ids: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int64]

    @property
    def n_texts(self) -> int:
        """Number of texts."""
        return len(self.indptr) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of tokens of each text."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Number of the text of each token."""
        return np.repeat(np.arange(self.n_texts), self.lengths)

    def split(self) -> list[npt.NDArray[np.int32]]:
        """Return the ids of each text."""
        stops = self.indptr.tolist()
        return [self.ids[start:stop] for start, stop in zip(stops, stops[1:], strict=False)]

    def known(self, unknown: int | None) -> TokenIds:
        """Return the ids without those of the unknown token; all if there is none."""
        return self if unknown is None else self.where(self.ids != unknown)

    def where(self, keep: npt.NDArray[np.bool_]) -> TokenIds:
        """Return the ids of some tokens, of as many texts."""
        before = np.zeros(len(keep) + 1, dtype=np.int64)
        np.cumsum(keep, out=before[1:])
        return TokenIds(self.ids[keep], before[self.indptr])

    def take(self, texts: Integers) -> TokenIds:
        """Return the ids of some texts, in the order in which they are asked for."""
        lengths = self.lengths[texts]
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        positions = np.arange(indptr[-1]) + np.repeat(self.indptr[texts] - indptr[:-1], lengths)
        return TokenIds(self.ids[positions], indptr)

    def neighbours(
        self,
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Left and right token of all neighbours within a text, and the number of the text."""
        rows = self.rows
        inside = rows[1:] == rows[:-1]
        return self.ids[:-1][inside], self.ids[1:][inside], rows[1:][inside]


def keys_of_pairs(left: Integers, right: Integers, n_tokens: int) -> npt.NDArray[np.int64]:
    """One number for each pair of token ids below `n_tokens`, in the order of left and right."""
    return left.astype(np.int64) * n_tokens + right


def pairs_of_keys(keys: npt.NDArray[np.int64], n_tokens: int) -> npt.NDArray[np.int32]:
    """Pairs of which :func:`keys_of_pairs` has made numbers, of shape (n_pairs, 2)."""
    return np.stack([keys // n_tokens, keys % n_tokens], axis=1).astype(np.int32)
