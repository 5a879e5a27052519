"""Classifiers of texts under test: fitted ones as they are, others trained on each task."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from skm2v._checks import some
from skm2v.evaluation._classification import FewShotClassification, FullClassification
from skm2v.evaluation._encoders import Model, Usage, is_fitted
from skm2v.evaluation._errors import ModelSpecError
from skm2v.evaluation._metrics import Floats
from skm2v.evaluation._task import Outcome, Task
from skm2v.exceptions import TextWarning

__all__ = ["TextClassifier", "is_text_classifier"]


def is_text_classifier(model: Any) -> bool:
    """Whether a model is a classifier: an estimator, or a pipeline that ends with one.

    What is no estimator of scikit-learn is one if it predicts and does not embed.
    """
    from sklearn.base import is_classifier

    if not callable(getattr(model, "predict", None)):
        return False
    if hasattr(model, "__sklearn_tags__"):
        return bool(is_classifier(model))
    return not any(hasattr(model, name) for name in ("encode", "transform"))


class TextClassifier(Model):
    """A named classifier of texts.

    One that is not fitted is cloned and trained on each task's training texts; one that is fitted
    is scored as it is, on the tasks where all training data may be used. Its labels are compared as
    strings: those of a file are.

    Parameters
    ----------
    name : str
        Name shown in results.
    model : estimator
        A scikit-learn classifier of texts, or a pipeline that ends with one.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> from skm2v.evaluation import FullClassification, TextClassifier, run_task
    >>> model = TextClassifier("words", make_pipeline(TfidfVectorizer(), LinearSVC()))
    >>> train = ["a cat", "two cats", "a dog", "two dogs"], ["cat", "cat", "dog", "dog"]
    >>> task = FullClassification("pets", *train, ["one cat", "the dog"], ["cat", "dog"])
    >>> run_task(model, task).score
    1.0
    """

    def __init__(self, name: str, model: Any) -> None:
        super().__init__(name, model)
        self._is_fitted = is_fitted(model)

    def takes(self, task: Task) -> bool:
        """Whether a task is one that the classifier can do.

        Parameters
        ----------
        task : Task
            The task.

        Returns
        -------
        bool
            True for classification.
        """
        if isinstance(task, (FewShotClassification, FullClassification)):
            return task.takes_fitted or not self._is_fitted
        return False

    def run(
        self, task: Task, n_worst: int = 5, progress: Callable[[int], None] | None = None
    ) -> tuple[Outcome, Usage]:
        """Score the classifier on a task.

        Parameters
        ----------
        task : Task
            A task that it takes.
        n_worst : int, default=5
            Worst errors to keep.
        progress : callable or None, default=None
            Called with the number of texts classified so far.

        Returns
        -------
        outcome : Outcome
            Score, replicates and worst errors.
        usage : Usage
            What it cost.

        Raises
        ------
        ModelSpecError
            If it predicts labels that the task does not have at all.
        """
        if not isinstance(task, (FewShotClassification, FullClassification)):
            raise ModelSpecError(f"{self.name!r} is a classifier and cannot do a {task.type} task.")
        usage = Usage()

        def fit_predict(
            train_texts: list[str], train_labels: list[str], texts: list[str]
        ) -> tuple[NDArray[Any], Floats]:
            model = self.model
            with warnings.catch_warnings():
                # Long texts are cut on purpose, and some labels of a draw may have few texts.
                for ignored in (TextWarning, ConvergenceWarning, UserWarning):
                    warnings.simplefilter("ignore", ignored)
                if not self._is_fitted:
                    from sklearn.base import clone

                    model = clone(model).fit(train_texts, train_labels)
                model.predict(texts[:1])  # what is made once, such as a table, is no speed
                began = time.perf_counter()
                predicted = np.asarray(model.predict(texts)).astype(str)
                usage.seconds += time.perf_counter() - began
                certainty = _certainty(model, texts)
            usage.n_texts += len(texts)
            usage.n_characters += sum(map(len, texts))
            if progress is not None:
                progress(usage.n_texts)
            self._compare(predicted, {*train_labels, *task.test_labels})
            return predicted, certainty

        outcome = task.run_classifier(fit_predict, n_worst)
        if self._is_fitted:
            outcome.protocol["fitted_before"] = True  # perhaps to texts of this very file
        return outcome, usage

    def _compare(self, predicted: NDArray[Any], labels: set[str]) -> None:
        found = set(predicted.tolist())
        if not found & labels:
            raise ModelSpecError(
                f"Classifier {self.name!r} predicts {some(sorted(found))}, but the labels of the "
                f"data are {some(sorted(labels))}. Train it on these, or rename those of the data."
            )


def _certainty(model: Any, texts: list[str]) -> Floats:
    """How sure a classifier is of each text, to rank its errors; 1 where it does not say."""
    if hasattr(model, "predict_proba"):
        values: Floats = np.asarray(model.predict_proba(texts), dtype=np.float64)
    elif hasattr(model, "decision_function"):
        values = np.asarray(model.decision_function(texts), dtype=np.float64)
    else:
        values = np.ones(len(texts))
    return np.asarray(values.max(axis=1) if values.ndim == 2 else np.abs(values))
