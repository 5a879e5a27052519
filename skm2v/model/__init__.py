"""What is learned and stored: the model, its files, its number types."""

from __future__ import annotations

from skm2v.model.config import ModelConfig, software_versions
from skm2v.model.projection import Projection
from skm2v.model.quantization import quantize
from skm2v.model.static_model import StaticModel

__all__ = ["ModelConfig", "Projection", "StaticModel", "quantize", "software_versions"]
