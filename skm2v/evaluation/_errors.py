"""Errors of the evaluation room."""

from __future__ import annotations

from skm2v.exceptions import Skm2vError

__all__ = ["ModelSpecError", "TaskDataError"]


class TaskDataError(Skm2vError, ValueError):
    """The data of a task cannot be used; the message names the file, the column and the fix.

    Examples
    --------
    >>> from skm2v.evaluation import TaskDataError, find_sources
    >>> try:
    ...     find_sources("no-such-folder")
    ... except TaskDataError as error:
    ...     print(error)
    no-such-folder: no such file or folder; for a data set on the hub write hub:no-such-folder.
    """


class ModelSpecError(Skm2vError, ValueError):
    """A model under test is not known, cannot be loaded, or returned something unusable.

    Examples
    --------
    >>> from skm2v.evaluation import ModelSpecError, load_model
    >>> try:
    ...     load_model("no-such-model/")
    ... except ModelSpecError as error:
    ...     print(error)
    Model 'no-such-model/' cannot be loaded: There is no file or folder 'no-such-model/'. ...
    """
