"""Which tokens a model gets from its teacher's tokenizer, and what the teacher reads for them."""

from __future__ import annotations

import json

import pytest
from tokenizers import Tokenizer, normalizers

from skm2v._distillation.teacher.vocabulary import plan_tokens
from skm2v._pooling import TextTokenizer
from tests import tiny

SPECIALS = {
    "wordpiece": {"unk_token": "[UNK]", "pad_token": "[PAD]"},
    "bpe": {"unk_token": "<unk>", "pad_token": "<pad>"},
    "unigram": {"unk_token": "<unk>", "pad_token": "<pad>"},
}
REMOVED = {
    "wordpiece": {"[unused0]", "[unused1]", "[CLS]", "[SEP]", "[MASK]"},
    "bpe": {"<s>", "</s>", "<mask>"},
    "unigram": {"<s>", "</s>", "<mask>"},
}
UNUSED = r"\[unused\d+\]"
MIXED = [
    "bank card money 123!",
    "transfér the zq",
    "stop 中文",
    "a",
    "  two  spaces ",
    "I'm you'll",
]


def plan(kind, words=(), pattern=UNUSED, **options):
    teacher = tiny.tiny_tokenizer(kind)
    options = {**SPECIALS[kind], **options}
    made = plan_tokens(teacher, words=words, remove_pattern=pattern, **options)
    return teacher, made, TextTokenizer(made.tokenizer)


def in_order(tokenizer: Tokenizer) -> list[str]:
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_special_tokens_go_and_the_others_keep_their_order(kind):
    teacher, made, ours = plan(kind)
    kept = [token for token in in_order(teacher) if token not in REMOVED[kind]]
    assert list(ours.tokens) == kept
    ids = teacher.get_vocab()
    ends = teacher.encode("").ids
    assert made.sequences == [[ends[0], ids[token], ends[1]] for token in kept]
    assert ours.tokens[ours.unk_id] == SPECIALS[kind]["unk_token"]


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("text", [*MIXED, *tiny.SENTENCES[:5]])
def test_texts_are_split_as_the_teacher_splits_them(kind, text):
    teacher, _, ours = plan(kind)
    if kind == "bpe":
        text = " " + text  # the model reads the first word of a text like any other
    expected = teacher.encode(text, add_special_tokens=False).tokens
    ids, _ = ours.ids([text])
    assert [ours.tokens[i] for i in ids] == expected


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_the_tokenizer_is_the_teachers_apart_from_its_vocabulary(kind):
    teacher, made, _ = plan(kind)
    before, after = json.loads(teacher.to_str()), json.loads(made.tokenizer)
    assert after["post_processor"] is after["truncation"] is after["padding"] is None
    assert after["normalizer"] == before["normalizer"]
    assert after["decoder"] == before["decoder"]
    if kind == "bpe":
        assert after["pre_tokenizer"].pop("add_prefix_space") is True
        before["pre_tokenizer"].pop("add_prefix_space")
    assert after["pre_tokenizer"] == before["pre_tokenizer"]
    assert {t["content"] for t in after["added_tokens"]} == set(SPECIALS[kind].values())


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_truncation_and_padding_of_the_teacher_have_no_influence(kind):
    teacher = tiny.tiny_tokenizer(kind)
    expected = plan_tokens(teacher, words=["moneybank transfer"])
    teacher.enable_truncation(3)
    teacher.enable_padding(length=8)
    before = teacher.to_str()
    assert plan_tokens(teacher, words=["moneybank transfer"]) == expected
    assert teacher.to_str() == before


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_an_added_word_is_one_token_that_the_teacher_reads_in_pieces(kind):
    word = "bankcard"
    teacher, made, ours = plan(kind, [word])
    row = ours.vocabulary[word]
    assert made.sequences[row] == teacher.encode(("" if kind != "bpe" else " ") + word).ids
    assert len(made.sequences[row]) > 3
    ids, _ = ours.ids(["the bankcard has", word])
    assert [ours.tokens[i] for i in ids].count(word) == 2
    assert len(ids) == 4


def test_words_come_last_in_their_order():
    _, made, ours = plan("wordpiece", ["new york", "zebra", "bank card", "apple"])
    assert ours.tokens[-4:] == ("new york", "zebra", "bank card", "apple")
    assert len(made.sequences) == len(ours.tokens)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_several_words_are_matched_as_a_whole_in_normalized_text(kind):
    teacher, made, ours = plan(kind, ["new york"])
    row = ours.vocabulary["new york"]
    assert made.sequences[row] == teacher.encode("new york").ids
    for text in ("the new york bank", "new york", "(new york)!"):
        ids, _ = ours.ids([text])
        assert row in ids
    for text in ("new bank york", "thenew york", "new yorkers"):
        ids, _ = ours.ids([text])
        assert row not in ids
    if kind != "bpe":  # the only one without a lowercasing normalizer
        assert row in ours.ids(["the NEW York bank"])[0]


