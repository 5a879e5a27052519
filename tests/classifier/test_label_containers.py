"""Labels and tags in every container; what comes out is NumPy's, whatever came in."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer

from skm2v import FusedTextClassifier, fuse

NAMES = ["art", "news", "sport"]


def tags_of(indicator):
    return [[NAMES[column] for column in np.flatnonzero(row)] for row in indicator]


def of_objects(rows):
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array


TAG_CONTAINERS = {
    "list of lists": list,
    "list of tuples": lambda tags: list(map(tuple, tags)),
    "list of sets": lambda tags: list(map(set, tags)),
    "list of arrays": lambda tags: [np.array(row, dtype=np.str_) for row in tags],
    "array of lists": of_objects,
    "array of sets": lambda tags: of_objects(list(map(frozenset, tags))),
    "column of an array": lambda tags: of_objects(tags)[:, None],
    "Series": lambda tags: pd.Series(tags, index=range(len(tags), 0, -1)),
    "Arrow Series": lambda tags: pd.Series(tags, dtype=pd.ArrowDtype(pa.list_(pa.string()))),
    "frame of one column": lambda tags: pd.DataFrame({"tags": tags}),
    "polars Series": lambda tags: pl.Series("tags", tags),
    "polars frame": lambda tags: pl.DataFrame({"tags": tags}),
    "Arrow array": pa.array,
    "Arrow column": lambda tags: pa.table({"tags": tags}).column(0),
    "Arrow table": lambda tags: pa.table({"tags": tags}),
    "narwhals Series": lambda tags: nw.from_native(pl.Series("tags", tags), series_only=True),
}


@pytest.mark.parametrize("container", TAG_CONTAINERS)
def test_tags_are_binarised_and_keep_their_names(classifier, indicator, container):
    texts, y = indicator
    expected = clone(classifier).fit(texts, y)
    tags = TAG_CONTAINERS[container](tags_of(y))
    classifier.fit(texts, tags)
    assert classifier.classes_.tolist() == NAMES
    assert_array_equal(classifier.decision_function(texts), expected.decision_function(texts))
    assert classifier.score(texts, tags) == expected.score(texts, y)
    assert classifier.score(texts, tags) == classifier.score(texts, y)


def test_names_of_tags_are_in_explanations_and_files(classifier, indicator, tmp_path):
    texts, y = indicator
    fused = fuse(classifier.fit(texts, tags_of(y)))
    fused.save(tmp_path / "tags.safetensors")
    loaded = FusedTextClassifier.load(tmp_path / "tags.safetensors")
    for fitted in (classifier, fused, loaded):
        explanation = fitted.explain(texts[:2])
        assert explanation.outputs == NAMES
        assert explanation.to_frame().columns[-3:].tolist() == NAMES
        assert fitted.classes_.tolist() == NAMES
        predicted = fitted.predict(texts)
        assert [fitted.classes_[row > 0].tolist() for row in predicted] == tags_of(predicted)


def test_class_weights_go_by_the_names_of_tags(classifier, indicator):
    texts, y = indicator
    classifier.set_params(class_weight={"sport": 20.0}, C=1.0)
    by_name = classifier.fit(texts, tags_of(y)).decision_function(texts)
    by_number = classifier.set_params(class_weight={2: 20.0}).fit(texts, y).decision_function(texts)
    assert_array_equal(by_name, by_number)
    with pytest.raises(ValueError, match="unknown classes: 2; the classes are 'art', 'news'"):
        classifier.fit(texts, tags_of(y))


FRAMES = {
    "pandas": pd.DataFrame,
    "pandas, nullable": lambda columns: pd.DataFrame(columns).astype("Int64"),
    "polars": pl.DataFrame,
    "Arrow": pa.table,
    "narwhals": lambda columns: nw.from_native(pd.DataFrame(columns), eager_only=True),
}


@pytest.mark.parametrize("library", FRAMES)
def test_columns_of_an_indicator_frame_name_the_labels(classifier, indicator, library):
    texts, y = indicator
    names = ["sport", "art", "news"]  # not sorted: the order of the columns stays
    frame = FRAMES[library](dict(zip(names, y.T, strict=True)))
    expected = clone(classifier).fit(texts, y)
    classifier.fit(texts, frame)
    assert classifier.classes_.tolist() == names
    assert_array_equal(classifier.predict(texts), expected.predict(texts))
    assert classifier.score(texts, frame) == expected.score(texts, y)


def test_columns_in_another_order_are_put_right_and_other_columns_refused(classifier, indicator):
    texts, y = indicator
    frame = pd.DataFrame(y, columns=NAMES)
    classifier.fit(texts, frame)
    assert classifier.score(texts, frame[NAMES[::-1]]) == classifier.score(texts, frame)
    with pytest.raises(ValueError, match="other names than the labels .* fitted on: 'art', 'x'"):
        classifier.score(texts, frame.rename(columns={"news": "x"}))
    plain = clone(classifier).fit(texts, y)
    assert plain.classes_.tolist() == [0, 1, 2]
    assert plain.score(texts, frame) == plain.score(texts, y)


def test_a_tag_that_was_not_fitted_counts_as_wrong(classifier, indicator):
    texts, y = indicator
    predicted = classifier.fit(texts, tags_of(y)).predict(texts)
    right = tags_of(predicted)
    assert classifier.score(texts, right) == 1
    with pytest.warns(UserWarning, match="not in the training data: 'zoo'; the classes are 'art'"):
        score = classifier.score(texts, [[*right[0], "zoo"], *right[1:]])
    assert score == 1 - 1 / len(texts)
    with pytest.raises(ValueError, match="none of the labels .* fitted on: 'ART', 'ZOO'"):
        classifier.score(texts[:2], [["ZOO"], ["ART"]])
    with pytest.raises(ValueError, match="one per text; got tags"):
        classifier.fit(texts, ["a", "b"] * (len(texts) // 2)).score(texts, right)


def test_numbers_are_tags_in_sets_only(classifier, indicator):
    texts, y = indicator
    sets = [set(np.flatnonzero(row).tolist()) for row in y]
    assert classifier.fit(texts, sets).classes_.tolist() == [0, 1, 2]
    assert_array_equal(classifier.predict(texts), clone(classifier).fit(texts, y).predict(texts))
    rows = classifier.fit(texts, y.tolist()).predict(texts)
    assert_array_equal(rows, clone(classifier).fit(texts, sets).predict(texts))


# --- Arrays of other libraries --------------------------------------------------------------------


def foreign_arrays(values):
    import dask.array
    import torch

    tensor = torch.tensor(values)
    yield "torch", tensor
    yield "torch with a gradient", tensor.float().requires_grad_()
    yield "list of torch scalars", list(tensor)
    yield "array of torch scalars", of_objects(list(tensor))
    lazy = dask.array.from_array(np.asarray(values), chunks=7)
    yield "dask", lazy
    yield "list of dask scalars", list(lazy[: len(values)])
    yield "list of Arrow scalars", list(pa.array(values))
    yield "list of NumPy arrays", [np.array(value) for value in values]


def test_labels_of_other_libraries_become_numpy_labels(classifier, data):
    texts, y = data[0][:20], data[1][:20].tolist()
    expected = clone(classifier).fit(texts, y).decision_function(texts)
    for what, labels in foreign_arrays(y):
        classifier.fit(texts, labels)
        assert type(classifier.classes_) is np.ndarray, what
        assert classifier.classes_.dtype.kind in "if", what
        assert_array_equal(classifier.decision_function(texts), expected, err_msg=what)
        assert classifier.score(texts, labels) == classifier.score(texts, y), what


def test_indicators_of_other_libraries(classifier, indicator):
    import dask.array
    import torch

    texts, y = indicator
    expected = classifier.fit(texts, y).predict(texts)
    for labels in (torch.tensor(y), list(torch.tensor(y)), dask.array.from_array(y)):
        assert_array_equal(clone(classifier).fit(texts, labels).predict(texts), expected)


def test_labels_of_dask_series(classifier, data):
    dataframe = pytest.importorskip("dask.dataframe")
    texts, y = data
    names = pd.Series(np.array(["ham", "spam"])[y])
    fitted = classifier.fit(texts, dataframe.from_pandas(names, npartitions=3))
    assert fitted.classes_.tolist() == ["ham", "spam"]


def test_a_pickle_after_labels_of_torch_needs_no_torch(classifier, data, tmp_path):
    import torch

    texts, y = data
    classifier.fit(texts, torch.tensor(y))
    path = tmp_path / "classifier.pickle"
    path.write_bytes(pickle.dumps(classifier))
    code = f"""
