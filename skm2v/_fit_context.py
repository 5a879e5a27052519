"""scikit-learn's check of parameters around `fit`, for type checkers too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import _fit_context

__all__ = ["fit_context"]

Method = TypeVar("Method", bound=Callable[..., Any])


def fit_context(*, nested: bool) -> Callable[[Method], Method]:
    """Check parameters before a method fits; the method keeps its type.

    Parameters
    ----------
    nested : bool
        Whether estimators among the parameters check their own.
    """
    decorator: Callable[[Method], Method] = _fit_context(prefer_skip_nested_validation=not nested)
    return decorator
