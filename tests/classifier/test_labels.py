"""Weights of texts against their labels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skm2v._classification.labels import check_labels, check_sample_weight

NAMES = ["ham", "spam", "news"] * 4
INDICATOR = np.array([[1, 0], [0, 1], [1, 1], [0, 1]] * 3)


def weights_of(y, sample_weight):
    return check_sample_weight(sample_weight, len(y), check_labels(y, len(y)))


def test_some_weight_for_each_class():
    weights = np.zeros(12)
    weights[[0, 1, 5]] = 1e-9, 2, 1
    assert_array_equal(weights_of(NAMES, weights), weights)
    assert_array_equal(weights_of(INDICATOR, np.arange(12)), np.arange(12.0))
    assert weights_of(NAMES, None) is None


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["spam"], "0 for every text of class 'spam', so"),
        (["news", "ham"], "0 for every text of class 'ham', 'news', so"),
        (["ham", "spam", "news"], "all zero"),
    ],
)
def test_no_weight_for_a_class(names, message):
    weights = [float(name not in names) for name in NAMES]
    with pytest.raises(ValueError, match=message):
        weights_of(NAMES, weights)


def test_two_classes():
    y = [True, False] * 3
    for label in (True, False):
        with pytest.raises(ValueError, match=f"of class {label}, so there is nothing to learn"):
            weights_of(y, [float(value != label) for value in y])


def test_weights_that_leave_no_label_to_learn():
    weights = (INDICATOR == [1, 1]).all(axis=1)
    with pytest.raises(ValueError, match="same of the labels 0, 1, so there is nothing to learn"):
        weights_of(INDICATOR, weights)
    assert weights_of(INDICATOR, INDICATOR[:, 0]) is not None  # the other one is left
