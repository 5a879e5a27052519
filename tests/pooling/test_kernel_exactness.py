"""The kernel's token ids are those of ``tokenizers``, whatever the string.

``benchmarks/exactness.py`` is the long version, on the development data.
"""

from __future__ import annotations

import itertools
import json
import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skm2v._pooling import PoolingTable, TextTokenizer
from tests import tiny

kernel_module = pytest.importorskip("skm2v._pooling.kernel", exc_type=ImportError)

#: Strings that the tokenizer treats in a special way, to make texts of.
PARTS = [
    *"aAbzZéÉßİıſKΩσςΣǅ0９.,!?-_'\"#@[]{}()$+<=>^`|~",
    *" \t\n\r\x00\x01\x0b\x0c\x1c\x1f\x7f\x80\x85\xa0\xad\u1680\u2000\u2028\u2029\u202f\u205f",
    *"\u3000\u200b\u200d\u200e\u202e\u2060\ufeff\ufffd\ufffe\U000e0001\U0001f1e6\U0001f600",
    *"中文語\u3007\uf900\u2f00\U00020000かガㇰ한각힣\u1100\u1161\u11a8กำทুঁগूनि\u064e\u0651\u05b0\u05bc",
    *"\u0300\u0301\u0308\u0315\u0327\u0344\u0345\u0488\u20dd\u302a\u302e\u302f\u1b44\u0f71\u0f72",
    *"\U0001d15e\U0001d165\U0001d16d\u0e4d\u0deb\u2126\u212b\u037e\u1fef\u2260\ufb01\ufdfa\u01c4",
    *["[CLS]", "[SEP]", "[UNK]", "[PAD]", "##", "##ing", "the", "money", "New York", "a" * 101],
    *["a" * 16, "the,", "(the)", "\u00e9" * 8, "x" * 100, "word" * 30],
]

BERT = [  # clean_text, handle_chinese_chars, strip_accents, lowercase
    (True, True, None, True),
    (True, True, None, False),
    (True, True, False, True),
    (True, True, True, False),
    (False, False, True, True),
    (False, False, False, False),
]


def with_normalizer(json_text, flags):
    spec = json.loads(json_text)
    clean_text, chinese, strip_accents, lowercase = flags
    spec["normalizer"] = {
        "type": "BertNormalizer",
        "clean_text": clean_text,
        "handle_chinese_chars": chinese,
        "strip_accents": strip_accents,
        "lowercase": lowercase,
    }
    return TextTokenizer(json.dumps(spec))


def build(tokenizer):
    return kernel_module.build_kernel(
        tokenizer, PoolingTable(np.zeros((len(tokenizer.tokens), 1), dtype=np.float32))
    )


@pytest.fixture(scope="module", params=BERT, ids=str)
def pair(request):
    tokenizer = with_normalizer(tiny.tiny_tokenizer("wordpiece").to_str(), request.param)
    kernel = build(tokenizer)
    assert kernel.native
    return tokenizer, kernel


@pytest.fixture(scope="module")
def uncased():
    tokenizer = TextTokenizer(tiny.tiny_tokenizer("wordpiece").to_str())
    return tokenizer, build(tokenizer)


@pytest.fixture(scope="module")
def minilm_pair(minilm):
    tokenizer = TextTokenizer((minilm / "tokenizer.json").read_text(encoding="utf-8"))
    return tokenizer, build(tokenizer)


def assert_equal_ids(pair, texts):
    tokenizer, kernel = pair
    want, want_indptr = tokenizer.ids(texts)
    got, got_indptr = kernel.ids(texts)
    if want.tobytes() == got and np.array_equal(want_indptr, got_indptr):
        return
    for text in texts:  # name the text
        assert np.frombuffer(kernel.ids([text])[0], np.int32).tolist() == (
            tokenizer.ids([text])[0].tolist()
        ), repr(text)
    raise AssertionError("the ids of the texts together differ")


def blocks_of_code_points():
    """Code points as chunks of their own and between letters, 256 to a text.

    All of them in the planes that are in use, and some of those that no one has assigned.
    """
    assigned = (*range(0xD800), *range(0xE000, 0x33500), *range(0xE0000, 0xE0200))
    sparse = (*range(0x33500, 0xE0000, 101), *range(0xE0200, 0x110000, 101))
    for block in batched(itertools.chain(assigned, sparse), 256):
        yield " ".join(f"{chr(c)} a{chr(c)}b" for c in block)


def batched(numbers, n):
    numbers = iter(numbers)
    while block := list(itertools.islice(numbers, n)):
        yield block


@pytest.mark.teacher
def test_every_code_point(minilm_pair):
    assert_equal_ids(minilm_pair, list(blocks_of_code_points()))


def test_code_points_of_the_basic_plane(pair):
    assert_equal_ids(pair, list(itertools.islice(blocks_of_code_points(), 0, 0xF8, 5)))


