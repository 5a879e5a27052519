"""Our scores are mteb's: against its frozen scores, and against the package where it is there."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skm2v.evaluation import MtebEncoder, run_task
from tests.evaluation import frozen

TOLERANCE = 0.001
TASKS = {f"{type(task).__name__}/{task.name}": task for task in frozen.tasks()}
MODELS = {model.name: model for model in frozen.models()}


@pytest.fixture(scope="module")
def parity() -> Any:
    """The script of the benchmarks."""
    path = Path(__file__).parents[2] / "benchmarks" / "mteb_parity.py"
    spec = importlib.util.spec_from_file_location("mteb_parity", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["mteb_parity"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("task", TASKS)
def test_scores_equal_the_frozen_scores_of_mteb(task: str, model: str, parity: Any) -> None:
    frozen_scores = json.loads(frozen.SCORES.read_text())["scores"][f"{task}/{model}"]
    result = run_task(MODELS[model], TASKS[task])
    names = parity.SCORES[type(TASKS[task])]
    ours = {n: result.score if own == "" else result.metrics[own] for own, n in names.items()}
    assert ours == pytest.approx(frozen_scores, abs=TOLERANCE)


@pytest.mark.filterwarnings("ignore")
def test_scores_equal_those_of_the_installed_mteb(parity: Any) -> None:
    pytest.importorskip("mteb")
    for task in TASKS.values():
        for name, ours, theirs in parity.compare(MODELS["words"], task):
            assert ours == pytest.approx(theirs, abs=TOLERANCE), (task.name, name)


def test_adapter_follows_the_encoder_protocol() -> None:
    encoder = MtebEncoder(MODELS["pieces"])
    batches = [{"text": ["my card", "a transfer"]}, {"text": ["top up"]}]
    vectors = encoder.encode(batches, task_metadata=None, hf_split="test", hf_subset="default")
    assert vectors.shape == (3, 128)
    cosine = encoder.similarity(vectors, vectors)
    np.testing.assert_allclose(np.diag(cosine), 1, atol=1e-6)
    np.testing.assert_allclose(
        encoder.similarity_pairwise(vectors[:2], vectors[1:]), np.diag(cosine, 1), atol=1e-6
    )


def test_adapter_is_an_mteb_encoder() -> None:
    pytest.importorskip("mteb")
    from mteb.models import EncoderProtocol

    encoder = MtebEncoder(MODELS["words"], name="my words")
    assert isinstance(encoder, EncoderProtocol)
    assert encoder.mteb_model_meta.name == "skm2v/my-words"
