"""What is learned and stored: the model, its files, its number types."""

from __future__ import annotations

from skm2v._model.config import ModelConfig, software_versions
from skm2v._model.projection import Projection
from skm2v._model.quantization import quantize

__all__ = ["ModelConfig", "Projection", "StaticModel", "quantize", "software_versions"]
