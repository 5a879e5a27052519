"""Features are named after their column, and columns without texts are rejected as skrub wants."""

from __future__ import annotations

import pickle
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer

from skm2v import HybridVectorizer, StaticEmbedder, StaticModel
from skm2v.exceptions import TextTypeError, TextValueError
from tests import tiny

MODEL = StaticModel(tiny.tiny_table(), tiny.tiny_tokenizer())
TEXTS = ["free money", "the bank", "win a card"]
ESTIMATORS = {
    "embedder": StaticEmbedder(MODEL),
    "vectorizer": HybridVectorizer(StaticEmbedder(MODEL), sparse_output=False),
}
needs_skrub = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="skrub needs Python 3.11 or newer"
)


@pytest.fixture(params=ESTIMATORS)
def estimator(request):
    return clone(ESTIMATORS[request.param])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(TEXTS, name="title"),
        pl.Series("title", TEXTS),
        pd.DataFrame({"title": TEXTS}),
        pl.DataFrame({"title": TEXTS}),
    ],
    ids=["Series", "polars", "frame", "polars frame"],
)
def test_features_of_a_column_with_a_name_carry_it(estimator, column):
    names = estimator.fit(column).get_feature_names_out()
    assert all(name.startswith("title_") for name in names)
    copy = pickle.loads(pickle.dumps(estimator))
    assert copy.get_feature_names_out().tolist() == names.tolist()
    again = estimator.fit(column).get_feature_names_out()  # the same in every fit
    assert again.tolist() == names.tolist()


@pytest.mark.parametrize("X", [TEXTS, np.array(TEXTS, dtype=object), pd.Series(TEXTS)])
def test_columns_without_a_name_leave_none(estimator, X):
    estimator.fit(pd.Series(TEXTS, name="title"))
    names = estimator.fit(X).get_feature_names_out()
    assert names[0] in ("staticembedder0", "dimension_0")


def test_two_columns_of_a_frame_have_features_of_different_names(estimator):
    frame = pd.DataFrame({"title": TEXTS, "body": TEXTS[::-1]})
    columns = ColumnTransformer(
        [("first", estimator, "title"), ("second", clone(estimator), ["body"])],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    out = columns.fit_transform(frame)
    assert {name.partition("_")[0] for name in out.columns} == {"title", "body"}
    assert out.columns.is_unique


def test_a_column_without_texts_is_rejected_as_skrub_wants(estimator, monkeypatch):
    class RejectColumn(ValueError):
        pass

    numbers = pd.Series([1, 2, 3], name="n")
    monkeypatch.delitem(sys.modules, "skrub.core", raising=False)
    with pytest.raises(TextTypeError) as plain:
        estimator.fit_transform(numbers)
    assert not isinstance(plain.value, ValueError)
    core = ModuleType("skrub.core")
    core.RejectColumn = RejectColumn
    monkeypatch.setitem(sys.modules, "skrub.core", core)
    with pytest.raises(RejectColumn, match="Every text must be a str; got int") as rejected:
        estimator.fit_transform(numbers)
    assert isinstance(rejected.value, TextTypeError)
    assert type(pickle.loads(pickle.dumps(rejected.value))) is TextTypeError  # from a worker
    with pytest.raises(TextValueError) as missing:  # texts that are missing are the user's to fill
        estimator.fit_transform(pd.Series(["a", None]))
    assert not isinstance(missing.value, RejectColumn)


@needs_skrub
def test_with_skrub_itself(estimator):
    import skrub

    frame = pd.DataFrame({"title": TEXTS * 2, "body": TEXTS[::-1] * 2, "n": range(6)})
    out = skrub.ApplyToCols(estimator, allow_reject=True).fit_transform(frame)
    assert {name.partition("_")[0] for name in out.columns} == {"title", "body", "n"}
    assert not any("skrub" in name for name in out.columns)


@needs_skrub
def test_a_table_of_two_text_columns_with_skrub_itself(estimator):
    from skrub import TableVectorizer

    frame = pd.DataFrame(
        {
            "title": [f"{text} {i}" for i in range(20) for text in TEXTS],
            "body": [f"{text} of {i}" for i in range(20) for text in TEXTS[::-1]],
            "cost": np.arange(60.0),
        }
    )
    vectorizer = TableVectorizer(cardinality_threshold=10, high_cardinality=estimator)
    out = vectorizer.fit_transform(frame)
    names = vectorizer.get_feature_names_out().tolist()
    assert list(out.columns) == names and len(set(names)) == len(names)
    of = {column: [name for name in names if name.startswith(column)] for column in frame}
    assert len(of["title"]) >= 16 and len(of["body"]) >= 16 and of["cost"] == ["cost"]
    for column in ("title", "body"):
        alone = clone(estimator).fit(frame[column])
        assert of[column] == alone.get_feature_names_out().tolist()
        np.testing.assert_array_equal(out[of[column]], np.float32(alone.transform(frame[column])))
    # The same names for later rows, and after a pickle.
    later = pickle.loads(pickle.dumps(vectorizer)).transform(frame[30:])
    np.testing.assert_array_equal(later, out[30:])
    assert list(later.columns) == names
