"""Pages of the guide as programs: what their Python blocks print is what the page shows."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, up to the next of its level."""
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, heading
    return re.split(r"^## ", rest, flags=re.MULTILINE)[0]


def first_column(text: str) -> list[list[str]]:
    """Return what stands in code quotes in the first cell of each row of the tables."""
    cells = re.findall(r"^\| (.*?`.*?) \|", text, flags=re.MULTILINE)
    return [re.findall(r"`([^`]+)`", cell) for cell in cells]


def run(name: str, namespace: dict[str, Any] | None = None) -> dict[str, Any]:
    """Run the Python blocks of a page, which must print what the text blocks behind them say."""
    namespace = {} if namespace is None else namespace
    blocks = re.findall(r"^```(python|text)\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL)
    printed = ""
    for language, source in blocks:
        if language == "python":
            assert not printed, f"{name} does not show this output: {printed}"
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(source, f"docs/{name}", "exec"), namespace)
            printed = out.getvalue()
        else:
            assert printed == source
            printed = ""
    assert not printed, f"{name} does not show this output: {printed}"
    return namespace
