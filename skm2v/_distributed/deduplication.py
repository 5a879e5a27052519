"""Duplicates among the texts of a Dask frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from skm2v._checks import check_choice, check_flag, is_count, is_number, require
from skm2v._dedup.nodes import NORMALIZERS, make_nodes
from skm2v._distributed.dask_frames import check_frame
from skm2v._distributed.links import Plan, cell_sizes, embed_texts, find_links, in_cells, meetings
from skm2v._distributed.model_source import ModelSource
from skm2v._distributed.nodes import different_texts, joined, read_part
from skm2v._distributed.parts import DaskParts, moved, shared
from skm2v._distributed.stars import Dropped, drop
from skm2v._pairs.cells import ROWS_OF_CELL, find_centers
from skm2v._pairs.vectors import check_vectors
from skm2v._static_model import StaticModel

__all__ = ["deduplicate"]


def deduplicate(
    frame: Any,
    column: str,
    model: Any = None,
    *,
    threshold: float = 0.9,
    exact: bool = False,
    n_cells: int | Literal["auto"] = "auto",
    n_probes: int = 2,
    normalize_text: Literal["nfkc-casefold-space", "none"] = "nfkc-casefold-space",
    max_rows: int = 65_536,
    max_links: int = 50_000_000,
    group: str = "group",
    is_duplicate: str = "is_duplicate",
) -> Any:
    """Find texts of a Dask frame that say the same, and the one of each group to keep.

    The groups are those of :class:`~skm2v.Deduplicator`: every dropped text is the same as the kept
    one, or at or above the threshold to it. Duplicates are found when this function is called, and
    the links between texts then lie in the memory of the cluster; the frame that is returned is
    lazy.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
        The frame. It is read four times, three times with ``exact=True``, and must be the same each
        time.
    column : str
        Name of the column of texts, none of which is missing.
    model : StaticModel, fitted transformer, str, path or None, default=None
        As for :func:`embed`; None means the bundled model.
    threshold : float, default=0.9
        Least cosine of texts that say the same.
    exact : bool, default=False
        Whether all texts are compared, in a time that grows with the square of their number.
        Otherwise texts are compared in cells of texts that are alike, which misses a few pairs.
    n_cells : int or "auto", default="auto"
        Number of cells. ``"auto"``: the root of the number of rows.
    n_probes : int, default=2
        Number of cells that a text is compared in: that where it is stored, and the next ones.
    normalize_text : {"nfkc-casefold-space", "none"}, default="nfkc-casefold-space"
        What is done to texts before they are compared exactly.
    max_rows : int, default=65_536
        Most texts that a task compares, give or take some. Larger cells are split, and each two of
        their pieces are a task.
    max_links : int, default=50_000_000
        Most links that are held in the process of the caller, 12 bytes each. Where there are more,
        it takes some rounds to decide which texts are kept; the groups are the same.
    group : str, default="group"
        Name of the new column of int64 with the row that is kept for each row, as its number in the
        frame, from 0: ``representatives_`` of a `Deduplicator`.
    is_duplicate : str, default="is_duplicate"
        Name of the new column of bool that says whether another row is kept.

    Returns
    -------
    frame : dask.dataframe.DataFrame
        Lazy, with the same partitions, index and divisions, and two more columns.

    Raises
    ------
    MissingExtraError
        If Dask or pyarrow is not installed.
    TextTypeError, TextValueError
        If `frame` is no Dask frame, the column does not hold texts, or some are missing.
    ValueError
        If there is no such column, one with the name of a new one, or a parameter is invalid.
    OSError, ModelFormatError
        If nothing that can be loaded lies at the path of the model.

    See Also
    --------
    skm2v.Deduplicator : The same on one machine, with more kinds of duplicates.

    Notes
    -----
    Processes send each other texts and hashes of 128 bits, not vectors: a text is embedded again in
    each cell that it is compared in, which costs less than to send it as a vector. The process of
    the caller holds some 30 bytes for each text that has a link. With ``exact=True`` groups are
    those of one machine, whatever the partitions; in cells, they do not depend on partitions
    either. Texts that lose something on their way to a vector are not counted: `embed` warns.

    Examples
    --------
    >>> import dask.dataframe
    >>> import pandas
    >>> from skm2v.distributed import deduplicate
    >>> texts = ["My card did not arrive", "my card  did not arrive", "Where is the bank?"]
    >>> frame = dask.dataframe.from_pandas(pandas.DataFrame({"text": texts}), npartitions=2)
    >>> lazy = deduplicate(frame, "text")
    >>> lazy[~lazy["is_duplicate"]].compute()["text"].tolist()
    ['My card did not arrive', 'Where is the bank?']
    """
    check_frame(frame, column, (group, is_duplicate))
    require(group != is_duplicate, "is_duplicate", is_duplicate, "another name than group")
    good = is_number(threshold) and 0 < threshold <= 1
    require(good, "threshold", threshold, "a cosine above 0, at most 1")
    check_flag("exact", exact)
    auto = n_cells == "auto"
    require(auto or is_count(n_cells, 1), "n_cells", n_cells, "a number of cells, or 'auto'")
    require(is_count(n_probes, 1), "n_probes", n_probes, "a number of cells, 1 or more")
    check_choice("normalize_text", normalize_text, tuple(NORMALIZERS))
    require(is_count(max_rows, 2), "max_rows", max_rows, "a number of texts, 2 or more")
    require(is_count(max_links, 0), "max_links", max_links, "a number of links, 0 or more")

    source = ModelSource(StaticModel.from_pretrained("default") if model is None else model)
    parts = frame.to_delayed()
    sizes = DaskParts(parts).gather(len)
    first_rows = np.cumsum([0, *sizes])[:-1].tolist()
    read = partial(different_texts, column=column, normalizer=normalize_text)
    centers = None
    if not exact:
        wanted = max(1, round(sum(sizes) ** 0.5)) if auto else int(n_cells)
        centers = _centers(parts, read, first_rows, source, wanted)
    n_cells, n_probes = (1, 1) if centers is None else (len(centers), min(n_probes, len(centers)))
    told = shared((source, centers))
    nodes = _nodes(parts, read, first_rows, frame._meta, told, n_probes)
    found = DaskParts.of(nodes).gather(partial(cell_sizes, n_cells=n_cells, n_probes=n_probes))
    plan = Plan.of(np.sum(found, axis=0), max_rows, len(parts), split=exact)
    links = _links(nodes, told, plan, threshold, n_probes)
    dropped = drop(DaskParts.of(links), max_links)
    names = (group, is_duplicate)
    return _with_groups(frame, parts, nodes, first_rows, dropped, column, normalize_text, names)


def _of_each(
    function: Callable[..., Any], first_rows: list[int], *parts: Sequence[Any]
) -> list[Any]:
    """Delayed calls of a function with each part, its number and that of its first row."""
    task = import_module("dask").delayed(function, pure=False)
    return [
        task(*own, number=number, first_row=row)
        for number, (row, *own) in enumerate(zip(first_rows, *parts, strict=True))
    ]


def _centers(
    parts: Sequence[Any],
    read: Callable[..., Any],
    first_rows: list[int],
    source: ModelSource,
    n_cells: int,
) -> npt.NDArray[np.float32] | None:
    """Centres of cells, from the texts with the smallest hashes, whatever part they are in.

    None if no text has a vector.
    """
    dask, pandas = import_module("dask"), import_module("pandas")
    most = n_cells * ROWS_OF_CELL
    found = dask.compute(*_of_each(partial(read, most=most), first_rows, parts))
    nodes = joined(pandas.concat(found))
    texts = nodes["text"][nodes["row"] == nodes["node"]].tolist()[:most]
    vectors = check_vectors(embed_texts(source, texts))
    if not len(vectors.rows):
        return None
    return find_centers(vectors, vectors.rows, min(n_cells, len(vectors.rows)))


def _nodes(
    parts: Sequence[Any],
    read: Callable[..., Any],
    first_rows: list[int],
    meta: Any,
    told: Any,
    n_probes: int,
) -> Any:
    """Frame of the different texts with their cells, which stays in the processes."""
    found = import_module("dask.dataframe").from_delayed(
        _of_each(read, first_rows, parts),
        meta=read(meta, number=0, first_row=0),
        verify_meta=False,
    )
    place = partial(_placed, n_probes=n_probes)
    empty = place(found._meta, (None, None))
    same = found.shuffle(on=["high", "low"], ignore_index=True)
    return same.map_partitions(place, told, meta=empty).persist()


def _placed(found: Any, told: tuple[Any, Any], n_probes: int) -> Any:
    source, centers = told
    return in_cells(joined(found), source, centers, n_probes)


def _links(nodes: Any, told: Any, plan: Plan, threshold: float, n_probes: int) -> Any:
    """Frame of the links, which stays in the processes."""
    meet = partial(meetings, n_probes=n_probes)
    empty = meet(nodes._meta, Plan.of(np.ones(1, dtype=np.int64), 2, 1))
    met = nodes.map_partitions(meet, shared(plan), meta=empty)
    find = partial(_found, threshold=threshold, n_probes=n_probes)
    dealt = moved(met, "dealt", plan.n_parts)
    return dealt.map_partitions(find, told, meta=find(dealt._meta, (None, None))).persist()


def _found(met: Any, told: tuple[Any, Any], threshold: float, n_probes: int) -> Any:
    return find_links(met, told[0], threshold, n_probes)


def _with_groups(
    frame: Any,
    parts: Sequence[Any],
    nodes: Any,
    first_rows: list[int],
    dropped: Dropped,
    column: str,
    normalizer: str,
    names: tuple[str, str],
) -> Any:
    """Lazy frame with two more columns."""
    numbers = moved(nodes[["part", "row", "node"]], "part", len(parts)).persist().to_delayed()
    task = partial(_grouped, column=column, normalizer=normalizer, names=names)
    made = _of_each(task, first_rows, parts, numbers, [shared(dropped)] * len(parts))
    empty = frame._meta.assign(**{names[0]: np.empty(0, np.int64), names[1]: np.empty(0, bool)})
    divisions = frame.divisions if frame.known_divisions else None
    dataframe = import_module("dask.dataframe")
    return dataframe.from_delayed(made, meta=empty, divisions=divisions, verify_meta=False)


def _grouped(
    part: Any,
    own: Any,
    dropped: Dropped,
    *,
    column: str,
    normalizer: str,
    names: tuple[str, str],
    number: int,
    first_row: int,
) -> Any:
    """Return one partition with two more columns."""
    nodes = make_nodes(read_part(part, column, number), normalizer, None, np.empty(0, np.int64))
    own = own.sort_values("row")
    if not np.array_equal(own["row"].to_numpy(), first_row + nodes.first_row):
        raise ValueError(
            f"Partition {number} has other rows than when its duplicates were found. Fix: persist"
            " the frame, or write it to files, before deduplicate."
        )
    node = own["node"].to_numpy()
    if len(dropped.nodes):
        place = np.searchsorted(dropped.nodes, node).clip(max=len(dropped.nodes) - 1)
        node = np.where(dropped.nodes[place] == node, dropped.kept[place], node)
    kept = node[nodes.of_row]
    return part.assign(
        **{names[0]: kept, names[1]: kept != first_row + np.arange(len(part), dtype=np.int64)}
    )
