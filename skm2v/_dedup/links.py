"""Links between texts: which pairs say the same, by what, and how much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v._dedup.near import near_pairs
from skm2v._dedup.nodes import Nodes
from skm2v._pairs.engines import Chunk, Corpus
from skm2v._pairs.partition import Partition, takes_long
from skm2v._pairs.searching import Progress, scan
from skm2v._pairs.vectors import Vectors, check_vectors

__all__ = ["EXACT", "KINDS", "METHODS", "NEAR", "SEMANTIC", "Linker", "Links"]

METHODS = ("auto", "exact", "partition")

KINDS = ("exact", "near", "semantic")
EXACT, NEAR, SEMANTIC = range(3)
# Groups of rows that are compared within themselves only have a scan of their own from this size.
OWN_SCAN = 512

Verify = Callable[[list[str], list[str]], Any]


@dataclass(frozen=True)
class Links:
    """Pairs of nodes with a kind and a value each.

    Attributes
    ----------
    left, right : ndarray of int32 of shape (n_links,)
    value : ndarray of float32 of shape (n_links,)
        Cosine or Jaccard similarity.
    kind : ndarray of int8 of shape (n_links,)
        Places in `KINDS`.
    """

    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: npt.NDArray[np.float32]
    kind: npt.NDArray[np.int8]

    @classmethod
    def of_chunks(cls, chunks: list[tuple[int, Chunk]]) -> Links:
        """Join chunks, each with its kind."""
        empty = Chunk(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))
        columns = [*zip(*(chunk for _, chunk in [(0, empty), *chunks]), strict=True)]
        left, right, value = (np.concatenate(column) for column in columns)
        kind = [np.full(len(chunk.left), kind, dtype=np.int8) for kind, chunk in chunks]
        return cls(left, right, value, np.concatenate([np.empty(0, np.int8), *kind]))

    def take(self, which: npt.NDArray[Any]) -> Links:
        """Return some of the links."""
        return Links(self.left[which], self.right[which], self.value[which], self.kind[which])

    def followed_by(self, other: Links) -> Links:
        """Both, one after the other."""
        return Links(
            np.concatenate([self.left, other.left]),
            np.concatenate([self.right, other.right]),
            np.concatenate([self.value, other.value]),
            np.concatenate([self.kind, other.kind]),
        )

    def above(self, threshold: float) -> Links:
        """Links at a threshold of the cosine; those of other kinds stay."""
        return self.take((self.kind != SEMANTIC) | (self.value >= np.float32(threshold)))

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True)
class Linker:
    """Finds links between nodes.

    Parameters
    ----------
    nodes : Nodes
    vectors : ndarray of float32 of shape (n_nodes, d) or None
        None if there are no semantic links.
    floor : float
        Least cosine.
    near_threshold : float or None
        Least Jaccard similarity; None if there are no near links.
    numbers : ndarray of int64 of shape (n_nodes,) or None
        Codes that must be equal.
    verify : callable or None
        Takes two lists of texts, says which pairs are the same.
    n_jobs : int or None
    method : {"auto", "exact", "partition"}, default="exact"

    Attributes
    ----------
    partitions : dict
        Those that were made, by the number of the group of nodes.
    """

    nodes: Nodes
    vectors: npt.NDArray[np.float32] | None
    floor: float
    near_threshold: float | None
    numbers: npt.NDArray[np.int64] | None
    verify: Verify | None
    n_jobs: int | None
    method: str = "exact"
    partitions: dict[int, Partition] = field(default_factory=dict)

    def accepted(self, chunk: Chunk) -> Chunk:
        """Return the pairs that nothing but their similarity could speak against."""
        left, right = chunk.left, chunk.right
        within = self.nodes.within
        good = (within[left] == within[right]) & (within[left] >= 0)
        if self.numbers is not None:
            good &= self.numbers[left] == self.numbers[right]
        if self.verify is not None and good.any():
            texts, places = self.nodes.originals, np.flatnonzero(good)
            same = self.verify(
                [texts[i] for i in left[places].tolist()],
                [texts[i] for i in right[places].tolist()],
            )
            same = np.asarray(same)
            if same.shape != places.shape:
                raise ValueError(
                    f"verify must return a value for each of {len(places)} pairs; got an array of"
                    f" shape {same.shape}."
                )
            if same.dtype != bool:
                wrong = (same != 0) & (same != 1)
                if wrong.any():
                    raise ValueError(
                        "verify must return True or False, or 1 and 0, for each pair; got"
                        f" {some(same[wrong].tolist())}. Fix: compare a score with a threshold."
                    )
            good[places] = same.astype(bool)
        return Chunk(left[good], right[good], chunk.similarity[good])

    def near(
        self, old: npt.NDArray[np.bool_] | None = None, n_left: int | None = None
    ) -> Iterator[Chunk]:
        """Yield all near links, or those with a node that is not `old`, or of the first nodes."""
        if self.near_threshold is None:
            return
        for chunk in near_pairs(self.nodes.texts, self.near_threshold, n_left):
            if old is not None:
                new = ~(old[chunk.left] & old[chunk.right])
                chunk = Chunk(chunk.left[new], chunk.right[new], chunk.similarity[new])
            yield self.accepted(chunk)

    def semantic(self, progress: Progress | None = None) -> Iterator[Chunk]:
        """Yield all semantic links, or with a partition most of them."""
        if self.vectors is None:
            return
        within = self.nodes.within
        sizes = np.bincount(within[within >= 0], minlength=1)
        large = np.flatnonzero(sizes >= OWN_SCAN)
        rest = np.flatnonzero(~np.isin(within, large) & (within >= 0))
        for number in large.tolist():
            yield from self._among(np.flatnonzero(within == number), number, progress)
        if len(rest) > 1:
            yield from self._among(rest, -1, progress)

    def is_partitioned(self, n: int) -> bool:
        """Whether so many nodes are compared in cells."""
        by_choice = self.method == "partition" and n >= OWN_SCAN
        return by_choice or (self.method == "auto" and takes_long(n))

    def _among(
        self, nodes: npt.NDArray[np.int64], number: int, progress: Progress | None
    ) -> Iterator[Chunk]:
        """Yield semantic links of some nodes, which are the group of a number."""
        if not self.is_partitioned(len(nodes)):
            yield from self.between(nodes, None, progress)
            return
        if number not in self.partitions:
            vectors = self._vectors_of(nodes)
            self.partitions[number] = Partition(vectors, self.floor, n_jobs=self.n_jobs)
        for chunk in self.partitions[number].scan(progress):
            yield self.accepted(chunk)

    def between(
        self,
        left: npt.NDArray[np.int64],
        right: npt.NDArray[np.int64] | None,
        progress: Progress | None = None,
    ) -> Iterator[Chunk]:
        """Yield all semantic links of some nodes with others, or among themselves for None."""
        corpus_nodes = left if right is None else right
        if self.vectors is None or not len(left) or not len(corpus_nodes):
            return
        corpus = Corpus(self._vectors_of(corpus_nodes), self.floor)
        queries = None if right is None else self._vectors_of(left)
        for chunk in scan(corpus, queries, self.floor, n_jobs=self.n_jobs, progress=progress):
            yield self.accepted(chunk)

    @cached_property
    def _checked(self) -> Vectors:
        assert self.vectors is not None
        return check_vectors(self.vectors)

    def _vectors_of(self, nodes: npt.NDArray[np.int64]) -> Vectors:
        """Vectors of some nodes, whose numbers they keep."""
        checked = self._checked
        rows = nodes[checked.squares[nodes] > 0].astype(np.int32)
        return checked._replace(rows=rows)
