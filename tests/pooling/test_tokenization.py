"""Token ids equal those of HF tokenizers; long texts are cut without changing them."""

from __future__ import annotations

import json
import pickle
from itertools import pairwise

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from skm2v._pooling import TextTokenizer, tokenization
from skm2v.exceptions import ModelFormatError, Skm2vError, TextValueError
from tests import tiny
from tests.sharing import run_in_threads

TEXTS = [
    "",
    " ",
    "the water, and my bank!",
    "Unknown \U0001f600 words: xyzzy",
    "[CLS] [PAD] <s> </s> <mask> [UNK] <unk>",
    "naïve café 中文字 e\u0301",
    "tab\tnewline\nreturn\r nbsp\xa0nul\0end",
    "word " * 50,
]


def hf(tokenizer: TextTokenizer) -> Tokenizer:
    """Build the tokenizer independently: the oracle of these tests."""
    oracle = Tokenizer.from_str(tokenizer.json)
    oracle.no_truncation()
    oracle.no_padding()
    oracle.encode_special_tokens = True
    return oracle


def rows(ids, indptr):
    return [ids[start:stop].tolist() for start, stop in pairwise(indptr)]


def edited(tokenizer: TextTokenizer, **changes) -> str:
    return json.dumps({**json.loads(tokenizer.json), **changes})


def test_ids_are_those_of_hf(any_tokenizer):
    oracle = hf(any_tokenizer)
    ids, indptr = any_tokenizer.ids(TEXTS)
    assert ids.dtype == np.int32
    assert indptr.dtype == np.int64
    assert rows(ids, indptr) == [oracle.encode(t, add_special_tokens=False).ids for t in TEXTS]


def test_no_texts(any_tokenizer):
    ids, indptr = any_tokenizer.ids([])
    assert ids.shape == (0,)
    assert indptr.tolist() == [0]


def test_truncation_and_padding_of_the_file_are_ignored(any_tokenizer):
    limited = Tokenizer.from_str(any_tokenizer.json)
    limited.enable_truncation(3)
    limited.enable_padding(length=8)
    tokenizer = TextTokenizer(limited.to_str())
    assert_array_equal(tokenizer.ids(TEXTS)[0], any_tokenizer.ids(TEXTS)[0])
    assert tokenizer.json == limited.to_str()
    assert tokenizer.copy_hf().truncation is None
    assert tokenizer.copy_hf().padding is None


def test_special_tokens_in_text_are_text(tokenizer):
    ids, _ = tokenizer.ids(["[PAD]"])
    assert [tokenizer.tokens[i] for i in ids] == ["[", "pa", "##d", "]"] or ids.size > 1
    assert tokenizer.vocabulary["[PAD]"] not in ids


@pytest.mark.parametrize("limit", [0, 1, 2, 5, 100])
def test_limit_keeps_leading_ids(any_tokenizer, limit):
    everything = rows(*any_tokenizer.ids(TEXTS))
    assert rows(*any_tokenizer.ids(TEXTS, limit=limit)) == [ids[:limit] for ids in everything]


def test_tokens_and_vocabulary(any_tokenizer):
    oracle = hf(any_tokenizer)
    assert any_tokenizer.vocabulary == oracle.get_vocab(with_added_tokens=True)
    assert len(any_tokenizer.tokens) == oracle.get_vocab_size(with_added_tokens=True)
    for token, i in any_tokenizer.vocabulary.items():
        assert any_tokenizer.tokens[i] == token
    any_tokenizer.vocabulary.clear()
    assert any_tokenizer.vocabulary


@pytest.mark.parametrize(("kind", "unknown"), [("wordpiece", "[UNK]"), ("unigram", "<unk>")])
def test_unknown_id(kind, unknown):
    tokenizer = TextTokenizer(tiny.tiny_tokenizer(kind).to_str())
    assert tokenizer.tokens[tokenizer.unk_id] == unknown
    assert tokenizer.unk_id in tokenizer.ids(["\U0001f600"])[0]


def test_byte_level_bpe_has_no_unknown_id():
    assert TextTokenizer(tiny.tiny_tokenizer("bpe").to_str()).unk_id is None


