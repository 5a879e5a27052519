"""All pairs above a cosine: those of brute force, to the bit, by every way to find them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skm2v._pairs import engines, exact, pairs_above, searching
from skm2v._pairs.engines import Corpus, engine_names
from skm2v._pairs.searching import scan, sorted_pairs
from skm2v._pairs.vectors import check_vectors
from tests.pairs import brute

ENGINES = engine_names()


def found_by(engine, vectors, threshold, other=None, **options):
    checked = check_vectors(vectors)
    corpus = Corpus(checked if other is None else check_vectors(other), threshold, engine)
    chunks = scan(corpus, None if other is None else checked, threshold, **options)
    return sorted_pairs(list(chunks), triangle=other is None)


def groups(n_groups, size, dim, noise, seed=0):
    """Vectors that lie around a few, some closer, so that there are pairs at every cosine."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(rng.standard_normal((n_groups, dim)), size, axis=0)
    noise = noise * rng.random((len(centers), 1))
    return (centers + noise * rng.standard_normal(centers.shape)).astype(np.float32)


@st.composite
def adversarial_vectors(draw):
    """Few different numbers, so that norms, cosines and whole vectors are equal; zeros; giants."""
    dim = draw(st.sampled_from([1, 2, 3, 16, 17, 40, 100]))
    n = draw(st.integers(1, 70))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    kind = draw(st.sampled_from(["integers", "one column", "duplicates", "sparse", "scales"]))
    vectors = rng.integers(-2, 3, (n, dim)).astype(np.float32)
    if kind == "one column":
        vectors[:, draw(st.integers(0, dim - 1))] += 1000
    elif kind == "duplicates":
        vectors = vectors[rng.integers(0, max(1, n // 8), n)]
    elif kind == "sparse":
        vectors *= rng.random(vectors.shape) < 0.2
    elif kind == "scales":
        vectors *= 2.0 ** rng.integers(-120, 120, (n, 1)).astype(np.float32)
    return vectors


@pytest.mark.parametrize("engine", ENGINES)
@given(vectors=adversarial_vectors(), data=st.data())
@settings(max_examples=40, deadline=None)
def test_pairs_are_those_of_brute_force_on_adversarial_vectors(engine, vectors, data):
    matrix = brute.all_cosines(vectors, vectors)
    values = np.unique(matrix[~np.isnan(matrix)])
    # A cosine that occurs is a tie at the threshold.
    ties = st.sampled_from([float(np.clip(value, -1, 1)) for value in values] or [1.0])
    threshold = data.draw(st.one_of(ties, st.floats(-1, 1)))
    brute.assert_same(found_by(engine, vectors, threshold), brute.pairs(vectors, threshold))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("threshold", [0.8, 0.9, 0.95, 0.99])
def test_pairs_are_those_of_brute_force_in_many_dimensions(engine, threshold):
    vectors = groups(110, 20, 200, 0.6)
    expected = brute.pairs(vectors, threshold)
    assert len(expected.left) > 100
    for n_jobs in (1, 2, 5):
        brute.assert_same(found_by(engine, vectors, threshold, n_jobs=n_jobs), expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_sets_are_compared_row_by_row(engine):
    left, right = groups(20, 11, 96, 0.3), groups(20, 17, 96, 0.3)
    expected = brute.pairs(left, 0.85, right)
    assert len(expected.left) > 100
    brute.assert_same(found_by(engine, left, 0.85, right), expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_order_of_rows_changes_no_pair_and_no_bit(engine):
    vectors = groups(30, 20, 150, 0.3)
    order = np.random.default_rng(1).permutation(len(vectors))
    pairs, shuffled = found_by(engine, vectors, 0.9), found_by(engine, vectors[order], 0.9)
    ends = np.sort([order[shuffled.left], order[shuffled.right]], axis=0)
    back = np.lexsort((ends[1], ends[0]))
    brute.assert_same((*ends[:, back].astype(np.int32), shuffled.similarity[back]), pairs)


@pytest.mark.parametrize("engine", ENGINES)
def test_many_pairs_come_in_chunks_of_bounded_size(engine, monkeypatch):
    monkeypatch.setattr(engines, "PRODUCTS", 1 << 17)
    vectors = np.ones((900, 5)) + 1e-4 * np.random.default_rng(0).standard_normal((900, 5))
    sizes = [
        len(chunk.left) for chunk in scan(Corpus(check_vectors(vectors), 0.9, engine), None, 0.9)
    ]
    assert sum(sizes) == 900 * 899 // 2
    assert max(sizes) <= 1 << 18
    assert len(sizes) > 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 70))
@settings(max_examples=50, deadline=None)
def test_a_cosine_is_that_of_exact_arithmetic_rounded_once(seed, dim):
    a, b = np.random.default_rng(seed).standard_normal((2, dim)).astype(np.float32).tolist()
    expected = math.fsum(map(float.__mul__, a, b))
    expected /= math.sqrt(math.fsum(x * x for x in a) * math.fsum(x * x for x in b))
    assert brute.all_cosines([a], [b])[0, 0] == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_compiled_norms_are_those_of_numpy_to_the_bit():
    scan_module = pytest.importorskip("skm2v._pairs._scan")
    for dim in (1, 15, 16, 33, 256):
        vectors = np.random.default_rng(dim).standard_normal((100, dim)).astype(np.float32)
        np.testing.assert_array_equal(scan_module.squares(vectors), exact.squares(vectors))


def test_equal_vectors_have_a_cosine_of_exactly_one():
    vectors = np.random.default_rng(0).standard_normal((50, 77))
    pairs = pairs_above(np.concatenate([vectors, vectors]), 1.0)
    np.testing.assert_array_equal(pairs.left, np.arange(50))
    np.testing.assert_array_equal(pairs.right, np.arange(50) + 50)
    assert set(pairs.similarity.tolist()) == {1.0}


def test_zero_vectors_and_empty_sets_have_no_pairs():
    assert len(pairs_above(np.zeros((5, 3)), -1).left) == 0
    assert len(pairs_above(np.empty((0, 3)), 0.5).left) == 0
    assert len(pairs_above(np.ones((1, 3)), 0.5).left) == 0
    assert len(pairs_above(np.ones((4, 0)), 0.5).left) == 0
    assert len(pairs_above(np.ones((4, 3)), 0.5, other=np.empty((0, 3))).left) == 0


def test_more_pairs_than_allowed_are_an_error_and_never_a_cut():
    with pytest.raises(OverflowError, match=r"More than 44 pairs .* raise the threshold"):
        pairs_above(np.ones((10, 3)), 0.9, max_pairs=44)
    assert len(pairs_above(np.ones((10, 3)), 0.9, max_pairs=45).left) == 45


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_progress_counts_up_to_all_pairs(n_jobs, monkeypatch):
    monkeypatch.setattr(searching, "ROWS", 8)
    calls = []
    pairs_above(groups(4, 10, 20, 0.1), 0.9, n_jobs=n_jobs, progress=lambda *c: calls.append(c))
    assert calls == sorted(calls)
    assert calls[-1] == (780, 780)
    assert len(calls) == 5


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_an_interrupt_ends_the_scan(n_jobs, monkeypatch):
    monkeypatch.setattr(searching, "ROWS", 8)

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pairs_above(groups(4, 10, 20, 0.1), 0.9, n_jobs=n_jobs, progress=interrupt)


@pytest.mark.parametrize(
    ("vectors", "error", "match"),
    [
        (np.ones(3), ValueError, r"two dimensions.*shape \(3,\).*reshape"),
        ([["a", "b"]], TypeError, "real numbers.*StaticEmbedder"),
        (np.ones((2, 2), dtype=complex), TypeError, "real numbers"),
        ([[1.0, 2.0], [np.nan, 1.0]], ValueError, r"finite as float32; rows 1 are not"),
        ([[1.0, 1e300]], ValueError, r"finite as float32; rows 0 are not"),
    ],
)
def test_what_is_no_array_of_vectors_is_refused(vectors, error, match):
    with pytest.raises(error, match=match):
        pairs_above(vectors, 0.9)


def test_sparse_arrays_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"dense array.*TruncatedSVD"):
        pairs_above(sparse.eye_array(3, format="csr"), 0.9)


@pytest.mark.parametrize("threshold", [1.5, -2, float("nan"), True])
def test_a_threshold_is_a_cosine(threshold):
    with pytest.raises(ValueError, match="cosine between -1 and 1; got"):
        pairs_above(np.ones((2, 2)), threshold)


def test_sets_of_different_width_are_refused():
    with pytest.raises(ValueError, match="as many columns; got 2 and 3"):
        pairs_above(np.ones((2, 2)), 0.9, other=np.ones((2, 3)))


def test_an_engine_that_is_not_here_is_refused():
    if ENGINES == ["numpy"]:
        pytest.skip("there is no compiled scan")
    with pytest.raises(ValueError, match="'mmx' is not available"):
        Corpus(check_vectors(np.ones((2, 2))), 0.9, "mmx")


def test_integers_and_doubles_are_compared_as_float32():
    vectors = np.random.default_rng(0).integers(-3, 4, (30, 9))
    for kind in (np.int64, np.float64, np.float16):
        brute.assert_same(pairs_above(vectors.astype(kind), 0.7), brute.pairs(vectors, 0.7))
