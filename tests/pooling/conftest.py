from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from skm2v._pooling import PoolingTable, TextPooler, TextTokenizer
from skm2v._pooling.reference import ReferenceEngine
from tests import tiny

DTYPES = ("float16", "float32", "float64", "int8")


@pytest.fixture(scope="session", params=tiny.KINDS)
def any_tokenizer(request: pytest.FixtureRequest) -> TextTokenizer:
    return TextTokenizer(tiny.tiny_tokenizer(request.param).to_str())


@pytest.fixture(scope="session")
def tokenizer() -> TextTokenizer:
    return TextTokenizer(tiny.tiny_tokenizer("wordpiece").to_str())


def random_table(
    tokenizer: TextTokenizer,
    dtype: str = "float32",
    *,
    dim: int = 16,
    seed: int = 0,
    scale: float = 1.0,
    **arrays: Any,
) -> PoolingTable:
    """Make a table of normal random rows for a tokenizer, with row scales if it is int8."""
    rng = np.random.default_rng(seed)
    n_tokens = len(tokenizer.tokens)
    if dtype == "int8":
        rows = rng.integers(-127, 128, size=(n_tokens, dim)).astype(np.int8)
        arrays.setdefault(
            "weights", (scale / 127 * rng.uniform(0.5, 1, size=n_tokens)).astype(np.float32)
        )
    else:
        rows = (scale * rng.normal(size=(n_tokens, dim))).astype(dtype)
    return PoolingTable(rows, **arrays)


@pytest.fixture(scope="session", params=["reference", "kernel"])
def make_pooler(request: pytest.FixtureRequest) -> Callable[..., TextPooler]:
    """Make a pooler that uses the reference, or one that uses the compiled kernel."""

    def make(tokenizer: TextTokenizer, table: PoolingTable) -> TextPooler:
        if request.param == "reference":
            return TextPooler(tokenizer, table, ReferenceEngine(tokenizer, table))
        kernel = pytest.importorskip("skm2v._pooling.kernel", exc_type=ImportError)
        engine = kernel.build_kernel(tokenizer, table)
        if engine is None:
            pytest.skip("no kernel for this kind of tokenizer")
        return TextPooler(tokenizer, table, engine)

    return make
