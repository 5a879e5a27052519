"""Classification of embedded texts by a logistic regression."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score, f1_score

from skm2v.evaluation._metrics import Floats
from skm2v.evaluation._resampling import bootstrap_two_way
from skm2v.evaluation._task import Encode, Example, Outcome, Task, clip_text, worst_rows

SEED = 42


@dataclass(frozen=True)
class _Classification(Task):
    train_texts: list[str]
    train_labels: list[str]
    test_texts: list[str]
    test_labels: list[str]
    split: str = "given"

    metric: ClassVar[str] = "accuracy"

    def fit_texts(self) -> list[str]:
        return list(dict.fromkeys(self.train_texts))

    def _draws(self) -> list[NDArray[np.int64]]:
        """Row numbers of the training texts of each experiment."""
        raise NotImplementedError

    def _max_iter(self) -> int:
        raise NotImplementedError

    def _run(self, encode: Encode, n_worst: int, protocol: dict[str, Any]) -> Outcome:
        draws = self._draws()
        used = np.unique(np.concatenate(draws))
        train = encode([self.train_texts[row] for row in used])
        test = encode(self.test_texts)
        train_labels, gold = np.array(self.train_labels), np.array(self.test_labels)
        correct = np.empty((len(draws), len(gold)), dtype=np.float64)
        scores: list[tuple[float, float]] = []
        votes: list[Counter[str]] = [Counter() for _ in gold]
        confidence = np.zeros(len(gold))
        for draw, rows in enumerate(draws):
            places = np.searchsorted(used, rows)
            predicted, certainty = _fit_predict(
                train[places], train_labels[rows], test, self._max_iter()
            )
            wrong = predicted != gold
            correct[draw] = ~wrong
            confidence += certainty * wrong
            for row in np.flatnonzero(wrong):
                votes[row][str(predicted[row])] += 1
            with warnings.catch_warnings():
                # A label of the training split that the test split lacks may be predicted.
                warnings.simplefilter("ignore", UserWarning)
                scores.append(
                    (
                        float(f1_score(gold, predicted, average="macro", zero_division=0)),
                        float(balanced_accuracy_score(gold, predicted)),
                    )
                )
        f1, balanced = np.mean(scores, axis=0)
        return Outcome(
            score=float(correct.mean()),
            replicates=bootstrap_two_way(correct),
            n_items=len(gold),
            metrics={"f1_macro": float(f1), "balanced_accuracy": float(balanced)},
            protocol={"classes": len(set(self.train_labels)), "split": self.split, **protocol},
            worst=self._worst(confidence, correct, votes, n_worst),
        )

    def _worst(
        self, confidence: Floats, correct: Floats, votes: list[Counter[str]], n_worst: int
    ) -> list[Example]:
        examples = []
        for row in worst_rows(confidence, n_worst):
            label, times = votes[row].most_common(1)[0]
            example = {
                "text": clip_text(self.test_texts[row]),
                "expected": self.test_labels[row],
                "predicted": label,
            }
            if len(correct) > 1:
                example["how often"] = f"{times} of {len(correct)} draws"
            examples.append(example)
        return examples


@dataclass(frozen=True)
class FewShotClassification(_Classification):
    """Classification from a few samples per label, with MTEB's protocol.

    Each of `n_experiments` experiments draws `samples_per_label` training texts per label and
    fits ``LogisticRegression(max_iter=100, random_state=42)``; the score is the mean accuracy on
    the test split. MTEB shuffles the row numbers with a generator that is seeded anew for each
    experiment but goes on from the order that the previous experiment left, and so do we.

    Parameters
    ----------
    name : str
        Name of the data.
    train_texts, test_texts : list of str
        Texts of the two splits.
    train_labels, test_labels : list of str
        Their labels.
    split : str, default="given"
        Where the two splits come from, for the report.
    samples_per_label : int, default=8
        Training texts per label.
    n_experiments : int, default=10
        Number of draws.
    """

    samples_per_label: int = 8
    n_experiments: int = 10

    type: ClassVar[str] = "classification"
    version: ClassVar[int] = 1

    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model; see `Task.run`."""
        facts = {"samples_per_label": self.samples_per_label, "draws": self.n_experiments}
        return self._run(encode, n_worst, facts)

    def _max_iter(self) -> int:
        return 100

    def _draws(self) -> list[NDArray[np.int64]]:
        order = list(range(len(self.train_labels)))
        draws = []
        for _ in range(self.n_experiments):
            np.random.RandomState(SEED).shuffle(order)
            taken: Counter[str] = Counter()
            rows = []
            for row in order:
                label = self.train_labels[row]
                if taken[label] < self.samples_per_label:
                    taken[label] += 1
                    rows.append(row)
            draws.append(np.array(rows, dtype=np.int64))
        return draws


@dataclass(frozen=True)
class FullClassification(_Classification):
    """Classification from the whole training split: ``LogisticRegression(max_iter=1000)``.

    The figure to compare with published full-data results, and with what a product would do.
    """

    type: ClassVar[str] = "classification-full"
    version: ClassVar[int] = 1

    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model; see `Task.run`."""
        return self._run(encode, n_worst, {"train_texts": len(self.train_texts)})

    def _max_iter(self) -> int:
        return 1000

    def _draws(self) -> list[NDArray[np.int64]]:
        return [np.arange(len(self.train_texts))]


def _fit_predict(
    train: Any, labels: NDArray[Any], test: Any, max_iter: int
) -> tuple[NDArray[Any], Floats]:
    """Predicted labels of the test rows and the probability given to each."""
    # Imported late: `sklearn.linear_model` is slow to import and most tasks do not need it.
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(max_iter=max_iter, random_state=SEED)
    with warnings.catch_warnings():
        # The protocol fixes the number of iterations, so stopping early is part of it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(train, labels)
    predicted = classifier.predict(test)
    probabilities = classifier.predict_proba(test)
    return predicted, probabilities.max(axis=1).astype(np.float64)
