from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import pytest

from skm2v import datasets
from skm2v.datasets import load_banking77, load_sms_spam, load_valence

LOADERS = {
    load_sms_spam: {"rows": 5574, "train": 4460, "test": 1114, "classes": 2, "rarest": 747},
    load_banking77: {"rows": 13083, "train": 10003, "test": 3080, "classes": 77, "rarest": 75},
}


@pytest.mark.parametrize("load", LOADERS)
def test_published_counts(load):
    expected = LOADERS[load]
    bunch = load()
    assert len(bunch.data) == len(bunch.target) == len(bunch.split) == expected["rows"]
    assert len(bunch.target_names) == expected["classes"]
    assert np.bincount(bunch.target).min() == expected["rarest"]
    assert all(isinstance(text, str) and text.strip() for text in bunch.data)
    for part in ("train", "test"):
        assert (bunch.split == part).sum() == expected[part]


@pytest.mark.parametrize("load", LOADERS)
def test_parts_are_the_rows_of_all(load):
    whole = load()
    for part in ("train", "test"):
        data, target = load(subset=part, return_X_y=True)
        rows = np.flatnonzero(whole.split == part)
        assert data == [whole.data[i] for i in rows]
        np.testing.assert_array_equal(target, whole.target[rows])
        # A label has one number in both parts, and both parts have every label.
        assert set(target) == set(range(len(whole.target_names)))


@pytest.mark.parametrize("load", LOADERS)
def test_attribution_is_where_a_reader_looks(load):
    assert "CC BY 4.0" in load.__doc__
    assert "CC BY 4.0" in load().DESCR


def test_known_messages():
    spam = load_sms_spam()
    assert spam.target_names == ["ham", "spam"]
    row = next(i for i, text in enumerate(spam.data) if "FA Cup final tkts" in text)
    assert spam.target[row] == 1


def test_unknown_subset():
    with pytest.raises(ValueError, match="subset must be 'all', 'train' or 'test', got 'dev'"):
        load_sms_spam(subset="dev")


@pytest.fixture
def tool():
    path = Path(__file__).parents[2] / "tools" / "convert_datasets.py"
    spec = importlib.util.spec_from_file_location("convert_datasets", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_conversion_keeps_newlines_and_writes_the_same_bytes(tool, tmp_path):
    rows = [("two\nlines", "a", "train", "x"), ('"quoted", with comma', "b", "test", "y")]
    with gzip.open(tmp_path / "in.csv.gz", "wt", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label", "split", "more"), *rows])
    for name in ("one", "two"):
        assert tool.convert(tmp_path / "in.csv.gz", tmp_path / name) == 2
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with gzip.open(tmp_path / "one", "rt", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["text", "label", "split"], *(list(r[:3]) for r in rows)]


def test_conversion_of_valence_keeps_words_and_the_licence(tool, tmp_path, monkeypatch):
    lines = (":)\t2.0\t1.1\t[]", "good\t1.90\t0.9\t[]", "bad\t-2.5\t0.6\t[]", "4ever\t1.0\t0\t[]")
    wheel = tmp_path / "lexicon.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("vaderSentiment/vader_lexicon.txt", "\n".join(lines))
        archive.writestr("vaderSentiment-3.3.2.dist-info/LICENSE.txt", "be\r\nfree")
    monkeypatch.setattr(tool, "TARGET", tmp_path)
    with pytest.raises(SystemExit, match="has the SHA-256"):
        tool.convert_valence(wheel)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setattr(tool, "VADER_SHA256", digest)
    written = []
    for _ in range(2):
        assert tool.convert_valence(wheel) == 2
        written.append((tmp_path / "valence.csv.gz").read_bytes())
    assert written[0] == written[1]
    with gzip.open(tmp_path / "valence.csv.gz", "rt", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["word", "valence"], ["bad", "-2.5"], ["good", "1.9"]]
    assert (tmp_path / "valence.LICENSE.txt").read_bytes() == b"be\nfree"


def test_the_licence_of_the_valence_words_comes_with_them():
    folder = Path(datasets.__file__).parent / "data"
    text = (folder / "valence.LICENSE.txt").read_text(encoding="utf-8")
    assert "Copyright (c) 2016 C.J. Hutto" in text
    assert "MIT" in load_valence().DESCR
    assert "MIT" in load_valence.__doc__
