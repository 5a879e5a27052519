"""The documentation site: its table of public names, its navigation, and where its links lead.

`make docs` builds it; here stands what a change of the code or of a page could break.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys

import pytest
from sklearn.base import BaseEstimator

from skm2v import StaticEmbedder, _doc_link
from tests import pages
from tests.pages import DOCS, page
from tests.test_public_names import LISTED, module

ROOT = DOCS.parent
SITE = "https://docs.example/skm2v"
ESTIMATORS = {
    name: value
    for name in LISTED
    for value in [getattr(module(name.rpartition(".")[0]), name.rpartition(".")[2])]
    if inspect.isclass(value) and issubclass(value, BaseEstimator)
}


@pytest.fixture
def site(monkeypatch):
    """Import modules of the site, which lie beside Sphinx's settings and need no Sphinx."""
    monkeypatch.syspath_prepend(str(DOCS))
    monkeypatch.syspath_prepend(str(DOCS / "_sphinx"))
    monkeypatch.delenv("SKM2V_REPOSITORY", raising=False)
    names = ("api_table", "gallery", "inventories", "targets", "versions")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name)


@pytest.fixture
def fresh():
    """Where the API is documented is found out anew, before and after a test."""
    _doc_link.api_address.cache_clear()
    yield
    _doc_link.api_address.cache_clear()


@pytest.fixture
def published(monkeypatch, fresh):
    monkeypatch.setenv("SKM2V_SITE", SITE + "/")


def toctree() -> list[str]:
    return re.findall(r"^[^\n<]+ <([\w/]+)>$", page("index.md"), flags=re.MULTILINE)


# --- The API reference ------------------------------------------------------------------------


def test_the_api_table_has_every_public_name_once(site):
    assert sorted(site["api_table"].NAMES) == LISTED


def test_the_overview_of_the_api_names_every_page(site):
    overview = site["api_table"].rst()
    assert re.findall(r"^   (skm2v\.[\w.]+)$", overview, flags=re.M) == list(
        site["api_table"].NAMES
    )


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_link_of_an_estimator_leads_to_its_page(name, site, published):
    estimator = ESTIMATORS[name].__new__(ESTIMATORS[name])
    assert name in site["api_table"].NAMES
    expected = f"{SITE}/{site['api_table'].page_of(name)}.html"
    assert estimator._get_doc_link() == expected


def test_estimators_of_all_rooms_are_tried():
    assert len(ESTIMATORS) >= 12
    assert {"skm2v.StaticEmbedder", "skm2v.clustering.WardKMeans"} <= set(ESTIMATORS)


def test_the_html_representation_links_to_the_site(published):
    assert f'href="{SITE}/api/skm2v.StaticEmbedder.html' in StaticEmbedder()._repr_html_()


def test_without_a_site_the_link_leads_nowhere(monkeypatch, fresh):
    monkeypatch.delenv("SKM2V_SITE", raising=False)
    monkeypatch.setattr(_doc_link, "metadata", lambda name: Metadata([]))
    assert StaticEmbedder()._get_doc_link() == "#"


def test_the_site_is_that_which_the_build_wrote_into_the_metadata(monkeypatch, fresh):
    monkeypatch.delenv("SKM2V_SITE", raising=False)
    addresses = ["Source, https://forge.example/skm2v", f"API, {SITE}/api"]
    monkeypatch.setattr(_doc_link, "metadata", lambda name: Metadata(addresses))
    assert StaticEmbedder()._get_doc_link() == f"{SITE}/api/skm2v.StaticEmbedder.html"


