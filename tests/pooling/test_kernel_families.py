"""Token ids of Unigram and byte-level BPE tokenizers in the kernel: those of ``tokenizers``.

``benchmarks/exactness.py --tokenizer`` is the long version.
"""

from __future__ import annotations

import base64
import itertools
import json
import random
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skm2v._pooling import TextPooler, TextTokenizer
from skm2v._pooling.reference import ReferenceEngine
from tests import tiny

from .charsmaps import NMT, charsmap
from .conftest import random_table
from .test_kernel_exactness import PARTS, assert_equal_ids, build

pytest.importorskip("skm2v._pooling.kernel", exc_type=ImportError)

METASPACE = {
    "type": "Metaspace",
    "replacement": "▁",
    "prepend_scheme": "always",
    "split": True,
}
PRECOMPILED = {"type": "Precompiled", "precompiled_charsmap": charsmap(NMT)}
COLLAPSE = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
STRIP = {"type": "Strip", "strip_left": False, "strip_right": True}
SPACED_COMMA = {"type": "Replace", "pattern": {"String": ","}, "content": " , "}
BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": True,
}


def step(kind):
    return {"type": kind}


def sequence(*steps):
    return {"type": "Sequence", "normalizers": list(steps), "pretokenizers": list(steps)}


def words(digits):
    expression = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + digits + "| ?"
        r"[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    split = {
        "type": "Split",
        "pattern": {"Regex": expression},
        "behavior": "Isolated",
        "invert": False,
    }
    return sequence(split, {**BYTE_LEVEL, "use_regex": False})


def unigram(normalizer, pre_tokenizer, **model):
    spec = json.loads(tiny.unigram_tokenizer().to_str())
    extra = [*("▁1 fi か が é . ▁▁ th he re in an on ▁t ▁a".split()), "中文", "हि", "न्"]
    known = {piece for piece, _ in spec["model"]["vocab"]}
    pieces = [[piece, -3.5 - i / 7] for i, piece in enumerate(extra) if piece not in known]
    spec["added_tokens"] = [t for t in spec["added_tokens"] if t["content"] != "<mask>"]
    spec["model"]["vocab"] += pieces
    spec["model"] |= model
    return {**spec, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer}


def bpe(normalizer, pre_tokenizer, **model):
    spec = json.loads(tiny.bpe_tokenizer().to_str())
    vocab, merges = spec["model"]["vocab"], spec["model"]["merges"]
    for pair in (("t", "h"), ("th", "e"), ("è", "¯"), ("è¯", "Ń"), ("Ġ", "Ġ"), ("'", "s")):
        if list(pair) not in merges and "".join(pair) not in vocab:
            merges.append(list(pair))
            vocab["".join(pair)] = len(vocab)
    spec["model"] |= model
    return {**spec, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer}


WHITESPACE_SPLIT = sequence(step("WhitespaceSplit"), METASPACE)
FAMILIES = {
    "XLM-R": unigram(PRECOMPILED, WHITESPACE_SPLIT),
    "runs": unigram(sequence(PRECOMPILED, COLLAPSE), METASPACE),
    "runs to markers": unigram(
        sequence(PRECOMPILED, {**COLLAPSE, "content": "▁"}),
        {**METASPACE, "prepend_scheme": "first"},
    ),
    "stripped": unigram(sequence(PRECOMPILED, STRIP, COLLAPSE), METASPACE),
    "each": unigram(sequence(step("NFKC"), step("Lowercase")), METASPACE),
    "whole texts": unigram(
        sequence(step("Lowercase"), step("NFC"), SPACED_COMMA), {**METASPACE, "split": False}
    ),
    "whole texts, runs": unigram(sequence(PRECOMPILED, COLLAPSE), {**METASPACE, "split": False}),
    "no accents": unigram(sequence(step("NFD"), step("StripAccents")), METASPACE),
    "no accents, first": unigram(
        sequence(step("NFD"), step("StripAccents"), {**SPACED_COMMA, "content": ""}),
        {**METASPACE, "prepend_scheme": "first"},
    ),
    "no normalizer": unigram(None, METASPACE),
    "GPT-2": bpe(None, BYTE_LEVEL),
    "ModernBERT": bpe(step("NFC"), {**BYTE_LEVEL, "add_prefix_space": True}),
    "Llama 3": bpe(None, words("{1,3}"), ignore_merges=True),
    "Qwen": bpe(step("NFC"), words("")),
}


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request):
    tokenizer = TextTokenizer(json.dumps(FAMILIES[request.param]))
    kernel = build(tokenizer)
    assert kernel is not None
    assert kernel.native
    return tokenizer, kernel


