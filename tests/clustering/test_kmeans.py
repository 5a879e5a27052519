"""`WardKMeans`: the same groups every time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import cut_tree, linkage
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from skm2v._clustering.kmeans import _cuts
from skm2v.clustering import WardKMeans
from tests.clustering.blobs import as_sets, blobs


@parametrize_with_checks([WardKMeans()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_cuts_of_a_tree_are_those_of_scipy():
    rows = np.random.default_rng(0).standard_normal((60, 3)).round(1)
    tree = linkage(np.concatenate([rows, rows[:9]]), "ward")
    numbers = [1, 2, 3, 17, 60, 69]
    for number, labels in zip(numbers, _cuts(tree, numbers), strict=True):
        expected = cut_tree(tree, n_clusters=number)[:, 0]
        assert adjusted_rand_score(expected, labels) == 1
        assert labels.max() + 1 == number


@pytest.mark.filterwarnings("error")
def test_rows_that_look_like_distances_are_rows():
    rows = np.random.default_rng(0).random((6, 6))
    rows += rows.T
    np.fill_diagonal(rows, 0)
    assert len(WardKMeans(2).fit_predict(rows)) == 6


@pytest.mark.parametrize("sample_size", [None, 60])
def test_groups_do_not_depend_on_the_order_of_rows(sample_size):
    vectors, _ = blobs(spread=0.5, seed=2)  # no clear groups: any difference would show
    vectors = np.concatenate([vectors, vectors[:20]])
    expected = WardKMeans(7, sample_size=sample_size).fit(vectors)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(vectors))
        with threadpool_limits(1 + seed):
            found = WardKMeans(7, sample_size=sample_size).fit(vectors[order])
        np.testing.assert_array_equal(found.labels_, expected.labels_[order])
        np.testing.assert_array_equal(found.cluster_centers_, expected.cluster_centers_)


def test_groups_are_numbered_by_size_and_equal_rows_are_together():
    vectors, _ = blobs(spread=0.5)
    vectors = np.repeat(vectors, 3, axis=0)
    labels = WardKMeans(9).fit_predict(vectors)
    assert (np.diff(np.bincount(labels)) <= 0).all()
    assert (labels.reshape(-1, 3) == labels[::3, None]).all()


def test_it_finds_groups_at_least_as_well_as_random_starts():
    vectors, groups = blobs(n_groups=20, d=60, spread=0.16, seed=4)
    found = adjusted_rand_score(groups, WardKMeans(20).fit_predict(vectors))
    others = [
        adjusted_rand_score(groups, KMeans(20, n_init=1, random_state=seed).fit_predict(vectors))
        for seed in range(5)
    ]
    assert found > max(others)


def test_a_sample_is_enough_for_the_tree():
    vectors, groups = blobs(n_groups=5, n_each=200)
    labels = WardKMeans(5, sample_size=50).fit_predict(vectors)
    assert as_sets(labels) == as_sets(groups)


def test_more_groups_than_rows_are_refused():
    with pytest.raises(ValueError, match="n_samples=3 must be at least n_clusters=4. Fix"):
        WardKMeans(4).fit(np.eye(3))
