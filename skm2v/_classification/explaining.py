"""Explain whatever can be fused, in one call."""

from __future__ import annotations

from typing import Any

from skm2v._classification.explanation import Explanation
from skm2v._classification.fusing import explainable
from skm2v._classification.prediction import TextScoring

__all__ = ["explain"]


def explain(estimator: Any, X: Any, *, pieces: bool = False) -> Explanation:
    """Say what every word of some texts adds to the decisions of a fitted model.

    Parameters
    ----------
    estimator : Pipeline, StaticTextClassifier, fused model or search
        Fitted; a pipeline of what :func:`skm2v.fuse` takes, or of a
        :class:`~skm2v.HybridVectorizer` and a linear model. Of a search the best estimator.
    X : column of str
        Texts, as for `predict`.
    pieces : bool, default=False
        Whether to tell the tokens apart that a word is made of, instead of summing them up.

    Returns
    -------
    explanation : Explanation
        The contributions of a text and the intercept sum to its decision values. In a notebook it
        shows the texts in colour; `to_frame` makes a table of it.

    Raises
    ------
    TypeError
        If `estimator` is none of these.
    ValueError
        If a step of a pipeline is not linear; the message names it. If features are n-grams of
        characters, which are no words.
    NotFittedError
        If `estimator` is not fitted.
    TextTypeError, TextValueError
        If `X` is not a column of texts, or some of its rows are missing values.

    Warns
    -----
    TextWarning
        If texts were truncated, hold no known token, or are mostly unknown or single letters.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skm2v import StaticEmbedder, explain
    >>> texts = ["Win a free phone now", "Claim your prize", "See you at lunch", "Call me later"]
    >>> pipeline = make_pipeline(StaticEmbedder(), LogisticRegression(C=100))
    >>> explanation = explain(pipeline.fit(texts, ["spam", "spam", "ham", "ham"]), ["a free lunch"])
    >>> dict(zip(explanation.tokens, explanation.contributions[:, 0].round(1).tolist()))
    {'a': 0.1, 'free': 1.8, 'lunch': -2.1}
    """
    if hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    model = estimator if isinstance(estimator, TextScoring) else explainable(estimator)
    return model.explain(X, pieces=pieces)
