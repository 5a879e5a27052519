"""Groups of rows: their labels, centres, and the cosines of rows to these."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from skm2v._checks import some
from skm2v._clustering.order import canonical_order, one_thread
from skm2v._pairs.vectors import check_vectors

__all__ = ["Groups", "cosines_to", "group_rows", "read_labels"]

ROWS = 8192  # at a time

Floats = npt.NDArray[np.float64]


class Labels(NamedTuple):
    """Labels of rows as numbers.

    Attributes
    ----------
    names : list
        Different labels as objects of Python, sorted.
    codes : ndarray of int64 of shape (n_rows,)
        Places in `names`; -1 for rows without a group.
    """

    names: list[Any]
    codes: npt.NDArray[np.int64]


def read_labels(labels: Any, n_rows: int | None, *, noise: bool = True) -> Labels:
    """Number the labels of rows.

    Parameters
    ----------
    labels : array-like of shape (n_rows,)
        Integers, strings or other values that are all of one type.
    n_rows : int or None
        Number of labels that there must be.
    noise : bool
        Whether the integer -1, by which scikit-learn's clusterers mean no group, is none.
    """
    array = np.asarray(labels.to_numpy() if hasattr(labels, "to_numpy") else labels)
    if array.ndim != 1 or (n_rows is not None and len(array) != n_rows):
        wanted = "one-dimensional" if n_rows is None else f"one for each of {n_rows} rows"
        raise ValueError(f"labels must be {wanted}; got shape {array.shape}.")
    if array.dtype.kind == "f":
        odd = np.flatnonzero(~(array == np.floor(array)) | ~np.isfinite(array))
        if odd.size:
            raise ValueError(
                f"labels must not be missing or fractions; rows {some(odd)} are. Fix: leave these"
                " rows out, or give them the label -1, which means no group."
            )
        array = array.astype(np.int64)
    if array.dtype.kind == "O":
        missing = [row for row, label in enumerate(array.tolist()) if label is None]
        if missing:
            raise ValueError(
                f"labels must not be missing; rows {some(missing)} are. Fix: leave these rows out."
            )
    if array.dtype.kind == "c":
        raise TypeError(f"labels must be integers or strings; got dtype {array.dtype}.")
    try:
        names, codes = np.unique(array, return_inverse=True)
    except TypeError as error:
        raise TypeError(
            "labels must be of one type, such as all integers or all strings."
            " Fix: [str(label) for label in labels]."
        ) from error
    codes = codes.astype(np.int64)
    if noise and names.dtype.kind in "iu" and len(names) and names[0] == -1:
        names, codes = names[1:], codes - 1
    return Labels(names.tolist(), codes)


class Groups(NamedTuple):
    """Rows in an order of their own, with their groups.

    Attributes
    ----------
    names : list
        Labels.
    order : ndarray of int64 of shape (n_rows,)
        Row numbers in canonical order; what follows is in this order.
    codes : ndarray of int64 of shape (n_rows,)
    vectors : ndarray of float32 of shape (n_rows, d)
        Of length 1, or zero.
    sizes : ndarray of int64 of shape (n_groups,)
    sums : ndarray of float64 of shape (n_groups, d)
    """

    names: list[Any]
    order: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]
    sizes: npt.NDArray[np.int64]
    sums: Floats

    @property
    def centers(self) -> Floats:
        """Sums of length 1."""
        return of_length_one(self.sums)


def group_rows(vectors: Any, labels: Any) -> Groups:
    """Sort rows into their groups.

    Parameters
    ----------
    vectors : array-like of shape (n_rows, d)
    labels : array-like of shape (n_rows,)
    """
    checked = check_vectors(vectors)
    names, codes = read_labels(labels, len(checked.values))
    if not names:
        raise ValueError(
            "There is no group: all labels are -1, which means no group. Fix: a clusterer that"
            " gives every text a group, such as skm2v.clustering.WardKMeans."
            if len(codes)
            else "There is no group: vectors and labels are empty."
        )
    lengths = np.sqrt(checked.squares)
    lengths[lengths == 0] = 1
    unit = (checked.values / lengths[:, None]).astype(np.float32)
    order = canonical_order(unit)
    unit, codes = unit[order], codes[order]
    sums = np.zeros((len(names), unit.shape[1]))
    for start in range(0, len(unit), ROWS):
        part = slice(start, start + ROWS)
        rows = np.flatnonzero(codes[part] >= 0)
        shape = (len(names), len(codes[part]))
        member = sparse.csr_array((np.ones(len(rows)), (codes[part][rows], rows)), shape=shape)
        sums += member @ unit[part].astype(np.float64)
    sizes = np.bincount(codes[codes >= 0], minlength=len(names))
    return Groups(names, order, codes, unit, sizes, sums)


def of_length_one(rows: Floats) -> Floats:
    """Rows divided by their lengths; zeros stay."""
    lengths = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    lengths[lengths == 0] = 1
    return np.asarray(rows / lengths)


def cosines_to(centers: Floats, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Cosines of rows of length 1 to centres.

    Returns
    -------
    cosines : ndarray of float32 of shape (n_rows, n_groups)
    """
    transposed = np.ascontiguousarray(centers.T, dtype=np.float32)
    out = np.empty((len(vectors), len(centers)), dtype=np.float32)
    with one_thread():
        for start in range(0, len(vectors), ROWS):
            part = slice(start, start + ROWS)
            np.matmul(vectors[part], transposed, out=out[part])
    return out
