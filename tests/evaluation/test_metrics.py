from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from sklearn.metrics import f1_score

from skm2v._search.ranking import ranking_metrics
from skm2v.evaluation._metrics import (
    best_accuracy,
    best_f1,
    paired_cosine,
    spearman,
)


def test_cosine_of_zero_rows_is_zero_dense_and_sparse() -> None:
    first = np.array([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    second = np.array([[3.0, 4.0], [1.0, 1.0], [1.0, 1.0]], dtype=np.float32)
    expected = [1, 0, 2**-0.5]
    np.testing.assert_allclose(paired_cosine(first, second), expected, atol=1e-6)
    sparse = [scipy.sparse.csr_matrix(m) for m in (first, second)]
    np.testing.assert_allclose(paired_cosine(*sparse), expected, atol=1e-6)


def test_spearman_of_a_constant_is_zero() -> None:
    assert spearman(np.array([1.0, 2, 3]), np.ones(3)) == 0.0


def test_best_thresholds_are_the_best_of_all_thresholds() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        matches = rng.random(40) < 0.4
        scores = rng.normal(size=40).round(1) + matches
        cuts = np.unique(scores)[1:]
        found = best_f1(matches, scores)
        assert found["f1"] == pytest.approx(max(f1_score(matches, scores >= cut) for cut in cuts))
        assert f1_score(matches, scores >= found["threshold"]) == pytest.approx(found["f1"])
        accuracy = best_accuracy(matches, scores)
        assert accuracy["accuracy"] == max(np.mean(matches == (scores >= cut)) for cut in cuts)


def test_best_threshold_of_equal_scores_is_none() -> None:
    assert best_f1(np.array([True, False]), np.ones(2))["f1"] == 0.0


def test_ranking_metrics_by_hand() -> None:
    # Two relevant documents at places 1 and 3; a third one is never found.
    found = ranking_metrics(np.array([[1.0, 0, 2, 0]]), [np.array([1.0, 2, 1])], (3,))
    dcg = 1 + 2 / np.log2(4)
    ideal = 2 + 1 / np.log2(3) + 1 / np.log2(4)
    assert found["ndcg_at_3"][0] == pytest.approx(dcg / ideal)
    assert found["recall_at_3"][0] == pytest.approx(2 / 3)
    assert found["map"][0] == pytest.approx((1 + 2 / 3) / 3)
    assert found["mrr"][0] == 1


def test_ranking_metrics_refuse_queries_without_a_relevant_document() -> None:
    with pytest.raises(ValueError, match="1 have none"):
        ranking_metrics(np.zeros((1, 3)), [np.array([])])
