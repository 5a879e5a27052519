"""skm2v: static text embeddings for scikit-learn.

A sentence transformer is distilled once, at fit time, into a table with one vector per token.
Afterwards a text is embedded by averaging rows of the table: no torch, no graphics card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skm2v._show_versions import show_versions
from skm2v._version import __version__

# Bound here, at once: were a module of the package `skm2v.distill` imported first and the function
# later, `skm2v.distill` would be the package.
from skm2v.distill import distill, distill_from_model
from skm2v.embedder import StaticEmbedder
from skm2v.model import StaticModel

if TYPE_CHECKING:
    from skm2v.classification.classifier import StaticTextClassifier
    from skm2v.classification.fused import FusedTextClassifier, FusedTextRegressor
    from skm2v.classification.fusing import fuse

__all__ = [
    "FusedTextClassifier",
    "FusedTextRegressor",
    "StaticEmbedder",
    "StaticModel",
    "StaticTextClassifier",
    "__version__",
    "distill",
    "distill_from_model",
    "fuse",
    "show_versions",
]

# Loaded when they are first asked for.
_LATE = {
    "FusedTextClassifier": "skm2v.classification.fused",
    "FusedTextRegressor": "skm2v.classification.fused",
    "StaticTextClassifier": "skm2v.classification.classifier",
    "fuse": "skm2v.classification.fusing",
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module 'skm2v' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_LATE[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
