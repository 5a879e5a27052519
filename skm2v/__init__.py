"""skm2v: static text embeddings for scikit-learn.

A sentence transformer is distilled once, at fit time, into a table with one vector per token.
Afterwards a text is embedded by averaging rows of the table: no torch, no graphics card.
"""

from __future__ import annotations

from skm2v._show_versions import show_versions
from skm2v._version import __version__

# Bound here, at once: were a module of the package `skm2v.distill` imported first and the function
# later, `skm2v.distill` would be the package.
from skm2v.distill import distill, distill_from_model
from skm2v.embedder import StaticEmbedder
from skm2v.model import StaticModel

__all__ = [
    "StaticEmbedder",
    "StaticModel",
    "__version__",
    "distill",
    "distill_from_model",
    "show_versions",
]
