"""fuse: the same decisions as the pipeline, or an error that names the step."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, LinearSVR

from skm2v import (
    FusedTextClassifier,
    FusedTextRegressor,
    StaticEmbedder,
    StaticTextClassifier,
    fuse,
)
from skm2v.exceptions import TextTypeError, TextWarning

from .conftest import make_pairs_model

HEADS = {
    "logistic": LogisticRegression(C=10),
    "one-versus-rest": OneVsRestClassifier(LogisticRegression(C=10)),
    "svm": LinearSVC(),
    "log loss": SGDClassifier(loss="log_loss", random_state=0),
    "huber": SGDClassifier(loss="modified_huber", random_state=0),
    "ridge": RidgeClassifier(),
    "perceptron": Perceptron(),
    "discriminant": LinearDiscriminantAnalysis(),
}
STEPS = {
    "none": (),
    "standard": (StandardScaler(),),
    "robust, pca": (RobustScaler(), PCA(6)),
    "min-max": (MinMaxScaler(), "passthrough"),
    "max-abs, svd": (MaxAbsScaler(), TruncatedSVD(5, random_state=0)),
}


def double(pipeline, texts):
    """Vectors of texts in float64: scikit-learn computes in the type that it gets."""
    return pipeline[:-1].transform(texts).astype(np.float64)


def assert_same(fused, pipeline, texts):
    """Compare up to the rounding of scikit-learn's own float32 arithmetic."""
    expected = pipeline.decision_function(texts)
    actual = fused.decision_function(texts)
    assert actual.shape == expected.shape
    size = max(1.0, float(np.abs(expected).max()))
    assert_allclose(actual, expected, rtol=0, atol=1e-5 * size)
    assert_array_equal(fused.predict(texts), pipeline.predict(texts))
    assert fused.predict(texts).dtype == pipeline.predict(texts).dtype
    assert hasattr(fused, "predict_proba") == hasattr(pipeline, "predict_proba")
    if hasattr(pipeline, "predict_proba"):
        assert_allclose(fused.predict_proba(texts), pipeline.predict_proba(texts), atol=1e-5)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("head", HEADS)
def test_classifiers(any_tiny_static, data, data3, head, n_classes, normalize):
    texts, y = data if n_classes == 2 else data3
    embedder = StaticEmbedder(any_tiny_static, normalize=normalize)
    pipeline = make_pipeline(embedder, clone(HEADS[head])).fit(texts, y)
    fused = fuse(pipeline)
    assert isinstance(fused, FusedTextClassifier)
    assert_same(fused, pipeline, texts)
    assert fused.score(texts, y) == pipeline.score(texts, y)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("steps", STEPS)
def test_steps_between(tiny_static, data3, steps, normalize):
    texts, y = data3
    embedder = StaticEmbedder(tiny_static, normalize=normalize)
    pipeline = make_pipeline(embedder, *STEPS[steps], LogisticRegression()).fit(texts, y)
    assert_same(fuse(pipeline), pipeline, texts)


def test_steps_with_column_names(tiny_static, data):
    pytest.importorskip("pandas")
    pipeline = make_pipeline(StaticEmbedder(tiny_static), StandardScaler(), LinearSVC())
    pipeline.set_output(transform="pandas").fit(*data)
    assert_same(fuse(pipeline), pipeline, data[0])


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_tables(tiny_static, data, dtype, normalize):
    embedder = StaticEmbedder(tiny_static.quantized(dtype), normalize=normalize)
    pipeline = make_pipeline(embedder, LinearSVC()).fit(*data)
    assert_same(fuse(pipeline), pipeline, data[0])


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_pairs_mapping_and_weights(data, kind, normalize):
    texts = [f"{text} of to and bank card" for text in data[0]]
    embedder = StaticEmbedder(make_pairs_model(kind), normalize=normalize, max_length=40)
    pipeline = make_pipeline(embedder, LinearSVC()).fit(texts, data[1])
    assert_same(fuse(pipeline), pipeline, texts)


