"""The readable way from texts to vectors, which the compiled kernel is tested against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from skm2v.pooling.table import PoolingTable
from skm2v.pooling.tokenization import TextTokenizer

__all__ = ["ReferenceEngine", "pool_ids"]

BLOCK_TOKENS = 1 << 16


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
        texts: list[str],
        out: npt.NDArray[np.float32],
        *,
        max_length: int | None,
        normalize: bool,
        empty: npt.NDArray[np.bool_],
        truncated: npt.NDArray[np.bool_],
    ) -> None:
        """Write the vectors of some texts into `out`, and which are empty or were truncated."""
        limit = None if max_length is None else max_length + 1
        start = 0
        while start < len(texts):
            stop, n_chars = start, 0
            while stop < len(texts) and (stop == start or n_chars < BLOCK_TOKENS):
                n_chars += len(texts[stop])
                stop += 1
            ids, indptr = self.tokenizer.ids(texts[start:stop], limit=limit)
            lengths = np.diff(indptr)
            block = slice(start, stop)
            if max_length is not None:
                truncated[block] = lengths > max_length
            position = np.arange(len(ids)) - np.repeat(indptr[:-1], lengths)
            keep = np.ones(len(ids), dtype=bool)
            if max_length is not None:
                keep &= position < max_length
            if self.tokenizer.unk_id is not None:
                keep &= ids != self.tokenizer.unk_id
            kept = np.concatenate([[0], np.cumsum(keep)])[indptr]
            empty[block] = np.diff(kept) == 0
            out[block] = pool_ids(self.table, ids[keep], kept, normalize=normalize)
            start = stop


def pool_ids(
    table: PoolingTable,
    ids: npt.NDArray[np.int32],
    indptr: npt.NDArray[np.int64],
    *,
    normalize: bool,
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

    Returns
    -------
    vectors : ndarray of float32 of shape (n_texts, d)
        The vector of a text without tokens is zero.
    """
    lengths = np.diff(indptr)
    rows = ids if table.mapping is None else table.mapping[ids]
    weights = None if table.weights is None else table.weights[ids]
    vectors = _sum_rows(table.rows, rows, weights, indptr)
    if table.pairs is not None and len(table.pairs):
        pair, pair_indptr = _pairs_of(table, ids, indptr)
        n_token_rows = len(table.rows) - len(table.pairs)
        weights = None if table.weights is None else table.weights[table.n_tokens + pair]
        vectors += _sum_rows(table.rows, n_token_rows + pair, weights, pair_indptr)
    vectors /= np.maximum(lengths, 1)[:, np.newaxis]
    if normalize:
        _normalize(vectors)
    return vectors.astype(np.float32)


def _sum_rows(rows, row_of_token, weights, indptr):  # type: ignore[no-untyped-def]
    """Sum of the (weighted) rows of each text, as a product of a sparse and a small dense matrix.

    Only the rows that occur are converted to float64, so the table itself is never expanded.
    """
    used, columns = np.unique(row_of_token, return_inverse=True)
    data = np.ones(len(columns)) if weights is None else weights.astype(np.float64)
    counts = csr_array((data, columns, indptr), shape=(len(indptr) - 1, len(used)))
    return counts @ rows[used].astype(np.float64)


def _pairs_of(table, ids, indptr):  # type: ignore[no-untyped-def]
    """Numbers of the table's pairs that occur in each text, in order of occurrence."""
    keys = table.pair_keys
    order = np.argsort(keys)
    adjacent = np.ones(max(len(ids) - 1, 0), dtype=bool)
    starts = indptr[1:-1]
    adjacent[starts[(starts > 0) & (starts < len(ids))] - 1] = False
    left, right = ids[:-1].astype(np.int64), ids[1:]
    wanted = left * table.n_tokens + right
    place = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    found = adjacent & (keys[order[place]] == wanted)
    before = np.concatenate([[0], np.cumsum(found), [found.sum()]])
    return order[place[found]], before[indptr]


def _normalize(vectors: npt.NDArray[np.float64]) -> None:
    """Scale rows to norm 1 in place, whatever their magnitude; zero rows stay zero."""
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    # Scaling by a power of two is exact, and keeps squares from underflow and overflow.
    _, exponent = np.frexp(largest)
    np.ldexp(vectors, -exponent, out=vectors)
    norms = np.sqrt(np.add.reduce(vectors * vectors, axis=1, keepdims=True))
    norms[norms == 0] = 1
    vectors /= norms