import json, pickle, sys
classifier = pickle.loads(open({str(path)!r}, "rb").read())
print(json.dumps(classifier.predict({texts[:4]!r}).tolist()))
assert "torch" not in sys.modules
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(run.stdout) == classifier.predict(texts[:4]).tolist()


@pytest.mark.parametrize("container", [list, of_objects, pd.Series, pl.Series, pa.array])
def test_a_zero_at_the_end_makes_another_class(classifier, data3, container):
    texts, y = data3
    labels = container(np.array(["a", "a\0", "b"], dtype=object)[y].tolist())
    classifier.fit(texts, labels)
    assert classifier.classes_.tolist() == ["a", "a\0", "b"]
    assert classifier.score(texts, labels) > 0.9
    assert set(classifier.predict(texts).tolist()) == {"a", "a\0", "b"}
    tags = [[label] for label in np.array(["a", "a\0", "b"], dtype=object)[y].tolist()]
    assert classifier.fit(texts, tags).classes_.tolist() == ["a", "a\0", "b"]


# --- Labels that are rare, or the same everywhere -------------------------------------------------


@pytest.mark.parametrize("value", [0, 1])
def test_a_constant_label_is_a_constant_column(classifier, indicator, value):
    texts, y = indicator
    y = np.insert(y, 1, value, axis=1)
    which = "every text has" if value else "no text has"
    with pytest.warns(UserWarning, match=rf"about labels that {which}, .* them: 1\.") as caught:
        classifier.fit(texts, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert (classifier.predict(texts)[:, 1] == value).all()
    others = clone(classifier).fit(texts, np.delete(y, 1, axis=1))
    assert_array_equal(
        np.delete(classifier.decision_function(texts), 1, axis=1), others.decision_function(texts)
    )
    # One of n + 2, where n texts were seen and there may be one of each kind.
    rare = 1 / (len(texts) + 2)
    probabilities = classifier.predict_proba(texts)[:, 1]
    np.testing.assert_allclose(probabilities, 1 - rare if value else rare, rtol=1e-5)


def test_cross_validation_with_a_rare_label_works_as_that_of_one_versus_rest(classifier, indicator):
    texts, y = indicator
    y = np.column_stack([y, np.arange(len(y)) == 5, np.arange(len(y)) > 0]).astype(int)
    peer = make_pipeline(clone(classifier.embedder), OneVsRestClassifier(LogisticRegression()))
    for estimator in (classifier, peer):
        with pytest.warns(UserWarning, match="Nothing can be learned|Label (not )?[34] is"):
            scores = cross_val_score(estimator, texts, y, cv=3, error_score="raise")
        assert np.isfinite(scores).all()
    with pytest.warns(UserWarning, match="Nothing can be learned"):
        probabilities = cross_val_predict(classifier, texts, y, cv=3, method="predict_proba")
    assert probabilities.shape == y.shape
    with pytest.warns(UserWarning, match="Nothing can be learned"):
        search = GridSearchCV(classifier, {"C": [0.1, 1.0]}, cv=3, error_score="raise")
        search.fit(texts, pd.DataFrame(y, columns=list("abcde")))
    assert search.best_estimator_.classes_.tolist() == list("abcde")


def test_a_weight_of_0_can_make_a_label_constant(classifier, indicator):
    texts, y = indicator
    weights = (y[:, 0] == 0).astype(float)
    with pytest.warns(UserWarning, match="no text has, .*: 0"):
        classifier.fit(texts, y, sample_weight=weights)
    assert not classifier.predict(texts)[:, 0].any()


def test_tags_are_those_of_multi_label_binarizer(classifier, indicator):
    texts, y = indicator
    tags = tags_of(y)
    binarizer = MultiLabelBinarizer()
    expected = clone(classifier).fit(texts, binarizer.fit_transform(tags))
    classifier.fit(texts, tags)
    assert_array_equal(classifier.classes_, binarizer.classes_)
    assert_array_equal(classifier.predict_proba(texts), expected.predict_proba(texts))
