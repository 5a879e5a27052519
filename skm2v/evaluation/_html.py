"""Evaluation results as one self-contained HTML page.

The page has no script and loads nothing: style and plot are inside it, details open with
``<details>``. Every text from models and data is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from skm2v._html_text import document
from skm2v.evaluation._formatting import measure, percent, size, speed, title
from skm2v.evaluation._plot import Point, scatter

if TYPE_CHECKING:
    from skm2v.evaluation._result_store import Result
    from skm2v.evaluation._results import Evaluation
    from skm2v.evaluation._summary import Key, ModelSummary

__all__ = ["render_html", "render_tables"]

# Classes of the style sheet; more models than colours start again.
_COLOURS = 8


def render_html(evaluation: Evaluation) -> str:
    """Return the page."""
    style = resources.files("skm2v.evaluation").joinpath("data", "report.css")
    summaries = evaluation.summaries()
    body = "".join(
        (
            _header(evaluation),
            _verdict(evaluation),
            _summary(evaluation, summaries),
            _plot(summaries),
            _differences(evaluation),
            _tasks(evaluation),
            _worst(evaluation),
            _failed(evaluation),
            _method(evaluation),
        )
    )
    sheet = style.read_text(encoding="utf-8")
    return document("skm2v evaluation", f"<main>{body}</main>", sheet)


def _header(evaluation: Evaluation) -> str:
    n_tasks = len(evaluation.task_keys())
    failed = f", {len(evaluation.failed)} results failed" if evaluation.failed else ""
    return (
        f"<header><h1>Evaluation of {_count(len(evaluation.models), 'model')}</h1>"
        f"<p>{_count(n_tasks, 'task')}{failed}. Scores are times 100, higher is better; ranges are "
        "95 % bootstrap intervals.</p></header>"
    )


def _verdict(evaluation: Evaluation) -> str:
    first, *others = map(escape, evaluation.verdict())
    items = "".join(f"<li>{sentence}</li>" for sentence in others)
    listed = f"<ul>{items}</ul>" if items else ""
    return f"<section><p><strong>{first}</strong></p>{listed}</section>"


def render_tables(evaluation: Evaluation) -> str:
    """Return verdict and tables as a piece of HTML without a style of its own, for a notebook.

    Parameters
    ----------
    evaluation : Evaluation
        The results.

    Returns
    -------
    str
    """
    scores = [
        (f"{title(key[0])}: {key[1]}", [_score_cell(evaluation, m, key) for m in evaluation.models])
        for key in evaluation.task_keys()
    ]
    return (
        f"<div>{_verdict(evaluation)}"
        f"{_plain_table(evaluation.models, _summary_rows(evaluation.summaries()))}"
        f"<details><summary>{_count(len(scores), 'task')}</summary>"
        f"{_plain_table(evaluation.models, scores)}</details>{_failed(evaluation)}</div>"
    )


def _score_cell(evaluation: Evaluation, model: str, key: Key) -> str:
    result = evaluation.find(model, key)
    if result is None:
        return "failed" if evaluation.has_failed(model, key) else "–"
    return f"{percent(result.score)} ({percent(result.low)}–{percent(result.high)})"


def _plain_table(columns: list[str], rows: list[tuple[str, list[str]]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{_rows(rows)}</tbody></table>"


def _rows(rows: list[tuple[str, list[str]]]) -> str:
    return "".join(
        f'<tr><th scope="row">{escape(head)}</th>{"".join(f"<td>{c}</td>" for c in cells)}</tr>'
        for head, cells in rows
    )


def _summary_rows(summaries: list[ModelSummary]) -> list[tuple[str, list[str]]]:
    """Title of a row, and a cell of HTML for every model."""
    types = list(dict.fromkeys(type for summary in summaries for type in summary.types))
    averages = [
        f"<b>{percent(average.score)}</b><small>{percent(average.low)}–{percent(average.high)}</small>"
        if (average := summary.average)
        else "–"
        for summary in summaries
    ]
    rows = [("Average", averages)]
    for type in types:
        scores = [percent(s.types[type].score) if type in s.types else "–" for s in summaries]
        best = percent(max(s.types[type].score for s in summaries if type in s.types))
        rows.append((title(type), [_strong(s, s == best) for s in scores]))
    return [
        *rows,
        ("Texts per second", [speed(s.texts_per_second) for s in summaries]),
        ("Size", [size(s.n_bytes) for s in summaries]),
        ("Dimensions", [escape(s.dim) for s in summaries]),
    ]


def _summary(evaluation: Evaluation, summaries: list[ModelSummary]) -> str:
    head = "".join(f"<th>{_chip(n, s.model)}</th>" for n, s in enumerate(summaries, start=1))
    n_common = len(evaluation.common_keys())
    return (
        "<section><h2>Summary</h2>"
        f"<p>Over the {_count(n_common, 'task')} that every model finished. The average is over "
        "task types; diagnostic sets stay out of it.</p>"
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{_rows(_summary_rows(summaries))}</tbody></table></div></section>"
    )


def _plot(summaries: list[ModelSummary]) -> str:
    points = [
        Point(
            name=summary.model,
            x=summary.texts_per_second,
            y=summary.average.score,
            low=summary.average.low,
            high=summary.average.high,
            number=number,
        )
        for number, summary in enumerate(summaries, start=1)
        if summary.average and summary.texts_per_second
    ]
    if not points:
        return ""
    legend = "".join(
        f"<li>{_chip(n, s.model)} <span class=quiet>{speed(s.texts_per_second)} texts/s</span></li>"
        for n, s in enumerate(summaries, start=1)
    )
    return (
        "<section><h2>Quality against speed</h2><figure>"
        f"{scatter(points)}<figcaption><ol class=legend>{legend}</ol></figcaption></figure>"
        "</section>"
    )


def _differences(evaluation: Evaluation) -> str:
    rows = []
    for number, model in enumerate(evaluation.models[1:], start=2):
        found = [d for key in evaluation.task_keys() if (d := evaluation.difference(model, key))]
        if not found:
            continue
        count = {v: sum(d.verdict == v for d in found) for v in ("better", "unclear", "worse")}
        rows.append(
            f'<tr><th scope="row">{_chip(number, model)}</th><td>{count["better"]}</td>'
            f"<td>{count['unclear']}</td><td>{count['worse']}</td></tr>"
        )
    if not rows:
        return ""
    return (
        f"<section><h2>Compared with {escape(evaluation.models[0])}</h2>"
        "<p>Tasks on which a model is better or worse: the interval of the paired difference "
        'leaves out zero.</p><div class="scroll"><table><thead><tr><th>Model</th><th>Better</th>'
        f"<th>Unclear</th><th>Worse</th></tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        "</section>"
    )


def _tasks(evaluation: Evaluation) -> str:
    sections = []
    for type in evaluation.types:
        scored = [r for r in evaluation.results if r.type == type and r.score is not None]
        if not scored:
            continue
        bounds = _bounds(scored)
        cards = "".join(_card(evaluation, key, bounds) for key in evaluation.task_keys(type))
        sections.append(
            f"<h3>{escape(title(type))}</h3>"
            f"<p>{escape(measure(type, scored[0].metric))}. Every bar goes from "
            f"{percent(bounds[0])} to {percent(bounds[1])}.</p><div class=cards>{cards}</div>"
        )
    return f"<section><h2>Task by task</h2>{''.join(sections)}</section>" if sections else ""


def _bounds(results: list[Result]) -> tuple[float, float]:
    """Tenths around the intervals of the results of a type."""
    values = [v for r in results for v in (r.low, r.score, r.high) if v is not None and v == v]
    low, high = math.floor(10 * min(values)), math.ceil(10 * max(values))
    return (low if low < high else low - 1) / 10, high / 10


def _card(evaluation: Evaluation, key: Key, bounds: tuple[float, float]) -> str:
    lines = []
    facts: Result | None = None
    for number, model in enumerate(evaluation.models, start=1):
        result = evaluation.find(model, key)
        if result is None:
            why = "failed" if evaluation.has_failed(model, key) else "not for this task"
            lines.append(f"<li>{_chip(number, model)}<span class=quiet>{why}</span></li>")
            continue
        facts = result
        low, score, high = (
            100 * (value - bounds[0]) / (bounds[1] - bounds[0])
            for value in (result.low or 0.0, result.score or 0.0, result.high or 0.0)
        )
        difference = evaluation.difference(model, key) if number > 1 else None
        verdict = difference.verdict if difference else "unclear"
        mark = {"better": "▲", "worse": "▼", "unclear": ""}[verdict]
        tip = (
            f"{percent(difference.value)} ({percent(difference.low)} to "
            f"{percent(difference.high)}) to {evaluation.models[0]}"
            if difference
            else ""
        )
        lines.append(
            f"<li>{_chip(number, model)}"
            f'<span class="track {_colour(number)}"><i style="left:{low:.2f}%;'
            f'width:{max(0.0, high - low):.2f}%"></i><b style="left:{score:.2f}%"></b></span>'
            f'<span class=score title="{escape(tip)}">{percent(result.score)} '
            f"<small>{percent(result.low)}–{percent(result.high)}</small> "
            f"<em class={verdict}>{mark}</em></span></li>"
        )
    items = f"{facts.n_items:,} items" if facts else "no result"
    details = _facts(facts) if facts else ""
    if zeros := _zero_vectors(evaluation, key):
        details += f" · texts without a vector: {zeros}"
    return (
        f"<article><h4>{escape(key[1])} <span class=quiet>{items}{details}</span></h4>"
        f"<ul>{''.join(lines)}</ul></article>"
    )


def _facts(result: Result) -> str:
    """Facts of a protocol that a reader needs beside the score."""
    protocol = result.protocol
    facts = []
    if "fraction" in protocol:
        facts.append(f"{100 * protocol['fraction']:g} % of the documents")
        facts.append(f"{protocol['clusters']} clusters")
    if "classes" in protocol:
        facts.append(f"{protocol['classes']} classes")
    if str(protocol.get("split", "")).startswith("made here"):
        facts.append("split made here")
    if protocol.get("threshold_from") == "test pairs":
        facts.append("threshold from the test pairs")
    if "documents" in protocol and "fraction" not in protocol:
        facts.append(f"{protocol['documents']:,} documents")
    return "".join(f" · {escape(fact)}" for fact in facts)


def _worst(evaluation: Evaluation) -> str:
    blocks = []
    for key in evaluation.task_keys():
        parts = []
        for number, model in enumerate(evaluation.models, start=1):
            result = evaluation.find(model, key)
            if result is None or not result.worst:
                continue
            examples = "".join(_example(example) for example in result.worst)
            parts.append(f"<h5>{_chip(number, model)}</h5>{examples}")
        if parts:
            type = title(key[0])
            blocks.append(
                f"<details><summary>{escape(key[1])} <span class=quiet>{escape(type)}</span>"
                f"</summary>{''.join(parts)}</details>"
            )
    return f"<section><h2>Worst errors</h2>{''.join(blocks)}</section>" if blocks else ""


def _zero_vectors(evaluation: Evaluation, key: Key) -> str:
    """Models with texts that they have no vector for, and how many."""
    found = ((model, evaluation.find(model, key)) for model in evaluation.models)
    counts = ((model, r.protocol.get("zero_vectors", 0)) for model, r in found if r)
    return escape(", ".join(f"{count:,} ({model})" for model, count in counts if count))


def _example(example: dict[str, str]) -> str:
    return f"<dl>{_pairs(example.items())}</dl>"


def _pairs(items: Iterable[tuple[str, Any]]) -> str:
    return "".join(f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in items)


def _failed(evaluation: Evaluation) -> str:
    if not evaluation.failed:
        return ""
    items = "".join(
        f"<li><b>{escape(r.task)}</b> ({escape(r.type)}), {escape(r.model)}: "
        f"{escape(r.error or '')}</li>"
        for r in evaluation.failed
    )
    return f"<section><h2>Failed</h2><ul class=failed>{items}</ul></section>"


def _method(evaluation: Evaluation) -> str:
    return (
        "<section><h2>How it was measured</h2><ul>"
        "<li>Intervals are percentile bootstraps: over test items, and over draws and test items "
        "for few-shot classification; over draws for clustering. Comparisons between models are "
        "paired. Where every item is right, or every one wrong, resamples do not differ and the "
        "interval has no width.</li>"
        "<li>Texts per second is the time inside the model only, each distinct text once, over the "
        "tasks that every model finished.</li>"
        "<li>Size counts the numbers of an embedding table or network; a baseline that is fitted "
        "on every task has none of its own.</li></ul>"
        f"<dl class=versions>{_pairs(evaluation.versions.items())}</dl></section>"
    )


def _colour(number: int) -> str:
    return f"c{(number - 1) % _COLOURS + 1}"


def _chip(number: int, model: str) -> str:
    return (
        f'<span class="model {_colour(number)}"><span class=chip>{number}</span>'
        f"<span>{escape(model)}</span></span>"
    )


def _strong(text: str, strong: bool) -> str:
    return f"<b>{text}</b>" if strong else text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
