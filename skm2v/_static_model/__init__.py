"""`StaticModel`: the face of a core, in layers that each add to the one before."""

from __future__ import annotations

from skm2v._static_model.model import StaticModel

__all__ = ["StaticModel"]
