"""Characters that make a word unknown are split off; words that are known keep their tokens."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skm2v import StaticModel
from skm2v._pooling import TextTokenizer
from tests import tiny

from .test_kernel_exactness import BERT, PARTS, with_normalizer

PIECES = st.one_of(
    st.sampled_from([*"😘❤💖⤴ｈｅＨ①ﬁ\ufe0f\u200d\u0301", "the", "money", "love", " ", "❤️"]),
    st.sampled_from(PARTS),
)


def splitting(tokenizer):
    return TextTokenizer(tokenizer.with_split_unknown(True))


@pytest.fixture(scope="module", params=BERT, ids=str)
def plain(request):
    spec = json.loads(tiny.wordpiece_tokenizer().to_str())
    spec["model"]["vocab"]["❤"] = len(spec["model"]["vocab"])  # begins words, and is in none
    return with_normalizer(json.dumps(spec), request.param)


@settings(max_examples=80, deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join))
def test_only_words_that_were_unknown_change(plain, text):
    """Word by word, against the library: tokens of known words are there, in order."""
    ours = splitting(plain)
    hf = plain.copy_hf()
    expected = []
    normalized = text if hf.normalizer is None else hf.normalizer.normalize_str(text)
    for word, _ in hf.pre_tokenizer.pre_tokenize_str(normalized):
        ids = [token.id for token in hf.model.tokenize(word)]
        if plain.unk_id not in ids:
            expected.append(ids)
    got = ours.ids([text])[0].tolist()
    at = 0
    for ids in expected:  # in their order, with what became of unknown words between them
        while got[at : at + len(ids)] != ids:
            at += 1
            assert at < len(got)
        at += len(ids)
    if plain.unk_id not in plain.ids([text])[0]:
        assert got == plain.ids([text])[0].tolist()


@settings(max_examples=80, deadline=None)
@given(st.lists(PIECES, max_size=8).map("".join))
def test_the_kernel_splits_alike(plain, text):
    kernel = pytest.importorskip("skm2v._pooling.kernel", exc_type=ImportError)
    from skm2v._pooling import PoolingTable

    ours = splitting(plain)
    table = PoolingTable(np.zeros((len(ours.tokens), 1), dtype=np.float32))
    built = kernel.build_kernel(ours, table)
    assert built.native
    assert built.ids([text])[0] == ours.ids([text])[0].tobytes()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("money😘❤💖", ["money"]),
        ("the⤴\ufe0e bank", ["the", "bank"]),
        ("ｍｏｎｅｙ ＢＡＮＫ", ["money", "bank"]),
        ("😘", []),
        ("bank中文", ["bank", "中", "文"]),
    ],
)
def test_words_with_symbols(text, tokens):
    ours = splitting(TextTokenizer(tiny.wordpiece_tokenizer().to_str()))
    ids = ours.ids([text])[0]
    assert [ours.tokens[i] for i in ids if i != ours.unk_id] == tokens


def test_offsets_are_those_of_the_text():
    ours = splitting(TextTokenizer(tiny.wordpiece_tokenizer().to_str()))
    text = "x money😘bank ＢＡＮＫ"
    ids, offsets = ours.offsets(text)
    found = {text[a:b]: ours.tokens[i] for i, (a, b) in zip(ids, offsets.tolist(), strict=True)}
    assert found == {"x": "x", "money": "money", "😘": "[UNK]", "bank": "bank", "ＢＡＮＫ": "bank"}


def test_the_setting_is_part_of_the_model(tmp_path):
    tokenizer = tiny.wordpiece_tokenizer()
    plain = StaticModel(tiny.tiny_table("wordpiece"), tokenizer)
    model = plain.with_settings(split_unknown=True)
    assert model.split_unknown
    assert not plain.split_unknown
    assert model.with_settings(split_unknown=True) is model
    with pytest.warns(UserWarning, match="without a known token"):
        assert not plain.encode("money😘").any()
    np.testing.assert_array_equal(model.encode("money😘"), plain.encode("money"))
    model.save_pretrained(tmp_path)
    for same in (StaticModel.from_pretrained(tmp_path), pickle.loads(pickle.dumps(model))):
        assert same == model
        assert same.split_unknown
    back = model.with_settings(split_unknown=False)
    assert not back.split_unknown
    assert back.tokenize(["money😘"]) == plain.tokenize(["money😘"])
    assert model.tokenizer.encode("money😘", add_special_tokens=False).tokens == ["[UNK]"]


def test_words_can_be_added_to_such_a_model():
    plain = StaticModel(tiny.tiny_table("wordpiece"), tiny.wordpiece_tokenizer())
    model = plain.with_settings(split_unknown=True)
    extended = model.extend(["♥ union", "zebra"], vectors=np.ones((2, model.dim)))
    assert extended.split_unknown
    n = len(model.tokens)
    assert extended.tokenize(["a ♥ union", "zebra😘"])[0][-1] == n
    assert n + 1 in extended.tokenize(["zebra😘"])[0]


def test_other_tokenizers_lose_no_words():
    model = StaticModel(tiny.tiny_table("unigram"), tiny.tiny_tokenizer("unigram"))
    with pytest.raises(ValueError, match="split_unknown is for WordPiece tokenizers; got Unigram"):
        model.with_settings(split_unknown=True)
