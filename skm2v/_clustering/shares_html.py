"""Shares of groups over time or by value as HTML: a fragment, no script, every text escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from skm2v._html_text import escaped

if TYPE_CHECKING:
    from skm2v._clustering.shares import ClusterShares

__all__ = ["render_shares"]

MOST_VALUES = 20  # of a column, in the list of one group
WIDTH, HEIGHT = 600, 60  # of a curve; it is stretched to the page

STYLE = """
.skm2v-s{font:14px/20px system-ui,sans-serif;max-width:60em;margin:.5em 0;color:inherit}
.skm2v-s>p{margin:.2em 0;opacity:.75;font-size:12px}
.skm2v-s section{border:1px solid rgba(128,128,128,.35);border-radius:4px;margin:0 0 .5em;
padding:.5em .7em;overflow-wrap:anywhere}
.skm2v-s h4{font-size:15px;margin:0 0 .2em}
.skm2v-s svg{display:block;width:100%;height:60px;border-bottom:1px solid rgba(128,128,128,.6)}
.skm2v-s polygon,.skm2v-s .dot{fill:currentColor;fill-opacity:.2;stroke:none}
.skm2v-s polyline{fill:none;stroke:currentColor;stroke-width:2;vector-effect:non-scaling-stroke}
.skm2v-s .ends{display:flex;justify-content:space-between;font-size:12px;gap:1em}
.skm2v-s .ends span:nth-child(2n+1){white-space:nowrap}
.skm2v-s dl{display:grid;grid-template-columns:minmax(5em,30%) 1fr auto;gap:0 .6em;margin:0;
align-items:center}
.skm2v-s dd{margin:0;font-size:12px;font-variant-numeric:tabular-nums}
.skm2v-s i{display:block;height:8px;background:currentColor;opacity:.55;border-radius:2px}
"""


def render_shares(shares: ClusterShares, names: dict[Any, str], labels: list[Any]) -> str:
    """HTML fragment of some groups: a curve over periods, or a bar for each value of a column.

    Parameters
    ----------
    shares : ClusterShares
    names : dict
        Names of groups by their labels; others are shown by their labels.
    labels : list
        Groups to show.
    """
    draw = _curve if shares.are_periods else _bars
    items = "".join(
        f"<section><h4>{escaped(str(names.get(label, label)), 80)}</h4>"
        f"{draw(shares, shares.labels.index(label))}</section>"
        for label in labels
    )
    kind = "periods" if shares.are_periods else "values"
    return (
        f'<div class="skm2v-s"><style>{STYLE}</style><p>Shares of the texts of each of'
        f" {len(shares.groups):,} {kind}, with their intervals.</p>{items}</div>"
    )


def _curve(shares: ClusterShares, j: int) -> str:
    """Curve with its band; periods without texts are gaps of the curve."""
    share, low, high = shares.shares[:, j], shares.low[:, j], shares.high[:, j]
    there = shares.totals > 0
    top = float(high[there].max(initial=0.0)) or 1.0
    x = np.linspace(0, WIDTH, len(share)) if len(share) > 1 else np.array([WIDTH / 2])
    # A run of periods with texts ends where one without follows.
    runs = np.split(np.arange(len(share)), np.flatnonzero(np.diff(there.astype(int))) + 1)
    drawn = ""
    for run in (run for run in runs if len(run) and there[run[0]]):
        if len(run) == 1:  # a line without length would not be seen
            drawn += _dot(x[run[0]], low[run[0]] / top, high[run[0]] / top)
        band = [*_at(x[run], high[run] / top), *_at(x[run], low[run] / top)[::-1]]
        drawn += f'<polygon points="{" ".join(band)}"/>'
        drawn += f'<polyline points="{" ".join(_at(x[run], share[run] / top))}"/>'
    best = int(np.argmax(np.where(there, share, -1)))
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="share from 0% to {top:.1%}">{drawn}</svg>'
        f'<div class="ends"><span>{shares.groups[0]}</span>'
        f"<span>most: {share[best]:.1%} ({low[best]:.1%} to {high[best]:.1%}) at"
        f" {shares.groups[best]}</span><span>{shares.groups[-1]}</span></div>"
    )


def _at(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> list[str]:
    return [f"{a:.1f},{HEIGHT * (1 - b):.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]


def _dot(x: float, low: float, high: float) -> str:
    top, bottom = HEIGHT * (1 - high), HEIGHT * (1 - low)
    return (
        f'<rect class="dot" x="{x - 2:.1f}" y="{top:.1f}" width="4" height="{bottom - top:.1f}"/>'
    )


def _bars(shares: ClusterShares, j: int) -> str:
    """Bar and interval of each value, of the most frequent values where there are many."""
    order = np.argsort(-shares.totals, kind="stable")[:MOST_VALUES]
    share, low, high = shares.shares[:, j], shares.low[:, j], shares.high[:, j]
    largest = float(share[order].max(initial=0.0)) or 1.0
    rows = "".join(
        f"<dt>{escaped(str(shares.groups[i]), 60) or '(empty)'}</dt>"
        f'<dd><i style="width:{100 * share[i] / largest:.1f}%"></i></dd>'
        f"<dd>{share[i]:.1%} ({low[i]:.1%} to {high[i]:.1%}) of {shares.totals[i]:,}</dd>"
        for i in np.sort(order).tolist()
    )
    left = len(shares.groups) - len(order)
    more = f"<p>{left:,} values with fewer texts are not shown.</p>" if left else ""
    return f"<dl>{rows}</dl>{more}"
