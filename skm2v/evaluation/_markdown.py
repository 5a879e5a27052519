"""Evaluation results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from skm2v.evaluation._formatting import percent, size, speed, title

if TYPE_CHECKING:
    from skm2v.evaluation._results import Evaluation

__all__ = ["render_markdown"]


def render_markdown(evaluation: Evaluation) -> str:
    """Return the verdict, a summary table, a table of all tasks, and the failures."""
    summaries = evaluation.summaries()
    types = list(dict.fromkeys(type for summary in summaries for type in summary.types))
    common = evaluation.common_keys()
    first, *others = evaluation.verdict()
    lines = [
        f"**{first}**",
        "",
        *(f"- {sentence}" for sentence in others),
        *([""] if others else []),
        f"Summary over the {len(common)} tasks that every model finished: scores times 100 with "
        "95 % intervals; the average is over task types, diagnostic sets left out.",
        "",
        *_table(
            [
                "model",
                "average",
                *(title(t) for t in types),
                "texts/s",
                "size",
                "dims",
            ],
            [
                [
                    s.model,
                    _with_interval(s.average.score, s.average.low, s.average.high)
                    if s.average
                    else "–",
                    *(percent(s.types[t].score) if t in s.types else "–" for t in types),
                    speed(s.texts_per_second),
                    size(s.n_bytes),
                    s.dim,
                ]
                for s in summaries
            ],
        ),
        "",
        f"All tasks; ▲ and ▼ mark a paired difference to {evaluation.models[0]} whose interval "
        "leaves out zero.",
        "",
        *_table(
            ["type", "task", "metric", *evaluation.models],
            [
                [key[0], key[1], _metric(evaluation, key), *_scores(evaluation, key)]
                for key in evaluation.task_keys()
            ],
        ),
    ]
    if evaluation.failed:
        lines += ["", "Failed:", ""]
        lines += [f"- {r.model}, {r.task} ({r.type}): {_cell(r.error)}" for r in evaluation.failed]
    versions = ", ".join(f"{name} {version}" for name, version in evaluation.versions.items())
    lines += ["", f"Versions: {versions}.", ""]
    return "\n".join(lines)


def _scores(evaluation: Evaluation, key: tuple[str, str]) -> list[str]:
    marks = {"better": " ▲", "worse": " ▼", "unclear": ""}
    cells = []
    for model in evaluation.models:
        result = evaluation.find(model, key)
        if result is None:
            cells.append("failed" if evaluation.has_failed(model, key) else "–")
            continue
        difference = evaluation.difference(model, key) if model != evaluation.models[0] else None
        mark = marks[difference.verdict] if difference else ""
        cells.append(_with_interval(result.score, result.low, result.high) + mark)
    return cells


def _metric(evaluation: Evaluation, key: tuple[str, str]) -> str:
    return next((r.metric for r in evaluation.results if r.key == key and r.metric), "–")


def _with_interval(score: float | None, low: float | None, high: float | None) -> str:
    return f"{percent(score)} ({percent(low)}–{percent(high)})"


def _cell(text: object) -> str:
    return str(text).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]
