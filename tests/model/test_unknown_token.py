"""Unknown tokens weigh nothing for readers that average all tokens, and nothing changes here."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from skm2v import StaticModel
from skm2v._model.tensor_file import dump_tensors, parse_tensors
from skm2v.exceptions import ModelFormatError
from tests import tiny

TEXTS = ["the 😘 bank", "日本語 prize ☃ text", "the bank of london", "☃", ""]


def a_model(kind: str, dtype: str, mapped: bool, **options) -> StaticModel:
    rng = np.random.default_rng(0)
    n_tokens = tiny.tiny_tokenizer(kind).get_vocab_size()
    rows = rng.normal(size=(40 if mapped else n_tokens, 6))
    if mapped:
        options["mapping"] = rng.integers(0, 40, n_tokens)
        options["weights"] = rng.uniform(size=n_tokens)
    return StaticModel(rows, tiny.tiny_tokenizer(kind), **options).quantized(dtype)


def quiet_encode(model: StaticModel, texts: list[str]) -> np.ndarray:
    return model.pooler.pool(texts, max_length=model.max_length, normalize=model.normalize).vectors


def mean_of_all_tokens(folder, texts, normalize=True) -> np.ndarray:
    """Embed as sentence-transformers does: fold weights into rows, average every token."""
    tensors, _ = parse_tensors((folder / "model.safetensors").read_bytes(), what="file")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = tensors["embeddings"]
    if "mapping" in tensors:
        rows = rows[tensors["mapping"]]
    if "weights" in tensors:
        rows = rows.astype(np.float64) * tensors["weights"][:, None]
    vectors = np.zeros((len(texts), rows.shape[1]))
    for vector, text in zip(vectors, texts, strict=True):
        if ids := tokenizer.encode(text, add_special_tokens=False).ids:
            vector[:] = rows[ids].astype(np.float64).mean(axis=0)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms == 0, 1, norms) if normalize else vectors


def test_a_table_of_half_precision_has_weights_in_any_case(tmp_path):
    """Without, sentence-transformers computes in half precision: NaN for a text without tokens."""
    model = a_model("bpe", "float16", False)
    model.save_pretrained(tmp_path)
    tensors, _ = parse_tensors((tmp_path / "model.safetensors").read_bytes(), what="file")
    assert tensors["weights"].dtype == np.float16 and (tensors["weights"] == 1).all()
    again = StaticModel.from_pretrained(tmp_path)
    assert again == model and again.weights is None
    damaged(tmp_path, lambda tensors, document: tensors["weights"].__setitem__(9, 0.5))
    with pytest.raises(ModelFormatError, match="weights in .* are damaged"):
        StaticModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8"])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_mean_of_all_tokens_has_the_direction_of_ours(kind, dtype, mapped, tmp_path):
    model = a_model(kind, dtype, mapped)
    model.save_pretrained(tmp_path)
    ours = quiet_encode(model, TEXTS)
    np.testing.assert_allclose(mean_of_all_tokens(tmp_path, TEXTS), ours, rtol=0, atol=2e-7)
    again = StaticModel.from_pretrained(tmp_path)
    assert again == model and again._core.parts.sha256() == model.sha256
    np.testing.assert_array_equal(quiet_encode(again, TEXTS), ours)
    for name in ("embedding", "weights", "mapping"):
        one, other = getattr(again, name), getattr(model, name)
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


def test_half_precision_stays_half_for_readers_that_multiply(tmp_path):
    """Model2Vec averages weights * rows in their common type: float16 must not become another."""
    a_model("wordpiece", "float16", False).save_pretrained(tmp_path)
    tensors, _ = parse_tensors((tmp_path / "model.safetensors").read_bytes(), what="file")
    assert tensors["weights"].dtype == tensors["embeddings"].dtype == np.float16
    assert np.count_nonzero(tensors["weights"] != 1) == 1


def test_a_tokenizer_without_an_unknown_token_needs_no_weights(tmp_path):
    model = a_model("bpe", "float32", False)
    assert model.text_tokenizer.unk_id is None
    model.save_pretrained(tmp_path)
    tensors, metadata = parse_tensors((tmp_path / "model.safetensors").read_bytes(), what="file")
    assert set(tensors) == {"embeddings"} and "unknown" not in json.loads(metadata["skm2v"])


@pytest.mark.parametrize("place", ["first", "last"])
def test_the_unknown_token_may_be_any(place, tmp_path):
    tokens = ["[UNK]", "a", "b"] if place == "first" else ["a", "b", "[UNK]"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    model = StaticModel(np.eye(3, dtype=np.float32), tokenizer, weights=np.array([3.0, 2.0, 1.0]))
    model.save_pretrained(tmp_path)
    tensors, _ = parse_tensors((tmp_path / "model.safetensors").read_bytes(), what="file")
    assert np.flatnonzero(tensors["weights"] == 0).tolist() == [vocabulary["[UNK]"]]
    again = StaticModel.from_pretrained(tmp_path)
    assert again == model and again.weights.tolist() == [3.0, 2.0, 1.0]


def damaged(folder, change) -> None:
    path = folder / "model.safetensors"
    tensors, metadata = parse_tensors(path.read_bytes(), what="file")
    document = json.loads(metadata["skm2v"])
    tensors = {name: array.copy() for name, array in tensors.items()}
    change(tensors, document)
    path.chmod(0o644)
    path.write_bytes(dump_tensors(tensors, {"skm2v": json.dumps(document)}))


def _of_note(**values):
    return lambda tensors, document: document["unknown"].update(values)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, document: tensors["weights"].__setitem__(9, 0.5),
        lambda tensors, document: tensors.pop("weights"),
        lambda tensors, document: tensors.update(weights=tensors["weights"][:, None]),
        lambda tensors, document: tensors.update(weights=tensors["weights"][:9]),
        lambda tensors, document: tensors.update(weights=tensors["weights"].astype(np.float64)),
        lambda tensors, document: document.pop("unknown"),
        lambda tensors, document: document.update(unknown=None),
        lambda tensors, document: document["unknown"].pop("weight"),
        _of_note(id=4),
        _of_note(id=-1),
        _of_note(id=10**9),
        _of_note(id="3"),
        _of_note(id=None),
        _of_note(id=True),
        _of_note(weight=0.123),
        _of_note(weight="1"),
        _of_note(weight=[1]),
        _of_note(more=1),
    ],
)
def test_damage_is_found(change, mapped, tmp_path):
    a_model("wordpiece", "float32", mapped).save_pretrained(tmp_path)
    damaged(tmp_path, change)
    with pytest.raises(ModelFormatError, match="damaged"):
        StaticModel.from_pretrained(tmp_path)
