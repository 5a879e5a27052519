"""Read, append and replace rows of a model's table, in whatever number type it has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._model.parts import ModelParts
from skm2v._model.quantization import quantize
from skm2v._pooling import PoolingTable

__all__ = ["entry_vectors", "with_new_tokens", "with_vectors"]


def entry_vectors(table: PoolingTable, entries: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return what tokens and pairs add to the vector of a text.

    Parameters
    ----------
    table : PoolingTable
    entries : ndarray of int of shape (n,)
        Token ids; V + i is the i-th pair.

    Returns
    -------
    vectors : ndarray of float32 of shape (n, d)
    """
    return table.entry_vectors(entries, np.float32)


def with_new_tokens(
    parts: ModelParts, tokenizer: str, vectors: npt.NDArray[np.floating[Any]]
) -> ModelParts:
    """Append tokens: their rows come after those of the other tokens, before those of pairs.

    Parameters
    ----------
    parts : ModelParts
    tokenizer : str
        JSON text of a tokenizer whose first V tokens are the model's.
    vectors : ndarray of shape (n, d)
        What each new token adds to the vector of a text.
    """
    tensors = dict(parts.tensors)
    table = parts.table()
    n_rows = len(table.rows) - table.n_pairs
    rows, scales = quantize(vectors, table.rows.dtype.name)
    tensors["embeddings"] = np.insert(table.rows, n_rows, rows, axis=0)
    if table.weights is not None:
        scales = np.ones(len(rows), np.float32) if scales is None else scales
        tensors["weights"] = np.insert(table.weights, table.n_tokens, scales)
    if table.mapping is not None:
        new = np.arange(n_rows, n_rows + len(rows), dtype=np.int32)
        tensors["mapping"] = np.concatenate([table.mapping, new])
    return replace(parts, tokenizer=tokenizer, tensors=tensors)


def with_vectors(
    parts: ModelParts, entries: npt.NDArray[Any], vectors: npt.NDArray[np.floating[Any]]
) -> ModelParts:
    """Replace vectors of tokens and pairs; all others keep their bytes.

    Parameters
    ----------
    parts : ModelParts
    entries : ndarray of int of shape (n,)
        Token ids; V + i is the i-th pair.
    vectors : ndarray of shape (n, d)
        What each of them shall add to the vector of a text.
    """
    tensors = dict(parts.tensors)
    table = parts.table()
    rows, scales = quantize(vectors, table.rows.dtype.name)
    if table.weights is not None:
        weights = table.weights.copy()
        weights[entries] = 1 if scales is None else scales
        tensors["weights"] = weights
    if table.mapping is None:
        changed = table.rows.copy()
        changed[entries] = rows
    else:
        changed, tensors["mapping"] = _with_own_rows(table, entries, rows)
    tensors["embeddings"] = changed
    return replace(parts, tensors=tensors)


def _with_own_rows(
    table: PoolingTable, entries: npt.NDArray[Any], rows: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    """Rows and mapping in which entries have rows of their own, as others may share the old ones.

    Rows that no token has any more go, so that tables do not grow with each replacement.
    """
    assert table.mapping is not None
    n_rows = len(table.rows) - table.n_pairs
    tokens = entries < table.n_tokens
    places = table.mapping.astype(np.int64)
    places[entries[tokens]] = n_rows + np.arange(tokens.sum())
    used, mapping = np.unique(places, return_inverse=True)
    of_tokens = np.concatenate([table.rows[:n_rows], rows[tokens]])[used]
    of_pairs = table.rows[n_rows:].copy()
    of_pairs[entries[~tokens] - table.n_tokens] = rows[~tokens]
    return np.concatenate([of_tokens, of_pairs]), mapping.astype(np.int32)
