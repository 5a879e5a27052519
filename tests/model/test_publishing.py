"""Saving under a name or in a folder of a model, and pushing to a hub on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from skm2v import StaticModel
from skm2v.exceptions import MissingExtraError
from tests.model.forge import tiny_model
from tests.model.hub_server import TOKEN, running_hub

SCRIPT = """
import json, sys
from skm2v import StaticModel
from tests.model.forge import tiny_model

how = json.loads(sys.argv[1])
model = tiny_model(dtype=how.pop("dtype", "float32"))
print(model.push_to_hub("me/words", **how))
loaded = StaticModel.from_pretrained("me/words", subfolder=how.get("subfolder"))
assert loaded.config.source == "me/words" and len(loaded.config.source_revision) == 40
assert loaded.embedding.tobytes() == model.embedding.tobytes()
"""


@pytest.fixture
def hub():
    pytest.importorskip("huggingface_hub")
    with running_hub() as server:
        yield server


@pytest.fixture
def push(hub, tmp_path):
    """Push in a process of its own: the client reads where the hub is when it is imported."""

    def run(**how) -> subprocess.CompletedProcess:
        environment = {
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(tmp_path / "home"),
            "NO_PROXY": "127.0.0.1",
        }
        command = [sys.executable, "-c", SCRIPT, json.dumps({"token": TOKEN, **how})]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    return run


def test_a_model_is_pushed_and_found_again(hub, push):
    done = push(private=True, commit_message="First words")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{hub.url}/me/words/commit/")
    request = hub.created["me/words"]  # as versions of the client say it
    assert request.get("private") is True or request.get("visibility") == "private"
    assert hub.messages == ["First words"]
    files = hub.repositories["me/words"]
    assert set(files) >= {"model.safetensors", "tokenizer.json", "config.json", "README.md"}
    card = files["README.md"].decode()
    assert "# me/words\n" in card and 'from_pretrained("me/words")' in card
    # Again, with another model: ours is replaced, what a person wrote is not.
    files["README.md"] = b"# Words of my own\n"
    done = push(dtype="int8")
    assert done.returncode == 0, done.stderr
    assert hub.repositories["me/words"]["README.md"] == b"# Words of my own\n"


def test_a_model_is_pushed_to_a_subfolder(hub, push):
    done = push(subfolder="small/v1")
    assert done.returncode == 0, done.stderr
    assert "small/v1/model.safetensors" in hub.repositories["me/words"]
    assert not any(name.startswith("model") for name in hub.repositories["me/words"])


def test_a_hub_that_refuses_is_an_error_of_ours(hub, push):
    done = push(token="hf_of_a_reader")
    assert done.returncode == 1
    assert "OSError: The hub did not take the model as 'me/words'" in done.stderr
    assert not hub.repositories


def test_pushing_needs_the_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match="pip install huggingface_hub"):
        tiny_model().push_to_hub("me/words")


def test_pushing_offline_is_an_error():
    pytest.importorskip("huggingface_hub")
    with pytest.raises(OSError, match="did not take the model as 'me/words'"):
        tiny_model().push_to_hub("me/words", token="x")


def test_saving_to_a_subfolder_and_under_a_name(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path, "My words", "small/v1")
    assert [path.name for path in tmp_path.iterdir()] == ["small"]
    assert StaticModel.from_pretrained(tmp_path, subfolder="small/v1") == model
    card = (tmp_path / "small" / "v1" / "README.md").read_text(encoding="utf-8")
    assert "\n# My words\n" in card and 'from_pretrained("My words")' in card
    for outside in ("../other", "/tmp"):
        with pytest.raises(ValueError, match="subfolder must be a relative path"):
            model.save_pretrained(tmp_path, subfolder=outside)
        with pytest.raises(ValueError, match="subfolder must be a relative path"):
            model.push_to_hub("me/words", subfolder=outside)
