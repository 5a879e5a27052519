"""Errors of the evaluation room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skm2v.exceptions import Skm2vError


class TaskDataError(Skm2vError, ValueError):
    """The data of a task cannot be used; the message names the file, the column and the fix."""


class ModelSpecError(Skm2vError, ValueError):
    """A model under test is not known, cannot be loaded, or returned something unusable."""


def some(values: Iterable[object], limit: int = 5) -> str:
    """Quote up to `limit` of `values` and count the rest, for an error message."""
    listed: Sequence[object] = list(values)
    shown = ", ".join(repr(value) for value in listed[:limit])
    rest = len(listed) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
