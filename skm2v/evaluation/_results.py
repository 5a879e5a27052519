"""The results of an evaluation, summed up."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skm2v.evaluation._html import render_html, render_tables
from skm2v.evaluation._markdown import render_markdown
from skm2v.evaluation._resampling import Difference, paired_difference
from skm2v.evaluation._result_store import Result, write_whole
from skm2v.evaluation._summary import Key, ModelSummary, summarise
from skm2v.evaluation._task_types import ORDER
from skm2v.evaluation._verdict import verdict

__all__ = ["Evaluation"]


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
    summaries_of_models : dict of str to str
        What reports call a model in a sentence, where that is not its name.

    Examples
    --------
    >>> from skm2v.evaluation import STS, evaluate
    >>> task = STS("pets", ["a cat", "a dog", "a car"], ["the cat", "my cat", "my cat"], [5, 3, 0])
    >>> evaluation = evaluate(["words", "tfidf-svd"], task)
    >>> evaluation.models
    ['words', 'tfidf-svd']
    """

    results: list[Result]
    models: list[str]
    versions: dict[str, str]
    summaries_of_models: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.results.sort(key=lambda r: (ORDER.get(r.type, len(ORDER)), r.type, r.task))

    @property
    def failed(self) -> list[Result]:
        """Results without a score."""
        return [result for result in self.results if result.score is None]

    def task_keys(self, type: str | None = None) -> list[Key]:
        """List the tasks, in the order of the tables.

        Parameters
        ----------
        type : str or None, default=None
            Task type to keep; None keeps all.

        Returns
        -------
        list of (str, str)
            Type and name of each.
        """
        keys = dict.fromkeys(result.key for result in self.results)
        return [key for key in keys if type in (None, key[0])]

    @property
    def types(self) -> list[str]:
        """Task types, in the order of the tables."""
        return list(dict.fromkeys(result.type for result in self.results))

    def find(self, model: str, key: Key) -> Result | None:
        """Return the result of a model on a task.

        Parameters
        ----------
        model : str
            Name of the model.
        key : (str, str)
            Type and name of the task.

        Returns
        -------
        Result or None
            None where the model failed, or does not do such tasks.
        """
        found = self._by_key.get((model, key))
        return found if found and found.score is not None else None

    def has_failed(self, model: str, key: Key) -> bool:
        """Whether a model failed on a task, other than not doing such tasks.

        Parameters
        ----------
        model : str
            Name of the model.
        key : (str, str)
            Type and name of the task.

        Returns
        -------
        bool
            True where there is an error in place of a score.
        """
        found = self._by_key.get((model, key))
        return found is not None and found.score is None

    @property
    def _by_key(self) -> dict[tuple[str, Key], Result]:
        return {(result.model, result.key): result for result in self.results}

    def common_keys(self) -> list[Key]:
        """List the tasks that every model finished.

        Returns
        -------
        list of (str, str)
            Type and name of each.
        """
        scored = {pair for pair, result in self._by_key.items() if result.score is not None}
        return [
            key for key in self.task_keys() if all((model, key) in scored for model in self.models)
        ]

    def summaries(self) -> list[ModelSummary]:
        """Sum up every model over the tasks that all of them finished.

        Returns
        -------
        list of ModelSummary
            In the order of `models`.
        """
        common = self.common_keys()
        return [summarise(model, self.results, common) for model in self.models]

    def difference(self, model: str, key: Key) -> Difference | None:
        """Compare a model to the first one on a task.

        Parameters
        ----------
        model : str
            Name of the model.
        key : (str, str)
            Type and name of the task.

        Returns
        -------
        Difference or None
            Score minus the first model's, with the interval of the paired difference; None where
            one of them has no score.
        """
        first, other = self.find(self.models[0], key), self.find(model, key)
        if first is None or other is None or first.n_items != other.n_items:
            return None
        return paired_difference(
            other.score or 0.0, other.samples, first.score or 0.0, first.samples
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the bootstrap replicates as plain data.

        Returns
        -------
        dict
            With strings, numbers, lists and dicts; NaN is None.
        """
        record = {
            "models": self.models,
            "versions": self.versions,
            "verdict": self.verdict(),
            "summary": [summary.to_dict() for summary in self.summaries()],
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
        """Return `to_dict` as JSON.

        Returns
        -------
        str
            JSON text.
        """
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def to_markdown(self) -> str:
        """Return the verdict, a summary and a table of all tasks as Markdown.

        Returns
        -------
        str
            Markdown text.
        """
        return render_markdown(self)

    def to_html(self) -> str:
        """Return one self-contained HTML page: verdict, tables, plot, worst errors, versions.

        Returns
        -------
        str
            A whole page.
        """
        return render_html(self)

    def _repr_html_(self) -> str:
        """Verdict and tables, for a notebook."""
        return render_tables(self)

    def summary_of(self, model: str) -> str:
        """Return what reports call a model in a sentence.

        Parameters
        ----------
        model : str
            Name of the model.

        Returns
        -------
        str
            Its name, in words.
        """
        return self.summaries_of_models.get(model, model)

    def verdict(self) -> list[str]:
        """Say in plain words which model to use.

        Returns
        -------
        list of str
            A sentence for all tasks together, then one for each type of task.
        """
        return verdict(self)

    def save(self, folder: str | Path) -> Path:
        """Write ``report.html``, ``report.md`` and ``results.json`` to a folder.

        Each file is whole or not there.

        Parameters
        ----------
        folder : str or Path
            The folder; made where there is none.

        Returns
        -------
        Path
            The HTML page.

        Raises
        ------
        OSError
            If a file cannot be written.
        """
        folder = Path(folder)
        page = folder / "report.html"
        write_whole(folder / "results.json", self.to_json() + "\n")
        write_whole(folder / "report.md", self.to_markdown())
        write_whole(page, self.to_html())
        return page


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
