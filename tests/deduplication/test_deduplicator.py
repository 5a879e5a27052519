"""`Deduplicator`: which rows say the same, and which of them is kept."""

from __future__ import annotations

import pickle

import narwhals as nw
import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer

from skm2v import Deduplicator
from skm2v.exceptions import TextTypeError, TextValueError
from tests.pairs import brute


class Letters(BaseEstimator):
    """Counts of pairs of letters: an embedder whose cosines are easy to make."""

    def fit(self, X, y=None):
        self.n_texts_ = len(X)
        return self

    def transform(self, X):
        vectors = np.zeros((len(X), 101), dtype=np.float32)
        for row, text in enumerate(X):
            codes = np.frombuffer("".join(text.lower().split()).encode(), dtype=np.uint8)
            np.add.at(vectors[row], (31 * codes[:-1].astype(int) + codes[1:]) % 101, 1)
        return vectors


def random_texts(n, seed=0, words=8):
    """Texts of few words, many of which are alike, some the same but for case and spaces."""
    rng = np.random.default_rng(seed)
    stock = ["".join(rng.choice(list("abcdefghij"), 6)) for _ in range(40)]
    starts = [rng.choice(stock, words) for _ in range(max(1, n // 8))]
    texts = []
    for _ in range(n):
        text = starts[rng.integers(len(starts))].copy()
        text[rng.integers(words)] = rng.choice(stock)
        joined = " ".join(text)
        changed = [joined, joined.upper(), joined.replace(" ", "  ")]
        texts.append(changed[rng.choice(3, p=[0.8, 0.1, 0.1])])
    return texts


def groups_as_sets(groups):
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in set(groups.tolist())}


def dedup(**parameters):
    return Deduplicator(Letters(), **parameters)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"threshold": 0.93},
        {"kinds": ("exact", "near", "semantic")},
        {"kinds": ("semantic",)},
        {"keep": "longest"},
        {"max_pairs": 5},
    ],
    ids=str,
)
def test_every_dropped_row_is_at_or_above_the_threshold_to_its_kept_one(options):
    texts = random_texts(300)
    found = dedup(**options).fit(texts)
    cosines = brute.all_cosines(Letters().transform(texts), Letters().transform(texts))
    lost = np.flatnonzero(found.is_duplicate_)
    assert len(lost) > 30
    np.testing.assert_array_equal(found.duplicates_.left, lost)
    np.testing.assert_array_equal(found.duplicates_.right, found.representatives_[lost])
    assert not found.is_duplicate_[found.representatives_].any()
    for row, kept, kind, value in zip(
        lost, found.representatives_[lost], found.duplicates_.kind, found.duplicates_.similarity,
        strict=True,
    ):  # fmt: skip
        if kind == "exact":
            assert texts[row].lower().split() == texts[kept].lower().split()
        elif kind == "semantic":
            assert value == cosines[row, kept] >= np.float32(found.threshold)
        else:
            assert value >= np.float32(found.near_threshold)


def test_no_two_kept_rows_are_duplicates():
    texts = random_texts(300)
    found = dedup().fit(texts)
    kept = np.flatnonzero(~found.is_duplicate_)
    vectors = Letters().transform([texts[row] for row in kept])
    assert len(brute.pairs(vectors, 0.9).left) == 0


def test_pairs_are_all_pairs_of_different_texts():
    texts = random_texts(250)
    found = dedup(threshold=0.93).fit(texts)
    first = {}
    for row, text in enumerate(texts):
        first.setdefault(" ".join(text.lower().split()), row)
    rows = np.array(sorted(first.values()))
    expected = brute.pairs(Letters().transform([texts[row] for row in rows]), 0.93)
    semantic = found.pairs_.kind == "semantic"
    brute.assert_same(
        (
            found.pairs_.left[semantic],
            found.pairs_.right[semantic],
            found.pairs_.similarity[semantic],
        ),
        (rows[expected.left], rows[expected.right], expected.similarity),
    )
    assert found.pairs_.counts()["exact"] == len(texts) - len(rows)


@pytest.mark.parametrize("keep", ["central", "longest"])
@pytest.mark.parametrize("groups", ["star", "components"])
def test_groups_do_not_depend_on_the_order_of_rows(keep, groups):
    texts = random_texts(300)
    order = np.random.default_rng(1).permutation(len(texts))
    one = dedup(keep=keep, groups=groups).fit_predict(texts)
    other = dedup(keep=keep, groups=groups).fit_predict([texts[i] for i in order])
    back = np.empty_like(other)
    back[order] = other
    assert groups_as_sets(one) == groups_as_sets(back)


