"""Links of the guide pages that a site needs to be other than those of a checkout.

The pages are Markdown that reads as well in a checkout, where they link to files: to the README, to
examples, to scripts. On the site these are pages, or files of the repository.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
# Files outside of docs/ that are pages of the site.
PAGES = {
    "README.md": "start.md",
    "CHANGES.md": "changes.md",
    "SECURITY.md": "security.md",
    "examples": "auto_examples/index.rst",
}
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)")
# Where the repository is published. Links to its other files have no address until it is.
REPOSITORY = os.environ.get("SKM2V_REPOSITORY", "").rstrip("/")
NOWHERE = "https://repository.invalid"


def rewritten(text: str, folder: Path) -> str:
    """Return Markdown of a file in a folder with links for a page at the root of the site."""

    def replace(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        return f"]({on_site((folder / target).resolve(), target)}{anchor})"

    return LINK.sub(replace, text)


def on_site(path: Path, target: str) -> str:
    """Return where a link to a file leads on the site."""
    if not path.is_relative_to(ROOT) or not path.exists():
        return target  # a mistake, which Sphinx or a test reports
    name = path.relative_to(ROOT).as_posix()
    if name in PAGES:
        return PAGES[name]
    if path.parent == DOCS:
        return path.name
    if path.parent == ROOT / "examples" and not path.name.startswith("_"):
        return f"auto_examples/{path.stem}.rst"
    kind = "tree" if path.is_dir() else "blob"
    return f"{REPOSITORY or NOWHERE}/{kind}/main/{name}"


def public_name(text: str, objects: dict[str, Any]) -> str | None:
    """Return the full name of what a code quote names, if that is public."""
    name = text.removesuffix("()")
    if not re.fullmatch(r"[A-Za-z_]\w+(\.\w+)*", name):
        return None
    found = [one for one in (name, f"skm2v.{name}") if one.startswith("skm2v.") and one in objects]
    if not found and not name.startswith("skm2v"):
        # `find_topics` for `skm2v.clustering.find_topics`: where only one module has the name.
        found = [
            one
            for one in objects
            if one.startswith("skm2v.") and one.endswith(f".{name}") and one.count(".") == 2
        ]
        found = [one for one in found if one.split(".")[1].islower()]
    return found[0] if len(found) == 1 else None
