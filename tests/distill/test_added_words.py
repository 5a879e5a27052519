"""Added words are found wherever they stand as words, and nowhere else, in every family.

The oracle is a search by brute force over the text as the tokenizer's own normalizer leaves it: at
each place, from the left, the longest word that stands there with no letter, digit or mark beside
it. Words that the plan names as shadowed have tests of their own. ``SKM2V_EXAMPLES=10000`` makes
the run long.
"""

from __future__ import annotations

import json
import os
import string
import unicodedata
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from skm2v import StaticModel
from skm2v._distillation.teacher.vocabulary import extend_tokens, plan_tokens
from skm2v._pooling import TextTokenizer
from skm2v.exceptions import TextWarning
from tests import tiny

EXAMPLES = int(os.environ.get("SKM2V_EXAMPLES", "60"))

SCRIPTS = {
    "Latin": "abcdeéT",
    "Cyrillic": "бдйя",
    "Greek": "αβσ",
    "Arabic": "بتم",
    "Devanagari": "कतमि",
    "Han": "北京大学",
    "Thai": "กขค",
}
SPACELESS = ("Han", "Thai")
LETTERS = "".join(SCRIPTS.values())


def wordlevel():
    vocab = {token: i for i, token in enumerate(["[UNK]", *tiny.WORDS, *LETTERS, *",-().#"])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def sentencepiece_bpe(*steps):
    """Byte pairs over the whole text, with marks for spaces, as Gemma and Llama have them."""
    letters = dict.fromkeys(["<unk>", "▁", *string.ascii_letters, *string.punctuation, *LETTERS])
    pieces, merges = [*letters], []
    for word in ("▁the", "▁bank", "ab", "▁a", "北京"):
        for i in range(1, len(word)):
            if (word[:i], word[i]) not in merges:
                merges.append((word[:i], word[i]))
                pieces.append(word[: i + 1])
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
    return tokenizer


FAMILIES = {
    "wordpiece": tiny.wordpiece_tokenizer,
    "bpe": tiny.bpe_tokenizer,
    "unigram": tiny.unigram_tokenizer,
    "wordlevel": wordlevel,
    "gemma": sentencepiece_bpe,
    "llama": lambda: sentencepiece_bpe(normalizers.Prepend("▁")),
}


def is_letter(character):
    return unicodedata.category(character)[0] in "LMN" or character == "_"


def find(text, words):
    """Words in a text, by brute force; `words` maps strings to whether they must stand alone."""
    found, at = [], 0
    while at < len(text):
        there = [
            word
            for word, alone in words.items()
            if text.startswith(word, at)
            and not (alone and at > 0 and is_letter(text[at - 1]))
            and not (alone and at + len(word) < len(text) and is_letter(text[at + len(word)]))
        ]
        if there:
            found.append(max(there, key=len))
            at += len(found[-1])
        else:
            at += 1
    return found


class Case:
    def __init__(self, family, words):
        teacher = FAMILIES[family]()
        self.plain = TextTokenizer(plan_tokens(teacher).tokenizer)
        self.plan = plan_tokens(teacher, words=words)
        self.ours = TextTokenizer(self.plan.tokenizer)
        first = len(self.plain.tokens)
        self.added = {i: words[row] for i, row in enumerate(self.plan.rows, first)}
        hf = self.ours.copy_hf()
        raw = family in ("gemma", "llama") or hf.normalizer is None
        self.normalize = str if raw else hf.normalizer.normalize_str

    def ids(self, text):
        return self.ours.ids([text])[0].tolist()

    def plain_ids(self, text):
        return self.plain.ids([text])[0].tolist()

    def found(self, text):
        return [self.normalize(self.added[i]) for i in self.ids(text) if i in self.added]

    def expected(self, text):
        words = {}
        for word in self.added.values():
            ends = {script for script in SPACELESS if word[0] in SCRIPTS[script]}
            spaceless = ends and any(word[-1] in SCRIPTS[script] for script in SPACELESS)
            words[self.normalize(word)] = not spaceless
        return find(self.normalize(text), words)


def words_of(script):
    word = st.text(alphabet=SCRIPTS[script], min_size=2, max_size=4)
    # Marks begin no word.
    word = word.filter(lambda text: unicodedata.category(text[0])[0] == "L")
    return st.one_of(
        word,
        word,
        st.tuples(word, st.sampled_from(" -"), word).map("".join),
        word.map(".{}".format),
    )


WORDS = st.one_of(*(words_of(script) for script in SCRIPTS), st.sampled_from(["c++", "T-cell"]))
BETWEEN = st.sampled_from(["", " ", " ", ", ", "-", " (", ") ", ".", "  ", "\n", "_"])
CONTEXT = st.one_of(st.sampled_from(tiny.WORDS), st.text(alphabet=LETTERS, max_size=2))


@st.composite
def words_and_text(draw):
    words = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    parts = draw(
        st.lists(
            st.tuples(st.one_of(st.sampled_from(words), st.sampled_from(words), CONTEXT), BETWEEN),
            max_size=7,
        )
    )
    return words, "".join(part for pair in parts for part in pair)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=EXAMPLES, deadline=None)
