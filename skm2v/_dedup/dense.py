"""Groups of texts with more links than memory has room for, without storing these."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skm2v._dedup.groups import star
from skm2v._dedup.links import SEMANTIC, Linker, Links
from skm2v._pairs.engines import Chunk

__all__ = ["best_links", "star_of_blocks"]

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

    for link_kind in np.unique(near.kind).tolist():
        own = near.take((near.kind == link_kind) & (kept[near.left] != kept[near.right]))
        swap = kept[own.left]
        left, right = np.where(swap, own.right, own.left), np.where(swap, own.left, own.right)
        offer(Chunk(left, right, own.value), link_kind)
    for chunk in linker.between(np.flatnonzero(~kept), np.flatnonzero(kept)):
        offer(chunk, SEMANTIC)
    lost = np.flatnonzero(center >= 0).astype(np.int32)
    return Links(center[lost].astype(np.int32), lost, value[lost], kind[lost])
