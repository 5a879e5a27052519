"""Classification of embedded texts by a logistic regression."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score, f1_score

from skm2v.evaluation._metrics import Floats
from skm2v.evaluation._resampling import bootstrap_two_way
from skm2v.evaluation._table_reader import TableReader
from skm2v.evaluation._task import Encode, Example, Outcome, Task, clip_text, worst_rows

__all__ = ["FewShotClassification", "FitPredict", "FullClassification"]

SEED = 42
# Of the regularisation, from scikit-learn's default up in steps that a tenth of a percent can tell.
STRENGTHS = (1.0, 10.0, 100.0)
# Rows that the strength is chosen on: more would rank the values no better.
MAX_ROWS = 5000


class FitPredict(Protocol):
    """A classifier under test as a task sees it."""

    def __call__(
        self, train_texts: list[str], train_labels: list[str], texts: list[str]
    ) -> tuple[NDArray[Any], Floats]:
        """Return labels of texts as str, and how sure the classifier is of each.

        A classifier that was fitted before makes no use of what it could be trained on.
        """
        ...


@dataclass(frozen=True)
class _Classification(Task):
    train_texts: list[str]
    train_labels: list[str]
    test_texts: list[str]
    test_labels: list[str]
    split: str = "given"

    metric: ClassVar[str] = "accuracy"
    use: ClassVar[str] = "classes"
    roles: ClassVar[tuple[str, ...]] = ("text", "label")
    by_columns: ClassVar[bool] = True
    folders: ClassVar[tuple[str, ...]] = (
        *("classification", "intent", "sentiment", "spam", "topic"),
    )
    # Whether a classifier that was trained on something else can be scored.
    takes_fitted: ClassVar[bool] = False

    def fit_texts(self) -> list[str]:
        """The training texts, once each; see `Task.fit_texts`.

        Returns
        -------
        texts : list of str
            Texts of the training split.
        """
        return list(dict.fromkeys(self.train_texts))

    @classmethod
    def of_table(cls, name: str, reader: TableReader) -> _Classification:
        """Make a task from a table, split here if it has no splits; see `Task.of_table`.

        Parameters
        ----------
        name : str
            Name of the data.
        reader : TableReader
            Reads the columns of the table.

        Returns
        -------
        task : Task
            The task.
        """
        text, label = reader.column("text"), reader.column("label")
        train, test, how = reader.train_and_test(label)
        task = cls(
            name=name,
            train_texts=train.texts(text),
            train_labels=train.labels(label),
            test_texts=test.texts(text),
            test_labels=test.labels(label),
            split=how,
        )
        reader.need_two_classes(label, task.train_labels, "training")
        return task

    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model by what a logistic regression makes of its vectors.

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
        draws = self._draws()
        used = np.unique(np.concatenate(draws))
        train, test = encode([self.train_texts[row] for row in used]), encode(self.test_texts)
        labels = np.array(self.train_labels)

        def predict(rows: NDArray[np.int64]) -> tuple[NDArray[Any], Floats]:
            head = self._head(train[np.searchsorted(used, rows)], labels[rows])
            return head.predict(test), head.predict_proba(test).max(axis=1).astype(np.float64)

        return self._score(draws, predict, n_worst)

    def run_classifier(self, fit_predict: FitPredict, n_worst: int = 5) -> Outcome:
        """Score a classifier of texts.

        Parameters
        ----------
        fit_predict : FitPredict
            The classifier under test.
        n_worst : int, default=5
            How many of the worst errors to collect.

        Returns
        -------
        Outcome
            Score, replicates and worst errors.
        """

        def predict(rows: NDArray[np.int64]) -> tuple[NDArray[Any], Floats]:
            texts = [self.train_texts[row] for row in rows]
            return fit_predict(texts, [self.train_labels[row] for row in rows], self.test_texts)

        return self._score(self._draws(), predict, n_worst)

    def _draws(self) -> list[NDArray[np.int64]]:
        """Row numbers of the training texts of each experiment."""
        raise NotImplementedError

    def _head(self, vectors: Any, labels: NDArray[Any]) -> Any:
        """Fitted classifier of vectors."""
        raise NotImplementedError

    def _facts(self) -> dict[str, Any]:
        """Facts of the protocol beside those of all classifications."""
        raise NotImplementedError

    def _score(
        self,
        draws: list[NDArray[np.int64]],
        predict: Callable[[NDArray[np.int64]], tuple[NDArray[Any], Floats]],
        n_worst: int,
    ) -> Outcome:
        gold = np.array(self.test_labels)
        correct = np.empty((len(draws), len(gold)), dtype=np.float64)
        scores: list[tuple[float, float]] = []
        votes: list[Counter[str]] = [Counter() for _ in gold]
        confidence = np.zeros(len(gold))
        for draw, rows in enumerate(draws):
            predicted, certainty = predict(rows)
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
        classes = len(set(self.train_labels))
        return Outcome(
            score=float(correct.mean()),
            replicates=bootstrap_two_way(correct),
            n_items=len(gold),
            metrics={"f1_macro": float(f1), "balanced_accuracy": float(balanced)},
            protocol={"classes": classes, "split": self.split, **self._facts()},
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
    train_texts, train_labels : list of str
        The training split.
    test_texts, test_labels : list of str
        The test split.
    split : str, default="given"
        Where the two splits come from, for the report.
    samples_per_label : int, default=8
        Training texts per label.
    n_experiments : int, default=10
        Number of draws.

    Examples
    --------
    >>> from skm2v.evaluation import FewShotClassification, evaluate
    >>> train = ["a cat", "two cats", "a dog", "two dogs"], ["cat", "cat", "dog", "dog"]
    >>> test = ["one cat", "the dog"], ["cat", "dog"]
    >>> task = FewShotClassification("pets", *train, *test, samples_per_label=1)
    >>> evaluate("tfidf", task).results[0].metric
    'accuracy'
    """

    samples_per_label: int = 8
    n_experiments: int = 10

    type: ClassVar[str] = "classification"
    title: ClassVar[str] = "Classification, few-shot"
    measure: ClassVar[str] = "mean accuracy over 10 draws of 8 samples per label, as in MTEB"
    version: ClassVar[int] = 1

    def _facts(self) -> dict[str, Any]:
        return {"samples_per_label": self.samples_per_label, "draws": self.n_experiments}

    def _head(self, vectors: Any, labels: NDArray[Any]) -> Any:
        return _logistic_regression(vectors, labels, C=1.0, max_iter=100)

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
    """Classification from the whole training split.

    The figure to compare with published full-data results, and with what a product would do: a
    logistic regression on the vectors, whose strength of regularisation is chosen among
    `STRENGTHS` on a fifth of the training texts. Vectors of unit length want less of it than
    scikit-learn's default gives.

    Parameters
    ----------
    name : str
        Name of the data.
    train_texts, train_labels : list of str
        The training split.
    test_texts, test_labels : list of str
        The test split.
    split : str, default="given"
        Where the two splits come from, for the report.

    Examples
    --------
    >>> from skm2v.evaluation import FullClassification, evaluate
    >>> train = ["a cat", "two cats", "a dog", "two dogs"], ["cat", "cat", "dog", "dog"]
    >>> task = FullClassification("pets", *train, ["one cat", "the dog"], ["cat", "dog"])
    >>> evaluate("tfidf", task).results[0].score
    1.0
    """

    type: ClassVar[str] = "classification-full"
    title: ClassVar[str] = "Classification, full training data"
    measure: ClassVar[str] = (
        "accuracy after training on the whole training split; on vectors, of a logistic "
        "regression whose strength is chosen there"
    )
    version: ClassVar[int] = 2
    takes_fitted: ClassVar[bool] = True

    def _facts(self) -> dict[str, Any]:
        return {"train_texts": len(self.train_texts)}

    def _draws(self) -> list[NDArray[np.int64]]:
        return [np.arange(len(self.train_texts))]

    def _head(self, vectors: Any, labels: NDArray[Any]) -> Any:
        return _logistic_regression(vectors, labels, C=_choose_strength(vectors, labels))


