"""Explanations as HTML: a fragment with its own style, no script, and every text escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from skm2v._html_text import escaped

if TYPE_CHECKING:
    from skm2v._classification.explanation import Explanation

__all__ = ["render"]

MAX_LISTED = 12  # parts in the table of a text
FOR, AGAINST = "33,122,214", "220,86,38"  # blue and orange: also apart for the colour-blind

STYLE = """
.skm2v-x{font:14px/20px system-ui,sans-serif;max-width:60em;margin:.5em 0;color:inherit}
.skm2v-x article{border:1px solid rgba(128,128,128,.35);border-radius:6px;margin:0 0 .8em;
padding:.6em .8em}
.skm2v-x header{display:flex;flex-wrap:wrap;gap:.2em 1em;align-items:baseline;margin-bottom:.4em}
.skm2v-x header>*,.skm2v-x th,.skm2v-x td{overflow-wrap:anywhere;min-width:0}
.skm2v-x small,.skm2v-x summary{opacity:.75;font-size:12px}
.skm2v-x p{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;
line-height:26px;max-height:24em;overflow-y:auto}
.skm2v-x mark{color:inherit;border-radius:3px;padding:.1em 0}
.skm2v-x table{border-collapse:collapse;font-size:12px;margin-top:.4em;width:100%;
table-layout:fixed}
.skm2v-x th,.skm2v-x td{text-align:left;padding:.1em .5em .1em 0;white-space:normal;
background:none;border:0}
.skm2v-x td:first-child,.skm2v-x th:first-child{width:50%}
.skm2v-x i{display:inline-block;height:.7em;border-radius:2px}
.skm2v-x summary{cursor:pointer;margin-top:.3em}
"""


def render(explanation: Explanation, output: int | None) -> str:
    """HTML fragment of an explanation.

    Parameters
    ----------
    explanation : Explanation
    output : int or None
        Column of the contributions to show; None means that of each text's prediction.

    Returns
    -------
    html : str
    """
    articles = [_article(one, output) for one in explanation]
    return f'<div class="skm2v-x"><style>{STYLE}</style>{"".join(articles)}</div>'


def _article(one: Explanation, output: int | None) -> str:
    column = _column(one) if output is None else output
    values = one.contributions[:, column]
    name, against = _names(one, column)
    decision, intercept = one.decision[0, column], one.intercept[column]
    head = f"<b>{name}</b><span>{decision:+.3f}</span>"
    if output is None and one.classes is not None:
        head = f"<span>predicted</span> <b>{_text(one.predicted[0])}</b>"
        head += f"<span>{_decisions(one)}</span>"
    legend = f'<small><mark style="background:rgba({FOR},.35)">for {name}</mark> '
    legend += f'<mark style="background:rgba({AGAINST},.35)">{against}</mark></small>'
    if one.truncated[0]:
        legend += f"<small>cut after {one.max_length} tokens</small>"
    total = (
        f"intercept {intercept:+.3f}, {np.count_nonzero(~one.is_pair)} {_noun(one)}s"
        f" {values[~one.is_pair].sum():+.3f}, {np.count_nonzero(one.is_pair)} pairs"
        f" {values[one.is_pair].sum():+.3f}: {decision:+.3f}"
    )
    return (
        f"<article><header>{head}{legend}</header><p>{_marked(one, values)}</p>"
        f"<details><summary>{total}</summary>{_table(one, values)}</details></article>"
    )


def _noun(one: Explanation) -> str:
    return "token" if one.pieces else "word"


def _column(one: Explanation) -> int:
    """Column of the predicted class; the largest one where there is none."""
    return int(one.decision[0].argmax())


def _names(one: Explanation, column: int) -> tuple[str, str]:
    """What positive and negative contributions speak for."""
    name = _text(one.outputs[column])
    if one.classes is not None and len(one.classes) == 2:
        return name, f"for {_text(one.classes[0])}"
    return name, f"against {name}"


def _decisions(one: Explanation) -> str:
    """The decision values that were compared: the largest three."""
    values = one.decision[0]
    best = np.argsort(-values, kind="stable")[:3]
    return ", ".join(f"{_text(one.outputs[i])} {values[i]:+.3f}" for i in best)


def _marked(one: Explanation, values: npt.NDArray[np.float64]) -> str:
    """The text, coloured; half of what a pair adds is shown on each of its words."""
    text = one.texts[0]
    tokens, pairs = np.flatnonzero(~one.is_pair), np.flatnonzero(one.is_pair)
    shown = values[tokens].copy()
    spans = one.spans[tokens]
    starts, stops = spans[:, 0], spans[:, 1]
    # The left token of a pair starts where it does, the right one ends where it does.
    first = {start: i for i, start in reversed([*enumerate(starts.tolist())])}
    last = {stop: i for i, stop in enumerate(stops.tolist())}
    for pair, (start, stop) in zip(pairs, one.spans[pairs].tolist(), strict=True):
        for place in (first.get(start), last.get(stop)):
            if place is not None:
                shown[place] += values[pair] / 2
    strongest = float(np.abs(shown).max(initial=0)) or 1.0
    parts, end = [], 0
    for start, stop, value in _merged(spans, shown):
        parts.append(_text(text[end:start]))
        parts.append(_mark(text[start:stop], value, strongest))
        end = stop
    parts.append(_text(text[end:]))
    return "".join(parts)


def _merged(
    spans: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> list[tuple[int, int, float]]:
    """Spans that do not overlap: tokens made of the same characters become one."""
    merged: list[tuple[int, int, float]] = []
    order = np.lexsort((spans[:, 1], spans[:, 0]))
    for i in order:
        start, stop, value = int(spans[i, 0]), int(spans[i, 1]), float(values[i])
        if merged and start < merged[-1][1]:
            first, last, total = merged[-1]
            merged[-1] = first, max(last, stop), total + value
        elif stop > start:
            merged.append((start, stop, value))
    return merged


def _mark(characters: str, value: float, strongest: float) -> str:
    opacity = 0.75 * min(abs(value) / strongest, 1.0)
    if opacity < 0.02:
        return _text(characters)
    colour = FOR if value > 0 else AGAINST
    return (
        f'<mark style="background:rgba({colour},{opacity:.2f})" title="{value:+.4f}">'
        f"{_text(characters)}</mark>"
    )


def _table(one: Explanation, values: npt.NDArray[np.float64]) -> str:
    """The parts that weigh most, with exact values."""
    order = np.argsort(-np.abs(values), kind="stable")[:MAX_LISTED]
    strongest = float(np.abs(values).max(initial=0)) or 1.0
    rows = [f"<tr><th>{_noun(one)} or pair</th><th>contribution</th></tr>"]
    for i in order:
        width = 8 * abs(values[i]) / strongest
        colour = FOR if values[i] > 0 else AGAINST
        start, stop = one.spans[i]
        rows.append(
            f"<tr><td>{_text(one.texts[0][start:stop])}</td><td>{values[i]:+.4f}"
            f' <i style="width:{width:.2f}em;background:rgba({colour},.6)"></i></td></tr>'
        )
    return f"<table>{''.join(rows)}</table>"


def _text(value: Any) -> str:
    return escaped(str(value.item() if isinstance(value, np.generic) else value))
