"""N-grams of characters beside vectors and tokens."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skm2v import HybridVectorizer, StaticEmbedder, StaticModel, explain, fuse
from skm2v._features import characters as characters_module
from skm2v._features.characters import CharacterNgrams
from skm2v.exceptions import ModelFormatError, TextWarning
from tests import tiny

TEXTS = ["Free money now", "the bank card", "the free, free bank", "win a prize now", "card\u2003a"]
OTHERS = ["freely bank on money", "PRIZES", "x"]


@pytest.fixture
def vectorizer():
    model = StaticModel(tiny.tiny_table(), tiny.tiny_tokenizer())
    return HybridVectorizer(StaticEmbedder(model), character_weight=2.0, dtype=np.float64)


def columns_of(vectorizer, kind):
    names = vectorizer.get_feature_names_out()
    return np.flatnonzero([name.startswith(kind) for name in names])


@pytest.mark.parametrize("lengths", [(2, 4), (3, 3), (1, 9)])
def test_they_are_those_of_scikit_learn(vectorizer, lengths):
    vectorizer.set_params(character_range=lengths).fit(TEXTS)
    tfidf = TfidfVectorizer(analyzer="char_wb", ngram_range=lengths, sublinear_tf=True).fit(TEXTS)
    columns = columns_of(vectorizer, "characters_")
    names = [f"characters_{term}" for term in tfidf.get_feature_names_out()]
    assert vectorizer.get_feature_names_out()[columns].tolist() == names
    assert_allclose(vectorizer.idf_[-len(names) :], tfidf.idf_, rtol=1e-12)
    rows = vectorizer.transform([*TEXTS, *OTHERS])[:, columns].toarray()
    assert_allclose(rows, tfidf.transform([*TEXTS, *OTHERS]).toarray() * 2 / 6**0.5, atol=1e-12)


def test_inner_products_weigh_three_cosines(vectorizer):
    weighed = vectorizer.set_params(semantic_weight=3.0).fit(TEXTS).transform(TEXTS)
    assert_allclose(weighed.multiply(weighed).sum(axis=1), 1)
    parts = (("dimension_", 9), ("characters_", 4))
    for kind, weight in parts:
        part = weighed[:, columns_of(vectorizer, kind)]
        assert_allclose(part.multiply(part).sum(axis=1), weight / 14)
    without = clone(vectorizer).set_params(character_weight=0.0).fit(TEXTS)
    n = weighed.shape[1] - len(columns_of(vectorizer, "characters_"))
    assert_array_equal(vectorizer.get_feature_names_out()[:n], without.get_feature_names_out())
    assert_allclose(weighed[:, :n].toarray() * (14 / 10) ** 0.5, without.transform(TEXTS).toarray())
    assert weighed.indices.dtype == np.int32
    # A weight that is set after the fit does not change what was fitted without them.
    later = without.transform(TEXTS).toarray()
    assert_array_equal(without.set_params(character_weight=5.0).transform(TEXTS).toarray(), later)


def test_a_name_is_found_in_another_spelling(vectorizer):
    names = ["kdl40s3000 tv", "kdl46w2000 tv", "dsc-t10 camera", "dscw80 camera"]
    queries = ["KDL-40 S3000", "kdl 46 w2000", "DSCT10", "dsc w-80"]
    rows = vectorizer.set_params(semantic_weight=0.0).fit(names).transform(queries)
    found = (rows @ vectorizer.transform(names).T).toarray().argmax(axis=1)
    assert found.tolist() == [0, 1, 2, 3]


def test_the_most_frequent_are_kept_where_there_are_very_many(monkeypatch):
    every = CharacterNgrams.of_texts(TEXTS, 2, 4)
    monkeypatch.setattr(characters_module, "MOST_NGRAMS", 20)
    some = CharacterNgrams.of_texts(TEXTS, 2, 4)
    assert len(every.terms) > 60
    assert len(some.terms) == 20
    assert some.terms == sorted(some.terms)
    weights = dict(zip(every.terms, every.weights.tolist(), strict=True))
    assert some.weights.tolist() == [weights[term] for term in some.terms]
    # Smaller weights are those of more texts.
    assert max(some.weights) <= sorted(every.weights)[19]


@pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")
@pytest.mark.parametrize("texts", [[], ["", " \n"]])
def test_texts_without_characters_have_no_columns_for_them(vectorizer, texts):
    width = clone(vectorizer).set_params(character_weight=0.0).fit_transform(texts).shape[1]
    assert vectorizer.fit_transform(texts).shape == (len(texts), width)
    assert vectorizer.transform(TEXTS).shape == (len(TEXTS), width)
    assert vectorizer.idf_.shape == (width - 16,)


def test_a_text_without_a_token_may_have_characters(vectorizer):
    vectorizer.fit([*TEXTS, "\u2603\u2604"])
    with pytest.warns(TextWarning, match="1 without a known token got features of characters at"):
        rows = vectorizer.transform(["\u2603\u2604\u2605", "free"]).toarray()
    kinds = np.array([n.partition("_")[0] for n in vectorizer.get_feature_names_out()])
    assert set(kinds[rows[0] != 0]) == {"characters"}


def test_max_length_counts_for_tokens_only(vectorizer):
    vectorizer.embedder.set_params(max_length=2)
    vectorizer.fit(TEXTS)
    with pytest.warns(TextWarning, match="1 were cut"):
        cut = vectorizer.transform(["free bank money"])
    whole = clone(vectorizer)
    whole.embedder.set_params(max_length=None)
    columns = columns_of(vectorizer, "characters_")
    expected = whole.fit(TEXTS).transform(["free bank money"])
    expected = expected[:, columns_of(whole, "characters_")]
    assert_array_equal(cut[:, columns].toarray(), expected.toarray())


@pytest.mark.parametrize("lengths", [(4, 2), (0, 2), (2,), (2, 3, 4), (2.0, 3), (True, 3)])
def test_lengths_that_are_none_are_refused(vectorizer, lengths):
    with pytest.raises(ValueError, match=r"character_range must be the lengths of the shortest"):
        vectorizer.set_params(character_range=lengths).fit(TEXTS)


def test_sums_over_tokens_go_without_them(vectorizer):
    with pytest.raises(ValueError, match="character_weight needs normalize=True"):
        clone(vectorizer).set_params(normalize=False).fit(TEXTS)
    pipeline = make_pipeline(vectorizer, LogisticRegression()).fit(TEXTS, [0, 1, 0, 1, 1])
    with pytest.raises(ValueError, match="normalize=True cannot be fused"):
        fuse(pipeline)
    with pytest.raises(ValueError, match="n-grams of characters cannot be explained"):
        explain(pipeline, TEXTS)


@pytest.mark.parametrize(
    "change",
    [
        {"shortest": 0},
        {"shortest": 9},
        {"longest": "4"},
        {"terms": "b\na"},
        {"terms": "a\na"},
        {"terms": ""},
        {"weights": [1.0]},
        {"weights": np.array([1.0, np.nan])},
        {"weights": np.ones(3)},
        {"weights": np.ones(2, dtype=np.float32)},
    ],
    ids=str,
)
def test_forged_ngrams_are_refused(change):
    arrays = CharacterNgrams(1, 4, ["a", "b\0"], np.ones(2)).arrays
    assert vars(CharacterNgrams.of_arrays(arrays)).keys() == arrays.keys()
    assert CharacterNgrams.of_arrays(arrays).terms == ["a", "b\0"]
    with pytest.raises(ModelFormatError, match="Pickled n-grams are damaged"):
        CharacterNgrams.of_arrays({**arrays, **change})


def test_pickles(vectorizer):
    vectorizer.fit([*TEXTS, "a\0 b\0"])
    copy = pickle.loads(pickle.dumps(vectorizer))
    assert_array_equal(copy.get_feature_names_out(), vectorizer.get_feature_names_out())
    texts = [*TEXTS, "a\0"]
    assert_array_equal(copy.transform(texts).toarray(), vectorizer.transform(texts).toarray())
