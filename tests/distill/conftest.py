from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from skm2v._distillation.teacher_pass import store
from tests import tiny

COUNTING_CODE = """
import os

from transformers import BertModel


class CountingBert(BertModel):
    def forward(self, *args, **kwargs):
        with open(os.path.join({counter!r}), "a") as file:
            file.write("x")
        return super().forward(*args, **kwargs)
"""


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    """Start every test with an empty in-process cache."""
    store.clear_recent()
    yield
    store.clear_recent()


@pytest.fixture
def copied_teacher(tiny_teacher: Path, tmp_path: Path) -> Path:
    """A tiny teacher that the test may damage."""
    return Path(shutil.copytree(tiny_teacher, tmp_path / "teacher"))


@pytest.fixture
def passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Callable[[], int]]:
    """A teacher with Python code of its own that writes a letter to a file in every forward pass.

    Returns its folder and a function that counts: with a large batch size one letter is one pass
    over the vocabulary.
    """
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = tiny.write_transformer(tmp_path / "counting")
    counter = tmp_path / "count.txt"
    (folder / "modeling_counting.py").write_text(COUNTING_CODE.format(counter=str(counter)))
    edit_json(folder / "config.json", auto_map={"AutoModel": "modeling_counting.CountingBert"})
    return folder, lambda: len(counter.read_text()) if counter.exists() else 0


def edit_json(path: Path, **changes: Any) -> None:
    """Set fields of a JSON file."""
    content = json.loads(path.read_text())
    content.update(changes)
    path.write_text(json.dumps(content))
