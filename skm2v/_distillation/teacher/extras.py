"""Modules that only distillation needs."""

from __future__ import annotations

import importlib
from typing import Any

from skm2v.exceptions import MissingExtraError

__all__ = ["import_extra"]


def import_extra(name: str) -> Any:
    """Import a module of the `distill` extra.

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
            f"Distilling a teacher needs {package}, which cannot be imported ({error})."
            ' Install it: pip install "skm2v[distill]".'
        ) from error
