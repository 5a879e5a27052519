"""What is asked of classifiers of texts about the labels and weights that `fit` takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest import SkipTest

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from skm2v._text_checks.tools import (
    LABELS,
    TEXTS,
    TOPICS,
    Answers,
    answers,
    assert_refused,
    assert_same_answers,
    fitted,
    importable,
    last_step,
    learnable,
    quiet,
    read_only,
    unfitted,
)

NAMES = ["spam" if label else "ham" for label in LABELS]


# --- Containers -----------------------------------------------------------------------------------


def _label_containers() -> Iterator[tuple[str, Any]]:
    """Yield the same labels in every container that is at hand."""
    yield "a tuple", tuple(NAMES)
    yield "an array of objects", np.array(NAMES, dtype=object)
    yield "a read-only array", read_only(np.array(NAMES))
    if pandas := importable("pandas"):
        # An index that would put them into the reverse order.
        series = pandas.Series(NAMES, index=range(len(NAMES) - 1, -1, -1), name="label")
        yield "a pandas Series", series
        yield "a pandas Series of dtype category", series.astype("category")
        yield "a column of a pandas DataFrame", pandas.DataFrame({"label": series})["label"]
    if polars := importable("polars"):
        yield "a polars Series", polars.Series("label", NAMES)


def check_text_label_containers(name: str, estimator: Any, *, atol: float) -> None:
    """Labels in every container give what the list gives; an index is no matter."""
    expected = answers(fitted(estimator, TEXTS, NAMES), TEXTS)
    pandas = importable("pandas")
    columns = [TEXTS, np.array(TEXTS, dtype=object)]
    columns += [pandas.Series(TEXTS, name="text")] if pandas else []
    for what, y in _label_containers():
        for X in columns:
            try:
                actual = answers(fitted(estimator, X, y), TEXTS)
            except Exception as error:
                raise AssertionError(
                    f"Labels in {what} end in {type(error).__name__}: {error}"
                ) from error
            pair = f"after fit on a {type(X).__name__} and labels in {what} instead of lists"
            assert_same_answers(actual, expected, pair, atol)


def check_text_column_vector(name: str, estimator: Any, *, atol: float) -> None:
    """Labels of shape (n, 1) are those of shape (n,), with or without a DataConversionWarning."""
    expected = answers(fitted(estimator, TEXTS, NAMES), TEXTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)
        try:
            classifier = fitted(estimator, TEXTS, np.array(NAMES)[:, None])
        except Exception as error:
            raise AssertionError(
                f"Labels of shape (n, 1) end in {type(error).__name__}: {error}. Pass y through"
                " sklearn.utils.validation.column_or_1d."
            ) from error
        what = "after fit on labels of shape (n, 1)"
        assert_same_answers(answers(classifier, TEXTS), expected, what, atol)


# --- Bad labels -----------------------------------------------------------------------------------


def check_text_refused_labels(name: str, estimator: Any, *, atol: float) -> None:
    """Labels that are missing, continuous, or not one per text are refused."""
    row_3 = np.arange(len(TEXTS)) == 3
    bad: dict[str, Any] = {
        "None instead of labels": None,
        "one label too few": NAMES[:-1],
        "one label too many": [*NAMES, "ham"],
        "a single string for labels": "spam",
        "a label None": _with_item_3(None),
        "a label NaN among strings": _with_item_3(float("nan")),
        "a label NaN among numbers": np.where(row_3, np.nan, LABELS),
        "an infinite label": np.where(row_3, np.inf, LABELS),
        "continuous labels": np.linspace(0.1, 1.2, len(TEXTS)),
        "labels of three dimensions": np.zeros((len(TEXTS), 2, 2), dtype=int),
    }
    if pandas := importable("pandas"):
        bad["a label pandas.NA"] = pandas.Series(LABELS, dtype="Int64").mask(row_3)
    for what, y in bad.items():
        assert_refused(partial(fitted, estimator, TEXTS, y), f"fit of {what}")


def _with_item_3(item: Any) -> npt.NDArray[Any]:
    labels = np.array(NAMES, dtype=object)
    labels[3] = item
    return labels


def check_text_one_class(name: str, estimator: Any, *, atol: float) -> None:
    """Labels of one class are refused with the word "class", or always predicted."""
    try:
        with quiet():
            classifier = fitted(estimator, TEXTS, ["ham"] * len(TEXTS))
    except (TypeError, ValueError) as error:
        assert "class" in str(error), (
            f"fit on one class is refused with the message {str(error)!r}. Say that all labels are"
            " of one class."
        )
        return
    except Exception as error:
        raise AssertionError(
            f"fit on one class ends in {type(error).__name__}: {error}. Raise a ValueError that"
            " says that all labels are of one class."
        ) from error
    predicted = set(classifier.predict(TEXTS).tolist())
    assert predicted == {"ham"}, (
        f"fit on labels of the class 'ham' only is accepted, then predict gives {predicted}."
    )


def check_text_binary_only(name: str, estimator: Any, *, atol: float) -> None:
    """Without the tag `multi_class`, three classes are refused."""
    if get_tags(estimator).classifier_tags.multi_class:
        raise SkipTest(f"{name} says it knows many classes.")
    assert_refused(partial(fitted, estimator, TEXTS, TOPICS), "fit on three classes", ("binary",))


# --- Weights --------------------------------------------------------------------------------------


def _weighted(name: str, estimator: Any, X: Any, y: Any, weights: Any) -> Any:
    """Fit with weights; skip the check if that cannot be."""
    step, prefix = last_step(estimator)
    if not has_fit_parameter(step, "sample_weight"):
        raise SkipTest(f"fit of {name} has no sample_weight.")
    return unfitted(estimator).fit(X, y, **{f"{prefix}sample_weight": weights})


def _depends_on_the_seed(estimator: Any, expected: Answers) -> bool:
    """Whether another `random_state` gives other answers than those with the usual one."""
    actual = answers(unfitted(estimator, seed=1).fit(TEXTS, LABELS), TEXTS)
    try:
        assert_same_answers(actual, expected, "with another seed", 1e-3)
    except AssertionError:
        return True
    return False


def check_text_sample_weight(name: str, estimator: Any, *, atol: float) -> None:
    """Weights of 1 are as none, and a text whose weight is 0 does not teach its label.

    That a weight of 0 equals leaving the text out would be too much to ask: idf, the folds of an
    inner cross-validation and the like may be those of all texts. So each text is there twice,
    with a right and a wrong label, and predictions must follow the labels with weight.
    """
    weighted = partial(_weighted, name, estimator)
    expected = answers(fitted(estimator), TEXTS)
    drawn = _depends_on_the_seed(estimator, expected)
    for ones in (np.ones(len(TEXTS)), [1] * len(TEXTS)):
        actual = answers(weighted(TEXTS, LABELS, ones), TEXTS)
        if not drawn:  # else texts may be drawn by their weights
            what = f"after fit with a {type(ones).__name__} of weights 1 instead of None"
            assert_same_answers(actual, expected, what, max(atol, 1e-6))
    bad_weights = {
        "one weight too few": np.ones(len(TEXTS) - 1),
        "a weight of NaN": np.where(np.arange(len(TEXTS)) == 3, np.nan, 1),
    }
    for what, weights in bad_weights.items():
        assert_refused(partial(weighted, TEXTS, LABELS, weights), f"fit with {what}")

    if get_tags(estimator).classifier_tags.poor_score:
        return
    X, right, wrong = learnable(estimator)
    on, off = np.ones(len(X)), np.zeros(len(X))
    for labels, halves in ((right, (on, off)), (wrong, (off, on))):
        both = np.concatenate([right, wrong])
        classifier = weighted([*X, *X], both, np.concatenate(halves))
        followed = np.mean(classifier.predict(X) == labels)
        assert followed > 0.8, (
            "Where each text has a label of weight 1 and another one of weight 0, only"
            f" {followed:.0%} of the predictions are the former. Pass sample_weight to all that"
            " learns from labels."
        )


def check_text_weights_of_one_class(name: str, estimator: Any, *, atol: float) -> None:
    """Where only one class has weight, `fit` says so ("class"), or it is what is predicted."""
    for label in ("ham", "spam"):
        try:
            with quiet():
                weights = np.array(NAMES) == label
                classifier = _weighted(name, estimator, TEXTS, NAMES, weights.astype(float))
        except (TypeError, ValueError) as error:
            assert "class" in str(error), (
                f"fit where only one class has weight is refused with the message {str(error)!r}."
                " Say that the texts with weight are of one class."
            )
            continue
        others = int((classifier.predict(TEXTS) != label).sum())
        assert not others, (
            f"Where only {label!r} has weight, {others} of {len(TEXTS)} texts are predicted to be"
            " something else. Refuse it with a ValueError that says that the texts with weight are"
            " of one class."
        )


def check_text_class_weight(name: str, estimator: Any, *, atol: float) -> None:
    """`class_weight` may be "balanced" or a dict, which draws decisions to a class that exists."""
    step, prefix = last_step(estimator)
    key = f"{prefix}class_weight"
    if "class_weight" not in step.get_params(deep=False):
        raise SkipTest(f"{name} has no parameter class_weight.")

    def weighted(class_weight: Any) -> Any:
        return unfitted(estimator).set_params(**{key: class_weight})

    weighted("balanced").fit(TEXTS, NAMES)
    means = []
    for spam in (0.1, 10.0):
        classifier = weighted({"ham": 1.0, "spam": spam}).fit(TEXTS, NAMES)
        if hasattr(classifier, "decision_function"):
            means.append(classifier.decision_function(TEXTS).mean())
        elif hasattr(classifier, "predict_proba"):
            means.append(classifier.predict_proba(TEXTS)[:, 1].mean())
        else:
            means.append(np.mean(classifier.predict(TEXTS) == "spam"))
    assert means[0] < means[1], (
        f"With a weight of 0.1, then 10 for a class, the mean decision for it is {means[0]:.3g},"
        f" then {means[1]:.3g}. Multiply the weights of its texts with class_weight."
    )
    assert_refused(
        partial(weighted({"ham": 1.0, "smap": 2.0}).fit, TEXTS, NAMES),
        "class_weight with a weight for an unknown class and none for a known one",
    )
