"""The two ways to find the same pairs: the compiled scan, and products of BLAS without it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from skm2v._pairs import exact
from skm2v._pairs.coding import (
    FLOAT32,
    MOST,
    Axes,
    Coded,
    Columns,
    Stored,
    as_columns,
    as_rows,
    code,
    columns_of,
    find_axes,
    store,
    taken,
    unit_rows,
)
from skm2v._pairs.vectors import Vectors, squares_of

try:
    from skm2v._pairs import _scan
except ImportError:
    if os.environ.get("SKM2V_REQUIRE_EXT") == "1":
        raise
    _scan = None
else:
    # As in _scan.pyx. The compiled file is not under version control, so it can be an older one.
    INTERFACE = 2
    if getattr(_scan, "INTERFACE", None) != INTERFACE:
        raise ImportError(
            f"{_scan.__file__} was compiled from another version of skm2v. Compile it again:"
            " pip install -e ."
        )

__all__ = ["Chunk", "Corpus", "Engine", "Parts", "engine_names"]

CAPACITY = 1 << 18  # pairs that are handed over at a time
PRODUCTS = 1 << 22  # similarities that BLAS computes at a time


class Chunk(NamedTuple):
    """Some pairs, as numbers of vectors."""

    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    similarity: npt.NDArray[np.float32]


class Engine(Protocol):
    """A comparison of queries, which are rows, with a corpus.

    Attributes
    ----------
    rows : ndarray of int32
        Number of the query at each place; zero vectors have none.
    """

    rows: npt.NDArray[np.int32]

    def pairs(self, start: int, stop: int, threshold: float) -> Iterator[Chunk]:
        """Yield the pairs of places start..stop."""

    def nearest(
        self, start: int, stop: int, k: int, threshold: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return similarities, rows and their number for places start..stop, in no order."""


def engine_names() -> list[str]:
    """Names of the engines that can be used here, the best one first."""
    names = []
    for name in ("avx512vnni", "avx2", "neon", "scalar"):
        try:
            if _scan is not None:
                names.append(_scan.scanner(name)[0])
        except ValueError:
            continue
    return [*names, "numpy"]


def _choose(engine: str | None) -> tuple[str, int, int]:
    """Name of an engine, the limit of its rows' codes, and what it adds to them."""
    engine = engine or os.environ.get("SKM2V_SCAN") or None
    if _scan is None or engine == "numpy":
        return "numpy", MOST, 0
    name, limit, offset = _scan.scanner(engine)
    return name, limit, offset


