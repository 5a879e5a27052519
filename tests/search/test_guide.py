"""The code of the guide to searches runs, and finds what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skm2v.search import SearchExplanation

GUIDE = Path(__file__).parents[2] / "docs" / "text_search.md"


def test_the_code_of_the_guide_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 5
    names: dict[str, object] = {}
    for block in blocks[:2]:
        exec(block, names)
    assert len(names["result"][0]) == 3
    assert 0 <= names["searcher"].tuning_.cv_score <= 1
    for block in blocks[2:]:
        exec(block, names)
    assert [hit.id for hit in names["hits"]] == ["faq-1"]
    said = names["searcher"].explain("reset my passwords", "faq-1")
    assert isinstance(said, SearchExplanation)
    assert said.words.sum() + said.meaning.sum() == pytest.approx(said.score, abs=1e-6)
    assert (tmp_path / "faq.index").exists()
