"""What is asked of transformers of texts only."""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags

from skm2v._text_checks.common import assert_fit_signature, assert_text_tags
from skm2v._text_checks.lifetime import assert_changes_nothing
from skm2v._text_checks.tools import (
    LABELS,
    TEXTS,
    assert_same,
    dense,
    fitted,
    skip_without,
    unfitted,
)


def check_text_tags(name: str, estimator: Any, *, atol: float) -> None:
    """The tags say that it transforms, and that the input is a 1-D column of strings."""
    assert get_tags(estimator).transformer_tags is not None, (
        "transformer_tags is None. Inherit from sklearn.base.TransformerMixin."
    )
    assert_text_tags(estimator)


def check_text_fit_signature(name: str, estimator: Any, *, atol: float) -> None:
    """`fit` and `fit_transform` take an optional `y`, and `fit` returns the estimator."""
    assert_fit_signature(estimator, ("fit", "fit_transform"))


def check_text_fit_transform(name: str, estimator: Any, *, atol: float) -> None:
    """`fit_transform` is `fit`, then `transform`."""
    actual = unfitted(estimator).fit_transform(TEXTS, LABELS)
    expected = unfitted(estimator).fit(TEXTS, LABELS).transform(TEXTS)
    assert_same(actual, expected, "fit_transform against fit and transform", atol)


def check_text_output(name: str, estimator: Any, *, atol: float) -> None:
    """The result is a matrix of finite floats with one row per text."""
    vectors = fitted(estimator).transform(TEXTS)
    assert hasattr(vectors, "shape"), f"transform returns {type(vectors).__name__}, not an array."
    assert len(vectors.shape) == 2, f"The result must be 2-D; its shape is {vectors.shape}."
    assert vectors.shape[0] == len(TEXTS), f"{len(TEXTS)} texts give {vectors.shape[0]} rows."
    vectors = dense(vectors)
    assert vectors.dtype.kind == "f", f"The result must be of floats; its dtype is {vectors.dtype}."
    assert np.isfinite(vectors).all(), "The result has NaN or infinite entries."
    assert np.any(vectors != vectors[:1]), "All texts get the same vector."


def check_text_no_texts(name: str, estimator: Any, *, atol: float) -> None:
    """No texts give a matrix without rows, of the usual width."""
    transformer = fitted(estimator)
    width = transformer.transform(TEXTS).shape[1]
    for what, X in (("[]", []), ("an empty array", np.array([], dtype=object))):
        shape = transformer.transform(X).shape
        assert shape == (0, width), f"transform of {what} has shape {shape}, not {(0, width)}."


def check_text_transform_changes_nothing(name: str, estimator: Any, *, atol: float) -> None:
    """`transform` leaves the input, the object and the process as they were, and prints nothing."""
    assert_changes_nothing(estimator, "transform")


# --- Names and frames -----------------------------------------------------------------------------


def check_text_feature_names(name: str, estimator: Any, *, atol: float) -> None:
    """`get_feature_names_out` gives one name per column, each of its own."""
    transformer = fitted(estimator)
    width = transformer.transform(TEXTS).shape[1]
    assert hasattr(transformer, "get_feature_names_out"), (
        "It has no get_feature_names_out. Inherit from ClassNamePrefixFeaturesOutMixin and set"
        " _n_features_out."
    )
    names = transformer.get_feature_names_out()
    assert isinstance(names, np.ndarray) and names.dtype == object, (
        f"get_feature_names_out must return an array of objects; got {type(names).__name__}."
    )
    assert len(names) == width, f"There are {len(names)} feature names for {width} columns."
    assert all(isinstance(item, str) for item in names), "Feature names must be strings."
    assert len(set(names)) == width, "Feature names repeat."


def check_text_set_output_pandas(name: str, estimator: Any, *, atol: float) -> None:
    """`set_output` gives a pandas frame with the feature names and the index of the input."""
    pandas = skip_without("pandas")
    expected = _dense_output(name, estimator)
    transformer = _with_output(estimator, "pandas")
    series = pandas.Series(TEXTS, index=[f"row {i}" for i in range(len(TEXTS))], name="text")
    for what, X in (("a Series", series), ("a DataFrame", series.to_frame())):
        for method in ("transform", "fit_transform"):
            frame = getattr(transformer, method)(X)
            assert isinstance(frame, pandas.DataFrame), (
                f"After set_output(transform='pandas'), {method} returns {type(frame).__name__}."
            )
            index = _index_that_scikit_learn_keeps(X)
            assert frame.index.equals(index), f"{method} loses the index of {what}."
            _assert_frame(frame, transformer, expected, method, atol)


def _index_that_scikit_learn_keeps(X: Any) -> Any:
    """Index of the frame that `set_output` makes for X: old versions drop that of a Series."""
    column = FunctionTransformer(
        lambda X: np.zeros((len(X), 1)), feature_names_out=lambda *_: np.array(["zero"])
    )
    return column.set_output(transform="pandas").fit_transform(X).index


def check_text_set_output_polars(name: str, estimator: Any, *, atol: float) -> None:
    """`set_output` gives a polars frame with the feature names."""
    polars = skip_without("polars")
    expected = _dense_output(name, estimator)
    transformer = _with_output(estimator, "polars")
    for X in (TEXTS, polars.Series("text", TEXTS)):
        frame = transformer.transform(X)
        assert isinstance(frame, polars.DataFrame), (
            f"After set_output(transform='polars'), transform returns {type(frame).__name__}."
        )
        _assert_frame(frame, transformer, expected, "transform", atol)


def _dense_output(name: str, estimator: Any) -> Any:
    """Return what `transform` gives; skip where that is sparse: scikit-learn makes no frame."""
    features = fitted(estimator).transform(TEXTS)
    if issparse(features) and hasattr(estimator, "set_output"):
        raise SkipTest(f"{name} gives sparse features, of which there are no frames.")
    return features


def _with_output(estimator: Any, library: str) -> Any:
    estimator = clone(estimator)
    assert hasattr(estimator, "set_output"), (
        "It has no set_output. Inherit from TransformerMixin and define get_feature_names_out."
    )
    return fitted(estimator.set_output(transform=library))


def _assert_frame(frame: Any, transformer: Any, expected: Any, method: str, atol: float) -> None:
    names = list(transformer.get_feature_names_out())
    assert list(frame.columns) == names, f"The columns of {method} are not the feature names."
    values = frame.to_numpy()
    assert values.dtype == dense(expected).dtype, (
        f"The frame of {method} has dtype {values.dtype}, the array {dense(expected).dtype}."
    )
    assert_same(values, expected, f"the frame of {method} against the array", atol)


# --- In company -----------------------------------------------------------------------------------


def check_text_pipeline(name: str, estimator: Any, *, atol: float) -> None:
    """It works in a Pipeline, in cross-validation and in a grid search."""
    pipeline = make_pipeline(unfitted(estimator), LogisticRegression())
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
    pandas = skip_without("pandas")
    expected = fitted(estimator).transform(TEXTS)
    index = list(range(100, 100 + len(TEXTS)))
    frame = pandas.DataFrame({"text": TEXTS, "other": LABELS}, index=index)
    for columns in ("text", ["text"]):
        transformer = ColumnTransformer([("embed", unfitted(estimator), columns)])
        actual = transformer.fit(frame, LABELS).transform(frame)
        assert_same(actual, expected, f"a ColumnTransformer over {columns!r}", atol)
        names = transformer.get_feature_names_out()
        assert len(names) == expected.shape[1], (
            f"A ColumnTransformer over {columns!r} has {len(names)} feature names for"
            f" {expected.shape[1]} columns."
        )