class Corpus:
    """Vectors that are searched, prepared once.

    Parameters
    ----------
    vectors : Vectors
    threshold : float or None
        Cosine that pairs must reach. None means that neighbours are wanted, however far.
    engine : str or None, default=None
        One of `engine_names`; None takes the environment variable ``SKM2V_SCAN``, or the best.
        It decides about time only.
    stored : Stored or None, default=None
        What :meth:`store` gave for these vectors.
    """

    def __init__(
        self,
        vectors: Vectors,
        threshold: float | None,
        engine: str | None = None,
        stored: Stored | None = None,
    ) -> None:
        self.vectors, self._threshold = vectors, threshold
        self.engine, self._limit, self._offset = _choose(engine)
        self._prepared: tuple[Axes, Columns] | None = None
        self._coded: Coded | None = None
        if stored is not None:
            self._prepared = columns_of(stored, vectors, self._offset)

    def prepare(self) -> tuple[Axes, Columns]:
        """Code the vectors, once."""
        if self._prepared is None:
            axes = find_axes(self.vectors, self._threshold)
            coded = code(self.vectors, axes)
            self._prepared = axes, as_columns(coded, self._offset)
            if self._threshold is not None and self._limit == MOST:
                self._coded = coded  # rows of all pairs; who asks for neighbours has other rows
        return self._prepared

    def store(self) -> Stored:
        """Return what makes another corpus of these vectors without coding them again."""
        axes, columns = self.prepare()
        return store(columns, axes)

    def cosines(
        self, vector: npt.NDArray[np.float32], rows: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.float32]:
        """Cosines of a vector with some of these, as a search finds them; 0 for zero vectors."""
        values, squares = self.vectors.values, self.vectors.squares
        query = vector.reshape(1, -1)
        square = squares_of(query)
        if _scan is not None:
            return np.asarray(_scan.cosines(vector, float(square[0]), values, squares, rows))
        similar = np.zeros(len(rows), dtype=np.float32)
        real = np.flatnonzero(squares[rows] * square[0] > 0)
        zeros = np.zeros(len(real), dtype=np.int32)
        similar[real] = exact.cosines((query, square), zeros, self.vectors[:2], rows[real])
        return similar

    def compare(
        self, queries: Vectors | None, permitted: npt.NDArray[np.bool_] | None = None
    ) -> Engine:
        """Prepare the comparison with other vectors, or of all pairs of these.

        Parameters
        ----------
        queries : Vectors or None
            None: each vector of the corpus with all later ones, or for neighbours with all others.
        permitted : ndarray of bool of shape (n,) or None, default=None
            Which vectors may be found as neighbours.
        """
        own = queries is None
        queries = self.vectors if queries is None else queries
        if self.engine == "numpy":
            return _BlasEngine(queries, self.vectors, own, permitted)
        axes, columns = self.prepare()
        coded = self._coded if own else None
        rows = as_rows(coded or code(queries, axes, self._limit), self._offset)
        return _CompiledEngine(self.engine, rows, columns, own, permitted)


class Parts:
    """Vectors that are compared part by part, coded once.

    Parameters
    ----------
    vectors : Vectors
    axes : Axes
    engine : str or None, default=None
        As for `Corpus`.

    Attributes
    ----------
    rows : ndarray of int32
        Number of the vector at each place.
    """

    def __init__(self, vectors: Vectors, axes: Axes, engine: str | None = None) -> None:
        self.engine, limit, self._offset = _choose(engine)
        self._vectors, self.rows = vectors, vectors.rows
        if self.engine != "numpy":
            self._columns = code(vectors, axes)
            self._rows = self._columns if limit == MOST else code(vectors, axes, limit)
            self.rows = self._columns.rows

    def prepare(self, places: npt.NDArray[np.int32]) -> Any:
        """Prepare vectors that others are compared with; `places` are sorted."""
        if self.engine == "numpy":
            return self._at(places)
        return as_columns(taken(self._columns, places), self._offset)

    def compare(self, places: npt.NDArray[np.int32], prepared: Any, *, own: bool = False) -> Engine:
        """Compare vectors at sorted places with prepared ones; `own` if they are the same ones."""
        if self.engine == "numpy":
            return _BlasEngine(self._at(places), prepared, own, None)
        rows = as_rows(taken(self._rows, places), self._offset)
        return _CompiledEngine(self.engine, rows, prepared, own, None)

    def _at(self, places: npt.NDArray[np.int32]) -> Vectors:
        return self._vectors._replace(rows=self.rows[places])


