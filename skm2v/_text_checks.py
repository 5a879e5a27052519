"""Estimator checks over texts; see :mod:`skm2v.testing`.

Each check takes the name of the estimator and the estimator, which it must not change, and raises
AssertionError with a message that says what is wrong and, where that is not obvious, how to fix it.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import os
import pickle
import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import SkipTest

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

__all__ = ["TEXT_CHECKS"]

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


# --- Tools ------------------------------------------------------------------------------------


def _fitted(estimator: Any, X: Any = None) -> Any:
    """Return a fitted clone; `y` is passed to those that need it only."""
    estimator = clone(estimator)
    X = TEXTS if X is None else X
    if get_tags(estimator).target_tags.required:
        return estimator.fit(X, LABELS)
    return estimator.fit(X)


def _dense(vectors: Any) -> npt.NDArray[Any]:
    return np.asarray(vectors.toarray() if hasattr(vectors, "toarray") else vectors)


def _assert_same(actual: Any, expected: Any, what: str, atol: float) -> None:
    """Assert that two results are equal, to the bit if `atol` is 0."""
    actual, expected = _dense(actual), _dense(expected)
    assert actual.shape == expected.shape, (
        f"{what}: the shape is {actual.shape} instead of {expected.shape}."
    )
    with np.errstate(invalid="ignore"):
        difference = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
    wrong = ~(difference <= atol)
    if wrong.any():
        rows = np.unique(np.nonzero(wrong)[0])
        raise AssertionError(
            f"{what}: {len(rows)} of {len(actual)} rows differ, first row {rows[0]}, by up to"
            f" {np.nanmax(difference):.3g}"
            + (" (set atol if rounding may differ)." if atol == 0 else f" (atol is {atol:g}).")
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let a transformer warn of odd texts as it likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _assert_refused(call: Callable[[], Any], what: str, mentions: tuple[str, ...] = ()) -> None:
    """Assert that a call raises TypeError or ValueError, with certain words in the message."""
    try:
        with _quiet():
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


def _columns() -> Iterator[tuple[str, Any]]:
    """Yield the same texts in every container that is at hand."""
    yield "a tuple", tuple(TEXTS)
    yield "a 1-D array of objects", np.array(TEXTS, dtype=object)
    yield "a 1-D array of fixed-width strings", np.array(TEXTS)
    yield "a read-only array", _read_only(np.array(TEXTS, dtype=object))
    yield "an array of shape (n, 1)", np.array(TEXTS, dtype=object)[:, None]
    if hasattr(np.dtypes, "StringDType"):
        yield "a 1-D array of variable-width strings", np.array(TEXTS, np.dtypes.StringDType())
    if pandas := _importable("pandas"):
        series = pandas.Series(TEXTS, name="text", index=range(50, 50 + len(TEXTS)))
        yield "a pandas Series", series
        yield "a pandas Series of dtype string", series.astype("string")
        yield "a pandas DataFrame with one column", series.to_frame()
    if polars := _importable("polars"):
        yield "a polars Series", polars.Series("text", TEXTS)
        yield "a polars DataFrame with one column", polars.DataFrame({"text": TEXTS})


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array


def _importable(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        return None


def _skip_without(name: str) -> Any:
    module = _importable(name)
    if module is None:
        raise SkipTest(f"{name} is not installed.")
    return module


# --- Fit --------------------------------------------------------------------------------------


def check_text_tags(name: str, estimator: Any, *, atol: float) -> None:
    """The tags say that the input is a 1-D column of strings."""
    tags = get_tags(estimator)
    assert tags.transformer_tags is not None, (
        "transformer_tags is None. Inherit from sklearn.base.TransformerMixin."
    )
    for tag, wanted in (("string", True), ("one_d_array", True), ("two_d_array", False)):
        value = getattr(tags.input_tags, tag)
        assert value is wanted, f"input_tags.{tag} is {value}; set it to {wanted}."


def check_text_fit_signature(name: str, estimator: Any, *, atol: float) -> None:
    """`fit` and `fit_transform` take an optional `y`, and `fit` returns the estimator."""
    for method in ("fit", "fit_transform"):
        assert hasattr(estimator, method), f"It has no method {method}."
        parameters = list(inspect.signature(getattr(estimator, method)).parameters)
        assert parameters[1:2] == ["y"], (
            f"The second argument of {method} must be y, for pipelines; the arguments are"
            f" {parameters}."
        )
    unfitted = clone(estimator)
    assert unfitted.fit(TEXTS, LABELS) is unfitted, "fit must return self."


def check_text_is_fitted(name: str, estimator: Any, *, atol: float) -> None:
    """`check_is_fitted` and NotFittedError tell fitted from unfitted."""
    if get_tags(estimator).requires_fit:
        unfitted = clone(estimator)
        calls: dict[str, Callable[[], Any]] = {
            "check_is_fitted": partial(check_is_fitted, unfitted),
            "transform": partial(unfitted.transform, TEXTS),
        }
        for method, call in calls.items():
            try:
                call()
            except NotFittedError:
                continue
            except Exception as error:
                raise AssertionError(
                    f"Before fit, {method} raises {type(error).__name__}: {error}. Raise"
                    " sklearn.exceptions.NotFittedError."
                ) from error
            raise AssertionError(f"Before fit, {method} does not raise NotFittedError.")
    check_is_fitted(_fitted(estimator))


def check_text_fit_attributes(name: str, estimator: Any, *, atol: float) -> None:
    """`fit` changes no parameter, and what it adds is private or ends in an underscore."""
    estimator = clone(estimator)
    before = {key: joblib.hash(value) for key, value in estimator.get_params().items()}
    known = set(vars(estimator))
    fitted = estimator.fit(TEXTS, LABELS)
    changed = [k for k, v in fitted.get_params().items() if joblib.hash(v) != before.get(k)]
    assert not changed, f"fit changes the parameters {changed}. Set {changed[0]}_ instead."
    public = [
        key
        for key in set(vars(fitted)) - known
        if not key.startswith("_") and not key.endswith("_")
    ]
    assert not public, f"fit sets {sorted(public)}; public attributes of fit end in '_'."


def check_text_fit_idempotent(name: str, estimator: Any, *, atol: float) -> None:
    """A second `fit` on the same texts changes nothing, whatever was fitted in between."""
    fitted = _fitted(estimator)
    expected = fitted.transform(TEXTS)
    fitted.fit(TEXTS[::-1], LABELS[::-1])
    fitted.fit(TEXTS, LABELS)
    _assert_same(fitted.transform(TEXTS), expected, "transform after a second fit", atol)


def check_text_fit_deterministic(name: str, estimator: Any, *, atol: float) -> None:
    """Two clones fitted on the same texts are the same."""
    if get_tags(estimator).non_deterministic:
        raise SkipTest(f"{name} says it is not deterministic.")
    expected = _fitted(estimator).transform(TEXTS)
    random.random(), np.random.random()  # somebody else used the global generators
    _assert_same(_fitted(estimator).transform(TEXTS), expected, "a second clone's vectors", atol)


def check_text_fit_transform(name: str, estimator: Any, *, atol: float) -> None:
    """`fit_transform` is `fit`, then `transform`."""
    actual = clone(estimator).fit_transform(TEXTS, LABELS)
    expected = clone(estimator).fit(TEXTS, LABELS).transform(TEXTS)
    _assert_same(actual, expected, "fit_transform against fit and transform", atol)


# --- Rows -------------------------------------------------------------------------------------


def check_text_output(name: str, estimator: Any, *, atol: float) -> None:
    """The result is a matrix of finite floats with one row per text."""
    vectors = _fitted(estimator).transform(TEXTS)
    assert hasattr(vectors, "shape"), f"transform returns {type(vectors).__name__}, not an array."
    assert len(vectors.shape) == 2, f"The result must be 2-D; its shape is {vectors.shape}."
    assert vectors.shape[0] == len(TEXTS), f"{len(TEXTS)} texts give {vectors.shape[0]} rows."
    vectors = _dense(vectors)
    assert vectors.dtype.kind == "f", f"The result must be of floats; its dtype is {vectors.dtype}."
    assert np.isfinite(vectors).all(), "The result has NaN or infinite entries."
    assert np.any(vectors != vectors[:1]), "All texts get the same vector."


def check_text_subset_invariance(name: str, estimator: Any, *, atol: float) -> None:
    """A text's row does not depend on the other texts of the call."""
    fitted = _fitted(estimator)
    expected = _dense(fitted.transform(TEXTS))
    for size in (1, 5):
        parts = [
            _dense(fitted.transform(TEXTS[start : start + size]))
            for start in range(0, len(TEXTS), size)
        ]
        _assert_same(
            np.concatenate(parts), expected, f"transform of {size} text(s) at a time", atol
        )


