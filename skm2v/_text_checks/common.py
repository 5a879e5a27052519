"""What is asked of every estimator over texts: how it is fitted, and what it reads.

Each check takes the name of the estimator and the estimator, which it must not change, and raises
AssertionError with a message that says what is wrong and, where that is not obvious, how to fix it.
What it compares are the results of all methods that answer with one row per text.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import SkipTest

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skm2v._text_checks.tools import (
    LABELS,
    ODD_TEXTS,
    TEXTS,
    answers,
    assert_refused,
    assert_same_answers,
    columns,
    dense,
    fitted,
    importable,
    labels_for,
    methods_of,
    quiet,
    readers,
    skip_without,
    unfitted,
)

# --- Fit ----------------------------------------------------------------------------------------


def assert_text_tags(estimator: Any) -> None:
    """The tags of what gets the texts say that the input is a 1-D column of strings."""
    for reader in readers(estimator):
        of_reader = "" if reader is estimator else f" of {type(reader).__name__}"
        for tag, wanted in (("string", True), ("one_d_array", True), ("two_d_array", False)):
            value = getattr(get_tags(reader).input_tags, tag)
            assert value is wanted, f"input_tags.{tag}{of_reader} is {value}; set it to {wanted}."


def assert_fit_signature(estimator: Any, methods: tuple[str, ...]) -> None:
    """The methods that fit take `y` next to the texts, and `fit` returns the estimator."""
    for method in methods:
        assert hasattr(estimator, method), f"It has no method {method}."
        parameters = list(inspect.signature(getattr(estimator, method)).parameters)
        assert parameters[1:2] == ["y"], (
            f"The second argument of {method} must be y, for pipelines; the arguments are"
            f" {parameters}."
        )
    to_fit = unfitted(estimator)
    assert to_fit.fit(TEXTS.copy(), LABELS.copy()) is to_fit, "fit must return self."


def parameter_hashes(estimator: Any) -> dict[str, str]:
    """Hash of each parameter; for a Pipeline's steps, which it fits in place, of their own."""
    in_place = isinstance(estimator, (Pipeline, FeatureUnion))
    return {
        key: joblib.hash(clone(value, safe=False) if in_place else value)
        for key, value in estimator.get_params().items()
    }


def check_text_is_fitted(name: str, estimator: Any, *, atol: float) -> None:
    """`check_is_fitted` and NotFittedError tell fitted from unfitted."""
    if get_tags(estimator).requires_fit:
        before = unfitted(estimator)
        calls: dict[str, Callable[[], Any]] = {
            "check_is_fitted": partial(check_is_fitted, before),
            **{method: partial(getattr(before, method), TEXTS) for method in methods_of(before)},
        }
        for method, call in calls.items():
            try:
                with quiet():
                    call()
            except NotFittedError:
                continue
            except Exception as error:
                raise AssertionError(
                    f"Before fit, {method} raises {type(error).__name__}: {error}. Raise"
                    " sklearn.exceptions.NotFittedError."
                ) from error
            raise AssertionError(f"Before fit, {method} does not raise NotFittedError.")
    check_is_fitted(fitted(estimator))


def check_text_fit_attributes(name: str, estimator: Any, *, atol: float) -> None:
    """`fit` changes no parameter, and what it adds is private or ends in an underscore."""
    estimator = unfitted(estimator)
    before = parameter_hashes(estimator)
    known = set(vars(estimator))
    estimator.fit(TEXTS.copy(), LABELS.copy())
    changed = [key for key, value in parameter_hashes(estimator).items() if value != before[key]]
    assert not changed, f"fit changes the parameters {changed}. Set {changed[0]}_ instead."
    public = [
        key
        for key in set(vars(estimator)) - known
        if not key.startswith("_") and not key.endswith("_")
    ]
    assert not public, f"fit sets {sorted(public)}; public attributes of fit end in '_'."


def check_text_fit_changes_no_input(name: str, estimator: Any, *, atol: float) -> None:
    """`fit` leaves texts and labels as they were."""
    X, y = np.array(TEXTS, dtype=object), np.array(LABELS)
    for texts, labels in ((X.tolist(), y.tolist()), (X.copy(), y.copy())):
        unfitted(estimator).fit(texts, labels)
        kind = type(texts).__name__
        assert list(texts) == TEXTS, f"fit changes the texts in the {kind} that it is given."
        assert list(labels) == LABELS, f"fit changes the labels in the {kind} that it is given."


