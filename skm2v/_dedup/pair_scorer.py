"""Whether two texts mean the same thing, learned from labelled pairs."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from skm2v._dedup.calibration import check_labels, paired_cosines
from skm2v._dedup.hashed_tfidf import HashedTfidf
from skm2v._doc_link import Documented
from skm2v._features.embedding import embedding_by, fit_embedder
from skm2v._fit_context import fit_context
from skm2v._model.foreign_parts import hash_of_parts
from skm2v._model.state import SealedState
from skm2v._pooling import check_texts
from skm2v.exceptions import ModelFormatError, TextTypeError

__all__ = ["PairScorer"]

NUMBER = re.compile(r"[a-z]*\d[\w.\-/]*", re.IGNORECASE)
PARTS_HASH = "_fitted_parts_sha256"
FEATURES = (
    "cosine",
    "tfidf_words",
    "tfidf_characters",
    "number_jaccard",
    "number_containment",
    "number_conflict",
    "length_ratio",
)


class PairScorer(SealedState, ClassifierMixin, Documented, BaseEstimator):
    """Decide whether two texts are the same thing, where a cosine alone cannot.

    Products, records and other texts in which a number or a model name makes all the difference
    are compared by seven features: the cosine of their vectors, those of tf-idf of words and of
    runs of three and four characters, three of their words with digits, and the ratio of lengths.

    Parameters
    ----------
    estimator : classifier or None, default=None
        Learns from the features; it is cloned. None means boosted trees,
        ``HistGradientBoostingClassifier(max_depth=4, max_iter=150, learning_rate=0.08)``.
    embedder : transformer or None, default=None
        As for :class:`~skm2v.Deduplicator`; None means ``StaticEmbedder()``.

    Attributes
    ----------
    classes_ : ndarray of bool of shape (2,)
        False and True.
    estimator_ : classifier
        The fitted classifier.
    embedder_ : transformer
        The fitted embedder.

    See Also
    --------
    skm2v.Deduplicator : Takes a fitted scorer as `verify`.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skm2v.deduplication import PairScorer
    >>> pairs = [("Sony TV KDL-40", "sony kdl-40 television"), ("Sony TV KDL-40", "Sony TV KDL-46")]
    >>> scorer = PairScorer(LogisticRegression(C=100)).fit(pairs, [True, False])
    >>> scorer.predict([("Canon EOS 50D camera", "canon camera eos 50d")])
    array([ True])
    """

    __module__ = "skm2v.deduplication"

    _plain_classes = (HashedTfidf,)
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "embedder": [HasMethods(["fit", "transform"]), None],
    }

    def __init__(self, estimator: Any = None, *, embedder: Any = None) -> None:
        self.estimator = estimator
        self.embedder = embedder

    @fit_context(nested=True)
    def fit(self, X: Any, y: npt.ArrayLike) -> PairScorer:
        """Learn from labelled pairs.

        Parameters
        ----------
        X : sequence of pairs of str, array of shape (n_pairs, 2) or frame of two columns
            Pairs of texts.
        y : array-like of bool of shape (n_pairs,)
            Whether a pair is the same thing. Both kinds must occur.

        Returns
        -------
        self : PairScorer
            The fitted scorer.
        """
        left, right = _read_pairs(X)
        same = check_labels(y, len(left), len(right))
        self.embedder_ = fit_embedder(self.embedder, [*left, *right])
        texts = [*dict.fromkeys([*left, *right])]
        self._words = HashedTfidf.of_texts("words", texts)
        self._characters = HashedTfidf.of_texts("characters", texts)
        self.estimator_ = self._new_estimator().fit(self._features(left, right), same)
        self.classes_ = np.array([False, True])
        return self

    # The default estimator is hashed, too; somebody else's `estimator` is theirs to check.

    def _plain_state(self) -> dict[str, Any]:
        state = super()._plain_state()
        if "estimator_" in state and self.estimator is None:
            state[PARTS_HASH] = hash_of_parts(self.estimator_)
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        wanted = state.pop(PARTS_HASH, None)
        super()._restore(state)
        fitted = "estimator_" in state and self.estimator is None
        if fitted and hash_of_parts(self.estimator_) != wanted:
            raise ModelFormatError(
                "The pickled PairScorer is damaged: what scikit-learn fitted for it has another"
                " SHA-256 than its seal says. Fit it again, or take a copy from before."
            )

    def _new_estimator(self) -> Any:
        if self.estimator is not None:
            return clone(self.estimator)
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            max_depth=4, max_iter=150, learning_rate=0.08, random_state=0
        )

    def features(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the seven features of pairs.

        Parameters
        ----------
        X : pairs
            As for `fit`.

        Returns
        -------
        features : ndarray of float64 of shape (n_pairs, 7)
            A row for each pair, a column for each feature.
        """
        check_is_fitted(self)
        return self._features(*_read_pairs(X))

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probabilities of being different and of being the same.

        Parameters
        ----------
        X : pairs
            As for `fit`.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_pairs, 2)
            Probabilities that they do not, and that they do.
        """
        features = self.features(X)
        if not len(features):
            return np.empty((0, 2))
        probabilities: npt.NDArray[np.float64] = self.estimator_.predict_proba(features)
        return probabilities

    def predict(self, X: Any) -> npt.NDArray[np.bool_]:
        """Say which pairs are the same thing.

        Parameters
        ----------
        X : pairs
            As for `fit`.

        Returns
        -------
        same : ndarray of bool of shape (n_pairs,)
            Whether the texts of a pair say the same.
        """
        probabilities = self.predict_proba(X)
        return probabilities[:, 1] > probabilities[:, 0]

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the names of the features.

        Parameters
        ----------
        input_features : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        names : ndarray of object of shape (7,)
            Names of the columns of `features`.
        """
        return np.array(FEATURES, dtype=object)

    def _features(self, left: list[str], right: list[str]) -> npt.NDArray[np.float64]:
        if not left:
            return np.empty((0, len(FEATURES)))
        embed = embedding_by(self.embedder_)
        columns = [paired_cosines(embed(left), embed(right)).astype(np.float64)]
        for vectorizer in (self._words, self._characters):
            product = vectorizer.transform(left).multiply(vectorizer.transform(right))
            columns.append(np.asarray(product.sum(axis=1)).ravel())
        numbers = [_compare_numbers(a, b) for a, b in zip(left, right, strict=True)]
        columns.extend(np.array(numbers).T)
        lengths = np.log1p([[len(a), len(b)] for a, b in zip(left, right, strict=True)])
        columns.append(np.abs(lengths[:, 0] - lengths[:, 1]))
        return np.column_stack(columns)


