"""The token table: what a token adds to the vector of its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v.exceptions import ModelFormatError

__all__ = ["PoolingTable"]

ROW_DTYPES = ("float16", "float32", "float64", "int8")

# A vector is the sum of at most n token rows and n - 1 pair rows, divided by n: with entries up to
# half of the largest float32 no mean can overflow, whatever the text.
LARGEST_ENTRY = float(np.finfo(np.float32).max) / 2


@dataclass(frozen=True, eq=False)
class PoolingTable:
    """Vectors of tokens, and of pairs of adjacent tokens.

    Token ``t`` stands for ``rows[mapping[t]] * weights[t]``; the last ``len(pairs)`` rows belong
    to pairs of adjacent tokens: pair ``i`` stands for ``rows[R - P + i] * weights[V + i]``. The
    arrays are kept as read-only views of what was passed, so memory-mapped tables stay mapped.

    Parameters
    ----------
    rows : ndarray of shape (R, d), dtype float16, float32, float64 or int8
        Finite vectors. int8 rows need `weights`, which hold the scale of each row.
    weights : ndarray of float32 of shape (V + P,) or None, default=None
        One factor per token, then one per pair. None means 1.
    mapping : ndarray of int32 of shape (V,) or None, default=None
        Row of each token; None means that token ``t`` has row ``t``.
    pairs : ndarray of int32 of shape (P, 2) or None, default=None
        Left and right token id of each pair row, without repeats.

    Attributes
    ----------
    n_tokens : int
        Number of tokens, V.
    dim : int
        Number of columns, d.

    Raises
    ------
    ModelFormatError
        If shapes, types or values do not fit together.
    """

    rows: npt.NDArray[Any]
    weights: npt.NDArray[np.float32] | None = None
    mapping: npt.NDArray[np.int32] | None = None
    pairs: npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        rows = _checked("rows", self.rows, ROW_DTYPES, 2)
        if rows.shape[1] == 0:
            raise ModelFormatError("The table must have at least one column; got 0.")
        pairs = self.pairs
        if pairs is not None:
            pairs = _checked("pairs", pairs, ("int32",), 2)
        n_pairs = 0 if pairs is None else len(pairs)
        mapping = self.mapping
        if mapping is not None:
            mapping = _checked("mapping", mapping, ("int32",), 1)
        n_tokens = len(rows) - n_pairs if mapping is None else len(mapping)
        weights = self.weights
        if weights is not None:
            weights = _checked("weights", weights, ("float32",), 1)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "mapping", mapping)
        object.__setattr__(self, "pairs", pairs)
        object.__setattr__(self, "_n_tokens", n_tokens)
        self._check_values(n_pairs)

    def _check_values(self, n_pairs: int) -> None:
        rows, weights, mapping, pairs = self.rows, self.weights, self.mapping, self.pairs
        n_tokens, n_token_rows = self.n_tokens, len(rows) - n_pairs
        if n_token_rows < 0:
            raise ModelFormatError(f"{n_pairs} pairs need as many rows; got {len(rows)} rows.")
        if mapping is not None and n_tokens and not _within(mapping, n_token_rows):
            raise ModelFormatError(
                f"mapping must hold row numbers from 0 to {n_token_rows - 1}; got values from"
                f" {mapping.min()} to {mapping.max()}."
            )
        if pairs is not None:
            if pairs.shape[1] != 2:
                raise ModelFormatError(f"pairs must have two columns; got {pairs.shape[1]}.")
            if n_pairs and not _within(pairs, n_tokens):
                raise ModelFormatError(
                    f"pairs must hold token ids from 0 to {n_tokens - 1}; got values from"
                    f" {pairs.min()} to {pairs.max()}."
                )
            if len(np.unique(self.pair_keys)) != n_pairs:
                raise ModelFormatError("pairs must not repeat a pair.")
        if weights is None:
            if rows.dtype == np.int8:
                raise ModelFormatError("int8 rows need weights, which hold the scale of each row.")
        elif len(weights) != n_tokens + n_pairs:
            raise ModelFormatError(
                f"weights must have one value per token and pair, {n_tokens + n_pairs};"
                f" got {len(weights)}."
            )
        largest = _largest("rows", rows)
        if weights is not None:
            largest *= _largest("weights", weights)
        if largest > LARGEST_ENTRY:
            raise ModelFormatError(
                f"Entries of the table must stay below {LARGEST_ENTRY:.2e}, so that every mean"
                f" is a finite float32; got {largest:.2e}. Rescale the rows."
            )

    @property
    def n_tokens(self) -> int:
        n_tokens: int = self._n_tokens  # type: ignore[attr-defined]
        return n_tokens

    @property
    def dim(self) -> int:
        return int(self.rows.shape[1])

    @property
    def pair_keys(self) -> npt.NDArray[np.int64]:
        """One number per pair, ``left * n_tokens + right``."""
        if self.pairs is None:
            return np.empty(0, dtype=np.int64)
        left, right = self.pairs.T.astype(np.int64)
        return np.asarray(left * self.n_tokens + right)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rows, self.weights, self.mapping, self.pairs)


def _checked(name: str, array: Any, dtypes: tuple[str, ...], ndim: int) -> npt.NDArray[Any]:
    """Read-only C-ordered view of an array of the right type, in this machine's byte order."""
    array = np.asanyarray(array)
    if array.dtype.newbyteorder("=").name not in dtypes or array.ndim != ndim:
        raise ModelFormatError(
            f"{name} must be a {ndim}-D array of {' or '.join(dtypes)};"
            f" got {array.ndim}-D of {array.dtype}."
        )
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    view = array.view()
    view.flags.writeable = False
    return view


def _within(numbers: npt.NDArray[np.int32], stop: int) -> bool:
    return int(numbers.min()) >= 0 and int(numbers.max()) < stop


def _largest(name: str, array: npt.NDArray[Any]) -> float:
    """Largest absolute value, by way of the extremes: no temporary copy of a mapped table."""
    if not array.size:
        return 0.0
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ModelFormatError(f"{name} must be finite; got NaN or infinity.")
    return max(-low, high)
