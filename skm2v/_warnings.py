"""Warnings that point at the line of the user's code which led to them."""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn_user"]

# Packages whose frames say nothing to the user: estimators are called by wrappers, pipelines and
# searches of scikit-learn, which joblib may call; its pickles are read in Python.
LIBRARIES = {"skm2v", "sklearn", "joblib", "pickle"}


def warn_user(message: str, category: type[Warning]) -> None:
    """Issue a warning at the first caller outside of the libraries.

    It takes the place of `skip_file_prefixes` of :func:`warnings.warn`, which needs Python 3.12,
    and knows packages in several folders.

    Parameters
    ----------
    message : str
    category : type of Warning
    """
    frame = sys._getframe(1)
    while _is_library(frame.f_globals.get("__name__")) and frame.f_back is not None:
        frame = frame.f_back
    module = frame.f_globals.get("__name__")
    warnings.warn_explicit(
        message,
        category,
        filename=frame.f_code.co_filename,
        lineno=frame.f_lineno,
        module=module if isinstance(module, str) else None,
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


def _is_library(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in LIBRARIES
