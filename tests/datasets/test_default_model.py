from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import pytest

from skm2v import StaticModel
from skm2v._distillation.fitting import penalties as selection
from skm2v.datasets import _default_model, default_model_path
from tests import tiny

# Some thousand texts of the words that tiny teachers know.
TEXTS = {
    "random": [
        " ".join(np.random.default_rng(i).choice(tiny.WORDS, 3 + i % 8)) for i in range(3000)
    ]
}
TOOL = Path(__file__).parents[2] / "tools" / "make_default_model.py"


@pytest.fixture(scope="module")
def tool():
    # The tool imports its neighbour.
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.syspath_prepend(TOOL.parent)
    spec = importlib.util.spec_from_file_location("make_default_model", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    monkeypatch.undo()


def test_it_fits_in_the_wheel(tmp_path):
    with zipfile.ZipFile(tmp_path / "wheel", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in default_model_path().iterdir():
            archive.write(path, path.name)
    assert (tmp_path / "wheel").stat().st_size <= 10_000_000


def test_it_says_where_it_comes_from():
    card = (default_model_path() / "README.md").read_text(encoding="utf-8")
    assert "sentence-transformers/all-MiniLM-L6-v2" in card
    assert "apache-2.0" in card
    assert "Changed:" in card  # the licence asks for a notice of changes
    config = StaticModel.from_pretrained(default_model_path()).config
    assert config.teacher == "sentence-transformers/all-MiniLM-L6-v2"
    assert config.licence == "apache-2.0"
    assert config.pca_ordered


def test_what_it_knows():
    model = StaticModel.from_pretrained(default_model_path())
    assert (model.dim, str(model.embedding.dtype)) == (256, "int8")
    money, cash, holiday = model.encode(["send money", "transfer cash", "a holiday at the sea"])
    assert money @ cash > money @ holiday + 0.2


def test_symbols_lose_no_word():
    model = StaticModel.from_pretrained("default")
    assert model.split_unknown
    np.testing.assert_array_equal(model.encode("Love😘❤💖"), model.encode("Love 😘 ❤ 💖"))
    assert model.encode("Love😘❤💖") @ model.encode("love") > 0.5
    plain = StaticModel.from_pretrained("default", split_unknown=False)
    assert not plain.split_unknown
    assert plain.tokenize(["Love😘❤💖"]) != model.tokenize(["Love😘❤💖"])


def test_missing_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(_default_model, "_FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="Reinstall skm2v"):
        default_model_path()


def test_the_tool_refuses_another_teacher(tool, tiny_teacher, tmp_path):
    with pytest.raises(SystemExit, match="is not sentence-transformers/all-MiniLM-L6-v2"):
        tool.make(tiny_teacher, tmp_path / "out", TEXTS, None)
    assert not (tmp_path / "out").exists()


def test_the_tool_makes_the_same_bytes_again(tool, tiny_teacher_of, tmp_path, monkeypatch):
    teacher = tiny_teacher_of(hidden_size=300)
    digest = tool.hashlib.sha256((teacher / "model.safetensors").read_bytes()).hexdigest()
    monkeypatch.setattr(tool, "TEACHER_SHA256", digest)
    # Random texts teach little about a random teacher, which is beside the point here.
    monkeypatch.setattr(selection, "_better", lambda ours, theirs: True)
    made = [tool.make(teacher, tmp_path / name, TEXTS, None) for name in ("one", "two")]
    assert made[0] == made[1]
    np.testing.assert_array_equal(made[0].embedding, made[1].embedding)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        assert str(teacher).encode() not in path.read_bytes()
