"""Warnings point at the line of the user, however many libraries are in between."""

from __future__ import annotations

import inspect
import pickle
import warnings

import joblib
import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder, StaticTextClassifier, distill, fuse
from skm2v.exceptions import TextWarning, VersionWarning
from tests import tiny

EMPTY = ["\u0905", "bank"]  # one text without a known token


def places(call):
    """Files and lines that the warnings of a call point at."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert caught
    assert {warning.category for warning in caught} <= {TextWarning, VersionWarning}
    return {(warning.filename, warning.lineno) for warning in caught}


def line_of(call):
    return {(__file__, inspect.getsourcelines(call)[1])}


def assert_points_at(call):
    assert places(call) == line_of(call)


def test_a_model(tiny_static):
    assert_points_at(lambda: tiny_static.encode(EMPTY))
    assert_points_at(lambda: tiny_static.encode(EMPTY[0]))
    assert_points_at(lambda: list(tiny_static.encode_iter(EMPTY)))


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_an_embedder(tiny_static, output):
    if output == "pandas":
        pytest.importorskip("pandas")
    embedder = StaticEmbedder(tiny_static).set_output(transform=output)
    assert_points_at(lambda: embedder.fit_transform(EMPTY))
    assert_points_at(lambda: embedder.transform(EMPTY))
    assert_points_at(lambda: list(embedder.transform_iter(EMPTY)))


def test_an_embedder_inside_of_scikit_learn(tiny_static):
    texts, y = EMPTY * 10, [0, 1] * 10
    pipeline = make_pipeline(StaticEmbedder(tiny_static), LogisticRegression())
    assert_points_at(lambda: pipeline.fit(texts, y))
    assert_points_at(lambda: pipeline.predict(texts))
    assert_points_at(lambda: cross_val_score(pipeline, texts, y, cv=2))
    columns = ColumnTransformer([("text", StaticEmbedder(tiny_static), 0)])
    assert_points_at(lambda: columns.fit_transform(np.array(texts, dtype=object)[:, None]))


@pytest.mark.parametrize("fused", [False, True])
def test_classifiers(tiny_static, fused):
    model = StaticTextClassifier(StaticEmbedder(tiny_static))
    model.fit(["bank card", "free money"] * 5, [0, 1] * 5)
    model = fuse(model) if fused else model
    assert_points_at(lambda: model.predict(EMPTY))
    assert_points_at(lambda: model.predict_proba(EMPTY))
    assert_points_at(lambda: model.decision_function(EMPTY))
    assert_points_at(lambda: model.score(EMPTY, [0, 1]))
    assert_points_at(lambda: model.explain(EMPTY))


def test_fallbacks(tiny_teacher):
    texts = tiny.WORDS[:20]
    options = {"objective": "sentences", "pca_dims": 8}
    model = distill(tiny_teacher, pca_dims=8)
    embedder = StaticEmbedder(tiny_teacher, **options)
    assert_points_at(lambda: distill(tiny_teacher, corpus=texts, **options))
    assert_points_at(lambda: embedder.fit(texts))
    assert_points_at(lambda: model.adapt(texts, tiny_teacher))
    with pytest.warns(TextWarning):
        embedder.fit(texts)
    assert_points_at(lambda: embedder.adapt(texts))
    assert_points_at(lambda: make_pipeline(embedder).fit_transform(texts))


def test_versions(tiny_static, monkeypatch, tmp_path):
    monkeypatch.setattr("skm2v._embedder.__version__", "0.0.1")
    data = pickle.dumps(StaticEmbedder())
    joblib.dump(StaticEmbedder(), tmp_path / "embedder")
    monkeypatch.undo()
    assert_points_at(lambda: pickle.loads(data))
    assert_points_at(lambda: joblib.load(tmp_path / "embedder"))


def test_the_filters_are_those_of_the_line_that_is_named(tiny_static):
    """As for any warning, "default" shows one for each line, and modules are those of the user."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("default", module=__name__.replace(".", r"\."))
        for _ in range(3):
            tiny_static.encode(EMPTY)
        tiny_static.encode(EMPTY)
    assert len(caught) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TextWarning):
            tiny_static.encode(EMPTY)
