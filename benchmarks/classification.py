"""Accuracy, probabilities, training time, fusing and speed of classifiers of texts.

    python benchmarks/classification.py accuracy --data ../shared/data [--teacher FOLDER]
    python benchmarks/classification.py few-shot --data ../shared/data
    python benchmarks/classification.py fuse --data ../shared/data
    python benchmarks/classification.py latency

`--teacher` is a folder with the teacher's vectors of a set's distinct texts, one text file and one
array a set: ``<task>__<name>.json`` (sorted texts) and ``<task>__<name>.npy`` (rows).
`--out` appends one JSON object per set to a file. Train and test are the published splits; nothing
was chosen by looking at test scores.
"""

from __future__ import annotations

import argparse
import json
import pickle
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skm2v import FusedTextClassifier, StaticEmbedder, StaticTextClassifier, fuse
from skm2v.datasets import load_sms_spam
from skm2v.evaluation._resampling import bootstrap_mean, interval
from skm2v.exceptions import TextWarning

SETS = {
    "sms_spam": "spam",
    "enron1": "spam",
    "trec": "topic",
    "banking77": "intent",
    "snips": "intent",
    "sst2": "sentiment",
    "mr": "sentiment",
    "subj": "sentiment",
    "ag_news_test": "topic",
    "20newsgroups_stripped": "topic",
    "tweeteval_offensive": "sentiment",
    "tweeteval_hate": "sentiment",
}
# The sets of the teacher's published comparison.
SIX = ("sms_spam", "trec", "banking77", "sst2", "subj", "ag_news_test")


def load(folder: Path, name: str) -> tuple[list[str], np.ndarray, list[str], np.ndarray]:
    import pandas

    frame = pandas.read_csv(folder / SETS[name] / f"{name}.csv.gz", keep_default_na=False)
    parts = [frame[frame.split == part] for part in ("train", "test")]
    (X, y), (X_test, y_test) = ((list(p.text), p.label.astype(str).to_numpy()) for p in parts)
    return X, y, X_test, y_test


def static() -> Any:
    return make_pipeline(StaticEmbedder(), LogisticRegression(max_iter=1000))


def tfidf() -> Any:
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LinearSVC())


