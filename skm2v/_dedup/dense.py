"""Groups of texts with more links than memory has room for, without storing these."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from skm2v._dedup.groups import star
from skm2v._dedup.links import SEMANTIC, Linker, Links
from skm2v._pairs.engines import Chunk

__all__ = ["best_links", "star_by_rounds", "star_of_blocks"]

# Nodes whose links among themselves are held at a time: at most 33 million links.
SMALLEST, LARGEST = 4096, 8192


def star_of_blocks(
    linker: Linker, near: Links, rank: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Choose the nodes to keep that `star` would, from blocks of nodes by rank.

    Parameters
    ----------
    linker : Linker
    near : Links
        Links that are stored after all.
    rank : ndarray of int64 of shape (n_nodes,)
    """
    n = len(rank)
    order = np.argsort(rank, kind="stable")
    kept, dropped = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    size = min(max(n // 64, SMALLEST), LARGEST)
    for start in range(0, n, size):
        part = order[start : start + size]
        dropped[_near_ends(near, kept)] = True
        for chunk in linker.between(part[~dropped[part]], np.flatnonzero(kept)):
            dropped[chunk.left] = True
        part = part[~dropped[part]]
        inside = np.zeros(n, dtype=bool)
        inside[part] = True
        links = Links.of_chunks([(SEMANTIC, chunk) for chunk in linker.between(part, None)])
        own = near.take(inside[near.left] & inside[near.right])
        left = np.concatenate([links.left, own.left])
        right = np.concatenate([links.right, own.right])
        kept[part] = star(n, left, right, rank)[part]
        dropped[part] = ~kept[part]
    return kept


def star_by_rounds(
    linker: Linker, near: Links, rank: npt.NDArray[np.int64], max_links: int
) -> npt.NDArray[np.bool_]:
    """Choose the nodes to keep that `star` would, from links of cells, which are found again.

    In each round a node is kept if no other one that is still open beats it, and those that it is
    linked to are dropped. Where many texts are alike, little is open after one round.

    Parameters
    ----------
    linker : Linker
    near : Links
        Links that are stored after all.
    rank : ndarray of int64 of shape (n_nodes,)
    max_links : int
        Most links that may be held.
    """
    n = len(rank)
    kept, dropped = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    while True:
        beaten = np.zeros(n, dtype=bool)
        held: list[tuple[int, Chunk]] | None = []
        n_held = 0
        for kind, left, right, value in _links_of(linker.semantic(), near):
            open_ = ~(dropped[left] | dropped[right])
            left, right = left[open_], right[open_]
            beaten[np.where(rank[left] < rank[right], right, left)] = True
            n_held += len(left)
            if n_held > max_links:
                held = None
            elif held is not None:
                held.append((kind, Chunk(left, right, value[open_])))
        if held is not None:  # the rest fits
            links = Links.of_chunks(held)
            return star(n, links.left, links.right, rank) & ~dropped
        kept |= ~(beaten | dropped)
        for _, left, right, _ in _links_of(linker.semantic(), near):
            dropped[left[kept[right]]] = True
            dropped[right[kept[left]]] = True


def _links_of(
    semantic: Iterator[Chunk], near: Links
) -> Iterator[tuple[int, npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]]:
    """Yield kind, ends and values of stored and other links, part by part."""
    for kind in np.unique(near.kind).tolist():
        own = near.take(near.kind == kind)
        yield kind, own.left, own.right, own.value
    for chunk in semantic:
        yield SEMANTIC, *chunk


def _near_ends(near: Links, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Nodes with a stored link to a kept one."""
    ends = np.concatenate([near.right[kept[near.left]], near.left[kept[near.right]]])
    open_: npt.NDArray[np.int32] = ends[~kept[ends]]
    return open_


def best_links(
    linker: Linker, near: Links, kept: npt.NDArray[np.bool_], rank: npt.NDArray[np.int64]
) -> Links:
    """Return the strongest link of every node that is not kept to one that is."""
    n = len(kept)
    value = np.full(n, -2.0, dtype=np.float32)
    center = np.full(n, -1, dtype=np.int64)
    kind = np.zeros(n, dtype=np.int8)

    def offer(chunk: Chunk, number: int) -> None:
        order = np.lexsort((rank[chunk.right], -chunk.similarity, chunk.left))
        left, right, offered = (column[order] for column in chunk)
        first = np.ones(len(left), dtype=bool)
        first[1:] = left[1:] != left[:-1]
        left, right, offered = left[first], right[first], offered[first]
        ties = (offered == value[left]) & (rank[right] < rank[center[left]])
        better = (offered > value[left]) | ties
        value[left[better]] = offered[better]
        center[left[better]] = right[better]
        kind[left[better]] = number

    if linker.is_partitioned(n):
        semantic = linker.semantic()
    else:
        semantic = linker.between(np.flatnonzero(~kept), np.flatnonzero(kept))
    for number, left, right, similarity in _links_of(semantic, near):
        one = kept[left] != kept[right]
        left, right, swap = left[one], right[one], kept[left[one]]
        left, right = np.where(swap, right, left), np.where(swap, left, right)
        offer(Chunk(left, right, similarity[one]), number)
    lost = np.flatnonzero(center >= 0).astype(np.int32)
    return Links(center[lost].astype(np.int32), lost, value[lost], kind[lost])
