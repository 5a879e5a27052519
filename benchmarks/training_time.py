"""Seconds of one core that a fit takes, by the number of classes and of texts.

Run from a checkout: ``python benchmarks/training_time.py 300x5 2x10000 ...`` for 300 classes of 5
texts and 2 classes of 10,000. Texts are made up: five words of their class and six of any. Beside
``StaticTextClassifier`` stands a pipeline of ``StaticEmbedder`` and ``LogisticRegression``.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
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
    StaticTextClassifier().fit(["free money", "the bank"] * 9, [0, 1] * 9)  # loads what is needed
    print(f"{'classes':>9}{'texts':>10}{'pipeline':>10}{'classifier':>12}")
    for size in parser.parse_args().sizes:
        n_classes, n_each = map(int, size.split("x"))
        texts, labels = make_texts(n_classes, n_each)
        pipeline = make_pipeline(StaticEmbedder(), LogisticRegression(max_iter=1000))
        times = [
            seconds_of_fit(estimator, texts, labels)
            for estimator in (pipeline, StaticTextClassifier())
        ]
        print(f"{n_classes:9,}{len(texts):10,}{times[0]:10.1f}{times[1]:12.1f}", flush=True)


if __name__ == "__main__":
    main()