def _choose_strength(vectors: Any, labels: NDArray[Any]) -> float:
    """Value of C that is best on a fifth of the rows, of which there are at most `MAX_ROWS`."""
    from sklearn.model_selection import train_test_split

    counts = Counter(labels.tolist())
    rows = np.flatnonzero([counts[label] > 1 for label in labels.tolist()])
    if len(rows) < 5 * len(counts):
        return STRENGTHS[0]
    if len(rows) > MAX_ROWS:
        rows = np.sort(np.random.RandomState(SEED).choice(rows, MAX_ROWS, replace=False))
    fitted, held = train_test_split(rows, test_size=0.2, random_state=SEED)
    if len(set(labels[fitted])) < 2:
        return STRENGTHS[0]
    heads = [_logistic_regression(vectors[fitted], labels[fitted], C=C) for C in STRENGTHS]
    accuracies = [head.score(vectors[held], labels[held]) for head in heads]
    return STRENGTHS[int(np.argmax(accuracies))]


def _logistic_regression(vectors: Any, labels: NDArray[Any], C: float, max_iter: int = 1000) -> Any:
    # Imported late: `sklearn.linear_model` is slow to import and most tasks do not need it.
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(C=C, max_iter=max_iter, random_state=SEED)
    with warnings.catch_warnings():
        # The protocol fixes the number of iterations, so stopping early is part of it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(vectors, labels)
