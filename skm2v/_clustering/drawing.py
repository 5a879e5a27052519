"""matplotlib, which an extra installs."""

from __future__ import annotations

from typing import Any

from skm2v.exceptions import MissingExtraError

__all__ = ["axes"]


def axes(ax: Any, size: tuple[float, float]) -> Any:
    """Return the axes of the user, or new ones of a size in inches.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise MissingExtraError("Plots need matplotlib: pip install 'skm2v[plot]'") from error
    return pyplot.subplots(figsize=size, layout="constrained")[1]
