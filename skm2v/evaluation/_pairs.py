"""Tasks over pairs of texts: similarity, paraphrase, and word similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.stats
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.metrics.pairwise import paired_euclidean_distances, paired_manhattan_distances

from skm2v.evaluation._errors import TaskDataError
from skm2v.evaluation._metrics import (
    Floats,
    Matrix,
    average_precision_counts,
    best_accuracy,
    best_f1,
    is_sparse,
    paired_cosine,
    spearman,
    spearman_counts,
)
from skm2v.evaluation._resampling import bootstrap
from skm2v.evaluation._table_reader import TableReader
from skm2v.evaluation._task import Encode, Example, Outcome, Task, clip_text, worst_rows

__all__ = ["STS", "PairClassification", "WordSimilarity", "worst_pairs"]


@dataclass(frozen=True)
class STS(Task):
    """Semantic textual similarity: Spearman's correlation of the cosine with graded judgements.

    Parameters
    ----------
    name : str
        Name of the data.
    texts1, texts2 : list of str
        The two sides of the pairs.
    scores : list of float
        Judged similarity of each pair, on any scale.

    Examples
    --------
    >>> from skm2v.evaluation import STS, evaluate
    >>> task = STS("pets", ["a cat", "a dog", "a car"], ["the cat", "my cat", "my cat"], [5, 3, 0])
    >>> evaluate("tfidf", task).results[0].metric
    'spearman'
    """

    texts1: list[str]
    texts2: list[str]
    scores: list[float]

    type: ClassVar[str] = "sts"
    title: ClassVar[str] = "Semantic similarity"
    measure: ClassVar[str] = "Spearman correlation of the cosine with human judgements"
    roles: ClassVar[tuple[str, ...]] = ("text1", "text2", "score")
    by_columns: ClassVar[bool] = True
    folders: ClassVar[tuple[str, ...]] = ("sts",)
    metric: ClassVar[str] = "spearman"
    version: ClassVar[int] = 1

    @classmethod
    def of_table(cls, name: str, reader: TableReader) -> STS:
        """Make a task from the test split of a table; see `Task.of_table`.

        Parameters
        ----------
        name : str
            Name of the data.
        reader : TableReader
            Reads the columns of the table.

        Returns
        -------
        task : STS
            The task.
        """
        first, second, score = map(reader.column, ("text1", "text2", "score"))
        table = reader.test()
        scores = table.numbers(score)
        if min(scores) == max(scores):
            raise TaskDataError(
                f"{reader.table.source}: column {score!r} holds one value ({scores[0]:g}) in all "
                f"{len(scores)} rows. A correlation needs graded scores."
            )
        return cls(name, table.texts(first), table.texts(second), scores)

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
        gold = np.array(self.scores, dtype=np.float64)
        pearson = (
            0.0 if np.ptp(cosine) == 0 else float(scipy.stats.pearsonr(gold, cosine).statistic)
        )
        return Outcome(
            score=spearman(gold, cosine),
            replicates=bootstrap(lambda counts: spearman_counts(gold, cosine, counts), len(gold)),
            n_items=len(gold),
            metrics={"pearson": pearson},
            worst=self._worst(gold, cosine, n_worst),
        )

    def _worst(self, gold: Floats, cosine: Floats, n_worst: int) -> list[Example]:
        gold_rank = scipy.stats.rankdata(gold) / len(gold)
        rank = scipy.stats.rankdata(cosine) / len(gold)
        return [
            {
                "text 1": clip_text(self.texts1[row]),
                "text 2": clip_text(self.texts2[row]),
                "judged": f"{gold[row]:g} (above {100 * gold_rank[row]:.0f} % of the pairs)",
                "cosine": f"{cosine[row]:.3f} (above {100 * rank[row]:.0f} % of the pairs)",
            }
            for row in worst_rows(np.abs(rank - gold_rank), n_worst)
        ]


@dataclass(frozen=True)
class WordSimilarity(STS):
    """Similarity of single words: the protocol of `STS` on word pairs.

    Parameters
    ----------
    name : str
        Name of the data.
    texts1, texts2 : list of str
        Words.
    scores : list of float
        Judged similarity of each pair, on any scale.

    Examples
    --------
    >>> from skm2v.evaluation import WordSimilarity, evaluate
    >>> task = WordSimilarity("words", ["cat", "car", "sun"], ["cats", "bus", "law"], [5, 4, 0])
    >>> evaluate("default", task).results[0].score
    1.0
    """

    type: ClassVar[str] = "word-similarity"
    title: ClassVar[str] = "Word similarity"
    by_columns: ClassVar[bool] = False
    folders: ClassVar[tuple[str, ...]] = ("wordsim", "word-similarity")
    version: ClassVar[int] = 1


@dataclass(frozen=True)
class PairClassification(Task):
    """Do two texts mean the same? Average precision of the cosine, and its best threshold.

    `max_ap`, which MTEB's tables show, is the best of four average precisions: cosine, dot product,
    Euclidean and Manhattan distance. It is reported beside the main score.

    Parameters
    ----------
    name : str
        Name of the data.
    texts1, texts2 : list of str
        The two sides of the pairs.
    labels : list of int
        1 for a match, 0 for none.

    Examples
    --------
    >>> from skm2v.evaluation import PairClassification, evaluate
    >>> task = PairClassification("pets", ["a cat", "a dog"], ["the cat", "a red car"], [1, 0])
    >>> evaluate("tfidf", task).results[0].score
    1.0
    """

    texts1: list[str]
    texts2: list[str]
    labels: list[int]

    type: ClassVar[str] = "pair-classification"
    title: ClassVar[str] = "Pair classification"
    measure: ClassVar[str] = "average precision of the cosine"
    roles: ClassVar[tuple[str, ...]] = ("text1", "text2", "label")
    by_columns: ClassVar[bool] = True
    folders: ClassVar[tuple[str, ...]] = ("pairs", "pair-classification")
    metric: ClassVar[str] = "ap"
    version: ClassVar[int] = 1

    @classmethod
    def of_table(cls, name: str, reader: TableReader) -> PairClassification:
        """Make a task from the test split of a table; see `Task.of_table`.

        Parameters
        ----------
        name : str
            Name of the data.
        reader : TableReader
            Reads the columns of the table.

        Returns
        -------
        task : PairClassification
            The task.
        """
        return cls(name, *reader.labelled_pairs(reader.test()))

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
        first, second = encode(self.texts1), encode(self.texts2)
        cosine = paired_cosine(first, second)
        matches = np.array(self.labels) == 1
        ap = float(average_precision_score(matches, cosine))
        threshold = best_f1(matches, cosine)
        return Outcome(
            score=ap,
            replicates=bootstrap(
                lambda counts: average_precision_counts(matches, cosine, counts), len(matches)
            ),
            n_items=len(matches),
            metrics={
                "max_ap": max(ap, *_other_aps(matches, first, second)),
                "roc_auc": float(roc_auc_score(matches, cosine)),
                **threshold,
                **best_accuracy(matches, cosine),
            },
            protocol={"share_of_matches": float(matches.mean())},
            worst=worst_pairs(
                self.texts1, self.texts2, matches, cosine, threshold["threshold"], n_worst
            ),
        )


def _other_aps(matches: NDArray[np.bool_], first: Matrix, second: Matrix) -> list[float]:
    """Average precision of the dot product and of the Euclidean and Manhattan distances."""
    if is_sparse(first):
        dot = np.asarray(first.multiply(second).sum(axis=1)).ravel()
    else:
        dot = np.einsum("ij,ij->i", first, second)
    similarities = (
        dot,
        -paired_euclidean_distances(first, second),
        -paired_manhattan_distances(first, second),
    )
    return [float(average_precision_score(matches, values)) for values in similarities]


def worst_pairs(
    texts1: list[str],
    texts2: list[str],
    matches: NDArray[np.bool_],
    cosine: Floats,
    threshold: float,
    n_worst: int,
) -> list[Example]:
    """Pairs farthest on the wrong side of a threshold."""
    badness = np.where(matches, threshold - cosine, cosine - threshold)
    return [
        {
            "text 1": clip_text(texts1[row]),
            "text 2": clip_text(texts2[row]),
            "expected": "match" if matches[row] else "no match",
            "cosine": f"{cosine[row]:.3f} (threshold {threshold:.3f})",
        }
        for row in worst_rows(badness, n_worst)
    ]
