"""Topics over time and by group."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from scipy.stats import binomtest

from skm2v.clustering import cluster_shares


def test_shares_as_html():
    days = np.datetime64("2026-01-01") + np.array([0, 1, 40, 130, 131])
    shares = cluster_shares(["<a>", "b", "b", "<a>", "b"], days, period="month")
    page = shares.to_html(names={"b": "<b>"})
    assert page.count("<section>") == 2 and "&lt;a&gt;" in page and "<b>" not in page
    assert page.count("<polyline") == 4  # March and April have no texts
    assert "nan" not in page.lower().replace("font-variant-numeric", "")
    assert "2026-01" in page and "2026-05" in page
    one = shares.to_html(["b"])
    assert one.count("<section>") == 1 and "most: 100.0%" in one
    with pytest.raises(ValueError, match="no cluster 'c'"):
        shares.to_html(["c"])
    places = cluster_shares(np.arange(60) % 2, [f"&{i % 30}" for i in range(60)])
    page = places.to_html(n_clusters=1)
    assert page.count("<dt>&amp;") == 20 and "10 values with fewer texts" in page


def test_weeks_begin_on_mondays():
    days = np.arange("1969-12-20", "1970-01-20", dtype="datetime64[D]")
    shares = cluster_shares(np.zeros(len(days), dtype=int), days, period="week")
    assert [group.item().weekday() for group in shares.groups] == [0] * 6
    assert shares.groups[0] == np.datetime64("1969-12-15")
    assert shares.totals.tolist() == [2, 7, 7, 7, 7, 1]


def test_shares_have_the_intervals_of_wilson():
    labels = np.repeat([0, 1, 0, 1, -1], [3, 7, 20, 0, 5])
    by = np.repeat(["a", "a", "b", "b", "b"], [3, 7, 20, 0, 5])
    shares = cluster_shares(labels, by)
    assert [(r.group, r.label, r.n_texts, r.total) for r in shares.rows()] == [
        ("a", 0, 3, 10),
        ("a", 1, 7, 10),
        ("b", 0, 20, 25),
        ("b", 1, 0, 25),
    ]
    for row in shares.rows():
        expected = binomtest(row.n_texts, row.total).proportion_ci(method="wilson")
        assert (row.low, row.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert row.low <= row.share <= row.high


def test_clusters_are_in_the_order_of_their_size():
    assert cluster_shares([2, 2, 2, 7, 7, 0], ["x"] * 6).labels == [2, 7, 0]


@pytest.mark.parametrize(
    ("period", "groups"),
    [
        ("year", ["2025", "2026"]),
        ("quarter", ["2025-10", "2026-01"]),
        ("month", ["2025-12", "2026-01", "2026-02"]),
        (None, None),
    ],
)
def test_periods_without_texts_are_there(period, groups):
    times = np.array(["2025-12-31T23:59", "2026-02-01T00:00"], dtype="datetime64[m]")
    shares = cluster_shares([0, 0], times, period=period)
    if groups is not None:
        assert [str(group) for group in shares.groups] == groups
    assert shares.counts.sum() == 2
    assert (shares.totals == 0).sum() == len(shares.groups) - 2
    empty = [row for row in shares.rows() if row.total == 0]
    assert all(np.isnan(row.share) and (row.low, row.high) == (0, 1) for row in empty)


def test_the_longest_period_that_makes_six():
    days = np.datetime64("2026-01-01") + np.arange(300)
    assert len(cluster_shares([0] * 300, days).groups) == 10  # months
    assert len(cluster_shares([0] * 50, days[:50]).groups) in (8, 9)  # weeks
    assert len(cluster_shares([0] * 3, days[:3]).groups) == 3  # days


def test_times_of_pandas_polars_and_python():
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    days = [datetime.date(2026, 1, 31), datetime.date(2026, 2, 1)]
    zone = datetime.timezone(datetime.timedelta(hours=-5))
    local = [datetime.datetime(2026, 1, 31, 23, tzinfo=zone), datetime.datetime(2026, 2, 1)]
    columns = [
        pandas.Series(pandas.to_datetime(days)),
        polars.Series(days),
        days,
        local,
        np.array(days, dtype="datetime64"),
    ]
    for column in columns:
        shares = cluster_shares(["a", "b"], column, period="month")
        assert [str(group) for group in shares.groups] == ["2026-01", "2026-02"]
        assert shares.counts.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("by", "options", "error", "match"),
    [
        (["a"], {}, ValueError, "one for each|each of 2 labels"),
        (np.array(["a", None], dtype=object), {}, ValueError, "rows 1 are. Fix"),
        ([1.0, np.nan], {}, ValueError, "rows 1 are. Fix"),
        (np.array(["2026", "NaT"], dtype="datetime64[D]"), {}, ValueError, "rows 1 are. Fix"),
        (["a", "b"], {"period": "month"}, TypeError, "period is for dates"),
        (np.array([0, 1], dtype="datetime64[D]"), {"period": "decade"}, ValueError, "'year'"),
        (np.array([0, 90000], dtype="datetime64[D]"), {"period": "day"}, ValueError, "longer"),
        (["a", "b"], {"confidence": 95}, ValueError, "between 0 and 1"),
    ],
)
def test_columns_that_are_none(by, options, error, match):
    with pytest.raises(error, match=match):
        cluster_shares([0, 1], by, **options)


def test_a_column_of_too_many_values_is_refused():
    with pytest.raises(ValueError, match="numpy.digitize"):
        cluster_shares(np.zeros(300, dtype=int), np.arange(300) / 7)


def test_the_most_different_clusters_are_drawn_with_their_names():
    pytest.importorskip("matplotlib").use("agg")
    labels = np.tile([0, 0, 1, 1, 2, 3], 50)
    by = np.where(labels == 3, "b", np.where(np.arange(300) // 6 % 2, "a", "b"))
    shares = cluster_shares(labels, by)
    assert shares.most_different(1) == [3]
    ax = shares.plot(n_clusters=2, names={3: "cards"})
    assert "cards" in [text.get_text() for text in ax.get_legend().get_texts()]
    months = np.datetime64("2025-01") + np.arange(300) % 12
    ax = cluster_shares(labels, months).plot([0, 1])
    assert len(ax.lines) == 2
    with pytest.raises(ValueError, match="no cluster 9"):
        shares.plot([9])


def test_the_frame():
    pytest.importorskip("pandas")
    frame = cluster_shares([0, 1], ["a", "a"]).to_frame()
    assert list(frame) == ["group", "label", "n_texts", "total", "share", "low", "high"]
    assert frame["share"].tolist() == [0.5, 0.5]
