"""Time, memory and completeness of deduplication; average precision of pair scorers.

    python benchmarks/deduplication.py speed --texts FILE [--n 100000] [--engine avx2] [--rounds 3]
    python benchmarks/deduplication.py exact --texts FILE
    python benchmarks/deduplication.py templates [--n 100000]
    python benchmarks/deduplication.py rethreshold [--n 1500000]
    python benchmarks/deduplication.py products --data ../shared/data/dedup [--split valid]
    python benchmarks/deduplication.py vectors --texts FILE --out FILE.npy
    python benchmarks/deduplication.py semhash --texts FILE --vectors FILE.npy

FILE has a text on each line. Times are CPU seconds of the process, the least of some rounds; set
OMP_NUM_THREADS=1. `semhash` needs only numpy and semhash, for an environment of its own.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


def cpu_seconds(work: Any, rounds: int) -> tuple[float, Any]:
    """Least CPU seconds of some rounds, and the last result."""
    best, result = float("inf"), None
    for _ in range(rounds):
        start = time.process_time()
        result = work()
        best = min(best, time.process_time() - start)
    return best, result


def peak_megabytes() -> float:
    """Largest memory of this process so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def show_versions(*packages: str) -> None:
    found = ", ".join(f"{name} {version(name)}" for name in ("numpy", *packages))
    print(f"python {platform.python_version()}, {found}")


def read_texts(path: Path, n: int | None) -> list[str]:
    texts = path.read_text(encoding="utf-8").split("\n")[:-1]
    return texts[:n]


def embed(texts: list[str]) -> np.ndarray:
    from skm2v import StaticEmbedder

    return StaticEmbedder().fit_transform(texts)


def brute_force(vectors: np.ndarray, threshold: float) -> int:
    """Number of pairs by products of NumPy, in blocks."""
    n_pairs, block = 0, 2048
    for start in range(0, len(vectors), block):
        rows = vectors[start : start + block]
        products = rows @ vectors[start:].T
        found = products >= np.float32(threshold)
        n_pairs += int(np.triu(found, 1).sum())
    return n_pairs


def speed(arguments: argparse.Namespace) -> None:
    from skm2v import Deduplicator
    from skm2v._pairs.engines import engine_names
    from skm2v.deduplication import pairs_above

    show_versions("scikit-learn", "scipy")
    texts = read_texts(arguments.texts, arguments.n)
    print(f"{len(texts):,} texts, threshold {arguments.threshold}, engine {engine_names()[0]}")
    seconds, found = cpu_seconds(
        lambda: Deduplicator(threshold=arguments.threshold).fit(texts), arguments.rounds
    )
    print(f"Deduplicator.fit, with embedding {seconds:9.2f} s  {found!r:.40} {found.pairs_}")
    print(f"largest memory of the process {peak_megabytes():9.0f} MB")
    vectors = embed(texts)
    seconds, pairs = cpu_seconds(
        lambda: pairs_above(vectors, arguments.threshold), arguments.rounds
    )
    print(f"pairs_above {seconds:9.2f} s  {len(pairs.left):,} pairs")
    if len(texts) <= 100_000:
        seconds, n_pairs = cpu_seconds(lambda: brute_force(vectors, arguments.threshold), 1)
        print(f"NumPy brute force {seconds:9.2f} s  {n_pairs:,} pairs")


def exact(arguments: argparse.Namespace) -> None:
    """Pairs of every engine, number of threads and order of rows beside those of brute force."""
    from skm2v._pairs import exact as fixed
    from skm2v._pairs.engines import Corpus, engine_names
    from skm2v._pairs.searching import scan, sorted_pairs
    from skm2v._pairs.vectors import check_vectors
    from skm2v.datasets import load_banking77, load_sms_spam

    sets = {"sms": load_sms_spam().data, "banking77": load_banking77().data}
    if arguments.texts:
        sets["mixed"] = read_texts(arguments.texts, arguments.n)
    for name, texts in sets.items():
        vectors = check_vectors(embed([*dict.fromkeys(texts)]))
        unit = vectors.values / np.sqrt(np.maximum(vectors.squares, 1e-300))[:, None]
        shuffled = np.random.default_rng(0).permutation(len(unit)).astype(np.int32)
        for threshold in (0.8, 0.9, 0.95, 0.99):
            rows = []
            for start in range(0, len(unit), 1024):
                products = unit[start : start + 1024] @ unit[start:].T  # float64
                i, j = np.nonzero(np.triu(products >= threshold - 1e-6, 1))
                rows.append(np.stack([i + start, j + start]))
            left, right = np.concatenate(rows, axis=1).astype(np.int32)
            values = fixed.cosines(vectors[:2], left, vectors[:2], right)
            above = values >= np.float32(threshold)
            expected = (left[above], right[above], values[above])
            for engine in engine_names():
                if engine in ("scalar", "numpy") and len(unit) > 20_000:
                    continue  # minutes
                for n_jobs, order in ((1, None), (2, None), (5, None), (1, shuffled)):
                    own = vectors if order is None else check_vectors(vectors.values[order])
                    corpus = Corpus(own, threshold, engine)
                    chunks = list(scan(corpus, None, threshold, n_jobs=n_jobs))
                    if order is not None:
                        chunks = [
                            c._replace(left=order[c.left], right=order[c.right]) for c in chunks
                        ]
                    found = sorted_pairs(chunks, triangle=True)
                    same = all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
                    if not same:
                        sys.exit(f"{name} {threshold} {engine} {n_jobs}: other pairs")
            print(f"{name:10} {len(unit):7,} {threshold}: {above.sum():9,} pairs, all the same")


