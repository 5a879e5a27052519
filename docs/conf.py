"""Sphinx's settings: `make docs` builds the site, without a network and without a warning."""

from __future__ import annotations

import os
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS), str(DOCS / "_sphinx")]
# Where the site is published; a build without that is for reading here, and the "?" of an estimator
# in a page of the gallery leads to the page beside it.
SITE = os.environ.get("SKM2V_SITE", "").rstrip("/")
if not SITE:  # unset, or empty as a workflow gives it
    os.environ["SKM2V_SITE"] = ".."

import gallery  # noqa: E402
import inventories  # noqa: E402
import targets  # noqa: E402
import versions  # noqa: E402

import skm2v  # noqa: E402

project = "skm2v"
author = "The skm2v developers"
copyright = "The skm2v developers. MIT licence"
release = version = skm2v.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "api",
    "links",
    "llms",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_sphinx", "**sg_execution_times.rst"]
root_doc = "index"
default_role = "literal"
nitpicky = True
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": True, "member-order": "groupwise"}
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
# Only what is known becomes a link: types are prose ("array-like of shape (n, d)").
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = inventories.aliases()
intersphinx_mapping = inventories.written(DOCS / "_build" / "inventories")

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": gallery.runs_here(),
    "ignore_pattern": r"(^|[/\\])_",
    "reset_argv": "gallery.arguments",
    "reset_modules": (),
    "doc_module": ("skm2v",),
    "backreferences_dir": "auto_examples/backreferences",
    "reference_url": {"skm2v": None},
    "image_scrapers": ("matplotlib",),
    "matplotlib_animations": False,
    "remove_config_comments": True,
    "show_signature": False,
    "download_all_examples": False,
    "min_reported_time": 0,
    "plot_gallery": True,
    "abort_on_example_error": True,
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "skm2v"
html_short_title = (
    "Static text embeddings for scikit-learn: distil a sentence transformer once, embed, classify,"
    " deduplicate, search and group texts on a CPU, serve without torch."
)
html_baseurl = f"{SITE}/" if SITE else ""
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = True
html_show_sourcelink = False
html_sidebars = {"**": ["pages.html"]}
html_theme_options = {
    "logo": {"text": "skm2v"},
    **versions.theme_options(SITE, release),
    "navbar_center": [],
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_end": [],
}


def finish(app, exception):
    """Give the versions full addresses, and pages that show another file its text as source."""
    if exception is not None or app.builder.format != "html":
        return
    versions.finish(Path(app.outdir), SITE)
    for name, shown in targets.PAGES.items():
        source = Path(app.outdir, "_sources", f"{shown}.txt")
        if shown.endswith(".md") and source.exists():
            text = (DOCS.parent / name).read_text(encoding="utf-8")
            source.write_text(targets.rewritten(text, DOCS.parent), encoding="utf-8")


def setup(app):
    """Connect to Sphinx."""
    app.connect("build-finished", finish)
