"""What is asked of classifiers of texts only: classes, predictions and probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest import SkipTest

import numpy as np
import numpy.typing as npt
from sklearn.utils import get_tags

from skm2v._text_checks.common import assert_fit_signature, assert_text_tags
from skm2v._text_checks.lifetime import assert_changes_nothing
from skm2v._text_checks.tools import (
    INDICATOR,
    LABELS,
    TEXTS,
    answers,
    assert_refused,
    assert_same_answers,
    fitted,
    last_step,
    learnable,
    quiet,
    targets,
)


def check_text_tags(name: str, estimator: Any, *, atol: float) -> None:
    """The tags say that it classifies, and that the input is a 1-D column of strings."""
    tags = get_tags(estimator)
    assert tags.estimator_type == "classifier", (
        f"estimator_type is {tags.estimator_type!r}. Inherit from sklearn.base.ClassifierMixin."
    )
    assert tags.classifier_tags is not None, (
        "classifier_tags is None. Start __sklearn_tags__ from super().__sklearn_tags__()."
    )
    learner, _ = last_step(estimator)
    assert get_tags(learner).target_tags.required, "target_tags.required is False; set it to True."
    assert_text_tags(estimator)


def check_text_fit_signature(name: str, estimator: Any, *, atol: float) -> None:
    """`fit` takes `y` next to the texts, and returns the estimator."""
    assert_fit_signature(estimator, ("fit",))


# --- Classes and predictions ----------------------------------------------------------------------


def _kinds_of_labels() -> Iterator[tuple[str, Any]]:
    names = ["spam" if label else "ham" for label in LABELS]
    yield "a list of str", names
    yield "an array of str", np.array(names)
    yield "an array of objects", np.array(names, dtype=object)
    yield "a list of int", LABELS
    yield "an array of int, some negative", np.where(LABELS, 7, -1)
    yield "an array of bool", np.array(LABELS, dtype=bool)


def check_text_classes(name: str, estimator: Any, *, atol: float) -> None:
    """`classes_` holds the distinct labels, sorted and of the dtype that they have."""
    for what, y in (*_kinds_of_labels(), *targets(estimator)):
        classifier = fitted(estimator, TEXTS, y)
        assert hasattr(classifier, "classes_"), (
            "fit sets no classes_. Use classes_, codes = np.unique(y, return_inverse=True)."
        )
        classes, wanted = classifier.classes_, np.unique(y)
        assert isinstance(classes, np.ndarray), (
            f"classes_ must be an array; it is {type(classes).__name__}."
        )
        assert classes.tolist() == wanted.tolist(), (
            f"After fit on {what}, classes_ is {classes.tolist()} instead of {wanted.tolist()}: the"
            " distinct labels, sorted."
        )
        # Strings in an array of objects may become an array of strings.
        assert classes.dtype == wanted.dtype or wanted.dtype == object, (
            f"After fit on {what} of dtype {wanted.dtype}, classes_ is of dtype {classes.dtype}."
        )


def check_text_predict(name: str, estimator: Any, *, atol: float) -> None:
    """`predict` gives one of `classes_` per text, and of their dtype."""
    for what, y in (*_kinds_of_labels(), *targets(estimator)):
        classifier = fitted(estimator, TEXTS, y)
        predicted, classes = classifier.predict(TEXTS), classifier.classes_
        assert isinstance(predicted, np.ndarray), (
            f"predict must return an array; got {type(predicted).__name__}."
        )
        assert predicted.shape == (len(TEXTS),), (
            f"predict of {len(TEXTS)} texts has shape {predicted.shape}, not {(len(TEXTS),)}."
        )
        strange = sorted(set(predicted.tolist()) - set(classes.tolist()), key=repr)
        assert not strange, (
            f"After fit on {what}, predict gives {strange[0]!r}, which is none of the classes"
            f" {classes.tolist()}. Return self.classes_[codes]."
        )
        # Strings may have the length of the longest one predicted, as np.array(list) makes them.
        both_strings = predicted.dtype.kind == classes.dtype.kind == "U"
        assert both_strings or predicted.dtype == classes.dtype, (
            f"After fit on {what}, predict returns dtype {predicted.dtype}, but classes_ is of"
            f" {classes.dtype}. Return self.classes_[codes]."
        )


def _array_of(classifier: Any, method: str, what: str, shape: tuple[int, ...]) -> Any:
    """What a method makes of the texts: an array of the right shape."""
    values = getattr(classifier, method)(TEXTS)
    assert isinstance(values, np.ndarray), (
        f"{method} must return an array; got {type(values).__name__}."
    )
    assert values.shape == shape, f"{method} for {what} has shape {values.shape}, not {shape}."
    return values


def check_text_decision_function(name: str, estimator: Any, *, atol: float) -> None:
    """`decision_function` has one column per class, or none for two, and `predict` follows it."""
    _skip_without_method(name, estimator, "decision_function")
    for what, y in targets(estimator):
        classifier = fitted(estimator, TEXTS, y)
        n_classes = len(set(y))
        shape = (len(TEXTS),) if n_classes == 2 else (len(TEXTS), n_classes)
        values = _array_of(classifier, "decision_function", what, shape)
        columns = np.stack([-values, values], axis=1) if values.ndim == 1 else values
        _assert_predict_follows(classifier, columns, f"decision_function for {what}")


def check_text_predict_proba(name: str, estimator: Any, *, atol: float) -> None:
    """`predict_proba` has one column per class, rows that sum to 1, and `predict` follows it."""
    _skip_without_method(name, estimator, "predict_proba")
    for what, y in targets(estimator):
        classifier = fitted(estimator, TEXTS, y)
        values = _array_of(classifier, "predict_proba", what, (len(TEXTS), len(set(y))))
        assert values.min() >= 0 and values.max() <= 1, (
            f"predict_proba for {what} is from {values.min():.3g} to {values.max():.3g}, not"
            " between 0 and 1."
        )
        sums = values.sum(axis=1)
        worst = int(np.argmax(np.abs(sums - 1)))
        assert abs(sums[worst] - 1) < 1e-6, (
            f"Row {worst} of predict_proba for {what} sums to {sums[worst]:.6g}, not to 1."
        )
        _assert_predict_follows(classifier, values, f"predict_proba for {what}")
        if hasattr(classifier, "predict_log_proba"):
            logs = classifier.predict_log_proba(TEXTS)
            assert np.allclose(np.exp(logs), values, atol=1e-6), (
                f"predict_log_proba for {what} is not the logarithm of predict_proba."
            )


def check_text_decision_proba_consistency(name: str, estimator: Any, *, atol: float) -> None:
    """The larger a decision value, the larger the probability: of a text, and of its classes."""
    for method in ("decision_function", "predict_proba"):
        _skip_without_method(name, estimator, method)
    for what, y in targets(estimator):
        classifier = fitted(estimator, TEXTS, y)
        values, probabilities = (
            classifier.decision_function(TEXTS),
            classifier.predict_proba(TEXTS),
        )
        if values.ndim == 1:
            values, probabilities = values[np.newaxis], probabilities[np.newaxis, :, 1]
        ordered = np.take_along_axis(probabilities, np.argsort(values, axis=1), axis=1)
        assert (np.diff(ordered, axis=1) >= -1e-6).all(), (
            f"For {what}, predict_proba and decision_function order "
            + ("the texts" if len(values) == 1 else "the classes of a text")
            + " differently. Compute one from the other by an increasing function."
        )


def _skip_without_method(name: str, estimator: Any, method: str) -> None:
    if not hasattr(estimator, method):
        raise SkipTest(f"{name} has no {method}.")


def _assert_predict_follows(classifier: Any, values: npt.NDArray[Any], what: str) -> None:
    """Assert that the predicted class has the largest value, or one as large."""
    predicted = classifier.predict(TEXTS)
    codes = np.searchsorted(classifier.classes_, predicted)
    less = np.flatnonzero(values[np.arange(len(values)), codes] < values.max(axis=1) - 1e-9)
    if len(less):
        row = less[0]
        best = classifier.classes_[values[row].argmax()]
        raise AssertionError(
            f"{what} is largest for {best.item() if hasattr(best, 'item') else best!r} in row"
            f" {row}, where predict says {predicted[row : row + 1].tolist()[0]!r}; {len(less)} of"
            f" {len(values)} rows disagree. Columns must be in the order of classes_."
        )


def check_text_score(name: str, estimator: Any, *, atol: float) -> None:
    """`score` is the accuracy, and a label that was not fitted counts as wrong."""
    for what, y in targets(estimator):
        classifier = fitted(estimator, TEXTS, y)
        others = y[3:] + y[:3]
        actual = classifier.score(TEXTS, others)
        expected = np.mean(classifier.predict(TEXTS) == np.array(others))
        assert abs(actual - expected) < 1e-12, (
            f"score for {what} is {actual:.6g}, but {expected:.6g} of the predictions are right."
        )
    names = [f"label {label}" for label in LABELS]
    classifier = fitted(estimator, TEXTS, names)
    correct = classifier.predict(TEXTS)[1:] == np.array(names[1:])
    try:
        with quiet():
            actual = classifier.score(TEXTS, ["another", *names[1:]])
    except Exception as error:
        raise AssertionError(
            f"score with a label that was not fitted ends in {type(error).__name__}: {error} Count"
            " it as wrong: in cross-validation, a rare class may be held out as a whole."
        ) from error
    assert abs(actual - correct.sum() / len(TEXTS)) < 1e-12, (
        f"score with a label that was not fitted is {actual:.6g}, not"
        f" {correct.sum() / len(TEXTS):.6g}, as it counts as wrong."
    )


def check_text_learns(name: str, estimator: Any, *, atol: float) -> None:
    """Most of the texts that were fitted get their own labels, unless tag `poor_score` is set."""
    if get_tags(estimator).classifier_tags.poor_score:
        raise SkipTest(f"{name} says it scores poorly.")
    X, y, _ = learnable(estimator)
    correct = np.mean(fitted(estimator, X, y).predict(X) == y)
    assert correct > 0.8, (
        f"{correct:.0%} of the texts that were fitted get their own label. Are texts and labels in"
        " the same order? Else set classifier_tags.poor_score."
    )


def check_text_refit(name: str, estimator: Any, *, atol: float) -> None:
    """A fit on labels of another kind leaves nothing behind."""
    for (_, first), (what, second) in zip(
        targets(estimator), reversed([*targets(estimator)]), strict=True
    ):
        again = fitted(estimator, TEXTS, first).fit(TEXTS, second)
        expected = answers(fitted(estimator, TEXTS, second), TEXTS)
        assert_same_answers(answers(again, TEXTS), expected, f"after a second fit, on {what}", atol)


def check_text_no_texts(name: str, estimator: Any, *, atol: float) -> None:
    """No texts cannot be fitted; later they are refused, or give no rows of the usual width."""
    for what, X in (("[]", []), ("an empty array", np.array([], dtype=object))):
        assert_refused(partial(fitted, estimator, X, []), f"fit of {what}")
        for classes, y in targets(estimator):
            classifier = fitted(estimator, TEXTS, y)
            for method, rows in answers(classifier, TEXTS).items():
                try:
                    shape = np.shape(getattr(classifier, method)(X))
                except (TypeError, ValueError):
                    continue
                wanted = (0, *rows.shape[1:])
                assert shape == wanted, (
                    f"{method} of {what} for {classes} has shape {shape}, not {wanted}."
                )


def check_text_predict_changes_nothing(name: str, estimator: Any, *, atol: float) -> None:
    """`predict` leaves the input, the object and the process as they were, and prints nothing."""
    for method in answers(fitted(estimator), TEXTS):
        assert_changes_nothing(estimator, method)


# --- Several labels a text ------------------------------------------------------------------------


def check_text_multi_label(name: str, estimator: Any, *, atol: float) -> None:
    """With the tag `multi_label`, an indicator is learned and predicted, one column per label."""
    if not get_tags(estimator).classifier_tags.multi_label:
        raise SkipTest(f"{name} says it knows one label a text.")
    classifier = fitted(estimator, TEXTS, INDICATOR)
    predicted = classifier.predict(TEXTS)
    assert np.shape(predicted) == INDICATOR.shape and np.isin(predicted, (0, 1)).all(), (
        f"predict must give 0 and 1 of shape {INDICATOR.shape}; got shape {np.shape(predicted)}."
    )
    if hasattr(classifier, "decision_function"):
        values = classifier.decision_function(TEXTS)
        assert np.shape(values) == INDICATOR.shape, (
            f"decision_function has shape {np.shape(values)} for labels of {INDICATOR.shape}."
        )
        assert ((values > 0) == (predicted == 1))[values != 0].all(), (
            "predict gives other labels than those whose decision_function is positive."
        )
    if hasattr(classifier, "predict_proba"):
        values = classifier.predict_proba(TEXTS)
        if isinstance(values, list):  # as trees do: one matrix of two columns for each label
            values = np.stack([of_label[:, 1] for of_label in values], axis=1)
        assert np.shape(values) == INDICATOR.shape, (
            f"predict_proba has shape {np.shape(values)} for labels of {INDICATOR.shape}."
        )
        assert ((values > 0.5) == (predicted == 1))[values != 0.5].all(), (
            "predict gives other labels than those whose predict_proba is above 0.5."
        )
