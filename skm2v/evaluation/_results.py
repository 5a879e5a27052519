"""The results of an evaluation, summed up."""

from __future__ import annotations

import dataclasses
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skm2v.evaluation._metrics import Floats
from skm2v.evaluation._resampling import Difference, interval, paired_difference
from skm2v.evaluation._result_store import Result

# Order of the types in every table; the diagnostic sets measure limits and stay out of averages.
TYPE_ORDER = (
    "classification",
    "classification-full",
    "clustering",
    "pair-classification",
    "deduplication",
    "reranking",
    "retrieval",
    "sts",
    "word-similarity",
    "diagnostic",
)
TYPE_TITLES = {
    "classification": "Classification, few-shot",
    "classification-full": "Classification, full training data",
    "clustering": "Clustering",
    "pair-classification": "Pair classification",
    "deduplication": "Deduplication",
    "reranking": "Reranking",
    "retrieval": "Retrieval",
    "sts": "Semantic similarity",
    "word-similarity": "Word similarity",
    "diagnostic": "Diagnostic sets",
}
Key = tuple[str, str]


@dataclass(frozen=True)
class Average:
    """A mean score with its interval and the replicates behind it."""

    score: float
    low: float
    high: float
    replicates: Floats


@dataclass(frozen=True)
class ModelSummary:
    """One model over the tasks that every model finished.

    Attributes
    ----------
    model : str
        Name of the model.
    average : Average or None
        Mean over task types of the mean over tasks, diagnostic sets left out; None where no task
        was finished by all models.
    types : dict of str to Average
        Mean over the tasks of each type.
    texts_per_second : float or None
        Speed of embedding, one process, over the same tasks.
    n_bytes : int or None
        Size of the model's numbers.
    dim : str
        Dimensions, or their range where they differ between tasks.
    n_failed : int
        Tasks that failed.
    """

    model: str
    average: Average | None
    types: dict[str, Average]
    texts_per_second: float | None
    n_bytes: int | None
    dim: str
    n_failed: int


