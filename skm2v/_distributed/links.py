"""Links between texts of many parts: which texts meet in which task, and what a task finds.

Texts are stored in the cell of the nearest centre and look into those of the next ones. A cell
with more texts than a task may compare is split, and each two of its pieces are a task. All pairs,
without a miss, are one cell in pieces.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._distributed.model_source import ModelSource
from skm2v._distributed.nodes import table
from skm2v._features.embedding import embedding_by
from skm2v._pairs.cells import Cells
from skm2v._pairs.engines import Chunk, Corpus
from skm2v._pairs.searching import scan
from skm2v._pairs.vectors import Vectors, check_vectors
from skm2v.exceptions import TextWarning

__all__ = ["Plan", "cell_sizes", "embed_texts", "find_links", "in_cells", "meetings", "names_of"]

WITHIN = -1  # the side of all texts of a task whose texts are compared with each other


class _Encoder:
    """A model without `transform` that embeds all the same."""

    def __init__(self, model: Any) -> None:
        self.transform = model.encode


def embed_texts(source: ModelSource, texts: list[str]) -> npt.NDArray[np.float32]:
    """Vectors of texts, by a model or a fitted transformer.

    A text is embedded several times: nothing is said of what it loses.
    """
    model = source.get()
    embed = embedding_by(model if hasattr(model, "transform") else _Encoder(model))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        return embed(texts)


def names_of(n_probes: int) -> list[str]:
    """Names of the columns of the cells of a text: the one where it is stored comes first."""
    return [f"cell{number}" for number in range(n_probes)]


def in_cells(
    nodes: Any, source: ModelSource, centers: npt.NDArray[np.float32] | None, n_probes: int
) -> Any:
    """Add the cells of each text; -1 where a row stands for no text.

    Parameters
    ----------
    nodes : pandas.DataFrame
        As `joined` returns it.
    source : ModelSource
    centers : ndarray of float32 of shape (n_cells, d) or None
        None: all texts are in one cell.
    n_probes : int
    """
    cells = np.full((len(nodes), n_probes), -1, dtype=np.int32)
    places = np.flatnonzero((nodes["row"] == nodes["node"]).to_numpy())
    if centers is None:
        cells[places] = 0
    elif len(places):
        vectors = check_vectors(embed_texts(source, nodes["text"].iloc[places].tolist()))
        if len(vectors.rows):
            near = Cells(centers).nearest(vectors, vectors.rows, n_probes)
            cells[places[vectors.rows]] = near
    return nodes.assign(**dict(zip(names_of(n_probes), cells.T, strict=True)))


def cell_sizes(nodes: Any, n_cells: int, n_probes: int) -> npt.NDArray[np.int64]:
    """Count the texts that are in each cell or look into it."""
    cells = nodes[names_of(n_probes)].to_numpy().reshape(-1)
    return np.bincount(cells[cells >= 0], minlength=n_cells).astype(np.int64)


@dataclass(frozen=True)
class Plan:
    """Which texts meet in which task.

    Attributes
    ----------
    pieces : ndarray of int64 of shape (n_cells,)
        Number of pieces that each cell is split into.
    first_task : ndarray of int64 of shape (n_cells,)
        Number of the first of the tasks of each cell.
    n_tasks, n_parts : int
        Number of tasks, and of the parts that they are dealt to.
    """

    pieces: npt.NDArray[np.int64]
    first_task: npt.NDArray[np.int64]
    n_tasks: int
    n_parts: int

    @classmethod
    def of(
        cls,
        sizes: npt.NDArray[np.int64],
        max_rows: int,
        n_parts: int,
        *,
        split: bool = False,
    ) -> Plan:
        """Split cells so that a task has at most about `max_rows` texts.

        Parameters
        ----------
        sizes : ndarray of int64 of shape (n_cells,)
        max_rows : int
        n_parts : int
            Least number of parts to deal tasks to.
        split : bool, default=False
            Split small cells, too, so that there are as many tasks as parts.
        """
        # A task with texts of two pieces has half of its texts from each.
        pieces = np.where(sizes > max_rows, -(-2 * sizes // max_rows), 1)
        if split:
            pieces = np.maximum(pieces, round((2 * n_parts) ** 0.5))
        tasks = pieces * (pieces + 1) // 2
        n_tasks = int(tasks.sum())
        wanted = max(n_parts, -(-int((sizes * pieces).sum()) // max_rows))
        return cls(pieces, np.cumsum(tasks) - tasks, n_tasks, max(1, min(n_tasks, wanted)))


def meetings(nodes: Any, plan: Plan, n_probes: int) -> Any:
    """Repeat each text for each task that it takes part in.

    Parameters
    ----------
    nodes : pandas.DataFrame
        As `in_cells` returns it.
    plan : Plan
    n_probes : int

    Returns
    -------
    meetings : pandas.DataFrame
        With `dealt`, the part that a task goes to, `task`, `side` and `is_stored`: whether the
        text is stored in the cell or only looks into it.
    """
    cells = nodes[names_of(n_probes)].to_numpy()
    place, probe = np.nonzero(cells >= 0)
    cell = cells[place, probe]
    tie = nodes["tie"].to_numpy()[place]
    pieces = plan.pieces[cell]
    piece = (tie % pieces.astype(np.uint64)).astype(np.int64)
    again = np.repeat(np.arange(len(place)), pieces)
    other = np.arange(len(again)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    place, probe, cell, piece = place[again], probe[again], cell[again], piece[again]
    low, high = np.minimum(piece, other), np.maximum(piece, other)
    task = plan.first_task[cell] + high * (high + 1) // 2 + low
    side = np.where(low == high, WITHIN, piece > other).astype(np.int8)
    columns = {
        "dealt": task % plan.n_parts,
        "task": task,
        "side": side,
        "is_stored": probe == 0,
    }
    for name in ("node", "count", "tie", *names_of(n_probes)):
        columns[name] = nodes[name].to_numpy()[place]
    return table({**columns, "text": nodes["text"].take(place).tolist()})


def find_links(met: Any, source: ModelSource, threshold: float, n_probes: int) -> Any:
    """Find the pairs of texts at a threshold in all tasks of a part.

    Parameters
    ----------
    met : pandas.DataFrame
        Rows of `meetings`.
    source : ModelSource
    threshold : float
    n_probes : int

    Returns
    -------
    links : pandas.DataFrame
        `left`, `right`, `value`, and for each end the number of its rows and what breaks ties.
    """
    tasks = [members for _, members in met.groupby("task", sort=True)]
    found = [_links_of(members, source, threshold, n_probes) for members in tasks]
    empty = np.empty(0, dtype=np.int64)
    left, right, value = (
        np.concatenate([first, *(columns[number] for columns in found)])
        for number, first in enumerate((empty, empty, np.empty(0, dtype=np.float32)))
    )
    nodes, once = np.unique(met["node"].to_numpy(), return_index=True)
    columns = {"left": left, "right": right, "value": value}
    for end in ("left", "right"):
        place = once[np.searchsorted(nodes, columns[end])]
        for name in ("count", "tie"):
            columns[f"{end}_{name}"] = met[name].to_numpy()[place]
    return table(columns)


def _links_of(
    members: Any, source: ModelSource, threshold: float, n_probes: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.float32]]:
    """Ends and cosines of the pairs of one task, each pair once among all tasks."""
    # By number, so that nothing depends on the order in which rows arrive.
    members = members.sort_values("node")
    node = members["node"].to_numpy()
    stored, side = members["is_stored"].to_numpy(), members["side"].to_numpy()
    cells = members[names_of(n_probes)].to_numpy()
    vectors = check_vectors(embed_texts(source, members["text"].tolist()))
    left, right, value = [node[:0]], [node[:0]], [np.empty(0, dtype=np.float32)]
    for chunk in _compared(vectors, stored, side, threshold):
        new = _is_first(chunk, cells, stored)
        ends = node[chunk.left[new]], node[chunk.right[new]]
        left.append(np.minimum(*ends))
        right.append(np.maximum(*ends))
        value.append(chunk.similarity[new])
    return np.concatenate(left), np.concatenate(right), np.concatenate(value)


def _compared(
    vectors: Vectors,
    stored: npt.NDArray[np.bool_],
    side: npt.NDArray[np.int8],
    threshold: float,
) -> Iterator[Chunk]:
    """Yield pairs of which at least one text is stored in the cell."""

    def some(which: npt.NDArray[np.bool_]) -> Vectors:
        return vectors._replace(rows=vectors.rows[which[vectors.rows]])

    within = side == WITHIN
    if within.any():
        corpus = Corpus(some(stored), threshold)
        yield from scan(corpus, None, threshold)
        yield from scan(corpus, some(~stored), threshold)
        return
    one, other = side == 0, side == 1
    for columns, queries in ((one & stored, other), (one & ~stored, other & stored)):
        yield from scan(Corpus(some(columns), threshold), some(queries), threshold)


def _is_first(
    chunk: Chunk, cells: npt.NDArray[np.int32], stored: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Whether a pair is not found in a cell with a smaller number, too."""
    one, other = cells[chunk.left], cells[chunk.right]
    here = np.where(stored[chunk.left], one[:, 0], other[:, 0])
    there = np.where(stored[chunk.left], other[:, 0], one[:, 0])
    looks_there = np.where(stored[chunk.left, None], one[:, 1:], other[:, 1:]) == there[:, None]
    both = stored[chunk.left] & stored[chunk.right]
    first: npt.NDArray[np.bool_] = both | ~(looks_there.any(axis=1) & (there < here))
    return first
