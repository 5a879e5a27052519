"""A map of groups as SVG inside a page, twice: for wide and for narrow windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from skm2v._clustering.colours import NO_GROUP, PALETTE, colours
from skm2v._clustering.placement import Box, anchors, place_labels, text_width, wrapped
from skm2v._clustering.table_html import anchor, badge
from skm2v._html_text import escaped

if TYPE_CHECKING:
    from skm2v._clustering.table import ClusterTable

__all__ = ["STYLE", "render_map"]

WIDE, NARROW = (840, 620), (360, 460)
MARGIN = 6
SIZE, LINE = 12.0, 13.5  # of letters and lines
MOST_IN_LINE = {WIDE: 20, NARROW: 13}

STYLE = """
.skm2v-m{font-size:14px;margin:.5em 0;background:#fff;color:#111;max-width:60em}
.skm2v-m svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}
.skm2v-m path{fill:none;stroke-linecap:round;stroke-width:4.5;stroke-opacity:.5}
.skm2v-m line{stroke:#333;stroke-width:.6}
.skm2v-m text{fill:#111;stroke:#fff;stroke-width:3;stroke-linejoin:round;paint-order:stroke;
text-anchor:middle}
.skm2v-m a:hover text,.skm2v-m a:focus text{text-decoration:underline}
.skm2v-m .narrow{display:none}
@media(max-width:620px){.skm2v-m .wide{display:none}.skm2v-m .narrow{display:block}}
"""


def render_map(
    table: ClusterTable, xy: npt.NDArray[np.float64], codes: npt.NDArray[np.int64]
) -> str:
    """Draw the map of a table of groups.

    Parameters
    ----------
    table : ClusterTable
    xy : ndarray of shape (n, 2)
        Points, between 0 and 1.
    codes : ndarray of int64 of shape (n,)
        Places of their groups in the table; -1 for points without one.
    """
    points = anchors(xy, codes, len(table))
    shades = colours(points)
    drawn = "".join(
        _drawing(table, xy, codes, points, shades, size, kind)
        for size, kind in ((WIDE, "wide"), (NARROW, "narrow"))
    )
    return f'<figure class="skm2v-m" role="img" aria-label="Map of the groups">{drawn}</figure>'


def _points(
    at: npt.NDArray[np.float64], codes: npt.NDArray[np.int64], shades: npt.NDArray[np.int64]
) -> str:
    """One path for each group: lines without length, whose round ends are points."""
    at = np.round(at, 1)
    paths = []
    for code in range(-1, len(shades)):
        own = at[codes == code]
        if len(own):
            colour = NO_GROUP if code < 0 else PALETTE[shades[code]]
            line = "".join(f"M{x:g} {y:g}h0" for x, y in own.tolist())
            paths.append(f'<path stroke="{colour}" d="{line}"/>')
    return "".join(paths)


def _drawing(
    table: ClusterTable,
    xy: npt.NDArray[np.float64],
    codes: npt.NDArray[np.int64],
    points: npt.NDArray[np.float64],
    shades: npt.NDArray[np.int64],
    size: tuple[int, int],
    kind: str,
) -> str:
    width, height = size
    stretch = np.array([width - 2 * MARGIN, 2 * MARGIN - height])
    corner = np.array([MARGIN, height - MARGIN])
    places = corner + points * stretch
    names = [wrapped(one.name, MOST_IN_LINE[size]) for one in table]
    boxes = place_labels(places, [_size(lines) for lines in names], size)
    placed = [box for box in boxes if box is not None]
    short = [code for code, box in enumerate(boxes) if box is None]
    badges = [[badge(table[code].label, code + 1)] for code in short]
    more = place_labels(places[short], [_size(lines) for lines in badges], size, placed)
    for code, lines, box in zip(short, badges, more, strict=True):
        names[code], boxes[code] = lines, box
    labels = "".join(
        _label(table, code, names[code], box) for code, box in enumerate(boxes) if box is not None
    )
    leaders = "".join(
        _leader(box, places[code]) for code, box in enumerate(boxes) if box is not None
    )
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}">'
        f"{_points(corner + xy * stretch, codes, shades)}{leaders}{labels}</svg>"
    )


def _size(lines: list[str]) -> tuple[float, float]:
    return max(SIZE * text_width(line) for line in lines) + 4, LINE * len(lines) + 2


def _label(table: ClusterTable, code: int, lines: list[str], box: Box) -> str:
    one = table[code]
    top = box.y - LINE * (len(lines) - 1) / 2 + 0.35 * SIZE
    spans = "".join(
        f'<tspan x="{box.x:.1f}" y="{top + LINE * place:.1f}">{escaped(line)}</tspan>'
        for place, line in enumerate(lines)
    )
    tip = f"{escaped(one.name, 80)}: {one.size:,} ({one.share:.1%})"
    return f'<a href="#{anchor(code + 1)}"><title>{tip}</title><text>{spans}</text></a>'


def _leader(box: Box, point: npt.NDArray[np.float64]) -> str:
    """A line from a label to its point, where the one is not at the other."""
    x, y = point.tolist()
    end = box.leader(x, y)
    if end is None:
        return ""
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
