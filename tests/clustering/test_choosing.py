"""How many groups there are, judged by rows that did not make them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import silhouette_samples

from skm2v._clustering.choosing import silhouettes
from skm2v.clustering import ClusterChoice, choose_n_clusters
from tests.clustering.blobs import blobs


@pytest.mark.parametrize("n_groups", [3, 6, 15])
def test_the_number_of_groups_is_found(n_groups):
    vectors, _ = blobs(n_groups=n_groups, spread=0.15)
    choice = choose_n_clusters(vectors, n_splits=3)
    assert choice.n_clusters == n_groups
    assert f"{n_groups:6}" in str(choice).split("chosen")[0].splitlines()[-1]


@pytest.mark.parametrize("clusterer", [KMeans(n_init=5, random_state=0), AgglomerativeClustering()])
def test_any_clusterer_with_a_number_of_groups_will_do(clusterer):
    vectors, _ = blobs(n_groups=6)
    choice = choose_n_clusters(vectors, range(4, 9), clusterer=clusterer, n_splits=3)
    assert choice.n_clusters == 6
    assert choice.ks.tolist() == [4, 5, 6, 7, 8]
    assert choice.scores.shape == (5, 3)


def test_hopeless_numbers_are_given_up():
    vectors, _ = blobs(n_groups=6, spread=0.15)
    choice = choose_n_clusters(vectors, [2, 6, 7, 60])
    tried = (~np.isnan(choice.scores)).sum(axis=1).tolist()
    assert (tried[0], tried[1], tried[3]) == (4, 10, 4)
    assert choice.n_clusters == 6
    assert 2 not in choice.as_good
    assert choice.to_frame().notna().all(axis=None)
    first = choose_n_clusters(vectors, [2, 6, 7, 60], n_splits=4)  # the same samples
    np.testing.assert_array_equal(first.scores, choice.scores[:, :4])


def test_it_depends_on_neither_order_nor_repetition_of_rows_nor_their_lengths():
    vectors, _ = blobs(spread=0.4)
    expected = choose_n_clusters(vectors, n_splits=2).scores
    order = np.random.default_rng(0).permutation(len(vectors))
    changed = np.concatenate([vectors[order], 2 * vectors[:50], np.zeros((3, vectors.shape[1]))])
    np.testing.assert_array_equal(choose_n_clusters(changed, n_splits=2).scores, expected)


def test_more_groups_are_not_better_where_there_are_none():
    """Judged by the rows that made them, they are: silhouettes rise with the number."""
    vectors = np.random.default_rng(0).standard_normal((600, 30))
    mean = choose_n_clusters(vectors, n_splits=4).scores.mean(axis=1)
    assert mean[-1] < mean[0] + 0.02


def test_silhouettes_are_those_of_scikit_learn():
    vectors, _ = blobs(spread=0.4)
    distances = np.sqrt(((vectors[:, None] - vectors) ** 2).sum(axis=2)).astype(np.float32)
    labels = np.random.default_rng(0).integers(0, 40, len(vectors)) * 3
    labels[0] = 1000  # the only one of its group
    expected = silhouette_samples(distances, labels, metric="precomputed")
    np.testing.assert_allclose(silhouettes(distances, labels), expected, atol=1e-5)


def test_the_middle_of_the_last_run_of_equally_good_numbers_is_chosen():
    ks = np.array([5, 10, 50, 60, 80, 100, 200])
    mean = np.array([0.13, 0.10, 0.128, 0.131, 0.13, 0.129, 0.08])
    swing = np.where(ks[:, None] == 60, 0, [0.01, -0.01])  # from split to split
    choice = ClusterChoice(ks, mean[:, None] + swing)
    assert choice.as_good == [5, 50, 60, 80, 100]
    assert choice.n_clusters == 80  # nearest to the root of 50 * 100; 60 is farther
    assert ClusterChoice(ks, mean[:, None]).n_clusters == 60


def test_wrong_numbers_are_refused():
    vectors, _ = blobs()
    with pytest.raises(ValueError, match="ks must be integers from 2 to 90.*got 1, 500"):
        choose_n_clusters(vectors, [1, 6, 500])
    with pytest.raises(ValueError, match="too few different vectors"):
        choose_n_clusters(vectors[:5])
    with pytest.raises(ValueError, match="n_splits"):
        choose_n_clusters(vectors, n_splits=0)


def test_the_curve_as_table_and_plot():
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib").use("agg")
    choice = choose_n_clusters(blobs()[0], n_splits=2)
    frame = choice.to_frame()
    assert frame.n_clusters.tolist() == choice.ks.tolist()
    ax = choice.plot()
    assert ax.lines[0].get_xdata().tolist() == choice.ks.tolist()
