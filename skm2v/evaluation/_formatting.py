"""How reports write names and numbers."""

from __future__ import annotations

import math

from skm2v.evaluation._task_types import BY_TYPE

__all__ = ["TFIDF", "measure", "percent", "size", "speed", "title"]

# What sentences call the rival that needs no model.
TFIDF = "tf-idf"


def title(type: str) -> str:
    """Title of a task type; the name itself for a type that is not one of ours."""
    return BY_TYPE[type].title if type in BY_TYPE else type


def measure(type: str, metric: str) -> str:
    """What the main score of a task type is, in words; the metric's name where nothing is known."""
    return BY_TYPE[type].measure if type in BY_TYPE else metric


def percent(value: float | None) -> str:
    """Score on the scale that MTEB prints: 100 times, one decimal."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def speed(value: float | None) -> str:
    """Texts per second with three significant digits."""
    if value is None or value <= 0:
        return "–"
    digits = 2 - math.floor(math.log10(value))
    return f"{round(value, digits):,.{max(0, digits)}f}"


def size(n_bytes: int | None) -> str:
    """Megabytes of a model."""
    return "–" if n_bytes is None else f"{n_bytes / 1e6:.1f} MB"
