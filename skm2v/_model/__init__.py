"""What is learned and stored: the core of a model, its files, its number types."""

from __future__ import annotations

from skm2v._model.config import ModelConfig, software_versions
from skm2v._model.core import Core
from skm2v._model.projection import Projection
from skm2v._model.quantization import quantize

__all__ = ["Core", "ModelConfig", "Projection", "quantize", "software_versions"]