def test_components_chain_and_stars_do_not():
    texts = random_texts(200)
    star, chain = (
        dedup(threshold=0.85).fit(texts),
        dedup(threshold=0.85, groups="components").fit(texts),
    )
    assert len(set(chain.groups_)) < len(set(star.groups_))
    assert np.isnan(chain.duplicates_.similarity).any()
    assert not np.isnan(star.duplicates_.similarity).any()


@pytest.mark.parametrize("kinds", [("exact", "semantic"), ("exact", "near", "semantic")])
@pytest.mark.parametrize("keep", ["central", "first", "longest"])
def test_too_many_pairs_to_store_give_the_same_groups(kinds, keep):
    texts = random_texts(400)
    stored = dedup(kinds=kinds, keep=keep).fit(texts)
    dense = dedup(kinds=kinds, keep=keep, max_pairs=3).fit(texts)
    np.testing.assert_array_equal(stored.representatives_, dense.representatives_)
    np.testing.assert_array_equal(stored.duplicates_.similarity, dense.duplicates_.similarity)
    assert not dense.fit_report_["all_pairs_stored"]
    assert len(dense.pairs_) < len(stored.pairs_)
    with pytest.raises(ValueError, match="more than max_pairs=3"):
        dense.rethreshold(0.95)


def test_another_threshold_is_that_of_another_fit():
    texts = random_texts(300)
    low = dedup(threshold=0.9, floor=0.85).fit(texts)
    for threshold in (0.85, 0.9, 0.93, 1.0):
        other, expected = low.rethreshold(threshold), dedup(threshold=threshold).fit(texts)
        np.testing.assert_array_equal(other.representatives_, expected.representatives_)
        assert other.threshold == threshold
        assert len(other.pairs_) == len(expected.pairs_)
    with pytest.raises(ValueError, match=r"between 0\.85, down to which.*floor=0\.8"):
        low.rethreshold(0.8)
    assert low.threshold == 0.9


def test_keep_at_most_takes_the_highest_threshold_that_is_low_enough():
    texts = random_texts(300)
    found = dedup(floor=0.8).fit(texts)
    kept = int((~found.is_duplicate_).sum())
    fewer = found.keep_at_most(kept - 20)
    assert (~fewer.is_duplicate_).sum() <= kept - 20
    next_ = np.nextafter(np.float32(fewer.threshold), np.float32(1))
    assert (~found.rethreshold(float(next_)).is_duplicate_).sum() > kept - 20
    with pytest.raises(ValueError, match=r"0\.8, \d+ rows are kept, which is more than 1\. Fix"):
        found.keep_at_most(1)


@pytest.mark.parametrize(
    "options", [{}, {"kinds": ("exact", "near", "semantic")}, {"keep": "first"}]
)
def test_fitting_in_parts_is_fitting_everything(options):
    texts = random_texts(300)
    whole = dedup(**options).fit(texts)
    parts = dedup(**options)
    for start in range(0, 300, 90):
        parts.partial_fit(texts[start : start + 90])
    np.testing.assert_array_equal(parts.representatives_, whole.representatives_)
    np.testing.assert_array_equal(parts.pairs_.left, whole.pairs_.left)
    np.testing.assert_array_equal(parts.pairs_.similarity, whole.pairs_.similarity)


def test_predict_finds_the_kept_row_of_new_texts():
    texts = random_texts(300)
    found = dedup(kinds=("exact", "near", "semantic")).fit(texts[:200])
    np.testing.assert_array_equal(found.predict(texts[:200]), found.representatives_)
    rows = found.predict(texts[200:])
    kept = np.flatnonzero(~found.is_duplicate_)
    cosines = brute.all_cosines(Letters().transform(texts[200:]), Letters().transform(texts))
    assert (rows >= 0).any()
    assert (rows < 0).any()
    for place, row in enumerate(rows):
        if row < 0:
            assert cosines[place][kept].max() < np.float32(0.9)
        else:
            assert row in kept
    assert found.predict([]).shape == (0,)


