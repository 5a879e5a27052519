"""`llms.txt`: what is where on the site, for programs that read it instead of people."""

from __future__ import annotations

import re
from pathlib import Path

import api_table
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx


def summary(doctree: nodes.document) -> str:
    """Return the first sentence of a page."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            text = " ".join(paragraph.astext().split())
            return re.split(r"(?<=[.?!:]) ", text)[0].rstrip(":")
    return ""


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the file beside the pages."""
    if exception is not None or app.builder.format != "html":
        return
    env, base = app.env, app.config.html_baseurl
    pages = []
    for name, title in nav_of(app):
        if name.startswith(("api/", "auto_examples/")):
            continue
        text = summary(env.get_doctree(name))
        # The sources of the guide are Markdown, which such programs read best.
        pages.append(f"- [{title}]({base}_sources/{name}.md.txt)" + (f": {text}" if text else ""))
    names = [f"- [{name}]({base}{api_table.page_of(name)}.html)" for name in api_table.NAMES]
    gallery = [
        f"- [{env.titles[name].astext()}]({base}{name}.html)"
        for name in sorted(env.found_docs)
        if re.fullmatch(r"auto_examples/(?!index|sg_)\w+", name)
    ]
    lines = ["# skm2v", "", f"> {app.config.html_short_title}", ""]
    for title, entries in (("Guide", pages), ("Examples", gallery), ("API", names)):
        lines += [f"## {title}", "", *entries, ""]
    Path(app.outdir, "llms.txt").write_text("\n".join(lines), encoding="utf-8")


def nav_of(app: Sphinx) -> list[tuple[str, str]]:
    """Return page and title of each entry of the navigation."""
    root = app.env.get_doctree(app.config.root_doc)
    entries = []
    for toctree in root.findall(addnodes.toctree):
        for title, name in toctree["entries"]:
            if name in app.env.titles:
                entries.append((name, title or app.env.titles[name].astext()))
    return entries


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to Sphinx."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
