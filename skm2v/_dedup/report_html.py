"""The report as HTML: a fragment with its own style, no script, and every text escaped."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from skm2v._html_text import escaped

if TYPE_CHECKING:
    from skm2v._dedup.report import DeduplicationReport

__all__ = ["render"]

MOST_CHARACTERS = 400
SAME, OTHER = "33,122,214", "220,86,38"  # blue and orange: also apart for the colour-blind

STYLE = """
.skm2v-d{font:14px/20px system-ui,sans-serif;max-width:60em;margin:.5em 0;color:inherit}
.skm2v-d h4{font-size:14px;margin:1.2em 0 .3em}
.skm2v-d p{margin:.2em 0;opacity:.75;font-size:12px}
.skm2v-d dl{display:flex;flex-wrap:wrap;gap:.3em 2em;margin:0}
.skm2v-d dt{opacity:.75;font-size:12px}
.skm2v-d dd{margin:0;font-size:20px;line-height:26px}
.skm2v-d ol{list-style:none;margin:0;padding:0}
.skm2v-d li{border:1px solid rgba(128,128,128,.35);border-left-width:4px;border-radius:4px;
margin:0 0 .4em;padding:.4em .7em;display:flex;gap:1em}
.skm2v-d li>b{flex:0 0 4.2em;font-variant-numeric:tabular-nums;font-weight:600}
.skm2v-d li>b small{display:block;font-weight:400;opacity:.75;font-size:12px}
.skm2v-d li>div{min-width:0;flex:1}
.skm2v-d li>div>span{display:block;overflow-wrap:anywhere;unicode-bidi:isolate}
.skm2v-d mark{color:inherit;background:rgba(128,128,128,.25);border-radius:3px}
.skm2v-d .same{border-left-color:rgb(SAME)}
.skm2v-d .other{border-left-color:rgb(OTHER);border-left-style:dashed}
""".replace("SAME", SAME).replace("OTHER", OTHER)


def render(report: DeduplicationReport) -> str:
    """HTML fragment of a report."""
    parts = [_counts(report), _borderline(report), _groups(report)]
    return f'<div class="skm2v-d"><style>{STYLE}</style>{"".join(parts)}</div>'


def _counts(report: DeduplicationReport) -> str:
    facts = {"rows": report.n_rows, "kept": report.n_kept}
    facts |= {f"dropped, {kind}": count for kind, count in report.n_dropped.items() if count}
    items = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{count:,}</dd></div>"
        for name, count in facts.items()
    )
    return f"<dl>{items}</dl><p>{html.escape(report.completeness)}</p>"


def _borderline(report: DeduplicationReport) -> str:
    pairs, n_searched = report.borderline(), report.n_searched
    if not pairs:
        return ""
    sample = ""
    if n_searched < report.n_texts:
        sample = f" Those apart are neighbours of a sample of {n_searched:,} texts."
    items = []
    for pair in pairs:
        left, right = _marked(pair.left_text, pair.right_text)
        name, kind = ("same", "same") if pair.is_duplicate else ("other", "apart")
        items.append(
            f'<li class="{name}"><b>{pair.similarity:.3f}<small>{kind}</small></b>'
            f"<div><span>{left}</span><span>{right}</span></div></li>"
        )
    return (
        f"<h4>Pairs around the threshold {report.threshold:g}</h4>"
        "<p>Do the pairs called same say the same, and those called apart not? If not, move the"
        " threshold."
        f" Words of one text only are marked.{sample}</p>"
        f"<ol>{''.join(items)}</ol>"
    )


def _groups(report: DeduplicationReport) -> str:
    items = []
    for group in report.largest_groups():
        dropped = "".join(
            f"<span>{_marked(text, group.kept_text)[0]}</span>" for text in group.dropped_texts
        )
        least = "" if group.least_similarity >= 1 else f"from {group.least_similarity:.3f}"
        items.append(
            f"<li><b>{group.size:,}<small>{least}</small></b><div>"
            f"<span><strong>{_text(group.kept_text)}</strong></span>{dropped}</div></li>"
        )
    if not items:
        return "<h4>No duplicates</h4>"
    return (
        "<h4>Largest groups</h4><p>Rows, and the least similarity to the text that is kept (bold)."
        f"</p><ol>{''.join(items)}</ol>"
    )


def _marked(left: str, right: str) -> tuple[str, str]:
    """Both texts, with the words marked that the other one does not have."""
    pieces = [re.split(r"(\w+)", _cut(text)) for text in (left, right)]
    words = [{piece.casefold() for piece in text} for text in pieces]
    out = []
    for own, other in ((0, 1), (1, 0)):
        out.append(
            "".join(
                f"<mark>{_text(piece)}</mark>"
                if place % 2 and piece.casefold() not in words[other]
                else _text(piece)
                for place, piece in enumerate(pieces[own])
            )
        )
    return out[0], out[1]


def _cut(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _text(text: str) -> str:
    return escaped(text, MOST_CHARACTERS)