def check_text_order_invariance(name: str, estimator: Any, *, atol: float) -> None:
    """Rows follow their texts into another order, and equal texts have equal rows."""
    fitted = _fitted(estimator)
    expected = _dense(fitted.transform(TEXTS))
    order = np.random.RandomState(0).permutation(2 * len(TEXTS)) % len(TEXTS)
    actual = fitted.transform([TEXTS[i] for i in order])
    _assert_same(actual, expected[order], "transform of shuffled, repeated texts", atol)


def check_text_containers(name: str, estimator: Any, *, atol: float) -> None:
    """Every column of texts gives what the list gives, in `fit` and in `transform`."""
    expected = _fitted(estimator).transform(TEXTS)
    for what, column in _columns():
        try:
            fitted = _fitted(estimator, column)
            actual = fitted.transform(column)
        except Exception as error:
            raise AssertionError(f"{what} ends in {type(error).__name__}: {error}") from error
        _assert_same(actual, expected, f"transform of {what} instead of a list", atol)


def check_text_iterator(name: str, estimator: Any, *, atol: float) -> None:
    """An iterator is refused, or read once and completely, also by `fit_transform`."""
    fitted = _fitted(estimator)
    expected = fitted.transform(TEXTS)
    calls: dict[str, Callable[[], Any]] = {
        "transform": partial(fitted.transform, iter(TEXTS)),
        "fit_transform": partial(clone(estimator).fit_transform, iter(TEXTS), LABELS),
    }
    for method, call in calls.items():
        try:
            actual = call()
        except (TypeError, ValueError):
            continue
        _assert_same(actual, expected, f"{method} of an iterator instead of a list", atol)


