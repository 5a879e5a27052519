"""Vectors of users as the scan wants them: checked, float32, with their squared norms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v._pairs import exact

try:
    from skm2v._pairs._scan import squares
except ImportError:
    squares = exact.squares

__all__ = ["Vectors", "check_vectors", "squares", "squares_of"]

CHUNK = 16_384  # rows that are checked at a time
MOST_ROWS = 2**31 - 64


class Vectors(NamedTuple):
    """A set of vectors.

    Attributes
    ----------
    values : ndarray of float32 of shape (n, d)
        C-ordered; the array of the user where it is that already. Or of float16, if asked for.
    squares : ndarray of float64 of shape (n,)
        Squared norms.
    rows : ndarray of int32 of shape (n_nonzero,)
        Numbers of the rows that are not zero. The others have no direction, and no pairs.
    """

    values: npt.NDArray[np.float32]
    squares: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int32]


def check_vectors(vectors: Any, name: str = "vectors", *, halves: bool = False) -> Vectors:
    """Check an array of vectors.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
    name : str
        How messages call them.
    halves : bool, default=False
        Leave an array of float16 as it is, instead of making it one of float32.

    Raises
    ------
    TypeError
        If it is not an array of real numbers.
    ValueError
        If it has another shape, or numbers that are not finite as float32.
    """
    if hasattr(vectors, "toarray"):
        raise TypeError(
            f"{name} must be a dense array; got a sparse one. Fix: reduce it first, for example"
            " with sklearn.decomposition.TruncatedSVD, or pass .toarray() if it is small."
        )
    array = np.asarray(vectors)
    if array.ndim != 2:
        raise ValueError(
            f"{name} must have two dimensions, a row for each vector; got shape {array.shape}."
            " Fix: for one vector, pass vector.reshape(1, -1)."
        )
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise TypeError(
            f"{name} must hold real numbers; got dtype {array.dtype}. Fix: embed texts first, for"
            " example with StaticEmbedder().fit_transform(texts)."
        )
    if len(array) > MOST_ROWS:
        raise ValueError(f"{name} may have {MOST_ROWS:,} rows; got {len(array):,}.")
    with np.errstate(over="ignore"):  # found below, with the row
        kind = np.float16 if halves and array.dtype == np.float16 else np.float32
        values: npt.NDArray[Any] = np.ascontiguousarray(array, dtype=kind)
    for start in range(0, len(values), CHUNK):
        bad = np.flatnonzero(~np.isfinite(values[start : start + CHUNK]).all(axis=1))
        if bad.size:
            raise ValueError(
                f"{name} must be finite as float32; rows {some(bad + start)} are not. Fix: drop"
                " or repair these rows."
            )
    lengths = squares_of(values)
    return Vectors(values, lengths, np.flatnonzero(lengths).astype(np.int32))


def squares_of(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Squared norm of every row of float32 or float16."""
    if values.dtype == np.float32:
        return np.asarray(squares(values))
    out = np.empty(len(values))
    for start in range(0, len(values), CHUNK):
        part = slice(start, start + CHUNK)
        out[part] = squares(values[part].astype(np.float32))
    return out
