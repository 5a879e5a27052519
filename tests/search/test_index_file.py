"""Files of searchers: whole, checked, shared; whatever stops a save."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save as dump

from skm2v import StaticModel, TextSearcher
from skm2v._model import files
from skm2v._model.sealed import Content
from skm2v._search import saving
from skm2v._search.index_file import SEARCH
from skm2v.exceptions import ModelFormatError, VersionWarning
from tests.model.test_interruption import FaultyOS, FaultyTempfile, Killed
from tests.search.collections_ import Letters, columns, random_texts, searcher

QUERIES = [*random_texts(6, seed=1), "", "zebras"]


@pytest.fixture(scope="module")
def fitted():
    return searcher(lexical_weight=0.4, k1=1.1, b=0.6, stop_words=["the", "of"]).fit(
        random_texts(40), ids=[f"id-{i}é" for i in range(40)]
    )


@pytest.fixture
def saved(fitted, tmp_path):
    path = tmp_path / "texts.index"
    fitted.save(path)
    return path


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("stemmer", ["english", None, "learned"])
@pytest.mark.parametrize("ids", [None, "strings"])
def test_round_trip(tmp_path, mmap, stemmer, ids):
    texts = random_texts(60)
    names = None if ids is None else [f"id-{i}" for i in range(60)]
    found = searcher(stemmer=stemmer, lexical_weight=0.3).fit(texts, ids=names)
    found.save(tmp_path / "a")
    loaded = TextSearcher.load(tmp_path / "a", mmap=mmap)
    assert columns(loaded.search(QUERIES)) == columns(found.search(QUERIES))
    for name in ("lexical_weight", "stemmer", "stop_words", "k1", "b", "rerank_top"):
        assert getattr(loaded, name) == getattr(found, name)
    assert dict(loaded.fit_report_) == {k: v for k, v in found.fit_report_.items()
                                        if k != "seconds"}  # fmt: skip
    loaded.save(tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("mmap", [False, True])
def test_what_was_loaded_can_be_changed_and_saved_where_it_was(saved, fitted, mmap):
    loaded = TextSearcher.load(saved, mmap=mmap)
    loaded.add(["a zebra"], ids=["z"]).remove(["id-0é"])
    loaded.save(saved)
    again = TextSearcher.load(saved, mmap=mmap)
    assert columns(again.search(QUERIES)) == columns(loaded.search(QUERIES))
    assert again.search("zebras")[0][0].id == "z"


def test_mapped_arrays_are_those_of_the_file(saved):
    index = TextSearcher.load(saved, mmap=True)._index
    for array in (index.vectors, index.postings.documents, index.texts.data):
        assert not array.flags.owndata and not array.flags.writeable


def test_an_empty_index_is_saved(tmp_path):
    searcher().fit(["money"]).remove([0]).save(tmp_path / "a")
    loaded = TextSearcher.load(tmp_path / "a")
    assert loaded.n_documents_ == 0
    assert loaded.add(["money"]).search("money")[0][0].id == 0


def test_what_no_file_can_hold_is_an_error(tmp_path):
    with pytest.raises(TypeError, match=r"has a Letters. Fix: joblib.dump"):
        TextSearcher(Letters()).fit(["a"]).save(tmp_path / "a")
    with pytest.raises(TypeError, match="no function. Fix: joblib.dump"):
        searcher(stemmer=lambda words: words).fit(["a"]).save(tmp_path / "a")
    with pytest.raises(IsADirectoryError):
        searcher().fit(["a"]).save(tmp_path)
    assert os.listdir(tmp_path) == []


# --- Damage -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mmap", [False, True])
def test_every_flipped_byte_is_found(saved, mmap):
    content = saved.read_bytes()
    for position in np.linspace(0, len(content) - 1, 300).astype(int):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        saved.write_bytes(damaged)
        with pytest.raises(ModelFormatError):
            TextSearcher.load(saved, mmap=mmap)
    for length in (0, 7, 100, len(content) // 2, len(content) - 1):
        saved.write_bytes(content[:length])
        with pytest.raises(ModelFormatError):
            TextSearcher.load(saved, mmap=mmap)


def forge(path, change_tensors=None, **settings):
    """Change a file and give it a right hash, so that only the check in question can refuse it."""
    with safe_open(path, "np") as file:
        document = json.loads(file.metadata()[SEARCH.key])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    document["settings"].update(settings)
    tensors.update(change_tensors or {})
    tensors = {name: array for name, array in tensors.items() if array is not None}
    content = Content(document["settings"], tensors, document["tokenizer"])
    document["sha256"] = content.sha256(1)
    path.write_bytes(dump(tensors, {SEARCH.key: json.dumps(document)}))


@pytest.mark.parametrize(
    "settings",
    [
        {"k1": "1"},
        {"b": None},
        {"lexical_weight": True},
        {"rerank_top": 0},
        {"stemmer": 3},
        {"stop_words": [1]},
        {"model": []},
        {"extra": 1},
    ],
    ids=str,
)
def test_tampered_settings(saved, settings):
    forge(saved, **settings)
    with pytest.raises(ModelFormatError, match="a setting is missing, unknown or malformed"):
        TextSearcher.load(saved)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"k1": -1.0}, "'k1'"), ({"lexical_weight": 2.0}, "'lexical_weight'"), ({"b": 1.5}, "'b'")],
)
def test_settings_out_of_their_bounds(saved, settings, message):
    forge(saved, **settings)
    with pytest.raises(ModelFormatError, match=message):
        TextSearcher.load(saved)


def changed(array, row, value):
    array = array.copy()
    array[row] = value
    return array


@pytest.mark.parametrize(
    "change",
    [
        {"vectors": np.zeros((40, 5), np.float16)},
        {"vectors": np.zeros((39, 4), np.float16)},
        {"vectors": np.full((40, 4), np.nan, np.float16)},
        {"vectors": np.zeros((40, 4), np.float32)},
        {"counts": lambda a: changed(a, 0, 0)},
        {"counts": lambda a: a[:-1]},
        {"documents": lambda a: changed(a, 0, 40)},
        {"documents": lambda a: changed(a, 0, -1)},
        {"documents": lambda a: a[::-1].copy()},
        {"documents": lambda a: a.astype(np.int64)},
        {"starts": lambda a: changed(a, 1, 0)},
        {"starts": lambda a: changed(a, -1, 10**9)},
        {"lengths": lambda a: a[:-1]},
        {"terms.data": lambda a: a[::-1].copy()},
        {"texts.data": lambda a: changed(a, 3, -1)},
        {"texts.starts": lambda a: a[:-1]},
        {"ids.starts": lambda a: changed(a, 0, 1)},
        {"squares": lambda a: a[:-1]},
        {"squares": lambda a: changed(a, 0, -1)},
        {"squares": lambda a: changed(a, 0, 0)},
        {"codes": lambda a: a[:-1]},
        {"codes": lambda a: a[:, :-1].copy()},
        {"sums": lambda a: a[:-1]},
        {"largest": lambda a: changed(a, 0, np.inf)},
        {"scale": lambda a: changed(a, 0, 0)},
        {"extra": np.zeros(1, np.float32)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_tampered_arrays(saved, change):
    with safe_open(saved, "np") as file:
        change = {
            name: value(file.get_tensor(name)) if callable(value) else value
            for name, value in change.items()
        }
    forge(saved, change)
    with pytest.raises(ModelFormatError, match="arrays do not fit together"):
        TextSearcher.load(saved)


@pytest.mark.parametrize("name", ["vectors", "terms.data", "ids.starts", "model.embeddings"])
def test_missing_arrays(saved, name):
    forge(saved, {name: None})
    with pytest.raises(ModelFormatError, match="has no tensor"):
        TextSearcher.load(saved)


def test_other_files_say_what_they_are(saved, tmp_path):
    model = TextSearcher.load(saved)._model
    model.save_pretrained(tmp_path / "model")
    with pytest.raises(ModelFormatError, match="holds a static model, which StaticModel.from"):
        TextSearcher.load(tmp_path / "model" / "model.safetensors")
    with pytest.raises(ModelFormatError, match="holds an index, which TextSearcher.load loads"):
        StaticModel.from_pretrained(saved)
    (tmp_path / "other").write_bytes(dump({"a": np.zeros(2, np.float32)}))
    with pytest.raises(ModelFormatError, match="is no index"):
        TextSearcher.load(tmp_path / "other")
    with pytest.raises(IsADirectoryError):
        TextSearcher.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        TextSearcher.load(tmp_path / "missing")


def test_stems_of_another_version_are_told(saved, monkeypatch):
    monkeypatch.setattr(saving, "snowball_version", lambda name: "0.0")
    with pytest.warns(VersionWarning, match="here 0.0.*Fix: fit again"):
        TextSearcher.load(saved)


# --- Interruptions ----------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt(), Killed()], ids=repr
)
def test_wherever_a_save_is_stopped_there_is_the_old_index_or_the_new_one(
    fitted, tmp_path, monkeypatch, error, after
):
    path = tmp_path / "texts.index"
    old = searcher().fit(["free money"])
    old.save(path)
    before = path.read_bytes()
    fitted.save(tmp_path / "new")
    new = (tmp_path / "new").read_bytes()
    os.unlink(tmp_path / "new")
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    outcomes = []
    for fail_at in range(1, 100):
        path.write_bytes(before)
        faulty = FaultyOS(fail_at, error, after=after)
        stopped = False
        with monkeypatch.context() as patch:
            patch.setattr(files, "os", faulty)
            patch.setattr(files, "tempfile", FaultyTempfile(faulty))
            try:
                fitted.save(path)
            except (OSError, KeyboardInterrupt, Killed):
                stopped = True
        content = path.read_bytes()
        assert content in (before, new), fail_at
        outcomes.append(content == new)
        if not isinstance(error, Killed):
            assert os.listdir(tmp_path) == [path.name], fail_at
        if faulty.n_calls < fail_at:
            break
        assert stopped or content == new
    assert outcomes[0] is False and outcomes[-1] is True
    fitted.save(path)
    assert os.listdir(tmp_path) == [path.name]