def test_word_level():
    model = models.WordLevel({"[UNK]": 0, "a": 1}, unk_token="[UNK]")
    hf_tokenizer = Tokenizer(model)
    hf_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = TextTokenizer(hf_tokenizer.to_str())
    assert tokenizer.ids(["a b a"])[0].tolist() == [1, 0, 1]
    assert tokenizer.unk_id == 0


def test_offsets_are_in_characters(any_tokenizer):
    text = "the café 中 bank"
    ids, offsets = any_tokenizer.offsets(text)
    encoding = hf(any_tokenizer).encode(text, add_special_tokens=False)
    assert ids.tolist() == encoding.ids
    assert offsets.tolist() == [list(pair) for pair in encoding.offsets]
    assert text[slice(*offsets[-1])].strip() in "bank"
    assert any_tokenizer.offsets("")[1].shape == (0, 2)


def test_copies_are_independent(any_tokenizer):
    copy = any_tokenizer.copy_hf()
    assert (
        copy.encode("[PAD] the", add_special_tokens=False).ids
        == any_tokenizer.ids(["[PAD] the"])[0].tolist()
    )
    before = any_tokenizer.ids(TEXTS)[0]
    copy.enable_truncation(1)
    copy.add_tokens(["the bank"])
    assert_array_equal(any_tokenizer.ids(TEXTS)[0], before)


def test_pickles_as_its_json(any_tokenizer):
    data = pickle.dumps(any_tokenizer)
    assert b"tokenizers.Tokenizer" not in data.replace(b"TextTokenizer", b"")
    copy = pickle.loads(data)
    assert copy.json == any_tokenizer.json
    assert copy == any_tokenizer
    assert hash(copy) == hash(any_tokenizer)
    assert copy != "text"
    assert_array_equal(copy.ids(TEXTS)[0], any_tokenizer.ids(TEXTS)[0])


@pytest.fixture
def encoded(monkeypatch):
    """Numbers of characters that the library was asked to encode."""
    lengths: list[int] = []
    encode = TextTokenizer._encode

    def counted(self, text):
        lengths.append(len(text))
        return encode(self, text)

    monkeypatch.setattr(TextTokenizer, "_encode", counted)
    return lengths


@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("n", [1, 500])
def test_pieces_are_those_of_the_whole_text(any_tokenizer, encoded, added, n):
    if added:  # such a tokenizer is not known to be safely cut anywhere
        token = {"content": "bank of", "special": False, "single_word": False, "normalized": True}
        spec = json.loads(any_tokenizer.json)
        token = {**token, "id": len(any_tokenizer.tokens), "lstrip": False, "rstrip": False}
        changed = edited(any_tokenizer, added_tokens=[*spec["added_tokens"], token])
        any_tokenizer = TextTokenizer(changed)
        assert any_tokenizer._cut is None
    sentence = "the water, (xyzzy) \u4e2d\u6587 of the bank of the-water. "
    for text in (sentence * 1200, "bank " * 15_000):
        ids, offsets, words = any_tokenizer._encode_pieces(text)
        encoded.clear()
        some = any_tokenizer.pieces(text, ids[:n])
        n_read = sum(encoded)
        assert_array_equal(some[0][:n], ids[:n])
        assert_array_equal(some[1][:n], offsets[:n])
        assert_array_equal(some[2][:n], words[:n])
        assert len(some[0]) < n + 5000
        assert n_read < 50_000
        whole = any_tokenizer.pieces(text)
        for ours, wanted in zip(whole, (ids, offsets, words), strict=True):
            assert_array_equal(ours, wanted)


def test_pieces_at_the_end_of_what_was_read_go_on():
    """A word is read to its end, also where only its beginning is needed for its ids."""
    tokenizer = TextTokenizer(tiny.tiny_tokenizer("unigram").to_str())
    for gap in range(8184, 8195):
        text = " " * gap + "water" + " bank" * 9000
        spec = edited(tokenizer, normalizer=None)
        plain = TextTokenizer(spec)
        ids, offsets, words = plain._encode_pieces(text)
        some = plain.pieces(text, ids[:3])
        assert_array_equal(some[1][:3], offsets[:3])
        assert_array_equal(some[2][:3], words[:3])


