"""The quality-against-throughput plot, as SVG to be put inside a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

__all__ = ["Point", "scatter"]

WIDTH, HEIGHT = 560, 360
LEFT, RIGHT, TOP, BOTTOM = 68, 42, 16, 54  # right: half of a label such as 1,000,000
_RADIUS = 11


@dataclass(frozen=True)
class Point:
    """A model in the plot: texts per second, score with interval, and number in the legend."""

    name: str
    x: float
    y: float
    low: float
    high: float
    number: int


def scatter(points: list[Point]) -> str:
    """Draw points with a logarithmic horizontal axis.

    Parameters
    ----------
    points : list of Point
        At least one, with x above 0.

    Returns
    -------
    str
        An ``<svg>`` element whose colours are classes ``c1``, ``c2``, … of the page's style sheet.
    """
    x_low = min(p.x for p in points) / 1.7
    x_high = max(p.x for p in points) * 1.7
    y_low, y_high = _padded([v for p in points for v in (p.low, p.high)])

    def x_at(value: float) -> float:
        share = math.log(value / x_low) / math.log(x_high / x_low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y_at(value: float) -> float:
        return TOP + (y_high - value) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="plot-title">',
        '<title id="plot-title">Average score against texts embedded per second</title>',
    ]
    for tick in _decade_ticks(x_low, x_high):
        x = x_at(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 21}" text-anchor="middle">'
            f"{tick:,.0f}</text>"
        )
    for tick in _even_ticks(y_low, y_high):
        y = y_at(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 8}" y="{y + 5:.1f}" text-anchor="end">'
            f"{100 * tick:.3g}</text>"
        )
    parts.append(
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" '
        'text-anchor="middle">texts per second (log scale)</text>'
    )
    parts.append(
        f'<text class="axis" transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) '
        'rotate(-90)" text-anchor="middle">average score</text>'
    )
    places = _apart([(x_at(p.x), y_at(p.y)) for p in points])
    for point, (x, y) in zip(points, places, strict=True):
        true_x, true_y = x_at(point.x), y_at(point.y)
        parts.append(
            f'<g class="c{(point.number - 1) % 8 + 1}"><title>{escape(point.name)}</title>'
            f'<path class="range" d="M{true_x:.1f} {y_at(point.low):.1f}V{y_at(point.high):.1f}"/>'
            f'<path class="leader" d="M{true_x:.1f} {true_y:.1f}L{x:.1f} {y:.1f}"/>'
            f'<circle class="dot" cx="{true_x:.1f}" cy="{true_y:.1f}" r="3.5"/>'
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}"/>'
            f'<text class="number" x="{x:.1f}" y="{y + 4.7:.1f}" text-anchor="middle">'
            f"{point.number}</text></g>"
        )
    return "".join([*parts, "</svg>"])


def _padded(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = max(0.12 * (high - low), 0.01)
    return low - pad, high + pad


def _decade_ticks(low: float, high: float) -> list[float]:
    """Round numbers between two bounds of a logarithmic axis: powers of ten, and 2 and 5 if few."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        ticks = [s * 10.0**e for e in exponents for s in steps if low <= s * 10.0**e <= high]
        if len(ticks) >= 3:
            return ticks
    return ticks


def _even_ticks(low: float, high: float) -> list[float]:
    """About five round numbers between two bounds."""
    raw = (high - low) / 5
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(s * magnitude for s in (1, 2, 5, 10) if s * magnitude >= raw)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)]


def _apart(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Move markers until none covers another: the first free place on growing rings."""
    placed: list[tuple[float, float]] = []
    for x, y in places:
        candidates = [(x, y)] + [
            (
                x + ring * _RADIUS * math.cos(angle * math.pi / 4),
                y + ring * _RADIUS * math.sin(angle * math.pi / 4),
            )
            for ring in (2.2, 3.3, 4.4, 5.5)
            for angle in range(8)
        ]
        inside = [
            (a, b)
            for a, b in candidates
            if LEFT + _RADIUS <= a <= WIDTH - RIGHT - _RADIUS
            and TOP + _RADIUS <= b <= HEIGHT - BOTTOM - _RADIUS
        ] or candidates
        free = [
            (a, b)
            for a, b in inside
            if all(math.hypot(a - c, b - d) > 2.1 * _RADIUS for c, d in placed)
        ]
        placed.append((free or inside)[0])
    return placed
