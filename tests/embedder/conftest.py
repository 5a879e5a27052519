from __future__ import annotations

import pytest

from skm2v import StaticModel
from tests import tiny
from tests.embedder.counting import counter  # noqa: F401  (a fixture)


@pytest.fixture
def ordered():
    """A static model of 16 columns that are said to be ordered by variance."""
    return StaticModel(
        tiny.tiny_table(), tiny.tiny_tokenizer(), config={"pca_ordered": True, "teacher": "tiny"}
    )


@pytest.fixture
def static_folder(tmp_path, ordered):
    """The same model in a folder."""
    ordered.save_pretrained(tmp_path / "static")
    return tmp_path / "static"