def test_which_row_is_kept():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"text": ["aab", "AAB", "aabb", "zzz"], "votes": [1, 5, 3, None], "day": pd.to_datetime(
            ["2024-01-03", "2024-01-01", "2024-01-09", None])}
    )  # fmt: skip

    def kept(**options):
        return dedup(column="text", threshold=0.8, **options).fit(frame).representatives_.tolist()

    assert kept(keep="first") == [0, 0, 0, 3]
    assert kept(keep="longest") == [2, 2, 2, 3]
    assert kept(keep="votes") == [1, 1, 1, 3]
    assert kept(keep="day") == [2, 2, 2, 3]
    assert kept(keep=lambda X: -X["votes"]) == [0, 0, 0, 3]
    assert kept(keep="central") == [0, 0, 0, 3]
    with pytest.raises(ValueError, match="no column 'likes'"):
        kept(keep="likes")
    with pytest.raises(TypeError, match="'text' must hold numbers or dates"):
        kept(keep="text")


def test_only_rows_with_the_same_value_are_compared():
    pd = pytest.importorskip("pandas")
    texts = random_texts(200)
    city = np.random.default_rng(2).choice(["a", "b", None], 200)
    frame = pd.DataFrame({"text": texts, "city": city})
    found = dedup(column="text", within="city").fit(frame)
    for name in ("a", "b", None):
        rows = np.flatnonzero(
            [one == name or (one != one and name is None) for one in frame["city"]]
        )
        alone = dedup().fit([texts[row] for row in rows])
        np.testing.assert_array_equal(rows[alone.representatives_], found.representatives_[rows])
    np.testing.assert_array_equal(found.predict(frame), found.representatives_)


def test_numbers_can_tell_texts_apart():
    texts = ["order 1204 is late", "order 1205 is late", "late is order 1204", "ORDER 1204 is late"]
    first = {"keep": "first", "threshold": 0.7}
    assert dedup(**first).fit(texts).representatives_.tolist() == [0, 0, 0, 0]
    alike = dedup(compare_numbers=True, **first).fit(texts)
    assert alike.representatives_.tolist() == [0, 1, 0, 0]


def test_a_scorer_has_the_last_word():
    texts = random_texts(200)
    asked = []

    def verify(left, right):
        asked.extend(zip(left, right, strict=True))
        return [False] * len(left)

    found = dedup(verify=verify).fit(texts)
    assert asked
    assert set(found.duplicates_.kind) == {"exact"}
    with pytest.raises(ValueError, match="verify must return a value for each of"):
        dedup(verify=lambda left, right: True).fit(texts)


def test_missing_texts_are_named_or_kept():
    texts = ["aab", None, "aab", None]
    with pytest.raises(TextValueError, match=r"rows 1, 3\. Fix.*handle_missing='keep'"):
        dedup().fit(texts)
    found = dedup(handle_missing="keep").fit(texts)
    assert found.representatives_.tolist() == [0, 1, 0, 3]
    assert found.predict(["", None, "AAB"]).tolist() == [-1, -1, 0]


def test_empty_texts_are_duplicates_of_each_other_only():
    assert dedup().fit(["", "aab", " ", "\t"]).representatives_.tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("n", [0, 1])
def test_no_row_and_one_row(n):
    found = dedup(kinds=("exact", "near", "semantic")).fit(["aab"] * n)
    assert found.groups_.tolist() == [0] * n
    assert len(found.pairs_) == 0
    assert found.transform(["aab"] * n) == ["aab"] * n
    assert found.predict(["aab"]).tolist() == ([0] if n else [-1])


def test_all_rows_equal():
    found = dedup().fit(["aab"] * 500)
    assert found.transform(["aab"] * 500) == ["aab"]
    assert len(found.pairs_) == 499
    assert found.fit_report_["largest_group"] == 500


def test_a_threshold_of_one_drops_equal_vectors_only():
    found = dedup(threshold=1.0).fit(["aaa", "aaaaa", "aab"])
    assert found.representatives_[0] == found.representatives_[1] != found.representatives_[2]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"threshold": 0}, "'threshold' parameter"),
        ({"threshold": 1.1}, "'threshold' parameter"),
        ({"kinds": ("fuzzy",)}, "kinds must be some of"),
        ({"kinds": ()}, "kinds must be some of"),
        ({"floor": 0.95}, "floor must not be above threshold=0.9; got 0.95"),
        ({"groups": "chains"}, "'groups' parameter"),
        ({"groups": "components", "max_pairs": 0}, "groups='components', links"),
        ({"n_jobs": 0}, "n_jobs must be a number of threads"),
    ],
)
def test_wrong_parameters_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        dedup(**options).fit(random_texts(50))


