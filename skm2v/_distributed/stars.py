"""Groups of texts whose links lie in many parts.

Texts with links are known by their rank here, the order in which they are kept. Of each, all
processes are told in a round whether it is kept or dropped: a byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from skm2v._dedup.groups import assign, star

__all__ = ["Dropped", "Parts", "drop"]

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]


class Parts(Protocol):
    """Parts of something, in many processes."""

    def gather(self, function: Callable[..., Any], *shared: Any) -> Sequence[Any]:
        """Return what a function makes of each part, and of what is the same for all."""
        ...

    def mapped(self, function: Callable[..., Any], *shared: Any) -> Parts:
        """Leave that where it is."""
        ...


class Dropped(NamedTuple):
    """Texts that are not kept.

    Attributes
    ----------
    nodes : ndarray of int64 of shape (n_dropped,)
        Their numbers, ascending.
    kept : ndarray of int64 of shape (n_dropped,)
        Number of the text that is kept for each.
    """

    nodes: Int64s
    kept: Int64s


class Links(NamedTuple):
    """Links of a part, by rank: that of the better end is the smaller one."""

    better: Int32s
    worse: Int32s
    value: npt.NDArray[np.float32]

    def take(self, which: npt.NDArray[Any]) -> Links:
        """Return some of the links."""
        return Links(*(column[which] for column in self))

    def open(self, dropped: Marks) -> Links:
        """Return those of which no end is dropped."""
        return self.take(~(dropped[self.better] | dropped[self.worse]))


def drop(parts: Parts, max_links: int) -> Dropped:
    """Choose which of the linked texts are dropped, and for which ones.

    Parameters
    ----------
    parts : Parts
        Frames of `find_links`.
    max_links : int
        Most links that this process holds. Where more are open, what is kept is decided round by
        round, as `star` does it within one process.
    """
    nodes, rank = _ranks(parts.gather(_ends))
    n = len(nodes)
    by_rank = np.empty(n, dtype=np.int64)
    by_rank[rank] = nodes
    links = parts.mapped(_by_rank, nodes, rank)
    kept, dropped = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    while sum(links.gather(_count_open, dropped)) > max_links:
        kept |= ~(_marked(n, links.gather(_beaten, dropped)) | dropped)
        dropped |= _marked(n, links.gather(_linked_to, kept))
    left = _joined(links.gather(Links.open, dropped))
    kept = star(n, left.better, left.worse, np.arange(n)) & ~dropped
    best = _joined(links.gather(_best, kept))
    own = assign(kept, *best, np.arange(n)).kept
    lost = np.flatnonzero(~kept)
    order = np.argsort(by_rank[lost])
    return Dropped(by_rank[lost][order], by_rank[own[lost]][order])


def _ranks(ends: Sequence[Any]) -> tuple[Int64s, Int32s]:
    """Numbers of the linked texts, ascending, and their ranks: the most duplicates come first."""
    node, tie, count, linked = (np.concatenate(column) for column in zip(*ends, strict=True))
    nodes, first, place = np.unique(node, return_index=True, return_inverse=True)
    degree = np.bincount(place, linked, len(nodes)).astype(np.int64) + count[first] - 1
    rank = np.empty(len(nodes), dtype=np.int32)
    rank[np.lexsort((nodes, tie[first], -degree))] = np.arange(len(nodes))
    return nodes, rank


def _ends(links: Any) -> tuple[npt.NDArray[Any], ...]:
    """Linked texts of a part, with what breaks ties, their rows, and rows they are linked to."""
    node, tie, count, linked = (
        np.concatenate([links[name].to_numpy() for name in names])
        for names in (
            ("left", "right"),
            ("left_tie", "right_tie"),
            ("left_count", "right_count"),
            ("right_count", "left_count"),
        )
    )
    nodes, first, place = np.unique(node, return_index=True, return_inverse=True)
    sums = np.bincount(place, linked, len(nodes)).astype(np.int64)
    return nodes, tie[first], count[first], sums


def _by_rank(links: Any, nodes: Int64s, rank: Int32s) -> Links:
    ends = [rank[np.searchsorted(nodes, links[end].to_numpy())] for end in ("left", "right")]
    return Links(np.minimum(*ends), np.maximum(*ends), links["value"].to_numpy())


def _count_open(links: Links, dropped: Marks) -> int:
    return len(links.open(dropped).better)


def _beaten(links: Links, dropped: Marks) -> Int32s:
    return np.unique(links.open(dropped).worse)


def _linked_to(links: Links, kept: Marks) -> Int32s:
    better, worse, _ = links
    return np.unique(np.concatenate([worse[kept[better]], better[kept[worse]]]))


def _best(links: Links, kept: Marks) -> Links:
    """Strongest link of each dropped text of a part to a kept one, which comes first here."""
    links = links.take(kept[links.better] != kept[links.worse])
    center = np.where(kept[links.better], links.better, links.worse)
    lost = np.where(kept[links.better], links.worse, links.better)
    order = np.lexsort((center, -links.value, lost))
    first = np.ones(len(order), dtype=bool)
    first[1:] = lost[order][1:] != lost[order][:-1]
    one = order[first]
    return Links(center[one], lost[one], links.value[one])


def _marked(n: int, places: Sequence[Int32s]) -> Marks:
    marks = np.zeros(n, dtype=bool)
    for some in places:
        marks[some] = True
    return marks


def _joined(parts: Sequence[Links]) -> Links:
    return Links(*map(np.concatenate, zip(*parts, strict=True)))
