"""Which folder a teacher's name means, and what its fingerprint depends on."""

from __future__ import annotations

import socket

import pytest

from skm2v._distillation import find_teacher
from skm2v._model import hub
from skm2v.distill import distill
from skm2v.exceptions import MissingExtraError, TeacherError, TeacherNotFoundError
from tests.distill.conftest import edit_json

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(
    "name",
    [
        "./no-such-folder",
        "../no-such-folder",
        "/no/such/folder",
        "~/no-such-folder-here",
        "a/b/c",
        "models\\minilm",
        "skm2v/no-such-teacher",  # `skm2v` is a folder here
        "name with spaces",
    ],
)
def test_a_missing_path_is_an_error_and_never_a_download(name, monkeypatch, no_network):
    monkeypatch.setattr(hub, "_download", lambda *args, **_: pytest.fail("asked the hub"))
    with pytest.raises(FileNotFoundError, match="no file or folder") as caught:
        find_teacher(name)
    assert isinstance(caught.value, TeacherError)
    # Of an OSError with one argument the message stays the message.
    assert str(caught.value).startswith(f"There is no file or folder {name!r}.")


@pytest.mark.parametrize(
    ("name", "message"), [("", "'' is not the path"), ("a\0b", "x00"), (3, "got int")]
)
def test_names_that_are_neither_path_nor_hub_id(name, message):
    with pytest.raises(TeacherError, match=message):
        find_teacher(name)


def test_a_file_is_no_teacher(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(TeacherError, match="no folder"):
        find_teacher(tmp_path / "model.safetensors")


def test_a_local_folder_has_no_revision(tiny_teacher):
    with pytest.raises(TeacherError, match="Leave revision out"):
        find_teacher(tiny_teacher, revision="main")


def test_a_home_folder_is_expanded(tiny_teacher, monkeypatch):
    monkeypatch.setenv("HOME", str(tiny_teacher.parent))
    assert find_teacher(f"~/{tiny_teacher.name}").name == tiny_teacher.name


def test_a_subfolder(copied_teacher):
    inner = copied_teacher / "inner"
    inner.mkdir()
    assert find_teacher(copied_teacher, subfolder="inner").folder == inner
    with pytest.raises(TeacherNotFoundError, match="no folder 'other'"):
        find_teacher(copied_teacher, subfolder="other")
    for outside in ("..", "/tmp"):
        with pytest.raises(TeacherError, match="inside the model"):
            find_teacher(copied_teacher, subfolder=outside)


@pytest.fixture
def hub_cache(copied_teacher, tmp_path, monkeypatch):
    """The cache of the hub's client, with one teacher in it."""
    import huggingface_hub.constants

    cache = tmp_path / "hub"
    model = cache / "models--acme--tiny"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    (model / "snapshots").mkdir()
    copied_teacher.rename(model / "snapshots" / COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return model / "snapshots" / COMMIT


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_a_hub_id_is_found_in_the_cache_when_offline(hub_cache, no_network, revision):
    (hub_cache / "README.md").write_text("---\nlicense: apache-2.0\nlanguage: [en, de]\n---\n# A")
    files = find_teacher("acme/tiny", revision=revision)
    assert files.folder.resolve() == hub_cache
    assert (files.name, files.revision) == ("acme/tiny", COMMIT)
    assert (files.licence, files.language) == ("apache-2.0", ("en", "de"))


def test_the_commit_and_the_licence_reach_the_model(hub_cache, no_network):
    (hub_cache / "README.md").write_text("---\nlicense: mit\n---\n")
    config = distill("acme/tiny", pca_dims=4).config
    assert (config.teacher, config.revision, config.licence) == ("acme/tiny", COMMIT, "mit")


@pytest.mark.parametrize("revision", [None, COMMIT[::-1]])
def test_a_hub_id_that_is_not_in_the_cache_when_offline(hub_cache, no_network, revision):
    with pytest.raises(TeacherNotFoundError, match=r"acme/other.*no local folder.*hub"):
        find_teacher("acme/other", revision=revision)


def test_a_commit_in_the_cache_needs_no_question_to_the_hub(hub_cache, no_network, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    assert find_teacher("acme/tiny", revision=COMMIT).revision == COMMIT


def test_a_hub_id_needs_the_hub_client(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r'huggingface_hub.*pip install "skm2v\[distill\]"'):
        find_teacher("acme/tiny")


@pytest.mark.parametrize("card", ["---\n: [\n---", "no card", "---\nlicense: 3\n---", "\udcff"])
def test_a_damaged_card_is_no_error(copied_teacher, card):
    (copied_teacher / "README.md").write_bytes(card.encode(errors="surrogateescape"))
    assert find_teacher(copied_teacher).language == ()


def test_the_fingerprint_is_of_the_content(copied_teacher, tmp_path):
    first = find_teacher(copied_teacher).fingerprint
    (copied_teacher / "README.md").write_text("changed")
    (copied_teacher / "onnx").mkdir()
    (copied_teacher / "onnx" / "config.json").write_text("{}")
    (copied_teacher / "pytorch_model.bin").write_bytes(b"not read")
    moved = copied_teacher.rename(tmp_path / "elsewhere")
    assert find_teacher(moved).fingerprint == first
    edit_json(moved / "1_Pooling" / "config.json", include_prompt=False)
    assert find_teacher(moved).fingerprint != first
    assert find_teacher(moved, allow_pickle_weights=True).fingerprint != first


@pytest.mark.parametrize(
    "file",
    ["model.safetensors", "tokenizer.json", "config.json", "modules.json", "tokenizer_config.json"],
)
def test_every_file_that_matters_is_in_the_fingerprint(copied_teacher, file):
    first = find_teacher(copied_teacher).fingerprint
    path = copied_teacher / file
    path.write_bytes(path.read_bytes() + b" ")
    assert find_teacher(copied_teacher).fingerprint != first


def test_a_file_is_hashed_once(copied_teacher, monkeypatch):
    files = find_teacher(copied_teacher)
    first = files.fingerprint
    monkeypatch.setattr("builtins.open", lambda *args, **kwargs: pytest.fail("read again"))
    assert files.fingerprint == first


def test_json_that_is_none_is_named(copied_teacher):
    (copied_teacher / "modules.json").write_text("[")
    with pytest.raises(TeacherError, match=r"modules\.json"):
        distill(copied_teacher)