def test_sparse_embedders_are_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"TfidfVectorizer makes sparse vectors.*TruncatedSVD"):
        Deduplicator(TfidfVectorizer()).fit(["aab", "abb"])


def test_frames_keep_index_columns_and_order():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"id": [7, 8, 9, 7], "text": ["aab", "zzz", "AAB", "qq"]}, index=["x", "x", "y", "z"]
    )
    kept = dedup(column="text").fit_transform(frame)
    pd.testing.assert_frame_equal(kept, frame.iloc[[0, 1, 3]])
    with pytest.raises(TextTypeError, match="X has 2 columns: 'id', 'text'.*column='text'"):
        dedup().fit(frame)
    with pytest.raises(ValueError, match="no column 'body'"):
        dedup(column="body").fit(frame)
    with pytest.raises(TextTypeError, match="'city' needs a frame"):
        dedup(within="city").fit(["aab"])


@pytest.mark.parametrize(
    "kind", ["list", "tuple", "array", "column", "series", "polars", "arrow", "iterator"]
)
def test_every_container_comes_back_in_its_own_type(kind):
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    texts = ["aab", "zzz", "AAB", "qq"]
    make = {
        "list": list,
        "tuple": tuple,
        "array": np.array,
        "column": lambda x: np.array(x, dtype=object).reshape(-1, 1),
        "series": pd.Series,
        "polars": lambda x: pl.DataFrame({"text": x}),
        "arrow": lambda x: pa.table({"text": x}),
        "iterator": iter,
    }[kind]
    found = dedup().fit_transform(make(texts))
    assert isinstance(found, list if kind == "iterator" else type(make(texts)))
    values = found["text"].to_pylist() if kind == "arrow" else found
    values = found["text"].to_list() if kind == "polars" else values
    assert np.ravel(values).tolist() == ["aab", "zzz", "qq"]


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_rows_of_a_narwhals_frame_come_back_in_one(backend):
    columns = {"text": ["aab", "zzz", "AAB", "qq"], "city": ["a", "b", "c", "d"]}
    module = pytest.importorskip(backend)
    make = module.table if backend == "pyarrow" else module.DataFrame
    frame = nw.from_native(make(columns), eager_only=True)
    found = dedup(column="text").fit_transform(frame)
    assert isinstance(found, nw.DataFrame)
    assert found.implementation is frame.implementation
    expected = {"text": ["aab", "zzz", "qq"], "city": ["a", "b", "d"]}
    assert found.to_dict(as_series=False) == expected
    series = dedup().fit_transform(frame["text"])
    assert isinstance(series, nw.Series)
    assert (series.name, series.to_list()) == ("text", expected["text"])
    assert dedup(column="text", within="city").fit_transform(frame).shape == (4, 2)


def test_transform_is_for_the_fitted_rows():
    found = dedup().fit(["aab", "aab"])
    with pytest.raises(ValueError, match=r"among the 2 rows that were fitted.*predict"):
        found.transform(["aab", "abb"])
    with pytest.raises(NotFittedError):
        dedup().transform(["aab"])
    with pytest.raises(NotFittedError):
        dedup().predict(["aab"])


def test_clones_and_pickles():
    texts = random_texts(100)
    found = dedup(n_jobs=2).fit(texts)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(texts), found.representatives_)
    assert not hasattr(clone(found), "groups_")
    assert clone(found).get_params()["n_jobs"] == 2


def test_threads_change_nothing():
    texts = random_texts(300)
    one, five = dedup().fit(texts), dedup(n_jobs=5).fit(texts)
    np.testing.assert_array_equal(one.representatives_, five.representatives_)
    np.testing.assert_array_equal(one.pairs_.similarity, five.pairs_.similarity)


def test_the_bundled_model_finds_the_same_message_in_other_words():
    texts = ["I have not received my card yet", "My card has not been received yet", "Hello there"]
    found = Deduplicator(threshold=0.8).fit(texts)
    assert found.representatives_[0] == found.representatives_[1] != found.representatives_[2]


def test_pairs_have_a_frame_and_a_short_description():
    pytest.importorskip("pandas")
    pairs = dedup(threshold=0.8).fit(["aab", "AAB", "aabb"]).pairs_
    frame = pairs.to_frame()
    assert frame.columns.tolist() == ["left", "right", "similarity", "kind"]
    assert frame["kind"].tolist() == ["exact", "semantic"]
    assert repr(pairs) == "<DuplicatePairs: 1 exact, 1 semantic>"
