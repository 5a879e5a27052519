"""What the checks are made of: texts and labels, containers, results and how they compare."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from unittest import SkipTest

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import get_tags

__all__ = [
    "INDICATOR",
    "LABELS",
    "ODD_TEXTS",
    "TEXTS",
    "TOPICS",
    "Answers",
    "answers",
    "assert_refused",
    "assert_same",
    "assert_same_answers",
    "columns",
    "dense",
    "fitted",
    "importable",
    "labels_for",
    "last_step",
    "learnable",
    "methods_of",
    "quiet",
    "read_only",
    "readers",
    "skip_without",
    "targets",
    "unfitted",
]

TEXTS = [
    "Free entry: claim your prize of 900 pounds now!",
    "see you at the office tomorrow morning",
    "How do I reset the passcode of my card?",
    "My card was declined twice, what can I do?",
    "Text WIN to 80086 to win a new mobile phone",
    "ok, call me when you are on your way home",
    "the transfer to my bank account did not arrive",
    "Urgent! You have won a week in London or New York",
    "what time is the meeting",
    "Which currencies can I exchange money in?",
    "reply STOP to end these messages",
    "I will be late, do not wait for me",
]
LABELS = [1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0]
TOPICS = [
    *("prize", "chat", "card", "card", "prize", "chat"),
    *("card", "prize", "chat", "card", "prize", "chat"),
]

# Any number of topics a text.
INDICATOR = np.array([[topic == "prize", topic != "chat"] for topic in TOPICS]).astype(int)

# Not ordinary, but what a column of texts holds sooner or later.
ODD_TEXTS = [
    "",
    " \t\r\n",
    " " * 3000 + "money",
    "!?!",
    "[PAD] [UNK] <s> </s>",
    "naïve Café ÅNGSTRÖM \u0130stanbul stra\u00dfe",
    "\u4eca\u65e5\u306f \u4f60\u597d \uc548\ub155",
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f600",
    "e" + "\u0301" * 300,
    "nul \x00 and \x1f control",
    "x" * 5000,
    "card " * 2000,
]


# --- Estimators ---------------------------------------------------------------------------------


def unfitted(estimator: Any, seed: int | None = None) -> Any:
    """Return a clone, whose generators of random numbers have seeds: its own, 0, or a given one."""
    estimator = clone(estimator)
    seeds = {
        key: seed or 0
        for key, value in estimator.get_params().items()
        if key.rpartition("__")[2] == "random_state" and (value is None or seed is not None)
    }
    return estimator.set_params(**seeds) if seeds else estimator


def fitted(estimator: Any, X: Any = TEXTS, y: Any = LABELS) -> Any:
    """Return a fitted clone; `y` is passed to those that need it only."""
    estimator, X, y = unfitted(estimator), _own(X), _own(y)
    if get_tags(estimator).target_tags.required or methods_of(estimator) != ["transform"]:
        return estimator.fit(X, y)
    return estimator.fit(X)


def _own(column: Any) -> Any:
    """Copy a list, so that an estimator that changes it does not change the other checks."""
    return column.copy() if isinstance(column, list) else column


def labels_for(X: Any) -> list[int]:
    """Labels of two classes, as many as X is long: so that it is not the length that is wrong."""
    return [row % 2 for row in range(len(X) if hasattr(X, "__len__") else len(TEXTS))]


def methods_of(estimator: Any) -> list[str]:
    """Names of the methods that answer with one row per text."""
    if hasattr(estimator, "transform") and not is_classifier(estimator):
        return ["transform"]
    optional = ("decision_function", "predict_proba")
    return ["predict", *(method for method in optional if hasattr(estimator, method))]


def readers(estimator: Any) -> list[Any]:
    """Return what gets the texts: pipelines and unions have no input tags of their own."""
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps if step not in (None, "passthrough")]
        return readers(steps[0])
    if isinstance(estimator, FeatureUnion):
        parts = [part for _, part in estimator.transformer_list if part != "drop"]
        return [reader for part in parts for reader in readers(part)]
    return [estimator]


def last_step(estimator: Any) -> tuple[Any, str]:
    """Return what gets the labels, and the prefix of its parameters."""
    prefix = ""
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        prefix += f"{name}__"
    return estimator, prefix


def targets(estimator: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield labels of two classes and, if the classifier knows more, of three."""
    yield "two classes", LABELS
    if get_tags(estimator).classifier_tags.multi_class:
        yield "three classes", TOPICS


