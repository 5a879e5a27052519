"""Files that are wrong in one place: each is refused, with one type of error and little work."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest

from skm2v import StaticModel
from skm2v._model.tensor_file import MAX_TENSORS
from skm2v._model.tokenizer_check import build_tokenizer, check_tokenizer
from skm2v._pooling import TokenizerDocument
from skm2v.exceptions import ModelFormatError
from tests import tiny
from tests.model.forge import (
    contents,
    forge,
    forge_model2vec,
    read_header,
    tiny_model,
    write_header,
)

DOUBLE = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}


# Functions that may be called until a file is refused: most are by 9,000, the worst by 91,000.
MOST_CALLS = 200_000


def refuse(folder, message):
    with calls_counted() as calls, pytest.raises(ModelFormatError, match=message):
        StaticModel.from_pretrained(folder)
    assert calls.total() < MOST_CALLS


@contextmanager
def calls_counted():
    """Count the calls of functions, in Python and in C, which do not depend on the machine."""
    calls = Counter()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: calls.update((event,)))
    try:
        yield calls
    finally:
        sys.setprofile(before)


def sequence(*normalizers):
    return {"type": "Sequence", "normalizers": list(normalizers)}


def nested(depth):
    return {"type": "NFC"} if depth == 0 else sequence(nested(depth - 1))


def swap(spec, one, other):
    vocab = spec["model"]["vocab"]
    vocab[one], vocab[other] = vocab[other], vocab[one]


def set_id(token, value):
    return lambda spec: spec["model"]["vocab"].__setitem__(token, value)


def set_model(name, value):
    return lambda spec: spec["model"].__setitem__(name, value)


def set_part(name, value):
    return lambda spec: spec.__setitem__(name, value)


def add_token(**token):
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return lambda spec: spec["added_tokens"].append({**flags, **token})


def split(regex):
    pattern = {"Regex": regex}
    return {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


# kind of tokenizer, what to change, part of the message
TOKENIZERS = {
    "no model": ("wordpiece", lambda s: s.pop("model"), "'model' object"),
    "model is a list": ("wordpiece", set_part("model", []), "'model' object"),
    "unknown section": ("wordpiece", set_part("script", 1), "unknown sections: 'script'"),
    "unknown model": ("wordpiece", set_model("type", "Lua"), "type 'Lua'"),
    "no model type": ("wordpiece", lambda s: s["model"].pop("type"), "type None"),
    "vocabulary is a list": ("wordpiece", set_model("vocab", []), "must map tokens to ids"),
    "empty vocabulary": ("wordpiece", set_model("vocab", {}), "0 tokens"),
    "huge id": ("wordpiece", set_id("the", 2**31), "must map tokens to ids"),
    "enormous id": ("wordpiece", set_id("the", 10**300), "must map tokens to ids"),
    "negative id": ("wordpiece", set_id("the", -1), "must map tokens to ids"),
    "id is a string": ("wordpiece", set_id("the", "5"), "must map tokens to ids"),
    "id is true": ("wordpiece", set_id("the", True), "must map tokens to ids"),
    "id is a fraction": ("wordpiece", set_id("the", 1.5), "must map tokens to ids"),
    "hole in the ids": ("wordpiece", set_id("the", 1000), "each once"),
    "id twice": ("wordpiece", set_id("the", 3), "each once"),
    "token is missing": ("wordpiece", lambda s: s["model"]["vocab"].pop("the"), "each once"),
    "long token": ("wordpiece", set_id("x" * 600, 231), "600 characters"),
    "unknown token is unknown": ("wordpiece", set_model("unk_token", "[NO]"), "not in its"),
    "no unknown token": ("wordpiece", set_model("unk_token", None), "not in its"),
    "unknown token is a number": ("wordpiece", set_model("unk_token", 3), "not in its"),
    "unknown token is a list": ("wordpiece", set_model("unk_token", ["a"]), "not in its"),
    "unknown token of BPE is a list": ("bpe", set_model("unk_token", [["a"]]), "not in its"),
    "long words": ("wordpiece", set_model("max_input_chars_per_word", 10**9), "max_input_chars"),
    "no words": ("wordpiece", set_model("max_input_chars_per_word", 0), "max_input_chars"),
    "a word for a flag": ("wordpiece", set_model("split_unknown", "no"), "split_unknown"),
    "prefix is a number": ("wordpiece", set_model("continuing_subword_prefix", 3), "prefix"),
    "added tokens are an object": ("wordpiece", set_part("added_tokens", {"a": 1}), "be a list"),
    "added token is a string": ("wordpiece", set_part("added_tokens", ["a"]), "malformed"),
    "added token has no id": ("wordpiece", add_token(content="a b"), "malformed"),
    "added token lacks a flag": (
        "wordpiece",
        lambda s: s["added_tokens"][0].pop("special"),
        "malformed",
    ),
    "added token is empty": ("wordpiece", add_token(id=231, content=""), "not supported"),
    "added token is long": ("wordpiece", add_token(id=231, content="x" * 600), "not supported"),
    "added token has an unknown field": (
        "wordpiece",
        add_token(id=231, content="a b", run="x"),
        "malformed",
    ),
    "added token has a huge id": ("wordpiece", add_token(id=2**31, content="a b"), "id of"),
    "added token has a wrong flag": (
        "wordpiece",
        add_token(id=231, content="a b", special="yes"),
        "special of",
    ),
    "added token contradicts": ("wordpiece", add_token(id=231, content="the"), "differs"),
    "added token is repeated": ("wordpiece", add_token(id=0, content="[PAD]"), "repeated"),
    "added token without a row": ("wordpiece", add_token(id=231, content="a b"), "231"),
    "added token is deleted by the normalizer": (
        "wordpiece",
        add_token(id=231, content="\u200b", normalized=True),
        "deletes its added token",
    ),
    "unknown normalizer": ("wordpiece", set_part("normalizer", {"type": "Exec"}), "'Exec'"),
    "normalizer is a string": ("wordpiece", set_part("normalizer", "NFC"), "must be an object"),
    "normalizer without type": ("wordpiece", set_part("normalizer", {}), "type None"),
    "normalizer with an odd setting": (
        "wordpiece",
        set_part("normalizer", {"type": "NFC", "x": 1}),
        "setting 'x'",
    ),
    "normalizer with a wrong flag": (
        "wordpiece",
        set_part("normalizer", {"type": "BertNormalizer", "lowercase": "no"}),
        "setting 'lowercase'",
    ),
    "malformed sequence": (
        "wordpiece",
        set_part("normalizer", {"type": "Sequence", "normalizers": 3}),
        "malformed",
    ),
    "deep sequence": ("wordpiece", set_part("normalizer", nested(5)), "levels deep"),
    "very deep sequence": ("wordpiece", set_part("normalizer", nested(200)), "levels deep"),
    "long sequence": (
        "wordpiece",
        set_part("normalizer", sequence(*[replace({"String": "a"}, "b")] * 300)),
        "300 parts",
    ),
    "doubling normalizers": (
        "wordpiece",
        set_part("normalizer", sequence(*[DOUBLE] * 30)),
        "lengthen a text",
    ),
    "doubling before another normalizer": (
        "wordpiece",
        set_part("normalizer", sequence(*[DOUBLE] * 30, {"type": "NFC"})),
        "lengthen a text",
    ),
    "doubling by case": (
        "wordpiece",
        set_part(
            "normalizer",
            sequence(*[replace({"String": "a"}, "AA"), replace({"String": "A"}, "aa")] * 4),
        ),
        "lengthen a text",
    ),
    "doubling by pattern": (
        "wordpiece",
        set_part("normalizer", sequence(*[replace({"Regex": r"\s+"}, "  ")] * 10)),
        "lengthen a text",
    ),
    "long replacement": (
        "wordpiece",
        set_part("normalizer", replace({"String": "a"}, "b" * 65)),
        "setting 'content'",
    ),
    "bytes of bytes": (
        "bpe",
        set_part("normalizer", sequence(*[{"type": "ByteLevel"}] * 3)),
        "3 normalizers of type ByteLevel",
    ),
    "empty pattern": (
        "wordpiece",
        set_part("normalizer", replace({"String": ""}, "b")),
        "setting 'pattern'",
    ),
    "two patterns": (
        "wordpiece",
        set_part("normalizer", replace({"String": "a", "Regex": "a"}, "b")),
        "setting 'pattern'",
    ),
    "expensive pattern": (
        "wordpiece",
        set_part("normalizer", replace({"Regex": "(a*)*b"}, "b")),
        "setting 'pattern'",
    ),
    "charsmap is no Base64": (
        "unigram",
        set_part("normalizer", {"type": "Precompiled", "precompiled_charsmap": "?"}),
        "precompiled_charsmap",
    ),
    "charsmap is garbage": (
        "unigram",
        set_part("normalizer", {"type": "Precompiled", "precompiled_charsmap": "AAAA" * 99}),
        "precompiled_charsmap",
    ),
    "prepends much": (
        "unigram",
        set_part("normalizer", {"type": "Prepend", "prepend": "x" * 17}),
        "setting 'prepend'",
    ),
    "unknown pre-tokenizer": ("bpe", set_part("pre_tokenizer", {"type": "Lua"}), "'Lua'"),
    "expensive split": ("bpe", set_part("pre_tokenizer", split("(a*)*b")), "setting 'pattern'"),
    "wrong behaviour": (
        "bpe",
        set_part("pre_tokenizer", {"type": "Punctuation", "behavior": "Explode"}),
        "setting 'behavior'",
    ),
    "long delimiter": (
        "bpe",
        set_part("pre_tokenizer", {"type": "CharDelimiterSplit", "delimiter": "ab"}),
        "setting 'delimiter'",
    ),
    "pre-tokenizer is a list": ("bpe", set_part("pre_tokenizer", []), "must be an object"),
    "unknown post-processor": ("bpe", set_part("post_processor", {"type": "x"}), "'x'"),
    "template drops the text": (
        "wordpiece",
        lambda s: s["post_processor"].__setitem__("single", []),
        "setting 'single'",
    ),
    "template repeats the text": (
        "wordpiece",
        lambda s: s["post_processor"]["single"].extend(s["post_processor"]["single"]),
        "setting 'single'",
    ),
    "unknown decoder": ("bpe", set_part("decoder", {"type": "x"}), "'x'"),
    "random merges": ("bpe", set_model("dropout", 0.5), "at random"),
    "no merges": ("bpe", set_model("merges", None), "must be a list"),
    "merge of an unknown token": ("bpe", set_model("merges", [["Ġ", "zzzz"]]), "merge"),
    "merge without result": ("bpe", set_model("merges", [["z", "z"]]), "merge"),
    "merge of three": ("bpe", set_model("merges", ["a b c"]), "merge"),
    "merge is a number": ("bpe", set_model("merges", [3]), "merge"),
    "unknown token of BPE": ("bpe", set_model("unk_token", "no"), "not in its"),
    "suffix is a number": ("bpe", set_model("end_of_word_suffix", 1), "suffix"),
    "flag is a string": ("bpe", set_model("byte_fallback", "no"), "byte_fallback"),
    "no pieces": ("unigram", set_model("vocab", []), "0 tokens"),
    "pieces are an object": ("unigram", set_model("vocab", {"a": 1}), "list of pairs"),
    "score is a string": (
        "unigram",
        lambda s: s["model"]["vocab"].__setitem__(5, ["x", "1"]),
        "finite score",
    ),
    "score is enormous": (
        "unigram",
        lambda s: s["model"]["vocab"].__setitem__(5, ["x", 1e300]),
        "finite score",
    ),
    "empty piece": (
        "unigram",
        lambda s: s["model"]["vocab"].__setitem__(5, ["", 1]),
        "empty or a repeated",
    ),
    "repeated piece": (
        "unigram",
        lambda s: s["model"]["vocab"].__setitem__(5, s["model"]["vocab"][6]),
        "empty or a repeated",
    ),
    "unknown id out of range": ("unigram", set_model("unk_id", 10**6), "unk_id"),
    "no unknown id": ("unigram", set_model("unk_id", None), "unk_id"),
    "unknown id is a string": ("unigram", set_model("unk_id", "3"), "unk_id"),
}


@pytest.mark.parametrize("case", TOKENIZERS)
@pytest.mark.parametrize("layout", [forge, forge_model2vec])
def test_tokenizer(case, layout, tmp_path):
    kind, change, message = TOKENIZERS[case]
    content = contents(tiny_model(kind))
    change(content["tokenizer"])
    refuse(layout(tmp_path, **content), message)


TEXTS = {
    "not JSON": ("{", "not valid JSON"),
    "empty": ("", "not valid JSON"),
    "a list": ("[]", "'model' object"),
    "repeated key": ('{"model": {}, "model": {}}', "'model' is repeated"),
    "NaN": ('{"model": {"x": NaN}}', "NaN is not a JSON number"),
    "deep": ("[" * 100_000, "not valid JSON"),
    "huge integer": ('{"model": ' + "9" * 100_000 + "}", "100000 digits"),
    "many brackets": ("[" + "[]," * 4_000_001 + "[]]", "brackets and commas"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_tokenizer_text(case, tmp_path):
    text, message = TEXTS[case]
    content = contents(tiny_model())
    content["tokenizer"] = text
    refuse(forge_model2vec(tmp_path, **content), message)


def set_tensor(name, change):
    def apply(content):
        tensors = content["tensors"]
        tensors[name] = change(tensors.get(name, tensors["embeddings"]))

    return apply


def poke(index, value):
    def change(array):
        array = array.copy()
        array[index] = value
        return array

    return change


def constant(array):
    return lambda _: np.asarray(array)


N = 231
CONTENT = {
    "NaN": (set_tensor("embeddings", poke((3, 1), np.nan)), "finite"),
    "infinity": (set_tensor("embeddings", poke((3, 1), -np.inf)), "finite"),
    "too large": (set_tensor("embeddings", poke((3, 1), 3e38)), "Rescale"),
    "integers": (set_tensor("embeddings", lambda a: a.astype(np.int32)), "float16 or float32"),
    "one dimension": (set_tensor("embeddings", np.ravel), "2-D"),
    "row too few": (set_tensor("embeddings", lambda a: a[1:]), "230"),
    "row too many": (set_tensor("embeddings", lambda a: np.vstack([a, a[:1]])), "232"),
    "no columns": (set_tensor("embeddings", lambda a: a[:, :0]), "column"),
    "no rows": (set_tensor("embeddings", lambda a: a[:0]), "table 0"),
    "no embeddings": (lambda c: c["tensors"].update(x=c["tensors"].pop("embeddings")), "x"),
    "unknown tensor": (set_tensor("head", constant(np.ones(3))), "head"),
    "weights too short": (set_tensor("weights", constant(np.ones(3, "f4"))), "one value per"),
    "weights are NaN": (set_tensor("weights", constant(np.full(N, np.nan, "f4"))), "finite"),
    "weights are a matrix": (set_tensor("weights", constant(np.ones((N, 1), "f4"))), "1-D"),
    "mapping too short": (set_tensor("mapping", constant(np.zeros(3, "i4"))), "tokens"),
    "mapping out of range": (set_tensor("mapping", constant(np.full(N, N, "i4"))), "mapping"),
    "mapping negative": (set_tensor("mapping", constant(np.full(N, -1, "i4"))), "mapping|row"),
    "mapping of floats": (set_tensor("mapping", constant(np.zeros(N, "f4"))), "int32"),
}
OURS = {
    "no table": (lambda c: c.update(tensors={"weights": np.ones(N, "f4")}), "no tensor 'embedd"),
    "weights of float64": (set_tensor("weights", constant(np.ones(N))), "float32"),
    "int8 weights": (set_tensor("weights", constant(np.ones(N, "i1"))), "float32"),
    "mapping of int64": (set_tensor("mapping", constant(np.zeros(N, "i8"))), "int32"),
    "pairs of one column": (set_tensor("pairs", constant(np.zeros((1, 1), "i4"))), "columns"),
    "pairs out of range": (set_tensor("pairs", constant(np.full((1, 2), N, "i4"))), "pairs"),
    "more pairs than rows": (set_tensor("pairs", constant(np.zeros((999, 2), "i4"))), "999"),
    "mean without components": (
        set_tensor("projection.mean", constant(np.zeros(6))),
        "come together",
    ),
    "settings are a list": (lambda c: c.update(settings=[]), "settings"),
    "settings are empty": (lambda c: c.update(settings={}), "settings"),
    "unknown setting": (lambda c: c["settings"].update(x=1), "settings"),
    "normalize is a number": (lambda c: c["settings"].update(normalize=1), "normalize"),
    "max_length is zero": (lambda c: c["settings"].update(max_length=0), "max_length"),
    "max_length is true": (lambda c: c["settings"].update(max_length=True), "max_length"),
    "max_length is huge": (lambda c: c["settings"].update(max_length=2**40), "max_length"),
    "config is a list": (lambda c: c["settings"].update(config=[]), "configuration"),
    "config field is unknown": (lambda c: c["settings"]["config"].update(x=1), "Unknown fields"),
    "config field is wrong": (lambda c: c["settings"]["config"].update(teacher=1), "teacher"),
    "surrogate in the config": (
        lambda c: c["settings"]["config"].update(teacher="\ud800"),
        "teacher",
    ),
    "hash is wrong": (lambda c: c.update(sha256="0" * 64), "SHA-256"),
    "hash is a number": (lambda c: c.update(sha256=3), "SHA-256"),
    "format is a string": (lambda c: c.update(format="1"), "format number"),
    "format is zero": (lambda c: c.update(format=0), "format number"),
    "format is true": (lambda c: c.update(format=True), "format number"),
    "format is newer": (lambda c: c.update(format=7), "format 7"),
    "unknown field": (lambda c: c.update(hook="x"), "missing or unknown"),
    "sidecars are a list": (lambda c: c.update(sidecars=[]), "malformed"),
    "sidecar elsewhere": (lambda c: c.update(sidecars={"../x": "0"}), "malformed"),
    "sidecar hash is a number": (lambda c: c.update(sidecars={"config.json": 0}), "malformed"),
}


@pytest.mark.parametrize("case", [*CONTENT, *OURS])
def test_content_of_our_format(case, tmp_path):
    change, message = {**CONTENT, **OURS}[case]
    content = contents(tiny_model())
    change(content)
    refuse(forge(tmp_path, **content), message)


@pytest.mark.parametrize("case", CONTENT)
def test_content_of_model2vec(case, tmp_path):
    change, message = CONTENT[case]
    content = contents(tiny_model())
    change(content)
    refuse(forge_model2vec(tmp_path, **content), message)


def edit_entry(**changes):
    return lambda header: header["embeddings"].update(changes)


HEADERS = {
    "not JSON": (lambda h: b"{nope", "not valid JSON"),
    "not UTF-8": (lambda h: b'{"\xff": 1}', "not valid JSON"),
    "a list": (lambda h: b"[]", "JSON object"),
    "empty": (lambda h: b"", "not valid JSON"),
    "no tensors": (lambda h: [h.pop(name) for name in ("embeddings", "weights")], "bytes"),
    "metadata is a list": (lambda h: h.update(__metadata__=[]), "mapping of strings"),
    "metadata of numbers": (lambda h: h.update(__metadata__={"a": 1}), "mapping of strings"),
    "document has another name": (
        lambda h: h["__metadata__"].update(skm2w=h["__metadata__"].pop("skm2v")),
        "another name",
    ),
    "document is no JSON": (lambda h: h["__metadata__"].update(skm2v="{"), "not valid JSON"),
    "document is a list": (lambda h: h["__metadata__"].update(skm2v="[]"), "JSON object"),
    "document is empty": (lambda h: h["__metadata__"].update(skm2v="{}"), "format number"),
    "entry is a list": (lambda h: h.update(embeddings=[]), "exactly dtype"),
    "entry lacks the shape": (lambda h: h["embeddings"].pop("shape"), "exactly dtype"),
    "entry has more": (edit_entry(x=1), "exactly dtype"),
    "unknown type": (edit_entry(dtype="F8"), "type 'F8'"),
    "type is a list": (edit_entry(dtype=[]), "has type"),
    "other type": (edit_entry(dtype="I32"), "SHA-256|float16"),
    "shape is a number": (edit_entry(shape=4), "dimensions"),
    "three dimensions": (edit_entry(shape=[231, 2, 2]), "dimensions"),
    "negative size": (edit_entry(shape=[-231, -4]), "dimensions"),
    "fraction of a size": (edit_entry(shape=[231.0, 4]), "dimensions"),
    "size is true": (edit_entry(shape=[True, 924]), "dimensions"),
    "enormous size": (edit_entry(shape=[10**300, 4]), "dimensions"),
    "other shape": (edit_entry(shape=[4, 231]), "SHA-256|damaged"),
    "shape too small": (edit_entry(shape=[231, 3]), "does not take"),
    "40 GB": (edit_entry(shape=[10**10, 1], data_offsets=[0, 4 * 10**10]), "take|expected"),
    "offsets reversed": (edit_entry(data_offsets=[3696, 0]), "does not take"),
    "offsets with a hole": (edit_entry(data_offsets=[8, 3704]), "expected"),
    "three offsets": (edit_entry(data_offsets=[0, 1, 3696]), "data_offsets"),
    "overlap": (lambda h: h.update(x=h["embeddings"]), "expected"),
    "too many tensors": (
        lambda h: h.update({str(i): h["embeddings"] for i in range(100_000)}),
        "strings; at most 32768",
    ),
    "some tensors": (
        lambda h: h.update({str(i): h["embeddings"] for i in range(MAX_TENSORS)}),
        rf"at most {MAX_TENSORS}(?s:.)*skm2v\.distill",
    ),
}


@pytest.mark.parametrize("case", HEADERS)
def test_header(case, tmp_path):
    change, message = HEADERS[case]
    tiny_model().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    header, body = read_header(path)
    changed = change(header)
    write_header(path, changed if isinstance(changed, bytes) else header, body)
    refuse(tmp_path, message)


RAW = {
    "empty": (lambda d: b"", "only 0 bytes"),
    "seven bytes": (lambda d: d[:7], "only 7 bytes"),
    "only the size": (lambda d: d[:8], "declares a header"),
    "half": (lambda d: d[: len(d) // 2], "declares a header|truncated"),
    "a byte short": (lambda d: d[:-1], "truncated"),
    "a byte more": (lambda d: d + b"\0", "truncated"),
    "huge header": (lambda d: b"\xff" * 8 + d[8:], "declares a header"),
    "90 MB header": (
        lambda d: (90 << 20).to_bytes(8, "little") + b" " * (90 << 20),
        "declares a header",
    ),
    "a pickle": (lambda d: b"\x80\x04" + d, "is a pickle"),
    "twice": (lambda d: d + d, "truncated"),
    "repeated key": (
        lambda d: d.replace(b'"embeddings":', b'"__metadata__":', 1),
        "repeated",
    ),
}


@pytest.mark.parametrize("case", RAW)
def test_raw(case, tmp_path):
    change, message = RAW[case]
    tiny_model().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(change(path.read_bytes()))
    refuse(tmp_path, message)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_the_untouched_content_loads(tmp_path, kind):
    model = tiny_model(kind)
    for layout in (forge, forge_model2vec):
        again = StaticModel.from_pretrained(layout(tmp_path / layout.__name__, **contents(model)))
        texts = list(tiny.SENTENCES)
        np.testing.assert_array_equal(again.encode(texts), model.encode(texts))


def test_normalizers_in_use_are_accepted():
    spec = json.loads(tiny.tiny_tokenizer("unigram").to_str())
    chars = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    # Model2Vec puts spaces around punctuation in this way.
    padded = [replace({"String": char}, f" {char} ") for char in chars]
    spec["normalizer"] = sequence(
        {"type": "Lowercase"},
        *padded,
        replace({"Regex": r"\s+"}, " "),
        {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "NFKC"},
    )
    assert len(check_tokenizer(TokenizerDocument(json.dumps(spec)))) == 192


def test_added_tokens_that_a_normalizer_keeps_are_accepted():
    spec = json.loads(tiny.tiny_tokenizer().to_str())
    for number, content in enumerate(["bank holiday", "free prize"]):
        add_token(id=N + number, content=content, normalized=True)(spec)
    tokenizer = build_tokenizer(json.dumps(spec))
    assert tokenizer.ids(["a FREE prize", "bank holiday"]).ids.tolist()[1:] == [N + 1, N]


def test_many_small_numbers_take_bounded_memory(tmp_path):
    content = contents(tiny_model())
    content["tokenizer"] = '{"model": {"vocab": [' + "1.5," * 5_000_000 + "1]}}"
    refuse(forge_model2vec(tmp_path, **content), "brackets and commas")


def test_every_message_fits_a_screen(tmp_path):
    """What a file contains is quoted, but not at any length."""
    for number, (kind, change, _) in enumerate(TOKENIZERS.values()):
        content = contents(tiny_model(kind))
        change(content["tokenizer"])
        folder = forge(tmp_path / str(number), **content)
        with pytest.raises(ModelFormatError) as caught:
            StaticModel.from_pretrained(folder)
        assert len(str(caught.value)) < 700
