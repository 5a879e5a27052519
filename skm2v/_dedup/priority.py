"""Which of several texts that say the same is kept."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._dedup.links import Links
from skm2v._dedup.nodes import Nodes, hash_ranks
from skm2v._dedup.tables import read_column

__all__ = [
    "chosen_rows",
    "degrees",
    "more_degrees",
    "node_ranks",
    "pair_keys",
    "row_values",
    "tie_breakers",
]

RULES = ("central", "first", "longest")


def row_values(
    keep: str | Callable[[Any], Any], X: Any, texts: list[str], first_row: int
) -> npt.NDArray[Any]:
    """Value of each row, of which the largest is kept.

    Parameters
    ----------
    keep : str or callable
        A rule, the name of a column, or a function of `X`.
    X : object
        What `texts` were read from.
    texts : list of str
    first_row : int
        Number of the first row, where earlier ones were fitted before.
    """
    n = len(texts)
    if isinstance(keep, str) and keep in RULES:
        if keep == "first":
            return -np.arange(first_row, first_row + n, dtype=np.float64)
        if keep == "longest":
            return np.fromiter(map(len, texts), dtype=np.float64, count=n)
        return np.zeros(n)
    name = "keep" if callable(keep) else f"The column {keep!r}"
    if not callable(keep) and not hasattr(X, "columns"):
        raise ValueError(
            f"keep must be one of {RULES}, a function of X, or the name of a column, for which X"
            f" must be a frame; got {keep!r} and {type(X).__name__}."
        )
    values = keep(X) if callable(keep) else read_column(X, keep)
    values = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    if values.shape != (n,):
        raise ValueError(f"{name} must give a value for each of {n} rows; got {values.shape}.")
    if values.dtype.kind in "mM":
        return values.astype(np.int64)  # a missing one is the least
    if values.dtype.kind in "biu":
        return values.astype(np.uint64 if values.dtype == np.uint64 else np.int64)
    try:
        if values.dtype.kind in "OU":
            values = np.array([_number(value) for value in values.tolist()], dtype=np.float64)
        values = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must hold numbers or dates, the largest of which is kept; {error}."
        ) from error
    return np.where(np.isnan(values), -np.inf, values)


def _number(value: Any) -> float:
    """Number for a number or a date, written out or not; NaN for a missing one."""
    if isinstance(value, str):
        if not value.strip():
            return float("nan")
        try:
            return float(value)
        except ValueError:
            value = datetime.datetime.fromisoformat(value.strip())
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return float("nan")
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:  # not that of this machine
            value = value.replace(tzinfo=datetime.timezone.utc)
        return float(value.timestamp())
    if isinstance(value, datetime.date):
        return (value - datetime.date(1970, 1, 1)).total_seconds()
    return float(value)


def degrees(nodes: Nodes, links: Links) -> npt.NDArray[np.int64]:
    """Number of rows that each node has a link to, or shares its text with."""
    left, right = links.left, links.right
    if len(links) and links.kind.min() != links.kind.max():  # a pair may be linked in two ways
        _, once = np.unique(pair_keys(left, right), return_index=True)
        left, right = left[once], right[once]
    return more_degrees(nodes, left, right) + nodes.counts - 1


def pair_keys(left: npt.NDArray[np.int32], right: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return one number for a pair, whichever comes first."""
    keys: npt.NDArray[np.int64] = np.minimum(left, right).astype(np.int64) << 32
    return keys | np.maximum(left, right)


def more_degrees(
    nodes: Nodes, left: npt.NDArray[Any], right: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """Number of rows at the other end of links, for each node."""
    n, weights = len(nodes), nodes.counts.astype(np.float64)
    degree = np.bincount(left, weights[right], n) + np.bincount(right, weights[left], n)
    return degree.astype(np.int64)


def tie_breakers(nodes: Nodes, linked: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    """Numbers that have nothing to do with rows, of nodes with links; others are always kept."""
    ties = np.zeros(len(nodes), dtype=np.uint64)
    places = np.flatnonzero(linked)
    ties[places] = hash_ranks([nodes.texts[i] for i in places.tolist()])
    return ties


def node_ranks(
    nodes: Nodes,
    values: npt.NDArray[Any],
    degree: npt.NDArray[np.int64] | None,
    ties: npt.NDArray[np.uint64],
) -> npt.NDArray[np.int64]:
    """Order in which nodes are kept, 0 first.

    Parameters
    ----------
    nodes : Nodes
    values : ndarray of shape (n_rows,)
    degree : ndarray of int64 of shape (n_nodes,) or None
        Comes first, where it counts.
    ties : ndarray of uint64 of shape (n_nodes,)
        Decides last, by `tie_breakers`.
    """
    n = len(nodes.counts)
    # Places among the different values, which are exact for numbers of any kind.
    place = np.unique(values, return_inverse=True)[1]
    best = np.full(n, -1)
    np.maximum.at(best, nodes.of_row, place)
    central = np.zeros(n) if degree is None else -degree
    rank = np.empty(n, dtype=np.int64)
    rank[np.lexsort((nodes.first_row, ties, -best, central))] = np.arange(n)
    return rank


def chosen_rows(nodes: Nodes, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Row that stands for each node: the first of the largest value."""
    place = np.unique(values, return_inverse=True)[1]
    order = np.lexsort((np.arange(len(values)), -place, nodes.of_row))
    first = np.ones(len(order), dtype=bool)
    node = nodes.of_row[order]
    first[1:] = node[1:] != node[:-1]
    return order[first]
