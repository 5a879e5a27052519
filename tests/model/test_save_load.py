from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from skm2v import StaticModel
from skm2v._model import ModelConfig, Projection
from skm2v._model.sidecars import SIDECARS
from skm2v.exceptions import ModelFormatError, Skm2vError
from tests import tiny
from tests.model.forge import contents, forge, tiny_model

CONFIG = ModelConfig(
    teacher="owner/teacher",
    revision="0123abc",
    licence="apache-2.0",
    language=("en", "de"),
    objective="tokens",
    pooling="mean",
    sif_coefficient=1e-4,
    pca_dims=4,
    pca_ordered=True,
    attribution="Texts: a | b, CC BY 4.0.\n\nThanks.",
    created_with={"skm2v": "0.1.0"},
)


def full_model(kind: str = "wordpiece", dtype: str = "float32", *, pairs: bool = True):
    rng = np.random.default_rng(0)
    n_tokens = tiny.tiny_tokenizer(kind).get_vocab_size()
    return StaticModel(
        rng.normal(size=(40, 4)).astype(np.float32),
        tiny.tiny_tokenizer(kind),
        mapping=rng.integers(0, 38, size=n_tokens),
        weights=rng.uniform(size=n_tokens + 2 * pairs),
        pairs=[[10, 11], [12, 10]] if pairs else None,
        normalize=False,
        max_length=7,
        config=CONFIG,
        projection=Projection(rng.normal(size=6), rng.normal(size=(4, 6)), rng.uniform(size=4)),
    ).quantized(dtype)


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
@pytest.mark.parametrize("make", [tiny_model, full_model])
def test_round_trip(tmp_path, kind, dtype, make):
    model = make(kind, dtype)
    model.save_pretrained(tmp_path / "model")
    again = StaticModel.from_pretrained(tmp_path / "model")
    assert again == model and again.config == model.config
    assert again.normalize == model.normalize and again.max_length == model.max_length
    assert not again.embedding.flags.writeable
    texts = [text for text in tiny.SENTENCES if len(text.split()) < 3]
    np.testing.assert_array_equal(again.encode(texts), model.encode(texts))
    assert StaticModel.from_pretrained(tmp_path / "model" / "model.safetensors") == model


def test_the_model_file_is_complete_and_the_same_every_time(tmp_path):
    model = full_model(pairs=False)
    model.save_pretrained(tmp_path / "a")
    model.save_pretrained(str(tmp_path / "b"))
    StaticModel.from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "c")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(["README.md", "model.safetensors", *SIDECARS])
    for name in names:
        data = (tmp_path / "a" / name).read_bytes()
        assert data == (tmp_path / "b" / name).read_bytes()
        assert data == (tmp_path / "c" / name).read_bytes()
    for name in names:
        if name != "model.safetensors":
            (tmp_path / "a" / name).unlink()
    assert StaticModel.from_pretrained(tmp_path / "a") == model
    with safe_open(tmp_path / "a" / "model.safetensors", framework="numpy") as file:
        document = json.loads(file.metadata()["skm2v"])
        np.testing.assert_array_equal(file.get_tensor("embeddings"), model.embedding)
    assert document["sha256"] == model.sha256
    assert document["tokenizer"] == model.text_tokenizer.json


def test_the_same_bytes_in_another_process(tmp_path):
    tiny_model().save_pretrained(tmp_path / "here")
    code = (
        "from tests.model.forge import tiny_model;"
        f"tiny_model().save_pretrained({str(tmp_path / 'there')!r})"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=tmp_path)
    for path in (tmp_path / "here").iterdir():
        assert path.read_bytes() == (tmp_path / "there" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", SIDECARS)
def test_an_edited_sidecar_is_named(tmp_path, name):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelFormatError, match=f"{name} in .* changed since"):
        StaticModel.from_pretrained(tmp_path)
    path.unlink()
    assert StaticModel.from_pretrained(tmp_path) == model


