"""Evaluation of text embeddings with MTEB's protocols, offline and on your own data.

`evaluate` scores models on tasks; the command ``skm2v eval`` is the same on the command line. A
task is data plus a protocol: see `Task` for how to write one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skm2v.evaluation.baselines import TfidfSVD, tfidf
    from skm2v.evaluation.building import DataOptions
    from skm2v.evaluation.classification import FewShotClassification, FullClassification
    from skm2v.evaluation.clustering import Clustering
    from skm2v.evaluation.contrast import Contrast, load_diagnostic
    from skm2v.evaluation.deduplication import Deduplication
    from skm2v.evaluation.encoders import Encoder
    from skm2v.evaluation.errors import ModelSpecError, TaskDataError
    from skm2v.evaluation.models import load_encoder
    from skm2v.evaluation.mteb_adapter import MtebEncoder
    from skm2v.evaluation.pairs import STS, PairClassification, WordSimilarity
    from skm2v.evaluation.progress import Listener
    from skm2v.evaluation.results import Evaluation, ModelSummary
    from skm2v.evaluation.retrieval import Reranking, Retrieval
    from skm2v.evaluation.runner import evaluate, run_task
    from skm2v.evaluation.sources import TaskSource, find_sources
    from skm2v.evaluation.store import Result, ResultStore
    from skm2v.evaluation.task import Encode, Outcome, Task

# Loaded on first use: the command line builds its parser from here and should stay quick.
_MODULES = {
    "tfidf": "baselines",
    "TfidfSVD": "baselines",
    "DataOptions": "building",
    "FewShotClassification": "classification",
    "FullClassification": "classification",
    "Clustering": "clustering",
    "Contrast": "contrast",
    "load_diagnostic": "contrast",
    "Deduplication": "deduplication",
    "Encoder": "encoders",
    "ModelSpecError": "errors",
    "TaskDataError": "errors",
    "load_encoder": "models",
    "MtebEncoder": "mteb_adapter",
    "PairClassification": "pairs",
    "STS": "pairs",
    "WordSimilarity": "pairs",
    "Listener": "progress",
    "Evaluation": "results",
    "ModelSummary": "results",
    "Reranking": "retrieval",
    "Retrieval": "retrieval",
    "evaluate": "runner",
    "run_task": "runner",
    "find_sources": "sources",
    "TaskSource": "sources",
    "Result": "store",
    "ResultStore": "store",
    "Encode": "task",
    "Outcome": "task",
    "Task": "task",
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
