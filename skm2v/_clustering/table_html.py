"""The table of groups as HTML: a fragment with its own style, no script, every text escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skm2v._html_text import escaped

if TYPE_CHECKING:
    from skm2v._clustering.table import Cluster, ClusterTable

__all__ = ["anchor", "badge", "render_table"]

MOST_CHARACTERS = 240

STYLE = """
.skm2v-t{font:14px/20px system-ui,sans-serif;max-width:60em;margin:.5em 0;color:inherit}
.skm2v-t p{margin:.2em 0;opacity:.75;font-size:12px}
.skm2v-t ol{list-style:none;margin:0;padding:0}
.skm2v-t li{border:1px solid rgba(128,128,128,.35);border-radius:4px;margin:0 0 .5em;
padding:.5em .7em;overflow-wrap:anywhere}
.skm2v-t li:target{outline:3px solid currentColor}
.skm2v-t h4{font-size:15px;margin:0;display:flex;gap:.6em;align-items:baseline}
.skm2v-t h4 b{flex:none;border:1px solid currentColor;border-radius:9px;padding:0 .45em;
font-size:12px;line-height:17px}
.skm2v-t h4 span{min-width:0}
.skm2v-t h4 small{margin-left:auto;flex:none;font-weight:400;font-variant-numeric:tabular-nums}
.skm2v-t i{display:block;height:5px;background:currentColor;opacity:.55;border-radius:2px;
margin:.4em 0}
.skm2v-t em{font-style:normal;border-radius:3px;background:rgba(128,128,128,.18);
padding:0 .35em;margin:0 .3em .15em 0;display:inline-block;unicode-bidi:isolate}
.skm2v-t q{display:block;quotes:none;margin:.15em 0;unicode-bidi:isolate}
.skm2v-t summary{cursor:pointer;font-size:12px;opacity:.75}
"""


def render_table(table: ClusterTable) -> str:
    """HTML fragment of a table of groups."""
    largest = max((one.size for one in table), default=1)
    places = {one.label: number for number, one in enumerate(table, start=1)}
    items = "".join(
        _item(one, number, places, table, largest) for number, one in enumerate(table, start=1)
    )
    rest = ""
    if table.n_unassigned:
        share = table.n_unassigned / table.n_texts
        rest = f"; {table.n_unassigned:,} texts ({share:.1%}) are in none"
    return (
        f'<div class="skm2v-t"><style>{STYLE}</style>'
        f"<p>{len(table):,} groups of {table.n_texts:,} texts{rest}. Cohesion is the mean cosine of"
        f" a group's texts to its centre.</p><ol>{items}</ol></div>"
    )


def anchor(number: int) -> str:
    """Where a group stands on a page, by its place in the table, from 1."""
    return f"skm2v-group-{number}"


def badge(label: object, number: int) -> str:
    """Return what stands for a group where there is no room: its label, if that is a number."""
    return str(label) if isinstance(label, int) else str(number)


def _item(
    one: Cluster, number: int, places: dict[object, int], table: ClusterTable, largest: int
) -> str:
    near = ""
    if one.nearest is not None:
        place = places[one.nearest]
        near = (
            f' · nearest: <a href="#{anchor(place)}">{escaped(table[place - 1].name, 60)}</a>'
            f" ({one.nearest_similarity:.2f})"
        )
    terms = "".join(f"<em>{escaped(term, 60)}</em>" for term in one.terms)
    return (
        f'<li id="{anchor(number)}"><h4><b>{badge(one.label, number)}</b>'
        f"<span>{escaped(one.name, 80)}</span>"
        f"<small>{one.size:,} · {one.share:.1%}</small></h4>"
        f'<i style="width:{100 * one.size / largest:.1f}%"></i><div>{terms}</div>'
        f"{_quotes(one.central)}"
        f"<details><summary>cohesion {one.cohesion:.2f}{near}; texts at the border</summary>"
        f"{_quotes(one.borderline)}</details></li>"
    )


def _quotes(texts: list[str]) -> str:
    return "".join(f"<q>{escaped(' '.join(text.split()), MOST_CHARACTERS)}</q>" for text in texts)
