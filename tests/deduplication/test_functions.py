"""`find_leakage`, `calibrate_threshold` and `PairScorer`."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from skm2v._dedup.hashed_tfidf import ANALYZERS, BUCKETS, HashedTfidf
from skm2v.deduplication import PairScorer, calibrate_threshold, find_leakage
from skm2v.exceptions import TextTypeError
from tests.deduplication.test_deduplicator import Letters, dedup, random_texts
from tests.pairs import brute


def test_leakage_is_every_pair_of_a_test_and_a_training_text():
    texts = random_texts(300)
    train, test = texts[:200], texts[200:]
    found = find_leakage(train, test, embedder=Letters(), threshold=0.93)
    cosines = brute.all_cosines(Letters().transform(test), Letters().transform(train))
    plain = [" ".join(text.lower().split()) for text in texts]
    expected = set()
    for j, text in enumerate(plain[200:]):
        for i in {plain.index(other) for other in plain[:200]}:
            if text == plain[i]:
                expected.add((j, i, "exact"))
            elif cosines[j, i] >= np.float32(0.93):
                expected.add((j, i, "semantic"))
    columns = (found.test_row.tolist(), found.train_row.tolist(), found.kind.tolist())
    assert {*zip(*columns, strict=True)} == expected
    assert len(found) == len(expected)
    np.testing.assert_array_equal(np.flatnonzero(found.is_leaked), np.unique(found.test_row))


def test_leakage_by_characters():
    pytest.importorskip("pandas")
    found = find_leakage(["the same long message 1"], ["hello", "the same long message 2"],
                         kinds=("near",), near_threshold=0.5)  # fmt: skip
    frame = found.to_frame()
    assert frame[["test_row", "train_row", "kind"]].values.tolist() == [[1, 0, "near"]]
    assert repr(found) == "<Leakage: 1 of 2 test texts, 1 pairs>"


def test_no_texts_leak_nothing():
    assert not find_leakage([], ["a"], embedder=Letters()).is_leaked.any()
    assert len(find_leakage(["a"], [], embedder=Letters()).is_leaked) == 0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"threshold": 0}, "threshold must be a cosine above 0, at most 1; got 0"),
        ({"near_threshold": 2}, "near_threshold must be above 0, at most 1; got 2"),
        ({"kinds": ("same",)}, "kinds must be some of"),
        ({"normalize_text": "lower"}, "normalize_text must be"),
    ],
)
def test_leakage_names_wrong_parameters(options, match):
    with pytest.raises(ValueError, match=match):
        find_leakage(["a"], ["b"], **options)


def labelled(n=120):
    """Pairs that say the same where they share most letters, with some noise."""
    texts = random_texts(2 * n)
    left, right = texts[:n], texts[n:]
    right[: n // 2] = [text[:-4] + "abcd" for text in left[: n // 2]]
    label = np.arange(n) < n // 2
    label[::17] = ~label[::17]
    return left, right, label


def test_the_threshold_has_the_best_f1():
    left, right, label = labelled()
    found = calibrate_threshold(left, right, label, embedder=Letters())
    cosines = np.diag(brute.all_cosines(Letters().transform(left), Letters().transform(right)))
    scores = {t: f1_score(label, cosines >= t) for t in np.unique(cosines)}
    assert found.f1 == pytest.approx(max(scores.values()))
    assert scores[np.float32(found.threshold)] == pytest.approx(found.f1)
    assert found.low <= found.threshold <= found.high
    assert found.low < found.high


@pytest.mark.parametrize("least", [0.5, 0.8])
def test_a_threshold_for_a_least_precision_or_recall(least):
    left, right, label = labelled()
    pytest.importorskip("pandas")
    for name in ("precision", "recall"):
        found = calibrate_threshold(left, right, label, objective=(name, least), embedder=Letters())
        assert getattr(found, name) >= least
        frame = found.to_frame()
        good = frame[frame[name] >= least]
        best = good["threshold"].min() if name == "precision" else good["threshold"].max()
        assert found.threshold == best


@pytest.mark.parametrize(
    ("label", "objective", "match"),
    [
        ([1, 1, 1], "f1", "all True.*label some of the other kind"),
        ([1, 0], "f1", r"as many labels as pairs; got 3 left and 3 right"),
        ([1, 0, 5], "f1", "True or False"),
        ([1, 0, 0], "accuracy", "objective must be"),
        ([1, 0, 0], ("precision", 2), "objective must be"),
        ([0, 1, 0], ("precision", 1.0), r"No threshold has a precision of 1; .*PairScorer"),
    ],
)
def test_calibration_names_what_is_wrong(label, objective, match):
    left, right = ["aab", "abc", "xyz"], ["aab", "def", "mno"]
    with pytest.raises(ValueError, match=match):
        calibrate_threshold(left, right, label, objective=objective, embedder=Letters())


def products(n=400, seed=0):
    """Two shops' names of the same product, or of one with another number."""
    rng = np.random.default_rng(seed)
    pairs, same = [], []
    for i in range(n):
        name = (
            f"{rng.choice(['Sony', 'Canon', 'Bosch'])} {rng.choice(['camera', 'drill', 'phone'])}"
        )
        number = rng.integers(100, 999)
        other = number if i % 2 else rng.integers(100, 999)
        pairs.append((f"{name} AX{number} black", f"{name.lower()} ax{other}"))
        same.append(number == other)
    return pairs, np.array(same)


