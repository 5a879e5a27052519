"""Warnings that point at the line of the user's code which led to them."""

from __future__ import annotations

import sys
import warnings
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["HIDING", "warn_user"]

HIDING = " To hide it: "  # what stands before the code that does

# Packages whose frames say nothing to the user: estimators are called by wrappers, pipelines and
# searches of scikit-learn, which joblib may call; its pickles are read in Python.
LIBRARIES = {"skm2v", "sklearn", "joblib", "pickle"}
# Where the stack of a worker of joblib begins. The line of the user is in another process or
# thread, where the same texts are seen or the search ends.
WORKERS = {"multiprocessing", "concurrent", "threading", "distributed", "asyncio"}

# What was said already in each run of joblib that goes on, such as that of a search.
_said: WeakKeyDictionary[Any, set[type[Warning]]] = WeakKeyDictionary()


def warn_user(message: str, category: type[Warning], detail: str = "") -> None:
    """Issue a warning at the first caller outside of the libraries.

    It takes the place of `skip_file_prefixes` of :func:`warnings.warn`, which needs Python 3.12,
    and knows packages in several folders. A search or a cross-validation issues one warning of a
    category, and its workers none: hundreds would tell no more.

    Parameters
    ----------
    message : str
    category : type of Warning
    detail : str, default=""
        More of the message, left out in the parts of a search, which the user never sees.
    """
    frame = sys._getframe(1)
    run, in_joblib = None, False
    while (package := _package_of(frame)) in LIBRARIES and frame.f_back is not None:
        run = _run_of(frame) or run
        in_joblib = in_joblib or package == "joblib"
        frame = frame.f_back
    if in_joblib and package in WORKERS:
        return
    if run is not None:
        if category in _said.setdefault(run, set()):
            return
        message += " This is said once for all parts of the search or cross-validation."
    if run is None or not in_joblib:  # such as the last fit of a search, to all that it was given
        message += detail
    module = frame.f_globals.get("__name__")
    warnings.warn_explicit(
        f"{message}{HIDING}{_filter_for(category)}",
        category,
        filename=frame.f_code.co_filename,
        lineno=frame.f_lineno,
        # As `warnings.warn` says for code without a name, such as that of exec(source, {}); what is
        # of no module is never shown.
        module=module if isinstance(module, str) else "<string>",
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )
    if run is not None:  # and the warning is no error
        _said[run].add(category)


def _package_of(frame: FrameType) -> str | None:
    module = frame.f_globals.get("__name__")
    return module.partition(".")[0] if isinstance(module, str) else None


def _run_of(frame: FrameType) -> Any:
    """What runs the parts of a search or cross-validation of scikit-learn; None elsewhere."""
    code = frame.f_code
    named = "parallel" in code.co_varnames or "parallel" in code.co_cellvars
    if not (named and frame.f_globals["__name__"].startswith("sklearn.")):
        return None
    run = frame.f_locals.get("parallel")
    return run if type(run).__name__ == "Parallel" else None


def _filter_for(category: type[Warning]) -> str:
    if category.__module__ == "builtins":
        return f"warnings.simplefilter('ignore', {category.__name__})."
    return f"warnings.simplefilter('ignore', {category.__module__}.{category.__name__})."
