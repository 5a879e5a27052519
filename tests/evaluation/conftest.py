from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


class WordSum:
    """A model without training: the sum of one random vector per word, blind to word order."""

    def __init__(self, dim: int = 64) -> None:
        self.dim = dim
        self.n_calls = 0
        self.texts: list[str] = []

    def encode(self, texts: list[str]) -> np.ndarray:
        self.n_calls += 1
        self.texts.extend(texts)
        rows = [sum((self._word(w) for w in t.lower().split()), np.zeros(self.dim)) for t in texts]
        return np.array(rows, dtype=np.float32)

    def _word(self, word: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(word.strip(".,?!").encode()).digest()[:4], "little")
        return np.random.default_rng(seed).standard_normal(self.dim)

    @property
    def fingerprint(self) -> str:
        return f"word-sum-{self.dim}"


@pytest.fixture
def word_sum() -> WordSum:
    return WordSum()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a text file below the test's own folder."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write
