"""Estimators that are given a lazy column of Dask give a lazy frame of the same partitions."""

from __future__ import annotations

import dask
import dask.dataframe
import numpy as np
import pandas
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder, StaticTextClassifier, fuse
from skm2v.datasets import load_sms_spam
from skm2v.exceptions import TextTypeError, TextValueError

TEXTS, LABELS = (list(part) for part in load_sms_spam(subset="train", return_X_y=True))
TEXTS, LABELS = TEXTS[:120], LABELS[:120]
INDEX = pandas.Index(np.arange(len(TEXTS)) * 2, name="key")


@pytest.fixture(autouse=True)
def in_this_process():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture(scope="module")
def frame():
    return dask.dataframe.from_pandas(pandas.DataFrame({"text": TEXTS}, index=INDEX), npartitions=5)


@pytest.fixture(scope="module")
def classifier():
    return StaticTextClassifier().fit(TEXTS, LABELS)


def made(lazy, frame):
    assert type(lazy).__module__.startswith("dask.")
    assert (lazy.npartitions, lazy.divisions) == (frame.npartitions, frame.divisions)
    found = lazy.compute()
    assert found.index.equals(INDEX)
    kinds = lazy._meta.dtypes, found.dtypes
    assert kinds[0].equals(kinds[1]) if found.ndim == 2 else kinds[0] == kinds[1]
    return found


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_vectors(frame, output):
    embedder = StaticEmbedder().fit(pandas.DataFrame({"text": TEXTS}))
    wanted = embedder.transform(TEXTS)
    names = embedder.get_feature_names_out().tolist()
    embedder.set_output(transform=output)
    for X in (frame, frame["text"]):
        vectors = made(embedder.transform(X), frame)
        assert vectors.columns.tolist() == names
        np.testing.assert_array_equal(vectors.to_numpy(), wanted)
        assert vectors.to_numpy().dtype == np.float32
    assert isinstance(embedder.transform(TEXTS), np.ndarray if output == "default" else object)


@pytest.mark.parametrize("is_fused", [False, True])
def test_predictions(frame, classifier, is_fused):
    model = fuse(classifier) if is_fused else classifier
    X = frame["text"]
    assert made(model.predict(X), frame).tolist() == model.predict(TEXTS).tolist()
    shares = made(model.predict_proba(X), frame)
    assert shares.columns.tolist() == model.classes_.tolist()
    np.testing.assert_array_equal(shares.to_numpy(), model.predict_proba(TEXTS))
    values = made(model.decision_function(X), frame)
    np.testing.assert_array_equal(values.to_numpy(), model.decision_function(TEXTS))
    unsure = made(model.predict(X, floor=0.99, rejected="?"), frame)
    assert unsure.tolist() == model.predict(TEXTS, floor=0.99, rejected="?").tolist()
    assert "?" in unsure.tolist()


def test_numbers(frame):
    lengths = [float(len(text)) for text in TEXTS]
    model = fuse(make_pipeline(StaticEmbedder(), Ridge()).fit(TEXTS, lengths))
    found = made(model.predict(frame["text"]), frame)
    np.testing.assert_array_equal(found.to_numpy(), model.predict(TEXTS))


def test_bad_input_is_named(frame, classifier):
    with pytest.raises(TextTypeError, match="2 columns"):
        classifier.predict(frame.assign(n=1))
    missing = dask.dataframe.from_pandas(pandas.Series(["a", None]), npartitions=1)
    lazy = classifier.predict(missing)
    with pytest.raises(TextValueError, match="row"):
        lazy.compute()
    with pytest.raises(TextTypeError, match="of Dask, which is lazy"):
        StaticTextClassifier().fit(frame, LABELS)
