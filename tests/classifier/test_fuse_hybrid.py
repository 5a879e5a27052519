"""Pipelines of a HybridVectorizer and a linear model are fused and explained."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.svm import SVC, LinearSVC

from skm2v import FusedTextClassifier, HybridVectorizer, StaticEmbedder, explain, fuse
from skm2v.exceptions import TextWarning
from tests.classifier.conftest import make_pairs_model

HEADS = [
    LogisticRegression(C=10),
    LinearSVC(),
    RidgeClassifier(),
    SGDClassifier(loss="log_loss", random_state=0),
]


def pipeline_of(model, head, **settings):
    vectorizer = HybridVectorizer(
        StaticEmbedder(model), normalize=False, dtype=np.float64, **settings
    )
    return make_pipeline(vectorizer, head)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: type(head).__name__)
@pytest.mark.parametrize("several", [False, True], ids=["two classes", "three"])
def test_decisions_are_those_of_the_pipeline(tiny_static, data, data3, head, several):
    texts, y = data3 if several else data
    pipeline = pipeline_of(tiny_static, head).fit(texts, y)
    fused = fuse(pipeline)
    expected = pipeline.decision_function(texts)
    assert_allclose(fused.decision_function(texts), expected, atol=1e-5 * np.abs(expected).max())
    assert_array_equal(fused.predict(texts), pipeline.predict(texts))
    assert_array_equal(fused.classes_, pipeline.classes_)
    if hasattr(head, "predict_proba"):
        assert_allclose(fused.predict_proba(texts), pipeline.predict_proba(texts), atol=1e-5)
    else:
        assert not hasattr(fused, "predict_proba")


@pytest.mark.parametrize("settings", [{"semantic_weight": 0}, {"max_pairs": 0}, {}], ids=str)
def test_all_kinds_of_features(data, settings):
    pipeline = pipeline_of(make_pairs_model(), Ridge(), **settings).fit(*data)
    texts = [*data[0], ""]
    with pytest.warns(UserWarning):
        fused = fuse(pipeline).predict(texts)
    with pytest.warns(UserWarning):
        assert_allclose(fused, pipeline.predict(texts), atol=1e-5)


def test_saved_and_explained(tiny_static, data, tmp_path):
    texts, y = data
    pipeline = pipeline_of(tiny_static, LogisticRegression(C=10)).fit(texts, y)
    fuse(pipeline).save(tmp_path / "model.safetensors")
    loaded = FusedTextClassifier.load(tmp_path / "model.safetensors")
    assert_array_equal(loaded.predict(texts), pipeline.predict(texts))
    explanation = explain(pipeline, texts)
    sums = np.add.reduceat(explanation.contributions[:, 0], explanation.indptr[:-1])
    assert_allclose(sums + explanation.intercept[0], pipeline.decision_function(texts), atol=1e-5)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (GaussianNB(), "no decision_function"),
        (SVC(kernel="linear"), "not those of its coef_|no coef_"),
        (OneVsRestClassifier(LinearSVC()), "no coef_"),
        (FixedThresholdClassifier(LogisticRegression(), threshold=0.9), "no coef_"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_fused_says_why(tiny_static, data3, data, head, message):
    texts, y = data if isinstance(head, FixedThresholdClassifier) else data3
    pipeline = pipeline_of(tiny_static, head)
    if isinstance(head, GaussianNB):
        pipeline.set_params(hybridvectorizer__sparse_output=False)
    pipeline.fit(texts, y)
    with pytest.raises(ValueError, match=f"cannot be fused: .*({message})"):
        fuse(pipeline)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("head", [LinearSVC(), LogisticRegression(), Ridge()], ids=str)
def test_features_that_are_normalized_are_explained(tiny_static, data3, head, weight):
    texts, y = data3
    vectorizer = HybridVectorizer(
        StaticEmbedder(tiny_static), semantic_weight=weight, dtype=np.float64
    )
    y = np.unique(y, return_inverse=True)[1] if isinstance(head, Ridge) else y
    pipeline = make_pipeline(vectorizer, clone(head)).fit(texts, y)
    asked = [*texts[:20], "", "unheard"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        explanation = explain(pipeline, asked)
        values = pipeline.predict(asked) if isinstance(head, Ridge) else None
        values = pipeline.decision_function(asked) if values is None else values
    expected = values.reshape(len(asked), -1)
    assert_allclose(explanation.decision, expected, rtol=1e-5, atol=1e-6)
    assert (abs(explanation.decision - explanation.intercept) > 1e-3).any()


def test_norms_that_a_table_cannot_tell_and_steps_between_are_refused(tiny_static, data):
    vectorizer = HybridVectorizer(StaticEmbedder(tiny_static))
    pipeline = make_pipeline(vectorizer, LinearSVC()).fit(*data)
    with pytest.raises(ValueError, match="Fit it with normalize=False"):
        fuse(pipeline)
    with pytest.raises(ValueError, match=r"HybridVectorizer and one of these"):
        fuse(make_pipeline(vectorizer, MaxAbsScaler(), LinearSVC()).fit(*data))
    with pytest.raises(NotFittedError):
        fuse(pipeline_of(tiny_static, LinearSVC()))
