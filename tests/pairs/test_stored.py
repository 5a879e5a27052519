"""Vectors of float16, what a file keeps of a corpus, and cosines one by one."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from skm2v._pairs import NeighborSearch
from skm2v._pairs.coding import Stored
from skm2v._pairs.engines import Corpus, engine_names
from skm2v._pairs.vectors import check_vectors
from tests.pairs import brute

ENGINES = engine_names()
EVERY_HALF = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


def random_halves(n, dim, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, dim)).astype(np.float16)
    vectors[:: max(n // 7, 1)] = 0
    vectors[1::50] *= np.float16(1e-4)  # subnormal numbers among them
    return vectors


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dim", [1, 15, 16, 33, 256])
def test_halves_have_the_neighbours_of_the_floats_that_they_are(engine, dim, monkeypatch):
    monkeypatch.setenv("SKM2V_SCAN", engine)
    vectors = random_halves(3000, dim)
    queries = np.random.default_rng(1).normal(size=(7, dim)).astype(np.float32)
    queries[3] = 0
    for some in (queries, queries[:1]):  # one row has a way of its own
        found = NeighborSearch(vectors).nearest(some, 20)
        expected = NeighborSearch(vectors.astype(np.float32)).nearest(some, 20)
        np.testing.assert_array_equal(found.row, expected.row)
        np.testing.assert_array_equal(found.similarity, expected.similarity)
    cosines = np.nan_to_num(brute.all_cosines(queries[:1], vectors.astype(np.float32))[0])
    np.testing.assert_array_equal(found.similarity[0], cosines[found.row[0]])
    assert (np.sort(cosines)[::-1][:20] == found.similarity[0]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_every_half_is_widened_exactly(engine):
    # A vector of one number: its cosine with 1 is its sign, and its square tells its size.
    finite = EVERY_HALF[np.isfinite(EVERY_HALF)]
    vectors = np.stack([finite, np.ones(len(finite), np.float16)], axis=1)
    corpus = Corpus(check_vectors(vectors, halves=True), None, engine)
    query = np.array([1.0, 0.5], dtype=np.float32)
    rows = np.arange(len(vectors), dtype=np.int32)
    floats = Corpus(check_vectors(vectors.astype(np.float32)), None, engine)
    np.testing.assert_array_equal(corpus.cosines(query, rows), floats.cosines(query, rows))
    exact = vectors.astype(float) @ query / np.linalg.norm(vectors.astype(float), axis=1)
    exact /= np.linalg.norm(query.astype(float))
    np.testing.assert_allclose(corpus.cosines(query, rows), exact, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_cosines_of_some_are_those_that_a_search_finds(dtype):
    search = NeighborSearch(random_halves(500, 20).astype(dtype))
    query = np.random.default_rng(2).normal(size=20).astype(np.float32)
    found = search.nearest(query[None], 100)
    np.testing.assert_array_equal(search.cosines(query, found.row[0]), found.similarity[0])
    assert search.cosines(query, np.array([0], np.int32)).tolist() == [0.0], "a zero vector"
    assert not search.cosines(0 * query, np.arange(5, dtype=np.int32)).any()
    assert len(search.cosines(query, np.zeros(0, np.int32))) == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("n", [0, 1, 31, 1025, 3000])
def test_what_was_stored_is_searched_by_any_engine(engine, n, monkeypatch):
    vectors = random_halves(n, 24)
    monkeypatch.setenv("SKM2V_SCAN", ENGINES[0])
    first = NeighborSearch(vectors)
    stored = first.stored()
    assert stored.is_sound(24)
    queries = np.random.default_rng(1).normal(size=(5, 24)).astype(np.float32)
    expected = first.nearest(queries, 9)
    monkeypatch.setenv("SKM2V_SCAN", engine)
    again = NeighborSearch(vectors, stored)
    found = again.nearest(queries, 9)
    np.testing.assert_array_equal(found.row, expected.row)
    np.testing.assert_array_equal(found.similarity, expected.similarity)
    for field in fields(Stored):
        np.testing.assert_array_equal(
            getattr(again.stored(), field.name), getattr(stored, field.name)
        )


@pytest.mark.parametrize("name", [field.name for field in fields(Stored)])
def test_what_does_not_fit_is_not_sound(name):
    stored = NeighborSearch(random_halves(100, 24)).stored()
    array = getattr(stored, name)
    assert not replace(stored, **{name: array[:-1]}).is_sound(24)
    assert not replace(stored, **{name: array.astype(np.float32)}).is_sound(24)
    assert not stored.is_sound(28)


def test_neighbours_within_halves_are_found_too():
    vectors = random_halves(300, 24)
    found = NeighborSearch(vectors).nearest(None, 5)
    expected = NeighborSearch(vectors.astype(np.float32)).nearest(None, 5)
    np.testing.assert_array_equal(found.row, expected.row)
