"""``skm2v predict``: what a classifier says about the texts of a file."""

from __future__ import annotations

import csv
import json
import pickle

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skm2v import StaticEmbedder, StaticTextClassifier, fuse
from skm2v._cli.predictors import TRUSTED
from tests.test_sealed_pickles import published_names
from tests.tiny import SENTENCES

LABELS = ["ham" if number % 2 else "spam" for number in range(len(SENTENCES))]
TAGS = [["a", "b"] if number % 3 else ["a"] if number % 2 else [] for number in range(len(LABELS))]
pytestmark = pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")  # here as well
TEXTS = ["free money now", "see you in london", "the bank", "win a prize", ""]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    from skm2v import StaticModel
    from tests import tiny

    path = tmp_path_factory.mktemp("model")
    StaticModel(tiny.tiny_table(), tiny.tiny_tokenizer()).save_pretrained(path)
    return StaticEmbedder(str(path))


@pytest.fixture(scope="module")
def pipeline(embedder):
    return make_pipeline(embedder, LogisticRegression()).fit(SENTENCES, LABELS)


@pytest.fixture(scope="module")
def fused(pipeline):
    return fuse(pipeline)


@pytest.fixture
def spam(fused, tmp_path):
    fused.save(tmp_path / "spam.safetensors")
    return tmp_path / "spam.safetensors"


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "in.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "body"], *enumerate(TEXTS)])
    return [path, "--column", "body"]


def cells(path, delimiter=","):
    with open(path, newline="", encoding="utf-8") as file:
        return [*csv.reader(file, delimiter=delimiter)]


@pytest.mark.parametrize("batch_size", [1, 2, 1000])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_row_for_each_text(fused, spam, texts, tmp_path, run, batch_size, n_jobs):
    options = ["--batch-size", batch_size, "--n-jobs", n_jobs, "--proba", "--keep", "id"]
    code, _, err = run("predict", spam, *texts, "-o", tmp_path / "out.csv", *options)
    assert code == 0, err
    header, *rows = cells(tmp_path / "out.csv")
    assert header == ["id", "prediction", "probability_ham", "probability_spam"]
    assert [row[0] for row in rows] == [str(number) for number in range(5)]
    assert [row[1] for row in rows] == fused.predict(TEXTS).tolist()
    found = np.array([row[2:] for row in rows], dtype=float)
    np.testing.assert_allclose(found, fused.predict_proba(TEXTS), rtol=1e-12)
    # Once for the file, however many batches it is read in.
    assert err.count("warning: texts without a known token, of which nothing can be told: 1") == 1
    assert err.count("warning") == 1 + err.count("in a language")
    assert f"{tmp_path / 'out.csv'}: 5 rows" in err


def test_formats(fused, spam, texts, tmp_path, run):
    expected = fused.predict(TEXTS).tolist()
    code, out, _ = run("predict", spam, *texts)
    assert [json.loads(line) for line in out.splitlines()] == [
        {"text": text, "prediction": label} for text, label in zip(TEXTS, expected, strict=True)
    ]
    assert run("predict", f"fused:{spam}", *texts, "-o", tmp_path / "out.tsv", "-q")[0] == 0
    assert cells(tmp_path / "out.tsv", "\t")[1:] == [
        [text, label] for text, label in zip(TEXTS, expected, strict=True)
    ]
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"n": range(5), "t": TEXTS}), tmp_path / "in.parquet")
    arguments = ["predict", spam, tmp_path / "in.parquet", "--column", "t", "--keep", "n"]
    assert run(*arguments, "-o", tmp_path / "out.parquet")[0] == 0
    made = parquet.read_table(tmp_path / "out.parquet")
    assert made.to_pydict() == {"n": [*range(5)], "prediction": expected}
    assert made.schema.types == [pa.int64(), pa.string()]


def test_what_is_doubtful_is_left_open(fused, spam, texts, tmp_path, run):
    probabilities = fused.predict_proba(TEXTS).max(axis=1)
    floor = float(np.sort(probabilities)[2])
    expected = fused.predict(TEXTS, floor=floor).tolist()
    assert expected.count(None) == 2
    arguments = ["predict", spam, *texts, "--floor", repr(floor), "-q"]
    _, out, _ = run(*arguments)
    assert [json.loads(line)["prediction"] for line in out.splitlines()] == expected
    assert run(*arguments, "-o", tmp_path / "out.csv")[0] == 0
    assert [row[1] or None for row in cells(tmp_path / "out.csv")[1:]] == expected


@pytest.mark.parametrize("kind", ["joblib", "skops"])
def test_any_pipeline_that_takes_texts(kind, pipeline, texts, tmp_path, run):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / f"model.{kind}"
    (joblib if kind == "joblib" else skops.io).dump(pipeline, path)
    arguments = ["predict", f"{kind}:{path}", *texts, "-o", tmp_path / "out.parquet"]
    code, _, err = run(*arguments, "--floor", 1, "--proba", "--batch-size", 2, "--n-jobs", 2)
    assert code == 0, err
    made = parquet.read_table(tmp_path / "out.parquet")
    assert made["prediction"].to_pylist() == [None] * 5
    assert made.schema.field("prediction").type == pa.string()  # as no row can tell
    expected = pipeline.predict_proba(TEXTS)[:, 0]  # BLAS may add up other batches otherwise
    np.testing.assert_allclose(made["probability_ham"], expected, rtol=1e-6)


