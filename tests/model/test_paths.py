"""Names of models: local paths never touch the network, hub ids say where they looked (P24)."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from skm2v import StaticModel
from skm2v._model import files
from skm2v._model.folder import Folder
from skm2v._model.hub import looks_like_hub_id
from skm2v.exceptions import MissingExtraError, ModelFormatError
from tests.model.forge import tiny_model
from tests.model.test_peers import CASES, FIXTURES

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a test opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.fixture
def no_hub(monkeypatch):
    """Make any question to the hub's client an error of another kind."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a\0b",
        "./missing",
        "../missing",
        "/missing/folder",
        "~/missing",
        "a/b/c",
        "folder/",
        "with space/x",
        "missing/model.safetensors",
        "..",
        Path("owner/name"),
    ],
)
def test_a_missing_path_is_never_looked_up(name, no_hub, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        StaticModel.from_pretrained(name)


def test_a_missing_folder_in_a_local_folder_is_a_path(no_hub, tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path)
    assert looks_like_hub_id("owner/name") and not looks_like_hub_id("models/name")
    with pytest.raises(FileNotFoundError, match="no file or folder 'models/name'"):
        StaticModel.from_pretrained("models/name")


@pytest.mark.parametrize("bad", [3, None, b"bytes", ["a"]])
def test_a_name_is_a_path_or_a_string(bad):
    with pytest.raises(TypeError):
        StaticModel.from_pretrained(bad)


def test_a_hub_id_needs_the_client(no_hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingExtraError, match="no folder 'owner/name' here.*skm2v"):
        StaticModel.from_pretrained("owner/name")


def test_a_missing_hub_id_says_where_was_looked(tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(FileNotFoundError, match="'owner/name' is no local folder"):
        StaticModel.from_pretrained("owner/name", revision="main")


@pytest.mark.parametrize("subfolder", [None, "static"])
def test_the_hub_client_is_asked_for_what_is_needed(tmp_path, monkeypatch, subfolder):
    hub = pytest.importorskip("huggingface_hub")
    model = tiny_model()
    snapshot = tmp_path / "snapshots" / COMMIT
    model.save_pretrained(snapshot / (subfolder or ""))
    asked = {}

    def snapshot_download(name, **options):
        asked.update(options, name=name)
        return str(snapshot)

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    monkeypatch.chdir(tmp_path)
    loaded = StaticModel.from_pretrained(
        "owner/name", revision="v1", token="secret", subfolder=subfolder
    )
    assert asked["name"] == "owner/name" and asked["revision"] == "v1"
    assert asked["token"] == "secret" and asked["force_download"] is False
    prefix = f"{subfolder}/" if subfolder else ""
    assert prefix + "model.safetensors" in asked["allow_patterns"]
    assert not any(pattern.endswith(("bin", "py")) for pattern in asked["allow_patterns"])
    assert loaded.config.source == "owner/name" and loaded.config.source_revision == COMMIT
    assert loaded.embedding.tobytes() == model.embedding.tobytes()
    loaded.save_pretrained(tmp_path / "again")
    assert StaticModel.from_pretrained(tmp_path / "again") == loaded
    card = (tmp_path / "again" / "README.md").read_text(encoding="utf-8")
    assert f"| Loaded from | owner/name at {COMMIT} |" in card


def test_the_cache_of_the_hub_is_used_offline(tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub")
    cache = tmp_path / "cache"
    repository = cache / "models--owner--name"
    tiny_model().save_pretrained(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    from huggingface_hub import snapshot_download

    monkeypatch.setattr(
        "huggingface_hub.snapshot_download",
        lambda name, **options: snapshot_download(name, cache_dir=cache, **options),
    )
    loaded = StaticModel.from_pretrained("owner/name")
    assert loaded.config.source_revision == COMMIT
    assert StaticModel.from_pretrained("owner/name", revision=COMMIT) == loaded


def test_revision_and_subfolder_of_a_local_folder(tmp_path):
    tiny_model().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="so it has no revisions"):
        StaticModel.from_pretrained(tmp_path, revision="main")
    for subfolder in ("../x", "/etc", "a/../../b", "a\0", "*"):
        with pytest.raises(ValueError, match="relative path inside"):
            StaticModel.from_pretrained(tmp_path, subfolder=subfolder)
    with pytest.raises(FileNotFoundError):
        StaticModel.from_pretrained(tmp_path, subfolder="missing")


def test_an_empty_folder_holds_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no static model"):
        StaticModel.from_pretrained(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "tokenizer.json", "config.json", "modules.json"],
)
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop", "socket"])
def test_only_regular_files_are_read(tmp_path, name, kind, monkeypatch):
    tiny_model().save_pretrained(tmp_path)
    path = tmp_path / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)
    else:
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)  # names of sockets are short
        server = socket.socket(socket.AF_UNIX)
        server.bind(name)
        server.close()
    with pytest.raises((ModelFormatError, OSError)) as caught:
        StaticModel.from_pretrained(tmp_path)
    assert not isinstance(caught.value, FileNotFoundError)


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
def test_a_device_or_a_loop_is_no_model(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for name in ("/dev/zero", loop):
        with pytest.raises(OSError):  # noqa: PT011
            StaticModel.from_pretrained(name)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    """As for the teachers of `distill` and for `StaticEmbedder`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    model = tiny_model()
    model.save_pretrained("~/model")
    assert (tmp_path / "model" / "model.safetensors").is_file()
    assert StaticModel.from_pretrained("~/model") == model


def test_saving_to_what_is_no_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(OSError, match="file"):
        tiny_model().save_pretrained(file)
    assert file.read_text() == "mine"
    for bad in ("", "a\0b"):
        with pytest.raises(FileNotFoundError, match="not the path of a folder"):
            tiny_model().save_pretrained(bad)


# Names that lead to one model and then to another, at every step of a load.


@pytest.mark.skipif(os.open not in os.supports_dir_fd, reason="needs files relative to a folder")
@pytest.mark.parametrize("layout", ["ours", *CASES])
def test_a_folder_that_is_swapped_while_it_is_loaded_gives_one_model(tmp_path, monkeypatch, layout):
    one, other = tmp_path / "one", tmp_path / "other"
    if layout == "ours":
        tiny_model().save_pretrained(one)
        tiny_model("bpe").save_pretrained(other)
    else:
        shutil.copytree(FIXTURES / layout, one)
        shutil.copytree(FIXTURES / layout, other)
        for tensors in other.rglob("model.safetensors"):
            damaged = bytearray(tensors.read_bytes())
            damaged[-1] ^= 1 << 3  # another vector
            tensors.write_bytes(damaged)
        for tokenizer in other.rglob("tokenizer.json"):
            tokenizer.write_text(tokenizer.read_text(encoding="utf-8") + " ", "utf-8")
    expected = [StaticModel.from_pretrained(folder) for folder in (one, other)]
    assert expected[0] != expected[1]
    name = tmp_path / "name"
    real = files.open_regular
    seen = set()
    for swap_at in range(1, 8):
        name.unlink(missing_ok=True)
        name.symlink_to(one)
        n_files = 0

        @contextlib.contextmanager
        def swapping(*arguments, swap_at=swap_at):
            nonlocal n_files
            n_files += 1
            if n_files == swap_at:
                (tmp_path / "next").symlink_to(other)
                os.replace(tmp_path / "next", name)
            with real(*arguments) as opened:
                yield opened

        with monkeypatch.context() as patch:
            patch.setattr(files, "open_regular", swapping)
            model = StaticModel.from_pretrained(name)
        assert model == expected[0], f"mixed at file {swap_at}"
        seen.add(os.readlink(name))
    assert seen == {str(one), str(other)} or layout == "ours"


@pytest.mark.skipif(os.open not in os.supports_dir_fd, reason="needs files relative to a folder")
@pytest.mark.parametrize("layout", CASES)
def test_a_file_of_a_peer_that_is_replaced_while_it_is_loaded_is_an_error(
    tmp_path, monkeypatch, layout
):
    real = files.open_regular
    n_reads = []
    for replace_after in range(1, 8):
        folder = tmp_path / str(replace_after)
        shutil.copytree(FIXTURES / layout, folder)
        read = []

        @contextlib.contextmanager
        def replacing(path, *more, read=read, replace_after=replace_after):
            with real(path, *more) as opened:
                yield opened
            read.append(path)
            if len(read) == replace_after:
                (tmp_path / "new").write_bytes(Path(path).read_bytes())
                os.replace(tmp_path / "new", path)

        with monkeypatch.context() as patch:
            patch.setattr(files, "open_regular", replacing)
            if n_reads and replace_after > n_reads[0]:
                StaticModel.from_pretrained(folder)
            else:
                with pytest.raises(ModelFormatError, match="was replaced while it was read"):
                    StaticModel.from_pretrained(folder)
        n_reads.append(len(read))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_no_folder_of_a_model(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe"):
        StaticModel.from_pretrained(tmp_path / "pipe")


def test_errors_name_the_whole_path(tmp_path):
    model = tmp_path / "model"
    shutil.copytree(FIXTURES / "model2vec-float32", model)
    (model / "tokenizer.json").unlink()
    with pytest.raises(FileNotFoundError) as caught:
        StaticModel.from_pretrained(model)
    assert caught.value.filename == str(model / "tokenizer.json")


def test_without_relative_opening_everything_loads_by_whole_paths(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "supports_dir_fd", set())
    for case in CASES:
        assert len(StaticModel.from_pretrained(FIXTURES / case))
    tiny_model().save_pretrained(tmp_path)
    assert StaticModel.from_pretrained(tmp_path) == tiny_model()
    with pytest.raises(NotADirectoryError):
        Folder(tmp_path / "config.json")
    with pytest.raises(FileNotFoundError):
        Folder(tmp_path / "missing")
