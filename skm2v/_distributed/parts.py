"""Parts of something in the processes of Dask, and what all of them are told."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

__all__ = ["DaskParts", "moved", "shared"]

# Bytes that a graph may hold; Dask warns of graphs of more than 10 MB.
MOST_IN_GRAPH = 9_000_000


class DaskParts:
    """Parts that functions are called with where they are.

    Parameters
    ----------
    parts : sequence of Delayed
    told : sequence of Delayed, default=()
        What they were made with: it must be there to make a part again that was lost.
    """

    def __init__(self, parts: Sequence[Any], told: Sequence[Any] = ()) -> None:
        self._parts, self._told = parts, told

    @classmethod
    def of(cls, frame: Any) -> DaskParts:
        """Partitions of a frame."""
        return cls(frame.to_delayed())

    def gather(self, function: Callable[..., Any], *common: Any) -> Sequence[Any]:
        """Return what a function makes of each part, and of what is the same for all."""
        told = [shared(one) for one in common]
        results: Sequence[Any] = import_module("dask").compute(*self._made(function, told))
        return results

    def mapped(self, function: Callable[..., Any], *common: Any) -> DaskParts:
        """Leave that where it is."""
        told = [shared(one) for one in common]
        return DaskParts(import_module("dask").persist(*self._made(function, told)), told)

    def _made(self, function: Callable[..., Any], told: Sequence[Any]) -> list[Any]:
        task = import_module("dask").delayed(function, pure=False)
        return [task(part, *told) for part in self._parts]


def shared(value: Any) -> Any:
    """Return what stands for a value in a graph, so that it goes to each process once.

    Parameters
    ----------
    value : object

    Returns
    -------
    value : Delayed
        Of the value, or if it is large and there is a cluster, of a copy that all processes have.
    """
    dask = import_module("dask")
    client: Any = getattr(dask.base.get_scheduler(), "__self__", None)
    if hasattr(client, "scatter") and len(pickle.dumps(value, 5)) > MOST_IN_GRAPH:
        # In a list, as it would make as many futures of a tuple as it has items.
        [value] = client.scatter([value], broadcast=True, hash=False)
    return dask.delayed(value, traverse=False)


def moved(frame: Any, by: str, n_parts: int) -> Any:
    """Move rows to the partitions whose numbers are in a column, which becomes the index."""
    return frame.set_index(by, divisions=list(range(n_parts + 1)))
