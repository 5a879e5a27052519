"""What is asked of classifiers of texts in the company of scikit-learn's other estimators."""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from skm2v._text_checks.tools import (
    INDICATOR,
    TEXTS,
    TOPICS,
    fitted,
    quiet,
    targets,
    unfitted,
)


def check_text_pipeline(name: str, estimator: Any, *, atol: float) -> None:
    """It works as the end of a Pipeline, in cross-validation and in a grid search."""
    for what, y in targets(estimator):
        expected = fitted(estimator, TEXTS, y).predict(TEXTS)
        pipeline = make_pipeline("passthrough", unfitted(estimator))
        for X in (TEXTS, np.array(TEXTS, dtype=object)):
            predicted = pipeline.fit(X, y).predict(X)
            assert predicted.tolist() == expected.tolist(), (
                f"In a Pipeline, predict for {what} is not what it is alone."
            )
        held_out = cross_val_predict(unfitted(estimator), TEXTS, y, cv=2)
        assert held_out.shape == (len(TEXTS),) and set(held_out.tolist()) <= set(y), (
            f"cross_val_predict for {what} gives {held_out.tolist()}."
        )
        search = GridSearchCV(unfitted(estimator), {}, cv=2, error_score="raise").fit(TEXTS, y)
        assert np.isfinite(search.best_score_), f"GridSearchCV for {what} scores NaN."
        assert search.predict(TEXTS).tolist() == expected.tolist(), (
            f"Refitted by GridSearchCV, predict for {what} is not what it is alone."
        )


def check_text_calibrated(name: str, estimator: Any, *, atol: float) -> None:
    """CalibratedClassifierCV makes probabilities of its decisions, or of its probabilities."""
    if not (hasattr(estimator, "decision_function") or hasattr(estimator, "predict_proba")):
        raise SkipTest(f"{name} has neither decision_function nor predict_proba.")
    for what, y in targets(estimator):
        calibrated = CalibratedClassifierCV(unfitted(estimator), cv=2).fit(TEXTS, y)
        probabilities = calibrated.predict_proba(TEXTS)
        shape = (len(TEXTS), len(set(y)))
        assert probabilities.shape == shape, (
            f"Calibrated predict_proba for {what} has shape {probabilities.shape}, not {shape}."
        )
        assert np.isfinite(probabilities).all(), f"Calibrated predict_proba for {what} has NaN."


def check_text_one_vs_rest(name: str, estimator: Any, *, atol: float) -> None:
    """OneVsRestClassifier makes of it a classifier for many classes, and for many labels a text."""
    with quiet():
        rest = OneVsRestClassifier(unfitted(estimator)).fit(TEXTS, TOPICS)
        predicted = rest.predict(TEXTS)
    assert predicted.shape == (len(TEXTS),) and set(predicted.tolist()) <= set(TOPICS), (
        f"In OneVsRestClassifier, predict gives {predicted.tolist()}."
    )
    with quiet():
        labels = OneVsRestClassifier(unfitted(estimator)).fit(TEXTS, INDICATOR).predict(TEXTS)
    assert labels.shape == INDICATOR.shape and np.isin(labels, (0, 1)).all(), (
        f"In OneVsRestClassifier with several labels a text, predict has shape {labels.shape}."
    )
