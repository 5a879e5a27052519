"""All pairs above a cosine, and nearest neighbours: both exact."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_count, is_number, require
from skm2v._pairs.coding import Stored
from skm2v._pairs.engines import Chunk, Corpus, Engine
from skm2v._pairs.vectors import Vectors, check_vectors
from skm2v._pooling.threads import count_threads, submit

__all__ = [
    "NeighborSearch",
    "Neighbors",
    "Pairs",
    "check_threshold",
    "each",
    "gathered",
    "nearest_of",
    "pairs_above",
    "ranges",
    "scan",
    "sorted_pairs",
]

Progress = Callable[[int, int], None]
T = TypeVar("T")

# Rows that are compared with the corpus at a time, and the most products at a time: a tenth of a
# second of work, between two looks at Ctrl-C.
ROWS, PRODUCTS = 512, 1 << 28
AHEAD = 8  # chunks that a thread may find before they are asked for


class Pairs(NamedTuple):
    """Pairs of rows.

    Attributes
    ----------
    left, right : ndarray of int32 of shape (n_pairs,)
        Row numbers, sorted by `left`, then `right`. Within one set of vectors `left` is the smaller
        one.
    similarity : ndarray of float32 of shape (n_pairs,)
        Their cosine.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.deduplication import pairs_above
    >>> vectors = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=np.float32)
    >>> pairs = pairs_above(vectors, 0.7)
    >>> pairs.left, pairs.right, pairs.similarity.round(2)
    (array([0], dtype=int32), array([1], dtype=int32), array([0.8], dtype=float32))
    """

    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    similarity: npt.NDArray[np.float32]


Pairs.__module__ = "skm2v.deduplication"


class Neighbors(NamedTuple):
    """Nearest neighbours of rows.

    Attributes
    ----------
    similarity : ndarray of float32 of shape (n, k)
        Cosines, the largest first.
    row : ndarray of int32 of shape (n, k)
        Row numbers; of equally similar rows the first ones. Where there are fewer than `k`, as for
        a zero vector, -1, and the similarity is minus infinity.
    """

    similarity: npt.NDArray[np.float32]
    row: npt.NDArray[np.int32]


def pairs_above(
    vectors: npt.ArrayLike,
    threshold: float,
    *,
    other: npt.ArrayLike | None = None,
    max_pairs: int = 50_000_000,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Pairs:
    """Find all pairs of vectors whose cosine is at least a threshold.

    No pair is missing and none is too many: vectors are compared by the product of short codes,
    with a bound on what codes leave out, and the cosines of those which remain are computed in a
    fixed order of additions. So the result is the same to the bit for any CPU, number of threads
    and order of rows. It takes a time that grows with the square of the number of vectors: about a
    second of one core for 100,000 of them with AVX-512 and a threshold of 0.9.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
        Vectors of any length; computed with as float32. A zero vector is in no pair.
    threshold : float
        Cosine between -1 and 1, rounded to float32 as the similarities are.
    other : array-like of shape (m, d) or None, default=None
        Find pairs of a row of `vectors` and one of these, instead of pairs within `vectors`.
    max_pairs : int, default=50_000_000
        More pairs are an error, as they take 12 bytes each.
    n_jobs : int or None, default=None
        Number of threads; None means 1, -1 all processors.
    progress : callable or None, default=None
        Called with the number of pairs compared so far and in all.

    Returns
    -------
    pairs : Pairs
        `left`, `right` and `similarity`.

    Raises
    ------
    TypeError, ValueError
        If an argument is none of those above.
    OverflowError
        If there are more than `max_pairs` pairs.

    Notes
    -----
    Beyond the vectors and the pairs themselves it takes about 200 bytes of memory a vector.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.deduplication import pairs_above
    >>> vectors = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.1]])
    >>> pairs_above(vectors, 0.9)
    Pairs(left=array([0], dtype=int32), right=array([2], dtype=int32), \
similarity=array([0.9994449], dtype=float32))
    """
    threshold = check_threshold(threshold)
    require(is_count(max_pairs, 0), "max_pairs", max_pairs, "an integer that is not negative")
    queries = None
    if other is not None:
        queries, vectors = check_vectors(vectors), other
    corpus = check_vectors(vectors, "vectors" if other is None else "other")
    _check_same_width(queries, corpus)
    found = scan(Corpus(corpus, threshold), queries, threshold, n_jobs=n_jobs, progress=progress)
    return gathered(found, threshold, max_pairs, triangle=other is None)


def gathered(found: Iterator[Chunk], threshold: float, max_pairs: int, *, triangle: bool) -> Pairs:
    """Gather chunks, unless these are more pairs than are wanted."""
    chunks: list[Chunk] = []
    n_pairs = 0
    for chunk in found:
        n_pairs += len(chunk.left)
        if n_pairs > max_pairs:
            raise OverflowError(
                f"More than {max_pairs:,} pairs have a cosine of {threshold:g} or more. Fix: raise"
                " the threshold, leave out repeated rows first, or raise max_pairs."
            )
        chunks.append(chunk)
    return sorted_pairs(chunks, triangle=triangle)


def sorted_pairs(chunks: list[Chunk], *, triangle: bool) -> Pairs:
    """Put the pairs of chunks into their order; where `triangle`, the smaller row is the left."""
    if not chunks:
        empty = np.empty(0, dtype=np.int32)
        return Pairs(empty, empty.copy(), np.empty(0, dtype=np.float32))
    first, second = (np.concatenate([chunk[side] for chunk in chunks]) for side in (0, 1))
    similarity = np.concatenate([chunk.similarity for chunk in chunks])
    if triangle:
        first, second = np.minimum(first, second), np.maximum(first, second)
    order = np.argsort(first.astype(np.int64) << 32 | second)
    return Pairs(first[order], second[order], similarity[order])


def scan(
    corpus: Corpus,
    queries: Vectors | None,
    threshold: float,
    *,
    n_jobs: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Chunk]:
    """Yield all pairs above a threshold, chunk by chunk, in bounded memory.

    Parameters
    ----------
    corpus : Corpus
    queries : Vectors or None
        What to compare the corpus with; None: itself. Then each pair comes once, in any order.
    threshold : float
        At least that of the corpus, or a candidate in two will be one.
    n_jobs, progress
        As for `pairs_above`.
    """
    engine = corpus.compare(queries)
    n, m = len(engine.rows), len(corpus.vectors.rows)
    total = n * (n - 1) // 2 if queries is None else n * m

    def compared(stop: int) -> int:
        return stop * (2 * n - stop - 1) // 2 if queries is None else stop * m

    for stop, chunks in each(
        lambda start, stop: engine.pairs(start, stop, threshold), ranges(n, m), n_jobs
    ):
        yield from chunks
        if progress is not None:
            progress(compared(stop), total)


def ranges(n: int, m: int) -> list[tuple[int, int]]:
    """Ranges of rows that are done at a time."""
    step = max(8, min(ROWS, PRODUCTS // max(m, 1)))
    return [(start, min(start + step, n)) for start in range(0, n, step)]


def each(
    work: Callable[[int, int], Iterator[T]], parts: list[tuple[int, int]], n_jobs: int | None
) -> Iterator[tuple[int, Iterator[T]]]:
    """Yield the end of each part and what `work` gives for it, in order, a few parts ahead.

    Memory is bounded: threads stop at a few items of a part, the rest of which is done as it is
    asked for.
    """
    n_threads = min(count_threads(n_jobs), len(parts))
    if n_threads <= 1:
        for start, stop in parts:
            yield stop, work(start, stop)
        return

    def begin(start: int, stop: int) -> Iterator[T]:
        items = work(start, stop)
        return chain(list(islice(items, AHEAD)), items)

    waiting: deque[tuple[int, Future[Iterator[T]]]] = deque()
    todo = iter(parts)
    with ThreadPoolExecutor(n_threads, "skm2v") as threads:
        try:
            for start, stop in todo:
                waiting.append((stop, submit(threads, begin, start, stop)))
                if len(waiting) > 2 * n_threads:
                    end, future = waiting.popleft()
                    yield end, future.result()
            while waiting:
                end, future = waiting.popleft()
                yield end, future.result()
        finally:  # after an error, Ctrl-C, or when no more is wanted
            for _, future in waiting:
                future.cancel()


class NeighborSearch:
    """Find the nearest vectors of a corpus, exactly, for queries as they come.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
        The corpus. An array of float16 is left as it is.
    stored : Stored or None, default=None
        What :meth:`stored` gave for these vectors, which are taken on trust then.

    Attributes
    ----------
    n : int
        Number of vectors.
    """

    def __init__(self, vectors: npt.ArrayLike, stored: Stored | None = None) -> None:
        if stored is None:
            checked = check_vectors(vectors, halves=True)
        else:
            rows = np.flatnonzero(stored.squares).astype(np.int32)
            checked = Vectors(np.asarray(vectors), stored.squares, rows)
        self._corpus = Corpus(checked, None, stored=stored)
        self.n = len(checked.values)

    def prepare(self) -> None:
        """Do now what the first search would have to do."""
        self._corpus.prepare()

    def stored(self) -> Stored:
        """Return what a file has to hold beside the vectors, to be searched at once."""
        return self._corpus.store()

    def cosines(
        self, query: npt.NDArray[np.float32], rows: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.float32]:
        """Cosines of a vector with some of the corpus, those that :meth:`nearest` finds.

        Parameters
        ----------
        query : ndarray of float32 of shape (d,)
        rows : ndarray of int32 of shape (m,)

        Returns
        -------
        cosines : ndarray of float32 of shape (m,)
            0 where one of both is zero.
        """
        return self._corpus.cosines(query, rows)

    def nearest(
        self,
        queries: npt.ArrayLike | None,
        k: int,
        *,
        minimum: float = -1.0,
        permitted: npt.ArrayLike | None = None,
        n_jobs: int | None = None,
        progress: Progress | None = None,
    ) -> Neighbors:
        """Return the `k` nearest vectors of the corpus for each query.

        Parameters
        ----------
        queries : array-like of shape (m, d) or None
            None means the vectors of the corpus, each of which is not its own neighbour.
        k : int
        minimum : float, default=-1.0
            Cosine that neighbours must have.
        permitted : array-like of bool of shape (n,) or None, default=None
            Vectors of the corpus that may be found; None means all.
        n_jobs : int or None, default=None
            Number of threads; None means 1, -1 all processors.
        progress : callable or None, default=None
            Called with the number of queries answered so far and in all.

        Returns
        -------
        neighbors : Neighbors
            `similarity` and `row`; the same to the bit for any CPU and number of threads.
        """
        checked = None if queries is None else check_vectors(queries, "queries")
        _check_same_width(checked, self._corpus.vectors)
        mask = None if permitted is None else np.ascontiguousarray(permitted, dtype=bool)
        if mask is not None and mask.shape != (self.n,):
            raise ValueError(
                f"permitted must have a value for each of {self.n} vectors; got {mask.shape}."
            )
        if k < 1:
            raise ValueError(f"k must be at least 1; got {k!r}.")
        engine = self._corpus.compare(checked, mask)
        n_queries = self.n if checked is None else len(checked.values)
        similarity = np.full((n_queries, k), -np.inf, dtype=np.float32)
        row = np.full((n_queries, k), -1, dtype=np.int32)
        if not len(self._corpus.vectors.rows):
            return Neighbors(similarity, row)
        threshold = max(float(minimum), -1.5)
        parts = ranges(len(engine.rows), len(self._corpus.vectors.rows))
        done = 0
        for stop, found in each(
            lambda start, stop: iter([nearest_of(engine, start, stop, k, threshold)]), parts, n_jobs
        ):
            for similar, others in found:
                mine = engine.rows[done:stop]
                similarity[mine], row[mine] = similar, others
            done = stop
            if progress is not None:
                progress(done, len(engine.rows))
        return Neighbors(similarity, row)


def nearest_of(
    engine: Engine, start: int, stop: int, k: int, threshold: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Neighbours of rows start..stop, the best ones first."""
    similarity, found, filled = engine.nearest(start, stop, k, threshold)
    missing = np.arange(k) >= filled[:, None]
    similarity[missing], found[missing] = -np.inf, np.iinfo(np.int32).max
    order = np.lexsort((found, -similarity), axis=1)
    found[missing] = -1
    return np.take_along_axis(similarity, order, 1), np.take_along_axis(found, order, 1)


def check_threshold(threshold: Any) -> float:
    fits = is_number(threshold) and -1 <= threshold <= 1
    require(fits, "threshold", threshold, "a cosine between -1 and 1")
    return float(threshold)


def _check_same_width(queries: Vectors | None, corpus: Vectors) -> None:
    if queries is not None and queries.values.shape[1] != corpus.values.shape[1]:
        raise ValueError(
            "Both sets of vectors must have as many columns; got"
            f" {queries.values.shape[1]} and {corpus.values.shape[1]}."
        )
