"""A tokenizer.json is parsed once, by whatever way a model is loaded."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from skm2v import StaticModel, _strict_json
from skm2v._model.tokenizer_check import build_tokenizer
from skm2v._pooling import TextTokenizer, TokenizerDocument
from skm2v.exceptions import ModelFormatError
from tests import tiny


@pytest.fixture
def parsed(monkeypatch):
    """Count how often a whole tokenizer is parsed, of a file or of the library's own state."""
    build_tokenizer.cache_clear()
    texts = []
    real = json.loads

    def counting(text, **options):
        value = real(text, **options)
        if isinstance(value, dict) and "added_tokens" in value and len(text) > 2000:
            texts.append(text)
        return value

    monkeypatch.setattr(json, "loads", counting)
    assert _strict_json.json.loads is counting
    yield texts
    build_tokenizer.cache_clear()


def write(layout: str, kind: str, folder: Path) -> None:
    hf, table = tiny.tiny_tokenizer(kind), tiny.tiny_table(kind)
    if layout in ("ours", "pickle"):
        StaticModel(table, hf).save_pretrained(folder)
        return
    name = "embeddings" if layout == "Model2Vec" else "embedding.weight"
    save_file({name: table}, folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(hf.to_str(), encoding="utf-8")
    if layout == "Model2Vec":
        (folder / "config.json").write_text(json.dumps({"model_type": "model2vec"}))
    else:
        module = {"idx": 0, "path": "", "type": "sentence_transformers.models.StaticEmbedding"}
        (folder / "modules.json").write_text(json.dumps([module]))


@pytest.mark.parametrize("kind", ["wordpiece", "bpe", "unigram"])
@pytest.mark.parametrize("layout", ["ours", "Model2Vec", "sentence-transformers", "pickle"])
def test_a_load_parses_its_tokenizer_once(layout, kind, tmp_path, parsed):
    write(layout, kind, tmp_path)
    pickled = pickle.dumps(StaticModel.from_pretrained(tmp_path))
    build_tokenizer.cache_clear()
    parsed.clear()
    load = StaticModel.from_pretrained
    model = pickle.loads(pickled) if layout == "pickle" else load(tmp_path)
    assert len(parsed) == 1
    model.encode(["free money"])
    if kind == "unigram" and len(parsed) == 2:
        # The scores that the library computes with stand only in what it says of itself.
        assert parsed.pop() == model.text_tokenizer.hf_json
    assert len(parsed) == 1
    model.encode(["free money", "call me"])
    model.with_settings(normalize=False).encode(["free money"])
    assert len(parsed) == 1


def test_a_document_lets_go_of_what_was_parsed_and_parses_it_again():
    text = tiny.tiny_tokenizer("wordpiece").to_str()
    document = TokenizerDocument(text)
    spec = document.spec
    assert document.spec is spec and spec == json.loads(text)
    tokenizer = TextTokenizer(document)
    assert tokenizer.document is document and tokenizer.json == text
    document.forget()
    assert document.spec == spec and document.spec is not spec
    assert pickle.loads(pickle.dumps(tokenizer)) == tokenizer == TextTokenizer(text)


def test_a_document_refuses_what_is_no_text_and_no_json():
    with pytest.raises(ModelFormatError, match="got bytes. Pass tokenizer.to_str"):
        TokenizerDocument(b"{}")
    with pytest.raises(ModelFormatError, match="The tokenizer is not valid JSON"):
        _ = TokenizerDocument("{").spec
    with pytest.raises(ModelFormatError, match="key 'a' is repeated"):
        _ = TokenizerDocument('{"a": 1, "a": 2}').spec
