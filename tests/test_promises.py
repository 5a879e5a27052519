"""The numbers of `docs/reliability.md` are those that tests cite, and the other way round."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def numbers_in(text: str) -> set[str]:
    return set(re.findall(r"\bP\d{1,2}\b", text))


def promised() -> set[str]:
    guide = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    return set(re.findall(r"^- \*\*(P\d{1,2}) ", guide, flags=re.MULTILINE))


def cited() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path != Path(__file__):
            for number in numbers_in(path.read_text(encoding="utf-8")):
                found.setdefault(number, []).append(path.name)
    return found


def test_every_promise_has_a_test_that_cites_it():
    assert promised() >= {"P1", "P33"}
    assert promised() - set(cited()) == set()


def test_tests_cite_promises_that_were_made():
    unknown = {number: places for number, places in cited().items() if number not in promised()}
    assert unknown == {}


def test_the_guide_speaks_of_no_other_promise():
    guide = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert numbers_in(guide) == promised()
