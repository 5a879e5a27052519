"""Types of arguments that commands share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from skm2v._model.hub import BUNDLED
from skm2v._static_model import StaticModel
from skm2v.datasets import default_model_path

__all__ = ["load_model", "optional", "positive"]


def optional(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a type that also knows 'none'."""

    def parse(text: str) -> Any:
        return None if text.lower() == "none" else convert(text)

    parse.__name__ = convert.__name__  # argparse says "invalid int value"
    return parse


def positive(text: str) -> int:
    """Convert a number that is at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def load_model(name: str, dims: int | None = None) -> StaticModel:
    """Load a model by its folder or hub id, or the bundled one as 'default'."""
    return StaticModel.from_pretrained(
        default_model_path() if name == BUNDLED else name, dimensionality=dims
    )
