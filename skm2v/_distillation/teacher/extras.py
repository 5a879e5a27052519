"""Modules that only distillation needs."""

from __future__ import annotations

import importlib
from typing import Any

from skm2v.exceptions import MissingExtraError

__all__ = ["import_extra"]


def import_extra(name: str, purpose: str = "Distilling a teacher") -> Any:
    """Import a module of the `distill` extra; `purpose` begins the error if it is not there.

    Raises
    ------
    MissingExtraError
        If it is not installed, or does not import.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingExtraError(
            f"{purpose} needs {package}, which cannot be imported ({error})."
            ' Install it: pip install "skm2v[distill]".'
        ) from error
