"""Words and terms of texts: joined from tokens, stemmed, without stop words."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from skm2v import StaticEmbedder, TextSearcher
from skm2v._pairs.vectors import check_vectors
from skm2v._search.base import _halves
from skm2v._search.learned import LearnedStemmer
from skm2v._search.stemming import ENGLISH, Analyzer, snowball, stop_set
from skm2v._search.strings import Strings
from skm2v._search.words import MOST_PIECES, JoinedTokens, PlainWords, words_in
from skm2v.exceptions import MissingExtraError
from tests.model.forge import tiny_model
from tests.search.collections_ import random_texts, tiny_embedder
from tests.tiny import KINDS


def words_of(stream):
    """Words of each text, one after the other."""
    different = [words_in(word) for word in stream.words]
    return [
        [word for number in stream.numbers[start:stop] for word in different[number]]
        for start, stop in zip(stream.indptr, stream.indptr[1:], strict=False)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_joined_to_the_words_of_the_text(kind):
    texts = [*random_texts(80), "", "zebra-crossing, 42nd!", "money money", "..."]
    read = JoinedTokens(tiny_model(kind).pooler).read(texts)
    assert words_of(read) == [words_in(text) for text in texts]


def test_words_of_a_text_do_not_depend_on_the_others():
    texts = random_texts(40)
    reader = JoinedTokens(tiny_model().pooler)
    together = words_of(reader.read(texts))
    assert together == [words_of(reader.read([text]))[0] for text in texts]


def test_scripts_without_spaces_have_a_word_for_each_token():
    read = JoinedTokens(StaticEmbedder().fit(["a"]).model_.pooler).read(["日本 東京 tokyo"])
    assert words_of(read) == [["日", "本", "東", "京", "tokyo"]]


def test_a_word_without_end_is_cut():
    pooler = tiny_model("bpe").pooler
    (words,) = words_of(JoinedTokens(pooler).read(["q" * 1000]))
    assert {len(word) for word in words} <= {MOST_PIECES, 1000 % MOST_PIECES}
    assert "".join(words) == "q" * 1000


def test_words_are_runs_of_letters_digits_and_marks():
    assert words_in("Don't e-mail: a_b 3.5") == ["don", "t", "e", "mail", "a", "b", "3", "5"]
    assert words_in("ÉTÉ — हिन्दी") == ["été", "हिन्दी"]


def analyzer(stem=None, stop_words=None):
    return Analyzer(PlainWords(), stem, stop_set(stop_words, stem))


def terms_of(stream):
    return [
        [stream.terms[number] for number in stream.numbers[start:stop]]
        for start, stop in zip(stream.indptr, stream.indptr[1:], strict=False)
    ]


def test_forms_of_a_word_are_one_term_and_stop_words_none():
    found = analyzer(snowball("english"), "english").terms(["Cats and the cat running", "the", ""])
    assert terms_of(found) == [["cat", "cat", "run"], [], []]
    assert found.terms == ["cat", "run"]


def test_a_stemmer_is_any_function_of_words():
    found = analyzer(lambda words: [word[:2] for word in words]).terms(["abc abd xyz"])
    assert terms_of(found) == [["ab", "ab", "xy"]]


@pytest.mark.parametrize(
    ("stem", "error", "message"),
    [
        (lambda words: words[1:], ValueError, "a stem for each of 2 words; got 1"),
        (lambda words: [1, 2], TypeError, "Stems must be strings; got 1, 2"),
    ],
)
def test_a_bad_stemmer_is_an_error(stem, error, message):
    with pytest.raises(error, match=message):
        analyzer(stem).terms(["two words"])


def test_stop_words_follow_the_language_of_the_stemmer():
    assert stop_set("auto", "english") == stop_set("auto", None) == ENGLISH
    assert stop_set("auto", "german") == frozenset()
    assert stop_set("english", "german") == ENGLISH
    assert stop_set(["Der", "e-mail"], "german") == {"der", "e", "mail"}
    with pytest.raises(ValueError, match="stop_words must be 'auto', 'english'"):
        stop_set("german", "german")


def test_other_languages_by_name_and_an_unknown_one_is_an_error():
    texts = ["viele Häuser", "ein Auto"]
    found = TextSearcher(stemmer="german").fit(texts)
    assert found.search("Haus", 1)[0][0].position == 0
    assert found.search("Haus", 1)[0][0].bm25 > 0
    with pytest.raises(ValueError, match=r"stemmer must be 'learned' or one of .*english.*'kling'"):
        TextSearcher(stemmer="kling").fit(texts)


def test_without_the_library_the_error_names_the_extra_and_what_works(monkeypatch):
    real = builtins.__import__

    def refuse(name, *arguments, **keywords):
        if name == "Stemmer":
            raise ModuleNotFoundError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install 'skm2v\[search\]'.*stemmer=None"):
        TextSearcher().fit(["a text"])
    for stemmer in (None, "learned"):
        hits = TextSearcher(stemmer=stemmer).fit(["a text", "some words"]).search("words")[0]
        assert hits[0].position == 1


def test_a_learned_stemmer_groups_forms_of_a_word():
    stem = LearnedStemmer(StaticEmbedder().fit(["a"]).model_.pooler)
    words = ["house", "houses", "housing", "payment", "payments", "running", "cat"]
    stems = stem(words)
    assert stems[0] == stems[1]
    assert stems[3] == stems[4] != stems[0]
    assert stems[-1] == "cat"
    assert stem(list(reversed(words))) == list(reversed(stems)), "not by their order"
    assert [stem([word])[0] for word in words] == stems, "nor by the others"


def test_a_learned_stemmer_needs_vectors_of_words():
    from tests.search.collections_ import Letters

    with pytest.raises(ValueError, match="needs the vectors of words.*Letters"):
        TextSearcher(Letters(), stemmer="learned").fit(["a text"])


def test_bm25_reads_on_where_the_vector_stops():
    text = "money " * 20 + "zebra"
    with pytest.warns(UserWarning, match="cut at max_length"):
        found = TextSearcher(tiny_embedder(max_length=5)).fit([text, "water"])
    assert found.search("zebra")[0][0].bm25 > 0


def test_strings_are_found_and_taken():
    strings = sorted({"", "a", "ab", "é", "日本", "zz"})
    packed = Strings.of(strings)
    assert list(packed) == strings and packed.is_sound()
    assert [packed.find(string) for string in strings] == list(range(len(strings)))
    assert packed.find("aa") == packed.find("zzz") == -1
    keep = np.array([True, False] * 3)
    assert list(packed.where(keep)) == strings[::2]
    assert list(packed.followed_by(packed)) == strings * 2


@pytest.mark.parametrize(
    ("data", "starts"),
    [
        (b"ab", [0, 1]),
        (b"ab", [0, 2, 1, 2]),
        (b"ab", [1, 2]),
        (b"\xff", [0, 1]),
        ("é".encode(), [0, 1, 2]),
    ],
)
def test_strings_that_do_not_fit_are_not_sound(data, starts):
    assert not Strings(np.frombuffer(data, np.int8), np.array(starts)).is_sound()


def test_vectors_of_any_length_are_stored_as_directions():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(6, 8))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = np.array([1, 1e-42, 1e30, 0, 3, 1e-25])
    vectors = check_vectors((directions * lengths[:, None]).astype(np.float32))
    halves = _halves(vectors)
    assert halves.dtype == np.float16 and not halves[3].any()
    kept = [0, 2, 4, 5]  # of 1e-42 few digits are left
    np.testing.assert_allclose(halves[kept], directions[kept], atol=1e-3)
    assert np.isfinite(halves).all()
    alone = np.concatenate([_halves(check_vectors(vectors.values[i : i + 1])) for i in range(6)])
    assert alone.tobytes() == halves.tobytes()