class _CompiledEngine:
    def __init__(
        self,
        name: str,
        rows: Any,
        columns: Columns,
        own: bool,
        permitted: npt.NDArray[np.bool_] | None,
    ) -> None:
        self.rows = rows.rows
        mask = None if permitted is None else permitted.view(np.uint8)
        self._scan = _scan.Scan(name, rows, columns, triangle=own, permitted=mask)

    def pairs(self, start: int, stop: int, threshold: float) -> Iterator[Chunk]:
        cursor = 0
        while cursor != -1:
            left = np.empty(CAPACITY, dtype=np.int32)
            right = np.empty(CAPACITY, dtype=np.int32)
            similarity = np.empty(CAPACITY, dtype=np.float32)
            n, cursor, _ = self._scan.pairs(start, stop, threshold, cursor, left, right, similarity)
            # Copies, as the rest of the arrays is empty in most cases.
            yield Chunk(left[:n].copy(), right[:n].copy(), similarity[:n].copy())

    def nearest(
        self, start: int, stop: int, k: int, threshold: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        similarity, found, filled = self._scan.nearest(start, stop, k, threshold)
        return similarity, found, filled


class _BlasEngine:
    """Products in float32, in whatever order BLAS adds, find the candidates."""

    def __init__(
        self,
        queries: Vectors,
        corpus: Vectors,
        own: bool,
        permitted: npt.NDArray[np.bool_] | None,
    ) -> None:
        self.rows = queries.rows
        self._queries, self._corpus, self._own, self._permitted = queries, corpus, own, permitted
        dim = corpus.values.shape[1]
        # What float32 can do to a product of two vectors of length 1, in any order of additions.
        self._slack = (dim + 8) * FLOAT32 * 1.01 + 1e-6

    def pairs(self, start: int, stop: int, threshold: float) -> Iterator[Chunk]:
        for places, columns, products in self._products(start, stop, start if self._own else 0):
            i, j = np.nonzero(products >= threshold - self._slack)
            if self._own:
                later = columns[j] > places[i]
                i, j = i[later], j[later]
            chunk = self._cosines(places[i], columns[j])
            above = chunk.similarity >= np.float32(threshold)
            yield Chunk(chunk.left[above], chunk.right[above], chunk.similarity[above])

    def nearest(
        self, start: int, stop: int, k: int, threshold: float
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        n = stop - start
        similarity = np.full((n, k), -2.0, dtype=np.float32)
        found = np.full((n, k), np.iinfo(np.int32).max, dtype=np.int32)
        filled = np.zeros(n, dtype=np.int32)
        least = np.full(n, threshold, dtype=np.float32)
        for places, columns, products in self._products(start, stop, 0):
            if self._permitted is not None:
                products[:, ~self._permitted[self._corpus.rows[columns]]] = -2.0
            floor, kth = least, k + self._own
            if products.shape[1] > kth:
                # What cannot be among the k best of this part is not wanted.
                floor = np.partition(products, -kth, axis=1)[:, -kth] - self._slack
                floor = np.maximum(least, floor)
            i, j = np.nonzero(products >= np.maximum(floor - self._slack, -1.5)[:, None])
            if self._own:
                other = columns[j] != places[i]
                i, j = i[other], j[other]
            chunk = self._cosines(places[i], columns[j])
            for row in np.unique(i):
                mine = (i == row) & (chunk.similarity >= np.float32(threshold))
                values = np.concatenate([similarity[row, : filled[row]], chunk.similarity[mine]])
                others = np.concatenate([found[row, : filled[row]], chunk.right[mine]])
                best = np.lexsort((others, -values))[:k]
                filled[row] = len(best)
                similarity[row, : len(best)] = values[best]
                found[row, : len(best)] = others[best]
                if len(best) == k:
                    least[row] = max(least[row], similarity[row, k - 1])
        return similarity, found, filled

    def _products(
        self, start: int, stop: int, first: int
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """Yield places, columns and their products, part by part."""
        places = np.arange(start, stop)
        rows = unit_rows(self._queries, self.rows[start:stop])
        step = max(1, PRODUCTS // max(1, len(places)))
        for begin in range(first, len(self._corpus.rows), step):
            columns = np.arange(begin, min(begin + step, len(self._corpus.rows)))
            yield places, columns, rows @ unit_rows(self._corpus, self._corpus.rows[columns]).T

    def _cosines(self, places: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Chunk:
        left, right = self.rows[places], self._corpus.rows[columns]
        similarity = exact.cosines(self._queries[:2], left, self._corpus[:2], right)
        return Chunk(left, right, similarity)