SPACES = [
    *" \t\n\r\x0b\x0c\x1c\x85\xa0\u1680\u180e\u2003\u2028\u2029\u202f\u205f\u3000\u200b\ufeff▁\0",
    *["  ", "   ", "\r\n", " \n", "\n\n ", " \u0301", " \u200d", "´"],
]
CONTEXT = [
    *[
        "e\u0301",
        "E\u0301",
        "a\u0308\u0301",
        "か\u3099",
        "ا\u0653",
        "Ａ\u0301",
        "Ａ\u20dd",
        "b\u0301",
    ],
    *[
        "\u0600a",
        "©\ufe0f",
        "❤\ufe0f",
        "क्षि",
        "ﾊﾟ",
        "กำ",
        "\u1100\u1161\u11a8",
        "가\u11a8",
        "\u0344",
    ],
    *[
        "\u0344",
        "👩\u200d👩",
        "🇩🇪🇫🇷",
        "👍\U0001f3fd",
        "ſ",
        "İ",
        "\u0378",
        "\U0001e4ec",
        "\u0d4eക",
        "ﷺ",
        "½",
    ],
    *[
        "'s",
        "'S",
        "'ſ",
        "'re",
        "'LL",
        "'",
        "12345",
        "١٢٣",
        "²",
        "a1",
        "!!\n",
        "...",
        "<s>",
        "<unk>",
    ],
    *["<s>", "<unk>", "<mask>", "Ġ", "é", "the", " the", "money", "x" * 20, "中" * 9],
]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(SPACES),
            st.sampled_from(CONTEXT),
            st.sampled_from(PARTS),
            st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=3),
        ),
        max_size=16,
    )
)
def test_any_string(pair, parts):
    assert_equal_ids(pair, ["".join(parts)])


def test_white_space_and_neighbours(pair):
    rng = random.Random(0)
    texts = ["".join(p) for p in itertools.product(SPACES, ["", "a"], SPACES)]
    texts += [f"{a}{b}" for a in CONTEXT for b in CONTEXT]
    texts += ["".join(rng.choices(SPACES + CONTEXT, k=rng.randrange(3, 30))) for _ in range(2000)]
    for _ in range(2):  # first sight, then from the caches
        assert_equal_ids(pair, texts)


def test_code_points(pair):
    # Alone, beside spaces, between letters, before and behind a mark and a consonant.
    rng = random.Random(2)
    code_points = [*range(0x20), *range(0x7F, 0xC0), *range(0x300, 0x370, 3)]
    code_points += rng.sample(range(0xC0, 0x3400), 600) + rng.sample(range(0xF900, 0x20000), 300)
    code_points += rng.sample(range(0x20000, 0x110000), 40)
    texts = []
    for c in map(chr, code_points):
        texts += [c, f"a{c}b", f"e{c}", f"{c}e\u0301 {c}", f"क{c}", f"  {c}  y{c}", f"\u1100{c}"]
    assert_equal_ids(pair, texts)


def test_lengths_around_every_boundary(pair):
    # 15 and 16 bytes: the front cache; 256: the store; 16384: pieces of long texts.
    sizes = [*range(12, 18), 84, 85, 86, 255, 256, 257]
    texts = [
        f"{unit * n}{separator}{unit * n},{separator}"
        for n in sizes
        for unit in ("a", "é", "中", "\U0001f600", "1")
        for separator in (" ", "\n", "", "  ", "\u3000")
    ]
    for separator in (" ", "\n", " \n", "\u3000"):
        texts += [f"the{separator}" * n + "a" for n in (4095, 4096, 5461)]
        texts += [separator * n + "a" for n in (8191, 16383, 16384)]
    assert_equal_ids(pair, texts)


