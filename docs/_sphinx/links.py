"""Links of the guide pages, as Sphinx meets them; `targets.py` says where they lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode
from targets import DOCS, NOWHERE, public_name, rewritten


def rewrite_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Rewrite the links of a guide page."""
    if (DOCS / f"{docname}.md").exists():
        source[0] = rewritten(source[0], DOCS)


def rewrite_included(app: Sphinx, path: Path, docname: str, content: list[str]) -> None:
    """Rewrite the links of a file that a page includes."""
    if path.suffix == ".md":
        content[0] = rewritten(content[0], (DOCS / path).parent)


def drop_links_to_nowhere(app: Sphinx, doctree: nodes.document) -> None:
    """Leave the text of links to files of a repository that is not published."""
    for node in list(doctree.findall(nodes.reference)):
        if node.get("refuri", "").startswith(NOWHERE):
            node.replace_self(node.children)


def link_names(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make a link to the API reference of each public name in code quotes."""
    objects: dict[str, Any] = app.env.domains["py"].objects  # type: ignore[attr-defined]
    here = docname.removeprefix("api/")
    for node in list(doctree.findall(nodes.literal)):
        if isinstance(node.parent, nodes.reference | nodes.title | nodes.term):
            continue
        full = public_name(node.astext(), objects)
        if full is None or objects[full].docname == docname or full == here:
            continue
        entry = objects[full]
        link = make_refnode(
            app.builder, docname, entry.docname, entry.node_id, node.deepcopy(), full
        )
        node.replace_self(link)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the rewriting to Sphinx."""
    app.connect("source-read", rewrite_page)
    app.connect("include-read", rewrite_included)
    app.connect("doctree-read", drop_links_to_nowhere)
    app.connect("doctree-resolved", link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
