"""From links between texts to groups, each with one text that is kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components

__all__ = ["Assigned", "assign", "components", "star"]

# Links that follow each other by priority take a round each; after so many, one by one is quicker.
ROUNDS = 64


class Assigned(NamedTuple):
    """Which kept node each node belongs to.

    Attributes
    ----------
    kept : ndarray of int64 of shape (n_nodes,)
        Number of the kept node; its own for a kept one.
    link : ndarray of int64 of shape (n_nodes,)
        Number of the link to it; -1 where there is none.
    """

    kept: npt.NDArray[np.int64]
    link: npt.NDArray[np.int64]


def star(
    n: int,
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    rank: npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Choose nodes to keep, so that no two kept ones are linked and every other one is to some.

    It is the set that results from going through the nodes by rank, keeping each one that has no
    link to a kept one, whatever the order of the links.

    Parameters
    ----------
    n : int
    left, right : ndarray of int32 of shape (n_links,)
    rank : ndarray of int64 of shape (n,)
        Different numbers, the smallest of the node that is kept first.

    Returns
    -------
    kept : ndarray of bool of shape (n,)
    """
    dropped = np.zeros(n, dtype=bool)
    first = rank[left] < rank[right]
    better, worse = np.where(first, left, right), np.where(first, right, left)
    for _ in range(ROUNDS):
        if not len(better):
            return ~dropped
        beaten = np.zeros(n, dtype=bool)
        beaten[worse] = True
        # Of the linked nodes, those that nothing beats are kept, which decides about all others
        # that they are linked to.
        decided = ~beaten[better]
        dropped[worse[decided]] = True
        open_ = ~(dropped[better] | dropped[worse] | decided)
        better, worse = better[open_], worse[open_]
    order = np.argsort(rank[better], kind="stable")
    out = dropped.tolist()
    for one, other in zip(better[order].tolist(), worse[order].tolist(), strict=True):
        if not out[one]:
            out[other] = True
    return ~np.array(out, dtype=bool)


def assign(
    kept: npt.NDArray[np.bool_],
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    value: npt.NDArray[np.float32],
    rank: npt.NDArray[np.int64],
) -> Assigned:
    """Give every other node to the kept one that it is most similar to, then of least rank."""
    own = np.arange(len(kept))
    link = np.full(len(kept), -1)
    numbers = np.flatnonzero(kept[left] != kept[right])
    a, b = left[numbers], right[numbers]
    lost, center = np.where(kept[a], b, a), np.where(kept[a], a, b)
    strongest = np.full(len(kept), -np.inf, dtype=np.float32)
    np.maximum.at(strongest, lost, value[numbers])
    best = np.flatnonzero(value[numbers] == strongest[lost])
    least = np.full(len(kept), len(kept))
    np.minimum.at(least, lost[best], rank[center[best]])
    best = best[rank[center[best]] == least[lost[best]]]
    # What is left for a node are links with one kept node, of which the first one counts.
    best = best[::-1]
    own[lost[best]] = center[best]
    link[lost[best]] = numbers[best]
    return Assigned(own, link)


def components(
    n: int,
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    rank: npt.NDArray[np.int64],
) -> Assigned:
    """Group all nodes that are linked through any others; the one of least rank is kept."""
    ones = np.ones(len(left), dtype=np.int8)
    graph = scipy.sparse.coo_array((ones, (left, right)), shape=(n, n))
    n_groups, group = connected_components(graph, directed=False)
    order = np.argsort(rank, kind="stable")[::-1]
    center = np.empty(n_groups, dtype=np.int64)
    center[group[order]] = order  # the last one written has the least rank
    kept = center[group]
    link = np.full(n, -1)
    for one, other in ((left, right), (right, left)):
        direct = kept[one] == other
        link[one[direct]] = np.flatnonzero(direct)
    link[kept == np.arange(n)] = -1
    return Assigned(kept, link)