def learnable(estimator: Any) -> tuple[list[str], npt.NDArray[Any], npt.NDArray[Any]]:
    """Texts of balanced classes, their labels, and wrong labels for them."""
    if not get_tags(estimator).classifier_tags.multi_class:
        rows = np.flatnonzero(np.array(TOPICS) != "card")
        y = np.array(TOPICS)[rows]
        return [TEXTS[row] for row in rows], y, np.where(y == "chat", "prize", "chat")
    y = np.array(TOPICS)
    classes, codes = np.unique(y, return_inverse=True)
    return TEXTS, y, classes[(codes + 1) % len(classes)]


# --- Results ------------------------------------------------------------------------------------

Answers = Mapping[str, Any]


def answers(estimator: Any, X: Any) -> Answers:
    """Call each of the methods of an estimator, with the same texts."""
    return {method: dense(getattr(estimator, method)(_own(X))) for method in methods_of(estimator)}


def dense(result: Any) -> npt.NDArray[Any]:
    """Return a result as a dense array."""
    return np.asarray(result.toarray() if hasattr(result, "toarray") else result)


def assert_same_answers(actual: Answers, expected: Answers, what: str, atol: float) -> None:
    """Assert that each method gives the same."""
    for method, result in expected.items():
        assert_same(actual[method], result, f"{method} {what}", atol)


def assert_same(actual: Any, expected: Any, what: str, atol: float) -> None:
    """Assert that two results are equal: floats up to `atol`, to the bit if that is 0."""
    actual, expected = dense(actual), dense(expected)
    assert actual.shape == expected.shape, (
        f"{what}: the shape is {actual.shape} instead of {expected.shape}."
    )
    if expected.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            difference = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
        wrong = ~(difference <= atol)
    else:
        wrong = np.asarray(actual != expected)
    if not wrong.any():
        return
    rows = np.unique(np.nonzero(wrong)[0])
    first = rows[0]
    message = f"{what}: {len(rows)} of {len(actual)} rows differ, first row {first}"
    if expected.dtype.kind != "f":
        (got,), (wanted,) = actual[[first]].tolist(), expected[[first]].tolist()
        raise AssertionError(f"{message}: {got!r} instead of {wanted!r}.")
    raise AssertionError(
        f"{message}, by up to {np.nanmax(difference):.3g}"
        + (" (set atol if rounding may differ)." if atol == 0 else f" (atol is {atol:g}).")
    )


def assert_refused(call: Callable[[], Any], what: str, mentions: Iterable[str] = ()) -> None:
    """Assert that a call raises TypeError or ValueError, with certain words in the message."""
    try:
        with quiet():
            result = call()
    except (TypeError, ValueError) as error:
        missing = [word for word in mentions if word not in str(error)]
        assert not missing, (
            f"{what} is refused with the message {str(error)!r}, which does not mention"
            f" {' and '.join(missing)}."
        )
    except Exception as error:
        raise AssertionError(
            f"{what} ends in {type(error).__name__}: {error}. Raise a TypeError or ValueError that"
            " says what was expected."
        ) from error
    else:
        shape = getattr(result, "shape", None)
        raise AssertionError(
            f"{what} is accepted"
            + (f" and gives a result of shape {shape}" if shape else "")
            + ". Raise a TypeError or ValueError."
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let an estimator warn of odd texts as it likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# --- Containers ---------------------------------------------------------------------------------


def columns() -> Iterator[tuple[str, Any]]:
    """Yield the same texts in every container that is at hand."""
    yield "a tuple", tuple(TEXTS)
    yield "a 1-D array of objects", np.array(TEXTS, dtype=object)
    yield "a 1-D array of fixed-width strings", np.array(TEXTS)
    yield "a read-only array", read_only(np.array(TEXTS, dtype=object))
    yield "an array of shape (n, 1)", np.array(TEXTS, dtype=object)[:, None]
    if hasattr(np.dtypes, "StringDType"):
        yield "a 1-D array of variable-width strings", np.array(TEXTS, np.dtypes.StringDType())
    if pandas := importable("pandas"):
        series = pandas.Series(TEXTS, name="text", index=range(50, 50 + len(TEXTS)))
        yield "a pandas Series", series
        yield "a pandas Series of dtype string", series.astype("string")
        yield "a pandas DataFrame with one column", series.to_frame()
    if polars := importable("polars"):
        yield "a polars Series", polars.Series("text", TEXTS)
        yield "a polars DataFrame with one column", polars.DataFrame({"text": TEXTS})


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Make an array read-only."""
    array.flags.writeable = False
    return array


def importable(name: str) -> Any:
    """Return a module, or None if it is not installed."""
    try:
        return __import__(name)
    except ImportError:
        return None


def skip_without(name: str) -> Any:
    """Return a module, or skip the check if it is not installed."""
    module = importable(name)
    if module is None:
        raise SkipTest(f"{name} is not installed.")
    return module
