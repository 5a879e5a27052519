"""Labels on a map, none over another."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Box", "anchors", "place_labels", "text_width", "wrapped"]

# Distances from the point of a label at which a place is looked for, in heights of the label; a
# name that is farther from its point says nothing.
RINGS = (0.0, 0.6, 1.0, 1.4, 1.8, 2.3)
DIRECTIONS = 16
GAP = 2.0  # between labels


class Box(NamedTuple):
    """A label: its middle, width and height."""

    x: float
    y: float
    width: float
    height: float

    def leader(self, x: float, y: float) -> tuple[float, float] | None:
        """Where a line from a point meets the border; None if the point is at the label."""
        away_x, away_y = x - self.x, y - self.y
        times = max(abs(away_x) / (self.width / 2), abs(away_y) / (self.height / 2))
        far = max(abs(away_x) - self.width / 2, abs(away_y) - self.height / 2) > self.height / 4
        return (self.x + away_x / times, self.y + away_y / times) if far else None

    def overlaps(self, other: Box) -> bool:
        """Whether two labels are nearer than the gap that belongs between them."""
        return (
            abs(self.x - other.x) < (self.width + other.width) / 2 + GAP
            and abs(self.y - other.y) < (self.height + other.height) / 2 + GAP
        )


def anchors(
    xy: npt.NDArray[np.float64], codes: npt.NDArray[np.int64], n: int
) -> npt.NDArray[np.float64]:
    """For each group the point that its label is about: the one in the densest part of it.

    A mean would lie between the parts of a group in two places; this is the medoid of the half of
    its points that have the nearest neighbours.
    """
    out = np.full((n, 2), 0.5)
    for code in range(n):
        own = xy[codes == code]
        if not len(own):
            continue
        some = own[:: max(1, len(own) // 400)]
        distance = np.sqrt(((some[:, None] - some) ** 2).sum(axis=2))
        near = np.sort(distance, axis=1)[:, : max(1, len(some) // 2)].mean(axis=1)
        out[code] = some[near.argmin()]
    return out


def place_labels(
    points: npt.NDArray[np.float64],
    sizes: list[tuple[float, float]],
    area: tuple[float, float],
    taken: list[Box] | None = None,
) -> list[Box | None]:
    """Find places for labels near their points, in the order of their importance.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
        In the unit of the area, from its corner.
    sizes : list of (width, height)
    area : (width, height)
        Labels stay inside.
    taken : list of Box or None
        Labels that are there already.

    Returns
    -------
    boxes : list of Box or None
        None for a label without a free place.
    """
    placed = list(taken or [])
    out: list[Box | None] = []
    for (x, y), (width, height) in zip(points.tolist(), sizes, strict=True):
        box = next(
            (
                one
                for one in _candidates(x, y, width, height, area)
                if not any(one.overlaps(other) for other in placed)
            ),
            None,
        )
        if box is not None:
            placed.append(box)
        out.append(box)
    return out


def _candidates(
    x: float, y: float, width: float, height: float, area: tuple[float, float]
) -> list[Box]:
    """Places of a label, the best one first: around its point, moved into the area."""
    if width > area[0] or height > area[1]:
        return []
    found = []
    for ring in RINGS:
        for step in range(DIRECTIONS if ring else 1):
            angle = 2 * np.pi * step / DIRECTIONS
            # Labels are wide: steps to a side are longer.
            left = x + ring * (height + width) / 2 * np.cos(angle)
            top = y + ring * height * np.sin(angle)
            left = min(max(left, width / 2), area[0] - width / 2)
            top = min(max(top, height / 2), area[1] - height / 2)
            found.append(Box(left, top, width, height))
    return found


def text_width(text: str) -> float:
    """How wide a text is at most, in sizes of an ordinary font."""
    width = 0.0
    for character in text:
        if unicodedata.east_asian_width(character) in "WF":
            width += 1.0
        elif unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        else:
            width += (
                0.34 if character in " .,:;'|!ijlt()" else 0.86 if character in "mwMW@" else 0.6
            )
    return width


def wrapped(text: str, most: int, lines: int = 2) -> list[str]:
    """Break a name into lines of up to so many characters; what is too long ends with a sign."""
    out: list[str] = []
    for word in text.split():
        if out and len(out[-1]) + 1 + len(word) <= most:
            out[-1] += f" {word}"
        else:
            out.append(word)
    cut = [line if len(line) <= most else f"{line[: most - 1]}…" for line in out[:lines]]
    if len(out) > lines:
        cut[-1] = f"{cut[-1][: most - 1].rstrip(',')}…"
    else:
        cut = [line.rstrip(",") if line is cut[-1] else line for line in cut]
    return cut
