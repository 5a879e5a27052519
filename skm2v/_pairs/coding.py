"""Vectors as short int8 codes, and what the codes leave out.

A vector of length 1 is rotated so that its first few numbers, the prefix, hold as much of it as
possible. The prefix is rounded to int8; the norms of what rounding and the rest leave out bound
how much a product of codes can be wrong (Cauchy and Schwarz). See ``csrc/scan.h``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skm2v._pairs.vectors import Vectors

__all__ = [
    "MOST",
    "Axes",
    "Coded",
    "Columns",
    "Rows",
    "Stored",
    "as_columns",
    "as_rows",
    "code",
    "columns_of",
    "find_axes",
    "store",
    "taken",
    "unit_rows",
]

GROUP, BLOCK = 16, 512  # as in csrc/scan.h
MOST = 127  # codes lie in -127..127 unless an instruction set wants them smaller
CHUNK = 8192  # rows coded at a time
SAMPLE = 10_000  # rows that the axes are taken from
TRIED = 768  # rows whose pairs are tried to find the best width
LARGEST_WIDTH = 8192  # the sums of products fit int32
# Nanoseconds for a column of codes, and for a candidate whose cosine has to be computed. They
# decide about time only.
COST_OF_COLUMN, COST_OF_CANDIDATE = 0.0041, 90.0
ROUNDING = 0.012  # what rounding to int8 typically adds to the bound
FLOAT32 = 2.0**-24
TINY = 2.0**-60  # norms between it and its reciprocal are normal float32 numbers, with room


@dataclass(frozen=True)
class Axes:
    """Directions of the prefix.

    Attributes
    ----------
    matrix : ndarray of float32 of shape (d, width) or None
        Orthonormal columns; None means the first `width` numbers as they are, all of them.
    width : int
        A multiple of four.
    scale : float
        Largest number of a prefix that is not cut off.
    error : float
        Largest norm of the error of a computed prefix of a vector of length 1.
    """

    matrix: npt.NDArray[np.float32] | None
    width: int
    scale: float
    error: float


@dataclass(frozen=True)
class Rows:
    """Coded rows; the attributes are those of ``skm_rows``."""

    codes: npt.NDArray[np.uint8]
    rest: npt.NDArray[np.float64]
    length: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int32]
    vectors: npt.NDArray[np.float32]
    squares: npt.NDArray[np.float64]
    scale: float


@dataclass(frozen=True)
class Columns:
    """Coded columns; the attributes are those of ``skm_columns``."""

    codes: npt.NDArray[np.int8]
    limits: npt.NDArray[np.int32]
    rest: npt.NDArray[np.float64]
    rounded: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int32]
    vectors: npt.NDArray[np.float32]
    squares: npt.NDArray[np.float64]
    scale: float


def find_axes(
    vectors: Vectors, threshold: float | None, cells: list[npt.NDArray[np.int32]] | None = None
) -> Axes:
    """Choose the directions and the width of the prefix.

    Parameters
    ----------
    vectors : Vectors
    threshold : float or None
        Cosine that pairs must reach; None, where it is not known, means a prefix of all numbers.
    cells : list of ndarray of int32 or None, default=None
        Some vectors of cells which alone are compared, each within itself.
    """
    dim = vectors.values.shape[1]
    full = -(-dim // 4) * 4
    if full > LARGEST_WIDTH:
        raise ValueError(f"Vectors may have {LARGEST_WIDTH:,} numbers; got {dim:,}.")
    step = max(1, len(vectors.rows) // SAMPLE)
    sample = unit_rows(vectors, vectors.rows[::step]).astype(np.float64)
    if threshold is not None and dim > GROUP and len(sample) > 1:
        values, directions = np.linalg.eigh(sample.T @ sample)
        directions = directions[:, np.argsort(-values, kind="stable")]
        tried, compared = _tried_pairs(vectors, sample, cells)
        width = _best_width(tried @ directions, compared, threshold)
        if width < dim:
            return _rotated(sample, directions[:, :width])
    largest = float(np.abs(sample).max(initial=0.0))
    return _whole(full, largest or 1.0)


def _tried_pairs(
    vectors: Vectors, sample: npt.NDArray[np.float64], cells: list[npt.NDArray[np.int32]] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Vectors, and which pairs of them are compared."""
    if cells is None:
        tried = sample[:: max(1, len(sample) // TRIED)]
        return tried, np.triu(np.ones((len(tried), len(tried)), dtype=bool), 1)
    rows = np.concatenate(cells)
    cell = np.repeat(np.arange(len(cells)), [len(one) for one in cells])
    return unit_rows(vectors, rows).astype(np.float64), np.triu(cell[:, None] == cell, 1)


def _best_width(
    rotated: npt.NDArray[np.float64], compared: npt.NDArray[np.bool_], threshold: float
) -> int:
    """Width with the least cost for the pairs of a sample, whose axes are sorted."""
    dim: int = rotated.shape[1]
    n_compared = max(int(compared.sum()), 1)
    products = np.zeros((len(rotated), len(rotated)))
    best = dim
    least = COST_OF_COLUMN * dim
    for width in range(GROUP, dim, GROUP):
        part = rotated[:, width - GROUP : width]
        products += part @ part.T
        rest = np.sqrt(np.square(rotated[:, width:]).sum(axis=1))
        candidates = (products + np.outer(rest, rest) >= threshold - ROUNDING) & compared
        share = np.count_nonzero(candidates) / n_compared
        cost = COST_OF_COLUMN * width + COST_OF_CANDIDATE * share
        if cost < least:
            best, least = width, cost
    return best


def _rotated(sample: npt.NDArray[np.float64], directions: npt.NDArray[np.float64]) -> Axes:
    dim, width = directions.shape
    # Axes of the prefix are turned among themselves, so that no number is much larger than the
    # others: the largest one decides how coarse the codes are.
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((width, width)))
    matrix = np.ascontiguousarray(directions @ turn, dtype=np.float32)
    largest = float(np.abs(sample @ matrix).max())
    # A sum of products in any order is off by (d + 1) roundings of each of its terms; here of
    # numbers which are rounded themselves.
    error = (dim + 4) * FLOAT32 * float(np.sqrt(width)) * 1.01
    return Axes(matrix, width, largest, error)


def unit_rows(vectors: Vectors, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Rows at a length of 1."""
    norms = np.sqrt(vectors.squares[rows])
    if len(rows) and norms.min() > TINY and norms.max() < 1 / TINY:
        factors = (1.0 / norms).astype(np.float32)
        return np.multiply(vectors.values[rows], factors[:, None], dtype=np.float32)
    # In float64: the reciprocal of a very small norm is too large for float32.
    unit = vectors.values[rows] / norms[:, None]
    return unit.astype(np.float32)


def _prefixes(vectors: Vectors, rows: npt.NDArray[np.int32], axes: Axes) -> npt.NDArray[np.float32]:
    unit = unit_rows(vectors, rows)
    if axes.matrix is not None:
        return np.asarray(unit @ axes.matrix)
    missing = axes.width - unit.shape[1]
    return np.pad(unit, ((0, 0), (0, missing))) if missing else unit


@dataclass(frozen=True)
class Coded:
    """Vectors in the order of the norms of their rests, for either side of a comparison."""

    vectors: Vectors
    codes: npt.NDArray[np.int8]
    rows: npt.NDArray[np.int32]
    rest: npt.NDArray[np.float64]
    length: npt.NDArray[np.float64]
    rounded: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]
    scale: float


def code(vectors: Vectors, axes: Axes, limit: int = MOST) -> Coded:
    """Round prefixes to -limit..limit."""
    n, scale = len(vectors.rows), axes.scale / limit
    codes = np.empty((n, axes.width), dtype=np.int8)
    length, rounded, error = np.empty(n), np.empty(n), np.empty(n)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        prefix = _prefixes(vectors, vectors.rows[part], axes)
        levels = np.clip(np.rint(prefix / np.float32(scale)), -limit, limit)
        codes[part] = levels
        length[part] = _norms(prefix)
        rounded[part] = _norms(levels) * scale
        error[part] = _norms(prefix - levels * np.float32(scale))
    # Norms and differences are computed in float32, which is as exact as the prefix is.
    slack = axes.error + 4 * axes.width * FLOAT32
    rest = np.sqrt(np.clip(1.0 - np.square(np.maximum(length - slack, 0.0)), 0.0, None))
    if axes.matrix is None:  # nothing is left out, so any order will do
        rest[:] = 0.0
        order = np.arange(n)
    else:
        order = np.argsort(rest, kind="stable")
        for start in range(0, axes.width, 4 * GROUP):  # no second copy of all at a time
            part = slice(start, start + 4 * GROUP)
            codes[:, part] = codes[:, part][order]
    return Coded(
        vectors,
        codes,
        vectors.rows[order],
        rest[order],
        length[order] + slack,
        rounded[order] + slack,
        error[order] + slack,
        scale,
    )


def taken(coded: Coded, places: npt.NDArray[np.int32]) -> Coded:
    """Return the vectors at some places, which are sorted."""
    return Coded(
        coded.vectors,
        coded.codes[places],
        coded.rows[places],
        coded.rest[places],
        coded.length[places],
        coded.rounded[places],
        coded.error[places],
        coded.scale,
    )


def _norms(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    norms: npt.NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", rows, rows)).astype(np.float64)
    return norms


def as_rows(coded: Coded, offset: int) -> Rows:
    """Prepare the rows of a comparison; `offset` is added to their codes."""
    return Rows(
        coded.codes.view(np.uint8) + np.uint8(offset),
        coded.rest,
        coded.length,
        coded.error,
        coded.rows,
        np.asarray(coded.vectors.values, dtype=np.float32),
        coded.vectors.squares,
        coded.scale,
    )


def as_columns(coded: Coded, offset: int) -> Columns:
    """Prepare the columns of a comparison with rows of that `offset`."""
    n, width = coded.codes.shape
    padded = -(-n // (2 * GROUP)) * (2 * GROUP)
    codes = np.zeros((padded, width), dtype=np.int8)
    codes[:n] = coded.codes
    limits = np.full(padded, np.iinfo(np.int32).max, dtype=np.int32)
    limits[:n] = offset * coded.codes.sum(axis=1, dtype=np.int32) - 1
    packed = codes.reshape(padded // GROUP, GROUP, width // 4, 4).transpose(0, 2, 1, 3)
    starts = np.arange(0, n, BLOCK)

    def largest(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.maximum.reduceat(values, starts) if n else values

    return Columns(
        np.ascontiguousarray(packed),
        limits,
        largest(coded.rest),
        largest(coded.rounded),
        largest(coded.error),
        coded.rows,
        coded.vectors.values,
        coded.vectors.squares,
        coded.scale,
    )


@dataclass(frozen=True, eq=False)
class Stored:
    """What a search for neighbours needs beside the vectors, so that a file can hold it.

    Attributes
    ----------
    squares : ndarray of float64 of shape (n,)
        Squared norms.
    codes : ndarray of int8 of shape (n_groups, 16 * width)
        Codes of the vectors that are not zero, as the scan wants them.
    sums : ndarray of int32 of shape (n_nonzero,)
        Sums of the codes of each.
    largest : ndarray of float64 of shape (2, n_blocks)
        Of each block of columns the largest norm of rounded vectors, and of errors of rounding.
    scale : ndarray of float64 of shape (1,)
        Largest number of a vector of length 1 that is not cut off.
    """

    squares: npt.NDArray[np.float64]
    codes: npt.NDArray[np.int8]
    sums: npt.NDArray[np.int32]
    largest: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]

    def is_sound(self, dim: int) -> bool:
        """Whether the arrays fit together, for vectors of `dim` numbers."""
        n = int(np.count_nonzero(self.squares))
        n_groups, width = -(-n // (2 * GROUP)) * 2, -(-dim // 4) * 4
        return (
            [array.dtype.name for array in (self.squares, self.codes, self.sums)]
            == ["float64", "int8", "int32"]
            and self.largest.dtype == self.scale.dtype == np.float64
            and self.squares.ndim == 1
            and bool(np.isfinite(self.squares).all() and (self.squares >= 0).all())
            and self.codes.shape == (n_groups, GROUP * width)
            and self.sums.shape == (n,)
            and self.largest.shape == (2, -(-n // BLOCK))
            and self.scale.shape == (1,)
            and bool(np.isfinite(self.largest).all() and self.scale[0] > 0)
        )


def store(columns: Columns, axes: Axes) -> Stored:
    """Return what `columns_of` wants; the columns hold all numbers of vectors, and no prefix."""
    n, width = len(columns.rows), axes.width
    groups = columns.codes.reshape(-1, width // 4, GROUP, 4)
    sums = groups.sum(axis=(1, 3), dtype=np.int32).ravel()[:n]
    return Stored(
        columns.squares,
        columns.codes.reshape(len(groups), GROUP * width),
        sums,
        np.stack([columns.rounded, columns.error]),
        np.array([axes.scale]),
    )


def columns_of(stored: Stored, vectors: Vectors, offset: int) -> tuple[Axes, Columns]:
    """Return the axes and columns that were stored."""
    width = stored.codes.shape[1] // GROUP
    n, padded = len(stored.sums), GROUP * len(stored.codes)
    limits = np.full(padded, np.iinfo(np.int32).max, dtype=np.int32)
    limits[:n] = offset * stored.sums - 1
    scale = float(stored.scale[0])
    columns = Columns(
        stored.codes,
        limits,
        np.zeros(stored.largest.shape[1]),
        np.ascontiguousarray(stored.largest[0]),
        np.ascontiguousarray(stored.largest[1]),
        vectors.rows,
        vectors.values,
        stored.squares,
        scale / MOST,
    )
    return _whole(width, scale), columns


def _whole(width: int, scale: float) -> Axes:
    """Axes of vectors that are coded as they are, with all their numbers."""
    return Axes(None, width, scale, 4 * FLOAT32)
