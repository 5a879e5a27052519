"""Most pairs, from cells: true ones, each once, nearly all of them, and the share as measured."""

from __future__ import annotations

import numpy as np
import pytest

from skm2v._pairs import most_pairs_above, pairs_above, partition, searching
from skm2v._pairs.engines import engine_names
from skm2v._pairs.partition import Partition, _share, takes_long
from skm2v._pairs.searching import sorted_pairs
from skm2v._pairs.vectors import check_vectors
from tests.pairs import brute
from tests.pairs.test_pairs import groups


def planted(n, dim=40, seed=0, share=0.1):
    """Vectors in loose clusters, some of which are near copies of others."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((30, dim))
    vectors = centers[rng.integers(30, size=n)] + rng.standard_normal((n, dim))
    n_copies = round(n * share)
    copies = rng.integers(n - n_copies, size=n_copies)
    vectors[n - n_copies :] = vectors[copies] + 0.15 * rng.standard_normal((n_copies, dim))
    return vectors.astype(np.float32)


def found_by(vectors, threshold, **options):
    chunks = Partition(check_vectors(vectors), threshold, **options).scan()
    return sorted_pairs(list(chunks), triangle=True)


def keys(pairs):
    return pairs.left.astype(np.int64) << 32 | pairs.right


def test_nearly_all_pairs_are_found_and_none_twice_or_too_many():
    vectors = planted(6000)
    expected, found = pairs_above(vectors, 0.9), most_pairs_above(vectors, 0.9)
    own, all_ = keys(found), keys(expected)
    assert len(np.unique(own)) == len(own)
    assert np.isin(own, all_).all()
    true = np.isin(all_, own).mean()
    assert len(all_) > 300
    assert true >= 0.98
    assert found.recall.low <= true <= found.recall.high
    np.testing.assert_array_equal(found.similarity, expected.similarity[np.isin(all_, own)])
    assert found.n_cells > 50
    assert found.n_probes >= 2


@pytest.mark.parametrize("engine", engine_names())
def test_every_engine_finds_the_same_pairs(engine):
    vectors = planted(1500)
    brute.assert_same(found_by(vectors, 0.9, engine=engine), found_by(vectors, 0.9))


def test_neither_threads_nor_the_order_of_rows_change_a_pair():
    vectors = np.concatenate([planted(3000), np.zeros((3, 40)), planted(40)]).astype(np.float32)
    pairs = found_by(vectors, 0.9)
    for n_jobs in (2, 5):
        brute.assert_same(found_by(vectors, 0.9, n_jobs=n_jobs), pairs)
    order = np.random.default_rng(1).permutation(len(vectors))
    shuffled = found_by(vectors[order], 0.9)
    ends = np.sort([order[shuffled.left], order[shuffled.right]], axis=0)
    back = np.lexsort((ends[1], ends[0]))
    brute.assert_same((*ends[:, back].astype(np.int32), shuffled.similarity[back]), pairs)


def test_vectors_without_any_structure_get_more_probes():
    vectors = np.random.default_rng(0).standard_normal((6000, 64)).astype(np.float32)
    vectors[5000:] = vectors[:1000] + 0.4 * np.random.default_rng(1).standard_normal((1000, 64))
    found, expected = most_pairs_above(vectors, 0.9), pairs_above(vectors, 0.9)
    assert found.n_probes > 2
    assert np.isin(keys(expected), keys(found)).mean() > 0.97


def test_large_cells_are_compared_in_parts_and_miss_nothing(monkeypatch):
    monkeypatch.setattr(partition, "LARGEST", 70)
    vectors = np.concatenate([groups(1, 300, 20, 0.01), planted(300, 20)])
    expected = pairs_above(vectors, 0.9)
    inside = expected.right < 300
    found = found_by(vectors, 0.9)
    assert np.isin(keys(expected)[inside], keys(found)).mean() > 0.95
    monkeypatch.undo()
    brute.assert_same(found_by(vectors, 0.9), found)


@pytest.mark.parametrize(
    "vectors",
    [
        np.empty((0, 3)),
        np.zeros((5, 3)),
        np.ones((1, 3)),
        np.ones((40, 3)),
        np.eye(2),
        np.repeat(np.eye(4), 30, axis=0),
        np.ones((30, 1)) * np.where(np.arange(30) % 2, 1, -1)[:, None],
    ],
    ids=["none", "zeros", "one", "equal", "two", "four directions", "one column"],
)
def test_few_or_equal_vectors(vectors):
    brute.assert_same(found_by(vectors, 0.9), pairs_above(vectors, 0.9))


def test_the_share_has_an_honest_interval():
    rows = np.arange(400)
    share = _share(np.ones(400, dtype=bool), rows, 1000)
    assert share.value == share.high == 1
    assert 0.98 < share.low < 0.995
    # All pairs of one row say no more than one.
    assert _share(np.ones(400, dtype=bool), np.zeros(400, dtype=int), 1000).low < 0.3
    half = _share(rows % 2 == 0, rows, 1000)
    assert half.low == pytest.approx(0.45, abs=0.01)
    assert half.high == pytest.approx(0.55, abs=0.01)
    none = _share(np.empty(0, dtype=bool), np.empty(0, dtype=int), 1000)
    assert np.isnan(none.value)
    assert (none.low, none.high) == (0, 1)


def test_progress_counts_up_to_all_comparisons_and_interrupts_end_it():
    calls = []
    vectors = planted(500)
    most_pairs_above(vectors, 0.9, progress=lambda *call: calls.append(call))
    assert calls == sorted(calls)
    assert calls[-1][0] == calls[-1][1] < 500 * 499 / 2

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        most_pairs_above(vectors, 0.9, n_jobs=2, progress=interrupt)


def test_too_many_pairs_are_an_error():
    with pytest.raises(OverflowError, match=r"More than 10 pairs .* raise the threshold"):
        most_pairs_above(np.ones((50, 3)), 0.9, max_pairs=10)
    with pytest.raises(ValueError, match="cosine between -1 and 1; got 2"):
        most_pairs_above(np.ones((50, 3)), 2)


def test_exact_up_to_some_million_vectors():
    assert not takes_long(3_500_000)
    assert takes_long(5_000_000)


def test_threads_do_not_run_ahead_of_who_asks(monkeypatch):
    made = []

    def work(start, stop):
        for number in range(50):
            made.append((start, number))
            yield number

    parts = [(start, start + 1) for start in range(20)]
    rest = searching.each(work, parts, 2)
    _, first = next(rest)
    assert next(first) == 0
    assert len(made) <= 8 * searching.AHEAD
    assert list(first) == [*range(1, 50)]
    assert [list(items) for _, items in rest] == [[*range(50)]] * 19
