"""The real teacher against what model2vec 0.10 made of it, recorded by distill_parity.py's run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from skm2v import load_teacher

RECORDED = Path(__file__).parent / "data" / "model2vec_minilm.npz"
N_TOKENS = 29_525
TOKENS_SHA256 = "399d36a41bde8934411fbcd2988772b441b474ae2a9707b1578b7fc156766ea1"

pytestmark = pytest.mark.teacher


@pytest.fixture(scope="module")
def teacher(minilm):
    return load_teacher(minilm)


@pytest.fixture(scope="module")
def plan(teacher):
    return teacher.plan_tokens((), r"\[unused\d+\]")


def test_the_tokens_and_their_order(plan):
    vocabulary = json.loads(plan.tokenizer)["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    assert len(tokens) == N_TOKENS
    assert hashlib.sha256("\n".join(tokens).encode()).hexdigest() == TOKENS_SHA256
    with np.load(RECORDED) as recorded:
        assert [tokens[i] for i in recorded["positions"]] == recorded["tokens"].tolist()


def test_the_vectors(teacher, plan):
    with np.load(RECORDED) as recorded:
        sequences = [plan.sequences[i] for i in recorded["positions"]]
        vectors = teacher.embed_tokens(sequences)
        np.testing.assert_allclose(vectors, recorded["vectors"], atol=2e-5)


def test_the_length_that_sentence_transformers_states(teacher):
    assert teacher.max_length == 256  # tokenizer.json says 128, its settings 512
    assert teacher.head.poolings == ("mean",)