@dataclass(frozen=True)
class Evaluation:
    """Results of models on tasks.

    Attributes
    ----------
    results : list of Result
        One per model and task, failed ones included.
    models : list of str
        Names of the models; differences are to the first.
    versions : dict of str to str
        Versions of the software of this run.
    """

    results: list[Result]
    models: list[str]
    versions: dict[str, str]

    def __post_init__(self) -> None:
        rank = {type: place for place, type in enumerate(TYPE_ORDER)}
        self.results.sort(key=lambda r: (rank.get(r.type, len(rank)), r.type, r.task))

    @property
    def failed(self) -> list[Result]:
        """Results without a score."""
        return [result for result in self.results if result.score is None]

    def task_keys(self, type: str | None = None) -> list[Key]:
        """Types and names of the tasks, in the order of the tables."""
        keys = dict.fromkeys(result.key for result in self.results)
        return [key for key in keys if type in (None, key[0])]

    @property
    def types(self) -> list[str]:
        """Task types, in the order of the tables."""
        return list(dict.fromkeys(result.type for result in self.results))

    def find(self, model: str, key: Key) -> Result | None:
        """Result of a model on a task; None where it is not there or has failed."""
        found = self._by_key.get((model, key))
        return found if found and found.score is not None else None

    @property
    def _by_key(self) -> dict[tuple[str, Key], Result]:
        return {(result.model, result.key): result for result in self.results}

    def common_keys(self) -> list[Key]:
        """Tasks that every model finished."""
        scored = {pair for pair, result in self._by_key.items() if result.score is not None}
        return [
            key for key in self.task_keys() if all((model, key) in scored for model in self.models)
        ]

    def summaries(self) -> list[ModelSummary]:
        """Sum up every model over the tasks that all of them finished."""
        common = self.common_keys()
        return [self._summary(model, common) for model in self.models]

    def _summary(self, model: str, common: list[Key]) -> ModelSummary:
        own = [result for result in self.results if result.model == model]
        by_key = {result.key: result for result in own}
        types: dict[str, Average] = {}
        for type in dict.fromkeys(key[0] for key in common):
            found = [by_key[key] for key in common if key[0] == type]
            types[type] = _mean_of([(result.score or 0.0, _own_order(result)) for result in found])
        counted = [average for type, average in types.items() if type != "diagnostic"]
        counted = counted or list(types.values())
        shared = [by_key[key] for key in common]
        seconds = sum(result.encode_seconds for result in shared)
        dims = sorted({result.dim for result in own if result.score is not None})
        return ModelSummary(
            model=model,
            average=_mean_of([(a.score, a.replicates) for a in counted]) if counted else None,
            types=types,
            texts_per_second=sum(r.n_texts for r in shared) / seconds if seconds > 0 else None,
            n_bytes=next((result.n_bytes for result in own if result.n_bytes), None),
            dim="–".join(str(dim) for dim in dict.fromkeys((dims[0], dims[-1]))) if dims else "",
            n_failed=sum(result.score is None for result in own),
        )

    def difference(self, model: str, key: Key) -> Difference | None:
        """Paired difference of a model to the first one on a task; None where one has no score."""
        first, other = self.find(self.models[0], key), self.find(model, key)
        if first is None or other is None or first.n_items != other.n_items:
            return None
        return paired_difference(
            other.score or 0.0, other.samples, first.score or 0.0, first.samples
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the bootstrap replicates as plain data, NaN as None."""
        record = {
            "models": self.models,
            "versions": self.versions,
            "summary": [_plain_summary(summary) for summary in self.summaries()],
            "results": [
                {k: v for k, v in dataclasses.asdict(r).items() if k != "replicates"}
                for r in self.results
            ],
            "differences": [
                {
                    "model": model,
                    "to": self.models[0],
                    "type": key[0],
                    "task": key[1],
                    **dataclasses.asdict(difference),
                    "verdict": difference.verdict,
                }
                for model in self.models[1:]
                for key in self.task_keys()
                if (difference := self.difference(model, key))
            ],
        }
        return dict(_without_nan(record))

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def to_markdown(self) -> str:
        """Return a summary and a table of all tasks as Markdown."""
        from skm2v.evaluation._markdown import render_markdown

        return render_markdown(self)

    def to_html(self) -> str:
        """Return one self-contained HTML page: tables, plot, intervals, worst errors, versions."""
        from skm2v.evaluation._html import render_html

        return render_html(self)

    def save(self, folder: str | Path) -> Path:
        """Write ``report.html``, ``report.md`` and ``results.json`` to a folder.

        Returns
        -------
        Path
            The HTML page.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(self.to_json() + "\n", encoding="utf-8")
        (folder / "report.md").write_text(self.to_markdown(), encoding="utf-8")
        page = folder / "report.html"
        page.write_text(self.to_html(), encoding="utf-8")
        return page


def _own_order(result: Result) -> Floats:
    """Replicates of a result in an order of the task's own.

    Resamples are the same for all tasks with as many items, so that models can be paired; without
    a new order they would tie tasks together too. The order depends on the task alone, which keeps
    the models paired.
    """
    seed = zlib.crc32("\0".join(result.key).encode())
    return np.random.default_rng(seed).permutation(result.samples)


def _mean_of(parts: Sequence[tuple[float, Floats]]) -> Average:
    # A replicate without a value (no positive was drawn) stands at the score itself.
    filled = [np.where(np.isnan(samples), score, samples) for score, samples in parts]
    replicates: Floats = np.mean(filled, axis=0)
    low, high = interval(replicates)
    return Average(float(np.mean([score for score, _ in parts])), low, high, replicates)


def _plain_summary(summary: ModelSummary) -> dict[str, Any]:
    def plain(average: Average | None) -> dict[str, float] | None:
        if average is None:
            return None
        return {"score": average.score, "low": average.low, "high": average.high}

    return {
        "model": summary.model,
        "average": plain(summary.average),
        "types": {type: plain(average) for type, average in summary.types.items()},
        "texts_per_second": summary.texts_per_second,
        "n_bytes": summary.n_bytes,
        "dim": summary.dim,
        "n_failed": summary.n_failed,
    }


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def percent(value: float | None) -> str:
    """Score on the scale that MTEB prints: 100 times, one decimal."""
    return "–" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def speed(value: float | None) -> str:
    """Texts per second with three significant digits."""
    if value is None or value <= 0:
        return "–"
    digits = 2 - math.floor(math.log10(value))
    return f"{round(value, digits):,.{max(0, digits)}f}"


def size(n_bytes: int | None) -> str:
    """Megabytes of a model."""
    return "–" if n_bytes is None else f"{n_bytes / 1e6:.1f} MB"
