"""Errors of the evaluation room."""

from __future__ import annotations

from skm2v.exceptions import Skm2vError

__all__ = ["ModelSpecError", "TaskDataError"]


class TaskDataError(Skm2vError, ValueError):
    """The data of a task cannot be used; the message names the file, the column and the fix."""


class ModelSpecError(Skm2vError, ValueError):
    """A model under test is not known, cannot be loaded, or returned something unusable."""
