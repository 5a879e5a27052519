"""Seconds of one core that a fit takes, by the number of classes and of texts.

Run from a checkout: ``python benchmarks/training_time.py 300x5 2x10000 ...`` for 300 classes of 5
texts and 2 classes of 10,000. Texts are made up: five words of their class and six of any. Beside
``StaticTextClassifier`` stands a pipeline of ``StaticEmbedder`` and ``LogisticRegression``; with
``--words`` also one of tf-idf of words and pairs and ``LogisticRegression``.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skm2v import StaticEmbedder, StaticTextClassifier


def make_texts(n_classes: int, n_each: int) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(0)
    tokens = StaticEmbedder().fit(["a"]).model_.tokens
    words = np.array([token for token in tokens if token.isalpha() and len(token) > 2][1000:9000])
    topics = rng.choice(len(words), size=(n_classes, 12))
    labels = np.repeat(np.arange(n_classes), n_each)
    own = topics[labels[:, np.newaxis], rng.integers(0, 12, (len(labels), 5))]
    noise = (rng.zipf(1.3, (len(labels), 6)) - 1) % len(words)
    return [" ".join(row) for row in words[np.concatenate([own, noise], axis=1)]], labels


def seconds_of_fit(estimator: object, texts: list[str], labels: np.ndarray) -> float:
    with threadpool_limits(1):
        start = time.process_time()
        estimator.fit(texts, labels)
        return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="+", help="classes x texts of each, such as 300x5")
    parser.add_argument("--words", action="store_true", help="a pipeline of tf-idf, too")
    arguments = parser.parse_args()
    StaticTextClassifier().fit(["free money", "the bank"] * 9, [0, 1] * 9)  # loads what is needed
    names = ["pipeline", "classifier", *["of words"] * arguments.words]
    print(f"{'classes':>9}{'texts':>10}" + "".join(f"{name:>12}" for name in names))
    for size in arguments.sizes:
        n_classes, n_each = map(int, size.split("x"))
        texts, labels = make_texts(n_classes, n_each)
        head = LogisticRegression(max_iter=1000)
        estimators = [make_pipeline(StaticEmbedder(), head), StaticTextClassifier()]
        if arguments.words:
            estimators.append(make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), head))
        times = [seconds_of_fit(estimator, texts, labels) for estimator in estimators]
        row = "".join(f"{seconds:12.1f}" for seconds in times)
        print(f"{n_classes:9,}{len(texts):10,}{row}", flush=True)


if __name__ == "__main__":
    main()