def check_text_refused_input(name: str, estimator: Any, *, atol: float) -> None:
    """What is no column of texts is refused, never embedded as something else."""
    fitted = _fitted(estimator)
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
    if pandas := _importable("pandas"):
        bad["a DataFrame with two columns"] = pandas.DataFrame({"a": TEXTS, "b": TEXTS})
    for what, X in bad.items():
        _assert_refused(partial(fitted.transform, X), f"transform of {what}")
        _assert_refused(partial(clone(estimator).fit, X), f"fit of {what}")


def check_text_missing(name: str, estimator: Any, *, atol: float) -> None:
    """A missing text is an error that names the row, or (tag `allow_nan`) a row of its own."""
    fitted = _fitted(estimator)
    kinds = {"None": None, "NaN": float("nan")}
    if pandas := _importable("pandas"):
        kinds["pandas.NA"] = pandas.NA
    for kind, missing in kinds.items():
        X = np.array(TEXTS, dtype=object)
        X[[3, 7]] = missing
        if not get_tags(estimator).input_tags.allow_nan:
            _assert_refused(
                partial(fitted.transform, list(X)), f"{kind} in rows 3 and 7", ("3", "7")
            )
            continue
        vectors = _dense(fitted.transform(list(X)))
        assert len(vectors) == len(X), (
            f"{kind} in two of {len(X)} rows: the result has {len(vectors)} rows."
        )
        assert np.isfinite(vectors).all(), f"{kind} in rows 3 and 7: the result is not finite."
        kept = np.delete(np.arange(len(X)), [3, 7])
        expected = _dense(fitted.transform(TEXTS))
        _assert_same(vectors[kept], expected[kept], f"rows beside those with {kind}", atol)


