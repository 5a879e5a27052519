"""Metrics of rankings, by their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from skm2v.evaluation import mrr, ndcg_at, recall_at
from tests.search.collections_ import searcher


def test_ndcg_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    for k in (1, 5, 10):
        gains = rng.integers(0, 3, (6, 12)).astype(float)
        gains[:, 0] = 1
        order = np.array([rng.permutation(12) for _ in range(6)])
        ranked = np.zeros((6, 12))
        np.put_along_axis(ranked, order, np.arange(12, 0, -1)[None].repeat(6, 0), 1)
        relevance = [dict(enumerate(row)) for row in gains.tolist()]
        assert ndcg_at(order.tolist(), relevance, k) == pytest.approx(
            ndcg_score(gains, ranked, k=k)
        )


def test_recall_and_reciprocal_ranks():
    found = [["a", "b", "c"], ["x"], []]
    relevance = [{"b", "z"}, "x", ["q"]]
    assert recall_at(found, relevance, 2) == pytest.approx((0.5 + 1 + 0) / 3)
    assert recall_at(found, relevance, 1) == pytest.approx((0 + 1 + 0) / 3)
    assert mrr(found, relevance) == pytest.approx((0.5 + 1 + 0) / 3)
    assert mrr(found, relevance, 1) == pytest.approx(1 / 3)


def test_queries_without_relevant_documents_are_left_out():
    assert ndcg_at([["a"], ["b"]], [{"a": 1}, {"b": 0}]) == 1
    with pytest.raises(ValueError, match="No query has a relevant document"):
        mrr([["a"]], [[]])


def test_of_an_id_that_comes_again_the_first_place_counts():
    assert recall_at([["a", "a", "b"]], [{"a", "b"}], 2) == 1


def test_a_search_result_can_be_measured():
    result = searcher().fit(["free money", "water"], ids=["m", "w"]).search(["money", "water"])
    assert ndcg_at(result, ["m", "w"]) == mrr(result, ["m", "w"]) == 1


@pytest.mark.parametrize(
    ("relevance", "error", "message"),
    [
        ("a", TypeError, "the relevant ids of each query"),
        ({"a": 1}, TypeError, "got dict"),
        ([["a"], ["b"]], ValueError, "each of 1 queries; got 2"),
        ([1.5], TypeError, "got float in row 0"),
        ([{"a": "much"}], ValueError, "must be a number; got 'much' in row 0"),
    ],
)
def test_bad_relevance_is_an_error(relevance, error, message):
    with pytest.raises(error, match=message):
        ndcg_at([["a"]], relevance)
    with pytest.raises(ValueError, match="k must be a positive integer"):
        ndcg_at([["a"]], ["a"], 0)
