"""Finding duplicate records: from scored pairs to groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import average_precision_score
from sklearn.metrics.cluster import pair_confusion_matrix

from skm2v.evaluation._metrics import average_precision_counts, best_f1, paired_cosine
from skm2v.evaluation._pairs import worst_pairs
from skm2v.evaluation._resampling import bootstrap
from skm2v.evaluation._table_reader import TableReader
from skm2v.evaluation._task import Encode, Outcome, Task

__all__ = ["Deduplication", "group_f1", "group_records"]


@dataclass(frozen=True)
class Deduplication(Task):
    """Which candidate pairs are the same thing, and which groups follow from them.

    The main score is the average precision of the cosine over the labelled test pairs. For the
    group F1, the threshold with the best F1 on the tuning pairs turns test pairs into edges,
    connected components into groups, and every two records are compared: in one group, and truly
    so?

    Parameters
    ----------
    name : str
        Name of the data.
    texts1, texts2 : list of str
        The two sides of the test pairs.
    labels : list of int
        1 for the same thing, 0 for different things.
    tune_texts1, tune_texts2 : list of str
        Pairs that the threshold is chosen on; where there are none, the test pairs, and the result
        says so.
    tune_labels : list of int
        Their labels.

    Examples
    --------
    >>> from skm2v.evaluation import Deduplication, evaluate
    >>> tune = ["old map", "old map"], ["an old map", "new shoe"], [1, 0]
    >>> test = ["red car", "red car"], ["a red car", "blue hat"], [1, 0]
    >>> evaluate("tfidf", Deduplication("products", *test, *tune)).results[0].score
    0.5
    """

    texts1: list[str]
    texts2: list[str]
    labels: list[int]
    tune_texts1: list[str]
    tune_texts2: list[str]
    tune_labels: list[int]

    type: ClassVar[str] = "deduplication"
    title: ClassVar[str] = "Deduplication"
    measure: ClassVar[str] = "average precision of the cosine over candidate pairs"
    roles: ClassVar[tuple[str, ...]] = ("text1", "text2", "label")
    folders: ClassVar[tuple[str, ...]] = ("dedup", "deduplication")
    metric: ClassVar[str] = "ap"
    version: ClassVar[int] = 1

    @classmethod
    def of_table(cls, name: str, reader: TableReader) -> Deduplication:
        """Make a task from a table; see `Task.of_table`.

        Parameters
        ----------
        name : str
            Name of the data.
        reader : TableReader
            Reads the columns of the table.

        Returns
        -------
        task : Deduplication
            The task.
        """
        tuning = reader.tuning()
        tuned = ([], [], []) if tuning is None else reader.labelled_pairs(tuning)
        return cls(name, *reader.labelled_pairs(reader.test()), *tuned)

    def fit_texts(self) -> list[str]:
        """Return texts of the tuning pairs, or else of the test pairs; see `Task.fit_texts`.

        Returns
        -------
        texts : list of str
            Texts of one side and the other.
        """
        tuning = self.tune_texts1 + self.tune_texts2
        return list(dict.fromkeys(tuning or self.texts1 + self.texts2))

    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model; see `Task.run`.

        Parameters
        ----------
        encode : Encode
            The model under test.
        n_worst : int, default=5
            How many of the worst errors to collect.

        Returns
        -------
        Outcome
            Score, replicates and worst errors.
        """
        cosine = paired_cosine(encode(self.texts1), encode(self.texts2))
        matches = np.array(self.labels) == 1
        if self.tune_labels:
            tuning = paired_cosine(encode(self.tune_texts1), encode(self.tune_texts2))
            threshold = best_f1(np.array(self.tune_labels) == 1, tuning)["threshold"]
        else:
            threshold = best_f1(matches, cosine)["threshold"]
        edges = cosine >= threshold
        found = int((edges & matches).sum())
        records = {text: i for i, text in enumerate(dict.fromkeys(self.texts1 + self.texts2))}
        left = np.array([records[text] for text in self.texts1])
        right = np.array([records[text] for text in self.texts2])
        truth = group_records(left[matches], right[matches], len(records))
        groups = group_records(left[edges], right[edges], len(records))
        return Outcome(
            score=float(average_precision_score(matches, cosine)),
            replicates=bootstrap(
                lambda counts: average_precision_counts(matches, cosine, counts), len(matches)
            ),
            n_items=len(matches),
            metrics={
                "pair_f1": 2 * found / max(1, int(edges.sum()) + int(matches.sum())),
                **group_f1(truth, groups),
                "threshold": threshold,
            },
            protocol={
                "share_of_matches": float(matches.mean()),
                "threshold_from": "tuning pairs" if self.tune_labels else "test pairs",
            },
            worst=worst_pairs(self.texts1, self.texts2, matches, cosine, threshold, n_worst),
        )


def group_records(
    left: NDArray[np.int64], right: NDArray[np.int64], n_records: int
) -> NDArray[np.int32]:
    """Group number of every record, given the pairs that belong together."""
    edges = scipy.sparse.coo_matrix(
        (np.ones(len(left), dtype=np.int8), (left, right)), shape=(n_records, n_records)
    )
    return np.asarray(connected_components(edges, directed=False)[1])


def group_f1(truth: NDArray[np.int32], groups: NDArray[np.int32]) -> dict[str, float]:
    """Precision, recall and F1 over all pairs of records that share a group.

    Returns
    -------
    dict
        ``group_f1``, ``group_precision`` and ``group_recall``; zeros where no two records share a
        group.
    """
    (_, false_pairs), (missed, found) = pair_confusion_matrix(truth, groups)
    return {
        "group_f1": float(2 * found / max(1, 2 * found + false_pairs + missed)),
        "group_precision": float(found / max(1, found + false_pairs)),
        "group_recall": float(found / max(1, found + missed)),
    }
