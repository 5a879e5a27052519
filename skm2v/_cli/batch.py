"""Rows on their way from a file to another."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Batch"]


class Batch(NamedTuple):
    """Texts of some rows, and what else of these rows is kept.

    Attributes
    ----------
    texts : list of str or TextBuffers
        As :meth:`TextPooler.pool` takes them.
    columns : dict of list or of pyarrow.ChunkedArray
        By name, as long as `texts`.
    """

    texts: Any
    columns: dict[str, Any]
