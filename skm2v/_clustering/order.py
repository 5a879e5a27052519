"""One order of rows, whatever order they come in, and sums that do not depend on threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

__all__ = ["canonical_order", "first_of_equals", "one_thread", "scattered"]


def canonical_order(rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return row numbers in the order of the rows' bytes.

    Equal rows keep their order, so whatever is computed of rows in this order is the same for any
    order that they came in.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Numbers without NaN.
    """
    values = np.ascontiguousarray(rows) + rows.dtype.type(0)  # -0.0 becomes 0.0
    if not values.size:
        return np.arange(len(rows))
    keys = values.view(f"V{values.dtype.itemsize * values.shape[1]}").ravel()
    return np.argsort(keys, kind="stable")


def first_of_equals(rows: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return for each row in canonical order the first one that is equal to it."""
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return np.asarray(np.flatnonzero(first)[np.cumsum(first) - 1], dtype=np.int64)


def scattered(values: npt.NDArray[Any], order: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Put what was computed of rows in an order back to the places of these rows."""
    out = np.empty_like(values)
    out[order] = values
    return out


def one_thread() -> Any:
    """Return a context in which BLAS and OpenMP add in one order, since they have one thread."""
    return threadpool_limits(1)
