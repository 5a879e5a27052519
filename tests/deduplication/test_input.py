"""Columns of every kind beside the texts, and input that is refused with the way out."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skm2v import Deduplicator
from skm2v._pooling import check_texts
from skm2v.deduplication import PairScorer, calibrate_threshold, find_leakage, pairs_above
from skm2v.exceptions import TextTypeError, TextValueError
from tests.deduplication.test_deduplicator import dedup

TEXTS = ["aab", "AAB", "zz", "aab"]  # rows 0, 1 and 3 are one text


def frame_of(values):
    pd = pytest.importorskip("pandas")
    return pd.DataFrame({"text": TEXTS, "value": values}, index=[7, 7, 7, 7])


def kept_row(values):
    found = dedup(column="text", keep="value").fit(frame_of(values))
    return int(found.representatives_[0])


@pytest.mark.parametrize(
    "values",
    [
        [1, 3, 9, 2],
        [2**60, 2**60 + 2, 0, 2**60 + 1],
        [None, 3.5, 1, 2],
        [False, True, False, False],
        [datetime.date(2024, 1, day) for day in (1, 9, 5, 3)],
        [datetime.datetime(2024, 1, day, tzinfo=datetime.timezone.utc) for day in (1, 9, 5, 3)],
        np.array(["2024-01-01", "2024-03-01", "NaT", "2024-02-01"], dtype="datetime64[s]"),
        np.array([2, 2**64 - 1, 0, 1], dtype=np.uint64),
    ],
    ids=["integers", "large", "missing", "flags", "dates", "zones", "datetime64", "unsigned"],
)
def test_the_row_with_the_largest_value_is_kept(values):
    assert kept_row(values) == 1


def test_columns_of_pandas_own_types():
    pd = pytest.importorskip("pandas")
    assert kept_row(pd.array([None, 3, 1, 2], dtype="Int64")) == 1
    assert kept_row(pd.to_datetime(["2024-01-01", "2024-03-01", None, None], utc=True)) == 1


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_columns_of_other_frames(library):
    module = pytest.importorskip(library)
    make = module.DataFrame if library == "polars" else module.table
    frame = make({"text": TEXTS, "value": [None, 5, 1, 2], "group": ["a", "a", None, None]})
    assert dedup(column="text", keep="value").fit(frame).representatives_.tolist() == [1, 1, 2, 1]
    within = dedup(column="text", within="group").fit(frame)
    assert within.representatives_.tolist() == [0, 0, 2, 3]


def test_missing_values_of_a_group_are_one_group():
    pd = pytest.importorskip("pandas")
    for missing in (None, np.nan, pd.NaT, pd.NA):
        frame = frame_of(pd.Series([missing, 1, 1, missing], dtype=object, index=[7, 7, 7, 7]))
        found = dedup(column="text", within="value").fit(frame)
        assert found.representatives_.tolist() == [0, 1, 2, 0]


def test_groups_of_lists_are_refused_with_the_row():
    with pytest.raises(TypeError, match=r"'value' must hold single values.*row 0 has a list\. Fix"):
        dedup(column="text", within="value").fit(frame_of([[1], [1], [2], [2]]))


def test_what_keep_may_be():
    with pytest.raises(ValueError, match=r"keep must be one of.*got 'newest' and list"):
        dedup(keep="newest").fit(TEXTS)
    with pytest.raises(TypeError, match="'value' must hold numbers or dates"):
        kept_row(["a", "b", "c", "d"])
    with pytest.raises(ValueError, match=r"keep must give a value for each of 4 rows; got \(1,\)"):
        dedup(keep=lambda X: [1]).fit(TEXTS)


@pytest.mark.parametrize("answer", [float("nan"), "no", 0.2])
def test_a_scorer_that_says_neither_yes_nor_no_is_refused(answer):
    with pytest.raises(ValueError, match=r"verify must return True or False.*Fix: compare a score"):
        dedup(threshold=0.1, verify=lambda a, b: [answer] * len(a)).fit(["aab", "aabb"])
    both = [
        dedup(threshold=0.1, verify=lambda a, b, y=y: [y] * len(a)).fit(["aab", "aabb"])
        for y in (1, 0.0)
    ]
    assert [found.is_duplicate_.sum() for found in both] == [1, 0]


def test_parts_may_be_empty():
    found = dedup().partial_fit([]).partial_fit(TEXTS).partial_fit([])
    assert found.representatives_.tolist() == [0, 0, 2, 0]


def test_numbers_of_rows_and_thresholds_are_checked():
    found = dedup(floor=0.5).fit(TEXTS)
    for n in (2.5, "3", -1, True):
        with pytest.raises(ValueError, match=f"n must be a number of rows, 0 or more; got {n!r}"):
            found.keep_at_most(n)
    for threshold in ("0.9", float("nan"), 2):
        with pytest.raises(ValueError, match=r"threshold must be between 0\.5.* and 1; got"):
            found.rethreshold(threshold)
        with pytest.raises(ValueError, match="threshold must be a cosine .*; got"):
            find_leakage(TEXTS, TEXTS, threshold=threshold)
        with pytest.raises(ValueError, match="threshold must be a cosine .*; got"):
            pairs_above(np.ones((2, 2)), threshold)


def test_functions_without_a_way_to_keep_missing_texts_do_not_name_one():
    for call in (
        lambda: find_leakage(TEXTS, ["a", None]),
        lambda: calibrate_threshold(["a", None], ["b", "c"], [0, 1]),
    ):
        with pytest.raises(
            TextValueError, match=r"Missing texts in rows 1\. Fix: fill or drop them\.$"
        ):
            call()


@pytest.mark.parametrize("kind", ["index", "columns"])
def test_repeated_names_of_rows_are_fine_and_of_columns_are_not(kind):
    frame = frame_of([1, 1, 1, 1])
    if kind == "index":
        kept = dedup(column="text").fit_transform(frame)
        assert kept["text"].tolist() == ["aab", "zz"]
        assert kept.index.tolist() == [7, 7]
    else:
        frame.columns = ["text", "text"]
        with pytest.raises(ValueError, match="X has two columns 'text'"):
            dedup(column="text").fit(frame)


@pytest.mark.parametrize("kind", ["pandas.DataFrame", "polars.DataFrame", "pyarrow.table"])
def test_the_column_with_the_most_text_is_proposed(kind):
    module, _, name = kind.partition(".")
    make = getattr(pytest.importorskip(module), name)
    frame = make({"id": [1, 2], "kind": ["a", "b"], "body": [None, "a sentence"], "n": [0.5, 1.5]})
    with pytest.raises(TextTypeError, match="X has 4 columns: .*: column='body'"):
        dedup().fit(frame)
    with pytest.raises(TextTypeError, match=r"4 columns: 'id', .*Fix: .*X\['body'\]"):
        check_texts(frame)


@pytest.mark.parametrize("shape", [(1, 3), (2,), (3, 2, 2)])
def test_embedders_make_a_row_for_each_text(shape):
    class Wrong(BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return np.ones(shape)

    with pytest.raises(ValueError, match="The embedder Wrong must make a row for each text; got"):
        Deduplicator(Wrong()).fit(["aab", "zz", ""])


def test_a_reader_of_arrow_batches_is_read_once():
    pa = pytest.importorskip("pyarrow")
    reader = pa.table({"text": TEXTS}).to_reader(max_chunksize=1)
    kept = dedup().fit_transform(reader)
    assert kept.to_pydict() == {"text": ["aab", "zz"]}


def test_no_pairs_are_not_called_pairs_of_one_kind():
    with pytest.raises(ValueError, match="There are no pairs"):
        calibrate_threshold([], [], [])
    with pytest.raises(ValueError, match="There are no pairs"):
        PairScorer().fit([], [])
