"""Words of any script, and those that tell groups apart."""

from __future__ import annotations

import numpy as np
import pytest

from skm2v._clustering.terms import best_terms, class_tfidf, count_terms
from skm2v._clustering.words import STOP_WORDS, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where is my card?", ["where", "is", "my", "card"]),
        ("It's the bank’s card", ["it", "the", "bank", "card"]),
        ("I don't", ["i", "don't"]),
        ("C++ or C#?", ["c++", "or", "c#"]),
        ("mod_rewrite e-mail", ["mod_rewrite", "e", "", "mail"]),
        ("one, two", ["one", "", "two"]),
        ("Überweisung nach Köln", ["überweisung", "nach", "köln"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("银行卡", ["银行", "行卡"]),
        ("卡 card", ["卡", "card"]),
        ("ธนาคาร", ["ธน", "นา", "าค", "คา", "าร"]),
        ("은행 카드", ["은행", "카드"]),
        ("كلمة السر", ["كلمة", "السر"]),
        ("", []),
        ("?!", []),
    ],
)
def test_words_of_many_scripts(text, words):
    assert list(split_words(text)) == words


def test_stop_words_are_words_as_they_are_split():
    for word in STOP_WORDS:
        assert list(split_words(word)) == [word]


def test_terms_are_words_and_pairs_without_stop_words_between():
    texts = ["The exchange rate", "exchange rate of the card", "card, rate", "card 42", "card 42"]
    terms, in_texts = count_terms(texts, {"the", "of"})
    assert terms == ["card", "card 42", "exchange", "exchange rate", "rate"]
    assert in_texts.toarray().T.tolist() == [
        [0, 1, 1, 1, 1],
        [0, 0, 0, 1, 1],
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
    ]


@pytest.mark.parametrize("texts", [[], [""], ["a", "?"], ["the the"]])
def test_texts_without_terms(texts):
    terms, in_texts = count_terms(texts, {"the"})
    assert terms == []
    assert in_texts.shape == (len(texts), 0)


def test_class_tfidf_prefers_what_is_frequent_here_and_rare_elsewhere():
    counts = np.array([[10, 5, 8, 0], [0, 5, 8, 9]])
    scores = class_tfidf(counts, np.array([10, 10]))
    expected = 10 / 23 * np.log1p(22.5 / 10)
    assert scores[0, 0] == pytest.approx(expected)
    assert (scores[:, 1:3] == 0).all()  # spread evenly, as words of grammar
    assert scores[0, 3] == 0 < scores[1, 3]


def test_best_terms_come_without_plurals_and_turned_pairs():
    terms = ["card", "cards", "bank card", "card bank", "rate", "zero"]
    scores = np.array([5.0, 4, 3, 2, 1, 0])
    assert best_terms(scores, terms, 10) == [0, 2, 4]
    assert best_terms(scores, terms, 2) == [0, 2]