@pytest.mark.skipif(
    tokenizers.__version__.startswith("0.20."), reason="reads half a surrogate pair as unknown"
)
def test_texts_that_cannot_be_tokenized(any_tokenizer):
    with pytest.raises(TextValueError, match=r"'a\\ud800' cannot be tokenized"):
        any_tokenizer.ids(["fine", "a\ud800"])
    with pytest.raises(TextValueError, match="cannot be tokenized"):
        any_tokenizer.offsets("\udfff")


class PanicException(BaseException):
    """Like the exception of that name that the Rust bindings raise."""


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (PanicException("index out of bounds"), TextValueError),
        (RuntimeError("regex"), TextValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (MemoryError(), MemoryError),
        (SystemExit(), SystemExit),
    ],
)
def test_panics_are_wrapped_and_interrupts_are_not(tokenizer, monkeypatch, raised, expected):
    class Broken:
        def encode(self, *args, **kwargs):
            raise raised

    monkeypatch.setattr(tokenizer, "_tokenizer", Broken())
    with pytest.raises(expected):
        tokenizer.ids(["text"])


@pytest.mark.parametrize(
    ("json_text", "message"),
    [
        (b"{}", r"got bytes.*path\.read_text\(\)"),
        (None, "got NoneType"),
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "no 'model' object"),
        ("{}", "no 'model' object"),
        ('{"model": []}', "no 'model' object"),
        ('{"model": {"type": "Magic"}}', "must be WordPiece, .* or WordLevel; got 'Magic'"),
        ('{"model": {"type": "BPE"}}', "cannot be loaded"),
    ],
)
def test_malformed_json(json_text, message):
    with pytest.raises(ModelFormatError, match=message):
        TextTokenizer(json_text)


def test_ids_must_be_dense(tokenizer):
    model = json.loads(tokenizer.json)["model"]
    model["vocab"]["a"] = 10_000
    with pytest.raises(ModelFormatError, match="each once; token .* has id"):
        TextTokenizer(edited(tokenizer, model=model))


def test_unknown_token_must_exist(tokenizer):
    model = {**json.loads(tokenizer.json)["model"], "unk_token": "[NONE]"}
    with pytest.raises(ModelFormatError, match=r"'\[NONE\]' is not in its vocabulary"):
        TextTokenizer(edited(tokenizer, model=model))
    unigram = TextTokenizer(tiny.tiny_tokenizer("unigram").to_str())
    model = {**json.loads(unigram.json)["model"], "unk_id": None}
    with pytest.raises(ModelFormatError, match="no unknown token"):
        TextTokenizer(edited(unigram, model=model))


def test_threads_get_the_same_ids(any_tokenizer):
    expected = any_tokenizer.ids(TEXTS)[0].tobytes()

    def work(_):
        for _ in range(50):
            assert any_tokenizer.ids(TEXTS)[0].tobytes() == expected

    run_in_threads(work)


# --- Cutting long texts ----------------------------------------------------------------------


def _variants():
    wordpiece = tiny.wordpiece_tokenizer
    cased = wordpiece()
    cased.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    no_ideographs = wordpiece()
    no_ideographs.normalizer = normalizers.BertNormalizer(handle_chinese_chars=False)
    not_cleaned = wordpiece()
    not_cleaned.normalizer = normalizers.BertNormalizer(clean_text=False)
    plain = wordpiece()
    plain.normalizer = None
    prefixed = tiny.bpe_tokenizer()
    prefixed.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    composed = tiny.bpe_tokenizer()
    composed.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    first = tiny.unigram_tokenizer()
    first.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    never = tiny.unigram_tokenizer()
    never.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    return {
        "wordpiece": wordpiece(),
        "wordpiece, cased": cased,
        "wordpiece, ideographs in words": no_ideographs,
        "wordpiece, not cleaned": not_cleaned,
        "wordpiece, no normalizer": plain,
        "bpe": tiny.bpe_tokenizer(),
        "bpe, prefix space": prefixed,
        "bpe, NFC and lowercase": composed,
        "unigram": tiny.unigram_tokenizer(),
        "unigram, first": first,
        "unigram, never": never,
    }


