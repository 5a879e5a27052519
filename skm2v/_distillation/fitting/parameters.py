"""The parameters of the recipes: their defaults, told once, and one way to compare them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["changed", "normalised"]


def normalised(name: str, value: Any) -> Any:
    """Return one form of a parameter's value, where YAML, JSON and NumPy write it in others.

    Lists and arrays become tuples, NumPy's numbers Python's, no words at all None.
    """
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, list):
        value = tuple(value)
    if name == "vocabulary" and isinstance(value, tuple) and not value:
        return None
    if name == "device" and value == "auto":
        return None
    return value


def changed(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given parameters that differ from their defaults, in the defaults' order."""
    return {
        name: given[name]
        for name, default in defaults.items()
        if name in given and normalised(name, given[name]) != default
    }
