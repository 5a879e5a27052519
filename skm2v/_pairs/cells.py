"""Cells of vectors: which ones are near to which of some centres.

Nothing here depends on the order of rows, the number of threads or the processor: rows are drawn
by a hash of their numbers, the centres nearest to them are found exactly, and centres are means in
whole numbers, whose sum is the same in any order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import scipy.sparse

from skm2v._pairs.coding import unit_rows
from skm2v._pairs.engines import Corpus
from skm2v._pairs.searching import each, nearest_of
from skm2v._pairs.vectors import Vectors, check_vectors, squares

__all__ = ["Cells", "drawn_rows", "find_centers"]

ROUNDS = 8  # of k-means
ROWS_OF_CELL = 48  # that centres are the means of, on average
BATCH = 16_384  # rows at a time
UNITS = 2.0**24  # of numbers between -1 and 1, as whole numbers

Step = Callable[[int], None]


def drawn_rows(vectors: Vectors) -> npt.NDArray[np.int32]:
    """Rows that are not zero in a random order, which is one of the vectors, not of their rows."""
    rows = vectors.rows
    factors = np.random.default_rng(0).integers(
        2**63, size=vectors.values.shape[1], dtype=np.uint64
    )
    factors = 2 * factors + 1
    keys = np.empty(len(rows), dtype=np.uint64)
    for start in range(0, len(rows), BATCH):
        # Adding 0 makes 0 of -0, which is the same number.
        part = vectors.values[rows[start : start + BATCH]] + np.float32(0)
        bits = part.view(np.uint32).astype(np.uint64)
        bits *= factors
        key = bits.sum(axis=1)
        key ^= key >> np.uint64(32)
        keys[start : start + BATCH] = key * np.uint64(0x9E3779B97F4A7C15)
    return rows[np.argsort(keys, kind="stable")]


class Cells:
    """Centres, and how to find those that are nearest to vectors.

    Parameters
    ----------
    centers : ndarray of float32 of shape (n_cells, d)
    engine : str or None, default=None
        As for `Corpus`.
    """

    def __init__(self, centers: npt.NDArray[np.float32], engine: str | None = None) -> None:
        self._corpus = Corpus(check_vectors(centers, "centers"), None, engine)

    def __len__(self) -> int:
        return len(self._corpus.vectors.values)

    def nearest(
        self,
        vectors: Vectors,
        rows: npt.NDArray[np.int32],
        k: int,
        *,
        n_jobs: int | None = None,
        step: Step | None = None,
    ) -> npt.NDArray[np.int32]:
        """Return the `k` nearest cells of some rows, the nearest one first.

        Parameters
        ----------
        vectors : Vectors
        rows : ndarray of int32 of shape (n,)
            None of which is zero.
        k : int
            At most the number of cells.
        n_jobs : int or None, default=None
        step : callable or None, default=None
            Called with the number of rows that are done.

        Returns
        -------
        cells : ndarray of int32 of shape (n, k)
        """
        out = np.empty((len(rows), k), dtype=np.int32)

        def work(start: int, stop: int) -> list[npt.NDArray[np.int32]]:
            engine = self._corpus.compare(vectors._replace(rows=rows[start:stop]))
            found = np.empty((stop - start, k), dtype=np.int32)
            # The engine has its own order of these rows, of which each may occur once.
            place = np.argsort(rows[start:stop], kind="stable")
            mine = place[np.searchsorted(rows[start:stop], engine.rows, sorter=place)]
            found[mine] = nearest_of(engine, 0, stop - start, k, -1.5)[1]
            return [found]

        parts = [(at, min(at + BATCH, len(rows))) for at in range(0, len(rows), BATCH)]
        start = 0
        for stop, found in each(lambda a, b: iter(work(a, b)), parts, n_jobs):
            out[start:stop] = next(iter(found))
            start = stop
            if step is not None:
                step(stop)
        return out


def find_centers(
    vectors: Vectors,
    drawn: npt.NDArray[np.int32],
    n_cells: int,
    *,
    n_jobs: int | None = None,
    engine: str | None = None,
) -> npt.NDArray[np.float32]:
    """Return centres of cells: means of directions that are nearest to each other (k-means).

    Parameters
    ----------
    vectors : Vectors
    drawn : ndarray of int32
        Rows in a random order; the first ones are the centres at first.
    n_cells : int
    n_jobs : int or None, default=None
    engine : str or None, default=None
        As for `Corpus`.

    Returns
    -------
    centers : ndarray of float32 of shape (n_cells, d)
        There may be fewer, where vectors are equal.
    """
    sample = np.sort(drawn[: n_cells * ROWS_OF_CELL])
    centers = unit_rows(vectors, drawn[:n_cells])
    _, first = np.unique(centers, axis=0, return_index=True)
    centers = centers[np.sort(first)]
    for _ in range(ROUNDS):
        nearest = Cells(centers, engine).nearest(vectors, sample, 1, n_jobs=n_jobs)[:, 0]
        sums = np.zeros(centers.shape, dtype=np.int64)
        for start in range(0, len(sample), BATCH):
            rows = sample[start : start + BATCH]
            whole = np.rint(unit_rows(vectors, rows) * np.float32(UNITS)).astype(np.int64)
            place = nearest[start : start + BATCH], np.arange(len(rows))
            ones = np.ones(len(rows), dtype=np.int64)
            members = scipy.sparse.csr_array((ones, place), shape=(len(centers), len(rows)))
            sums += members @ whole
        means = (sums / UNITS).astype(np.float32)
        norms = np.sqrt(squares(means)).astype(np.float32)
        moved = centers.copy()  # a cell that nothing is nearest to keeps its centre
        moved[norms > 0] = means[norms > 0] / norms[norms > 0, None]
        if np.array_equal(moved, centers):
            break
        centers = moved
    return centers