def timed(fit: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return fit(), time.perf_counter() - start


def teacher_correct(
    folder: Path, name: str, X: list[str], y: np.ndarray, X_test: list[str], y_test: np.ndarray
) -> np.ndarray | None:
    """Which test texts the teacher's vectors and LogisticRegression get right."""
    stem = f"{SETS[name]}__{name}"
    if not (folder / f"{stem}.npy").exists():
        return None
    rows = {text: i for i, text in enumerate(json.loads((folder / f"{stem}.json").read_text()))}
    vectors = np.load(folder / f"{stem}.npy")
    head = LogisticRegression(max_iter=1000).fit(vectors[[rows[text] for text in X]], y)
    return head.predict(vectors[[rows[text] for text in X_test]]) == y_test


def difference(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """Paired difference of two accuracies in points, and its 95 % interval."""
    replicates = bootstrap_mean(one.astype(float) - other.astype(float))
    return tuple(100 * value for value in (one.mean() - other.mean(), *interval(replicates)))


def accuracy(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    X, y, X_test, y_test = load(arguments.data, name)
    correct, seconds = {}, {}
    for model, fit in (("tf-idf", tfidf), ("static", static), ("both", StaticTextClassifier)):
        fitted, seconds[model] = timed(lambda fit=fit: fit().fit(X, y))
        predicted = fitted.predict(X_test)
        correct[model] = predicted == y_test
    probabilities = fitted.predict_proba(X_test)
    better = max(("tf-idf", "static"), key=lambda model: correct[model].mean())
    result = {
        "set": name,
        **{model: float(right.mean()) for model, right in correct.items()},
        "macro_f1": float(f1_score(y_test, predicted, average="macro")),
        "log_loss": float(log_loss(y_test, probabilities, labels=fitted.classes_)),
        "confidence": float(probabilities.max(axis=1).mean()),
        "C": fitted.C_,
        "semantic_weight": fitted.semantic_weight_,
        "better": better,
        "against_better": difference(correct["both"], correct[better]),
        "seconds": seconds["both"],
        "megabytes": fitted.scores_.nbytes / 1e6,
    }
    if arguments.teacher is not None:
        right = teacher_correct(arguments.teacher, name, X, y, X_test, y_test)
        if right is not None:
            result["teacher"] = float(right.mean())
    return result


def few_shot(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    X, y, X_test, y_test = load(arguments.data, name)
    scores: dict[str, list[float]] = {"tf-idf": [], "static": [], "both": []}
    for seed in range(arguments.seeds):
        order = np.random.default_rng(seed).permutation(len(y))
        rows = np.concatenate([order[y[order] == label][:8] for label in np.unique(y)])
        texts = [X[row] for row in rows]
        for model, fit in (("tf-idf", tfidf), ("static", static), ("both", StaticTextClassifier)):
            fitted = fit().fit(texts, y[rows])
            scores[model].append(float((fitted.predict(X_test) == y_test).mean()))
    gains = np.subtract(scores["both"], scores["static"])
    return {
        "set": name,
        **{model: float(np.mean(values)) for model, values in scores.items()},
        "gain": float(gains.mean()),
        "gain_error": float(gains.std(ddof=1) / len(gains) ** 0.5),
    }


def fusing(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Differences to the pipeline, size on disk, and documents per second as ratios."""
    X, y, X_test, _ = load(arguments.data, name)
    # Some sets are sorted by class: the first texts of Banking77 have 62 of its 77.
    chosen = np.random.default_rng(0).permutation(len(X))[:8000]
    X, y = [X[i] for i in chosen], y[chosen]
    documents = [text for text in X_test if len(text) > 400] or X_test
    documents = (documents * (2000 // len(documents) + 1))[:2000]
    result: dict[str, Any] = {"set": name, "classes": len(np.unique(y))}
    for normalize in (False, True):
        for scaler in ([], [StandardScaler()]):
            head = LogisticRegression(C=10, max_iter=300)
            pipeline = make_pipeline(StaticEmbedder(normalize=normalize), *scaler, head).fit(X, y)
            fused = fuse(pipeline)
            key = f"{'unit' if normalize else 'mean'}{' scaled' if scaler else ''}"
            expected = pipeline.decision_function(X_test)
            exact = float64_decisions(pipeline, X_test).reshape(expected.shape)
            actual = fused.decision_function(X_test)
            result[key] = {
                "to_pipeline": float(np.abs(actual - expected).max()),
                "to_float64": float(np.abs(actual - exact).max()),
                "pipeline_to_float64": float(np.abs(expected - exact).max()),
                "largest": float(np.abs(exact).max()),
                "agree": float((fused.predict(X_test) == pipeline.predict(X_test)).mean()),
            }
            if not scaler:
                with tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / "fused.safetensors"
                    fused.save(path)
                    result[key]["megabytes"] = path.stat().st_size / 1e6
                    assert (
                        FusedTextClassifier.load(path, mmap=True).predict(X_test[:50])
                        == fused.predict(X_test[:50])
                    ).all()
                predict = partial(pipeline.predict, documents)
                result[key]["times_pipeline"] = ratio(predict, partial(fused.predict, documents))
                # No model can be faster than the tokenizer, here as token ids in two buffers.
                engine = pipeline[0].model_.pooler._choose_engine()
                result[key]["tokenizer_alone"] = ratio(
                    predict, partial(engine.ids, documents, max_length=512)
                )
    return result


def float64_decisions(pipeline: Any, texts: list[str]) -> np.ndarray:
    """Decision values with no float32 anywhere: scikit-learn rounds vectors and products."""
    embedder, *scalers, head = (step for _, step in pipeline.steps)
    model = embedder.model_
    ids, indptr = model.pooler.token_ids(texts, max_length=model.max_length)
    counts = csr_array((np.ones(len(ids)), ids, indptr), shape=(len(texts), len(model.tokens)))
    vectors = counts @ model.pooler.table.entry_vectors()
    scale = (
        np.linalg.norm(vectors, axis=1, keepdims=True)
        if model.normalize
        else np.diff(indptr)[:, np.newaxis].astype(float)
    )
    vectors /= np.where(scale > 0, scale, 1)
    for scaler in scalers:
        vectors = (vectors - scaler.mean_) / scaler.scale_
    return vectors @ head.coef_.T.astype(np.float64) + head.intercept_


def ratio(slow: Callable[[], Any], fast: Callable[[], Any], rounds: int = 15) -> float:
    """How many times faster one call is than another: median of interleaved pairs."""
    slow(), fast()
    ratios = []
    for _ in range(rounds):
        _, one = timed(slow)
        _, other = timed(fast)
        ratios.append(one / other)
    return float(np.median(ratios))


def latency(arguments: argparse.Namespace) -> None:
    """Accuracy, time of one message and of many, and size, through public methods, in turns."""
    X, y = load_sms_spam(subset="train", return_X_y=True)
    X_test, y_test = load_sms_spam(subset="test", return_X_y=True)
    unit, mean = (
        make_pipeline(
            StaticEmbedder(normalize=normalize), LogisticRegression(C=100, max_iter=1000)
        ).fit(X, y)
        for normalize in (True, False)
    )
    classifier = StaticTextClassifier().fit(X, y)
    models = {
        "tf-idf + LogisticRegression": make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=100)
        ).fit(X, y),
        "Pipeline": unit,
        "Pipeline, normalize=False": mean,
        "the same, fused": fuse(mean),
        "StaticTextClassifier": classifier,
        "fused StaticTextClassifier": fuse(classifier),
    }
    times: dict[str, list[float]] = {name: [] for name in models}
    for text in X_test[:1000]:
        for name, model in models.items():
            model.predict([text])  # untimed: the model before has filled the caches
            start = time.perf_counter_ns()
            model.predict([text])
            times[name].append((time.perf_counter_ns() - start) / 1e3)
    rates: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(30):
        for name, model in models.items():
            _, seconds = timed(partial(model.predict, X))
            rates[name].append(len(X) / seconds)
    for name, model in models.items():
        p50, p99 = np.percentile(times[name], [50, 99])
        print(
            f"{name:28} accuracy {model.score(X_test, y_test):.3f}  p50 {p50:7.1f} us"
            f"  p99 {p99:7.1f} us  {np.median(rates[name]):10,.0f} a second"
            f"  {size_on_disk(model) / 1e6:5.2f} MB"
        )


def size_on_disk(model: Any) -> int:
    """Bytes of a fused model's file, or of a pickle."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        if isinstance(model, FusedTextClassifier):
            model.save(path)
        else:
            path.write_bytes(pickle.dumps(model))
        return path.stat().st_size


def shown(result: dict[str, Any]) -> str:
    def text(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:.4g}"
        if isinstance(value, (list, tuple)):
            return "[" + " ".join(map(text, value)) + "]"
        if isinstance(value, dict):
            return "(" + " ".join(f"{key} {text(item)}" for key, item in value.items()) + ")"
        return str(value)

    return " ".join(f"{key} {text(value)}" for key, value in result.items())


def table(results: list[dict[str, Any]]) -> str:
    """Accuracies as a table in Markdown, as in docs/classification.md."""

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}".removeprefix("0")

    models = [name for name in ("tf-idf", "static", "both", "teacher") if name in results[0]]
    with_difference = "against_better" in results[0]
    lines = [f"| set | {' | '.join(models)} |" + " difference | seconds |" * with_difference]
    lines.append("|---" * (lines[0].count("|") - 1) + "|")
    for result in results:
        line = f"| {result['set']} | {' | '.join(number(result.get(name)) for name in models)} |"
        if with_difference:
            mean, low, high = result["against_better"]
            line += f" {mean:+.1f} [{low:+.1f}, {high:+.1f}] | {result['seconds']:.1f} |"
        lines.append(line)
    for title, chosen in (("all", list(SETS)), ("six", SIX)):
        rows = [result for result in results if result["set"] in chosen]
        if not rows:
            continue
        means = [
            np.mean([row[name] for row in rows]) if all(name in row for row in rows) else None
            for name in models
        ]
        line = f"| mean of {len(rows)} ({title}) | {' | '.join(map(number, means))} |"
        lines.append(line + " | |" * with_difference)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["accuracy", "few-shot", "fuse", "latency"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", TextWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)
    if arguments.what == "latency":
        latency(arguments)
        return
    measure = {"accuracy": accuracy, "few-shot": few_shot, "fuse": fusing}[arguments.what]
    results = []
    for name in arguments.sets:
        results.append(measure(name, arguments))
        print(shown(results[-1]), flush=True)
        if arguments.out is not None:
            with arguments.out.open("a") as file:
                file.write(json.dumps(results[-1]) + "\n")
    if arguments.what != "fuse":
        print("\n" + table(results))


if __name__ == "__main__":
    main()
