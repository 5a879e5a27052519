"""Files that are not what was asked for: the error says what they are and what works."""

from __future__ import annotations

import gzip
import io
import pickle
import shutil
import zipfile

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skm2v import FusedTextClassifier, StaticEmbedder, StaticModel, fuse
from skm2v.exceptions import ModelFormatError
from tests import tiny
from tests.model.forge import tiny_model
from tests.model.test_peers import FIXTURES

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data.pkl", b"x" * 100)
    return file.getvalue()


def _npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones((9, 9)))
    return file.getvalue()


FOREIGN = {
    "pointer": (POINTER, "pointer of Git LFS.*git lfs pull"),
    "xet": (b"# xet version 0\nfilesize = 12\n", "pointer of Git Xet"),
    "annex": (b"/annex/objects/SHA256E-s123--abc.safetensors\n", "git-annex.*git annex get"),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML.*server"),
    "answer": (b"Entry not found", "the hub's answer"),
    "page": (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
    "zip": (_zip(), "zip archive"),
    "pickle": (pickle.dumps(list(range(99))), "pickle, which can run any code"),
    "gzip": (gzip.compress(b"a" * 999), "compressed by gzip"),
    "numpy": (_npy(), "numpy.load"),
}


@pytest.mark.parametrize("case", FOREIGN)
@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_file_of_another_kind_is_named(case, name, tmp_path):
    data, message = FOREIGN[case]
    folder = shutil.copytree(FIXTURES / "model2vec-float32", tmp_path / "model")
    (folder / name).write_bytes(data)
    with pytest.raises(ModelFormatError, match=f"{name}.*{message}"):
        StaticModel.from_pretrained(folder)


@pytest.fixture(scope="module")
def fused():
    embedder = StaticEmbedder(tiny_model())
    texts = list(tiny.SENTENCES[:20])
    return fuse(make_pipeline(embedder, LogisticRegression()).fit(texts, [0, 1] * 10))


def test_a_fused_model_is_no_static_model(fused, tmp_path):
    file = tmp_path / "spam.safetensors"
    fused.save(file)
    for load in (StaticModel.from_pretrained, lambda path: StaticEmbedder(path).fit(["a"])):
        with pytest.raises(
            ModelFormatError, match=r"holds a fused model.*FusedTextClassifier\.load"
        ):
            load(str(file))
    with pytest.raises(FileNotFoundError, match=r"To load 'spam\.safetensors', pass the path"):
        StaticModel.from_pretrained(tmp_path)
    file.rename(tmp_path / "model.safetensors")
    with pytest.raises(ModelFormatError, match="holds a fused model"):
        StaticModel.from_pretrained(tmp_path)


def test_a_static_model_is_no_fused_model(tmp_path):
    tiny_model().save_pretrained(tmp_path)
    for mmap in (False, True):
        with pytest.raises(ModelFormatError, match=r"static model.*StaticModel\.from_pretrained"):
            FusedTextClassifier.load(tmp_path / "model.safetensors", mmap=mmap)
        with pytest.raises(IsADirectoryError, match=r"is a folder.*StaticModel\.from_pretrained"):
            FusedTextClassifier.load(tmp_path, mmap=mmap)
    with pytest.raises(ModelFormatError, match=r"no fused model: it was not written by save\(\)"):
        FusedTextClassifier.load(FIXTURES / "model2vec-float32" / "model.safetensors")


def test_a_model_under_another_name_is_pointed_at(tmp_path):
    tiny_model().save_pretrained(tmp_path / "whole")
    (tmp_path / "part").mkdir()
    (tmp_path / "whole" / "model.safetensors").rename(tmp_path / "part" / "words.safetensors")
    with pytest.raises(FileNotFoundError, match=r"'words\.safetensors'"):
        StaticModel.from_pretrained(tmp_path / "part")
    assert StaticModel.from_pretrained(tmp_path / "part" / "words.safetensors") == tiny_model()


def test_tensors_of_others_are_not_pointed_at(tmp_path):
    """A folder without a model is told apart from one with a model of ours under another name."""
    source = FIXTURES / "model2vec-float32" / "model.safetensors"
    shutil.copy(source, tmp_path / "theirs.safetensors")
    with pytest.raises(FileNotFoundError) as caught:
        StaticModel.from_pretrained(tmp_path)
    assert "theirs" not in str(caught.value)


def test_who_pins_the_hash_of_a_file_gets_that_file_or_none():
    folder = FIXTURES / "sentence-transformers-nested"  # whose model.safetensors is further inside
    assert StaticModel.from_pretrained(folder).dim
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors"):
        StaticModel.from_pretrained(folder, sha256="0" * 64)


def test_a_fused_model_is_not_saved_over_a_folder(fused, tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; .* is a file in one"):
        fused.save(tmp_path)
