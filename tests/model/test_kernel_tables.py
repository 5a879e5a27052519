"""Files that hold what the compiled kernel makes of a tokenizer: the same models, sooner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from skm2v import (
    FusedTextClassifier,
    StaticEmbedder,
    StaticModel,
    StaticTextClassifier,
    TextSearcher,
    fuse,
)
from skm2v._model import kernel_tables
from skm2v._model.kernel_tables import KERNEL
from skm2v._model.parts import MODEL
from skm2v._model.tensor_file import dump_tensors
from skm2v._pooling import TokenizerDocument
from skm2v._pooling.kernel import make_state
from skm2v._pooling.kernel_state import KERNEL_FORMAT, KernelState
from skm2v.exceptions import ModelFormatError
from tests import tiny
from tests.model.forge import forge_kernel, read_header, read_tensors, tiny_model
from tests.model.test_save_load import full_model

ROOT = Path(__file__).parents[2]
TEXTS = [*tiny.SENTENCES, "", "unknowable banking \u00e9", "new york [PAD] 12,5", "x" * 300]


@pytest.fixture
def small(monkeypatch):
    """Files of small models hold it, too."""
    monkeypatch.setattr(kernel_tables, "FEWEST_TOKENS", 1)


def pooled(model):
    return model.pooler.pool(TEXTS, max_length=None, normalize=True).vectors


def document_of(path):
    header, _ = read_header(path)
    return json.loads(header["__metadata__"][MODEL.key])


def saved(model, folder):
    model.save_pretrained(folder)
    return folder / "model.safetensors"


class Refusing(TokenizerDocument):
    """One that nobody may look into."""

    @property
    def spec(self):
        raise AssertionError("the tokenizer's JSON was parsed")

    @property
    def text(self):
        raise AssertionError("the tokenizer's JSON was decoded")


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("make", [tiny_model, full_model])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_model_is_read_and_used_without_its_json(tmp_path, small, monkeypatch, kind, make, mmap):
    model = make(kind)
    saved(model, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("skm2v._model.parts.TokenizerDocument", Refusing)
        again = StaticModel.from_pretrained(tmp_path, mmap=mmap)
        assert len(again) == len(model) and str(len(model)) in repr(again)
        assert again.sha256 == model.sha256 and again == model
        np.testing.assert_array_equal(pooled(again), pooled(model))
    again = StaticModel.from_pretrained(tmp_path, mmap=mmap)
    assert again.text_tokenizer.state is not None
    assert again.tokens == model.tokens
    assert again.tokenizer.to_str() == model.tokenizer.to_str()
    for text in TEXTS:
        assert again.tokenize([text]) == model.tokenize([text])
    assert again.text_tokenizer == model.text_tokenizer


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_what_is_made_of_such_a_model_is_what_is_made_of_the_model(tmp_path, small, kind):
    model = full_model(kind)
    path = saved(model, tmp_path / "a")
    again = StaticModel.from_pretrained(path, mmap=True)
    assert saved(again, tmp_path / "b").read_bytes() == path.read_bytes()
    for change in (
        lambda one: one.with_settings(normalize=True, max_length=3),
        lambda one: one.with_dimensions(2).quantized("int8"),
        lambda one: one.extend(["blockchain"], vectors=np.ones((1, one.dim))),
    ):
        changed = change(again)
        assert changed == change(model)
        assert saved(changed, tmp_path / "c").read_bytes() == (
            saved(change(model), tmp_path / "d").read_bytes()
        )


def test_unknown_characters_are_split_off_as_before(tmp_path, small):
    model = tiny_model().with_settings(split_unknown=True)
    again = StaticModel.from_pretrained(saved(model, tmp_path))
    texts = ["love\u2764 bank\U0001f600card", "\uff42\uff41\uff4e\uff4b", "caf\u00e9\u00e9"]
    np.testing.assert_array_equal(again.encode(texts), model.encode(texts))
    assert again.split_unknown
    plain = again.with_settings(split_unknown=False)
    assert plain.text_tokenizer.state is None and plain == model.with_settings(split_unknown=False)


def test_foreign_letters_are_known(tmp_path, small):
    model = tiny_model()
    state = make_state(model.text_tokenizer)
    foreign = np.zeros(len(model), bool)
    foreign[[5, 8, len(model) - 1]] = True
    arrays = {**state.arrays, "foreign": np.packbits(foreign, bitorder="little")}
    folder = forge_kernel(tmp_path, model, KernelState(state.settings, arrays))
    again = StaticModel.from_pretrained(folder)
    np.testing.assert_array_equal(again.text_tokenizer.foreign_tokens, foreign)


def test_small_models_are_saved_as_they_were(tmp_path):
    path = saved(tiny_model(), tmp_path)
    assert KERNEL not in document_of(path)
    assert not any(name.startswith(KERNEL) for name in read_tensors(path))


def test_other_readers_find_the_tensors_that_they_know(tmp_path, small):
    """safetensors itself reads all, in the types that every reader of the format has."""
    plain, kept = tiny_model("unigram", "float16"), tmp_path / "kept"
    saved(plain, kept)
    with safe_open(kept / "model.safetensors", framework="numpy") as file:
        names = set(file.keys())
        types = {file.get_slice(name).get_dtype() for name in names}
        np.testing.assert_array_equal(file.get_tensor("embeddings"), plain.embedding)
    assert types <= {"F16", "F32", "F64", "I32", "U8"}
    assert {name for name in names if not name.startswith(f"{KERNEL}.")} == {
        "embeddings",
        "weights",
    }


def test_another_format_of_it_is_built_anew(tmp_path, small, monkeypatch):
    model = tiny_model()
    with monkeypatch.context() as patch:
        patch.setattr(kernel_tables, "KERNEL_FORMAT", KERNEL_FORMAT + 1)
        path = saved(model, tmp_path)
    again = StaticModel.from_pretrained(path)
    assert again.text_tokenizer.state is None
    assert again == model
    np.testing.assert_array_equal(pooled(again), pooled(model))
    saved(again, tmp_path)
    assert document_of(path)[KERNEL]["format"] == KERNEL_FORMAT
    assert StaticModel.from_pretrained(path).text_tokenizer.state is not None


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_every_flipped_byte_is_found(tmp_path, small, kind, mmap):
    path = saved(full_model(kind, "float16"), tmp_path)
    content = path.read_bytes()
    for position in np.linspace(0, len(content) - 1, 150).astype(int):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ModelFormatError):
            StaticModel.from_pretrained(tmp_path, mmap=mmap)


def test_an_edited_tokenizer_beside_the_file_is_found(tmp_path, small):
    saved(tiny_model(), tmp_path)
    sidecar = tmp_path / "tokenizer.json"
    sidecar.write_text(sidecar.read_text().replace("bank", "tank"))
    with pytest.raises(ModelFormatError, match=r"tokenizer\.json in .* changed"):
        StaticModel.from_pretrained(tmp_path, mmap=True)


def test_what_was_made_of_another_tokenizer_is_found(tmp_path, small):
    """Each part with the hash that it was saved with, the parts from two files."""
    one, other = tiny_model(), tiny_model()
    paths = [saved(one, tmp_path / "one"), tmp_path / "two" / "model.safetensors"]
    text = other.text_tokenizer.json.replace("##ing", "##inn")
    forge_kernel(tmp_path / "two", StaticModel(other.embedding, text), make_state(
        StaticModel(other.embedding, text).text_tokenizer
    ))  # fmt: skip
    documents, tensors = [document_of(path) for path in paths], [*map(read_tensors, paths)]
    for name in tensors[0]:
        if name.startswith(KERNEL) and name != f"{KERNEL}.tokenizer":
            tensors[0][name] = tensors[1][name]
    documents[0][KERNEL] = documents[1][KERNEL]
    documents[0]["sidecars"] = {}
    paths[0].write_bytes(dump_tensors(tensors[0], {MODEL.key: json.dumps(documents[0])}))
    with pytest.raises(ModelFormatError, match="what it holds for the compiled kernel"):
        StaticModel.from_pretrained(paths[0])


def edited(name, change):
    """Change a setting."""
    return lambda state: replace(
        state, settings={**state.settings, name: change(state.settings[name])}
    )


def array(name, change):
    """Change an array."""
    return lambda state: replace(state, arrays={**state.arrays, name: change(state.arrays[name])})


def model_setting(name, value):
    return edited("spec", lambda spec: {**spec, "model": {**spec["model"], name: value}})


def at(place, value):
    def change(values):
        values = values.copy()
        values[place] = value
        return values

    return change


NEW_TOKEN = {
    "id": 3, "content": "x", "single_word": False, "lstrip": False, "rstrip": False,
    "normalized": True, "special": False,
}  # fmt: skip
DAMAGES = {
    "no trie": ("wordpiece", lambda state: replace(state, arrays={})),
    "another array": ("wordpiece", lambda s: replace(s, arrays={**s.arrays, "x": np.zeros(2)})),
    "scores of WordPiece": (
        "wordpiece", lambda s: replace(s, arrays={**s.arrays, "scores": np.zeros(9)})
    ),
    "no scores": (
        "unigram", lambda s: replace(s, arrays={n: a for n, a in s.arrays.items() if n != "scores"})
    ),
    "units of floats": ("wordpiece", array("units", lambda a: a.astype(np.float64))),
    "units in rows": ("wordpiece", array("units", lambda a: a.reshape(2, -1))),
    "fewer units": ("wordpiece", array("units", lambda a: a[256:])),
    "an offset outside": ("wordpiece", array("units", at(0, -512))),
    "a token outside": ("wordpiece", array("tokens", lambda a: a + 100_000)),
    "a root outside": ("wordpiece", edited("roots", lambda roots: [2**30, roots[1]])),
    "a negative root": ("wordpiece", edited("roots", lambda roots: [-1, roots[1]])),
    "three roots": ("wordpiece", edited("roots", lambda roots: [*roots, 0])),
    "roots of floats": ("wordpiece", edited("roots", lambda roots: [0.0, 1.0])),
    "NaN for a score": ("unigram", array("scores", at(3, np.nan))),
    "a large score": ("unigram", array("scores", at(3, -1e7))),
    "too few scores": ("unigram", array("scores", lambda a: a[:2])),
    "too many scores": ("unigram", array("scores", lambda a: np.zeros(len(a) + 99))),
    "a merge outside": ("bpe", array("merges", at(0, 1_000_000))),
    "a negative merge": ("bpe", array("merges", at(0, -1))),
    "merges of two": ("bpe", array("merges", lambda a: np.ascontiguousarray(a[:, :2]))),
    "fewer bytes": ("bpe", edited("byte_ids", lambda ids: ids[:255])),
    "no bytes": ("bpe", edited("byte_ids", lambda ids: [])),
    "a byte outside": ("bpe", edited("byte_ids", lambda ids: [*ids[:255], 10**6])),
    "a byte without a token": ("bpe", edited("byte_ids", lambda ids: [-1, *ids[1:]])),
    "no number of tokens": ("wordpiece", edited("n_tokens", lambda n: None)),
    "another number of tokens": ("wordpiece", edited("n_tokens", lambda n: n + 1)),
    "no tokens": ("wordpiece", edited("n_tokens", lambda n: 0)),
    "an unknown token outside": ("wordpiece", edited("unk_id", lambda n: 10**6)),
    "no unknown token": ("wordpiece", edited("unk_id", lambda n: None)),
    "another unknown token": ("unigram", edited("unk_id", lambda n: n + 1)),
    "long words": ("wordpiece", edited("max_chars", lambda n: 2**31)),
    "no words": ("wordpiece", edited("max_chars", lambda n: 0)),
    "characters of nothing": ("wordpiece", edited("known", lambda known: ["a", "b"])),
    "one kind of characters": ("wordpiece", edited("known", lambda known: ["a"])),
    "no characters": ("wordpiece", model_setting("split_unknown", True)),
    "one setting less": (
        "wordpiece",
        lambda s: replace(s, settings={n: v for n, v in s.settings.items() if n != "roots"}),
    ),
    "one setting more": ("wordpiece", lambda s: replace(s, settings={**s.settings, "x": 1})),
    "no spec": ("wordpiece", edited("spec", lambda spec: None)),
    "a spec without a model": ("wordpiece", edited("spec", lambda spec: {"version": "1.0"})),
    "an unknown model": ("wordpiece", model_setting("type", "Transformer")),
    "a model of a list": ("wordpiece", model_setting("type", [])),
    "an unknown token that is a list": ("wordpiece", model_setting("unk_token", [])),
    "a vocabulary": ("wordpiece", model_setting("vocab", {"a": 0})),
    "merges in the spec": ("bpe", model_setting("merges", [])),
    "an unknown section": ("wordpiece", edited("spec", lambda spec: {**spec, "x": 1})),
    "an unknown normalizer": (
        "wordpiece", edited("spec", lambda spec: {**spec, "normalizer": {"type": "Evil"}})
    ),
    "dropout": ("bpe", model_setting("dropout", 0.5)),
    "added tokens of nothing": (
        "wordpiece", edited("spec", lambda spec: {**spec, "added_tokens": 5})
    ),
    "an added token outside": (
        "wordpiece",
        edited("spec", lambda spec: {**spec, "added_tokens": [{**NEW_TOKEN, "id": 10**6}]}),
    ),
    "an added token twice": (
        "wordpiece", edited("spec", lambda spec: {**spec, "added_tokens": [NEW_TOKEN, NEW_TOKEN]})
    ),
    "an added token that is deleted": (
        "wordpiece",
        edited("spec", lambda spec: {**spec, "added_tokens": [{**NEW_TOKEN, "content": "\0"}]}),
    ),
    "foreign tokens of too few": (
        "wordpiece", lambda s: replace(s, arrays={**s.arrays, "foreign": np.zeros(2, np.uint8)})
    ),
    "foreign tokens of floats": (
        "wordpiece", lambda s: replace(s, arrays={**s.arrays, "foreign": np.zeros(99)})
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGES)
def test_what_somebody_made_up_is_refused_under_a_right_hash(tmp_path, what):
    kind, change = DAMAGES[what]
    model = tiny_model(kind)
    state = make_state(model.text_tokenizer)
    forge_kernel(tmp_path, model, state)
    assert StaticModel.from_pretrained(tmp_path) == model
    forge_kernel(tmp_path, model, change(state))
    with pytest.raises(ModelFormatError):
        StaticModel.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "field",
    [
        None, [], {},
        {"format": "1", "settings": {}, "sha256": ""},
        {"format": 1, "settings": 5, "sha256": ""},
    ],
)  # fmt: skip
def test_a_malformed_field_is_refused(tmp_path, small, field):
    path = saved(tiny_model(), tmp_path)
    document, tensors = document_of(path), read_tensors(path)
    for changed in ({**document, KERNEL: field}, {**document, "tokenizer": "{}"}):
        path.write_bytes(dump_tensors(tensors, {MODEL.key: json.dumps(changed)}))
        with pytest.raises(ModelFormatError, match="damaged"):
            StaticModel.from_pretrained(path)
    del tensors[f"{KERNEL}.tokenizer"]
    path.write_bytes(dump_tensors(tensors, {MODEL.key: json.dumps(document)}))
    with pytest.raises(ModelFormatError, match="damaged"):
        StaticModel.from_pretrained(path)


@pytest.mark.parametrize(
    "text", ["{}", "[", '{"model": {"type": "WordPiece", "vocab": {}}}', "\udcff"]
)
def test_json_that_somebody_made_up_is_refused_when_it_is_needed(tmp_path, text):
    """Under hashes that are right: it is not parsed before that."""
    model = tiny_model()
    state = make_state(model.text_tokenizer)
    if text == "\udcff":
        forge_kernel(tmp_path, model, state, tokenizer="a" * 20)
        path = tmp_path / "model.safetensors"
        document, tensors = document_of(path), read_tensors(path)
        tensors[f"{KERNEL}.tokenizer"] = np.full(20, 0xFF, np.uint8)
        own = {n[7:]: a for n, a in tensors.items() if n.startswith(f"{KERNEL}.")}
        data = own.pop("tokenizer")
        document[KERNEL]["sha256"] = kernel_tables._hash(KERNEL_FORMAT, state.settings, own, data)
        content = replace(model._core.parts.content, tokenizer=data)
        document["sha256"] = content.sha256(1)
        path.write_bytes(dump_tensors(tensors, {MODEL.key: json.dumps(document)}))
    else:
        forge_kernel(tmp_path, model, state, tokenizer=text)
    forged = StaticModel.from_pretrained(tmp_path)
    np.testing.assert_array_equal(pooled(forged), pooled(model))
    for use in (lambda: forged.tokens, lambda: forged.tokenizer, lambda: forged.tokenize(["a"])):
        with pytest.raises(ModelFormatError):
            use()


@pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")
def test_fused_models_and_indexes_hold_it_too(tmp_path, small):
    X, y = list(tiny.SENTENCES), [i % 2 for i in range(len(tiny.SENTENCES))]
    model = StaticModel.from_pretrained(saved(tiny_model(), tmp_path / "model"))
    fused = fuse(StaticTextClassifier(StaticEmbedder(model), C=1.0).fit(X, y))
    fused.save(tmp_path / "fused")
    loaded = FusedTextClassifier.load(tmp_path / "fused", mmap=True)
    assert loaded.scores_.tokenizer.state is not None
    np.testing.assert_array_equal(loaded.decision_function(TEXTS), fused.decision_function(TEXTS))
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "fused").read_bytes()
    searcher = TextSearcher(StaticEmbedder(model)).fit(X)
    searcher.save(tmp_path / "index")
    found = TextSearcher.load(tmp_path / "index", mmap=True)
    assert found.embedder_.model_.text_tokenizer.state is not None
    for one, other in zip(
        found.search(["free money"]), searcher.search(["free money"]), strict=True
    ):
        assert [(hit.id, hit.score) for hit in one] == [(hit.id, hit.score) for hit in other]


WITHOUT = """
import sys
sys.modules["skm2v._pooling._kernel"] = None
import numpy as np
from skm2v import StaticModel
from tests import tiny
from tests.model.forge import tiny_model
kept = StaticModel.from_pretrained(sys.argv[1], mmap=True)
assert kept.text_tokenizer.state is not None
texts = list(tiny.SENTENCES)
model = tiny_model(sys.argv[2])
assert (kept.encode(texts) == model.encode(texts)).all() and kept == model
print("same")
"""


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_where_there_is_no_compiled_kernel_the_vectors_are_the_same(tmp_path, small, kind):
    saved(tiny_model(kind), tmp_path)
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT, str(tmp_path), kind]
    # Which makes a kernel that is not there an error.
    environment = {name: os.environ[name] for name in os.environ if name != "SKM2V_REQUIRE_EXT"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.stdout == "same\n", done.stderr


def damaged_number(path, name):
    """Write another number into a tensor."""
    tensors = read_tensors(path)
    data, start = path.read_bytes(), 8 + int.from_bytes(path.read_bytes()[:8], "little")
    offset = read_header(path)[0][name]["data_offsets"][0] + start
    assert len(tensors[name])
    path.write_bytes(data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1 :])


@pytest.mark.parametrize("mmap", [False, True])
def test_the_hash_can_be_the_business_of_the_caller(tmp_path, small, mmap):
    model = tiny_model()
    path = saved(model, tmp_path)
    assert StaticModel.from_pretrained(tmp_path, mmap=mmap, verify=False) == model
    damaged_number(path, "embeddings")
    with pytest.raises(ModelFormatError, match="is damaged: the SHA-256"):
        StaticModel.from_pretrained(tmp_path, mmap=mmap)
    other = StaticModel.from_pretrained(tmp_path, mmap=mmap, verify=False)
    assert (other.embedding != model.embedding).sum() == 1
    assert other.sha256 == model.sha256  # as the file says
    with pytest.raises(ModelFormatError, match="was expected"):
        StaticModel.from_pretrained(tmp_path, mmap=mmap, verify=False, sha256="0" * 64)
    with pytest.raises(ValueError, match="verify must be True or False"):
        StaticModel.from_pretrained(tmp_path, verify="no")


@pytest.mark.parametrize("what", DAMAGES)
def test_all_but_the_hash_is_checked_whosever_business_it_is(tmp_path, what):
    kind, change = DAMAGES[what]
    model = tiny_model(kind)
    forge_kernel(tmp_path, model, change(make_state(model.text_tokenizer)))
    with pytest.raises(ModelFormatError):
        StaticModel.from_pretrained(tmp_path, verify=False)


@pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")
def test_fused_models_and_indexes_are_read_without_their_hash(tmp_path):
    X, y = list(tiny.SENTENCES), [i % 2 for i in range(len(tiny.SENTENCES))]
    embedder = StaticEmbedder(tiny_model())
    fuse(StaticTextClassifier(embedder, C=1.0).fit(X, y)).save(tmp_path / "fused")
    TextSearcher(embedder).fit(X).save(tmp_path / "index")
    for name, tensor, load in (
        ("fused", "intercept", FusedTextClassifier.load),
        ("index", "model.embeddings", TextSearcher.load),
    ):
        damaged_number(tmp_path / name, tensor)
        with pytest.raises(ModelFormatError, match="is damaged: the SHA-256"):
            load(tmp_path / name)
        load(tmp_path / name, verify=False)
        with pytest.raises(ValueError, match="verify must be True or False"):
            load(tmp_path / name, verify=1)
