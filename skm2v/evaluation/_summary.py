"""Means over tasks, with their intervals."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skm2v.evaluation._metrics import Floats
from skm2v.evaluation._resampling import Difference, interval, paired_difference
from skm2v.evaluation._result_store import Result
from skm2v.evaluation._task_types import BY_TYPE

__all__ = ["Average", "Key", "ModelSummary", "summarise"]

Key = tuple[str, str]


@dataclass(frozen=True)
class Average:
    """A mean score with its interval and the replicates behind it."""

    score: float
    low: float
    high: float
    replicates: Floats

    def difference(self, other: Average) -> Difference:
        """Paired difference to another mean over the same tasks."""
        return paired_difference(self.score, self.replicates, other.score, other.replicates)


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

    Examples
    --------
    >>> from skm2v.evaluation import STS, evaluate
    >>> task = STS("pets", ["a cat", "a dog", "a car"], ["the cat", "my cat", "my cat"], [5, 3, 0])
    >>> summary = evaluate("tfidf", task).summaries()[0]
    >>> summary.model, summary.n_failed
    ('tfidf', 0)
    """

    model: str
    average: Average | None
    types: dict[str, Average]
    texts_per_second: float | None
    n_bytes: int | None
    dim: str
    n_failed: int

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the bootstrap replicates as plain data.

        Returns
        -------
        dict
            Plain data that JSON can hold.
        """

        def plain(average: Average | None) -> dict[str, float] | None:
            if average is None:
                return None
            return {"score": average.score, "low": average.low, "high": average.high}

        return {
            "model": self.model,
            "average": plain(self.average),
            "types": {type: plain(average) for type, average in self.types.items()},
            "texts_per_second": self.texts_per_second,
            "n_bytes": self.n_bytes,
            "dim": self.dim,
            "n_failed": self.n_failed,
        }


def summarise(model: str, results: list[Result], common: list[Key]) -> ModelSummary:
    """Sum up a model over some tasks."""
    own = [result for result in results if result.model == model]
    by_key = {result.key: result for result in own}
    types: dict[str, Average] = {}
    for type in dict.fromkeys(key[0] for key in common):
        found = [by_key[key] for key in common if key[0] == type]
        types[type] = _mean_of([(result.score or 0.0, _own_order(result)) for result in found])
    counted = [
        average
        for type, average in types.items()
        if type not in BY_TYPE or BY_TYPE[type].in_average
    ]
    counted = counted or list(types.values())
    shared = [by_key[key] for key in common]
    seconds = sum(result.encode_seconds for result in shared)
    dims = sorted({result.dim for result in own if result.score is not None and result.dim})
    return ModelSummary(
        model=model,
        average=_mean_of([(a.score, a.replicates) for a in counted]) if counted else None,
        types=types,
        texts_per_second=sum(r.n_texts for r in shared) / seconds if seconds > 0 else None,
        n_bytes=next((result.n_bytes for result in own if result.n_bytes), None),
        dim="–".join(str(dim) for dim in dict.fromkeys((dims[0], dims[-1]))) if dims else "",
        n_failed=sum(result.score is None for result in own),
    )


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
