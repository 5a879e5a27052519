"""Evaluation of text embeddings with MTEB's protocols, offline and on your own data.

`evaluate` scores models on tasks; the command ``skm2v eval`` is the same on the command line. A
task is data plus a protocol: see `Task` for how to write one.
"""

from __future__ import annotations

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
from skm2v.evaluation.results import Evaluation, ModelSummary
from skm2v.evaluation.retrieval import Reranking, Retrieval
from skm2v.evaluation.runner import Listener, evaluate, run_task
from skm2v.evaluation.sources import TaskSource, find_sources
from skm2v.evaluation.store import Result, ResultStore
from skm2v.evaluation.task import Encode, Outcome, Task

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