def check_text_fit_idempotent(name: str, estimator: Any, *, atol: float) -> None:
    """A second `fit` on the same texts changes nothing, whatever was fitted in between."""
    again = fitted(estimator)
    expected = answers(again, TEXTS)
    again.fit(TEXTS[::-1], LABELS[::-1])
    again.fit(TEXTS.copy(), LABELS.copy())
    assert_same_answers(answers(again, TEXTS), expected, "after a second fit", atol)


def check_text_fit_deterministic(name: str, estimator: Any, *, atol: float) -> None:
    """Two clones fitted on the same texts are the same, with `random_state` set where it is."""
    if get_tags(estimator).non_deterministic:
        raise SkipTest(f"{name} says it is not deterministic.")
    expected = answers(fitted(estimator), TEXTS)
    random.random(), np.random.random()  # somebody else used the global generators
    assert_same_answers(answers(fitted(estimator), TEXTS), expected, "of a second clone", atol)


# --- Rows ---------------------------------------------------------------------------------------


def check_text_subset_invariance(name: str, estimator: Any, *, atol: float) -> None:
    """A text's row does not depend on the other texts of the call."""
    estimator = fitted(estimator)
    expected = answers(estimator, TEXTS)
    for size in (1, 5):
        parts = [
            answers(estimator, TEXTS[start : start + size]) for start in range(0, len(TEXTS), size)
        ]
        joined = {method: np.concatenate([part[method] for part in parts]) for method in expected}
        assert_same_answers(joined, expected, f"of {size} text(s) at a time", atol)


def check_text_order_invariance(name: str, estimator: Any, *, atol: float) -> None:
    """Rows follow their texts into another order, and equal texts have equal rows."""
    estimator = fitted(estimator)
    order = np.random.RandomState(0).permutation(2 * len(TEXTS)) % len(TEXTS)
    expected = {method: rows[order] for method, rows in answers(estimator, TEXTS).items()}
    actual = answers(estimator, [TEXTS[i] for i in order])
    assert_same_answers(actual, expected, "of shuffled, repeated texts", atol)


def check_text_containers(name: str, estimator: Any, *, atol: float) -> None:
    """Every column of texts gives what the list gives, in `fit` and afterwards."""
    expected = answers(fitted(estimator), TEXTS)
    for what, column in columns():
        try:
            actual = answers(fitted(estimator, column), column)
        except Exception as error:
            raise AssertionError(f"{what} ends in {type(error).__name__}: {error}") from error
        assert_same_answers(actual, expected, f"of {what} instead of a list", atol)


def check_text_iterator(name: str, estimator: Any, *, atol: float) -> None:
    """An iterator is refused, or read once and completely, also by `fit` and `fit_transform`."""
    reader = fitted(estimator)
    expected = answers(reader, TEXTS)
    calls: dict[str, Callable[[], Any]] = {
        method: partial(getattr(reader, method), iter(TEXTS)) for method in expected
    }
    if "transform" in expected:
        calls["fit_transform"] = partial(unfitted(estimator).fit_transform, iter(TEXTS), LABELS)
    for method, call in calls.items():
        try:
            actual = {method: call()}
        except (TypeError, ValueError):
            continue
        result = expected["transform" if method == "fit_transform" else method]
        assert_same_answers(actual, {method: result}, "of an iterator instead of a list", atol)
    try:
        reader = fitted(estimator, iter(TEXTS))
    except (TypeError, ValueError):
        return
    assert_same_answers(answers(reader, TEXTS), expected, "after fit on an iterator", atol)


# --- Bad and odd input ----------------------------------------------------------------------------


