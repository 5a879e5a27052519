"""Models that every version of Model2Vec wrote (tools/peer_versions.py made and recorded them)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from skm2v import StaticModel
from skm2v._model.layouts import read_peer
from skm2v._model.tensor_file import parse_tensors
from skm2v.exceptions import ModelFormatError

VERSIONS = Path(__file__).parent / "versions"
CASES = sorted(path.name for path in VERSIONS.iterdir() if path.is_dir())
WRITERS = ("0.3.8", "0.4.1", "0.5.0", "0.6.0", "0.7.0", "0.8.1", "0.9.0", "0.10.0")


def load(folder: Path) -> tuple[StaticModel, dict]:
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return StaticModel.from_pretrained(folder, subfolder=expected["subfolder"]), expected


def quiet(model: StaticModel, texts: list[str]) -> np.ndarray:
    return model.pooler.pool(texts, max_length=model.max_length, normalize=model.normalize).vectors


def copied(case: str, folder: Path) -> Path:
    return shutil.copytree(VERSIONS / case, folder / case)


def edit_tokenizer(folder: Path, change) -> None:
    path = folder / "tokenizer.json"
    spec = json.loads(path.read_text(encoding="utf-8"))
    change(spec)
    path.write_text(json.dumps(spec, ensure_ascii=False), encoding="utf-8")


def test_every_version_is_here():
    assert {case.partition("-")[0] for case in CASES} == set(WRITERS)


@pytest.mark.parametrize("case", CASES)
def test_vectors_equal_those_of_the_version_that_wrote_the_model(case, tmp_path):
    model, expected = load(VERSIONS / case)
    vectors = quiet(model, expected["texts"])
    np.testing.assert_allclose(vectors, expected["vectors"], rtol=0, atol=1e-6)
    model.save_pretrained(tmp_path)
    again = StaticModel.from_pretrained(tmp_path)
    assert again == model
    np.testing.assert_array_equal(quiet(again, expected["texts"]), vectors)


def test_language_and_licence_of_a_card_survive_loading_and_saving(tmp_path):
    model, _ = load(VERSIONS / "0.9.0-unigram-language")
    for _ in range(2):
        assert (model.config.licence, model.config.language) == ("mit", ("de", "en"))
        model.save_pretrained(tmp_path)
        model = StaticModel.from_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert 'license: "mit"\nlanguage: ["de", "en"]\n' in card


def test_a_byte_level_unigram_needs_no_unknown_token(tmp_path):
    folder = copied("0.6.0-bytes-language", tmp_path)
    spec = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    assert spec["model"]["type"] == "Unigram" and spec["model"]["unk_id"] is None
    model, _ = load(folder)
    assert model.text_tokenizer.unk_id is None
    # Whatever the text, it is spelled in bytes.
    assert all(len(ids) >= 4 for ids in model.tokenize(["😘", "漢字", "\u0000\u0378"]))


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["model"]["vocab"][5].__setitem__(0, "not a byte"),
        lambda spec: spec.update(pre_tokenizer={"type": "Whitespace"}),
        lambda spec: spec.update(pre_tokenizer=None),
    ],
    ids=["a byte has no token", "no bytes", "no pre-tokenizer"],
)
def test_another_unigram_needs_one(change, tmp_path):
    folder = copied("0.6.0-bytes-language", tmp_path)
    edit_tokenizer(folder, change)
    with pytest.raises(ModelFormatError, match=r"no unknown token \(unk_id is null\)"):
        load(folder)


def test_the_word_that_a_wrong_unk_id_names_counts_where_it_did(tmp_path):
    """0.9 averaged all tokens, 0.10 leaves out whatever the id names: so do we, for each."""
    folder = copied("0.9.0-unigram-language", tmp_path)
    spec = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    wrong = spec["model"]["unk_id"]
    assert spec["model"]["vocab"][wrong][0] == "▁a"
    model, _ = load(folder)
    assert model.tokens[model.text_tokenizer.unk_id] == "<unk>"
    assert quiet(model, ["a"]).any()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "max_length": 512}))
    as_0_10, _ = load(folder)
    assert as_0_10.text_tokenizer.unk_id == wrong
    assert not quiet(as_0_10, ["a"]).any()


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec.pop("added_tokens"),
        lambda spec: spec["model"].update(unk_id="3"),
        lambda spec: spec["model"].update(unk_id=10**6),
        lambda spec: spec["model"].pop("vocab"),
        lambda spec: spec.update(model=[]),
        lambda spec: spec["added_tokens"].append(3),
    ],
)
def test_a_damaged_tokenizer_is_left_to_the_checks(change, tmp_path):
    folder = copied("0.9.0-unigram-language", tmp_path)
    edit_tokenizer(folder, change)
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    file = folder / "model.safetensors"
    tensors, _ = parse_tensors(file.read_bytes(), what="file")
    assert read_peer(folder, file, tensors).tokenizer.text == text
