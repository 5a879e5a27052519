"""Topics: how well groups are found and named, what they cost, and BERTopic beside them.

    python benchmarks/topics.py quality --data FOLDER    # ARI and V, k, names; development sets
    python benchmarks/topics.py speed --data FOLDER [--rows 100000]
    python benchmarks/topics.py bertopic --data FOLDER [--runs 3]

FOLDER has `intent/banking77.csv.gz`, `clustering/stackoverflow20.csv.gz`,
`clustering/googlenews_t.csv.gz` (columns text, label, and split) and, for `speed`,
`text/wordnet_glosses.txt.gz`. `bertopic` needs the packages bertopic, umap-learn and hdbscan; it
gets the vectors of the bundled model and is otherwise as its authors made it. Times are seconds of
the CPU, of the whole process; let there be one thread, with OMP_NUM_THREADS=1,
OPENBLAS_NUM_THREADS=1 and NUMBA_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import platform
import resource
import time
from collections import Counter
from pathlib import Path

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, roc_auc_score, v_measure_score

import skm2v
from skm2v import StaticEmbedder
from skm2v.clustering import (
    NeighborAverager,
    WardKMeans,
    choose_n_clusters,
    describe_clusters,
    find_topics,
    outlier_scores,
)
from skm2v.datasets import load_sms_spam

# The numbers of the evidence that the design was made from, among them the right ones.
KS = [5, 10, 20, 30, 40, 60, 77, 100, 152, 200]
SEEDS = range(3)
_NAMES = """
wordpress oracle svn apache excel matlab visual-studio cocoa osx bash spring hibernate scala
sharepoint ajax qt drupal linq haskell magento
"""
TAGS = _NAMES.split()


def read(folder: Path, name: str, split: str | None = None) -> tuple[list[str], np.ndarray]:
    with gzip.open(folder / name, "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if split in (None, row["split"])]
    return [row["text"] for row in rows], np.array([row["label"] for row in rows])


def sets(folder: Path) -> dict[str, tuple[list[str], np.ndarray]]:
    return {
        "Banking77 test": read(folder, "intent/banking77.csv.gz", "test"),
        "Stack Overflow": read(folder, "clustering/stackoverflow20.csv.gz"),
        "Google News": read(folder, "clustering/googlenews_t.csv.gz"),
    }


def quality(folder: Path) -> None:
    gains = []
    print("set, clusterer: V and ARI of the vectors, then of averaged ones (mean of 3 seeds)")
    for name, (texts, labels) in sets(folder).items():
        vectors = StaticEmbedder().fit_transform(texts)
        means = NeighborAverager().fit_transform(vectors)
        k = len(set(labels))
        line = {}
        for clusterer in ("KMeans", "WardKMeans"):
            scores = []
            for rows in (vectors, means):
                found = [
                    KMeans(k, n_init=3, random_state=seed).fit_predict(rows)
                    if clusterer == "KMeans"
                    else WardKMeans(k, random_state=seed).fit_predict(rows)
                    for seed in SEEDS
                ]
                scores.append(
                    [
                        np.mean([score(labels, one) for one in found])
                        for score in (v_measure_score, adjusted_rand_score)
                    ]
                )
            line[clusterer] = scores
            (v_raw, ari_raw), (v_mean, ari_mean) = scores
            print(
                f"{name:15} {len(texts):6,} k {k:3} {clusterer:10} V {v_raw:.3f} ARI {ari_raw:.3f}"
                f" | averaged V {v_mean:.3f} ARI {ari_mean:.3f} ({ari_mean - ari_raw:+.3f})",
                flush=True,
            )
        gains.append([line[c][1][1] - line[c][0][1] for c in line])
        choice, coarse = choose_n_clusters(vectors), choose_n_clusters(vectors, KS)
        print(
            f"{'':15} chosen {choice.n_clusters} of the default numbers, as good {choice.as_good}"
        )
        print(f"{'':15} chosen {coarse.n_clusters} of {KS}, as good {coarse.as_good}", flush=True)
        if name == "Stack Overflow":
            print_names(texts, labels, vectors, WardKMeans(k).fit_predict(means))
        if name == "Banking77 test":
            print_outliers(vectors)
    mean = np.mean(gains, axis=0)
    print(f"mean gain of ARI by averaging: KMeans {mean[0]:+.3f}, WardKMeans {mean[1]:+.3f}")


def print_names(texts: list[str], labels: np.ndarray, vectors: np.ndarray, found: np.ndarray):
    places = []
    for cluster in describe_clusters(texts, found, vectors=vectors):
        most = Counter(labels[found == cluster.label].tolist()).most_common(1)[0][0]
        tag = TAGS[int(most) - 1].split("-")[0]
        there = [n for n, term in enumerate(cluster.terms, 1) if tag in term.replace(" ", "")]
        places.append(there[0] if there else 99)
    first, three = (np.mean(np.array(places) <= n) for n in (1, 3))
    print(f"{'':15} tag is the first term of {first:.0%}, among the first three of {three:.0%}")


def print_outliers(vectors: np.ndarray) -> None:
    odd = StaticEmbedder().fit_transform(load_sms_spam(subset="test").data[:100])
    both = np.concatenate([vectors, odd])
    scores = outlier_scores(both, WardKMeans(77).fit_predict(both))
    area = roc_auc_score(np.arange(len(both)) >= len(vectors), scores)
    print(f"{'':15} 100 text messages among them: area under the ROC curve {area:.3f}")


def speed(folder: Path, n_rows: int) -> None:
    with gzip.open(folder / "text/wordnet_glosses.txt.gz", "rt", encoding="utf-8") as file:
        texts = [line.rstrip("\n") for line, _ in zip(file, range(n_rows), strict=False)]
    start = last = time.process_time()

    def lap(step: str) -> None:
        nonlocal last
        now = time.process_time()
        print(f"{step:10} {now - last:6.1f}", flush=True)
        last = now

    vectors = StaticEmbedder().fit_transform(texts)
    lap("embed")
    choice = choose_n_clusters(vectors)
    lap("choose")
    means = NeighborAverager().fit_transform(vectors)
    lap("average")
    labels = WardKMeans(choice.n_clusters).fit_predict(means)
    lap("group")
    describe_clusters(texts, labels, vectors=vectors)
    lap("describe")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    total = time.process_time() - start
    print(f"{len(texts):,} texts, {choice.n_clusters} topics: {total:.1f} s, peak {peak:.2f} GB")


def bertopic(folder: Path, runs: int) -> None:
    import hdbscan  # noqa: F401
    import umap
    from bertopic import BERTopic
    from bertopic import __version__ as version

    print(f"bertopic {version}, umap-learn {umap.__version__}")
    texts, labels = read(folder, "intent/banking77.csv.gz", "test")
    vectors = StaticEmbedder().fit_transform(texts)
    BERTopic().fit_transform(texts[:500], vectors[:500])  # compiled once
    times: dict[str, list[float]] = {"bertopic": [], "find_topics": []}
    for _ in range(runs):
        start = time.process_time()
        found, _ = BERTopic().fit_transform(texts, vectors)
        times["bertopic"].append(time.process_time() - start)
        print_result("BERTopic", np.array(found), labels, times["bertopic"][-1])
        start = time.process_time()
        mine = find_topics(texts).labels
        times["find_topics"].append(time.process_time() - start)
        print_result("find_topics", mine, labels, times["find_topics"][-1])
    ratio = np.array(times["bertopic"]) / np.array(times["find_topics"])
    print(f"ratio of times: least {ratio.min():.1f}, median {np.median(ratio):.1f}")
    start = time.process_time()
    fixed = find_topics(texts, 77).labels
    print_result("find_topics(77)", fixed, labels, time.process_time() - start)


def print_result(name: str, found: np.ndarray, labels: np.ndarray, seconds: float) -> None:
    outside = (found == -1).mean()
    n = len(set(found.tolist()) - {-1})
    print(
        f"{name:16} topics {n:3} without one {outside:4.0%} V {v_measure_score(labels, found):.3f}"
        f" ARI {adjusted_rand_score(labels, found):.3f} {seconds:5.1f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("quality", "speed", "bertopic"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    print(
        f"skm2v {skm2v.__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__},"
        f" Python {platform.python_version()}, {platform.machine()}"
    )
    if arguments.what == "quality":
        quality(arguments.data)
    elif arguments.what == "speed":
        speed(arguments.data, arguments.rows)
    else:
        bertopic(arguments.data, arguments.runs)


if __name__ == "__main__":
    main()
