"""Nearest neighbours: those of brute force, to the bit, by every way to find them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skm2v._pairs import NeighborSearch
from skm2v._pairs.engines import engine_names
from tests.pairs import brute
from tests.pairs.test_pairs import adversarial_vectors, groups

ENGINES = engine_names()


def search_with(engine, vectors, monkeypatch):
    monkeypatch.setenv("SKM2V_SCAN", engine)
    return NeighborSearch(vectors)


@pytest.mark.parametrize("engine", ENGINES)
@given(vectors=adversarial_vectors(), k=st.integers(1, 90), thin=st.booleans(), own=st.booleans())
@settings(max_examples=40, deadline=None)
def test_neighbours_are_those_of_brute_force(engine, vectors, k, thin, own):
    permitted = np.arange(len(vectors)) % 3 > 0 if thin else None
    queries = None if own else vectors[::2]
    with pytest.MonkeyPatch.context() as patch:
        search = search_with(engine, vectors, patch)
    found = search.nearest(queries, k, permitted=permitted)
    brute.assert_same(found, brute.neighbors(vectors, k, queries, permitted))


@pytest.mark.parametrize("engine", ENGINES)
def test_neighbours_do_not_depend_on_threads(engine, monkeypatch):
    vectors = groups(60, 20, 24, 0.4)
    search = search_with(engine, vectors, monkeypatch)
    expected = brute.neighbors(vectors, 10)
    for n_jobs in (1, 2, 5):
        brute.assert_same(search.nearest(None, 10, n_jobs=n_jobs), expected)


def test_a_minimum_leaves_places_empty():
    found = NeighborSearch(np.eye(3)).nearest([[1.0, 1.0, 0.0]], 3, minimum=0.5)
    np.testing.assert_array_equal(found.row, [[0, 1, -1]])
    np.testing.assert_array_equal(found.similarity[0, 2], -np.inf)


def test_an_empty_corpus_has_no_neighbours():
    found = NeighborSearch(np.empty((0, 4))).nearest(np.ones((2, 4)), 3)
    np.testing.assert_array_equal(found.row, np.full((2, 3), -1))


def test_progress_counts_queries():
    calls = []
    NeighborSearch(groups(4, 10, 20, 0.1)).nearest(None, 3, progress=lambda *c: calls.append(c))
    assert calls[-1] == (40, 40)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"k": 0}, "k must be at least 1; got 0"),
        ({"k": 1, "permitted": [True]}, r"a value for each of 3 vectors; got \(1,\)"),
        ({"k": 1, "queries": np.ones((1, 2))}, "as many columns; got 2 and 3"),
        ({"k": 1, "n_jobs": 0}, "n_jobs must be a number of threads"),
    ],
)
def test_wrong_arguments_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        NeighborSearch(np.eye(3)).nearest(**{"queries": None, **options})
