"""What the guides name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(not (ROOT / "benchmarks").exists(), reason="a source distribution has none")
def test_the_index_of_benchmarks_names_every_script():
    index = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+\.py)` \|", index, flags=re.MULTILINE)
    scripts = sorted(path.name for path in (ROOT / "benchmarks").glob("*.py"))
    assert listed == scripts, "benchmarks/README.md has a line for each script, in order"


def test_files_that_the_contributing_guide_names_are_there():
    guide = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    names = {
        name for name in re.findall(r"`([\w./]+)`", guide) if "/" in name or name[-3:] == ".py"
    }
    assert len(names) > 20
    places = (
        ROOT,
        ROOT / "skm2v",
        ROOT / "skm2v" / "evaluation",
        ROOT / "skm2v" / "_pooling" / "csrc",
    )
    missing = {name for name in names if not any((place / name).exists() for place in places)}
    missing = {name for name in missing if not name.startswith("docs/_build/")}  # by `make docs`
    if not (ROOT / "benchmarks").exists():  # a source distribution
        missing = {name for name in missing if not name.startswith("benchmarks/")}
    assert missing == set()
