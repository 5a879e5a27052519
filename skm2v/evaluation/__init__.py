"""Evaluation of text embeddings with MTEB's protocols, offline and on your own data.

`evaluate` scores models on tasks; the command ``skm2v eval`` is the same on the command line. A
task is data plus a protocol: see `Task` for how to write one.
"""

from __future__ import annotations

from skm2v._search.ranking import mrr, ndcg_at, recall_at
from skm2v.evaluation._baselines import BM25, TfidfSVD, tfidf
from skm2v.evaluation._classification import FewShotClassification, FullClassification
from skm2v.evaluation._classifiers import TextClassifier
from skm2v.evaluation._clustering import Clustering
from skm2v.evaluation._contrast import Contrast, load_diagnostic
from skm2v.evaluation._deduplication import Deduplication
from skm2v.evaluation._encoders import Encoder
from skm2v.evaluation._errors import ModelSpecError, TaskDataError
from skm2v.evaluation._model_specs import load_model
from skm2v.evaluation._mteb_adapter import MtebEncoder
from skm2v.evaluation._pairs import STS, PairClassification, WordSimilarity
from skm2v.evaluation._progress import Listener
from skm2v.evaluation._result_store import Result, ResultStore
from skm2v.evaluation._results import Evaluation
from skm2v.evaluation._retrieval import Reranking, Retrieval
from skm2v.evaluation._runner import evaluate, run_task
from skm2v.evaluation._summary import ModelSummary
from skm2v.evaluation._table_reader import DataOptions
from skm2v.evaluation._task import Encode, Outcome, Task
from skm2v.evaluation._task_sources import TaskSource, find_sources

__all__ = [
    "BM25",
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
    "TextClassifier",
    "TfidfSVD",
    "WordSimilarity",
    "evaluate",
    "find_sources",
    "load_diagnostic",
    "load_model",
    "mrr",
    "ndcg_at",
    "recall_at",
    "run_task",
    "tfidf",
]

# Pickles and messages name no file of ours. Said here and not in the classes: a dataclass looks up
# the words of its annotations in the module that it names.
for _name in __all__:
    globals()[_name].__module__ = __name__
