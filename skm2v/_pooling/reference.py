"""The readable way from texts to vectors, which the compiled kernel is tested against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._pooling.foreign import find_foreign_texts
from skm2v._pooling.table import PoolingTable
from skm2v._pooling.text_buffers import TextBuffers
from skm2v._pooling.token_ids import TokenIds
from skm2v._pooling.tokenization import TextTokenizer

__all__ = ["ReferenceEngine", "pool_ids"]

# Texts are tokenized and pooled in blocks of about this many characters, a few thousand tokens.
BLOCK_CHARS = 1 << 15


class ReferenceEngine:
    """Tokenize with HF ``tokenizers``, pool with a SciPy product of a sparse matrix.

    Parameters
    ----------
    tokenizer : TextTokenizer
    table : PoolingTable
    """

    def __init__(self, tokenizer: TextTokenizer, table: PoolingTable) -> None:
        self.tokenizer = tokenizer
        self.table = table

    def pool_into(
        self,
        texts: list[str] | TextBuffers,
        out: npt.NDArray[np.float32],
        *,
        max_length: int | None,
        normalize: bool,
        empty: npt.NDArray[np.bool_] | bytearray,
        truncated: npt.NDArray[np.bool_] | bytearray,
        total: bool = False,
    ) -> bool:
        """Write the vectors of texts into `out`, and which are empty or were truncated.

        Parameters
        ----------
        texts : list of str or TextBuffers
        out : ndarray of float32 of shape (n_texts, d)
        max_length : int or None
            Number of tokens of a text to use; unknown ones count.
        normalize : bool
        empty, truncated : ndarray of bool or bytearray of shape (n_texts,)
            Written like `out`. In `empty`, 2 stands for a text of a language that the vocabulary
            was not made for.
        total : bool, default=False
            Sums instead of means.

        Returns
        -------
        noted : bool
            Whether something else than False was written into `empty` or `truncated`.
        """
        texts = list(texts)
        empty, truncated = np.frombuffer(empty, np.uint8), np.frombuffer(truncated, bool)
        for start, stop in _blocks(texts):
            rows = slice(start, stop)
            read = self._tokenize(texts[rows], max_length, truncated[rows])
            tokens = read.known(self.tokenizer.unk_id)
            found = find_foreign_texts(read, self.tokenizer.foreign_tokens, self.tokenizer.unk_id)
            empty[rows] = (tokens.lengths == 0) + 2 * found
            out[rows] = pool_ids(self.table, *tokens, normalize=normalize, total=total)
        return bool(empty.any() or truncated.any())

    def ids(self, texts: list[str], *, max_length: int | None) -> TokenIds:
        """Ids of the first `max_length` tokens of each text, unknown ones included."""
        return self.tokenizer.ids(texts, limit=max_length)

    def _tokenize(
        self, texts: list[str], max_length: int | None, truncated: npt.NDArray[np.bool_]
    ) -> TokenIds:
        """Ids of the first `max_length` tokens of each text, and which texts have more."""
        limit = None if max_length is None else max_length + 1
        tokens = self.tokenizer.ids(texts, limit=limit)
        truncated[:] = False
        if max_length is not None:
            # One token more than wanted was asked for: where it came, the text was too long.
            np.greater(tokens.lengths, max_length, out=truncated)
            wanted = np.ones(len(tokens.ids), dtype=bool)
            wanted[tokens.indptr[1:][truncated] - 1] = False
            tokens = tokens.where(wanted)
        return tokens


def pool_ids(
    table: PoolingTable,
    ids: npt.NDArray[np.int32],
    indptr: npt.NDArray[np.int64],
    *,
    normalize: bool,
    total: bool = False,
) -> npt.NDArray[np.float32]:
    """Mean of the vectors of each text's tokens.

    Everything is done in float64 and in the order of the tokens, one text after the other, so a
    text's vector does not depend on the texts around it.

    Parameters
    ----------
    table : PoolingTable
    ids : ndarray of int32 of shape (n_tokens,)
        Token ids of all texts, one after the other.
    indptr : ndarray of int64 of shape (n_texts + 1,)
        The ids of text ``i`` are ``ids[indptr[i]:indptr[i + 1]]``.
    normalize : bool
        Scale vectors to Euclidean norm 1. Zero vectors stay zero.
    total : bool, default=False
        Return sums instead of means.

    Returns
    -------
    vectors : ndarray of float32 of shape (n_texts, d)
        The vector of a text without tokens is zero.
    """
    vectors = _sum_entries(table, ids, indptr)
    if table.n_pairs:
        pairs, pair_indptr = _pairs_of(table, ids, indptr)
        vectors += _sum_entries(table, table.n_tokens + pairs, pair_indptr)
    if not total:
        vectors /= np.maximum(np.diff(indptr), 1)[:, np.newaxis]
    if normalize:
        _normalize(vectors)
    return vectors.astype(np.float32)


def _blocks(texts: list[str]) -> Iterator[tuple[int, int]]:
    """Contiguous ranges of texts with a bounded number of characters."""
    start, n_chars = 0, 0
    for stop, text in enumerate(texts, start=1):
        n_chars += len(text) + 1
        if n_chars >= BLOCK_CHARS or stop == len(texts):
            yield start, stop
            start, n_chars = stop, 0


def _sum_entries(
    table: PoolingTable, entries: npt.NDArray[np.integer[Any]], indptr: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Sum of the vectors of tokens or pairs for each text: a sparse times a small dense matrix.

    Only the rows that occur are converted to float64, so the table itself is never expanded.
    """
    from scipy.sparse import csr_array  # the kernel does without SciPy

    used, columns = np.unique(entries, return_inverse=True)
    counts = csr_array((np.ones(len(columns)), columns, indptr), shape=(len(indptr) - 1, len(used)))
    return np.asarray(counts @ table.entry_vectors(used))


def _pairs_of(
    table: PoolingTable, ids: npt.NDArray[np.int32], indptr: npt.NDArray[np.int64]
) -> TokenIds:
    """Numbers of the table's pairs that occur in each text, in order, instead of token ids."""
    pairs = np.full(len(ids), -1, dtype=np.int32)  # at the right token of each pair
    pairs[1:] = table.find_pairs(ids[:-1], ids[1:])
    pairs[indptr[:-1][np.diff(indptr) > 0]] = -1  # the first token of a text has no left one
    return TokenIds(pairs, indptr).where(pairs >= 0)


def _normalize(vectors: npt.NDArray[np.float64]) -> None:
    """Scale rows to norm 1 in place, whatever their magnitude; zero rows stay zero."""
    # Scaling by a power of two is exact, and keeps the squares from underflow and overflow.
    _, exponents = np.frexp(np.abs(vectors).max(axis=1, keepdims=True))
    np.ldexp(vectors, -exponents, out=vectors)
    norms = np.sqrt(np.add.reduce(vectors * vectors, axis=1, keepdims=True))
    norms[norms == 0] = 1
    vectors /= norms
