"""skm2v: static text embeddings for scikit-learn.

A sentence transformer is distilled once, at fit time, into a table with one vector per token.
Afterwards a text is embedded by averaging rows of the table: no torch, no graphics card.
"""

from __future__ import annotations

from contextlib import suppress

from skm2v._show_versions import show_versions
from skm2v._version import __version__

# The function must be bound here, eagerly: importing any module of the package of the same name
# later would otherwise leave the package under `skm2v.distill`.
with suppress(ImportError):
    from skm2v.distill import distill, distill_from_model
with suppress(ImportError):
    from skm2v.model import StaticModel
with suppress(ImportError):
    from skm2v.embedder import StaticEmbedder

__all__ = [
    "StaticEmbedder",
    "StaticModel",
    "__version__",
    "distill",
    "distill_from_model",
    "show_versions",
]
