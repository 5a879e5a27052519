"""The pages of the API reference."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import api_table
from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]


def write_overview() -> None:
    """Write the page from which autosummary makes all others; keep it where nothing changed."""
    path = DOCS / "api" / "index.rst"
    path.parent.mkdir(exist_ok=True)
    text = api_table.rst()
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    for old in path.parent.glob("skm2v*.rst"):
        if old.stem not in api_table.NAMES:
            old.unlink()


def skip_inherited(
    app: Sphinx, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what scikit-learn's or Python's classes brought along."""
    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
    module = getattr(function, "__module__", None) or ""
    if what == "class" and callable(function) and not module.startswith("skm2v"):
        return True
    return None


def escape_shapes(
    app: Sphinx, what: str, name: str, member: Any, options: Any, lines: list[str]
) -> None:
    """Keep reStructuredText from taking ``n_components_`` in a shape for a target."""
    for i, line in enumerate(lines):
        if " of shape (" in line:
            lines[i] = re.sub(r"(?<=\w)_(?=[,)])", r"\\_", line)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    write_overview()
    app.connect("autodoc-skip-member", skip_inherited)
    app.connect("autodoc-process-docstring", escape_shapes, priority=400)  # before numpydoc
    return {"parallel_read_safe": True, "parallel_write_safe": True}
