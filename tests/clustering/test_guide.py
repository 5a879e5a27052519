"""The guide of topics runs from top to bottom, with a quarter of its texts."""

from __future__ import annotations

import re
from pathlib import Path

from skm2v._clustering import topics

GUIDE = Path(__file__).parents[2] / "docs" / "topics.md"


def test_the_blocks_of_the_guide_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(topics, "POINTS", 200)
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    names: dict[str, object] = {}
    for block in blocks:
        few = block.replace('(subset="test").data', '(subset="test").data[::4]')
        exec(compile(few, "docs/topics.md", "exec"), names)
    assert len(names["topics"].labels) == 770
    assert len(names["merged"].parts) == 5
    assert len(names["shares"].groups) == 12
    assert (tmp_path / "topics.html").stat().st_size > 10_000
