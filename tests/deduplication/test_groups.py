"""Star groups: the greedy set by priority, whatever the order and number of links."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skm2v._dedup import groups
from skm2v._dedup.groups import assign, components, star


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    left, right = np.nonzero(np.triu(rng.random((n, n)) < draw(st.floats(0, 0.4)), 1))
    rank = rng.permutation(n)
    order = rng.permutation(len(left))
    swap = rng.random(len(left)) < 0.5
    left, right = left[order].astype(np.int32), right[order].astype(np.int32)
    return n, np.where(swap, right, left), np.where(swap, left, right), rank


def greedy(n, left, right, rank):
    """The definition: by rank, keep what has no link to a kept one."""
    links = {*zip(left.tolist(), right.tolist(), strict=True)}
    links |= {(b, a) for a, b in links}
    kept = set()
    for node in np.argsort(rank).tolist():
        if not any((node, other) in links for other in kept):
            kept.add(node)
    return np.isin(np.arange(n), list(kept))


@given(graphs(), st.sampled_from([0, 1, 64]))
@settings(max_examples=200, deadline=None)
def test_star_keeps_the_greedy_set(graph, rounds):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "ROUNDS", rounds)  # the rest is done one by one
        np.testing.assert_array_equal(star(*graph), greedy(*graph))


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_every_dropped_node_belongs_to_its_strongest_kept_neighbour(graph):
    n, left, right, rank = graph
    value = np.random.default_rng(0).integers(1, 4, len(left)).astype(np.float32)
    kept = star(*graph)
    found = assign(kept, left, right, value, rank)
    for node in range(n):
        links = np.flatnonzero(((left == node) | (right == node)) & (kept[left] != kept[right]))
        if kept[node]:
            assert (found.kept[node], found.link[node]) == (node, -1)
            continue
        others = left[links] + right[links] - node
        best = min(zip(-value[links], rank[others], others, links, strict=True))
        assert (found.kept[node], found.link[node]) == best[2:]


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_components_keep_the_node_of_least_rank(graph):
    n, left, right, rank = graph
    label = np.arange(n)
    for _ in range(n):
        for a, b in zip(left, right, strict=True):
            label[[a, b]] = min(label[a], label[b])
    expected = np.array(
        [min(np.flatnonzero(label == label[i]), key=rank.__getitem__) for i in range(n)]
    )
    found = components(n, left, right, rank)
    np.testing.assert_array_equal(found.kept, expected)
    for node, link in enumerate(found.link.tolist()):
        if link >= 0:
            assert {left[link], right[link]} == {node, found.kept[node]}
