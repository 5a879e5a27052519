"""Warnings point at the line of the user, however many libraries are in between."""

from __future__ import annotations

import inspect
import pickle
import warnings

import joblib
import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.pipeline import make_pipeline

import skm2v  # noqa: F401 - for the line that a warning shows
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
    monkeypatch.setattr("skm2v._version.__version__", "0.0.1")
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


# --- Told once ------------------------------------------------------------------------------------


def told_by(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if issubclass(w.category, (TextWarning, UserWarning))]


@pytest.fixture
def lossy(tiny_static):
    """A pipeline, and texts in each part of which one has no known token."""
    pipeline = make_pipeline(StaticEmbedder(tiny_static), LogisticRegression())
    return pipeline, [*EMPTY, *EMPTY[::-1]] * 15, [0, 1, 1, 0] * 15


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_warns_once_at_the_line_of_the_user(lossy, n_jobs):
    pipeline, texts, y = lossy
    grid = {"logisticregression__C": [0.1, 1.0, 10.0]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs, return_train_score=True)
    told = told_by(lambda: search.fit(texts, y))
    assert len(told) == 1
    assert "said once for all parts of the search or cross-validation" in told[0]
    assert_points_at(lambda: search.fit(texts, y))  # a second search warns again
    nested = told_by(lambda: cross_val_score(search, texts, y, cv=2))
    assert len(nested) == 1


def test_what_scikit_learn_runs_in_parts_warns_once(lossy):
    pipeline, texts, y = lossy
    calls = [
        lambda: cross_val_score(pipeline, texts, y, cv=4),
        lambda: cross_val_predict(pipeline, texts, y, cv=4),
        lambda: learning_curve(pipeline, texts, y, cv=3),
        lambda: HalvingGridSearchCV(pipeline, {"logisticregression__C": [1, 2]}, cv=2).fit(
            texts, y
        ),
        lambda: CalibratedClassifierCV(pipeline, cv=3).fit(texts, y),
    ]
    for call in calls:
        assert len(told_by(call)) == 1
        assert len(told_by(call)) == 1


def test_workers_stay_quiet(lossy):
    pipeline, texts, y = lossy
    for n_jobs, backend in ((2, "loky"), (2, "threading")):
        with joblib.parallel_config(backend=backend):
            run = lambda n_jobs=n_jobs: cross_val_score(pipeline, texts, y, cv=4, n_jobs=n_jobs)  # noqa: E731
            assert told_by(run) == []


def test_other_threads_of_the_user_are_no_workers_of_joblib(tiny_static):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        told = told_by(lambda: pool.submit(tiny_static.encode, EMPTY).result())
    assert len(told) == 1


def test_two_kinds_of_warnings_of_a_search_are_both_told(tiny_static):
    classifier = StaticTextClassifier(StaticEmbedder(tiny_static))
    texts = [*EMPTY, "free money"] * 10
    y = np.column_stack([np.arange(30) % 2, np.arange(30) == 3])
    told = told_by(lambda: cross_val_score(classifier, texts, y, cv=3))
    assert len(told) == 2


def test_a_warning_that_is_an_error_is_one_in_every_part(lossy):
    pipeline, texts, y = lossy
    with warnings.catch_warnings():
        warnings.simplefilter("error", TextWarning)
        with pytest.raises(ValueError, match="All the 4 fits failed"):
            cross_val_score(pipeline, texts, y, cv=4)


def test_a_warning_names_rows_and_how_to_hide_it(tiny_static):
    model = StaticEmbedder(tiny_static, max_length=2).fit(EMPTY)
    texts = ["\u0905", "bank", "a b c", *["\u0905"] * 6]
    (told,) = told_by(lambda: model.transform(texts))
    assert "No known token: rows 0, 3, 4, 5, 6 and 2 more. Cut: row 2." in told
    hint = told.partition("To hide it: ")[2].rstrip(".")
    assert hint == "warnings.simplefilter('ignore', skm2v.exceptions.TextWarning)"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        eval(hint)
        model.transform(texts)
    assert not caught


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_over_a_classifier_tells_what_training_texts_lost(tiny_static, n_jobs):
    classifier = StaticTextClassifier(StaticEmbedder(tiny_static))
    texts, y = [*EMPTY, "free money", "bank card"] * 6, [0, 1, 1, 0] * 6
    search = GridSearchCV(classifier, {"C": [0.1, 1.0]}, cv=2, n_jobs=n_jobs)
    (told,) = told_by(lambda: search.fit(texts, y))
    assert "said once for all parts" in told
    # Without workers the first part tells it, whose rows the user never sees; else the refit.
    refit = "Of 24 texts, 6 without a known token teach the intercept alone."
    assert (refit in told) == (n_jobs == 2)
    assert ("No known token: rows 0, 4, 8, 12, 16 and 1 more." in told) == (n_jobs == 2)
    assert_points_at(lambda: search.fit(texts, y))


def test_training_texts_are_named_by_their_rows(tiny_static):
    """Among them are texts that do not count: of no weight, or missing as the user allows."""
    embedder = StaticEmbedder(tiny_static, max_length=2, handle_missing="zero")
    classifier = StaticTextClassifier(embedder)
    texts = [None, "\u0905", "\u0905", "bank card", "free money", "bank of money", *["a b"] * 4]
    weights = [1.0, 0.0, *[1.0] * 8]
    fit = lambda: classifier.fit(texts, [0, 1] * 5, sample_weight=weights)  # noqa: E731
    (told,) = told_by(fit)
    assert "Of 10 texts, 1 without a known token teach the intercept alone and 1 were cut" in told
    assert "No known token: row 2. Cut: row 5." in told
    assert_points_at(fit)


def test_code_without_a_name_is_warned_too(tiny_static):
    """As by `exec(source, {})`, which rooms for code of others do."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec("model.encode(texts)", {"model": tiny_static, "texts": EMPTY})
    assert [(warning.category, warning.filename) for warning in caught] == [
        (TextWarning, "<string>")
    ]
