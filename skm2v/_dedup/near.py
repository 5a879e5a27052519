"""Texts that share most of their runs of characters: all pairs above a Jaccard similarity.

Pairs are found exactly (Chaudhuri, Ganti and Kaushik 2006, doi:10.1109/ICDE.2006.9; Bayardo, Ma and
Srikant 2007, doi:10.1145/1242572.1242591): two sets with a similarity of at least t must share
one of their rarest elements, of which each needs to look at a share of 1 - t only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.sparse

from skm2v._pairs.engines import Chunk

__all__ = ["near_pairs"]

LENGTH = 5  # characters of a run
WORK = 20_000_000  # meetings of rare runs that are looked at together
VERIFIED = 1 << 16  # pairs whose sets are intersected together
SLACK = 1e-6  # for a similarity that is stored as float32


def near_pairs(texts: list[str], threshold: float, n_left: int | None = None) -> Iterator[Chunk]:
    """Yield pairs of texts, each once, whose sets of 5-grams of characters are similar.

    Parameters
    ----------
    texts : list of str
        A text that is shorter than five characters is one gram.
    threshold : float
        Least Jaccard similarity, above 0.
    n_left : int or None, default=None
        Only pairs of one of so many first texts with one of the others.
    """
    grams = _gram_sets(texts)
    sizes = np.diff(grams.indptr)
    # The rarest come first; grams of one text only are rare, but nothing shares them.
    counts = np.bincount(grams.indices, minlength=grams.shape[1])
    place = np.empty(grams.shape[1], dtype=np.int64)
    place[np.lexsort((np.arange(grams.shape[1]), counts))] = np.arange(grams.shape[1])
    row = np.repeat(np.arange(len(texts)), sizes)
    order = np.lexsort((place[grams.indices], row))
    within = np.arange(len(row)) - np.repeat(grams.indptr[:-1], sizes)
    needed = sizes - np.ceil((threshold - SLACK) * sizes).astype(np.int64) + 1
    rare = within < np.repeat(needed, sizes)
    prefix = scipy.sparse.csr_array(
        (np.ones(rare.sum(), dtype=np.int32), (row[rare], grams.indices[order][rare])),
        shape=grams.shape,
    )
    columns = scipy.sparse.csr_array(prefix.T)
    work = np.asarray(prefix @ np.diff(columns.indptr), dtype=np.int64)
    part = np.cumsum(work) // WORK
    for start, stop in _runs(part):
        met = scipy.sparse.coo_array(prefix[start:stop] @ columns)
        i, j = met.row + start, met.col
        small, large = np.minimum(sizes[i], sizes[j]), np.maximum(sizes[i], sizes[j])
        possible = (j > i) & (small >= (threshold - SLACK) * large)
        if n_left is not None:
            possible &= (i < n_left) & (j >= n_left)
        i, j = i[possible], j[possible]
        for begin in range(0, len(i), VERIFIED):
            a, b = i[begin : begin + VERIFIED], j[begin : begin + VERIFIED]
            shared = np.asarray(grams[a].multiply(grams[b]).sum(axis=1)).ravel()
            value = (shared / (sizes[a] + sizes[b] - shared)).astype(np.float32)
            above = value >= np.float32(threshold)
            yield Chunk(a[above].astype(np.int32), b[above].astype(np.int32), value[above])


def _runs(part: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of equal numbers."""
    stops = (np.flatnonzero(np.diff(part)) + 1).tolist()
    return list(zip([0, *stops], [*stops, len(part)], strict=True)) if len(part) else []


def _gram_sets(texts: list[str]) -> scipy.sparse.csr_array:
    """Matrix with a 1 for every gram of a text."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    padded = np.maximum(lengths, LENGTH)
    joined = "".join(text.ljust(LENGTH, "\0") for text in texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    characters, places = np.unique(codes, return_inverse=True)
    # Numbers in a base: different for different grams. Where there are too many characters for
    # 64 bits, a product with an odd constant takes their place, and equal numbers are improbable.
    exact = len(characters) ** LENGTH < 2**64
    base = np.uint64(len(characters) if exact else 0x9E3779B97F4A7C15)
    starts = np.concatenate([[0], np.cumsum(padded)[:-1]]).astype(np.int64)
    n_grams = padded - LENGTH + 1
    row = np.repeat(np.arange(len(texts)), n_grams)
    first = np.repeat(starts - (np.cumsum(n_grams) - n_grams), n_grams) + np.arange(len(row))
    number = np.zeros(len(row), dtype=np.uint64)
    for offset in range(LENGTH):
        number = number * base + places[first + offset].astype(np.uint64)
    different, gram = np.unique(number, return_inverse=True)
    sets = scipy.sparse.csr_array(
        (np.ones(len(row), dtype=np.int32), (row, gram)), shape=(len(texts), len(different))
    )
    sets.sum_duplicates()
    sets.data[:] = 1
    return sets
