"""skm2v: static text embeddings for scikit-learn.

A sentence transformer is distilled once, at fit time, into a table with one vector per token.
Afterwards a text is embedded by averaging rows of the table: no torch, no graphics card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skm2v._version import __version__

# Bound here, at once: `skm2v.distill` is the function, whoever imports the module of that name.
from skm2v.distill import distill, distill_from_model

if TYPE_CHECKING:
    from skm2v._classification.classifier import StaticTextClassifier
    from skm2v._classification.explaining import explain
    from skm2v._classification.explanation import Explanation
    from skm2v._classification.fused import FusedTextClassifier, FusedTextRegressor
    from skm2v._classification.fusing import fuse
    from skm2v._dedup.deduplicator import Deduplicator
    from skm2v._distillation import Teacher, load_teacher
    from skm2v._embedder import StaticEmbedder
    from skm2v._features import HybridVectorizer
    from skm2v._fit_report import FitReport
    from skm2v._model import ModelConfig, Projection
    from skm2v._pooling import PoolingTable, TextTokenizer
    from skm2v._search.searcher import TextSearcher
    from skm2v._show_versions import show_versions
    from skm2v._static_model import StaticModel

__all__ = [
    "Deduplicator",
    "Explanation",
    "FitReport",
    "FusedTextClassifier",
    "FusedTextRegressor",
    "HybridVectorizer",
    "ModelConfig",
    "PoolingTable",
    "Projection",
    "StaticEmbedder",
    "StaticModel",
    "StaticTextClassifier",
    "Teacher",
    "TextSearcher",
    "TextTokenizer",
    "__version__",
    "distill",
    "distill_from_model",
    "explain",
    "fuse",
    "load_teacher",
    "show_versions",
]

# Loaded when they are first asked for: a process that serves needs no more than NumPy.
_LATE = {
    "Deduplicator": "skm2v._dedup.deduplicator",
    "Explanation": "skm2v._classification.explanation",
    "FitReport": "skm2v._fit_report",
    "FusedTextClassifier": "skm2v._classification.fused",
    "FusedTextRegressor": "skm2v._classification.fused",
    "HybridVectorizer": "skm2v._features",
    "ModelConfig": "skm2v._model",
    "PoolingTable": "skm2v._pooling",
    "Projection": "skm2v._model",
    "StaticEmbedder": "skm2v._embedder",
    "StaticModel": "skm2v._static_model",
    "StaticTextClassifier": "skm2v._classification.classifier",
    "Teacher": "skm2v._distillation",
    "TextSearcher": "skm2v._search.searcher",
    "TextTokenizer": "skm2v._pooling",
    "explain": "skm2v._classification.explaining",
    "fuse": "skm2v._classification.fusing",
    "load_teacher": "skm2v._distillation",
    "show_versions": "skm2v._show_versions",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'skm2v' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_LATE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
