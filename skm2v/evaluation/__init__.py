"""Evaluation of text embeddings with MTEB's protocols, offline and on your own data.

`evaluate` scores models on tasks; the command ``skm2v eval`` is the same on the command line. A
task is data plus a protocol: see `Task` for how to write one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skm2v.evaluation._baselines import TfidfSVD, tfidf
    from skm2v.evaluation._building import DataOptions
    from skm2v.evaluation._classification import FewShotClassification, FullClassification
    from skm2v.evaluation._clustering import Clustering
    from skm2v.evaluation._contrast import Contrast, load_diagnostic
    from skm2v.evaluation._deduplication import Deduplication
    from skm2v.evaluation._encoders import Encoder
    from skm2v.evaluation._errors import ModelSpecError, TaskDataError
    from skm2v.evaluation._model_specs import load_encoder
    from skm2v.evaluation._mteb_adapter import MtebEncoder
    from skm2v.evaluation._pairs import STS, PairClassification, WordSimilarity
    from skm2v.evaluation._progress import Listener
    from skm2v.evaluation._result_store import Result, ResultStore
    from skm2v.evaluation._results import Evaluation, ModelSummary
    from skm2v.evaluation._retrieval import Reranking, Retrieval
    from skm2v.evaluation._runner import evaluate, run_task
    from skm2v.evaluation._task import Encode, Outcome, Task
    from skm2v.evaluation._task_sources import TaskSource, find_sources

# Loaded on first use: the command line builds its parser from here and should stay quick.
_MODULES = {
    "tfidf": "_baselines",
    "TfidfSVD": "_baselines",
    "DataOptions": "_building",
    "FewShotClassification": "_classification",
    "FullClassification": "_classification",
    "Clustering": "_clustering",
    "Contrast": "_contrast",
    "load_diagnostic": "_contrast",
    "Deduplication": "_deduplication",
    "Encoder": "_encoders",
    "ModelSpecError": "_errors",
    "TaskDataError": "_errors",
    "load_encoder": "_model_specs",
    "MtebEncoder": "_mteb_adapter",
    "PairClassification": "_pairs",
    "STS": "_pairs",
    "WordSimilarity": "_pairs",
    "Listener": "_progress",
    "Evaluation": "_results",
    "ModelSummary": "_results",
    "Reranking": "_retrieval",
    "Retrieval": "_retrieval",
    "evaluate": "_runner",
    "run_task": "_runner",
    "find_sources": "_task_sources",
    "TaskSource": "_task_sources",
    "Result": "_result_store",
    "ResultStore": "_result_store",
    "Encode": "_task",
    "Outcome": "_task",
    "Task": "_task",
}

__all__ = [
    "STS",
    "Clustering",
    "Contrast",
    "DataOptions",
    "Deduplication",
    "Encode",
    "Encoder",
    "Evaluation",
    "FewShotClassification",
    "FullClassification",
    "Listener",
    "ModelSpecError",
    "ModelSummary",
    "MtebEncoder",
    "Outcome",
    "PairClassification",
    "Reranking",
    "Result",
    "ResultStore",
    "Retrieval",
    "Task",
    "TaskDataError",
    "TaskSource",
    "TfidfSVD",
    "WordSimilarity",
    "evaluate",
    "find_sources",
    "load_diagnostic",
    "load_encoder",
    "run_task",
    "tfidf",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
