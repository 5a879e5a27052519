"""Narrower number types for token tables."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

__all__ = ["DTYPES", "DType", "cluster", "quantize"]

DType: TypeAlias = Literal["float16", "float32", "float64", "int8"]
DTYPES: tuple[str, ...] = get_args(DType)


def quantize(
    rows: npt.NDArray[Any], dtype: str
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32] | None]:
    """Store rows in another number type.

    int8 keeps a scale for each row, so that short rows lose no more than long ones: with one
    scale for the whole table the weight differences between tokens (a factor of 1,000) eat the
    seven bits.

    Parameters
    ----------
    rows : ndarray of shape (R, d), dtype float16, float32, float64 or int8
    dtype : {"float16", "float32", "float64", "int8"}

    Returns
    -------
    rows : ndarray of shape (R, d), dtype `dtype`
        The same object if it has the type already.
    scales : ndarray of float32 of shape (R,) or None
        For int8: the rows stand for ``rows * scales[:, None]``. None means 1.

    Raises
    ------
    ValueError
        If `dtype` is unknown or its range does not hold the values.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be one of {DTYPES}; got {dtype!r}.")
    if rows.dtype == dtype:
        return rows, None
    if dtype == "int8":
        return _to_int8(rows)
    largest = float(np.abs(rows).max(initial=0))
    limits = np.finfo(dtype)
    if largest > float(limits.max) or 0 < largest < float(limits.tiny):
        raise ValueError(
            f"The table's largest value is {largest:.2e}, outside the range of {dtype}"
            f" ({limits.tiny:.1e} to {limits.max:.1e}). Use 'float32' or 'int8'."
        )
    return rows.astype(dtype), None


def cluster(
    rows: npt.NDArray[Any], n_clusters: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Group similar rows by k-means, the same on every run.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
    n_clusters : int

    Returns
    -------
    centres : ndarray of float32 of shape (n_clusters, d)
    mapping : ndarray of int32 of shape (n,)
        Cluster of each row.
    """
    from sklearn.cluster import KMeans

    rows = rows.astype(np.float32, copy=False)
    # A seed that is part of the recipe: the same table gives the same clusters.
    kmeans = KMeans(n_clusters=n_clusters, init="random", random_state=42).fit(rows)
    # Not `labels_`, which can differ at ties: a row belongs to its nearest final centre.
    return kmeans.cluster_centers_.astype(np.float32), kmeans.predict(rows).astype(np.int32)


def _to_int8(rows: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    codes = np.empty(rows.shape, dtype=np.int8)
    scales = np.empty(len(rows), dtype=np.float32)
    # In blocks: a float64 copy of the whole table would be eight times its result.
    for start in range(0, len(rows), 4096):
        block = rows[start : start + 4096].astype(np.float64)
        scale = (np.abs(block).max(axis=1, initial=0) / 127).astype(np.float32)
        scale[scale == 0] = 1
        scales[start : start + 4096] = scale
        # The scale was rounded to float32, so the largest entry may be a hair over 127.
        codes[start : start + 4096] = np.rint(block / scale[:, None]).clip(-127, 127)
    return codes, scales
