"""Texts to classes: static embeddings and tf-idf in one linear classifier."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import Interval, StrOptions

from skm2v._classification.collapsing import collapse
from skm2v._classification.few_shot import FewTexts
from skm2v._classification.labels import (
    Labels,
    check_class_weight,
    check_labels,
    check_sample_weight,
    warn_of_constants,
)
from skm2v._classification.linear import choose, fit_linear, scale_columns, text_weights
from skm2v._classification.prediction import ClassPrediction
from skm2v._doc_link import Documented
from skm2v._embedder import StaticEmbedder
from skm2v._features.default_embedder import DefaultEmbedder
from skm2v._features.read import Read
from skm2v._features.vectorizer import HybridVectorizer
from skm2v._fit_context import fit_context
from skm2v._lazy_frames import lazy_too
from skm2v._pooling import TextColumn, check_texts, warn_of_losses
from skm2v._progress import progress

__all__ = ["StaticTextClassifier"]

# What data chose here is in docs/constants.md.
# In the order of preference where cross-validation cannot tell.
CANDIDATES = (1.0, 0.3, 0.1, 3.0)
FEW_CANDIDATES = (1.0, 10.0)
# Texts a class up to which idf knows next to nothing, and one logistic regression of more than two
# classes is better than a machine for each; and what that may cost, in numbers of an iteration.
FEW = 8
MOST_COMPACT = 10_000_000_000
# From here on single precision, and a third of the texts to choose by, are enough.
COSTLY = 200_000_000


class StaticTextClassifier(
    DefaultEmbedder, ClassPrediction, ClassifierMixin, Documented, BaseEstimator
):
    """Classify texts by what they mean and by the words they use.

    Texts are tokenized once. The sum of the static vectors of the tokens knows that "payment"
    and "transaction" are close, which helps where labels are few; tf-idf of the tokens and of
    pairs of neighbouring tokens tells apart what a sum blurs, which helps where labels are many.
    One linear model learns from both: a support vector machine, or a logistic regression where
    the texts of several classes are few.

    As everything is linear, a fitted classifier is one table with scores for each token and pair.
    Predictions sum over that table, and :meth:`explain` shows the summands.

    Parameters
    ----------
    embedder : StaticEmbedder or None, default=None
        Where the static vectors come from; it is cloned and fitted. None means
        ``StaticEmbedder()``, the bundled model for English. Its `normalize` has no effect, as
        sums are scaled in another way (see Notes); `max_length` and `handle_missing` count for
        the tf-idf part too.
    semantic_weight : float or "auto", default="auto"
        Root mean square norm of the vectors of texts, next to lexical features of about norm 1.
        0 leaves the vectors out. ``"auto"`` gives them more weight the fewer texts there are,
        ``(30 / m) ** 0.4`` for m texts a class, but from 0.5 to 3; and, unless texts are few,
        multiplies or divides that by 1.6 as long as cross-validated log loss falls by more than two
        standard errors.
    C : float or "auto", default="auto"
        Inverse strength of the regularisation. ``"auto"`` takes the best of 0.1, 0.3, 1 and 3
        by cross-validated log loss, on a stratified sample if there are very many texts. Where
        texts are few (see Notes) it takes 1, or 10 if its loss is clearly less. A value that was
        found best for few texts is none for more: another model reads it.
    max_pairs : int or None, default=200_000
        Number of pairs of neighbouring tokens to use, the most frequent ones; None means all, 0
        none.
    class_weight : dict, "balanced" or None, default=None
        Weights of classes; those that are not in the dictionary have weight 1. ``"balanced"``
        weighs them inversely to their frequency.
    n_jobs : int or None, default=None
        Number of threads of prediction. None means 1, -1 all processors.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes; for several labels a text, the tags, or the names of the columns of `y`, or
        their numbers where they have no names.
    embedder_ : StaticEmbedder
        The fitted embedder.
    semantic_weight_ : float
        The weight of the vectors that was used.
    C_ : float
        The inverse strength of the regularisation that was used.
    cv_losses_ : dict of (float, float) to float
        Mean log loss of held out texts for each `C` and `semantic_weight` that was tried; empty
        if there were too few texts for cross-validation.
    inverse_temperature_ : ndarray of float64 of shape (1,) or (n_labels,)
        Factors that make probabilities of decision values; 1 where there were too few texts, or
        examples of a label, for cross-validation.
    intercept_ : ndarray of float64 of shape (n_outputs,)
        Decision values of a text without tokens.
    scores_ : ScoreTable
        The scores of tokens and pairs.
    n_features_in_ : int
        1, only if `fit` got a frame or an array with one column.
    feature_names_in_ : ndarray of shape (1,)
        Name of the column, only if `fit` got a frame whose column name is a string.

    See Also
    --------
    skm2v.StaticEmbedder : The vectors alone, for a pipeline with another classifier.
    skm2v.fuse : Keep of a fitted classifier what prediction needs, in one file.

    Notes
    -----
    Both kinds of features are sums over the tokens, divided by the root of a sum of squares: tf-idf
    by that of the idf, vectors by that of their norms. The latter is the norm of the sum for
    vectors at right angles, and it takes one number for each token where the norm itself would
    take all vectors.

    The document frequencies of few texts say little, so idf is multiplied by
    ``norm ** min(1, 8 / m)`` for m texts a class, with the norm of a token's vector relative to the
    others': static models make the vectors of frequent tokens short. With up to 8 texts for each of
    3 to about 500 classes, one logistic regression of all classes, with a penalised intercept,
    takes the place of a support vector machine for each.

    Probabilities are decision values, scaled by one factor (one for each label where texts have
    several) [2]_ that minimises the log loss of texts held out in three-fold cross-validation, and
    put through the logistic function or softmax. So they are calibrated as far as one factor goes,
    and never contradict `predict`. The fewer texts of a class were held out, the less certain they
    can make a probability [3]_. With `class_weight` or `sample_weight` they are calibrated
    for the weighted data; where texts have several labels, `class_weight` does not count in that.
    Where texts are too few for cross-validation (``cv_losses_`` is empty) the factor is 1 and they
    are not calibrated. For more, use
    :class:`~sklearn.calibration.CalibratedClassifierCV`.

    The classifier is deterministic: the folds of its cross-validation and the order in which the
    solver [1]_ visits texts have fixed seeds.

    Texts without a known token are decided by the intercept.

    References
    ----------
    .. [1] R.-E. Fan, K.-W. Chang, C.-J. Hsieh, X.-R. Wang, C.-J. Lin. LIBLINEAR: A Library for
       Large Linear Classification. Journal of Machine Learning Research 9, 2008.
    .. [2] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. On Calibration of Modern Neural Networks.
       ICML 2017.
    .. [3] J. C. Platt. Probabilistic Outputs for Support Vector Machines and Comparisons to
       Regularized Likelihood Methods. Advances in Large Margin Classifiers, 1999.

    Examples
    --------
    >>> from skm2v import StaticTextClassifier
    >>> texts = ["Win a free phone now", "Claim your prize", "See you at lunch", "Call me later"]
    >>> labels = ["spam", "spam", "ham", "ham"]
    >>> classifier = StaticTextClassifier().fit(texts, labels)
    >>> classifier.predict(["A free prize for you", "Lunch later?"])
    array(['spam', 'ham'], dtype='<U4')
    """

    __module__ = "skm2v"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "embedder": [StaticEmbedder, None],
        "semantic_weight": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "C": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "max_pairs": [Interval(Integral, 0, None, closed="left"), None],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        embedder: StaticEmbedder | None = None,
        *,
        semantic_weight: float | Literal["auto"] = "auto",
        C: float | Literal["auto"] = "auto",
        max_pairs: int | None = 200_000,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.embedder = embedder
        self.semantic_weight = semantic_weight
        self.C = C
        self.max_pairs = max_pairs
        self.class_weight = class_weight
        self.n_jobs = n_jobs

    # The embedder's parameters are its own to check.
    @fit_context(nested=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> StaticTextClassifier:
        """Learn from texts and their labels.

        Parameters
        ----------
        X : column of str
            Texts: a list, tuple, iterator, 1-D array, Series, or a frame or array with one
            column.
        y : array-like of shape (n_texts,), or of 0 and 1 of shape (n_texts, n_labels)
            One label per text, an indicator of any number of labels, or a collection of tags per
            text: ``[["sport"], ["art", "news"], []]``, or a column of lists or sets. Lists of
            numbers are rows of an indicator; sets of numbers are tags.
        sample_weight : array-like of shape (n_texts,) or None, default=None
            Weights of texts. None means that all weigh the same. A weight of 0 is the same as
            leaving the text out.

        Returns
        -------
        self : StaticTextClassifier
            Fitted classifier.

        Raises
        ------
        TextTypeError, TextValueError
            If `X` is not a column of texts, or some of its rows are missing values.
        ValueError
            If labels are missing, of one class only, continuous, or do not fit the texts; if
            weights are negative, or for unknown classes; if a parameter is invalid.

        Warns
        -----
        TextWarning
            If texts were truncated, hold no known token without being missing, or are mostly
            unknown or single letters. Before anything is learned, which may take a while.
        UserWarning
            If of several labels a text, one is that of no text or of every text: it is predicted
            for none, or for all.
        """
        column = check_texts(X, handle_missing=self._missing_in_fit)
        labels = check_labels(y, len(column.texts))
        check_class_weight(self.class_weight, labels)
        weights = check_sample_weight(sample_weight, len(column.texts), labels)
        texts, weighted = column.texts, np.arange(len(column.texts))
        if weights is not None and not weights.all():  # as if these texts were not there
            weighted = np.flatnonzero(weights)
            texts = [texts[row] for row in weighted.tolist()]
            labels, weights = labels.take(weighted), weights[weighted]
        if labels.multilabel:
            warn_of_constants(labels)
        weights = text_weights(labels, self.class_weight, weights)

        per_class = len(labels.codes) / labels.n_learnable
        weight = self._expected_weight(per_class)
        vectorizer = HybridVectorizer(
            self.embedder,
            semantic_weight=weight,
            max_pairs=self.max_pairs,
            norm_exponent=min(1.0, FEW / per_class),
            normalize=False,
        )
        read = vectorizer._fit_texts(texts)
        _warn_of_losses(column, weighted, read)
        features = vectorizer._features(read)
        n_semantic = vectorizer._n_semantic
        few = FewTexts(features) if _are_few(labels) else None
        costly = few is not None and few.products.size * len(labels.classes) > COSTLY
        if few is not None and costly:
            few = few.in_single_precision()

        candidates = CANDIDATES if few is None else FEW_CANDIDATES
        with progress("settings", None, "models fitted to choose them by") as advance:
            choice = choose(
                features,
                labels,
                candidates if self.C == "auto" else (float(self.C),),
                n_semantic if self.semantic_weight == "auto" and few is None else 0,
                weights=weights,
                class_weight=self.class_weight,
                few=few,
                one_fold=costly,
                advance=advance,
            )
        if few is None:
            coef, intercept = fit_linear(
                scale_columns(features, n_semantic, choice.factor),
                labels,
                choice.C,
                weights=weights,
                class_weight=self.class_weight,
            )
        else:
            n_classes = len(labels.classes)
            dual = few.fit(labels.codes, n_classes, choice.C, weights=weights, start=choice.dual)
            coef, intercept = few.expand(dual)
        coef[:n_semantic] *= vectorizer.semantic_scale_ * choice.factor

        self.embedder_ = vectorizer.embedder_
        self.classes_ = labels.classes
        self.C_ = choice.C
        self.semantic_weight_ = weight * choice.factor
        self.cv_losses_ = {
            (C, weight * factor): loss for (C, factor), loss in choice.losses.items()
        }
        self.inverse_temperature_ = choice.inverse_temperature
        self.intercept_ = intercept
        self.scores_ = collapse(vectorizer, coef, intercept)
        self._multilabel = labels.multilabel
        self._link = (
            "multilabel" if labels.multilabel else "binary" if len(intercept) == 1 else "softmax"
        )
        self._remember_column(column, X)
        return self

    @lazy_too
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Estimate the probability of each class.

        They are calibrated by one factor; see the notes of the class.

        Parameters
        ----------
        X : column of str
            Texts, as for `decision_function`.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_texts, n_classes)
            In the order of `classes_`. Rows sum to 1, except where texts have several labels.
        """
        return self._probabilities(self._decide(self._check_column(X)))

    def _expected_weight(self, per_class: float) -> float:
        """Weight of the vectors to begin with: the fewer texts, the less tf-idf can know."""
        if self.semantic_weight != "auto":
            return float(self.semantic_weight)
        return float(np.clip((30 / per_class) ** 0.4, 0.5, 3.0))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _are_few(labels: Labels) -> bool:
    """Whether texts are so few that one logistic regression of all classes is the better head."""
    n, n_classes = len(labels.codes), len(labels.classes)
    several = n_classes > 2 and not labels.multilabel
    return several and n <= FEW * n_classes and n**2 * n_classes <= MOST_COMPACT


def _warn_of_losses(column: TextColumn, rows: npt.NDArray[np.int64], read: Read) -> None:
    """Warn of what training texts lost, by their rows in `X`: there may be some of no weight."""
    losses = np.zeros((3, len(column.texts)), dtype=bool)
    losses[:, rows] = read.tokens.lengths == 0, read.truncated, read.foreign
    losses[0, column.missing] = False  # as asked for
    warn_of_losses(*losses, consequence="teach the intercept alone")