def check_text_refused_input(name: str, estimator: Any, *, atol: float) -> None:
    """What is no column of texts is refused, never taken for something else."""
    reader = fitted(estimator)
    bad: dict[str, Any] = {
        "a single string": TEXTS[0],
        "a bytes object": TEXTS[0].encode(),
        "a dictionary": {"text": TEXTS[0]},
        "a set": set(TEXTS),
        "None": None,
        "a list of numbers": [1, 2, 3],
        "an array of numbers": np.ones((4, 2)),
        "a list of bytes": [text.encode() for text in TEXTS],
        "a list of lists": [TEXTS[:2], TEXTS[2:4]],
        "an array with two columns": np.array(TEXTS[:4], dtype=object).reshape(2, 2),
        "a text among numbers": [TEXTS[0], 7],
    }
    if pandas := importable("pandas"):
        bad["a DataFrame with two columns"] = pandas.DataFrame({"a": TEXTS, "b": TEXTS})
    for what, X in bad.items():
        for method in methods_of(reader):
            assert_refused(partial(getattr(reader, method), X), f"{method} of {what}")
        assert_refused(partial(fitted, estimator, X, labels_for(X)), f"fit of {what}")


def check_text_missing(name: str, estimator: Any, *, atol: float) -> None:
    """A missing text is an error that names the row, or (tag `allow_nan`) a row of its own."""
    reader = fitted(estimator)
    allowed = all(get_tags(part).input_tags.allow_nan for part in readers(estimator))
    kinds = {"None": None, "NaN": float("nan")}
    if pandas := importable("pandas"):
        kinds["pandas.NA"] = pandas.NA
    for kind, missing in kinds.items():
        X = np.array(TEXTS, dtype=object)
        X[[3, 7]] = missing
        if allowed:
            _assert_missing_apart(reader, list(X), kind, atol)
            continue
        for method in methods_of(reader):
            call = partial(getattr(reader, method), list(X))
            assert_refused(call, f"{method} of {kind} in rows 3 and 7", ("3", "7"))
        call = partial(fitted, estimator, list(X))
        assert_refused(call, f"fit of {kind} in rows 3 and 7", ("3", "7"))


def _assert_missing_apart(reader: Any, X: list[Any], kind: str, atol: float) -> None:
    with quiet():
        actual = answers(reader, X)
    for method, rows in actual.items():
        assert len(rows) == len(X), (
            f"{method} of {kind} in two of {len(X)} rows: the result has {len(rows)} rows."
        )
        assert rows.dtype.kind != "f" or np.isfinite(rows).all(), (
            f"{method} of {kind} in rows 3 and 7: the result is not finite."
        )
    kept = np.delete(np.arange(len(X)), [3, 7])
    assert_same_answers(
        {method: rows[kept] for method, rows in actual.items()},
        {method: rows[kept] for method, rows in answers(reader, TEXTS).items()},
        f"of the rows beside those with {kind}",
        atol,
    )


def check_text_odd_texts(name: str, estimator: Any, *, atol: float) -> None:
    """Empty, long and foreign texts, emoji and control characters get a finite row each."""
    reader = fitted(estimator)
    for text in ODD_TEXTS:
        what = repr(text if len(text) < 40 else text[:30] + "...")
        for method in methods_of(reader):
            with quiet():
                rows = dense(getattr(reader, method)([TEXTS[0], text]))
            assert rows.shape[0] == 2, (
                f"{method} of [{TEXTS[0]!r}, {what}] gives {rows.shape[0]} rows."
            )
            assert rows.dtype.kind != "f" or np.isfinite(rows).all(), (
                f"The row of {what} is not finite in the result of {method}."
            )


def check_text_n_features_in(name: str, estimator: Any, *, atol: float) -> None:
    """`n_features_in_` and `feature_names_in_` are there for input with a column, else not."""
    reader = fitted(estimator)
    for attribute in ("n_features_in_", "feature_names_in_"):
        assert not hasattr(reader, attribute), (
            f"After fit on a list there is {attribute}; a list has no columns."
        )
    reader = fitted(estimator, np.array(TEXTS, dtype=object)[:, None])
    assert getattr(reader, "n_features_in_", None) == 1, (
        "After fit on an array of shape (n, 1), n_features_in_ must be 1; it is"
        f" {getattr(reader, 'n_features_in_', 'not set')}."
    )
    pandas = skip_without("pandas")
    reader = fitted(estimator, pandas.DataFrame({"body": TEXTS}))
    names = list(getattr(reader, "feature_names_in_", ()))
    assert names == ["body"], (
        f"After fit on a DataFrame with the column 'body', feature_names_in_ is {names}."
    )
    reader.fit(TEXTS.copy(), LABELS.copy())
    assert not hasattr(reader, "feature_names_in_"), (
        "feature_names_in_ of an earlier fit is still there after fit on a list."
    )
