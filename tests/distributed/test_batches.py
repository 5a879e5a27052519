"""Batches of Arrow keep their rows and columns, and get one more."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pyarrow
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder, StaticModel, StaticTextClassifier, fuse
from skm2v._distributed import model_source
from skm2v.distributed import BatchTransformer
from skm2v.exceptions import ModelFormatError, TextValueError

TEXTS = ["Win a free phone now", "Claim your prize", "See you at lunch", "Call me later"]
LABELS = ["spam", "spam", "ham", "ham"]


@pytest.fixture(scope="module")
def model():
    return StaticModel.from_pretrained("default")


@pytest.fixture(scope="module")
def classifier():
    return StaticTextClassifier().fit(TEXTS, LABELS)


@pytest.fixture
def batch():
    return pyarrow.RecordBatch.from_pydict({"id": [3, 1, 2, 0], "text": TEXTS})


def values_of(batch, name="vector"):
    return np.array(batch.column(batch.schema.names.index(name)).to_pylist())


@pytest.mark.parametrize("kind", ["RecordBatch", "Table"])
def test_vectors_are_those_of_one_call(model, batch, kind):
    given = batch if kind == "RecordBatch" else pyarrow.Table.from_batches([batch, batch])
    made = BatchTransformer(model, "text")(given)
    assert type(made) is type(given)
    assert made.schema.names == ["id", "text", "vector"]
    assert made.select(["id", "text"]).equals(given)
    texts = given.column("text").to_pylist()
    np.testing.assert_array_equal(values_of(made).astype(np.float32), model.encode(texts))
    of_any_size = BatchTransformer(model, "text", fixed_size=False)(given)
    assert of_any_size.schema.field("vector").type == pyarrow.list_(pyarrow.float32())
    np.testing.assert_array_equal(values_of(of_any_size), values_of(made))


def test_an_embedder_a_classifier_and_its_probabilities(classifier, batch):
    fused = fuse(classifier)
    embedder = StaticEmbedder().fit(TEXTS)
    vectors = values_of(BatchTransformer(embedder, "text")(batch)).astype(np.float32)
    np.testing.assert_array_equal(vectors, embedder.transform(TEXTS))
    for one in (classifier, fused):
        named = BatchTransformer(one, "text", output="label")(batch)
        assert named.column("label").to_pylist() == one.predict(TEXTS).tolist()
        shares = BatchTransformer(one, "text", method="predict_proba")(batch)
        np.testing.assert_array_equal(values_of(shares), one.predict_proba(TEXTS))


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_an_empty_batch_has_the_type_of_others(classifier, batch, method):
    add = BatchTransformer(classifier, "text", method=method)
    assert add(batch.slice(0, 0)).schema == add(batch).schema == add.schema(batch.schema)
    assert add(batch.slice(0, 0)).num_rows == 0


def test_a_pipeline_whose_classifier_refuses_no_rows(batch):
    classifier = make_pipeline(StaticEmbedder(), LogisticRegression()).fit(TEXTS, LABELS)
    add = BatchTransformer(classifier, "text")
    assert add(batch.slice(0, 0)).schema == add(batch).schema == add.schema(batch.schema)
    assert add(batch.slice(0, 0)).num_rows == 0


def test_a_path_is_loaded_once_a_process_and_checked(classifier, batch, tmp_path, monkeypatch):
    path = tmp_path / "spam.safetensors"
    fuse(classifier).save(path)
    loaded = []
    load = model_source._load
    monkeypatch.setattr(model_source, "_load", lambda path: loaded.append(path) or load(path))
    add = BatchTransformer(str(path), "text")
    sent = pickle.dumps(add)
    assert len(sent) < 1000
    copies = [pickle.loads(sent) for _ in range(3)]
    workers = [threading.Thread(target=one, args=(batch,)) for one in copies]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert loaded == [path]
    assert copies[0](batch).column("vector").to_pylist() == classifier.predict(TEXTS).tolist()
    # A machine that has another model at the path says so.
    fuse(StaticTextClassifier().fit(TEXTS, LABELS[::-1])).save(path)
    monkeypatch.setattr(model_source, "_kept", model_source.OrderedDict())
    with pytest.raises(ModelFormatError, match="Copy the same model to all machines"):
        pickle.loads(sent)(batch)


def test_a_folder_is_a_model_that_embeds(model, batch, tmp_path):
    model.save_pretrained(tmp_path / "model")
    add = pickle.loads(pickle.dumps(BatchTransformer(tmp_path / "model", "text")))
    vectors = values_of(add(batch)).astype(np.float32)
    np.testing.assert_array_equal(vectors, model.encode(TEXTS))


def test_bad_input_is_named(model, classifier, batch, tmp_path):
    add = BatchTransformer(model, "text")
    with pytest.raises(ValueError, match=r"no column 'text', but \['id'\]"):
        add(batch.select(["id"]))
    with pytest.raises(ValueError, match="pass output= with another name"):
        BatchTransformer(model, "text", output="id")(batch)
    missing = pyarrow.RecordBatch.from_pydict({"text": ["a", None, "b"]})
    with pytest.raises(TextValueError, match="row 1"):
        add(missing)
    with pytest.raises(ValueError, match="StaticTextClassifier has no method 'transform'"):
        BatchTransformer(classifier, "text", method="transform")
    with pytest.raises(ValueError, match="method"):
        BatchTransformer(model, "text", method="embed")
    with pytest.raises(FileNotFoundError, match="There is no model at"):
        BatchTransformer(tmp_path / "none", "text")
    (tmp_path / "no model").write_bytes(b"text")
    with pytest.raises(ModelFormatError):
        BatchTransformer(tmp_path / "no model", "text")
