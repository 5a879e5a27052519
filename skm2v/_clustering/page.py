"""A report about topics: one page with its own style, no script, that loads nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skm2v._clustering.svg import STYLE, render_map
from skm2v._html_text import escaped, titled_page

if TYPE_CHECKING:
    from skm2v._clustering.shares import ClusterShares
    from skm2v._clustering.topics import Topics

__all__ = ["render_fragment", "render_page"]

OUTLIERS, MOST_CHARACTERS = 10, 240


def render_page(topics: Topics, title: str, shares: ClusterShares | None = None) -> str:
    """Return the page, with shares over time or by group, if there are some."""
    part = ""
    if shares is not None:
        head = "Shares over time" if shares.are_periods else "Shares by group"
        part = f"<h2>{head}</h2>{shares.to_html(names=topics.table.names)}"
    return titled_page(title, render_fragment(topics) + part)


def render_fragment(topics: Topics) -> str:
    """Return the map, the table and the texts that belong nowhere."""
    table, positions = topics.table, topics.positions
    place = np.full(len(table) + 1, -1)
    for number, cluster in enumerate(table):
        place[cluster.label] = number
    codes = place[topics.labels]
    n_points = int(positions.sampled.sum())
    sample = "" if n_points == len(codes) else f" The map shows a sample of {n_points:,}."
    return (
        f"<style>{STYLE}</style><div>{_head(topics)}"
        f"{render_map(table, positions.xy[positions.sampled], codes[positions.sampled])}"
        f"<p style='font-size:12px;opacity:.75'>Texts that are alike are near each other; sizes of"
        f" empty spaces mean nothing.{sample}</p>{table.to_html()}{_outliers(topics)}</div>"
    )


def _head(topics: Topics) -> str:
    text = f"{len(topics.labels):,} texts in {len(topics.table):,} topics."
    if topics.choice is not None:
        good = topics.choice.as_good
        good.remove(len(topics.table))
        text += " The number was chosen by the silhouette"
        text += f"; {', '.join(map(str, good))} would do as well." if good else "."
    return f"<p>{text}</p>"


def _outliers(topics: Topics) -> str:
    scores = topics.outlier_scores
    seen: dict[str, int] = {}
    for row in np.argsort(-scores, kind="stable")[: 20 * OUTLIERS].tolist():
        seen.setdefault(" ".join(topics.texts[row].split()), row)
    items = "".join(
        f"<li><h4><span>{escaped(text, MOST_CHARACTERS) or '(empty)'}</span>"
        f"<small>{scores[row]:.2f}</small></h4></li>"
        for text, row in [*seen.items()][:OUTLIERS]
    )
    return (
        "<h2>Texts that belong least to their topic</h2>"
        f'<div class="skm2v-t"><p>Distance to the centre of the others, from 0 to 2.</p>'
        f"<ol>{items}</ol></div>"
    )
