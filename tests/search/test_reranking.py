"""The second stage: asked about the best documents only, and blended with the first."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from skm2v import TextSearcher
from skm2v._search.reranking import blend
from skm2v.search import BiEncoderReranker
from tests.search.collections_ import columns, random_texts, searcher

TEXTS = random_texts(80)
QUERIES = random_texts(4, seed=1)


class Lengths:
    """Likes long texts; remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, query, texts):
        self.asked.append((query, list(texts)))
        return [len(text) for text in texts]


def test_the_list_of_the_first_stage_is_ordered_by_the_blend():
    reranker = Lengths()
    plain = searcher().fit(TEXTS)
    found = searcher(reranker=reranker, rerank_top=20, rerank_weight=0.3).fit(TEXTS)
    result = found.search(QUERIES, 5)
    first = plain.search(QUERIES, 20)
    for row, query in enumerate(QUERIES):
        hits = first[row]
        assert reranker.asked[row] == (query, [hit.text for hit in hits])
        scores = np.array([hit.score for hit in hits])
        lengths = np.array([len(hit.text) for hit in hits], dtype=float)
        standard = [(values - values.mean()) / values.std() for values in (scores, lengths)]
        blended = 0.7 * standard[0] + 0.3 * standard[1]
        order = np.argsort(-blended, kind="stable")[:5]
        assert [hit.position for hit in result[row]] == [hits[i].position for i in order]
        assert_allclose([hit.score for hit in result[row]], blended[order])
        assert [hit.second for hit in result[row]] == lengths[order].tolist()
        part = slice(result.indptr[row], result.indptr[row + 1])
        assert_allclose(result.first[part], scores[order])


def test_weights_of_zero_and_one_are_the_stages_alone():
    plain = searcher().fit(TEXTS).search(QUERIES, 8)
    for weight in (0.0, 1.0):
        found = searcher(reranker=Lengths(), rerank_top=8, rerank_weight=weight).fit(TEXTS)
        result = found.search(QUERIES, 8)
        if weight == 0:
            assert result.ids == plain.ids
        else:
            for hits in result:
                lengths = [len(hit.text) for hit in hits]
                assert lengths == sorted(lengths, reverse=True)


def test_the_reranker_reads_at_least_what_is_asked_for():
    reranker = Lengths()
    searcher(reranker=reranker, rerank_top=3).fit(TEXTS).search(QUERIES[:1], 12)
    assert len(reranker.asked[0][1]) == 12


def test_a_query_without_hits_is_not_asked_about():
    reranker = Lengths()
    found = searcher(reranker=reranker).fit(TEXTS)
    assert found.search(["", "money"], 3)[0] == []
    assert [query for query, _ in reranker.asked] == ["money"]


def test_a_cross_encoder_is_taken_as_it_is():
    class CrossEncoder:
        def __call__(self, features):
            raise AssertionError("it is a module of torch, whose call is something else")

        def predict(self, pairs):
            return np.array([[len(text)] for _, text in pairs], dtype=np.float32)

    function = searcher(reranker=Lengths()).fit(TEXTS).search(QUERIES, 5)
    found = searcher(reranker=CrossEncoder()).fit(TEXTS).search(QUERIES, 5)
    assert columns(found) == columns(function)


@pytest.mark.parametrize(
    ("reranker", "message"),
    [
        (lambda query, texts: [1.0], "a score for each of 30 texts; got shape"),
        (lambda query, texts: [np.nan] * len(texts), "is nan; it must be finite"),
        (lambda query, texts: np.zeros((len(texts), 2)), "a score for each of 30 texts"),
    ],
)
def test_a_bad_reranker_is_an_error(reranker, message):
    with pytest.raises(ValueError, match=message):
        searcher(reranker=reranker).fit(TEXTS).search(TEXTS[0])
    with pytest.raises(ValueError, match="'reranker' parameter"):
        searcher(reranker="MiniLM").fit(TEXTS)


