"""Small checks of arguments, and the sentences of their errors.

A check that only looks says `bool` (`is_count`); one that raises starts with ``check_`` and returns
the value as Python's own type, so that nothing of NumPy reaches a file or a pickle.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from enum import Enum
from typing import Any, Final

import numpy as np

__all__ = [
    "MAX_LENGTH",
    "MODEL_DEFAULT",
    "ModelDefault",
    "check_choice",
    "check_flag",
    "check_length",
    "check_n_jobs",
    "is_count",
    "is_flag",
    "is_integer",
    "is_number",
    "require",
    "some",
]


#: Largest limit of tokens, which files have as a signed integer of 32 bits.
MAX_LENGTH = 2**31 - 1


class ModelDefault(Enum):
    """Type of :data:`MODEL_DEFAULT`."""

    MODEL_DEFAULT = "the model's"

    def __repr__(self) -> str:
        return "<the model's>"


#: Default of an argument whose None means something: the setting that the model has.
MODEL_DEFAULT: Final = ModelDefault.MODEL_DEFAULT


def some(values: Iterable[Any], limit: int = 5) -> str:
    """Quote up to `limit` of `values` and count the rest, for an error message."""
    # Items of an array as Python's own objects, whose names are shorter.
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    shown = ", ".join(repr(value) for value in listed[:limit])
    rest = len(listed) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


def is_integer(value: object) -> bool:
    """Whether a value is an integer of Python or NumPy; True and False are none."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def is_count(value: Any, least: int = 1) -> bool:
    """Whether a value is an integer, of Python or NumPy, that is not less than `least`."""
    return is_integer(value) and int(value) >= least


def is_number(value: Any) -> bool:
    """Whether a value is a finite number of Python or NumPy; True and False are none."""
    number = is_integer(value) or isinstance(value, (float, np.floating))
    return number and math.isfinite(value)


def is_flag(value: object) -> bool:
    """Whether a value is True or False, of Python or NumPy."""
    return isinstance(value, (bool, np.bool_))


def require(holds: bool, name: str, value: object, wanted: str) -> None:
    """Raise ``ValueError`` with the parameter, what it must be and what it is, unless it holds."""
    if not holds:
        raise ValueError(f"{name} must be {wanted}; got {value!r}.")


def check_flag(name: str, value: Any) -> bool:
    """Return True or False, or raise ``ValueError`` that names the parameter."""
    require(is_flag(value), name, value, "True or False")
    return bool(value)


def check_length(value: Any, name: str = "max_length") -> int | None:
    """Return a limit of tokens, None for no limit, or raise ``ValueError``."""
    fits = value is None or (is_count(value) and value <= MAX_LENGTH)
    require(fits, name, value, "a positive integer below 2**31 or None")
    return None if value is None else int(value)


def check_n_jobs(value: Any, name: str = "n_jobs") -> int | None:
    """Return a number of threads as joblib counts them, or raise ``ValueError``."""
    counts = value is None or (is_integer(value) and value != 0)
    require(counts, name, value, "a number of threads, -1 for all cores, or None")
    return None if value is None else int(value)


def check_choice(name: str, value: Any, choices: Collection[str]) -> str:
    """Return one of a few words, or raise ``ValueError`` that lists them."""
    words = [repr(choice) for choice in choices]
    wanted = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    require(isinstance(value, str) and value in choices, name, value, wanted)
    return str(value)
