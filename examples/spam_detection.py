"""
Spam detection: from a sentence transformer to a pickle without torch
=====================================================================

The whole way of a text classifier: distil a teacher, search its hyperparameters, save the winner
with joblib, and predict in a process that cannot import torch. At the end stands the comparison
that every static embedding should have to face: tf-idf and logistic regression.

Run it with ``make demo`` or ``python examples/spam_detection.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder
from skm2v.datasets import load_sms_spam

# What a training machine has and a production machine need not have.
BLOCKED = ("torch", "transformers", "huggingface_hub", "pandas")


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
    return saved


def predict_without_torch(saved: dict[str, Path]) -> dict[str, dict[str, Any]]:
    """Run :func:`predict` in a fresh process."""
    command = [sys.executable, __file__, "--predict", json.dumps({k: str(saved[k]) for k in saved})]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    scores: dict[str, dict[str, Any]] = json.loads(result.stdout)
    return scores


def predict(saved: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Load the classifiers where `BLOCKED` cannot be imported, and predict the test messages."""
    for module in BLOCKED:
        assert module not in sys.modules, f"{module} was imported by accident"
        sys.modules[module] = None  # type: ignore[assignment]  # import raises ImportError now
    X, y = load_sms_spam(subset="test", return_X_y=True)
    scores: dict[str, dict[str, Any]] = {}
    classifiers = {}
    for name, path in saved.items():
        start = time.perf_counter()
        classifiers[name] = joblib.load(path)
        predicted = classifiers[name].predict(X)
        scores[name] = {
            "accuracy": accuracy_score(y, predicted),
            "f1": f1_score(y, predicted),
            "megabytes": Path(path).stat().st_size / 1e6,
            "first": time.perf_counter() - start,
            "seconds": [],
        }
    for _ in range(5):  # in turns, so that a busy machine slows both
        for name, classifier in classifiers.items():
            start = time.perf_counter()
            classifier.predict(X)
            scores[name]["seconds"].append(time.perf_counter() - start)
    for name in scores:
        scores[name]["texts_per_second"] = len(X) / np.median(scores[name].pop("seconds"))
    return scores


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
    if sys.argv[1:2] == ["--predict"]:
        print(json.dumps(predict(json.loads(sys.argv[2]))))
    else:
        from _teacher import teacher_name

        main(sys.argv[1] if sys.argv[1:] else teacher_name())