def check_text_no_texts(name: str, estimator: Any, *, atol: float) -> None:
    """No texts give a matrix without rows, of the usual width."""
    fitted = _fitted(estimator)
    width = fitted.transform(TEXTS).shape[1]
    for what, X in (("[]", []), ("an empty array", np.array([], dtype=object))):
        shape = fitted.transform(X).shape
        assert shape == (0, width), f"transform of {what} has shape {shape}, not {(0, width)}."


def check_text_odd_texts(name: str, estimator: Any, *, atol: float) -> None:
    """Empty, long and foreign texts, emoji and control characters get a finite row each."""
    fitted = _fitted(estimator)
    for text in ODD_TEXTS:
        what = repr(text if len(text) < 40 else text[:30] + "...")
        with _quiet():
            vectors = _dense(fitted.transform([TEXTS[0], text]))
        assert vectors.shape[0] == 2, f"[{TEXTS[0]!r}, {what}] gives {vectors.shape[0]} rows."
        assert np.isfinite(vectors).all(), f"The row of {what} is not finite."


# --- Life of an object --------------------------------------------------------------------------


def check_text_transform_changes_nothing(name: str, estimator: Any, *, atol: float) -> None:
    """`transform` leaves the input, the object and the process as they were, and prints nothing."""
    fitted = _fitted(estimator)
    # So that the states of the generators are none that a seed leads to.
    random.random(), np.random.random()
    X = list(TEXTS)
    before = _surroundings(fitted)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        fitted.transform(X)
    assert X == TEXTS, "transform changes the list that it is given."
    for what, value in _surroundings(fitted).items():
        assert value == before[what], f"transform changes {what}."
    printed = out.getvalue() + err.getvalue()
    assert not printed, f"transform prints {printed[:80]!r}."


def _surroundings(fitted: Any) -> dict[str, Any]:
    state = np.random.get_state(legacy=False)
    return {
        "the attributes of the estimator": {k: id(v) for k, v in vars(fitted).items()},
        "the content of the estimator": joblib.hash(fitted),
        "os.environ": dict(os.environ),
        "the working directory": os.getcwd(),
        "the global random state of random": random.getstate(),
        "the global random state of NumPy": joblib.hash(state),
        "the error state of NumPy": np.geterr(),
        "the filters of warnings": list(warnings.filters),
        "the number of running threads": threading.active_count(),
    }


def check_text_pickle(name: str, estimator: Any, *, atol: float) -> None:
    """A pickled estimator gives the same vectors, and an unfitted one keeps its parameters."""
    fitted = _fitted(estimator)
    expected = fitted.transform(TEXTS)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copied = pickle.loads(pickle.dumps(fitted, protocol))
        _assert_same(copied.transform(TEXTS), expected, f"pickle protocol {protocol}", atol)
    _assert_same(copy.deepcopy(fitted).transform(TEXTS), expected, "copy.deepcopy", atol)
    buffer = io.BytesIO()
    joblib.dump(fitted, buffer)
    buffer.seek(0)
    _assert_same(joblib.load(buffer).transform(TEXTS), expected, "joblib.dump and load", atol)
    unfitted = clone(estimator)
    restored = pickle.loads(pickle.dumps(unfitted))
    assert joblib.hash(restored.get_params()) == joblib.hash(unfitted.get_params()), (
        "An unfitted estimator loses parameters when it is pickled."
    )


def check_text_clone(name: str, estimator: Any, *, atol: float) -> None:
    """A clone of a fitted estimator is unfitted, has its parameters, and fits to the same."""
    fitted = _fitted(estimator)
    expected = fitted.transform(TEXTS)
    copied = clone(fitted)
    assert joblib.hash(copied.get_params()) == joblib.hash(fitted.get_params()), (
        "A clone has other parameters than its original."
    )
    left = [key for key in vars(copied) if key.endswith("_") and not key.startswith("_")]
    assert not left, f"A clone of a fitted estimator still has {sorted(left)}."
    _assert_same(_fitted(copied).transform(TEXTS), expected, "a clone, fitted", atol)


