"""`ClusterDescriber`: the description as an estimator."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks

from skm2v.clustering import ClusterDescriber, describe_clusters
from skm2v.exceptions import ModelFormatError
from skm2v.testing import SKLEARN_TRANSFORMER_CHECKS
from tests.clustering.blobs import questions


@pytest.mark.parametrize("name", SKLEARN_TRANSFORMER_CHECKS)
def test_scikit_learn_checks_that_need_no_numbers(name):
    getattr(estimator_checks, name)("ClusterDescriber", ClusterDescriber())


@pytest.fixture(scope="module")
def describer():
    return ClusterDescriber(n_terms=5).fit(*questions())


def test_it_makes_the_table_of_the_function(describer):
    table = describe_clusters(*questions(), n_terms=5)
    assert describer.table_.clusters == table.clusters


def test_new_texts_go_to_the_nearest_group(describer):
    texts = ["a new bank card", "the passcode", "which rate"]
    cosines = describer.transform(texts)
    assert cosines.shape == (3, 3)
    assert describer.predict(texts).tolist() == ["cards", "codes", "rates"]
    assert describer.classes_[cosines.argmax(axis=1)].tolist() == ["cards", "codes", "rates"]
    assert describer.get_feature_names_out().tolist() == ["cards", "codes", "rates"]


def test_pickles_are_alike_and_show_damage(describer):
    data = pickle.dumps(describer)
    again = pickle.loads(data)
    assert again.table_.clusters == describer.table_.clusters
    np.testing.assert_array_equal(again.transform(["card"]), describer.transform(["card"]))
    damaged = data.replace(b"exchange rate", b"exchange date", 1)
    with pytest.raises(ModelFormatError, match="damaged"):
        pickle.loads(damaged)


def test_labels_are_needed_and_a_fit(describer):
    with pytest.raises(ValueError, match="requires y to be passed"):
        ClusterDescriber().fit(["a", "b"], None)
    with pytest.raises(NotFittedError):
        clone(describer).predict(["a"])
