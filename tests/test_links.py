"""What pages and docstrings point to is there: files, headings, scripts and objects."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import skm2v
from tests import public_objects

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)
IS_WHOLE = (ROOT / "benchmarks").exists()  # a source distribution has none
FILES = re.compile(
    r"(?<![\w./])((?:docs|benchmarks|examples|tools|tests)/[\w./]*\w\.(?:md|py|txt))\b"
)
ROLE = re.compile(r":(?:func|class|meth|attr|mod|exc|obj):`~?\.?([\w.]+)`")
EVERYTHING = public_objects.everything()


@cache
def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub and MyST make them."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.strip().lower())
        slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        n_before = sum(re.fullmatch(re.escape(slug) + r"(-\d+)?", one) is not None for one in found)
        found.add(f"{slug}-{n_before}" if n_before else slug)
    return (
        found
        | set(re.findall(r'(?:id|name)="([^"]+)"', text))
        | set(re.findall(r"^\(([\w-]+)\)=$", text, flags=re.MULTILINE))
    )


def links_of(text: str) -> list[str]:
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    inline = re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", prose)
    return inline + re.findall(r"^\[(?!\^)[^]]+\]: +(\S+)", prose, flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page):
    path = ROOT / page
    for link in links_of(path.read_text(encoding="utf-8")):
        if re.match(r"https?://[\w-]+(\.[\w-]+)+(/|$)|mailto:", link):
            continue  # nothing here asks a network
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        if not IS_WHOLE and "benchmarks" in file.parts:
            continue
        assert file.exists(), f"{page} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(file), f"{page} links to {link}: no such heading"


@pytest.mark.parametrize("page", PAGES)
def test_footnotes_are_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert set(re.findall(r"\[\^(\w+)\](?!:)", text)) == set(
        re.findall(r"^\[\^(\w+)\]:", text, re.M)
    )


def modules() -> Iterator[str]:
    yield "skm2v"
    for one in pkgutil.walk_packages(skm2v.__path__, "skm2v."):
        if not one.name.endswith("__main__"):
            yield one.name


def test_files_that_are_named_are_there():
    sources = [ROOT / page for page in PAGES] + sorted((ROOT / "skm2v").rglob("*.py"))
    named = {
        (str(path.relative_to(ROOT)), name)
        for path in sources
        for name in FILES.findall(path.read_text(encoding="utf-8"))
        if IS_WHOLE or not name.startswith(("benchmarks/", "tools/"))
    }
    assert len(named) > 40
    assert sorted(one for one in named if not (ROOT / one[1]).exists()) == []


def resolves(target: str, name: str) -> bool:
    """Whether a target means something, as Sphinx looks for it from an object of a name."""
    parts = name.split(".")
    places = [*(".".join(parts[:n]) for n in range(len(parts), 0, -1)), ""]
    return any(is_there(f"{place}.{target}" if place else target) for place in places)


@cache
def is_there(name: str) -> bool:
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        try:
            value: object = importlib.import_module(".".join(parts[:n]))
        except ImportError:
            continue
        for part in parts[n:]:
            fields = getattr(value, "__annotations__", {})
            if not hasattr(value, part) and part not in fields:
                return False
            value = getattr(value, part, None)
        return True
    return False


@pytest.mark.parametrize("name", EVERYTHING)
def test_docstrings_refer_to_what_is_there(name):
    text = inspect.getdoc(EVERYTHING[name]) or ""
    targets = ROLE.findall(text)
    section = re.search(r"^See Also\n-+\n(.*?)(?=\n\n[A-Z]|\Z)", text, re.MULTILINE | re.DOTALL)
    if section:
        targets += re.findall(r"^([\w.]+) :", section[1], flags=re.MULTILINE)
    assert [one for one in targets if not resolves(one, name)] == []
    assert set(re.findall(r"(?<!\.\. )\[(\d+)\]_", text)) == set(
        re.findall(r"^ *\.\. \[(\d+)\]", text, re.M)
    )