def test_a_model_with_added_words_is_a_valid_model(tmp_path):
    import numpy as np

    from skm2v import StaticModel

    for kind in tiny.KINDS:
        _, made, ours = plan(kind, ["new york", "bankcard"])
        table = np.random.default_rng(0).normal(size=(len(ours.tokens), 4))
        model = StaticModel(table, made.tokenizer)
        model.save_pretrained(tmp_path / kind)
        assert StaticModel.from_pretrained(tmp_path / kind) == model
        expected = table[ours.vocabulary["new york"]]
        np.testing.assert_allclose(model.encode("new york", normalize=False), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("words", "added"),
    [
        (["bank"], []),  # known
        (["BANK"], []),  # known once normalised
        (["zebra", "ZEBRA", "zebra"], ["zebra"]),
        (["", "  "], []),
        (["[unused7]"], ["[unused7]"]),  # the pre-tokenizer splits it: text, not an entry
        (["New York", "new york "], ["new york"]),
        (["bank-card"], ["bank-card"]),
    ],
)
def test_words_that_need_no_row_get_none(words, added):
    _, _, plain = plan("wordpiece")
    _, _, ours = plan("wordpiece", words)
    assert list(ours.tokens) == [*plain.tokens, *added]


def test_an_entry_that_the_pre_tokenizer_splits_is_replaced():
    teacher = tiny.wordpiece_tokenizer()
    spec = json.loads(teacher.to_str())
    spec["model"]["vocab"]["don't"] = len(spec["model"]["vocab"])
    teacher = Tokenizer.from_str(json.dumps(spec))
    made = plan_tokens(teacher, words=["don't"], remove_pattern=UNUSED)
    ours = TextTokenizer(made.tokenizer)
    assert ours.tokens.count("don't") == 1
    assert [ours.tokens[i] for i in ours.ids(["I don't go"])[0]] == ["i", "don't", "go"]


def test_words_that_match_the_pattern_are_left_out():
    _, _, ours = plan("wordpiece", ["zebra", "apple"], pattern="z")
    assert "apple" in ours.tokens and "zebra" not in ours.tokens and "z" not in ours.tokens


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_the_unknown_token_survives_any_pattern(kind):
    _, _, ours = plan(kind, pattern=".*")
    assert ours.tokens == (SPECIALS[kind]["unk_token"],)


def test_a_pattern_matches_from_the_start():
    _, _, ours = plan("wordpiece", pattern="ank")
    assert "bank" in ours.tokens
    _, _, ours = plan("wordpiece", pattern="##")
    assert not any(token.startswith("##") for token in ours.tokens)
    _, _, ours = plan("wordpiece", pattern=None)
    assert "[unused0]" in ours.tokens


def test_removing_a_piece_removes_its_merges():
    _, made, ours = plan("bpe", pattern="Ġban$")
    merges = [tuple(merge) for merge in json.loads(made.tokenizer)["model"]["merges"]]
    assert not any("Ġban" in (*merge, "".join(merge)) for merge in merges)
    tokens = [ours.tokens[i] for i in ours.ids(["bank"])[0]]
    assert tokens == ["Ġba", "n", "k"]


def test_merges_written_as_text_are_read():
    teacher = tiny.bpe_tokenizer()
    spec = json.loads(teacher.to_str())
    spec["model"]["merges"] = [" ".join(merge) for merge in spec["model"]["merges"]]

    class Old:
        def to_str(self):
            return json.dumps(spec)

        from_str = staticmethod(Tokenizer.from_str)

    assert plan_tokens(Old(), words=["bankcard"]) == plan_tokens(teacher, words=["bankcard"])


def test_a_teacher_without_special_tokens_around_a_text():
    teacher = tiny.wordpiece_tokenizer()
    spec = json.loads(teacher.to_str())
    spec["post_processor"] = None
    made = plan_tokens(Tokenizer.from_str(json.dumps(spec)), words=["bankcard"])
    ids = teacher.get_vocab()
    tokens = TextTokenizer(made.tokenizer).tokens
    assert made.sequences[tokens.index("bank")] == [ids["bank"]]


def test_added_tokens_outside_the_model_go():
    """ModernBERT and others keep special tokens, and runs of spaces, beside the model."""
    teacher = tiny.bpe_tokenizer()
    teacher.add_special_tokens(["<extra>"])
    teacher.add_tokens(["    "])
    expected = plan_tokens(tiny.bpe_tokenizer(), **SPECIALS["bpe"])
    assert plan_tokens(teacher, **SPECIALS["bpe"]) == expected


def test_the_unknown_token_that_only_the_settings_name():
    _, made, ours = plan("bpe")
    assert json.loads(tiny.bpe_tokenizer().to_str())["model"]["unk_token"] is None
    assert ours.tokens[ours.unk_id] == "<unk>"


def test_long_strings_are_cut_to_what_the_teacher_reads():
    long = " ".join(["bank"] * 50)
    teacher, made, ours = plan("wordpiece", [long], max_length=16)
    row = made.sequences[ours.vocabulary[long]]
    assert len(row) == 16 and row[-1] == teacher.token_to_id("[SEP]")


def test_bad_words_are_named():
    with pytest.raises(ValueError, match=r"strings; got 3"):
        plan("wordpiece", ["bank", 3])
    with pytest.raises(ValueError, match=r"udc00.*no text"):
        plan("wordpiece", ["bad \udc00"])


def test_a_normalizer_that_changes_the_word():
    teacher = tiny.wordpiece_tokenizer()
    teacher.normalizer = normalizers.Sequence([normalizers.Replace("ß", "ss"), teacher.normalizer])
    made = plan_tokens(teacher, words=["Straße"])
    assert TextTokenizer(made.tokenizer).tokens[-1] == "strasse"
