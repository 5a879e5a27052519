"""A few rows of many, for terminals and notebooks."""

from __future__ import annotations

from html import escape
from typing import Any

__all__ = ["as_html", "as_text"]

SHOWN = 10


def as_text(title: str, columns: dict[str, Any]) -> str:
    """Title and the first rows of some columns, aligned, with the number of the others."""
    rows, n_more = _first_rows(columns)
    if not rows:
        return title
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        for cells in [[*columns], *rows]
    ]
    return "\n".join([title, *lines, *([f"... and {n_more:,} more"] if n_more else [])])


def as_html(title: str, columns: dict[str, Any]) -> str:
    """Return the same as a table of HTML."""
    rows, n_more = _first_rows(columns)
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    more = f"<p>and {n_more:,} more</p>" if n_more else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
    return f"<div><p>{escape(title)}</p>{table}{more}</div>"


def _first_rows(columns: dict[str, Any]) -> tuple[list[tuple[str, ...]], int]:
    n = len(next(iter(columns.values())))
    parts = [[_cell(value) for value in column[:SHOWN].tolist()] for column in columns.values()]
    return [*zip(*parts, strict=True)], max(0, n - SHOWN)


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