def test_the_card_may_be_edited(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    (tmp_path / "README.md").write_text("# Mine")
    assert StaticModel.from_pretrained(tmp_path) == model


def test_the_card_says_where_the_model_comes_from(tmp_path):
    full_model(pairs=False).save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    front = card.split("---\n")[1]
    fields = dict(line.split(": ", 1) for line in front.splitlines())
    assert json.loads(fields["license"]) == "apache-2.0"
    assert json.loads(fields["base_model"]) == "owner/teacher"
    assert json.loads(fields["language"]) == ["en", "de"]
    assert "sentence-transformers" in json.loads(fields["tags"])
    assert "| Teacher's revision | 0123abc |" in card
    assert CONFIG.attribution in card


def test_the_card_claims_nothing_it_does_not_know(tmp_path):
    model = StaticModel(
        tiny.tiny_table(), tiny.tiny_tokenizer(), config={"teacher": "./local/folder"}
    )
    model.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "license:" not in card and "base_model" not in card
    assert "licence of the teacher is not known" in card


def test_a_model_with_pairs_is_saved_without_files_for_the_peers(tmp_path):
    tiny_model().save_pretrained(tmp_path)
    model = full_model(pairs=True)
    model.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "model.safetensors"]
    assert "cannot use" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert StaticModel.from_pretrained(tmp_path) == model


def test_sidecars_carry_what_the_peers_need(tmp_path):
    full_model(pairs=False).save_pretrained(tmp_path)
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    assert tokenizer["truncation"]["max_length"] == 7 and tokenizer["padding"] is None
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == "model2vec" and config["normalize"] is False
    assert config["max_length"] == 7 and config["vocabulary_quantization"] == 40
    modules = json.loads((tmp_path / "modules.json").read_text(encoding="utf-8"))
    assert [module["type"].split(".")[-1] for module in modules] == ["StaticEmbedding"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o000, 0o666)])
def test_files_get_the_permissions_of_any_new_file(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        tiny_model().save_pretrained(tmp_path)
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == mode, path.name
    (tmp_path / "model.safetensors").chmod(0o600)
    tiny_model("bpe").save_pretrained(tmp_path)
    assert stat.S_IMODE((tmp_path / "model.safetensors").stat().st_mode) == 0o600


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "cache").mkdir()
    blob = tmp_path / "cache" / "blob"
    blob.write_bytes(b"of somebody else")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(blob)
    tiny_model().save_pretrained(folder)
    assert blob.read_bytes() == b"of somebody else"
    assert not (folder / "model.safetensors").is_symlink()
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert StaticModel.from_pretrained(link) == tiny_model()


def test_options_at_load(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path / "sub" / "folder")
    load = StaticModel.from_pretrained
    assert load(tmp_path, subfolder="sub/folder") == model
    narrow = load(tmp_path, subfolder="sub/folder", dimensionality=2, quantize_to="int8")
    assert narrow == model.with_dimensions(2).quantized("int8")
    assert load(tmp_path / "sub/folder", truncate_dim=2) == model.with_dimensions(2)
    changed = load(tmp_path / "sub/folder", normalize=False, max_length=None)
    assert changed.normalize is False and changed.max_length is None
    assert load(tmp_path / "sub/folder", max_length=9).max_length == 9
    with pytest.raises(ValueError, match="contradict"):
        load(tmp_path / "sub/folder", truncate_dim=2, dimensionality=3)
    with pytest.raises(ValueError, match="from 1 to 4"):
        load(tmp_path / "sub/folder", truncate_dim=5)
    with pytest.raises(ValueError, match="dtype must be one of"):
        load(tmp_path / "sub/folder", quantize_to="int3")


def test_sha256_pins_the_file(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path)
    digest = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    assert StaticModel.from_pretrained(tmp_path, sha256=digest) == model
    assert StaticModel.from_pretrained(tmp_path, sha256=digest.upper()) == model
    for other in ("0" * 64, "f" * 64):
        with pytest.raises(ModelFormatError, match=f"{digest}; {other} was expected"):
            StaticModel.from_pretrained(tmp_path, sha256=other)
    with pytest.raises(ValueError, match="64 hexadecimal"):
        StaticModel.from_pretrained(tmp_path, sha256="abc")


def test_a_newer_format_names_both_versions(tmp_path):
    forge(tmp_path, **contents(tiny_model()), format=2)
    with pytest.raises(ModelFormatError, match=r"format 2; skm2v \S+ reads formats up to 1"):
        StaticModel.from_pretrained(tmp_path)


def test_errors_are_of_one_family():
    assert issubclass(ModelFormatError, ValueError) and issubclass(ModelFormatError, Skm2vError)
