"""How little a row belongs to its group."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skm2v.clustering import outlier_scores
from tests.clustering.blobs import blobs


def test_scores_are_distances_to_the_centre_of_the_others():
    vectors, groups = blobs(n_groups=3)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = []
    for row, group in enumerate(groups):
        others = np.flatnonzero((groups == group) & (np.arange(len(groups)) != row))
        center = unit[others].sum(axis=0)
        expected.append(1 - unit[row] @ center / np.linalg.norm(center))
    np.testing.assert_allclose(outlier_scores(vectors, groups), expected, atol=1e-6)


def test_rows_that_belong_nowhere_have_the_highest_scores():
    vectors, groups = blobs(n_groups=4, n_each=50)
    odd = np.random.default_rng(5).standard_normal((10, 24))
    scores = outlier_scores(np.concatenate([vectors, odd]), [*groups, *np.arange(10) % 4])
    assert roc_auc_score([0] * 200 + [1] * 10, scores) > 0.99


def test_lonely_rows_and_those_without_a_group_are_compared_with_the_nearest_one():
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    scores = outlier_scores(vectors, [0, 0, 1, -1, 0])
    np.testing.assert_allclose(scores, [0, 0, 1, 1 - np.sqrt(0.5), 1], atol=1e-6)
    assert outlier_scores([[1.0, 0.0]], [0]).tolist() == [1]


def test_the_order_of_rows_changes_no_bit():
    vectors, groups = blobs(spread=0.4)
    order = np.random.default_rng(1).permutation(len(groups))
    found = outlier_scores(vectors[order], groups[order])
    np.testing.assert_array_equal(found, outlier_scores(vectors, groups)[order])


def test_other_lengths_are_refused():
    with pytest.raises(ValueError, match="one for each of 2 rows"):
        outlier_scores(np.eye(2), [0])