class Metadata:
    """What `importlib.metadata` says of an installed package."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses

    def get_all(self, key: str) -> list[str]:
        assert key == "Project-URL"
        return self.addresses


# --- Pages and links --------------------------------------------------------------------------


def test_the_navigation_has_every_page_in_its_order():
    entries = toctree()
    titles = re.findall(r"^([^\n<]+) <[\w/]+>$", page("index.md"), flags=re.MULTILINE)
    assert " · ".join(titles[:15]) == (
        "Start · Embed · Classify · Deduplicate · Search · Topics · Evaluate · Serve · Trust"
        " · Scale · Clients · When not · API · Gallery · Changes"
    )
    written = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    assert set(entries) == written | {"api/index", "auto_examples/index"}
    assert len(entries) == len(set(entries))


def test_no_page_has_the_name_of_one_that_sphinx_writes():
    # Sphinx writes these last, over a page of that name.
    assert not {"search", "genindex", "py-modindex"} & set(toctree())


def test_links_to_files_outside_the_guide_lead_to_pages_or_to_the_repository(site, monkeypatch):
    targets = site["targets"]
    monkeypatch.setattr(targets, "REPOSITORY", "https://forge.example/skm2v")
    cases = {
        "](../README.md#install)": "](start.md#install)",
        "](../SECURITY.md)": "](security.md)",
        "](../examples)": "](auto_examples/index.rst)",
        "](../examples/topics.py)": "](auto_examples/topics.rst)",
        "](adapt.md#options)": "](adapt.md#options)",
        "](#here)": "](#here)",
        "](https://example.org/a.md)": "](https://example.org/a.md)",
        "](../Makefile)": "](https://forge.example/skm2v/blob/main/Makefile)",
        "](../tests)": "](https://forge.example/skm2v/tree/main/tests)",
        "](missing.md)": "](missing.md)",
    }
    for written, expected in cases.items():
        assert targets.rewritten(f"[a{written}", DOCS) == f"[a{expected}"
    assert targets.rewritten("[a](docs/adapt.md)", ROOT) == "[a](adapt.md)"


def test_code_quotes_of_public_names_become_links(site):
    objects = dict.fromkeys(
        [
            "skm2v.StaticEmbedder",
            "skm2v.StaticEmbedder.transform",
            "skm2v.clustering.find_topics",
            "skm2v.distributed.embed",
            "skm2v.evaluation.Task.embed",
            "skm2v.Deduplicator",
            "skm2v.evaluation.Deduplication",
        ]
    )
    public_name = site["targets"].public_name
    assert public_name("StaticEmbedder()", objects) == "skm2v.StaticEmbedder"
    assert public_name("StaticEmbedder.transform", objects) == "skm2v.StaticEmbedder.transform"
    assert public_name("find_topics", objects) == "skm2v.clustering.find_topics"
    assert public_name("skm2v.distributed.embed", objects) == "skm2v.distributed.embed"
    for text in ("transform", "StaticEmbedder(pca_dims=3)", "numpy.ndarray", "skm2v", "x"):
        assert public_name(text, objects) is None


def test_names_of_other_libraries_are_there(site):
    for project in site["inventories"].PROJECTS.values():
        for role, names in project.names.items():
            for name in names.split() if role != "std:label" else []:
                owner, _, attribute = name.rpartition(".")
                if role == "std:term" or owner == "sklearn.callback":
                    continue  # words of a glossary; and what scikit-learn has since 1.9
                assert hasattr(importlib.import_module(owner or "builtins"), attribute), name


def test_versions_can_be_chosen_where_a_site_is_published(site, tmp_path):
    versions = site["versions"]
    assert "version-switcher" in versions.theme_options(SITE, "0.1.0")["navbar_start"]
    built = tmp_path / versions.FILE
    built.parent.mkdir()
    built.write_text((DOCS / versions.FILE).read_text(encoding="utf-8"), encoding="utf-8")
    versions.finish(tmp_path, SITE)
    urls = [entry["url"] for entry in json.loads(built.read_text(encoding="utf-8"))]
    assert urls[0] == SITE + "/"
    assert all(url.startswith(SITE + "/") for url in urls)


def test_a_site_that_is_built_to_be_read_here_has_no_links_to_versions(site, tmp_path):
    versions = site["versions"]
    assert versions.theme_options("", "0.1.0") == {"navbar_start": ["navbar-logo"]}
    built = tmp_path / versions.FILE
    built.parent.mkdir()
    built.write_text((DOCS / versions.FILE).read_text(encoding="utf-8"), encoding="utf-8")
    versions.finish(tmp_path, "")
    assert not built.exists()


# --- The gallery and the pages that it needs --------------------------------------------------


def test_the_gallery_runs_examples_whose_modules_are_there(site, tmp_path):
    gallery = site["gallery"]
    for name in gallery.WITH_FOLDER:
        assert (ROOT / "examples" / name).exists()
    pattern = re.compile(gallery.runs_here())
    assert pattern.search("examples/deduplication.py")
    assert not pattern.search("examples/_teacher.py")
    needy = tmp_path / "needy.py"
    needy.write_text("import json\nfrom not_installed.part import name\n")
    assert gallery.missing(needy) == ["not_installed"]


@pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")
def test_the_page_on_embedding_prints_what_it_says(tiny_teacher_of, monkeypatch):
    name = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
    shown = page("embed.md")
    assert name in shown
    local = shown.replace(name, str(tiny_teacher_of(hidden_size=256)))
    monkeypatch.setattr(pages, "page", lambda _: local)
    pages.run("embed.md")


def test_duplicates_of_a_frame_are_removed_as_the_guide_says(monkeypatch):
    part = pages.section(page("deduplication.md"), "From a DataFrame")
    monkeypatch.setattr(pages, "page", lambda _: part)
    from skm2v import Deduplicator

    pages.run("deduplication.md", {"Deduplicator": Deduplicator})