@pytest.mark.parametrize("normalize", [False, True])
def test_empty_and_truncated_texts(tiny_static, data, normalize):
    embedder = StaticEmbedder(tiny_static, normalize=normalize, max_length=4)
    with pytest.warns(TextWarning):
        pipeline = make_pipeline(embedder, StandardScaler(), LogisticRegression()).fit(*data)
    fused = fuse(pipeline)
    with pytest.warns(TextWarning):
        expected = pipeline.decision_function(["", "free money bank card win", "the"])
    with pytest.warns(TextWarning, match="Of 3 texts, 1 without a known token are.*and 1 were cut"):
        actual = fused.decision_function(["", "free money bank card win", "the"])
    assert_allclose(actual, expected, atol=1e-5)


def test_missing_texts(tiny_static, data):
    embedder = StaticEmbedder(tiny_static, handle_missing="zero")
    pipeline = make_pipeline(embedder, LogisticRegression()).fit(*data)
    assert_allclose(
        fuse(pipeline).decision_function([None, "bank"]), pipeline.decision_function([None, "bank"])
    )


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("head", [Ridge(), LinearRegression(), LinearSVR()])
def test_regressors(tiny_static, data, head, normalize):
    texts = data[0]
    y = np.array([len(text) for text in texts], dtype=float)
    pipeline = make_pipeline(StaticEmbedder(tiny_static, normalize=normalize), head).fit(texts, y)
    fused = fuse(pipeline)
    assert isinstance(fused, FusedTextRegressor)
    assert is_regressor(fused)
    assert_allclose(fused.predict(texts), pipeline.predict(texts), rtol=1e-5)
    assert fused.score(texts, y) == pytest.approx(pipeline.score(texts, y))


def test_regressors_of_several_targets(tiny_static, data):
    texts = data[0]
    targets = np.array([[len(text), text.count(" ")] for text in texts], dtype=float)
    pipeline = make_pipeline(StaticEmbedder(tiny_static), Ridge()).fit(texts, targets)
    fused = fuse(pipeline)
    assert_allclose(fused.predict(texts), pipeline.predict(texts), rtol=1e-5)
    assert fused.explain(texts[:3]).outputs == [0, 1]


@pytest.mark.parametrize("head", [OneVsRestClassifier(LogisticRegression()), RidgeClassifier()])
def test_several_labels(tiny_static, indicator, head):
    texts, y = indicator
    pipeline = make_pipeline(StaticEmbedder(tiny_static), clone(head)).fit(texts, y)
    assert_same(fuse(pipeline), pipeline, texts)


def test_text_classifier(fitted):
    classifier, texts, y = fitted
    fused = fuse(classifier)
    assert_array_equal(fused.decision_function(texts), classifier.decision_function(texts))
    assert_array_equal(fused.predict_proba(texts), classifier.predict_proba(texts))
    assert_array_equal(fused.predict(texts), classifier.predict(texts))
    assert fused.score(texts, y) == classifier.score(texts, y)


def test_a_text_classifier_as_the_only_step(fitted):
    classifier, texts, _ = fitted
    expected = classifier.decision_function(texts)
    for pipeline in (
        make_pipeline(classifier),
        make_pipeline("passthrough", None, classifier),
        make_pipeline(make_pipeline(make_pipeline(classifier), "passthrough")),
    ):
        assert_array_equal(fuse(pipeline).decision_function(texts), expected)


@pytest.mark.parametrize("normalize", [False, True])
def test_pipelines_in_pipelines(tiny_static, data3, normalize):
    texts, y = data3
    embedder = StaticEmbedder(tiny_static, normalize=normalize)
    pipeline = make_pipeline(
        make_pipeline(embedder, StandardScaler()),
        make_pipeline(PCA(6), make_pipeline("passthrough", LogisticRegression())),
    )
    assert_same(fuse(pipeline.fit(texts, y)), pipeline, texts)


