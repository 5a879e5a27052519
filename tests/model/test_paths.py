"""Names of models: local paths never touch the network, hub ids say where they looked (P24)."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from skm2v import StaticModel
from skm2v._model.hub import looks_like_hub_id
from skm2v.exceptions import MissingExtraError, ModelFormatError
from tests.model.forge import tiny_model

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
    with pytest.raises(FileNotFoundError, match="'owner/name' is neither a local folder nor"):
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
    with pytest.raises(ValueError, match="local path, which has no revisions"):
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
