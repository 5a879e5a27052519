"""Our scores are mteb's: against its frozen scores, and against the package where it is there."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skm2v.evaluation import ModelSpecError, MtebEncoder, run_task
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


def test_similarity_of_two_single_vectors_is_a_number() -> None:
    """The evaluators of mteb make a float of it."""
    encoder = MtebEncoder(MODELS["pieces"])
    first, second = encoder.encode([{"text": ["my card", "a transfer"]}])
    expected = float(np.dot(first, second) / np.linalg.norm(first) / np.linalg.norm(second))
    for similarity in (encoder.similarity, encoder.similarity_pairwise):
        assert similarity(first, second).shape == ()
        assert float(similarity(first, second)) == pytest.approx(expected, abs=1e-6)
    assert encoder.similarity(first, np.stack([first, second])).shape == (1, 2)
    assert encoder.similarity(np.stack([first, second]), second).shape == (2, 1)


def test_what_makes_no_vectors_is_no_encoder_of_mteb() -> None:
    with pytest.raises(ModelSpecError, match="makes no vectors"):
        MtebEncoder("words")


@pytest.mark.filterwarnings("ignore")
def test_summaries_are_scored_by_the_installed_mteb() -> None:
    pytest.importorskip("mteb")
    import mteb
    from datasets import Dataset, DatasetDict
    from mteb.abstasks.text.summarization import AbsTaskSummarization
    from mteb.tasks.summarization.eng.summ_eval_summarization import SummEvalSummarizationv2

    texts = ["my card was stolen", "a transfer is late", "top up by cheque", "change the pin"]
    rows = [
        {
            "text": text,
            "machine_summaries": [text, texts[place - 1], texts[place - 2]],
            "human_summaries": [text, text + " today"],
            "relevance": [5.0, 2.0, 1.0],
        }
        for place, text in enumerate(texts)
    ]

    class Summaries(SummEvalSummarizationv2):
        def load_data(self, *args: Any, **kwargs: Any) -> None:
            self.dataset = DatasetDict(test=Dataset.from_list(rows))
            self.data_loaded = True

    assert issubclass(Summaries, AbsTaskSummarization)
    results = mteb.evaluate(MtebEncoder(MODELS["pieces"]), Summaries(), cache=None)
    [score] = results.task_results[0].scores["test"]
    assert score["cosine_spearman"] > 0.5
    assert score["main_score"] == pytest.approx(score["cosine_spearman"])