# --- What cannot be fused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((Normalizer(), LogisticRegression()), r"'normalizer' \(Normalizer\).*not a linear"),
        ((PolynomialFeatures(2), LinearSVC()), "'polynomialfeatures'.*not a linear function"),
        ((MinMaxScaler(clip=True), LinearSVC()), "'minmaxscaler'.*not a linear function"),
        ((SVC(),), "'svc'.*not a linear function"),
        ((KNeighborsClassifier(),), "'kneighborsclassifier'.*no decision_function"),
        ((GaussianNB(),), "'gaussiannb'.*no decision_function"),
        ((OneVsOneClassifier(LinearSVC()),), "'onevsoneclassifier'"),
        ((OneVsRestClassifier(SVC()),), "'onevsrestclassifier'.*not a linear function"),
        ((CalibratedClassifierCV(LinearSVC(), cv=2),), "'calibratedclassifiercv'.*no decision_fun"),
        ((make_pipeline(Normalizer(), LinearSVC()),), "'pipeline__normalizer'.*not a linear"),
        ((MultiOutputClassifier(LinearSVC()),), "'multioutputclassifier'"),
        ((PoissonRegressor(),), "'poissonregressor'.*not a linear function"),
    ],
    ids=lambda value: None if isinstance(value, str) else type(value[0]).__name__,
)
def test_refused_steps(tiny_static, data3, steps, message):
    texts, y = data3
    if isinstance(steps[-1], MultiOutputClassifier):
        y = np.stack([y == 0, y == 1], axis=1)
    pipeline = make_pipeline(StaticEmbedder(tiny_static), *steps).fit(texts, y)
    with pytest.raises(ValueError, match=f"Step {message}"):
        fuse(pipeline)


@pytest.mark.parametrize("threshold", [0.3, 0.9])
def test_a_threshold_of_its_own_is_refused(tiny_static, data, threshold):
    head = FixedThresholdClassifier(LogisticRegression(), threshold=threshold)
    pipeline = make_pipeline(StaticEmbedder(tiny_static), head).fit(*data)
    with pytest.raises(ValueError, match="'fixedthresholdclassifier'.*at another place than 0"):
        fuse(pipeline)


def test_refused_estimators(tiny_static, data):
    with pytest.raises(TypeError, match="got LogisticRegression"):
        fuse(LogisticRegression())
    pipeline = make_pipeline(StaticEmbedder(tiny_static), LogisticRegression())
    with pytest.raises(NotFittedError):
        fuse(pipeline)
    with pytest.raises(NotFittedError):
        fuse(StaticTextClassifier())
    search = GridSearchCV(pipeline, {"logisticregression__C": [1]}, cv=2).fit(*data)
    with pytest.raises(TypeError, match="best_estimator_"):
        fuse(search)
    assert isinstance(fuse(search.best_estimator_), FusedTextClassifier)
    with pytest.raises(ValueError, match="Step 'standardscaler'.*StaticEmbedder, scalers"):
        fuse(make_pipeline(StandardScaler(), LogisticRegression()))
    with pytest.raises(ValueError, match="Step 'staticembedder'"):
        fuse(make_pipeline(StaticEmbedder(tiny_static)).fit(data[0]))
    for empty in (make_pipeline("passthrough"), make_pipeline(make_pipeline(None))):
        with pytest.raises(ValueError, match="without steps"):
            fuse(empty)
    with pytest.raises(NotFittedError):
        fuse(make_pipeline(StaticTextClassifier()))
    classifier = StaticTextClassifier(StaticEmbedder(tiny_static)).fit(*data)
    with pytest.raises(ValueError, match="'statictextclassifier'.*or a StaticTextClassifier alone"):
        fuse(make_pipeline(classifier, LogisticRegression()))
    with pytest.raises(ValueError, match="Step 'onevsrestclassifier'"):
        fuse(make_pipeline(OneVsRestClassifier(classifier).fit(*data)))
    with pytest.raises(TypeError, match="got OneVsRestClassifier"):
        fuse(OneVsRestClassifier(classifier).fit(*data))


# --- As an estimator ----------------------------------------------------------------------------


@pytest.fixture
def fused(tiny_static, data):
    embedder = StaticEmbedder(tiny_static, normalize=False)
    return fuse(make_pipeline(embedder, LogisticRegression()).fit(*data))


def test_is_an_estimator(fused, data):
    assert is_classifier(fused)
    assert clone(fused) is fused
    assert "1 outputs, 231 tokens, 0 pairs, 0.0 MB" in repr(fused)
    assert fused.set_params(n_jobs=2) is fused
    assert fused.get_params() == {"handle_missing": "error", "n_jobs": 2}
    with pytest.raises(ValueError, match="no parameters"):
        fused.set_params(C=1)
    with pytest.raises(TypeError, match="fit the pipeline"):
        fused.fit(*data)


def test_scikit_learn_can_display_it(fused, data):
    pytest.importorskip("matplotlib").use("agg")
    display = ConfusionMatrixDisplay.from_estimator(fused, *data)
    assert display.confusion_matrix.sum() == len(data[0])