def _read_pairs(X: Any) -> tuple[list[str], list[str]]:
    """Both columns of pairs of texts."""
    columns = getattr(X, "columns", None)
    if hasattr(X, "iloc") and columns is not None:
        sides = [X.iloc[:, place] for place in range(X.shape[1])]
    elif columns is not None:  # polars and pyarrow
        sides = [X[name] for name in getattr(X, "column_names", columns)]
    else:
        rows = [tuple(row) if not isinstance(row, str) else (row,) for row in X]
        sizes = {len(row) for row in rows} or {2}
        sides = [list(side) for side in zip(*rows, strict=False)] if rows else [[], []]
        if sizes != {2}:
            sides = sides[:1]
    if len(sides) != 2:
        raise TextTypeError(
            "Pairs are two texts a row: a list of tuples, an array of shape (n, 2) or a frame of"
            f" two columns; got {type(X).__name__} with another number. Fix:"
            " list(zip(left, right))."
        )
    left, right = (list(check_texts(side).texts) for side in sides)
    return left, right


def _numbers(text: str) -> set[str]:
    """Words with a digit, without what is written in one of several ways."""
    found = {re.sub(r"[^a-z0-9]", "", word.lower()).lstrip("0") for word in NUMBER.findall(text)}
    return found - {""}


def _compare_numbers(left: str, right: str) -> tuple[float, float, float]:
    """Jaccard similarity, containment, and whether both have numbers but none in common."""
    a, b = _numbers(left), _numbers(right)
    shared = len(a & b)
    jaccard = shared / len(a | b) if a | b else 1.0
    containment = shared / min(len(a), len(b)) if a and b else 0.5
    return jaccard, containment, float(bool(a) and bool(b) and not shared)
