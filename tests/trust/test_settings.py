"""Settings out of their range, and odd labels: an error in words, or an object that works."""

from __future__ import annotations

import datetime
import decimal
import inspect
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from skm2v import (
    Deduplicator,
    FusedTextClassifier,
    HybridVectorizer,
    StaticEmbedder,
    StaticModel,
    StaticTextClassifier,
    TextSearcher,
    fuse,
)
from skm2v.deduplication import find_leakage, pairs_above
from skm2v.exceptions import TextTypeError
from tests import tiny
from tests.model.forge import tiny_model

TEXTS = list(tiny.SENTENCES)
ODD = [2**31, 2**70, -1, 0, 1.5, float("nan"), float("inf"), "2", None, True, [1], np.int64(3)]


def said(name, value, call):
    """The call does what it is asked for, or says in an error which parameter is wrong."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except TextTypeError:
        pass  # a name of a column, where there are no columns
    except (TypeError, ValueError) as error:
        assert name in str(error), f"{name}={value!r}: {error!r}"
        assert not isinstance(error.__context__, OverflowError)


@pytest.mark.parametrize(
    "kind",
    [StaticEmbedder, StaticTextClassifier, HybridVectorizer, Deduplicator, TextSearcher],
)
def test_p1_parameters_of_estimators(kind):
    model = tiny_model()
    first, *others = list(inspect.signature(kind).parameters)
    source = {first: model if kind is StaticEmbedder else StaticEmbedder(model)}
    y = np.arange(8) % 2
    for name in set(others) - {"memory", "callbacks", "verbose"}:
        for value in ODD:
            made = kind(**source, **{name: value})
            said(name, value, lambda made=made: made.fit(TEXTS[:8], y))


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_p1_arguments_of_methods(value):
    model, unit = tiny_model(), np.eye(4, dtype=np.float32)
    y = np.array(["ham", "spam"])[np.arange(len(TEXTS)) % 2]
    classifier = StaticTextClassifier(StaticEmbedder(model), max_pairs=5).fit(TEXTS, y)
    fused = fuse(classifier)
    some = TEXTS[:3]

    def check(name, call):
        said(name, value, lambda: call(**{name: value}))

    for name in ("batch_size", "max_length", "n_jobs"):
        check(name, lambda **odd: model.encode(some, **odd))
    check("batch_size", lambda **odd: list(model.encode_iter(some, **odd)))
    for name in ("max_length", "normalize"):
        check(name, lambda **odd: model.with_settings(**odd).encode(some))
    table = tiny.tiny_table(dim=4)
    check("max_length", lambda **odd: StaticModel(table, tiny.tiny_tokenizer(), **odd))
    check("n", classifier.top_words)
    check("floor", lambda **odd: classifier.predict(some, **odd))
    check("n_jobs", lambda **odd: fused.set_params(**odd).predict(some * 500))
    for name in ("threshold", "max_pairs", "n_jobs"):
        check(name, lambda **odd: pairs_above(unit, **{"threshold": 0.99, **odd}))
    searcher = TextSearcher(StaticEmbedder(model)).fit(some)
    check("k", lambda **odd: searcher.search(some, **odd))
    check("n_neighbors", lambda **odd: searcher.kneighbors(some, **odd))
    check("cv", lambda **odd: searcher.tune(some, [0, 1, 2], **odd))
    check("weights", lambda **odd: searcher.tune(some, [0, 1, 2], cv=2, **odd))
    for name in ("lexical_weight", "k1", "b", "rerank_top", "rerank_weight", "n_jobs"):
        check(name, lambda **odd: TextSearcher().set_params(**odd).fit(some).search(some))
        check(name, lambda **odd: searcher.set_params(**odd).search(some))
        searcher.set_params(**{name: TextSearcher().get_params()[name]})
    embedder = StaticEmbedder(model)
    for name in ("threshold", "near_threshold"):
        check(name, lambda **odd: find_leakage(some, some, embedder=embedder, **odd))


class Word(str):
    """A string of another class."""


DAY = datetime.date(2020, 1, 1)
LABELS = {
    "strings": ["ham", "spam"],
    "strings that end with zeros": ["a", "a\0"],
    "strings of a class": [Word("ham"), Word("spam")],
    "strings of NumPy": [np.str_("ham"), np.str_("spam")],
    "booleans": [True, False],
    "integers of 8 bits": np.array([3, 5], np.int8),
    "largest integers": np.array([0, 2**64 - 1], np.uint64),
    "integers beyond 64 bits": [1, 2**70],
    "a boolean and an integer": [True, 2],
    "categories": pd.Series(["ham", "spam"], dtype="category"),
    "nullable integers": pd.Series([1, 2], dtype="Int64"),
    "tags": [["ham"], ["spam"]],
    # These fit, and can be scored, but no file has them.
    "a surrogate": ["ham", "\ud800"],
    "bytes": [b"ham", b"spam"],
    "bytes of NumPy": np.array([b"ham", b"spam"]),
    "complex numbers": np.array([0, 1j]),
    "decimals": [decimal.Decimal(1), decimal.Decimal(2)],
    "dates": [DAY, DAY.replace(day=2)],
    "dates of NumPy": np.array(["2020", "2021"], "M8[D]"),
}
NOT_IN_FILES = list(LABELS)[list(LABELS).index("a surrogate") :]


@pytest.mark.parametrize("kind", LABELS)
def test_p19_labels_that_fit_can_be_scored_and_are_saved_or_refused(kind, tmp_path):
    two = LABELS[kind]
    rows = np.arange(len(TEXTS)) % 2
    if isinstance(two, list):
        y = np.empty(len(TEXTS), dtype=object)
        y[:] = [two[row] for row in rows]
        y = y.tolist() if kind == "tags" else y
    else:
        y = two.iloc[rows].reset_index(drop=True) if isinstance(two, pd.Series) else two[rows]
    classifier = StaticTextClassifier(StaticEmbedder(tiny_model()), max_pairs=5).fit(TEXTS, y)
    fused = fuse(classifier)
    predicted = classifier.predict(TEXTS)
    assert classifier.score(TEXTS, y) == fused.score(TEXTS, y) > 0.5
    weight = np.arange(len(TEXTS)) < 10
    assert classifier.score(TEXTS, y, weight) == classifier.score(TEXTS[:10], y[:10])
    for one in (classifier, fused):
        again = pickle.loads(pickle.dumps(one))
        assert again.predict(TEXTS).tolist() == predicted.tolist()
    path = tmp_path / "fused"
    if kind in NOT_IN_FILES:
        with pytest.raises(ValueError, match="cannot be saved, such as .* Fit with strings"):
            fused.save(path)
        assert list(tmp_path.iterdir()) == []
        return
    fused.save(path)
    loaded = FusedTextClassifier.load(path)
    assert loaded.predict(TEXTS).tolist() == predicted.tolist()
    assert loaded.classes_.dtype == fused.classes_.dtype
    assert loaded.score(TEXTS, y) == fused.score(TEXTS, y)