def templates(arguments: argparse.Namespace) -> None:
    """Texts that are alike all of them, with far more pairs than memory has room for."""
    from skm2v import Deduplicator

    rng = np.random.default_rng(0)
    texts = [
        f"Your code is {code}. Do not share it." for code in rng.integers(1e5, 1e6, arguments.n)
    ]
    seconds, found = cpu_seconds(lambda: Deduplicator().fit(texts), 1)
    report = found.fit_report_
    print(f"{arguments.n:,} templates: {seconds:.1f} s, {report['n_kept']:,} kept,")
    print(f"pairs stored: {report['all_pairs_stored']}, largest memory {peak_megabytes():.0f} MB")


def rethreshold(arguments: argparse.Namespace) -> None:
    """Another threshold with many stored pairs."""
    from skm2v import Deduplicator
    from skm2v._dedup.links import Links

    n_nodes = arguments.n // 2
    texts = [f"text {i}" for i in range(n_nodes)]
    found = Deduplicator(kinds=("exact",), threshold=0.9).fit(texts)
    rng = np.random.default_rng(0)
    # Clusters of rows, linked at random within.
    left = rng.integers(0, n_nodes, arguments.n)
    right = left // 20 * 20 + rng.integers(0, 20, arguments.n)
    good = (left != right) & (right < n_nodes)
    left, right = left[good].astype(np.int32), right[good].astype(np.int32)
    value = rng.uniform(0.9, 1, len(left)).astype(np.float32)
    links = Links(left, right, value, np.full(len(left), 2, dtype=np.int8))
    object.__setattr__(found._found, "links", links)
    seconds, other = cpu_seconds(lambda: found.rethreshold(0.92), arguments.rounds)
    print(f"rethreshold of {len(links):,} pairs: {seconds:.2f} s, {len(other.pairs_):,} left")


def products(arguments: argparse.Namespace) -> None:
    import pandas as pd
    from sklearn.metrics import average_precision_score

    from skm2v.deduplication import PairScorer

    show_versions("scikit-learn")
    for name in ("abt_buy", "amazon_google"):
        frame = pd.read_csv(arguments.data / f"{name}.csv.gz", keep_default_na=False)
        train, test = frame[frame.split == "train"], frame[frame.split == arguments.split]
        pairs = test[["text1", "text2"]]
        scorer = PairScorer().fit(train[["text1", "text2"]], train.label)
        features = dict(zip(scorer.get_feature_names_out(), scorer.features(pairs).T, strict=True))
        columns = {
            "cosine": features["cosine"],
            "characters": features["tfidf_characters"],
            "PairScorer": scorer.predict_proba(pairs)[:, 1],
        }
        scores = [f"{k} {average_precision_score(test.label, v):.3f}" for k, v in columns.items()]
        print(f"{name}, {arguments.split}, {len(test):,} pairs: AP", ", ".join(scores))


def vectors(arguments: argparse.Namespace) -> None:
    from skm2v.deduplication import pairs_above

    found = embed(read_texts(arguments.texts, arguments.n))
    np.save(arguments.out, found)
    pairs = pairs_above(found, arguments.threshold)
    np.save(f"{arguments.out}.pairs.npy", np.stack([pairs.left, pairs.right]))


def semhash(arguments: argparse.Namespace) -> None:
    """CPU seconds of semhash, and the share of all pairs that its index finds."""
    from semhash import SemHash

    show_versions("semhash", "vicinity", "usearch")
    texts = read_texts(arguments.texts, arguments.n)
    matrix = np.load(arguments.vectors)

    def run() -> Any:
        index = SemHash.from_embeddings(matrix, texts, model=None)
        return index, index.self_deduplicate(threshold=arguments.threshold)

    start = time.process_time()
    index, result = run()
    print(f"semhash: {time.process_time() - start:.1f} s, {len(result.selected):,} selected")
    pairs = np.load(f"{arguments.vectors}.pairs.npy")
    wanted = {*map(tuple, pairs.T.tolist())}
    found = set()
    row_of = {text: row for row, text in reversed([*enumerate(texts)])}
    neighbors = index.index.query_threshold(matrix, threshold=arguments.threshold, max_k=100)
    for row, own in enumerate(neighbors):
        for items, *_ in own:
            other = row_of[items[0]["text"]]
            if other != row:
                found.add((min(row, other), max(row, other)))
    recall = len(found & wanted) / max(len(wanted), 1)
    print(f"of {len(wanted):,} pairs its index (100 neighbours) finds {recall:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = (speed, exact, templates, rethreshold, products, vectors, semhash)
    names = {command.__name__: command for command in commands}
    parser.add_argument("command", choices=names)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--split", default="valid")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--rounds", type=int, default=3)
    names[parser.parse_args().command](parser.parse_args())


if __name__ == "__main__":
    main()
