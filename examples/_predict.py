"""The production side of `spam_detection.py`: load models, predict, measure; no torch.

Reads a JSON object of names and paths from the command line, prints one of names and figures.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

# What a training machine has and a production machine need not have.
BLOCKED = ("torch", "transformers", "huggingface_hub", "pandas")


class Blocker:
    """Make `BLOCKED` look as if it were not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Refuse a module or leave it to the finders behind."""
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked")


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """Let no connection be made; an audit hook cannot be removed."""
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise OSError(f"the network is blocked: {event} {arguments}")


def measure(paths: dict[str, str]) -> dict[str, dict[str, float]]:
    """Predict the test messages with each pickle and each fused model."""
    import joblib
    import numpy as np
    from sklearn.metrics import accuracy_score, f1_score

    from skm2v import FusedTextClassifier
    from skm2v.datasets import load_sms_spam

    X, y = load_sms_spam(subset="test", return_X_y=True)
    figures, classifiers = {}, {}
    for name, path in paths.items():
        start = time.perf_counter()
        load = joblib.load if path.endswith(".joblib") else FusedTextClassifier.load
        classifiers[name] = load(path)
        predicted = classifiers[name].predict(X)
        figures[name] = {
            "accuracy": accuracy_score(y, predicted),
            "f1": f1_score(y, predicted),
            "megabytes": Path(path).stat().st_size / 1e6,
            "first": time.perf_counter() - start,
        }
    seconds: dict[str, list[float]] = {name: [] for name in classifiers}
    for _ in range(9):  # in turns, so that a busy machine slows both
        for name, classifier in classifiers.items():
            start = time.perf_counter()
            classifier.predict(X)
            seconds[name].append(time.perf_counter() - start)
    for name in figures:
        figures[name]["texts_per_second"] = len(X) / float(np.median(seconds[name]))
    return figures


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocker())  # type: ignore[arg-type]
    sys.addaudithook(refuse_network)
    print(json.dumps(measure(json.loads(sys.argv[1]))))
