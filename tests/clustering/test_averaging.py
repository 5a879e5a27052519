"""`NeighborAverager`: means of exact neighbours, for any order of rows and number of threads."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from skm2v.clustering import NeighborAverager
from skm2v.exceptions import ModelFormatError
from tests.clustering.blobs import blobs


@parametrize_with_checks([NeighborAverager()])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def by_hand(vectors, n_neighbors, n_iter):
    own = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = own @ own.T
    nearest = np.argsort(-cosines, axis=1)[:, :n_neighbors]
    for _ in range(n_iter):
        own = np.stack(
            [np.maximum(cosines[i, near], 0) @ own[near] for i, near in enumerate(nearest)]
        )
        own /= np.linalg.norm(own, axis=1, keepdims=True)
    return own


@pytest.mark.parametrize(("n_neighbors", "n_iter"), [(1, 1), (5, 1), (10, 2), (4, 3)])
def test_rows_are_weighted_means_of_their_nearest_neighbours(n_neighbors, n_iter):
    vectors, _ = blobs()
    found = NeighborAverager(n_neighbors, n_iter=n_iter).fit_transform(vectors)
    np.testing.assert_allclose(found, by_hand(vectors, n_neighbors, n_iter), atol=1e-6)
    assert found.dtype == np.float32


def test_neighbours_of_opposite_direction_do_not_count():
    vectors = np.array([[1.0, 0.0], [-1.0, 0.0], [-1.0, 0.1]])
    found = NeighborAverager(3, n_iter=1).fit_transform(vectors)
    np.testing.assert_array_equal(found[0], [1, 0])


def test_order_of_rows_and_threads_change_no_bit():
    vectors, _ = blobs(seed=1)
    vectors = np.concatenate([vectors, vectors[:40], vectors[:40] * [[1.0]]])  # ties
    expected = NeighborAverager().fit_transform(vectors)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(vectors))
        found = NeighborAverager(n_jobs=1 + seed).fit_transform(vectors[order])
        np.testing.assert_array_equal(found, expected[order])


def test_fitted_rows_are_transformed_as_they_were_in_the_fit():
    vectors, _ = blobs()
    vectors = np.concatenate([vectors, vectors[:7]])
    averager = NeighborAverager(6)
    np.testing.assert_array_equal(averager.fit_transform(vectors), averager.transform(vectors))


def test_new_rows_are_averaged_with_themselves_and_fitted_rows():
    vectors, _ = blobs()
    new = blobs(seed=9)[0][:1]
    averager = NeighborAverager(3, n_iter=1).fit(vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    own = new[0] / np.linalg.norm(new[0])
    near = np.argsort(-(unit @ own))[:2]
    expected = own + (unit[near] @ own) @ unit[near]
    found = averager.transform(new)[0]
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-6)


def test_zero_vectors_stay_and_disturb_nobody():
    vectors, _ = blobs()
    expected = NeighborAverager().fit_transform(vectors)
    zeros = np.zeros((2, vectors.shape[1]))
    found = NeighborAverager().fit_transform(np.concatenate([zeros, vectors]))
    np.testing.assert_array_equal(found[2:], expected)
    assert not found[:2].any()


def test_k_means_finds_groups_in_means_that_it_does_not_find_in_rows():
    vectors, groups = blobs(n_groups=10, d=40, spread=0.22, seed=3)
    scores = [
        np.mean(
            [
                adjusted_rand_score(groups, KMeans(10, n_init=1, random_state=s).fit_predict(rows))
                for s in range(5)
            ]
        )
        for rows in (vectors, NeighborAverager().fit_transform(vectors))
    ]
    assert scores[1] > scores[0] + 0.05


def test_pickles_transform_alike_and_show_damage():
    vectors, _ = blobs()
    averager = NeighborAverager().fit(vectors)
    data = pickle.dumps(averager)
    again = pickle.loads(data)
    np.testing.assert_array_equal(again.transform(vectors), averager.transform(vectors))
    place = data.index(averager._states[0].tobytes()[:40])
    damaged = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    with pytest.raises(ModelFormatError, match="Get a fresh copy"):
        pickle.loads(damaged)