def check_text_threads(name: str, estimator: Any, *, atol: float) -> None:
    """Threads that share one fitted object get what a single one gets."""
    fitted = _fitted(estimator)
    jobs = [TEXTS, TEXTS[::-1], TEXTS[:5] * 3, TEXTS[6:7]]
    expected = [_dense(fitted.transform(texts)) for texts in jobs]
    barrier = threading.Barrier(len(jobs))
    failures: list[str] = []

    def work(number: int) -> None:
        barrier.wait()
        for _ in range(25):
            try:
                actual = fitted.transform(jobs[number])
                _assert_same(actual, expected[number], "transform in one of 4 threads", atol)
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
                return

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(jobs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures, f"Shared by 4 threads, transform is not safe: {failures[0]}"


def check_text_processes(name: str, estimator: Any, *, atol: float) -> None:
    """Another process computes the same."""
    fitted = _fitted(estimator)
    parts = joblib.Parallel(n_jobs=2, backend="loky")(
        joblib.delayed(_transform)(fitted, texts) for texts in (TEXTS[:6], TEXTS[6:])
    )
    _assert_same(
        np.concatenate(parts), fitted.transform(TEXTS), "transform in other processes", atol
    )


def _transform(fitted: Any, texts: list[str]) -> npt.NDArray[Any]:
    return _dense(fitted.transform(texts))


# --- Names and frames -----------------------------------------------------------------------------


def check_text_feature_names(name: str, estimator: Any, *, atol: float) -> None:
    """`get_feature_names_out` gives one name per column, each of its own."""
    fitted = _fitted(estimator)
    width = fitted.transform(TEXTS).shape[1]
    assert hasattr(fitted, "get_feature_names_out"), (
        "It has no get_feature_names_out. Inherit from ClassNamePrefixFeaturesOutMixin and set"
        " _n_features_out."
    )
    names = fitted.get_feature_names_out()
    assert isinstance(names, np.ndarray) and names.dtype == object, (
        f"get_feature_names_out must return an array of objects; got {type(names).__name__}."
    )
    assert len(names) == width, f"There are {len(names)} feature names for {width} columns."
    assert all(isinstance(item, str) for item in names), "Feature names must be strings."
    assert len(set(names)) == width, "Feature names repeat."


def check_text_n_features_in(name: str, estimator: Any, *, atol: float) -> None:
    """`n_features_in_` and `feature_names_in_` are there for input with a column, else not."""
    fitted = _fitted(estimator)
    for attribute in ("n_features_in_", "feature_names_in_"):
        assert not hasattr(fitted, attribute), (
            f"After fit on a list there is {attribute}; a list has no columns."
        )
    fitted = _fitted(estimator, np.array(TEXTS, dtype=object)[:, None])
    assert getattr(fitted, "n_features_in_", None) == 1, (
        "After fit on an array of shape (n, 1), n_features_in_ must be 1; it is"
        f" {getattr(fitted, 'n_features_in_', 'not set')}."
    )
    pandas = _skip_without("pandas")
    fitted = _fitted(estimator, pandas.DataFrame({"body": TEXTS}))
    names = list(getattr(fitted, "feature_names_in_", ()))
    assert names == ["body"], (
        f"After fit on a DataFrame with the column 'body', feature_names_in_ is {names}."
    )
    fitted.fit(TEXTS, LABELS)
    assert not hasattr(fitted, "feature_names_in_"), (
        "feature_names_in_ of an earlier fit is still there after fit on a list."
    )


def check_text_set_output_pandas(name: str, estimator: Any, *, atol: float) -> None:
    """`set_output` gives a pandas frame with the feature names and the index of the input."""
    pandas = _skip_without("pandas")
    expected = _fitted(estimator).transform(TEXTS)
    fitted = _with_output(estimator, "pandas")
    series = pandas.Series(TEXTS, index=[f"row {i}" for i in range(len(TEXTS))], name="text")
    for what, X in (("a Series", series), ("a DataFrame", series.to_frame())):
        for method in ("transform", "fit_transform"):
            frame = getattr(fitted, method)(X)
            assert isinstance(frame, pandas.DataFrame), (
                f"After set_output(transform='pandas'), {method} returns {type(frame).__name__}."
            )
            index = _index_that_scikit_learn_keeps(X)
            assert frame.index.equals(index), f"{method} loses the index of {what}."
            _assert_frame(frame, fitted, expected, method, atol)


def _index_that_scikit_learn_keeps(X: Any) -> Any:
    """Index of the frame that `set_output` makes for X: old versions drop that of a Series."""
    column = FunctionTransformer(
        lambda X: np.zeros((len(X), 1)), feature_names_out=lambda *_: np.array(["zero"])
    )
    return column.set_output(transform="pandas").fit_transform(X).index


def check_text_set_output_polars(name: str, estimator: Any, *, atol: float) -> None:
    """`set_output` gives a polars frame with the feature names."""
    polars = _skip_without("polars")
    expected = _fitted(estimator).transform(TEXTS)
    fitted = _with_output(estimator, "polars")
    for X in (TEXTS, polars.Series("text", TEXTS)):
        frame = fitted.transform(X)
        assert isinstance(frame, polars.DataFrame), (
            f"After set_output(transform='polars'), transform returns {type(frame).__name__}."
        )
        _assert_frame(frame, fitted, expected, "transform", atol)


def _with_output(estimator: Any, library: str) -> Any:
    estimator = clone(estimator)
    assert hasattr(estimator, "set_output"), (
        "It has no set_output. Inherit from TransformerMixin and define get_feature_names_out."
    )
    return _fitted(estimator.set_output(transform=library))


def _assert_frame(frame: Any, fitted: Any, expected: Any, method: str, atol: float) -> None:
    names = list(fitted.get_feature_names_out())
    assert list(frame.columns) == names, f"The columns of {method} are not the feature names."
    values = frame.to_numpy()
    assert values.dtype == _dense(expected).dtype, (
        f"The frame of {method} has dtype {values.dtype}, the array {_dense(expected).dtype}."
    )
    _assert_same(values, expected, f"the frame of {method} against the array", atol)


# --- In company -----------------------------------------------------------------------------------


def check_text_pipeline(name: str, estimator: Any, *, atol: float) -> None:
    """It works in a Pipeline, in cross-validation and in a grid search."""
    pipeline = make_pipeline(clone(estimator), LogisticRegression())
    for what, X in (("a list", TEXTS), ("an array", np.array(TEXTS, dtype=object))):
        predicted = pipeline.fit(X, LABELS).predict(X)
        assert len(predicted) == len(X), f"{len(X)} texts in {what}: {len(predicted)} predictions."
    predicted = cross_val_predict(pipeline, TEXTS, LABELS, cv=2)
    assert len(predicted) == len(TEXTS), f"cross_val_predict gives {len(predicted)} rows."
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 10.0]}, cv=2)
    search.fit(TEXTS, LABELS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all(), "GridSearchCV scores NaN."
    assert len(search.predict(TEXTS)) == len(TEXTS), "GridSearchCV loses rows in predict."


def check_text_column_transformer(name: str, estimator: Any, *, atol: float) -> None:
    """A ColumnTransformer can hand over a Series ("text") and a frame (["text"])."""
    pandas = _skip_without("pandas")
    expected = _fitted(estimator).transform(TEXTS)
    index = list(range(100, 100 + len(TEXTS)))
    frame = pandas.DataFrame({"text": TEXTS, "other": LABELS}, index=index)
    for columns in ("text", ["text"]):
        transformer = ColumnTransformer([("embed", clone(estimator), columns)])
        actual = transformer.fit(frame, LABELS).transform(frame)
        _assert_same(actual, expected, f"a ColumnTransformer over {columns!r}", atol)
        names = transformer.get_feature_names_out()
        assert len(names) == expected.shape[1], (
            f"A ColumnTransformer over {columns!r} has {len(names)} feature names for"
            f" {expected.shape[1]} columns."
        )


TEXT_CHECKS: tuple[Callable[..., None], ...] = tuple(
    value for key, value in list(globals().items()) if key.startswith("check_text_")
)
