"""Vectors for callers who work with torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._distillation.teacher.extras import import_extra

__all__ = ["as_tensor"]


def as_tensor(vectors: npt.NDArray[np.float32]) -> Any:
    """Return a torch tensor that shares the memory of an array.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    """
    return import_extra("torch", "A tensor").from_numpy(vectors)
