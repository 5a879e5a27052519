"""The token table: what a token adds to the vector of its text."""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._pooling.token_ids import keys_of_pairs
from skm2v.exceptions import ModelFormatError

__all__ = ["PoolingTable", "aligned"]

ROW_DTYPES = ("float16", "float32", "float64", "int8")

# A vector is the sum of n token rows and at most n - 1 pair rows, divided by n: with entries up to
# half of the largest float32 no mean can overflow, whatever the text.
LARGEST_ENTRY = float(np.finfo(np.float32).max) / 2

CHECKED_ENTRIES = 1 << 18

# A row of 256 bytes takes four cache lines if it begins one, else five; for short texts that is 4 %
# of the time. A copy of a larger table would be felt in the memory.
LINE = 64
MOST_ALIGNED = 64 << 20


@dataclass(frozen=True, eq=False)
class PoolingTable:
    """Vectors of tokens, and of pairs of adjacent tokens.

    Token ``t`` stands for ``rows[mapping[t]] * weights[t]``. The last P rows belong to pairs:
    ``pairs[i]`` stands for ``rows[R - P + i] * weights[V + i]``. The arrays are kept read-only. A
    memory-mapped table stays mapped; a small one in memory may be copied to a better address.

    Parameters
    ----------
    rows : ndarray of shape (R, d), dtype float16, float32, float64 or int8
        Finite vectors. int8 rows need `weights`, which hold the scale of each row.
    weights : ndarray of float32 of shape (V + P,) or None, default=None
        One factor per token, then one per pair. None means 1.
    mapping : ndarray of int32 of shape (V,) or None, default=None
        Row of each token; None means that token ``t`` has row ``t``.
    pairs : ndarray of int32 of shape (P, 2) or None, default=None
        Left and right token id of each pair, without repeats.

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

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v import PoolingTable
    >>> weights = np.array([1, 2, 3], dtype=np.float32)
    >>> table = PoolingTable(np.eye(3, dtype=np.float32), weights=weights)
    >>> table.n_tokens, table.dim
    (3, 3)
    >>> table.entry_vectors(np.array([2]))
    array([[0., 0., 3.]])
    """

    __module__ = "skm2v"

    rows: npt.NDArray[Any]
    weights: npt.NDArray[np.float32] | None = None
    mapping: npt.NDArray[np.int32] | None = None
    pairs: npt.NDArray[np.int32] | None = None
    n_tokens: int = field(init=False)
    dim: int = field(init=False)
    _pair_keys: npt.NDArray[np.int64] = field(init=False, repr=False)
    _pair_order: npt.NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        def assign(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        rows = _checked("rows", self.rows, ROW_DTYPES, 2)
        if rows.strides[0] % LINE == 0 and not _is_mapped(rows):
            rows = aligned(rows)
        assign("rows", rows)
        for name, dtype, ndim in (("weights", "float32", 1), ("mapping", "int32", 1)):
            if getattr(self, name) is not None:
                assign(name, _checked(name, getattr(self, name), (dtype,), ndim))
        if self.pairs is not None:
            assign("pairs", _checked("pairs", self.pairs, ("int32",), 2))
        n_rows, dim = self.rows.shape
        n_token_rows = n_rows - self.n_pairs
        assign("dim", dim)
        assign("n_tokens", n_token_rows if self.mapping is None else len(self.mapping))
        self._check_shapes(n_token_rows)
        keys = self.pair_keys()
        assign("_pair_order", np.argsort(keys))
        assign("_pair_keys", keys[self._pair_order])
        self._check_values()

    def find_pairs(
        self, left: npt.NDArray[np.int32], right: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.int64]:
        """Position in `pairs` of each pair of token ids, -1 for those that have no row.

        Parameters
        ----------
        left, right : ndarray of int32 of shape (n,)
            Ids of the first and of the second token of each pair.

        Returns
        -------
        positions : ndarray of int64 of shape (n,)
            Rows of `pairs`, or -1.
        """
        if not self.n_pairs:
            return np.full(len(left), -1, dtype=np.int64)
        wanted = keys_of_pairs(left, right, self.n_tokens)
        place = np.minimum(np.searchsorted(self._pair_keys, wanted), self.n_pairs - 1)
        return np.where(self._pair_keys[place] == wanted, self._pair_order[place], -1)

    def pair_keys(self) -> npt.NDArray[np.int64]:
        """One number for each pair; see `keys_of_pairs` in `skm2v/_pooling/token_ids.py`.

        Returns
        -------
        keys : ndarray of int64 of shape (P,)
            In the order of `pairs`.
        """
        if self.pairs is None:
            return np.empty(0, dtype=np.int64)
        return keys_of_pairs(self.pairs[:, 0], self.pairs[:, 1], self.n_tokens)

    @property
    def n_pairs(self) -> int:
        """Number of pairs, P."""
        return 0 if self.pairs is None else len(self.pairs)

    def entry_vectors(
        self, entries: npt.NDArray[np.integer[Any]] | None = None, dtype: Any = np.float64
    ) -> npt.NDArray[Any]:
        """Return what tokens and pairs add to the sum of a text: rows times weights.

        Parameters
        ----------
        entries : ndarray of int of shape (n,) or None, default=None
            Token ids; V + i is the i-th pair. None means all, in this order.
        dtype : dtype, default=float64
            Rounded once to it, if it is a narrower type than that of the rows.

        Returns
        -------
        vectors : ndarray of shape (n, d)
            A row for each entry, weighted.
        """
        places = self._places(entries)
        rows = self.rows if places is None else self.rows[places]
        vectors = rows.astype(np.result_type(rows.dtype, np.float32, dtype))
        if self.weights is not None:
            weights = self.weights if entries is None else self.weights[entries]
            vectors *= weights[:, np.newaxis]
        return vectors.astype(dtype, copy=False)

    def _places(
        self, entries: npt.NDArray[np.integer[Any]] | None
    ) -> npt.NDArray[np.integer[Any]] | None:
        """Row of each token or pair; None for all of them in the order of the rows."""
        if self.mapping is None:
            return entries
        first = len(self.rows) - self.n_pairs  # row of the first pair
        if entries is None:
            return np.concatenate([self.mapping, np.arange(first, len(self.rows))])
        tokens = self.mapping[np.minimum(entries, self.n_tokens - 1)]
        return np.where(entries < self.n_tokens, tokens, first + entries - self.n_tokens)

    def _check_shapes(self, n_token_rows: int) -> None:
        n_entries = self.n_tokens + self.n_pairs
        if not self.dim:
            raise ModelFormatError("rows must have at least one column; got 0.")
        if n_token_rows < 0:
            raise ModelFormatError(
                f"Every pair needs a row; got {self.n_pairs} pairs and {len(self.rows)} rows."
            )
        if self.pairs is not None and self.pairs.shape[1] != 2:
            raise ModelFormatError(f"pairs must have 2 columns; got {self.pairs.shape[1]}.")
        if self.weights is None and self.rows.dtype == np.int8:
            raise ModelFormatError("int8 rows need weights, which hold the scale of each row.")
        if self.weights is not None and len(self.weights) != n_entries:
            raise ModelFormatError(
                f"weights must have one value per token and pair, {n_entries};"
                f" got {len(self.weights)}."
            )
        for name, numbers, stop in (
            ("mapping", self.mapping, n_token_rows),
            ("pairs", self.pairs, self.n_tokens),
        ):
            if numbers is None or not numbers.size:
                continue
            low, high = int(numbers.min()), int(numbers.max())
            if low < 0 or high >= stop:
                raise ModelFormatError(
                    f"{name} must hold numbers from 0 to {stop - 1}; got {low} to {high}."
                )

    def _check_values(self) -> None:
        if (np.diff(self._pair_keys) == 0).any():
            raise ModelFormatError("pairs must not repeat a pair.")
        largest = _largest("rows", self.rows)
        if self.weights is not None:
            largest *= _largest("weights", self.weights)
        if largest > LARGEST_ENTRY:
            raise ModelFormatError(
                f"Entries of the table must not exceed {LARGEST_ENTRY:.3g}, so that every mean is"
                f" a finite float32; got {largest:.3g}. Rescale the rows."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.rows, self.weights, self.mapping, self.pairs)


def _checked(name: str, array: Any, dtypes: tuple[str, ...], ndim: int) -> npt.NDArray[Any]:
    """Read-only C-ordered view of an array of the right type, in this machine's byte order."""
    array = np.asarray(array)
    dtype = array.dtype.newbyteorder("=")
    if dtype.name not in dtypes or array.ndim != ndim:
        raise ModelFormatError(
            f"{name} must be a {ndim}-D array of {' or '.join(dtypes)};"
            f" got {array.ndim}-D of {array.dtype}."
        )
    view: npt.NDArray[Any] = np.ascontiguousarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


def aligned(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a C-ordered array that begins a cache line, read-only: a copy, or itself if it does.

    One of more than ``MOST_ALIGNED`` bytes is returned as it is.
    """
    if array.ctypes.data % LINE == 0 or array.nbytes > MOST_ALIGNED:
        return array
    memory = np.empty(array.nbytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    copy.flags.writeable = False
    return copy


def _is_mapped(array: npt.NDArray[Any]) -> bool:
    owner: Any = array
    while isinstance(owner, np.ndarray) and not isinstance(owner, np.memmap):
        owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    return isinstance(owner, (np.memmap, mmap.mmap))


def _largest(name: str, array: npt.NDArray[Any]) -> float:
    """Largest absolute value, without a second copy of a table that may be mapped from disk."""
    flat = array.reshape(-1)
    largest = 0.0
    for start in range(0, len(flat), CHECKED_ENTRIES):
        part = flat[start : start + CHECKED_ENTRIES]
        if part.dtype == np.float16:
            # Its maxima are slow. Without the sign its bits are ordered as the numbers are, with
            # infinity and NaN above all of them.
            bits = part.view(np.uint16) & np.uint16(0x7FFF)
            part = bits.max(keepdims=True).view(np.float16)
        low, high = float(part.min()), float(part.max())
        largest = max(largest, -low, high)
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ModelFormatError(f"{name} must be finite; got NaN or infinity.")
    return largest
