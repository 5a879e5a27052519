"""Searchers under test: what ranks documents by itself, not by vectors alone."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.base import clone

from skm2v._search.searcher import TextSearcher
from skm2v.evaluation._encoders import Model, Usage
from skm2v.evaluation._retrieval import Retrieval
from skm2v.evaluation._task import Outcome, Task
from skm2v.exceptions import TextWarning

__all__ = ["SearchModel", "fused_search", "stemmed_bm25"]


class SearchModel(Model):
    """A searcher, which is fitted to the documents of each task.

    Parameters
    ----------
    name : str
        Name shown in results.
    model : TextSearcher
    """

    model: TextSearcher

    @property
    def n_bytes(self) -> int | None:
        """None: what is fitted on every task has no size of its own."""
        return None

    def takes(self, task: Task) -> bool:
        """Whether it is a search of a corpus."""
        return isinstance(task, Retrieval)

    def run(
        self, task: Task, n_worst: int = 5, progress: Callable[[int], None] | None = None
    ) -> tuple[Outcome, Usage]:
        """Score the searcher on a task; see `Model.run`.

        Documents of which a ranking has none, as they have nothing in common with the query, count
        as not found.
        """
        assert isinstance(task, Retrieval)
        texts = set(task.documents) | set(task.queries)
        start = time.perf_counter()
        with warnings.catch_warnings():  # of a cut text words count all the same
            warnings.simplefilter("ignore", TextWarning)
            searcher = clone(self.model).fit(task.documents)
            result = searcher.search(task.queries, min(task.depth, len(task.documents)))
        seconds = time.perf_counter() - start
        if progress is not None:
            progress(len(texts))
        ranked = np.full((len(task.queries), min(task.depth, len(task.documents))), -1)
        ranked[result.query, result.rank - 1] = result.position
        usage = Usage(
            n_texts=len(texts),
            n_characters=sum(map(len, texts)),
            seconds=seconds,
            dim=int(searcher.fit_report_["n_components"]),
        )
        return task.outcome(ranked, n_worst), usage


def fused_search() -> SearchModel:
    """Return the search by words and meaning together."""
    model = SearchModel("search", TextSearcher())
    model.summary = "static vectors and BM25 of stems together"
    return model


def stemmed_bm25() -> SearchModel:
    """Return the search by words alone, whose forms count as one."""
    model = SearchModel("bm25-stems", TextSearcher(lexical_weight=1))
    model.summary = "BM25 of stems"
    return model