def test_several_labels_are_names(embedder, texts, tmp_path, run):
    parquet = pytest.importorskip("pyarrow.parquet")
    classifier = StaticTextClassifier(embedder=embedder).fit(SENTENCES, TAGS)
    joblib.dump(classifier, tmp_path / "tags.joblib")
    arguments = ["predict", f"joblib:{tmp_path / 'tags.joblib'}", *texts, "-q"]
    expected = [classifier.classes_[row > 0].tolist() for row in classifier.predict(TEXTS)]
    assert expected != [[]] * 5
    _, out, _ = run(*arguments)
    assert [json.loads(line)["prediction"] for line in out.splitlines()] == expected
    assert run(*arguments, "-o", tmp_path / "out.csv")[0] == 0
    assert [json.loads(row[1]) for row in cells(tmp_path / "out.csv")[1:]] == expected
    options = ["--batch-size", 1, "-o", tmp_path / "out.parquet"]
    assert run(*arguments, *options)[0] == 0
    assert parquet.read_table(tmp_path / "out.parquet")["prediction"].to_pylist() == expected
    code, _, err = run(*arguments, "--floor", 0.5)
    assert code == 2 and "--floor is for one class per text" in err


def test_numbers(embedder, texts, tmp_path, run):
    regressor = fuse(make_pipeline(embedder, Ridge()).fit(SENTENCES, range(len(SENTENCES))))
    regressor.save(tmp_path / "price.safetensors")
    _, out, _ = run("predict", tmp_path / "price.safetensors", *texts, "-q")
    found = [json.loads(line)["prediction"] for line in out.splitlines()]
    np.testing.assert_array_equal(found, regressor.predict(TEXTS))
    code, _, err = run("predict", tmp_path / "price.safetensors", *texts, "--proba")
    assert code == 2 and "has no probabilities" in err


def test_no_rows(spam, tmp_path, run, pipeline):
    (tmp_path / "in.csv").write_text("body,id\n")
    joblib.dump(pipeline, tmp_path / "model.joblib")
    for model in (spam, f"joblib:{tmp_path / 'model.joblib'}"):
        arguments = ["predict", model, tmp_path / "in.csv", "--column", "body", "--proba"]
        assert run(*arguments, "-o", tmp_path / "out.csv")[0] == 0
        assert cells(tmp_path / "out.csv") == [
            ["text", "prediction", "probability_ham", "probability_spam"]
        ]


def test_mistakes_are_named_and_leave_no_file(
    spam, texts, embedder, pipeline, tmp_path, monkeypatch, run
):
    monkeypatch.chdir(tmp_path)
    joblib.dump(pipeline, "model.joblib")
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(pipeline))
    joblib.dump(embedder.fit(SENTENCES), "embedder.joblib")
    joblib.dump(RidgeClassifier().fit([[0.0], [1.0]], [0, 1]), "numbers.joblib")
    ridge = make_pipeline(TfidfVectorizer(), RidgeClassifier()).fit(SENTENCES, LABELS)
    joblib.dump(ridge, "ridge.joblib")
    upper = make_pipeline(FunctionTransformer(_same), TfidfVectorizer(), RidgeClassifier())
    skops.io.dump(upper.fit(SENTENCES, LABELS), "strange.skops")
    (tmp_path / "bad.jsonl").write_text('{"t": "the"}\n{"t": 1}\n')
    embedder.model_.save_pretrained("folder")
    before = sorted(tmp_path.iterdir())
    for arguments, message in (
        ([spam, "bad.jsonl", "--field", "t"], "bad.jsonl, line 2: holds int where a string is"),
        ([spam, *texts, "-o", "out.npy"], "--output must end in .csv, .tsv, .jsonl or .parquet"),
        ([spam, *texts, "--keep", "nothing"], "has no column 'nothing'"),
        ([spam, *texts, "--floor", "2"], "--floor must be a number from 0 to 1; got 2.0"),
        (["nowhere.safetensors", *texts], "No such file or directory: 'nowhere.safetensors'"),
        (["joblib:nowhere", *texts], "No such file or directory: 'nowhere'"),
        (["folder", *texts], "'folder' is a folder. A static model embeds"),
        (["model.joblib", *texts], "is joblib:model.joblib; open only files that you trust"),
        (["model.pickle", *texts], "is joblib:model.pickle; open only files that you trust"),
        (["joblib:embedder.joblib", *texts], "holds a StaticEmbedder, which predicts nothing"),
        (["joblib:numbers.joblib", *texts], "cannot predict from texts"),
        (["joblib:ridge.joblib", *texts, "--proba"], "has no probabilities"),
        (["skops:strange.skops", *texts], "types that are neither scikit-learn's nor ours"),
    ):
        output = ["-o", "out.csv"] if "-o" not in arguments else []
        code, out, err = run("predict", *arguments, *output)
        assert (code, out, message in err) == (2, "", True), err
        assert sorted(tmp_path.iterdir()) == before


def _same(texts):
    return texts


def test_what_skops_may_load_is_what_the_guide_lists():
    assert {name.removeprefix("skm2v.") for name in TRUSTED} <= published_names()