def test_pieces_too_long_for_the_kernel(pair):
    assert_equal_ids(pair, ["a" * 66_000 + " the"])


def test_max_length_cuts_ids(pair):
    tokenizer, kernel = pair
    text = "the, money! " * 1500 + "é" * 500
    (want, _) = tokenizer.ids([text])
    for max_length in (1, 2, 7, 119, 120, 121, 10**6):
        ids, _ = kernel.ids([text], max_length=max_length)
        assert np.frombuffer(ids, np.int32).tolist() == want[:max_length].tolist()


def test_vectors(pair):
    tokenizer, _ = pair
    table = random_table(tokenizer, dim=24)
    rng = random.Random(1)
    texts = ["".join(rng.choices(SPACES + CONTEXT, k=rng.randrange(9))) for _ in range(500)]
    pooler = TextPooler(tokenizer, table)
    reference = TextPooler(tokenizer, table, ReferenceEngine(tokenizer, table))
    for options in ({"max_length": 5, "normalize": True}, {"max_length": None, "normalize": False}):
        got, want = pooler.pool(texts, **options), reference.pool(texts, **options)
        np.testing.assert_allclose(got.vectors, want.vectors, rtol=0, atol=2e-6)
        assert_array_equal(got.empty, want.empty)
        assert_array_equal(got.truncated, want.truncated)
        order = rng.sample(range(len(texts)), len(texts))
        shuffled = pooler.pool([texts[i] for i in order], n_jobs=2, **options)
        assert_array_equal(shuffled.vectors, got.vectors[order])
        alone = [pooler.pool([text], **options).vectors for text in texts[:50]]
        assert_array_equal(np.concatenate(alone), got.vectors[:50])
    assert type(pooler.engine).__name__ == "Kernel"


# ---- what is not proven ----------------------------------------------------------------------