@given(drawn=words_and_text())
def test_words_are_found_where_they_stand_and_nowhere_else(family, drawn):
    words, text = drawn
    case = Case(family, words)
    assume("shadowed" not in case.plan.notes)
    assert case.found(text) == case.expected(text)
    if not case.expected(text):
        assert case.ids(text) == case.plain_ids(text)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=EXAMPLES, deadline=None)
@given(
    word=WORDS,
    before=st.lists(st.sampled_from(tiny.WORDS), max_size=3),
    behind=st.lists(st.sampled_from(tiny.WORDS), max_size=3),
)
def test_what_is_around_a_word_is_read_as_beside_a_space(family, word, before, behind):
    case = Case(family, [word])
    assume(case.added)
    text = " ".join([*before, word, *behind])
    row = len(case.plain.tokens)
    rest = " ".join(behind)
    if family == "gemma" and rest:
        rest = " " + rest
    expected = [*case.plain_ids(" ".join(before)), row, *case.plain_ids(rest)]
    assert case.ids(text) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_the_two_ways_in_make_one_tokenizer(family):
    words = ["T-cell", "remdesivir", "北京大学", "new york", ".net", "кот", "the"]
    case = Case(family, words)
    backend = FAMILIES[family]()
    extended = extend_tokens(case.plain, backend, words)
    assert extended.tokenizer == case.ours.json
    assert extended.sequences == case.plan.sequences[len(case.plain.tokens) :]
    assert extended.rows == case.plan.rows == [0, 1, 2, 3, 4, 5]  # "the" is known


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("the plant-cell wall", []),
        ("planet.network, covid-190", []),
        ("a T-cell, .net; covid-19.", ["T-cell", ".net", "covid-19"]),
        ("remdesivir and (remdesivir), remdesivirs", ["remdesivir", "remdesivir"]),
        ("我在北京大学", ["北京大学"]),
        ("new york\nand new yorkers", ["new york"]),
    ],
)
def test_words_that_were_missed_or_found_in_others(family, text, words):
    case = Case(family, ["T-cell", ".net", "covid-19", "北京大学", "remdesivir", "new york"])
    assert case.found(text) == [case.normalize(word) for word in words]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_whole_vocabulary_and_new_words(family):
    """Known tokens are left out, whatever they are called."""
    teacher = FAMILIES[family]()
    names = list(teacher.get_vocab())
    plain = plan_tokens(teacher)
    made = plan_tokens(teacher, words=[*names, "remdesivir", "bank card"])
    tokens = TextTokenizer(made.tokenizer).tokens
    assert tokens == (*TextTokenizer(plain.tokenizer).tokens, "remdesivir", "bank card")
    assert made.rows == [len(names), len(names) + 1]
    assert not made.notes


@pytest.mark.parametrize("steps", [(), (normalizers.Replace(Regex(" +"), " "),)])
def test_spaces_inside_of_a_phrase_count_unless_the_normalizer_makes_one_of_them(steps):
    tokenizer = wordlevel()
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps])
    plan = plan_tokens(tokenizer, words=["new york"])
    ours = TextTokenizer(plan.tokenizer)
    added = len(TextTokenizer(plan_tokens(tokenizer).tokenizer).tokens)
    found = [added in ours.ids([text])[0] for text in ("the new york", "the new  york")]
    assert found == [True, bool(steps)]


def test_words_that_another_one_may_hide_are_named():
    case = Case("wordpiece", ["new york", "new york city", "york city hall", "bank"])
    assert case.plan.notes == {"shadowed": ["new york", "york city hall"]}
    assert case.found("new york city, new york") == ["new york city", "new york"]
    assert case.found("new yorkers and new york cityscapes") == []
    assert Case("gemma", [".京京", "京京"]).plan.notes["shadowed"] == ["京京"]
    assert Case("bpe", ["कि", "किताब", "ab", "abc"]).plan.notes == {}


def test_words_beside_letters_without_spaces():
    assert Case("gemma", ["кот"]).plan.notes == {}
    assert Case("gemma", ["T恤"]).plan.notes == {"beside": ["T恤"]}
    bert = Case("wordpiece", ["T恤", "remdesivir"])
    assert bert.plan.notes == {}
    assert bert.found("我的T恤，AT恤 用remdesivir治") == [bert.normalize("T恤"), "remdesivir"]


def test_the_call_says_which_words_are_missed(tiny_static):
    vectors = 4 * np.eye(2, tiny_static.dim)
    with pytest.warns(TextWarning, match=r"'new york' may be missed where a longer added word"):
        extended = tiny_static.extend(["new york", "new york city"], vectors=vectors)
    assert [len(ids) for ids in extended.tokenize(["new york", "new york city"])] == [1, 1]


