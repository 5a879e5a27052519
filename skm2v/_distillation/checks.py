"""Checks of parameters that the recipes share."""

from __future__ import annotations

import numpy as np

__all__ = ["is_count", "require"]


def is_count(value: object, least: int = 1) -> bool:
    """Whether a value is an integer, of Python or NumPy, that is not less than `least`."""
    integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return integer and int(value) >= least  # type: ignore[call-overload]


def require(holds: bool, name: str, value: object, wanted: str) -> None:
    """Raise ``ValueError`` with the parameter, what it must be and what it is, unless it holds."""
    if not holds:
        raise ValueError(f"{name} must be {wanted}; got {value!r}.")
