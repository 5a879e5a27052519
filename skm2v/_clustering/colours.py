"""Colours of groups on a map."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["NO_GROUP", "PALETTE", "colours"]

# Eight colours that the colour-blind tell apart, and that are light and dark in turn: in grey, too,
# groups side by side differ.
PALETTE = (
    "#332288",
    "#ddaa33",
    "#117733",
    "#cc79a7",
    "#882255",
    "#56b4e9",
    "#a33b00",
    "#999933",
)
NO_GROUP = "#b8b8b8"


def colours(
    points: npt.NDArray[np.float64], n_colours: int = len(PALETTE)
) -> npt.NDArray[np.int64]:
    """Give groups colours, so that those near each other have different ones."""
    out = np.full(len(points), -1)
    for place in range(len(points)):
        distance = ((points[:place] - points[place]) ** 2).sum(axis=1)
        nearest = np.full(n_colours, np.inf)
        np.minimum.at(nearest, out[:place], distance)
        out[place] = int(nearest.argmax())  # the first of those that are not used yet
    return out
