"""
Spam detection: from a sentence transformer to a pickle without torch
=====================================================================

The whole way of a text classifier: distil a teacher, search its hyperparameters, save the winner
with joblib, and predict in a process that cannot import torch. Beside it stand the comparison that
every static embedding should have to face, tf-idf and logistic regression, and the classifier that
has both kinds of features and needs no search, as a pickle and fused into one file.

Run it with ``make demo`` or ``python examples/spam_detection.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import numpy as np
from _predict import BLOCKED
from _teacher import teacher_name
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder, StaticTextClassifier, fuse
from skm2v.datasets import load_sms_spam


def train(teacher: str, folder: Path) -> dict[str, Path]:
    """Fit both classifiers; return where they were saved."""
    X, y = load_sms_spam(subset="train", return_X_y=True)
    print(f"{len(X):,} text messages to learn from, {np.mean(y):.0%} of them spam")

    # With memory=, all 60 fits of the search share one pass through the teacher, across
    # processes: pca_dims is a slice of what that pass gave.
    static = make_pipeline(
        StaticEmbedder(teacher, memory=folder / "cache"), LogisticRegression(max_iter=1000)
    )
    static_grid = {
        "staticembedder__pca_dims": [32, 64, 128, 256],
        "logisticregression__C": [1, 10, 100],
    }
    tfidf = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=1000)
    )
    tfidf_grid = {"logisticregression__C": [1, 10, 100]}

    saved = {}
    for name, pipeline, grid in [
        ("static", static, static_grid),
        ("tf-idf", tfidf, tfidf_grid),
    ]:
        start = time.perf_counter()
        search = GridSearchCV(pipeline, grid, scoring="f1", n_jobs=2).fit(X, y)
        seconds = time.perf_counter() - start
        best = ", ".join(f"{key.split('__')[1]}={v}" for key, v in search.best_params_.items())
        print(f"{name}: best of {len(search.cv_results_['params'])} is {best}, in {seconds:.0f} s")
        saved[name] = folder / f"{name}.joblib"
        joblib.dump(search.best_estimator_, saved[name], compress=3)

    start = time.perf_counter()
    both = StaticTextClassifier(StaticEmbedder(teacher, memory=folder / "cache")).fit(X, y)
    print(f"both: chose C={both.C_} by itself, in {time.perf_counter() - start:.0f} s")
    saved["both"], saved["fused"] = folder / "both.joblib", folder / "fused.safetensors"
    joblib.dump(both, saved["both"], compress=3)
    fuse(both).save(saved["fused"])
    explain(both, "Congratulations! You have won a free holiday. Call 09061701461 to claim")
    return saved


def explain(classifier: StaticTextClassifier, message: str) -> None:
    """Print what speaks for spam and what against, exactly; a notebook shows it in colour."""
    explanation = classifier.explain([message])
    values = explanation.contributions[:, 0]
    print(f"\n{message!r}: {explanation.decision[0, 0]:+.2f} (spam if positive)")
    print(f"  intercept {explanation.intercept[0]:+.2f}", end="")
    for part in np.argsort(-np.abs(values))[:6]:
        start, stop = explanation.spans[part]
        print(f", {message[start:stop]!r} {values[part]:+.2f}", end="")
    print(f", {len(values) - 6} smaller ones")


def predict_without_torch(saved: dict[str, Path]) -> dict[str, dict[str, float]]:
    """Predict the test messages in a fresh process, as a production machine would."""
    script = Path(__file__).with_name("_predict.py")
    paths = json.dumps({name: str(path) for name, path in saved.items()})
    command = [sys.executable, str(script), paths]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, dict[str, float]] = json.loads(result.stdout)
    return figures


def main(teacher: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scores = predict_without_torch(train(teacher, Path(folder)))
    print(f"\nTest messages, in a process that cannot import {', '.join(BLOCKED)}:\n")
    print(f"{'':8} {'accuracy':>9} {'F1':>7} {'texts/s':>9} {'MB':>6} {'load + first predict':>21}")
    for name, score in scores.items():
        print(
            f"{name:8} {score['accuracy']:9.4f} {score['f1']:7.4f} "
            f"{score['texts_per_second']:9,.0f} {score['megabytes']:6.1f} {score['first']:19.2f} s"
        )


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else teacher_name())
