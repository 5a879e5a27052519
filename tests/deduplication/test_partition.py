"""`Deduplicator(method="partition")`: fewer comparisons, and what that costs, as it says."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from skm2v._dedup import links
from tests.deduplication.test_deduplicator import Letters, dedup, groups_as_sets, random_texts
from tests.pairs import brute

N = 1000


@pytest.fixture(scope="module")
def texts():
    return random_texts(N)


@pytest.fixture(scope="module")
def found(texts):
    return dedup(method="partition").fit(texts)


def test_nearly_all_pairs_are_found_and_the_report_says_how_many(texts, found):
    exact = dedup(method="exact").fit(texts)
    own, every = ({*zip(d.pairs_.left, d.pairs_.right, strict=True)} for d in (found, exact))
    assert own <= every
    assert len(every) > 300
    report = found.fit_report_
    assert report["method"] == "partition"
    assert report["recall"] == report["partition"]["recall"]
    assert report["partition"]["low"] <= len(own) / len(every) <= report["partition"]["high"]
    assert exact.fit_report_["method"] == "exact"
    assert exact.fit_report_["recall"] is None


@pytest.mark.parametrize("max_pairs", [50_000, 100])
def test_every_dropped_row_is_a_duplicate_of_the_kept_one(texts, max_pairs):
    found = dedup(method="partition", max_pairs=max_pairs).fit(texts)
    cosines = brute.all_cosines(Letters().transform(texts), Letters().transform(texts))
    lost = np.flatnonzero(found.is_duplicate_)
    assert len(lost) > 100
    assert not found.is_duplicate_[found.representatives_].any()
    assert (cosines[lost, found.representatives_[lost]] >= np.float32(0.9)).all()
    semantic = found.duplicates_.kind_code == 2
    np.testing.assert_array_equal(
        found.duplicates_.similarity[semantic],
        cosines[lost, found.representatives_[lost]][semantic],
    )


@pytest.mark.parametrize(
    ("keep", "kinds", "max_pairs"),
    [("central", ("exact", "near", "semantic"), 3), ("first", ("exact", "semantic"), 500)],
)
def test_too_many_pairs_to_store_give_the_same_groups(texts, keep, kinds, max_pairs):
    options = {"method": "partition", "keep": keep, "kinds": kinds}
    stored = dedup(**options).fit(texts)
    dense = dedup(max_pairs=max_pairs, **options).fit(texts)
    assert not dense.fit_report_["all_pairs_stored"]
    np.testing.assert_array_equal(stored.representatives_, dense.representatives_)
    np.testing.assert_array_equal(stored.duplicates_.similarity, dense.duplicates_.similarity)


def test_neither_threads_nor_the_order_of_rows_change_a_group(texts, found):
    assert pickle.dumps(dedup(method="partition", n_jobs=3).fit(texts).pairs_.left) == pickle.dumps(
        found.pairs_.left
    )
    order = np.random.default_rng(1).permutation(N)
    groups = dedup(method="partition").fit_predict([texts[row] for row in order])
    back = np.empty_like(groups)
    back[order] = groups
    assert groups_as_sets(back) == groups_as_sets(found.groups_)


def test_it_can_be_pickled_asked_and_added_to(texts, found):
    again = pickle.loads(pickle.dumps(found))
    assert again.fit_report_ == found.fit_report_
    np.testing.assert_array_equal(again.predict(texts[:50]), found.predict(texts[:50]))
    np.testing.assert_array_equal(
        again.rethreshold(0.95).representatives_, found.rethreshold(0.95).representatives_
    )
    more = again.partial_fit(random_texts(50, seed=3))
    assert len(more.groups_) == N + 50
    assert more.fit_report_["recall"] == found.fit_report_["recall"]


def test_groups_of_rows_have_cells_of_their_own(texts):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"text": texts, "city": np.arange(N) % 3 == 0})
    found = dedup(method="partition", column="text", within="city").fit(frame)
    city = frame["city"].to_numpy()
    np.testing.assert_array_equal(city[found.pairs_.left], city[found.pairs_.right])
    rows = np.flatnonzero(~city)
    one = dedup(method="partition").fit([texts[row] for row in rows])
    np.testing.assert_array_equal(rows[one.representatives_], found.representatives_[rows])


def test_auto_is_exact_unless_there_are_millions(texts, monkeypatch):
    assert dedup().fit(texts).fit_report_["method"] == "exact"
    monkeypatch.setattr(links, "takes_long", lambda n: n > 600)
    assert dedup().fit(texts).fit_report_["method"] == "partition"
    assert dedup().fit(texts[:600]).fit_report_["method"] == "exact"


def test_few_texts_are_compared_all_of_them():
    for n in (0, 1, 100):
        report = dedup(method="partition").fit(["aab"] * n).fit_report_
        assert report["method"] == "exact"
    with pytest.raises(ValueError, match="'method' parameter"):
        dedup(method="cells").fit(["aab"])


def test_a_floor_below_the_threshold_decides_nothing_where_links_are_not_stored(texts):
    for method in ("exact", "partition"):
        expected = dedup(method=method, threshold=0.93).fit(texts)
        dense = dedup(method=method, threshold=0.93, floor=0.85, max_pairs=3).fit(texts)
        assert (dense.duplicates_.similarity >= np.float32(0.93)).all()
        if method == "exact":
            np.testing.assert_array_equal(dense.representatives_, expected.representatives_)
