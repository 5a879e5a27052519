"""Most pairs above a cosine, from cells: each vector is compared with those near to it.

Vectors are stored in the cell of the nearest centre, and look for others in the cells of the few
nearest ones. What that finds is exact; what it misses is measured on a sample of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from skm2v._pairs.cells import Cells, drawn_rows, find_centers
from skm2v._pairs.coding import find_axes
from skm2v._pairs.engines import Chunk, Corpus, Parts
from skm2v._pairs.searching import Progress, check_threshold, each, gathered, ranges, scan
from skm2v._pairs.vectors import Vectors, check_vectors

__all__ = ["MostPairs", "Partition", "Recall", "most_pairs_above", "takes_long"]

# Comparisons that are left to the exact scan, about half an hour of one core with AVX-512 and more
# than one with AVX2. A constant, as the result must not depend on the processor.
MOST_COMPARED = 8e12
PROBES, MOST_PROBES = 2, 64
ENOUGH = 0.995  # share of the pairs of a sample that so many probes must find
SAMPLES = (2000, 4000, 10_000)  # rows whose pairs are counted, one after the other,
ENOUGH_PAIRS = 2000  # until there are so many independent pairs
LARGEST = 1 << 18  # vectors that are prepared at a time
SLICE = 1 << 20  # vectors that a sample is compared with at a time
TRIED_CELLS, TRIED_ROWS = 48, 16  # whose pairs decide about the width of the prefix


class Recall(NamedTuple):
    """Share of all pairs that a partition finds, measured on a sample of rows.

    Attributes
    ----------
    value : float
        NaN where the sample has no pairs.
    low, high : float
        95 % interval.
    n_rows, n_pairs : int
        Rows of the sample, and pairs that they have.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.deduplication import most_pairs_above
    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.normal(size=(500, 16)).astype(np.float32)
    >>> vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    >>> recall = most_pairs_above(vectors, 0.8).recall
    >>> recall.low <= recall.value <= recall.high
    True
    """

    value: float
    low: float
    high: float
    n_rows: int
    n_pairs: int


def takes_long(n: int) -> bool:
    """Whether all pairs of so many vectors are too many for the exact scan."""
    return n * (n - 1) / 2 > MOST_COMPARED


class Partition:
    """Vectors in cells.

    Parameters
    ----------
    vectors : Vectors
    threshold : float
        Cosine that pairs must reach.
    n_jobs : int or None, default=None
    engine : str or None, default=None
        As for `Corpus`. It decides about time only.

    Attributes
    ----------
    n_cells, n_probes : int
    recall : Recall
    """

    def __init__(
        self,
        vectors: Vectors,
        threshold: float,
        *,
        n_jobs: int | None = None,
        engine: str | None = None,
    ) -> None:
        self._vectors, self._threshold = vectors, threshold
        self._n_jobs, self._engine = n_jobs, engine
        n = len(vectors.rows)
        drawn = drawn_rows(vectors)
        centers = find_centers(vectors, drawn, max(1, round(n**0.5)), n_jobs=n_jobs, engine=engine)
        cells = Cells(centers, engine)
        self.n_cells = len(cells)
        # From the other end: rows that no centre was made of, if there are enough.
        self.n_probes, self.recall = self._measure(cells, drawn[::-1])
        rows = np.sort(vectors.rows)
        self._probes = np.full((len(vectors.values), self.n_probes), -1, dtype=np.int32)
        self._probes[rows] = cells.nearest(vectors, rows, self.n_probes, n_jobs=n_jobs)
        self._parts: Parts | None = None

    def _measure(self, cells: Cells, drawn: npt.NDArray[np.int32]) -> tuple[int, Recall]:
        """Number of probes that finds enough, and the share that it finds.

        One half of the sampled rows decides about the number, the other one about the share.
        """
        most = max(1, min(MOST_PROBES, len(cells) // 2))
        least = min(PROBES, most)
        needed, of_row = np.empty(0, np.int64), np.empty(0, np.int64)
        n_rows = 0
        for size in SAMPLES:
            rows = drawn[n_rows : n_rows + size]
            order = np.argsort(rows)
            left, right = self._pairs_of(rows[order])
            needed = np.append(needed, self._needed(cells, left, right, most))
            of_row = np.append(of_row, n_rows + order[np.searchsorted(rows[order], left)])
            n_rows += len(rows)
            if _independent(of_row) >= ENOUGH_PAIRS:
                break
        chooses = of_row % 2 == 0
        shares = [(needed[chooses] <= n).mean() if chooses.any() else 1.0 for n in range(most + 1)]
        enough = [n for n in range(least, most + 1) if shares[n] >= ENOUGH]
        n_probes = enough[0] if enough else most
        own = of_row[~chooses]
        return n_probes, _share(needed[~chooses] <= n_probes, own, n_rows // 2)

    def _pairs_of(
        self, rows: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """All pairs of some rows with all others."""
        queries, everything = self._vectors._replace(rows=rows), self._vectors.rows
        chunks: list[Chunk] = []
        for start in range(0, len(everything), SLICE):
            others = self._vectors._replace(rows=everything[start : start + SLICE])
            corpus = Corpus(others, self._threshold, self._engine)
            chunks += scan(corpus, queries, self._threshold, n_jobs=self._n_jobs)
        left = np.concatenate([np.empty(0, np.int32), *(chunk.left for chunk in chunks)])
        right = np.concatenate([np.empty(0, np.int32), *(chunk.right for chunk in chunks)])
        return left[left != right], right[left != right]

    def _needed(
        self,
        cells: Cells,
        left: npt.NDArray[np.int32],
        right: npt.NDArray[np.int32],
        most: int,
    ) -> npt.NDArray[np.int64]:
        """Number of probes with which pairs are found; more than `most` if they are not."""
        if not len(left):
            return np.empty(0, dtype=np.int64)
        rows, place = np.unique(np.concatenate([left, right]), return_inverse=True)
        near = cells.nearest(self._vectors, rows, most, n_jobs=self._n_jobs)
        one, other = place[: len(left)], place[len(left) :]
        needed = np.full(len(left), most + 1)
        for n in range(most, 0, -1):
            met = (near[one, n - 1] == near[other, 0]) | (near[other, n - 1] == near[one, 0])
            needed[met] = n
        return needed

    def scan(self, progress: Progress | None = None) -> Iterator[Chunk]:
        """Yield the pairs, each once, chunk by chunk, in bounded memory."""
        if not len(self._vectors.rows):
            return
        if self._parts is None:
            axes = find_axes(self._vectors, self._threshold, self._tried())
            self._parts = Parts(self._vectors, axes, self._engine)
        near = self._probes[self._parts.rows]
        stored = _places_of(near[:, :1], self.n_cells)
        looking = _places_of(near[:, 1:], self.n_cells)
        sizes, visits = np.diff(stored.indptr), np.diff(looking.indptr)
        work = np.cumsum(sizes * (sizes - 1) // 2 + sizes * visits, dtype=np.int64)

        def cell(number: int, _: int) -> Iterator[Chunk]:
            own = stored.indices[stored.indptr[number] : stored.indptr[number + 1]]
            others = looking.indices[looking.indptr[number] : looking.indptr[number + 1]]
            return self._in_cell(number, own, others)

        order = [(number, number + 1) for number in np.flatnonzero(sizes).tolist()]
        for number, chunks in each(cell, order, self._n_jobs):
            yield from chunks
            if progress is not None:
                progress(int(work[number - 1]), int(work[-1]))

    def _tried(self) -> list[npt.NDArray[np.int32]]:
        """Some vectors of some cells."""
        rows = self._vectors.rows
        cell = self._probes[rows, 0]
        order = np.argsort(cell, kind="stable")
        # Cells at equal distances in this order, so that a cell is drawn by its size.
        starts = np.linspace(0, len(rows), TRIED_CELLS, endpoint=False).astype(np.int64)
        numbers = np.unique(cell[order[starts]])
        first = np.searchsorted(cell[order], numbers)
        last = np.searchsorted(cell[order], numbers, side="right")
        found = []
        for start, stop in zip(first.tolist(), last.tolist(), strict=True):
            step = max(1, (stop - start) // TRIED_ROWS)
            found.append(rows[order[start:stop:step][:TRIED_ROWS]])
        return found

    def _in_cell(
        self, number: int, own: npt.NDArray[np.int32], others: npt.NDArray[np.int32]
    ) -> Iterator[Chunk]:
        """Pairs of what is stored in a cell, with each other and with what looks into it."""
        assert self._parts is not None
        for start in range(0, len(own), LARGEST):
            columns = own[start : start + LARGEST]
            prepared = self._parts.prepare(columns)
            engine = self._parts.compare(columns, prepared, own=True)
            for first, last in ranges(len(columns), len(columns)):
                yield from engine.pairs(first, last, self._threshold)
            later = own[start + LARGEST :]
            for queries, is_visit in ((later, False), (others, True)):
                for at in range(0, len(queries), LARGEST):
                    engine = self._parts.compare(queries[at : at + LARGEST], prepared)
                    for first, last in ranges(len(engine.rows), len(columns)):
                        for chunk in engine.pairs(first, last, self._threshold):
                            yield self._once(chunk, number) if is_visit else chunk

    def _once(self, chunk: Chunk, number: int) -> Chunk:
        """Leave out pairs which the right vector found in an earlier cell, looking for the left."""
        home = self._probes[chunk.left, 0]
        if self.n_probes == 1 or not len(home):
            return chunk
        again = (self._probes[chunk.right, 1:] == home[:, None]).any(axis=1) & (home < number)
        return Chunk(chunk.left[~again], chunk.right[~again], chunk.similarity[~again])


def _places_of(near: npt.NDArray[np.int32], n_cells: int) -> scipy.sparse.csc_array:
    """Matrix whose columns are cells, with the places of the rows that are in them, sorted."""
    n, k = near.shape
    indptr = np.arange(0, n * k + 1, k) if k else np.zeros(n + 1, dtype=np.int64)
    ones = np.ones(n * k, dtype=np.int8)
    return scipy.sparse.csr_array((ones, near.ravel(), indptr), shape=(n, n_cells)).tocsc()


def _independent(of_row: npt.NDArray[np.int64]) -> float:
    """Number of pairs that say as much as these, if all pairs of a row are found or missed."""
    counts = np.unique(of_row, return_counts=True)[1].astype(np.float64)
    return float(counts.sum() ** 2 / np.square(counts).sum()) if len(counts) else 0.0


def _share(found: npt.NDArray[np.bool_], of_row: npt.NDArray[np.int64], n_rows: int) -> Recall:
    """Share of pairs, with the interval of Wilson (1927, doi:10.1080/01621459.1927.10502953)."""
    if not len(found):
        return Recall(float("nan"), 0.0, 1.0, n_rows, 0)
    share, n, z = float(found.mean()), _independent(of_row), 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return Recall(share, max(0.0, middle - half), min(1.0, middle + half), n_rows, len(found))


class MostPairs(NamedTuple):
    """Most pairs of rows, and what share of all they are.

    Attributes
    ----------
    left, right : ndarray of int32 of shape (n_pairs,)
        Row numbers, sorted by `left`, then `right`. `left` is the smaller one.
    similarity : ndarray of float32 of shape (n_pairs,)
        Their cosine.
    recall : Recall
        Share of all pairs that these are, measured on a sample of rows.
    n_cells, n_probes : int
        Number of cells, and of those that each vector is compared with.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.deduplication import most_pairs_above
    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.normal(size=(500, 16)).astype(np.float32)
    >>> vectors[250:] = vectors[:250]  # each row twice
    >>> vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    >>> pairs = most_pairs_above(vectors, 0.99)
    >>> len(pairs.left)
    250
    """

    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    similarity: npt.NDArray[np.float32]
    recall: Recall
    n_cells: int
    n_probes: int


for _public in (Recall, MostPairs):
    _public.__module__ = "skm2v.deduplication"


def most_pairs_above(
    vectors: npt.ArrayLike,
    threshold: float,
    *,
    max_pairs: int = 50_000_000,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> MostPairs:
    """Find nearly all pairs of vectors whose cosine is at least a threshold, among millions.

    Vectors are put into cells around centres (k-means), about as many as the root of their
    number, and each is compared with those in the few cells nearest to it. How many, at least two,
    is decided on a sample of rows, all pairs of which are known: so many that 99.5 % of these are
    found. Another sample tells the share that the result has.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
        Vectors of any length; computed with as float32. A zero vector is in no pair.
    threshold : float
        Cosine between -1 and 1, rounded to float32 as the similarities are.
    max_pairs : int, default=50_000_000
        More pairs are an error, as they take 12 bytes each.
    n_jobs : int or None, default=None
        Number of threads; None means 1, -1 all processors.
    progress : callable or None, default=None
        Called with the number of comparisons so far and in all.

    Returns
    -------
    pairs : MostPairs
        The same for any CPU, number of threads and order of rows.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of those above.
    OverflowError
        If there are more than `max_pairs` pairs.

    See Also
    --------
    pairs_above : All pairs, in a time that grows with the square of the number of vectors.

    Notes
    -----
    Beyond the vectors and the pairs themselves it takes about 200 bytes of memory a vector, and
    half as many more for each further number of a code, which is at most as long as the vector.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.deduplication import most_pairs_above
    >>> vectors = np.random.default_rng(0).standard_normal((3000, 16))
    >>> vectors[1000:2000] = 2 * vectors[:1000]
    >>> found = most_pairs_above(vectors, 0.99)
    >>> len(found.left), found.recall.value
    (1000, 1.0)
    """
    threshold = check_threshold(threshold)
    partition = Partition(check_vectors(vectors), threshold, n_jobs=n_jobs)
    pairs = gathered(partition.scan(progress), threshold, max_pairs, triangle=True)
    return MostPairs(*pairs, partition.recall, partition.n_cells, partition.n_probes)
