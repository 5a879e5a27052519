"""Added words in the kernel: the ids are those of ``tokenizers``, whatever words and text."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skm2v._pooling import TextTokenizer
from tests import tiny

from .test_kernel_exactness import BERT, PARTS, assert_equal_ids, build, with_normalizer
from .test_kernel_families import CONTEXT, FAMILIES, SPACES

pytest.importorskip("skm2v._pooling.kernel", exc_type=ImportError)

#: Words that overlap, begin and end in each other, and have what normalizers change.
WORDS = [
    *["t-cell", ".net", "c++", "new york", "new york city", "york city", "york", "the new"],
    *[
        "中文",
        "北京大学",
        "北京 大学",
        "t恤",
        "กำ",
        "か",
        "Straße",
        "ﬁne",
        "½",
        "e\u0301a",
        "money bank",
    ],
    *["a", "'s", "12", "@", "_x", "x_", "New  York bank", "中", "हि", "the the", "a b", "b c d"],
]
LIVELY = [
    *WORDS,
    "new ",
    "new\t",
    "york ",
    " city",
    "york\n",
    "newyork",
    "cityscape",
    "x",
    ",",
    " ",
]


def with_words(spec, words, *, lstrip=True, single=None):
    """Tokenizer with added words, each of which may stand alone only, or not."""
    spec = json.loads(json.dumps(spec))
    vocabulary = spec["model"]["vocab"]
    known = {entry if isinstance(entry, str) else entry[0] for entry in vocabulary}
    first = len(vocabulary)
    kept = [word for word in words if word not in known]
    spec["added_tokens"] = [t for t in spec["added_tokens"] if t["special"] and t["id"] < first]
    spec["added_tokens"] += [
        {
            "id": first + i,
            "content": word,
            "single_word": (i % 3 > 0) if single is None else single,
            "lstrip": lstrip,
            "rstrip": False,
            "normalized": True,
            "special": False,
        }
        for i, word in enumerate(kept)
    ]
    return TextTokenizer(json.dumps(spec))


def wordpiece(flags):
    spec = json.loads(with_normalizer(tiny.wordpiece_tokenizer().to_str(), flags).json)
    # On letters that are no tokens the words around would be unknown, whatever the kernel does.
    for letter in "qjßκ@北京大学ก":
        spec["model"]["vocab"].setdefault(letter, len(spec["model"]["vocab"]))
    return spec


def wordlevel(flags):
    spec = wordpiece(flags)
    vocabulary = spec["model"]["vocab"]
    for piece in [piece for piece in vocabulary if piece.startswith("##")]:
        vocabulary[piece.removeprefix("##") + "es"] = vocabulary.pop(piece)
    spec["model"] = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}
    return spec


SPECS = {
    **{f"WordPiece {flags}": wordpiece(flags) for flags in BERT},
    **{f"WordLevel {flags}": wordlevel(flags) for flags in (BERT[0], BERT[-1])},
    **FAMILIES,
}


def distinct(spec, words):
    """Words that the normalizer leaves different from each other, and leaves something of."""
    normalizer = TextTokenizer(json.dumps({**spec, "added_tokens": []})).copy_hf().normalizer
    made = {}
    for word in words:
        text = word if normalizer is None else normalizer.normalize_str(word)
        if text.strip():
            made.setdefault(text, word)
    return list(made.values())


@pytest.fixture(scope="module", params=SPECS)
def pair(request):
    spec = SPECS[request.param]
    words = distinct(spec, WORDS)
    if request.param == "runs to markers":  # where two spaces are a marker, which no word has
        words.remove("New  York bank")
    tokenizer = with_words(spec, words)
    kernel = build(tokenizer)
    assert kernel is not None
    assert kernel.native
    return tokenizer, kernel


PIECES = st.one_of(
    st.sampled_from(LIVELY),
    st.sampled_from(LIVELY),
    st.sampled_from(SPACES),
    st.sampled_from(CONTEXT),
    st.sampled_from(PARTS),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=12))
def test_any_string(pair, pieces):
    assert_equal_ids(pair, ["".join(pieces)])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LIVELY), max_size=12))
def test_words_and_what_is_around_them(pair, pieces):
    assert_equal_ids(pair, ["".join(pieces), " ".join(pieces)])


def test_white_space_inside_of_phrases(pair):
    spaces = [
        " ",
        "  ",
        "\t",
        "\t ",
        " \t",
        "\t\t",
        "\n",
        " \n ",
        "\xa0",
        "\u3000 ",
        "\x0b",
        "\x00 ",
    ]
    texts = [f"a {left}new{left}york{right}city, x" for left in spaces for right in spaces]
    assert_equal_ids(pair, [*texts, *(text.strip("a, x") for text in texts)])


def test_what_is_behind_a_word_that_may_go_on(pair):
    heads = ["the", "new", "renew", "the new", "zthe", "(york", "b", "ab c"]
    tails = [
        "york",
        "Y",
        "newt",
        "zoo",
        "-",
        "\u0301",
        "z\u0301",
        "z",
        "中",
        "é",
        "\u0439x",
        "1",
        "",
    ]
    texts = [f"{head} {tail}{end}" for head in heads for tail in tails for end in ("", " x")]
    assert_equal_ids(pair, texts)
    assert_equal_ids(pair, texts)  # from the cache


def test_words_across_the_pieces_of_a_long_text(pair):
    rng = random.Random(0)
    long = " ".join(
        rng.choice(["new", "york", "city", "bank", "the", "t-cell,"]) for _ in range(9000)
    )
    tokenizer, kernel = pair
    texts = [long[start:] for start in range(0, 12)]
    for text in (*texts, "x " + "new york city " * 3000, "\n".join(texts[:2])):
        want = tokenizer.ids([text])[0]
        got = np.frombuffer(kernel.ids([text])[0], np.int32)
        assert len(got) == len(want)
        assert not np.flatnonzero(got != want).tolist()


def test_limits(pair):
    tokenizer, kernel = pair
    texts = ["the new york city, new york t-cell", "york " * 40]
    for limit in (1, 2, 3, 5, 30):
        want, indptr = tokenizer.ids(texts, limit=limit)
        got, got_indptr = kernel.ids(texts, max_length=limit)
        assert want.tobytes() == got
        assert np.array_equal(indptr, got_indptr)


def test_short_texts_are_pooled_alike(pair):
    """A batch looks ahead at the next short text."""
    tokenizer, kernel = pair
    rng = random.Random(1)
    texts = ["".join(rng.choices(LIVELY, k=rng.randint(0, 8))) for _ in range(300)]
    ids, indptr = tokenizer.ids(texts)
    counts = np.diff(indptr)
    if tokenizer.unk_id is not None:
        counts = np.array(
            [np.sum(ids[a:b] != tokenizer.unk_id) for a, b in zip(indptr, indptr[1:], strict=False)]
        )
    out = np.zeros((len(texts), 1), np.float32)
    empty, truncated = np.zeros(len(texts), bool), np.zeros(len(texts), bool)
    kernel.pool_into(texts, out, max_length=None, normalize=False, empty=empty, truncated=truncated)
    np.testing.assert_array_equal(empty, counts == 0)


@pytest.mark.parametrize("name", ["GPT-2", "each", "runs", "XLM-R", f"WordPiece {BERT[0]}"])
@pytest.mark.parametrize("change", [{"normalized": False}, {"rstrip": True}, {"content": " x "}])
def test_words_of_other_kinds_are_read_right(name, change):
    spec = json.loads(with_words(SPECS[name], ["zz top"]).json)
    spec["added_tokens"][-1] |= change
    tokenizer = TextTokenizer(json.dumps(spec))
    kernel = build(tokenizer)
    if kernel is not None:
        assert_equal_ids((tokenizer, kernel), ["a zz top b", "zz top", "zz  top", "a x b", " x ,"])