ADDED = {
    "id": 10**6, "content": "york", "single_word": False, "lstrip": False, "rstrip": False,
    "normalized": True, "special": False,
}  # fmt: skip
REFERENCE = {
    "two characters replaced": unigram(
        sequence({"type": "Replace", "pattern": {"String": "``"}, "content": '"'}), METASPACE
    ),
    "any expression": unigram({**COLLAPSE, "pattern": {"Regex": "\\s+"}}, METASPACE),
    "dropped between marks": unigram(sequence(step("Nmt"), step("NFKD")), METASPACE),
    "two contexts": unigram(sequence(PRECOMPILED, step("NFC")), METASPACE),
    "strip without runs": unigram(sequence(step("NFC"), STRIP), METASPACE),
    "strip left": unigram(
        sequence({**STRIP, "strip_left": True, "strip_right": False}, COLLAPSE), METASPACE
    ),
    "strip left, first": unigram(
        sequence({**STRIP, "strip_left": True}, COLLAPSE), {**METASPACE, "prepend_scheme": "first"}
    ),
    "strip behind markers": unigram(sequence({**COLLAPSE, "content": "▁"}, STRIP), METASPACE),
    "no marker at the start": unigram(None, {**METASPACE, "prepend_scheme": "never"}),
    "first of words": unigram(
        None, sequence(step("WhitespaceSplit"), {**METASPACE, "prepend_scheme": "first"})
    ),
    "other marker": unigram(None, {**METASPACE, "replacement": "_"}),
    "words": unigram(None, sequence(step("Whitespace"), METASPACE)),
    "spaces become words": unigram(
        {"type": "Replace", "pattern": {"String": " "}, "content": "x"}, METASPACE
    ),
    "white space made": bpe(step("NFKC"), BYTE_LEVEL),
    "no expression": bpe(None, {**BYTE_LEVEL, "use_regex": False}),
    "prefix of every word": bpe(
        None, {**words(""), "pretokenizers": [
            words("")["pretokenizers"][0],
            {**BYTE_LEVEL, "use_regex": False, "add_prefix_space": True},
        ]}
    ),
    "unknown expression": bpe(None, words("{1,4}")),
    "dropout": bpe(None, BYTE_LEVEL, dropout=0.5),
    "suffix": bpe(None, BYTE_LEVEL, end_of_word_suffix="</w>"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFERENCE)
def test_what_is_not_proven_takes_the_reference(name):
    assert build(TextTokenizer(json.dumps(REFERENCE[name]))) is None


@pytest.mark.parametrize("start", ["\u0301", "\u0301\u0301", ",", ",\u0301", "\u0301 ", " \u0301"])
def test_no_marker_where_the_start_of_the_text_is_deleted(start):
    tokenizer = TextTokenizer(json.dumps(FAMILIES["no accents, first"]))
    texts = [start + rest for rest in ("a", "the bank", "a,\u0301 the", "", " a")]
    assert_equal_ids((tokenizer, build(tokenizer)), texts)


@pytest.mark.parametrize("name", ["XLM-R", "GPT-2"])
def test_added_tokens_need_the_reference(name):
    spec = FAMILIES[name]
    n_tokens = len(TextTokenizer(json.dumps(spec)).tokens)
    spec = {**spec, "added_tokens": [*spec["added_tokens"], {**ADDED, "id": n_tokens}]}
    assert build(TextTokenizer(json.dumps(spec))) is None


def test_a_byte_without_a_token_needs_the_reference():
    spec = bpe(None, BYTE_LEVEL)
    vocab = spec["model"]["vocab"]
    vocab["not a byte"] = vocab.pop("ł")
    assert build(TextTokenizer(json.dumps(spec))) is None


# ---- models ----------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_unigram_ties(data):
    # Sums in tenths are equal on paper and differ in the last digit.
    pieces = data.draw(
        st.lists(st.text("ab▁", min_size=1, max_size=4), min_size=1, max_size=14, unique=True)
    )
    scores = data.draw(
        st.lists(
            st.integers(-40, 3).map(lambda tenths: tenths / 10),
            min_size=len(pieces),
            max_size=len(pieces),
        )
    )
    spec = unigram(None, {**METASPACE, "split": data.draw(st.booleans())})
    spec["added_tokens"] = []
    spec["post_processor"] = None
    spec["model"] |= {
        "vocab": [["?", -1.0], *([p, s] for p, s in zip(pieces, scores, strict=True))],
        "unk_id": 0,
    }
    tokenizer = TextTokenizer(json.dumps(spec))
    texts = data.draw(st.lists(st.text("ab c?", max_size=30), min_size=1, max_size=10))
    assert_equal_ids((tokenizer, build(tokenizer)), texts)


@pytest.mark.parametrize("n_bytes", [256, 200])
def test_unigram_byte_fallback(n_bytes):
    spec = unigram(step("NFC"), METASPACE, byte_fallback=True)
    spec["model"]["vocab"] += [[f"<0x{byte:02X}>", -20.0] for byte in range(n_bytes)]
    tokenizer = TextTokenizer(json.dumps(spec))
    assert_equal_ids(
        (tokenizer, build(tokenizer)), [*CONTEXT, "".join(CONTEXT), "ж the ŵŵ\U0001f600 <0x41>"]
    )


def test_unigram_unknown_neighbours_are_one():
    spec = unigram(None, METASPACE)
    spec["model"]["vocab"] += [["ŵŷ", -3000.0], ["<unk>ŵ", -2000.0]]  # never worth it
    tokenizer = TextTokenizer(json.dumps(spec))
    assert_equal_ids((tokenizer, build(tokenizer)), ["ŵŷ", "aŵŷb", "ŵ<unk>ŵ", "<unk>ŵ", "ŷŵŷ ŵ"])


def test_unigram_without_unknown_token_needs_the_reference():
    spec = unigram(None, METASPACE, byte_fallback=True, unk_id=None)
    assert build(TextTokenizer(json.dumps(spec))) is None


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_merges_that_meet(data):
    # Different pairs that make the same token, in any order: what is left in the queue of merges.
    spec = bpe(None, BYTE_LEVEL, ignore_merges=data.draw(st.booleans()))
    vocab = {c: i for i, c in enumerate(sorted(tiny.pre_tokenizers.ByteLevel.alphabet()))}
    merges: list[list[str]] = []
    for _ in range(data.draw(st.integers(0, 25))):
        known = [token for token in vocab if set(token) <= set("abĠ")]
        left, right = data.draw(st.sampled_from(known)), data.draw(st.sampled_from(known))
        if [left, right] not in merges and len(left + right) <= 6:
            merges.append([left, right])
            vocab.setdefault(left + right, len(vocab))
    merges = data.draw(st.permutations(merges))
    spec["added_tokens"] = []
    spec["post_processor"] = None
    spec["model"] |= {"vocab": vocab, "merges": merges}
    tokenizer = TextTokenizer(json.dumps(spec))
    texts = data.draw(st.lists(st.text("aab ", max_size=24), min_size=1, max_size=10))
    assert_equal_ids((tokenizer, build(tokenizer)), texts)


def test_charsmap_is_read_back():
    from skm2v._pooling.normalizers import _charsmap_characters

    single, first, second = _charsmap_characters(PRECOMPILED["precompiled_charsmap"])
    assert single == {key for key in NMT if len(key) == 1}
    assert first == set("eEaかا")
    assert second == set("\u0301\u0308\u3099\u0653")


def test_exactness_does_not_depend_on_the_vocabulary():
    # The tables above have few words; one token per character shows every other normalization.
    characters = [
        *string.ascii_letters,
        *string.digits,
        *"éÉかがカアآا中\u0301\u0308\u3099⁄.,!'ｱxz",
    ]
    spec = unigram(sequence(PRECOMPILED, COLLAPSE), METASPACE)
    known = {piece for piece, _ in spec["model"]["vocab"]}
    spec["model"]["vocab"] += [[c, -9.0] for c in characters if c not in known]
    tokenizer = TextTokenizer(json.dumps(spec))
    texts = [f"{a}{b}{c}" for a in CONTEXT[:30] for b in SPACES[:8] for c in CONTEXT[:30]]
    assert_equal_ids((tokenizer, build(tokenizer)), texts)


@pytest.mark.parametrize("mark", ["\U000e0100", "\U0001d165", "\U0001f3fb"])
def test_marks_of_four_bytes_belong_to_the_character_before(mark):
    """An entry for "A" replaces "A" and its mark together, as both have five bytes."""
    spec = unigram({**PRECOMPILED, "precompiled_charsmap": charsmap({"A": "a"})}, METASPACE)
    spec["model"]["vocab"] += [[mark, -9.0]]
    tokenizer = TextTokenizer(json.dumps(spec))
    kernel = build(tokenizer)
    assert_equal_ids((tokenizer, kernel), [f"A{mark}", f"xA{mark}x", f"a{mark}", f"é{mark}"])


def test_the_byte_that_no_text_has_does_not_hide_words():
    spec = bpe(None, BYTE_LEVEL, ignore_merges=True)
    vocab = spec["model"]["vocab"]
    alphabet = sorted(token for token in vocab if len(token) == 1)
    tokens = [*alphabet, "ab", "abc", "abd", "ÿÿ", "ÿq"]
    spec["added_tokens"], spec["post_processor"] = [], None
    spec["model"] |= {
        "vocab": {token: i for i, token in enumerate(tokens)},
        "merges": [["a", "b"], ["ab", "c"]],
    }
    tokenizer = TextTokenizer(json.dumps(spec))
    assert_equal_ids((tokenizer, build(tokenizer)), ["ab", "abc", "abd", "abe", "ÿ ab", "ÿÿq"])


def test_nodes_in_a_circle_are_no_charsmap():
    from skm2v._pooling.normalizers import _charsmap_characters

    units = np.zeros(512, "<u4")
    units[0] = 1 << 10  # the root's children are at 1 ^ byte, and so are those of its child "a"
    units[1 ^ ord("a")] = ord("a") | ord("a") << 10
    data = len(units.tobytes()).to_bytes(4, "little") + units.tobytes() + b"x\0"
    assert _charsmap_characters(base64.b64encode(data).decode()) is None