VARIANTS = {name: TextTokenizer(hf.to_str()) for name, hf in _variants().items()}

difficult = st.lists(
    st.one_of(
        st.sampled_from(["the", "bank", "a b", "x y z", "It's", "don't", "ing", "A", "é", "中文"]),
        st.sampled_from([" ", "  ", "\t", "\n", "\r\n", "\x0b", "\x85", "\xa0", "\u3000"]),
        st.sampled_from(["\u0301", "\u0323\u0301", "\u200d", "\0", "\ufffd", "▁", "ǅ", "Σ", "ς"]),
        st.sampled_from(["[PAD]", "<mask>", "##s", "_", "-", "...", "!?", "'", "12", "\U0001f600"]),
        st.text(max_size=3),
    ),
    max_size=30,
).map("".join)


@pytest.mark.parametrize("name", VARIANTS)
@settings(max_examples=100, deadline=None)
@given(text=difficult, part=st.integers(0, 6), limit=st.none() | st.integers(1, 12))
def test_cut_texts_have_the_same_ids(name, text, part, limit):
    tokenizer = VARIANTS[name]
    assert tokenizer._cut is not None
    expected = tokenizer._tokenizer.encode(text, add_special_tokens=False).ids
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenization, "PART_CHARS", part)
        assert "".join(tokenizer._parts(text)) == text
        assert tokenizer.ids([text], limit=limit)[0].tolist() == expected[:limit]


def test_the_cases_above_are_cut():
    for tokenizer in VARIANTS.values():
        parts = list(tokenizer._parts("the bank of water " * 2000))
        assert len(parts) > 5
        assert max(map(len, parts)) < 2 * tokenization.PART_CHARS


def test_added_words_prevent_cuts():
    hf_tokenizer = tiny.wordpiece_tokenizer()
    hf_tokenizer.add_tokens([AddedToken("new york")])
    tokenizer = TextTokenizer(hf_tokenizer.to_str())
    text = "in new york " * 1000
    ids = hf(tokenizer).encode(text, add_special_tokens=False).ids
    assert tokenizer.ids([text])[0].tolist() == ids
    assert ids.count(tokenizer.vocabulary["new york"]) == 1000


@pytest.mark.parametrize(
    "change",
    [
        {"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always",
                           "split": False}},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}]}},
        {"pre_tokenizer": None},
        {"normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Strip", "strip_left": True, "strip_right": True}]}},
        {"normalizer": {"type": "Prepend", "prepend": "the"}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_other_components_are_not_cut(kind, change):
    tokenizer = TextTokenizer(edited(VARIANTS[kind], **change))
    assert tokenizer._cut is None
    text = " the bank of water " * 1000
    assert list(tokenizer._parts(text)) == [text]


def test_errors_are_of_one_family():
    assert issubclass(ModelFormatError, Skm2vError)
    assert issubclass(TextValueError, Skm2vError)


def test_a_checked_tokenizer_asks_the_library_when_it_must_and_not_before(monkeypatch):
    built = []
    build = tokenization.build
    monkeypatch.setattr(tokenization, "build", lambda text: built.append(text) or build(text))
    known = TextTokenizer(tiny.tiny_tokenizer().to_str())
    assert built == [known.json]
    tokenizer = TextTokenizer(known.json, known.tokens)
    assert (tokenizer.tokens, tokenizer.vocabulary, tokenizer.unk_id) == (
        known.tokens,
        known.vocabulary,
        known.unk_id,
    )
    assert len(built) == 1
    text = "free money"
    assert tokenizer.ids([text]).ids.tolist() == known.ids([text]).ids.tolist()
    assert tokenizer.is_word(3) == known.is_word(3)
    assert len(built) == 2


def test_tokens_that_the_library_does_not_read_are_an_error():
    known = TextTokenizer(tiny.tiny_tokenizer().to_str())
    tokenizer = TextTokenizer(known.json, known.tokens[::-1])
    with pytest.raises(ModelFormatError, match="read other token ids"):
        tokenizer.ids(["free money"])
