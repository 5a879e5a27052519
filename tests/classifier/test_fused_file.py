"""Files of fused models: whole, checked, shared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import save as dump
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline

from skm2v import (
    FusedTextClassifier,
    FusedTextRegressor,
    StaticEmbedder,
    StaticTextClassifier,
    fuse,
)
from skm2v._classification.fused_file import FUSED
from skm2v._model import files
from skm2v._model.sealed import Content
from skm2v.exceptions import ModelFormatError
from tests.model.test_mapped import is_mapped

from .conftest import make_pairs_model

ROOT = Path(__file__).parents[2]


@pytest.fixture
def saved(tiny_static, data, tmp_path):
    embedder = StaticEmbedder(tiny_static, normalize=False, max_length=40)
    fused = fuse(make_pipeline(embedder, LogisticRegression()).fit(*data))
    path = tmp_path / "fused.safetensors"
    fused.save(path)
    return fused, path


def read(path):
    with safe_open(path, "np") as file:
        document = json.loads(file.metadata()[FUSED.key])
        return {name: file.get_tensor(name) for name in file.keys()}, document  # noqa: SIM118


def write(path, tensors, document, *, signed=True):
    """Write a file with a right hash, so that only the check in question can refuse it."""
    if signed and isinstance(document["settings"], dict) and document["tokenizer"] != 3:
        content = Content(document["settings"], tensors, document["tokenizer"])
        document = {**document, "sha256": content.sha256(document["format"])}
    path.write_bytes(dump(tensors, {FUSED.key: json.dumps(document)}))


def changed(document, **changes):
    """A document with other fields or settings."""
    fields = {name: value for name, value in changes.items() if name in document}
    settings = {name: value for name, value in changes.items() if name not in document}
    return {**document, "settings": {**document["settings"], **settings}, **fields}


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("table", ["float32", "int8", "pairs"])
def test_round_trip(tiny_static, data3, tmp_path, table, normalize, mmap):
    model = make_pairs_model() if table == "pairs" else tiny_static.quantized(table)
    embedder = StaticEmbedder(model, normalize=normalize)
    fused = fuse(make_pipeline(embedder, LogisticRegression()).fit(*data3))
    fused.save(tmp_path / "f")
    loaded = FusedTextClassifier.load(tmp_path / "f", mmap=mmap)
    assert_array_equal(loaded.predict_proba(data3[0]), fused.predict_proba(data3[0]))
    assert_array_equal(loaded.predict(data3[0]), fused.predict(data3[0]))
    loaded.save(tmp_path / "g")
    assert (tmp_path / "g").read_bytes() == (tmp_path / "f").read_bytes()
    # What the kernel goes by was checked once, and cannot be changed by way of the file.
    numbers = loaded.scores_.table.pairs
    assert (numbers is not None) == (table == "pairs")
    assert is_mapped(loaded.scores_.table.rows) == mmap and not is_mapped(numbers)


def test_round_trip_of_classifiers(fitted, tmp_path):
    classifier, texts, _ = fitted
    fuse(classifier).save(tmp_path / "f")
    loaded = FusedTextClassifier.load(tmp_path / "f")
    assert_array_equal(loaded.predict_proba(texts), classifier.predict_proba(texts))
    assert_array_equal(loaded.predict(texts), classifier.predict(texts))
    assert loaded.explain(texts[:2]).outputs == classifier.explain(texts[:2]).outputs


def test_round_trip_of_regressors(tiny_static, data, tmp_path):
    pipeline = make_pipeline(StaticEmbedder(tiny_static), Ridge()).fit(data[0], data[1] * 1.5)
    fuse(pipeline).save(tmp_path / "f")
    loaded = FusedTextRegressor.load(tmp_path / "f")
    assert_array_equal(loaded.predict(data[0]), fuse(pipeline).predict(data[0]))
    with pytest.raises(ModelFormatError, match="holds a regressor; load it with FusedTextRegr"):
        FusedTextClassifier.load(tmp_path / "f")


@pytest.mark.parametrize(
    "labels",
    [["no", "yés"], [False, True], [-1, 1], [0.5, 2.5], np.array(["b", "a"], dtype=object)]
    + [np.array([1, 2], dtype=object), np.array([2**70, -1], dtype=object)],
    ids=str,
)
def test_classes_keep_their_type(tiny_static, data, tmp_path, labels):
    classes = np.unique(np.asarray(labels))
    pipeline = make_pipeline(StaticEmbedder(tiny_static), RidgeClassifier())
    fused = fuse(pipeline.fit(data[0], data[1]))
    fused.classes_ = classes
    fused.save(tmp_path / "f")
    loaded = FusedTextClassifier.load(tmp_path / "f").classes_
    assert loaded.dtype == classes.dtype
    assert_array_equal(loaded, classes)
    assert [*map(type, loaded.tolist())] == [*map(type, classes.tolist())]


def test_classes_of_several_types_keep_them(saved, tmp_path):
    fused, _ = saved
    fused.classes_ = np.array(["1", 1], dtype=object)
    fused.save(tmp_path / "f")
    assert FusedTextClassifier.load(tmp_path / "f").classes_.tolist() == ["1", 1]


def test_classes_of_mixed_objects_are_not_saved(saved, tmp_path):
    fused, _ = saved
    fused.classes_ = np.array([("a", 1), ("b", 2)], dtype="O,i4")
    with pytest.raises(ValueError, match="cannot be saved"):
        fused.save(tmp_path / "g")
    assert not (tmp_path / "g").exists()


def test_a_save_replaces_or_leaves(saved, monkeypatch):
    fused, path = saved
    before = path.read_bytes()

    def fail(source, target):
        raise OSError("no space")

    monkeypatch.setattr("skm2v._model.files.replace", fail)
    with pytest.raises(OSError, match="no space"):
        fused.save(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_save_waits_for_its_turn_and_cleans_up(saved, monkeypatch):
    fused, path = saved
    killed = path.with_name(f"{files.TEMPORARY}{'0' * 32}-abcdefgh.tmp")
    killed.write_text("of a saver that was killed")
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.05)
    before = path.read_bytes()
    with files.exclusive(path.parent), pytest.raises(TimeoutError, match="Another process"):
        fused.save(path)
    assert path.read_bytes() == before and killed.exists()
    fused.save(path)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("mmap", [False, True])
def test_paths(saved, tmp_path, mmap):
    fused, path = saved
    with pytest.raises(FileNotFoundError):
        FusedTextClassifier.load(tmp_path / "missing", mmap=mmap)
    with pytest.raises((OSError, ModelFormatError)):
        FusedTextClassifier.load(tmp_path, mmap=mmap)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFormatError, match="not a regular file"):
        FusedTextClassifier.load(tmp_path / "pipe", mmap=mmap)
    (tmp_path / "empty").touch()
    with pytest.raises(ModelFormatError, match="truncated"):
        FusedTextClassifier.load(tmp_path / "empty", mmap=mmap)
    with pytest.raises(IsADirectoryError):
        fused.save(tmp_path)
    with pytest.raises(ModelFormatError, match="no fused model"):
        (tmp_path / "other").write_bytes(dump({"a": np.zeros(2, np.float32)}))
        FusedTextClassifier.load(tmp_path / "other", mmap=mmap)


@pytest.mark.parametrize("mmap", [False, True])
def test_every_flipped_byte_is_found(saved, mmap):
    _, path = saved
    content = path.read_bytes()
    for position in np.linspace(0, len(content) - 1, 400).astype(int):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ModelFormatError):
            FusedTextClassifier.load(path, mmap=mmap)
    for length in (0, 7, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFormatError):
            FusedTextClassifier.load(path, mmap=mmap)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2; skm2v .* reads formats up to 1. Upgrade"),
        ({"format": True}, "no valid format number"),
        ({"format": "1"}, "no valid format number"),
        ({"format": 0}, "no valid format number"),
        ({"kind": "clusterer"}, "malformed"),
        ({"form": "max"}, "malformed"),
        ({"form": "unit"}, "if, and only if"),
        ({"form": "scaled"}, "columns"),
        ({"link": "magic"}, "malformed"),
        ({"link": ["binary"]}, "malformed"),
        ({"link": "softmax"}, "do not fit 2 classes"),
        ({"multilabel": 1}, "malformed"),
        ({"multilabel": True}, "do not fit"),
        ({"max_length": 0}, "malformed"),
        ({"max_length": True}, "malformed"),
        ({"handle_missing": "drop"}, "malformed"),
        ({"tokenizer": 3}, "wrong type"),
        ({"tokenizer": None}, "no tokenizer"),
        ({"settings": []}, "wrong type"),
        ({"tokenizer": "{}"}, "okenizer"),
        ({"classes": None}, "classes are malformed"),
        ({"classes": {"dtype": "int64", "values": [1, 1]}}, "classes are malformed"),
        ({"classes": {"dtype": "int64", "values": ["1", "2"]}}, "classes are malformed"),
        ({"classes": {"dtype": "int8", "values": [1, 1000]}}, "classes are malformed"),
        ({"classes": {"dtype": "O", "values": ["a", "b"]}}, "classes are malformed"),
        ({"classes": {"dtype": "str", "values": ["a", "b", "c"]}}, "do not fit 3 classes"),
        ({"classes": {"dtype": "str", "values": ["a"]}}, "do not fit 1 classes"),
        ({"extra": 1}, "malformed"),
    ],
    ids=str,
)
def test_tampered_metadata(saved, change, message):
    _, path = saved
    tensors, document = read(path)
    write(path, tensors, changed(document, **change))
    with pytest.raises(ModelFormatError, match=message):
        FusedTextClassifier.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": None}, "has the tensors"),
        ({"extra": np.zeros(1)}, "has the tensors"),
        ({"rows": np.zeros((231, 3), np.float32)}, "columns"),
        ({"rows": np.zeros((230, 2), np.float32)}, "tokens"),
        ({"rows": np.zeros(231, np.float32)}, "1-D"),
        ({"rows": np.full((231, 2), np.nan, np.float32)}, "finite"),
        ({"intercept": np.zeros(1, np.float32)}, "'intercept' is 1-D of float32"),
        ({"intercept": np.array([np.inf])}, "finite"),
        ({"intercept": np.zeros(0)}, "columns"),
        ({"coef": np.zeros((1, 1))}, "coefficients"),
        ({"mapping": np.full(231, 999, np.int32)}, "mapping"),
        ({"pairs": np.array([[0, 999]], np.int32)}, "pairs"),
        ({"inverse_temperature": np.ones(3)}, "do not fit"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value,
)
def test_tampered_tensors(saved, change, message):
    _, path = saved
    tensors, document = read(path)
    tensors = {name: array for name, array in {**tensors, **change}.items() if array is not None}
    write(path, tensors, document)
    with pytest.raises(ModelFormatError, match=message):
        FusedTextClassifier.load(path)


def test_an_untouched_rewrite_loads(saved, data):
    """The tamperings above are refused for what they change."""
    fused, path = saved
    write(path, *read(path))
    assert_array_equal(FusedTextClassifier.load(path).predict(data[0]), fused.predict(data[0]))
    tensors, document = read(path)
    write(path, tensors, changed(document, max_length=7), signed=False)
    with pytest.raises(ModelFormatError, match="SHA-256"):
        FusedTextClassifier.load(path)


CHILD = """
import sys
BLOCKED = ("torch", "transformers", "huggingface_hub", "pandas", "sklearn.svm",
    "sklearn.linear_model", "sklearn.model_selection")
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(BLOCKED):
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocker())
from skm2v import FusedTextClassifier
model = FusedTextClassifier.load(sys.argv[1], mmap=True)
print(*model.predict(["free money", "the bank card"]), *model.predict_proba(["win"])[0].round(6))
print(*(n for n in ("sklearn.pipeline", "sklearn.decomposition") if n in sys.modules))
"""


def test_prediction_needs_no_training_code(saved):
    fused, path = saved
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    predicted, modules = run.stdout.splitlines()
    expected = [*fused.predict(["free money", "the bank card"]), *fused.predict_proba(["win"])[0]]
    np.testing.assert_allclose(np.array(predicted.split(), float), expected, atol=1e-6)
    assert modules == ""


def test_mapped_table_is_not_copied(saved):
    _, path = saved
    rows = FusedTextClassifier.load(path, mmap=True).scores_.table.rows
    assert not rows.flags.owndata
    base = rows
    while isinstance(base, np.ndarray):
        base = base.base
    assert type(base.obj).__name__ == "mmap"


def test_a_classifier_that_was_fitted_saves_what_it_is(tiny_static, indicator, tmp_path):
    classifier = StaticTextClassifier(StaticEmbedder(tiny_static, handle_missing="zero"))
    fuse(classifier.fit(*indicator)).save(tmp_path / "f")
    loaded = FusedTextClassifier.load(tmp_path / "f")
    assert loaded.predict([None, "bank"]).shape == (2, 3)


@pytest.mark.parametrize("mmap", [False, True])
def test_settings_of_whoever_loads(saved, tmp_path, mmap):
    fused, path = saved
    assert FusedTextClassifier.load(path).get_params() == {
        "handle_missing": "error",
        "n_jobs": None,
    }
    loaded = FusedTextClassifier.load(path, mmap=mmap, handle_missing="zero", n_jobs=2)
    assert loaded.get_params() == {"handle_missing": "zero", "n_jobs": 2}
    assert_array_equal(loaded.decision_function([None]), fused.scores_.intercept)
    loaded.save(tmp_path / "zero")  # missing texts belong to the model, threads to the machine
    again = FusedTextClassifier.load(tmp_path / "zero")
    assert again.get_params() == {"handle_missing": "zero", "n_jobs": None}
    assert FusedTextClassifier.load(tmp_path / "zero", handle_missing="error")._missing == "error"
    with pytest.raises(ValueError, match="handle_missing must be"):
        FusedTextClassifier.load(path, handle_missing="drop")


def test_settings_of_a_regressor(tiny_static, data, tmp_path):
    pipeline = make_pipeline(StaticEmbedder(tiny_static), Ridge()).fit(*data)
    fuse(pipeline, handle_missing="zero").save(tmp_path / "f")
    loaded = FusedTextRegressor.load(tmp_path / "f", n_jobs=-1)
    assert loaded.get_params() == {"handle_missing": "zero", "n_jobs": -1}
    assert_array_equal(loaded.predict([None]), loaded.scores_.intercept)
