"""Fewer groups: Ward's merges of groups that are there already."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import is_valid_linkage, linkage

from skm2v.clustering import merge_clusters
from tests.clustering.blobs import as_sets, blobs


def unit_rows(n=40, d=5, seed=0):
    rows = np.random.default_rng(seed).standard_normal((n, d))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_of_single_rows_it_is_the_tree_of_scipy():
    rows = unit_rows()
    tree = merge_clusters(np.arange(40), rows, 1).tree
    assert is_valid_linkage(tree)
    np.testing.assert_allclose(tree, linkage(rows, "ward"), atol=1e-4)


def test_sizes_of_groups_count():
    """Groups of copies merge as their rows would, at the same heights."""
    rows = np.repeat(unit_rows(12), [1, 9, 2, 5, 1, 1, 7, 3, 2, 2, 4, 6], axis=0)
    labels = np.repeat(np.arange(12), [1, 9, 2, 5, 1, 1, 7, 3, 2, 2, 4, 6])
    expected = linkage(rows, "ward")[-11:, 2]
    np.testing.assert_allclose(merge_clusters(labels, rows, 1).tree[:, 2], expected, atol=1e-4)


def test_merged_groups_keep_the_label_of_their_largest_part():
    vectors, groups = blobs(n_groups=3)
    split = groups * 2 + (np.arange(len(groups)) % 3 == 0)  # a third of each group apart
    names = np.array(["a", "A", "b", "B", "c", "C"])[split]
    merged = merge_clusters(names, vectors, 3)
    assert merged.parts == {"a": ["a", "A"], "b": ["b", "B"], "c": ["c", "C"]}
    assert as_sets(merged.labels) == as_sets(groups)
    assert repr(merged) == "<MergedClusters: 6 groups became 3>"


def test_rows_without_a_group_stay_without_and_nothing_may_happen():
    vectors, groups = blobs(n_groups=3)
    groups[:4] = -1
    merged = merge_clusters(groups, vectors, 3)
    np.testing.assert_array_equal(merged.labels, groups)
    assert (merge_clusters(groups, vectors, 2).labels == -1).sum() == 4


@pytest.mark.parametrize("n", [0, 4, 1.5, True])
def test_a_number_of_groups_that_is_none(n):
    vectors, groups = blobs(n_groups=3)
    with pytest.raises(ValueError, match="n_clusters must be from 1 to 3"):
        merge_clusters(groups, vectors, n)


@pytest.mark.parametrize("n", [1, 2, 6])
def test_the_tree_is_drawn_with_names(n):
    pytest.importorskip("matplotlib").use("agg")
    vectors, groups = blobs(n_groups=6)
    ax = merge_clusters(groups, vectors, n).plot(names={0: "cards"})
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert sorted(shown) == ["1", "2", "3", "4", "5", "cards"]