def surviving_marks(normalizer):
    """Code points whose output has a character that canonical ordering may move."""
    marks = []
    for c in map(chr, (*range(0xD800), *range(0xE000, 0x20000))):
        if unicodedata.category(c)[0] == "M" or unicodedata.decomposition(c):
            output = normalizer.normalize_str(c)
            if any(unicodedata.combining(x) for x in output):
                marks.append(c)
    return marks


@pytest.mark.teacher
@pytest.mark.parametrize("flags", BERT[:4], ids=str)
def test_pairs_of_surviving_marks(minilm, flags):
    json_text = (minilm / "tokenizer.json").read_text(encoding="utf-8")
    tokenizer = with_normalizer(json_text, flags)
    marks = surviving_marks(tokenizer.copy_hf().normalizer)
    assert len(marks) >= 10
    pairs = list(itertools.product(marks, marks))
    pairs = random.Random(0).sample(pairs, min(len(pairs), 12000))
    texts = []
    for i in range(0, len(pairs), 60):
        some = pairs[i : i + 60]
        texts.append(" ".join(f"a{a}{b}b {a}\u0301{b} {a}x{b}" for a, b in some))
    assert_equal_ids((tokenizer, build(tokenizer)), texts)


def test_marks_that_survive_are_sorted(minilm_pair):
    # The order is not the text's: what a table of single code points would get wrong.
    tokenizer, _ = minilm_pair
    normalize = tokenizer.copy_hf().normalizer.normalize_str
    assert normalize("\u302e\u1b44") == "\u1b44\u302e"
    assert_equal_ids(minilm_pair, ["\u302e\u1b44", "a\u302e\u0301\u1b44 \u1b44\u302e"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PARTS), st.text(max_size=4)), max_size=25))
def test_any_string(pair, parts):
    assert_equal_ids(pair, ["".join(c for c in "".join(parts) if not "\ud800" <= c <= "\udfff")])


@pytest.mark.teacher
def test_random_strings(minilm_pair):
    rng = random.Random(0)
    texts = ["".join(rng.choices(PARTS, k=rng.randrange(1, 30))) for _ in range(8000)]
    assert_equal_ids(minilm_pair, texts)


@pytest.mark.parametrize("separator", [" ", "\t", "\n", "\r", "", "\x0b", "\x1c", "\x85", "\u2028"])
@pytest.mark.parametrize("unit", ["a", "é", "я", "中", "\U0001f600"])
def test_lengths_around_every_boundary(uncased, separator, unit):
    # 15 and 16 bytes: the front cache; 256: the store; 4096 and 16384: pieces of long texts.
    sizes = [*range(1, 40), 99, 100, 101, 255, 256, 257, 4095, 4096, 4097, 16383, 16384, 16385]
    texts = [f"{unit * n}{separator}{unit * n}," for n in sizes]
    texts += [f"the{separator}" * n + unit for n in (4095, 4096, 5461, 5462)]
    for _ in range(2):  # first sight, then from the caches
        assert_equal_ids(uncased, texts)


def test_max_length_cuts_ids(pair):
    tokenizer, kernel = pair
    text = "the, money! " * 30 + "中" * 5000
    (want, _) = tokenizer.ids([text])
    for max_length in (1, 2, 7, 119, 120, 121, 5119, 5120, 10**6):
        ids, _ = kernel.ids([text], max_length=max_length)
        assert np.frombuffer(ids, np.int32).tolist() == want[:max_length].tolist()


def test_overlong_words_and_deep_vocabularies():
    words = ["[UNK]", "a", "##a", "a" * 90, "##" + "a" * 45, "##b", "##", ""]
    vocab = {word: i for i, word in enumerate(words)}
    spec = json.loads(tiny.tiny_tokenizer("wordpiece").to_str())
    for longest in (1, 5, 63, 64, 100, 4096):
        model = {**spec["model"], "vocab": vocab, "max_input_chars_per_word": longest}
        tokenizer = TextTokenizer(json.dumps({**spec, "added_tokens": [], "model": model,
                                              "post_processor": None}))  # fmt: skip
        words = ["a" * n + tail for n in (*range(70), 90, 99, 100, 101, 135, 4096, 4097)
                 for tail in ("", "b", "c")]  # fmt: skip
        assert_equal_ids((tokenizer, build(tokenizer)), words)


@pytest.mark.parametrize("prefix", ["", "@@", "_", "é"])
def test_other_continuing_prefixes(prefix):
    spec = json.loads(tiny.tiny_tokenizer("wordpiece").to_str())
    vocab = {}
    for token in spec["model"]["vocab"]:
        vocab.setdefault(prefix + token[2:] if token.startswith("##") else token, len(vocab))
    spec["model"] |= {"vocab": vocab, "continuing_subword_prefix": prefix}
    spec["added_tokens"] = []
    spec["post_processor"] = None
    tokenizer = TextTokenizer(json.dumps(spec))
    texts = [*tiny.SENTENCES, "theing they'red @@ing _s és"]
    assert_equal_ids((tokenizer, build(tokenizer)), texts)