def test_scores_that_are_all_the_same_change_nothing():
    assert blend(np.array([3.0, 2.0, 1.0]), np.full(3, 0.1), 0.5).argmax() == 0
    assert blend(np.array([3.0]), np.array([1.0]), 0.5).tolist() == [0.0]
    assert blend(np.zeros(0), np.zeros(0), 0.5).tolist() == []


def test_tuning_chooses_both_weights():
    relevance = [[int(np.argmax([len(text) for text in TEXTS]))]] * len(QUERIES)
    found = searcher(reranker=Lengths(), rerank_top=80).fit(TEXTS)
    found.tune(QUERIES, relevance, weights=[0.0, 0.5, 1.0], cv=2)
    tuning = found.tuning_
    assert tuning.scores.shape == (3, 3)
    assert found.rerank_weight == tuning.rerank_weight > 0
    assert found.score(QUERIES, relevance) == pytest.approx(tuning.scores.max())


# --- A sentence transformer -------------------------------------------------------------------


def test_a_sentence_transformer_scores_by_its_cosine(tiny_teacher):
    from skm2v import load_teacher

    reranker = BiEncoderReranker(tiny_teacher)
    scores = reranker("money bank", ["the bank", "water", "the bank"])
    vectors = load_teacher(tiny_teacher).encode(["money bank", "the bank", "water"]).astype(float)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert_allclose(scores, vectors[[1, 2, 1]] @ vectors[0], atol=1e-6)


def test_what_was_read_is_kept_on_disk_for_whoever_comes(tiny_teacher, tmp_path, monkeypatch):
    from skm2v._distillation.teacher.teacher import Teacher
    from skm2v._distillation.teacher_pass.text_vectors import forget_texts

    reranker = BiEncoderReranker(tiny_teacher, memory=tmp_path)
    forget_texts()
    scores = reranker("money", ["bank", "water"])
    forget_texts()

    def refuse(*arguments, **options):
        raise AssertionError("all was read before")

    monkeypatch.setattr(Teacher, "encode", refuse)
    again = pickle.loads(pickle.dumps(clone(reranker)))
    assert again("money", ["water", "bank"]).tolist() == scores[::-1].tolist()


def test_queries_have_a_prompt_of_their_own(tiny_teacher):
    both = BiEncoderReranker(tiny_teacher, prompt="the ")("the money", ["bank"])
    assert BiEncoderReranker(tiny_teacher, query_prompt="the ")("money", ["bank"]) != both
    with_prompts = BiEncoderReranker(tiny_teacher, prompt="of ", query_prompt="the ")
    plain = BiEncoderReranker(tiny_teacher)("the money", ["of bank"])
    assert_allclose(with_prompts("money", ["bank"]), plain, atol=1e-5)


def test_a_search_reads_its_candidates_in_one_pass(tiny_teacher, monkeypatch):
    reranker = BiEncoderReranker(tiny_teacher)
    found = searcher(reranker=reranker, rerank_top=5).fit(TEXTS)
    passes = []
    prepare = BiEncoderReranker.prepare
    monkeypatch.setattr(
        BiEncoderReranker,
        "prepare",
        lambda self, queries, texts: passes.append(len(queries)) or prepare(self, queries, texts),
    )
    result = found.search(QUERIES, 3)
    assert passes == [len(QUERIES)]
    for query, hits in zip(QUERIES, result, strict=True):
        assert_allclose([hit.second for hit in hits], reranker(query, [hit.text for hit in hits]))


def test_a_searcher_with_a_sentence_transformer_is_copied_without_it(tiny_teacher, tmp_path):
    found = searcher(reranker=BiEncoderReranker(tiny_teacher)).fit(TEXTS)
    before = columns(found.search(QUERIES))
    data = pickle.dumps(found)
    assert b"TeacherPass" not in data
    copy = pickle.loads(data)
    assert columns(copy.search(QUERIES)) == before
    found.save(tmp_path / "index")
    loaded = TextSearcher.load(tmp_path / "index", reranker=BiEncoderReranker(tiny_teacher))
    assert columns(loaded.search(QUERIES)) == before
