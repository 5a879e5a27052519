"""The public checks: a correct transformer passes all, each broken one fails where it should."""

from __future__ import annotations

import re
import time
import zlib
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.feature_extraction.text import TfidfVectorizer

from skm2v._pooling import check_texts
from skm2v.testing import (
    check_text_transformer,
    parametrize_with_text_checks,
    text_transformer_checks,
)
from tests.checking import TakesTexts, failures_of


class HashedWords(TakesTexts, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A correct transformer that owes nothing to StaticEmbedder: counts of hashed words."""

    def __init__(self, dim=8, handle_missing="error"):
        self.dim = dim
        self.handle_missing = handle_missing

    def fit(self, X, y=None):
        column = check_texts(X, handle_missing=self.handle_missing)
        for name in ("n_features_in_", "feature_names_in_"):
            vars(self).pop(name, None)
        if column.two_dimensional:
            self.n_features_in_ = 1
        if column.feature_name is not None:
            self.feature_names_in_ = np.array([column.feature_name], dtype=object)
        self.columns_ = np.arange(self.dim)
        return self

    def transform(self, X):
        if not hasattr(self, "columns_"):
            raise NotFittedError("Call fit first.")
        return self.embed(check_texts(X, handle_missing=self.handle_missing).texts)

    def fit_transform(self, X, y=None):
        X = list(X) if hasattr(X, "__next__") else X
        return self.fit(X, y).transform(X)

    def embed(self, texts):
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, self.slot(word)] += 1
        return vectors

    def slot(self, word):
        return zlib.crc32(word.encode()) % self.dim

    @property
    def _n_features_out(self):
        return len(self.columns_)


@parametrize_with_text_checks([HashedWords(), HashedWords(dim=3, handle_missing="zero")])
def test_a_correct_transformer_passes(estimator, check):
    try:
        check(estimator)
    except SkipTest as skip:  # HashedWords declares no parameter constraints
        assert check.__name__ == "check_param_validation", skip


# --- Broken on purpose ------------------------------------------------------------------------


class CentresTheBatch(HashedWords):
    def embed(self, texts):
        vectors = super().embed(texts)
        return vectors - vectors.mean(axis=0) if len(texts) else vectors


class DropsDuplicates(HashedWords):
    def embed(self, texts):
        return super().embed(list(dict.fromkeys(texts)))


class ReadsColumnNames(HashedWords):
    def fit(self, X, y=None):
        super().fit(X, y)
        return self

    def transform(self, X):
        return super().transform(list(X) if hasattr(X, "columns") else X)


class TakesOneString(HashedWords):
    def fit(self, X, y=None):
        return super().fit([X] if isinstance(X, str) else X, y)

    def transform(self, X):
        return super().transform([X] if isinstance(X, str) else X)


class SaysNotWhichRow(HashedWords):
    def transform(self, X):
        try:
            return super().transform(X)
        except NotFittedError:
            raise
        except ValueError:
            raise ValueError("bad input") from None


class DropsMissing(HashedWords):
    def transform(self, X):
        if isinstance(X, list):
            X = [x for x in X if isinstance(x, str)] if all(map(_text_or_missing, X)) else X
        return super().transform(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _text_or_missing(item):
    return isinstance(item, str) or item is None or item != item or str(item) == "<NA>"


class RemembersTheCall(HashedWords):
    def embed(self, texts):
        self.last_texts_ = texts
        return super().embed(texts)


class Seeds(HashedWords):
    def embed(self, texts):
        np.random.seed(0)
        return super().embed(texts)


class Prints(HashedWords):
    def embed(self, texts):
        print("embedding", len(texts))
        return super().embed(texts)


class SharesABuffer(HashedWords):
    """Like a tokenizer whose truncation is set anew in each call."""

    def fit(self, X, y=None):
        super().fit(X, y)
        self._texts = []
        return self

    def embed(self, texts):
        buffer = self._texts
        buffer.clear()
        for text in texts:
            buffer.append(text)
            time.sleep(0)
        vectors = super().embed(list(buffer))
        buffer.clear()
        return vectors


class ForgetsInPickles(HashedWords):
    def fit(self, X, y=None):
        super().fit(X, y)
        self._salt = "salt"
        return self

    def slot(self, word):
        return super().slot(getattr(self, "_salt", "") + word)

    def __getstate__(self):
        return {key: value for key, value in vars(self).items() if key != "_salt"}


class RandomFit(HashedWords):
    def fit(self, X, y=None):
        super().fit(X, y)
        self._salt = str(np.random.randint(2**31))
        return self

    def slot(self, word):
        return super().slot(self._salt + word)


class ChangesItsParameters(HashedWords):
    def fit(self, X, y=None):
        self.dim = int(self.dim) + 1
        return super().fit(X, y)


class ReadsIteratorsTwice(HashedWords):
    def fit_transform(self, X, y=None):
        return self.fit(X, y).transform(X)


class NeedsATextAtLeast(HashedWords):
    def embed(self, texts):
        return np.vstack([super(NeedsATextAtLeast, self).embed([text]) for text in texts])


class DividesByZero(HashedWords):
    def embed(self, texts):
        vectors = super().embed(texts)
        with np.errstate(invalid="ignore"):
            return vectors / vectors.sum(axis=1, keepdims=True)


class CountsFeaturesOfLists(HashedWords):
    def fit(self, X, y=None):
        super().fit(X, y)
        self.n_features_in_ = 1
        return self


class MiscountsNames(HashedWords):
    @property
    def _n_features_out(self):
        return self.dim - 1


class SaltedHash(HashedWords):
    """Python's hash of a str differs between processes."""

    def slot(self, word):
        return hash(word) % self.dim


class MixinOnTheRight(BaseEstimator, TransformerMixin):
    __init__ = HashedWords.__init__
    fit = HashedWords.fit
    transform = HashedWords.transform
    fit_transform = HashedWords.fit_transform
    embed = HashedWords.embed
    slot = HashedWords.slot


class ValidatesInInit(HashedWords):
    def __init__(self, dim=8, handle_missing="error"):
        if not isinstance(dim, int) or dim < 1:
            raise ValueError("dim must be positive")
        super().__init__(dim, handle_missing)


# The check that must fail, words of its message, and whatever else follows from the fault.
BROKEN = [
    (
        CentresTheBatch,
        "check_text_subset_invariance",
        "12 of 12 rows differ",
        {
            "check_text_order_invariance",
            "check_text_missing",
        },
    ),
    (
        DropsDuplicates,
        "check_text_order_invariance",
        r"\(12, 8\) instead of \(24, 8\)",
        {
            "check_text_threads",
        },
    ),
    (
        ReadsColumnNames,
        "check_text_containers",
        "a pandas DataFrame with one column",
        {
            "check_text_column_transformer",
            "check_text_set_output_pandas",
            "check_text_refused_input",
        },
    ),
    (TakesOneString, "check_text_refused_input", "transform of a single string is accepted", set()),
    (SaysNotWhichRow, "check_text_missing", "does not mention 3 and 7", set()),
    (DropsMissing, "check_text_missing", "the result has 10 rows", {"check_text_refused_input"}),
    (
        RemembersTheCall,
        "check_text_transform_changes_nothing",
        "changes the attributes",
        {
            "check_text_clone",
        },
    ),
    (Seeds, "check_text_transform_changes_nothing", "random state of NumPy", set()),
    (Prints, "check_text_transform_changes_nothing", "prints 'embedding 12", set()),
    (SharesABuffer, "check_text_threads", "Shared by 4 threads", set()),
    (ForgetsInPickles, "check_text_pickle", "pickle protocol 2: .* rows differ", set()),
    (
        RandomFit,
        "check_text_fit_deterministic",
        "transform of a second clone",
        {
            "check_text_fit_idempotent",
            "check_text_fit_transform",
            "check_text_containers",
            "check_text_iterator",
            "check_text_clone",
            "check_text_set_output_pandas",
            "check_text_set_output_polars",
            "check_text_column_transformer",
        },
    ),
    (
        ChangesItsParameters,
        "check_text_fit_attributes",
        r"changes the parameters \['dim'\]",
        {
            "check_text_fit_idempotent",
            "check_text_clone",
            "check_text_set_output_pandas",
        },
    ),
    (
        ReadsIteratorsTwice,
        "check_text_iterator",
        r"fit_transform of an iterator .* \(0, 8\)",
        set(),
    ),
    (NeedsATextAtLeast, "check_text_no_texts", "need at least one array", set()),
    (DividesByZero, "check_text_odd_texts", "The row of '' is not finite", set()),
    (CountsFeaturesOfLists, "check_text_n_features_in", "a list has no columns", set()),
    (
        MiscountsNames,
        "check_text_feature_names",
        "7 feature names for 8 columns",
        {
            "check_text_set_output_pandas",
            "check_text_set_output_polars",
            "check_get_feature_names_out_error",
            "check_text_column_transformer",
        },
    ),
    (SaltedHash, "check_text_processes", "in other processes", set()),
    (MixinOnTheRight, "check_mixin_order", "wrong order", None),
    (ValidatesInInit, "check_do_not_raise_errors_in_init_or_set_params", "dim must be", set()),
]


@pytest.mark.parametrize(
    ("broken", "where", "why", "also"), BROKEN, ids=[row[0].__name__ for row in BROKEN]
)
def test_a_broken_transformer_is_caught(broken, where, why, also):
    slow = () if broken is SaltedHash else ("check_text_processes",)
    failures = failures_of(text_transformer_checks(broken()), leave_out=slow)
    assert re.search(why, failures.get(where, "no failure")), failures
    assert failures[where].startswith(f"{broken.__name__} fails {where}: ")
    if also is not None:
        assert set(failures) - {where} <= also


def test_check_text_transformer_raises_the_first_failure():
    with (
        pytest.warns(SkipTestWarning, match="no _parameter_constraints"),
        pytest.raises(AssertionError, match="TakesOneString fails check_text_refused_input"),
    ):
        check_text_transformer(TakesOneString())


def test_expected_failures_are_skipped_with_their_reason():
    expected = {
        "check_text_refused_input": "takes one string",
        "check_text_processes": "slow",
        "check_param_validation": "no constraints",
    }
    with pytest.warns(SkipTestWarning) as record:
        check_text_transformer(TakesOneString(), expected_failed_checks=expected)
    skipped = [item for item in record if item.category is SkipTestWarning]
    messages = [str(item.message) for item in skipped]
    assert "Skipping check_text_refused_input for TakesOneString: takes one string" in messages
    assert len(messages) == 3


def test_atol_forgives_rounding():
    class Rounds(HashedWords):
        def embed(self, texts):
            return super().embed(texts) * np.float32(1 + 1e-7 * len(texts))

    checks = {check.__name__: check for _, check in text_transformer_checks(Rounds())}
    with pytest.raises(AssertionError, match="set atol if rounding may differ"):
        checks["check_text_subset_invariance"](Rounds())
    loose = {check.__name__: check for _, check in text_transformer_checks(Rounds(), atol=1e-4)}
    loose["check_text_subset_invariance"](Rounds())


def test_on_a_vectorizer_of_scikit_learn():
    """The checks are about text, not about this package: they say what a vectorizer lacks."""
    checks = text_transformer_checks(TfidfVectorizer(), atol=1e-12)
    failures = set(failures_of(checks, leave_out=["check_text_processes"]))
    assert {"check_text_set_output_pandas", "check_text_missing"} <= failures
    passed = {
        "check_text_subset_invariance",
        "check_text_order_invariance",
        "check_text_fit_transform",
        "check_text_pickle",
        "check_text_threads",
    }
    assert not passed & failures


def test_every_check_has_a_docstring_and_a_unique_name():
    checks = [check for _, check in text_transformer_checks(HashedWords())]
    names = [check.__name__ for check in checks]
    assert len(set(names)) == len(names) >= 34
    from skm2v._text_checks import TRANSFORMER_CHECKS

    assert len(TRANSFORMER_CHECKS) >= 20
    assert all(check.__doc__ for check in TRANSFORMER_CHECKS)