def test_settings_can_be_changed(tiny_static, data):
    embedder = StaticEmbedder(tiny_static, handle_missing="zero", n_jobs=2)
    pipeline = make_pipeline(embedder, LogisticRegression()).fit(*data)
    assert fuse(pipeline).get_params() == {"handle_missing": "zero", "n_jobs": 2}
    fused = fuse(pipeline, handle_missing="error", n_jobs=1)
    assert fused.get_params() == {"handle_missing": "error", "n_jobs": 1}
    with pytest.raises(ValueError, match="Missing texts in row 0"):
        fused.predict([None])
    fused.set_params(handle_missing="zero")
    assert_array_equal(fused.decision_function([None]), fused.scores_.intercept)
    fused = fuse(
        StaticTextClassifier(StaticEmbedder(tiny_static)).fit(*data), handle_missing="zero"
    )
    assert_array_equal(fused.decision_function([None]), fused.scores_.intercept)


@pytest.mark.parametrize(
    "setting", [{"handle_missing": "drop"}, {"handle_missing": []}, {"n_jobs": 0}, {"n_jobs": "2"}]
)
def test_invalid_settings(tiny_static, data, fused, setting):
    name = next(iter(setting))
    with pytest.raises(ValueError, match=f"{name} must be"):
        fused.set_params(**setting)
    assert fused.get_params() == {"handle_missing": "error", "n_jobs": None}
    pipeline = make_pipeline(StaticEmbedder(tiny_static), Ridge()).fit(*data)
    with pytest.raises(ValueError, match=f"{name} must be"):
        fuse(pipeline, **setting)


def test_it_can_be_calibrated(fused, data):
    frozen = pytest.importorskip("sklearn.frozen")  # scikit-learn 1.6
    calibrated = CalibratedClassifierCV(frozen.FrozenEstimator(fused)).fit(*data)
    assert_array_equal(calibrated.predict(data[0]), fused.predict(data[0]))


def test_pickles(fused, data):
    copy = pickle.loads(pickle.dumps(fused))
    assert_array_equal(copy.predict_proba(data[0]), fused.predict_proba(data[0]))


def test_input_is_checked(fused):
    with pytest.raises(TextTypeError, match="single string"):
        fused.predict("bank")
    with pytest.raises(ValueError, match="Missing texts in row 1"):
        fused.predict(["bank", None])
    assert fused.predict([]).shape == (0,)
    with pytest.warns(UserWarning, match="not in the training data: 4"):
        assert fused.score(["bank"], [4]) == 0


def test_rows_are_independent(fused, data):
    texts = data[0]
    whole = fused.decision_function(texts)
    one_by_one = [fused.decision_function([text])[0] for text in texts]
    assert_array_equal(whole, one_by_one)
    assert_array_equal(fused.set_params(n_jobs=2).decision_function(texts), whole)


def test_no_vector_is_built(fused):
    """The table holds one score per token, beside its count, a few bytes each."""
    assert fused.scores_.table.dim == 2
    assert fused.nbytes == 231 * 8 + 8


def test_sums_are_exact(fused):
    """Added up in float32, equal scores would drift by the rounding of every step."""
    word = "free"
    score = fused.scores_.table.rows[fused.scores_.tokenizer.vocabulary[word], 0]
    for n in (100, 300, 500):
        value = fused.decision_function([f"{word} " * n])[0]
        assert abs(value - score - fused.scores_.intercept[0]) <= 1e-7 * abs(score)


def test_frozen_estimators_count_as_what_is_in_them(tiny_static, data):
    texts, y = data
    pipeline = make_pipeline(StaticEmbedder(tiny_static), LogisticRegression()).fit(texts, y)
    expected = fuse(pipeline).decision_function(texts)
    frozen = Pipeline([(name, FrozenEstimator(step)) for name, step in pipeline.steps])
    for estimator in (FrozenEstimator(pipeline), frozen, FrozenEstimator(FrozenEstimator(frozen))):
        assert_array_equal(fuse(estimator).decision_function(texts), expected)
    classifier = StaticTextClassifier(StaticEmbedder(tiny_static)).fit(texts, y)
    assert fuse(FrozenEstimator(classifier)).score(texts, y) == classifier.score(texts, y)