def test_the_call_says_that_a_word_takes_texts_out_of_the_kernel():
    pytest.importorskip("skm2v._pooling.kernel", exc_type=ImportError)
    model = StaticModel(tiny.tiny_table("bpe"), tiny.tiny_tokenizer("bpe"))
    vectors = 4 * np.eye(2, model.dim)
    with pytest.warns(TextWarning, match=r"Of the words to add, 'zz\\ttop' keep the compiled ker"):
        extended = model.extend(["zz\ttop", "new york"], vectors=vectors)
    row = len(model.tokens)
    assert extended.tokenize(["the zz\ttop", "new york"]) == [
        [*model.tokenize(["the"])[0], row], [row + 1]
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.extend(["zz top", "new york"], vectors=vectors)


def splitting_model() -> StaticModel:
    tokenizer = TextTokenizer(tiny.wordpiece_tokenizer().to_str())
    return StaticModel(tiny.tiny_table("wordpiece"), tokenizer.with_split_unknown(True))


SPLIT = ["i♥ny", "💉🧬", "☻", "♥ union", "bank★card", "quagga"]
WITHOUT = [
    "bank★cards bank★", "bank♥", "a💉b", "🧬💉 money", "i ♥ ny", "money♥the", "love😘♥", "union♥",
    "i♥nyx", "xi♥ny", "bank", "the quaggas",
]  # fmt: skip


def test_characters_of_added_words_are_split_off_elsewhere_as_before():
    model = splitting_model()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extended = model.extend(SPLIT, vectors=4 * np.eye(len(SPLIT), model.dim))
    n = len(model.tokens)
    assert extended.text_tokenizer.unknown_characters[ord("♥")] == " ♥ "
    for row, word in enumerate(SPLIT):
        for text in (word, f"the {word}", f"({word})", f"{word}, the", f"the {word} the"):
            found = [token for token in extended.tokenize([text])[0] if token >= n]
            assert found == [n + row], text
            assert extended.text_tokenizer.ids([text]).ids.tolist().count(n + row) == 1
    assert extended.tokenize(WITHOUT) == model.tokenize(WITHOUT)
    np.testing.assert_array_equal(extended.encode(WITHOUT), model.encode(WITHOUT))
    assert extended.tokenize(["bank☻"])[0] == [*model.tokenize(["bank"])[0], n + 2]


def test_words_that_were_added_follow_the_setting():
    model = splitting_model()
    extended = model.extend(SPLIT, vectors=4 * np.eye(len(SPLIT), model.dim))
    with pytest.raises(ValueError, match="'i♥ny', '💉🧬', .* are tokens already"):
        extended.extend(SPLIT, vectors=np.ones((len(SPLIT), model.dim)))
    whole = extended.with_settings(split_unknown=False)
    n = len(model.tokens)
    assert whole.tokens[n:] == tuple(SPLIT)
    assert [whole.tokenize([word])[0] for word in SPLIT] == [[n + i] for i in range(len(SPLIT))]
    assert whole.with_settings(split_unknown=True) == extended


def test_words_in_files_that_were_written_before_are_found():
    """Their characters count as known then, in all texts."""
    model = splitting_model()
    spec = json.loads(model.text_tokenizer.json)
    flags = {"single_word": True, "lstrip": True, "rstrip": False, "normalized": True}
    token = {"id": len(model.tokens), "content": "i♥ny", "special": False, **flags}
    spec["added_tokens"].append(token)
    tokenizer = TextTokenizer(json.dumps(spec))
    assert tokenizer.ids(["the i♥ny"]).ids[-1] == token["id"]
    assert tokenizer.unknown_characters[ord("♥")] == "♥"


def test_names_of_pieces_get_no_row_and_the_call_says_so():
    teacher = tiny.bpe_tokenizer()
    spec = json.loads(teacher.to_str())
    spec["model"]["vocab"]["ology"] = len(spec["model"]["vocab"])
    teacher = Tokenizer.from_str(json.dumps(spec))
    made = plan_tokens(teacher, words=["ology", "zebra"])
    assert made.rows == [1]
    assert made.notes == {"inside": ["ology"]}


def test_a_word_that_is_found_only_in_some_places_is_named():
    """The normalizer changes the first letter of a text, so a word after a space is another one."""
    teacher = tiny.wordpiece_tokenizer()
    teacher.normalizer = normalizers.Replace(Regex("^x"), "y")
    made = plan_tokens(teacher, words=["xenon gas", "zz top"])
    tokenizer = TextTokenizer(made.tokenizer)
    first, inside = tokenizer.ids(["xenon gas", "the xenon gas"])
    added = len(tokenizer.tokens) - 2
    assert added in first
    assert added not in inside
    assert made.notes == {"unfound": ["xenon gas"]}


def test_first_words_of_a_tokenizer_that_reads_them_unlike_others(rng):
    """A model keeps its pre-tokenizer, so that texts without the word keep their ids."""
    model = StaticModel(tiny.tiny_table("bpe"), tiny.tiny_tokenizer("bpe"))
    extended = model.extend(["zebra"], vectors=np.ones((1, model.dim)))
    row = len(model.tokens)
    for text in ("zebra", "the zebra", "(zebra)"):
        assert extended.tokenize([text])[0].count(row) == 1
    for text in (*tiny.SENTENCES, "zebras the", " the bank"):
        assert extended.tokenize([text]) == model.tokenize([text])
