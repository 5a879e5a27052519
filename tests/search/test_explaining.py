"""What each word of a query adds to a score: exactly, and nothing left out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skm2v import StaticEmbedder, TextSearcher
from tests.classifier.conftest import make_pairs_model
from tests.model.forge import tiny_model
from tests.search.collections_ import Letters, random_texts
from tests.tiny import KINDS


def check(found, queries):
    for query in queries:
        result = found.search([query], 5)
        for hit in result[0]:
            said = found.explain(query, hit.id)
            assert_allclose(said.words.sum() + said.meaning.sum(), hit.score, atol=2e-6)
            assert said.score == pytest.approx(hit.score, abs=1e-9)
            assert said.bm25 == pytest.approx(hit.bm25, rel=1e-12)
            assert said.cosine == hit.cosine and said.text == hit.text


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_the_shares_sum_to_the_score(kind, weight):
    found = TextSearcher(StaticEmbedder(tiny_model(kind)), lexical_weight=weight)
    found.fit(random_texts(50))
    check(found, [*random_texts(10, seed=1), "money money, MONEY! zebras"])


def test_the_shares_sum_to_the_score_where_pairs_have_vectors():
    found = TextSearcher(StaticEmbedder(make_pairs_model())).fit(random_texts(50))
    check(found, [*random_texts(10, seed=1), "bank card money free"])
    parts = found.explain("bank card money", 0).parts
    assert parts == ["bank", "card", "money", "bank card", "card money"]


def test_words_stand_as_in_the_query_beside_what_they_were_looked_up_as():
    found = TextSearcher().fit(["two cats", "a dog"], ids=["c", "d"])
    said = found.explain("The CATS, cat!", "c")
    assert said.parts == ["The", "CATS", ",", "cat", "!"]
    assert said.terms == ["", "cat", "", "cat", ""]
    assert said.words[1] == said.words[3] > 0
    assert not said.words[[0, 2, 4]].any()
    frame = said.to_frame()
    assert frame["part"].tolist() == said.parts
    assert_allclose(frame["both"].sum(), said.score, atol=1e-6)
    assert "CATS" in repr(said) and "CATS" in said._repr_html_()
    assert "'two cats'" in repr(said)


def test_a_long_text_is_cut_where_it_is_seen():
    said = TextSearcher().fit(["cat " * 30]).explain("cat", 0)
    head, *_ = repr(said).split("\n")
    assert head.endswith("cat cat…'") and len(head) == len("0.000 for ''") + 60


def test_a_document_without_the_words_is_explained_by_meaning_alone():
    found = TextSearcher().fit(["a fast car", "a red apple"])
    said = found.explain("automobile", 0)
    assert not said.words.any() and said.meaning.sum() == pytest.approx(said.score, abs=1e-6)


def test_vectors_of_another_kind_are_explained_as_a_whole():
    found = TextSearcher(Letters()).fit(["free money", "water"])
    check(found, ["money and water", "free"])
    said = found.explain("free money", 0)
    assert said.parts == ["free", "money", ""]
    assert np.flatnonzero(said.meaning).tolist() == [2]


def test_a_query_that_is_cut_is_explained_as_far_as_its_vector_goes():
    found = TextSearcher(StaticEmbedder(tiny_model(), max_length=3)).fit(["money bank", "water"])
    query = "water water water money bank"
    with pytest.warns(UserWarning, match="cut at max_length"):
        said = found.explain(query, 0)
        hit = next(hit for hit in found.search(query)[0] if hit.id == 0)
    assert not said.meaning[3:].any() and said.words[3:].all()
    assert said.words.sum() + said.meaning.sum() == pytest.approx(hit.score, abs=2e-6)