def test_a_scorer_learns_that_numbers_decide():
    pairs, same = products()
    scorer = PairScorer(embedder=Letters()).fit(pairs[:300], same[:300])
    assert (scorer.predict(pairs[300:]) == same[300:]).mean() > 0.95
    assert scorer.predict_proba(pairs[300:]).shape == (100, 2)
    assert scorer.features(pairs).shape == (400, len(scorer.get_feature_names_out()))
    assert scorer.predict([]).shape == (0,)


@pytest.mark.parametrize("kind", ["tuples", "array", "pandas", "polars", "arrow"])
def test_pairs_come_in_any_container(kind):
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    pairs, same = products(40)
    left, right = map(list, zip(*pairs, strict=True))
    X = {
        "tuples": lambda: pairs,
        "array": lambda: np.array(pairs, dtype=object),
        "pandas": lambda: pd.DataFrame({"a": left, "b": right}, index=[3] * 40),
        "polars": lambda: pl.DataFrame({"a": left, "b": right}),
        "arrow": lambda: pa.table({"a": left, "b": right}),
    }[kind]()
    scorer = PairScorer(LogisticRegression(), embedder=Letters()).fit(X, same)
    np.testing.assert_array_equal(scorer.features(X), scorer.features(pairs))


@pytest.mark.parametrize("X", [["ab", "cd"], [("a", "b", "c")], np.array([["a"], ["b"]])])
def test_what_is_no_pair_is_refused(X):
    with pytest.raises(TextTypeError, match=r"Pairs are two texts a row.*zip"):
        PairScorer(embedder=Letters()).fit(X, [True, False])


def test_a_scorer_needs_both_kinds_of_labels():
    with pytest.raises(ValueError, match="all False"):
        PairScorer(embedder=Letters()).fit([("a", "b"), ("c", "d")], [0, 0])


def test_a_fitted_scorer_verifies_duplicates():
    pairs, same = products()
    scorer = PairScorer(embedder=Letters()).fit(pairs, same)
    texts = [text for pair in pairs[:60] for text in pair]
    every, found = dedup(threshold=0.6).fit(texts), dedup(threshold=0.6, verify=scorer).fit(texts)
    semantic = found.pairs_.kind == "semantic"
    rows = zip(found.pairs_.left[semantic], found.pairs_.right[semantic], strict=True)
    assert scorer.predict([(texts[i], texts[j]) for i, j in rows]).all()
    assert 0 < semantic.sum() < (every.pairs_.kind == "semantic").sum()


def test_a_scorer_compares_words_that_no_training_pair_has():
    pairs = [("red card", "red cards"), ("red card", "blue bank")] * 5
    scorer = PairScorer(LogisticRegression()).fit(pairs, [True, False] * 5)
    same, other = scorer.features([("zyx wvu", "zyx wvu"), ("zyx wvu", "tsr qpo")])
    names = [*scorer.get_feature_names_out()]
    for name in ("tfidf_words", "tfidf_characters"):
        assert same[names.index(name)] == pytest.approx(1)
        assert other[names.index(name)] == 0


@pytest.mark.parametrize("kind", sorted(ANALYZERS))
@pytest.mark.parametrize("n_train", [1, 150])
def test_tf_idf_of_a_scorer_is_that_of_scikit_learn(kind, n_train):
    texts = [text for pair in products(120)[0] for text in pair]
    train, others = texts[:n_train], [*texts[100:], "", "words that nobody has read"]
    hashing = HashingVectorizer(
        n_features=BUCKETS, norm=None, alternate_sign=False, **ANALYZERS[kind]
    )
    reference = make_pipeline(hashing, TfidfTransformer(sublinear_tf=True)).fit(train)
    found = HashedTfidf.of_texts(kind, train).transform(others)
    assert (found != reference.transform(others)).nnz == 0


def test_a_pickled_scorer_keeps_no_weight_for_what_it_has_not_seen():
    pairs, same = products(60)
    scorer = PairScorer(LogisticRegression(), embedder=Letters()).fit(pairs, same)
    assert len(pickle.dumps(scorer)) < 100_000
