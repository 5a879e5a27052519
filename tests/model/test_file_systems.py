"""What a file system, a disk or another process may do while a model is read or written."""

from __future__ import annotations

import builtins
import errno
import io
import os
import sys

import pytest

from skm2v import StaticModel
from skm2v._model import files, tokenizer_check
from skm2v._model.folder import Folder
from skm2v._model.tokenizer_check import build_tokenizer, check_tokenizer
from skm2v._pooling import TokenizerDocument
from skm2v.exceptions import ModelFormatError
from tests.model.forge import contents, forge_model2vec, tiny_model
from tests.tiny import tiny_tokenizer

fcntl = pytest.importorskip("fcntl", reason="the locks of other systems are none")


def same(model: StaticModel, folder) -> bool:
    texts = ["hello world", "the model"]
    return bool((StaticModel.from_pretrained(folder).encode(texts) == model.encode(texts)).all())


def test_a_file_that_shrinks_while_it_is_read(tmp_path, monkeypatch):
    tiny_model().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    size = path.stat().st_size
    real = os.fstat

    def before(descriptor):
        status = real(descriptor)
        if os.path.samestat(status, path.stat()):
            os.truncate(path, size // 2)
        return status

    monkeypatch.setattr(os, "fstat", before)
    with pytest.raises(ModelFormatError, match=r"changed while it was read: .* Load it again"):
        StaticModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("told", ["nothing", "no file", "no number"])
def test_a_new_file_has_the_rights_of_any_new_file_whatever_the_system_tells(
    tmp_path, monkeypatch, told
):
    def other_open(name, *arguments, **options):
        if name != "/proc/self/status":
            return real(name, *arguments, **options)
        if told == "no file":
            raise FileNotFoundError(name)
        return io.StringIO("Name:\tpython\n" + "Umask:\n" * (told == "no number"))

    before = os.umask(0o027)
    try:
        real = builtins.open
        monkeypatch.setattr(builtins, "open", other_open)
        tiny_model().save_pretrained(tmp_path)
        monkeypatch.undo()
        assert (tmp_path / "model.safetensors").stat().st_mode & 0o777 == 0o640
    finally:
        assert os.umask(before) == 0o027


@pytest.mark.parametrize("left", [0, 10])
def test_a_file_that_cannot_be_mapped(tmp_path, monkeypatch, left):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 2)
    real = os.fstat

    def before(descriptor):
        status = real(descriptor)
        os.truncate(path, left)
        return status if left else real(descriptor)

    monkeypatch.setattr(os, "fstat", before)
    with pytest.raises(ModelFormatError, match="shorter while it was read|it is empty"):
        files.map_file(path, max_bytes=1000)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with pytest.raises(ModelFormatError, match="has 10 bytes; at most 9 are read"):
        files.read_file(path, max_bytes=9)


def test_an_unknown_umask_is_asked_for_and_left_as_it_is(tmp_path, monkeypatch):
    real = builtins.open

    def no_proc(path, *rest, **options):
        if path == "/proc/self/status":
            return io.StringIO("Name:\tpython\n")  # as of an old kernel
        return real(path, *rest, **options)

    before = os.umask(0o027)
    try:
        monkeypatch.setattr(builtins, "open", no_proc)
        tiny_model().save_pretrained(tmp_path / "model")
        monkeypatch.undo()
        mode = (tmp_path / "model" / "model.safetensors").stat().st_mode
        assert mode & 0o777 == 0o640
    finally:
        assert os.umask(before) == 0o027


def test_a_copy_that_fails_is_taken_back(tmp_path, monkeypatch):
    (tmp_path / "source").write_bytes(b"data")

    def refuse(*_):
        raise OSError(errno.EXDEV, "no renaming here")

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="full") as caught:
        files.replace(tmp_path / "source", tmp_path / "target")
    assert caught.value.filename == str(tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize(
    ("code", "fails"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)]
)
def test_folders_that_cannot_be_written_through(tmp_path, monkeypatch, code, fails):
    real = os.fsync

    def fsync(descriptor):
        if os.path.samestat(os.fstat(descriptor), tmp_path.stat()):
            raise OSError(code, "fsync")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    model = tiny_model()
    if fails:
        with pytest.raises(OSError, match="fsync") as caught:
            model.save_pretrained(tmp_path)
        assert caught.value.filename == str(tmp_path)
    else:
        model.save_pretrained(tmp_path)
        monkeypatch.undo()
        assert same(model, tmp_path)


@pytest.mark.parametrize("how", ["no module", "no locks"])
def test_without_locks_a_save_is_as_whole_and_sweeps_nothing(tmp_path, monkeypatch, how):
    other = tmp_path / f"{files.TEMPORARY}{'0' * 32}-model.tmp"
    other.write_bytes(b"what another saver may be writing just now")
    if how == "no module":
        monkeypatch.setitem(sys.modules, "fcntl", None)
    else:

        def flock(*_):
            raise OSError(errno.ENOLCK, "no locks")

        monkeypatch.setattr(fcntl, "flock", flock)
    model = tiny_model()
    model.save_pretrained(tmp_path)
    files.write_alone(tmp_path / "alone", b"data")
    assert same(model, tmp_path)
    assert (tmp_path / "alone").read_bytes() == b"data"
    assert other.exists()


def test_a_folder_whose_file_went_away_has_changed(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    with Folder(tmp_path) as folder:
        place = folder / "file"
        files.read_file(place, max_bytes=10)
        assert not folder.changed()
        (tmp_path / "file").unlink()
        assert folder.changed() == [place]


def test_a_tokenizer_of_too_many_characters(monkeypatch):
    document = TokenizerDocument(tiny_tokenizer().to_str())
    monkeypatch.setattr(tokenizer_check, "MAX_JSON_CHARS", 100)
    with pytest.raises(ModelFormatError, match="characters; at most 100 are read"):
        check_tokenizer(document)


def test_ids_that_the_library_reads_otherwise(monkeypatch):
    document = TokenizerDocument(tiny_tokenizer().to_str())
    real = tokenizer_check.check_tokenizer
    monkeypatch.setattr(tokenizer_check, "check_tokenizer", lambda d: real(d)[::-1])
    with pytest.raises(ModelFormatError, match="other token ids"):
        build_tokenizer.__wrapped__(document)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_json_of_another_encoding(tmp_path, name):
    forge_model2vec(tmp_path, **contents(tiny_model()))
    path = tmp_path / name
    path.write_bytes(path.read_bytes().replace(b"{", b'{"x": "\xe9", ', 1))
    with pytest.raises(ModelFormatError, match=f"{name} is not UTF-8"):
        StaticModel.from_pretrained(tmp_path)
