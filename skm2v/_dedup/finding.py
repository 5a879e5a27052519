"""From texts to links and groups; :class:`Deduplicator` is its face."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._dedup.cells import InCells
from skm2v._dedup.dense import best_links, star_by_rounds, star_of_blocks
from skm2v._dedup.groups import Assigned, assign, components, star
from skm2v._dedup.links import NEAR, SEMANTIC, Linker, Links, Verify
from skm2v._dedup.nodes import Nodes, make_nodes, number_codes
from skm2v._dedup.priority import (
    chosen_rows,
    degrees,
    more_degrees,
    node_ranks,
    pair_keys,
    tie_breakers,
)
from skm2v._features.embedding import Embed
from skm2v._pairs.engines import Chunk
from skm2v._pairs.searching import Progress

__all__ = [
    "Found",
    "Grouped",
    "Options",
    "Table",
    "find",
    "group",
    "kept_rows_of",
    "links_below",
    "sample_of",
]

logger = logging.getLogger("skm2v")

# Texts whose pairs below the threshold are looked for: all of a few, else a sample.
FEW, SAMPLE, BELOW = 20_000, 2000, 0.05


class Options(NamedTuple):
    """How texts are compared; see :class:`~skm2v.Deduplicator`."""

    threshold: float
    floor: float
    near_threshold: float | None
    normalizer: str
    compare_numbers: bool
    verify: Verify | None
    central: bool
    method: str
    max_pairs: int
    n_jobs: int | None


@dataclass(frozen=True)
class Table:
    """Rows to compare.

    Attributes
    ----------
    texts : list of str
    missing : ndarray of int64
        Rows without a text.
    within : list or None
        Value of each row; only rows with the same one are compared.
    values : ndarray of shape (n_rows,)
        The row with the largest value is kept.
    """

    texts: list[str]
    missing: npt.NDArray[np.int64]
    within: list[Any] | None
    values: npt.NDArray[Any]

    def followed_by(self, other: Table) -> Table:
        """Both tables, one below the other."""
        return Table(
            [*self.texts, *other.texts],
            np.concatenate([self.missing, other.missing + len(self.texts)]),
            None if self.within is None else [*self.within, *(other.within or [])],
            np.concatenate([self.values, other.values]),
        )


@dataclass(frozen=True)
class Found:
    """What was found in a table.

    Attributes
    ----------
    table : Table
    nodes : Nodes
    vectors : ndarray of float32 of shape (n_nodes, d) or None
    links : Links
        All links down to the floor; where these are too many to store, those that are not semantic.
    degree : ndarray of int64 of shape (n_nodes,) or None
        Where they are too many, the number of rows that each node is linked to.
    ties : ndarray of uint64 of shape (n_nodes,)
        What decides between nodes of equal priority.
    cells : InCells or None
        None where all nodes were compared.
    """

    table: Table
    nodes: Nodes
    vectors: npt.NDArray[np.float32] | None
    links: Links
    degree: npt.NDArray[np.int64] | None
    ties: npt.NDArray[np.uint64]
    cells: InCells | None


class Grouped(NamedTuple):
    """Groups of rows.

    Attributes
    ----------
    kept : ndarray of int64 of shape (n_rows,)
        Row that is kept for each row.
    links : Links
        Links that are duplicates; where they are too many to store, those to kept nodes.
    assigned : Assigned
        What `kept` follows from, for nodes.
    """

    kept: npt.NDArray[np.int64]
    links: Links
    assigned: Assigned


def find(
    table: Table,
    options: Options,
    embed: Embed | None,
    old: Found | None = None,
    progress: Progress | None = None,
) -> Found:
    """Find all links of a table.

    Parameters
    ----------
    table : Table
    options : Options
    embed : callable or None
        Makes vectors of texts; None if there are no semantic links.
    old : Found or None, default=None
        What was found in the first rows of the table, which are not compared again.
    progress : callable or None, default=None
    """
    nodes = make_nodes(table.texts, options.normalizer, table.within, table.missing)
    known = np.zeros(len(nodes), dtype=bool)
    if old is not None:
        # Nodes are numbered as their rows come. One whose text is another now is as good as new.
        before = old.nodes.originals
        pairs = zip(before, nodes.originals[: len(before)], strict=True)
        known[: len(before)] = [one == other for one, other in pairs]
    vectors = None if embed is None else _vectors(nodes, known, embed, old)
    linker = _linker(nodes, vectors, options)
    degree = None
    if old is None:
        links, degree = _all_links(linker, options, progress)
    else:
        links = _more_links(linker, known, old.links)
    linked = np.full(len(nodes), degree is not None)
    linked[links.left], linked[links.right] = True, True
    cells = InCells.of(linker.partitions.values()) if old is None else old.cells
    return Found(table, nodes, vectors, links, degree, tie_breakers(nodes, linked), cells)


def _vectors(
    nodes: Nodes, known: npt.NDArray[np.bool_], embed: Embed, old: Found | None
) -> npt.NDArray[np.float32]:
    if old is None or old.vectors is None:
        return embed(nodes.originals)
    vectors = np.zeros((len(nodes), old.vectors.shape[1]), dtype=np.float32)
    vectors[: len(old.vectors)] = old.vectors
    new = np.flatnonzero(~known)
    if len(new):
        vectors[new] = embed([nodes.originals[node] for node in new.tolist()])
    return vectors


def _linker(nodes: Nodes, vectors: npt.NDArray[np.float32] | None, options: Options) -> Linker:
    numbers = number_codes(nodes.texts) if options.compare_numbers else None
    return Linker(
        nodes,
        vectors,
        options.floor,
        options.near_threshold,
        numbers,
        options.verify,
        options.n_jobs,
        options.method,
    )


def _more_links(linker: Linker, known: npt.NDArray[np.bool_], before: Links) -> Links:
    """Links that are known, and those of new nodes."""
    new = np.flatnonzero(~known)
    found = [(NEAR, chunk) for chunk in linker.near(known)]
    found += [(SEMANTIC, chunk) for chunk in linker.between(new, None)]
    found += [(SEMANTIC, chunk) for chunk in linker.between(new, np.flatnonzero(known))]
    return before.take(known[before.left] & known[before.right]).followed_by(Links.of_chunks(found))


def _all_links(
    linker: Linker, options: Options, progress: Progress | None
) -> tuple[Links, npt.NDArray[np.int64] | None]:
    """Links, and where they are too many their number at each node."""
    near = Links.of_chunks([(NEAR, chunk) for chunk in linker.near()])
    found: list[tuple[int, Chunk]] = []
    counted = pair_keys(near.left, near.right)
    n_links, degree = len(near), None
    for chunk in linker.semantic(progress):
        n_links += len(chunk.left)
        found.append((SEMANTIC, chunk))
        if n_links > options.max_pairs:
            if degree is None:
                logger.info("dedup: more than %d pairs; they are not stored", options.max_pairs)
                degree = degrees(linker.nodes, near)
                if not options.central:
                    break  # nor does their number matter
            for _, one in found:
                # Those that are near as well were counted; those below the threshold do not count.
                more = ~np.isin(pair_keys(one.left, one.right), counted)
                more &= one.similarity >= np.float32(options.threshold)
                degree += more_degrees(linker.nodes, one.left[more], one.right[more])
            found = []
    if degree is not None:
        return near, degree
    return near.followed_by(Links.of_chunks(found)), None


def group(found: Found, options: Options, threshold: float, by_components: bool) -> Grouped:
    """Choose the rows to keep.

    Parameters
    ----------
    found : Found
    options : Options
    threshold : float
        Least cosine, not below the floor.
    by_components : bool
        Whether all that is linked is one group.
    """
    nodes, values = found.nodes, found.table.values
    links, degree = found.links.above(threshold), found.degree
    if options.central and degree is None:
        degree = degrees(nodes, links)
    rank = node_ranks(nodes, values, degree if options.central else None, found.ties)
    if found.degree is not None:
        linker = _linker(nodes, found.vectors, options._replace(floor=threshold))
        if linker.is_partitioned(len(nodes)):
            kept = star_by_rounds(linker, links, rank, options.max_pairs)
        else:
            kept = star_of_blocks(linker, links, rank)
        links = best_links(linker, links, kept, rank)
        assigned = assign(kept, links.left, links.right, links.value, rank)
    elif by_components:
        assigned = components(len(nodes), links.left, links.right, rank)
    else:
        kept = star(len(nodes), links.left, links.right, rank)
        assigned = assign(kept, links.left, links.right, links.value, rank)
    chosen = chosen_rows(nodes, values)
    return Grouped(chosen[assigned.kept[nodes.of_row]], links, assigned)


def sample_of(found: Found) -> npt.NDArray[np.int64]:
    """Nodes whose links below the threshold show where the border runs: all, or of many some."""
    n = len(found.nodes)
    if n <= FEW:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, SAMPLE, replace=False))


def links_below(
    found: Found, options: Options, threshold: float, sample: npt.NDArray[np.int64]
) -> Links:
    """Links of some nodes that are just below the threshold."""
    floor = max(threshold - BELOW, 1e-6)
    linker = _linker(found.nodes, found.vectors, options._replace(floor=floor))
    everything = np.arange(len(found.nodes))
    chunks = linker.between(sample, None if len(sample) == len(everything) else everything)
    links = Links.of_chunks([(SEMANTIC, chunk) for chunk in chunks])
    links = links.take((links.value < np.float32(threshold)) & (links.left != links.right))
    # Two nodes of the sample found each other.
    _, once = np.unique(pair_keys(links.left, links.right), return_index=True)
    return links.take(once)


def kept_rows_of(
    found: Found,
    options: Options,
    embed: Embed | None,
    kept: npt.NDArray[np.int64],
    table: Table,
) -> npt.NDArray[np.int64]:
    """Kept rows of the found table that new rows are duplicates of; -1 for none.

    Parameters
    ----------
    found : Found
    options : Options
        With the threshold as the floor.
    embed : callable or None
    kept : ndarray of int64 of shape (n_rows,)
        Row that is kept for each row of the found table.
    table : Table
        The new rows.
    """
    old = found.nodes
    same = old.find(table.texts, table.within)
    same[table.missing] = -1
    rows = np.where(same >= 0, kept[old.first_row[same]] if len(old) else -1, -1)
    new = make_nodes(table.texts, options.normalizer, table.within, table.missing)
    open_ = np.flatnonzero((rows[new.first_row] < 0) & (new.within >= 0))
    centers = np.unique(old.of_row[np.unique(kept)])
    if not len(open_) or not len(centers):
        return rows
    # Kept nodes first, then the new ones, whose groups have the numbers of before.
    texts = [old.texts[node] for node in centers.tolist()]
    originals = [old.originals[node] for node in centers.tolist()]
    names = {number: name for name, number in new.places.items()}
    places = [old.places.get(names.get(place), -1) for place in new.within[open_].tolist()]
    within = new.within[open_] if table.within is None else np.array(places, dtype=np.int64)
    both = replace(
        old,
        texts=[*texts, *(new.texts[node] for node in open_.tolist())],
        originals=[*originals, *(new.originals[node] for node in open_.tolist())],
        within=np.concatenate([old.within[centers], within]),
    )
    vectors = None
    if embed is not None and found.vectors is not None:
        fresh = embed([new.originals[node] for node in open_.tolist()])
        vectors = np.concatenate([found.vectors[centers], fresh])
    linker = _linker(both, vectors, options)
    n = len(centers)
    chunks = [(SEMANTIC, c) for c in linker.between(n + np.arange(len(open_)), np.arange(n))]
    chunks += [
        (NEAR, Chunk(chunk.right, chunk.left, chunk.similarity)) for chunk in linker.near(n_left=n)
    ]
    links = Links.of_chunks(chunks)
    center = np.full(n + len(open_), -1)
    # The strongest link is written last, and of equal ones that to the first row.
    target = kept[old.first_row[centers]]
    order = np.lexsort((-target[links.right], links.value))
    center[links.left[order]] = target[links.right[order]]
    of_new = np.full(len(new), -1)
    of_new[open_] = center[n:]
    return np.where(rows >= 0, rows, of_new[new.of_row])
