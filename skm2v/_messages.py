"""What messages to users have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["some"]


def some(values: Iterable[Any], limit: int = 5) -> str:
    """Quote up to `limit` of `values` and count the rest, for an error message."""
    # Items of an array as Python's own objects, whose names are shorter.
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    shown = ", ".join(repr(value) for value in listed[:limit])
    rest = len(listed) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
