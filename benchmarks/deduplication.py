"""Time, memory and completeness of deduplication; average precision of pair scorers.

    python benchmarks/deduplication.py speed --texts FILE [--n 100000] [--engine avx2] [--rounds 3]
    python benchmarks/deduplication.py exact [--texts FILE] [--engine numpy]
    python benchmarks/deduplication.py mixed --data ../shared/data --out FILE
    python benchmarks/deduplication.py templates [--n 100000]
    python benchmarks/deduplication.py rethreshold [--n 1500000]
    python benchmarks/deduplication.py partition [--n 10000000] [--topics 2000] --out FILE.npy
    python benchmarks/deduplication.py products --data ../shared/data/dedup [--split valid]
    python benchmarks/deduplication.py vectors --texts FILE --out FILE.npy
    python benchmarks/deduplication.py semhash --texts FILE --vectors FILE.npy

FILE has a text on each line. Times are CPU seconds of the process, the least of some rounds; set
OMP_NUM_THREADS=1. `semhash` needs only numpy and semhash, for an environment of its own.
"""

from __future__ import annotations

import argparse
import os
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


def mixed(arguments: argparse.Namespace) -> None:
    """Write the different short texts of the development data, a line each, in random order."""
    import gzip
    import re

    import pandas as pd

    found: dict[str, None] = {}

    def add(text: str) -> None:
        for part in re.split(r"(?<=[.!?])\s+|\n", text) if len(text) > 200 else [text]:
            short = " ".join(part.split())
            if 10 <= len(short) <= 200:
                found.setdefault(short)

    for path in sorted(arguments.data.glob("*/*.csv.gz")):
        frame = pd.read_csv(path, keep_default_na=False)
        for column in frame.columns:
            if column.startswith("text"):
                for text in frame[column].astype(str):
                    add(text)
    for path in sorted(arguments.data.glob("text/*.txt.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                for sentence in re.split(r"(?<=[.!?;])\s+", line):
                    add(sentence)
    texts = [*found]
    order = np.random.default_rng(0).permutation(len(texts))
    arguments.out.write_text("".join(f"{texts[i]}\n" for i in order), encoding="utf-8")
    print(f"{len(texts):,} texts")


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
    engine = arguments.engine or engine_names()[0]
    os.environ["SKM2V_SCAN"] = engine
    print(f"{len(texts):,} texts, threshold {arguments.threshold}, engine {engine}")
    seconds, found = cpu_seconds(
        lambda: Deduplicator(threshold=arguments.threshold).fit(texts), arguments.rounds
    )
    n_kept, n_pairs = int((~found.is_duplicate_).sum()), len(found.pairs_)
    print(f"Deduplicator.fit, with embedding {seconds:9.2f} s  {n_kept:,} kept, {n_pairs:,} pairs")
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
    from skm2v._pairs.engines import engine_names
    from skm2v._pairs.vectors import check_vectors
    from skm2v.datasets import load_banking77, load_sms_spam

    show_versions("scipy")
    sets = {"sms": load_sms_spam().data, "banking77": load_banking77().data}
    if arguments.texts:
        sets = {"mixed": read_texts(arguments.texts, arguments.n)}
    engines = [arguments.engine] if arguments.engine else engine_names()
    # Threads and order: each is another way to the same pairs.
    ways = {"1 thread": (1, False), "2": (2, False), "5": (5, False), "shuffled": (1, True)}
    print(f"{'texts':16}{'threshold':>9}{'pairs':>12}  {'engine':12}", *(f"{w:>9}" for w in ways))
    failed = False
    for name, texts in sets.items():
        vectors = check_vectors(embed([*dict.fromkeys(texts)]))
        every = all_pairs(vectors, 0.8)
        for threshold in (0.8, 0.85, 0.9, 0.95, 0.99):
            above = every[2] >= np.float32(threshold)
            expected = [column[above] for column in every]
            for engine in engines:
                # Minutes without compiled code: one way of many texts tells.
                few = len(texts) > 20_000 and engine in ("numpy", "scalar")
                cells = []
                for way, (n_jobs, shuffled) in ways.items():
                    if few and way != "shuffled":
                        cells.append("-")
                        continue
                    found = scanned(vectors, threshold, engine, n_jobs, shuffled)
                    same = all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
                    failed |= not same
                    cells.append("same" if same else "OTHER")
                what = f"{name} {len(vectors.values):,}"
                print(f"{what:16}{threshold:9}{above.sum():12,}  {engine:12}", end=" ")
                print(*(f"{cell:>9}" for cell in cells), flush=True)
    sys.exit(failed)


def all_pairs(vectors: Any, threshold: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs by brute force: products of NumPy with room for rounding, then cosines as defined."""
    from skm2v._pairs import exact as fixed

    unit = vectors.values / np.sqrt(np.maximum(vectors.squares, 1e-300))[:, None]
    unit = unit.astype(np.float32)
    rows = [np.empty((2, 0), dtype=np.int64)]
    for start in range(0, len(unit), 1024):
        products = unit[start : start + 1024] @ unit[start:].T
        i, j = np.nonzero(np.triu(products >= threshold - 1e-4, 1))
        rows.append(np.stack([i + start, j + start]))
    left, right = np.concatenate(rows, axis=1).astype(np.int32)
    values = fixed.cosines(vectors[:2], left, vectors[:2], right)
    above = values >= np.float32(threshold)
    return left[above], right[above], values[above]


def scanned(vectors: Any, threshold: float, engine: str, n_jobs: int, shuffled: bool) -> Any:
    """Pairs of the scan, in the order of the rows as they were."""
    from skm2v._pairs.engines import Corpus
    from skm2v._pairs.searching import scan, sorted_pairs
    from skm2v._pairs.vectors import check_vectors

    order = np.arange(len(vectors.values), dtype=np.int32)
    if shuffled:
        order = np.random.default_rng(0).permutation(order)
        vectors = check_vectors(vectors.values[order])
    chunks = scan(Corpus(vectors, threshold, engine), None, threshold, n_jobs=n_jobs)
    chunks = [c._replace(left=order[c.left], right=order[c.right]) for c in chunks]
    return sorted_pairs(chunks, triangle=True)


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


def partition(arguments: argparse.Namespace) -> None:
    """Vectors with planted duplicates, in cells: the share found, as measured and as planted.

    FILE.npy gets the vectors, 1 KB each; it is mapped, not read.
    """
    from skm2v._pairs.partition import Partition
    from skm2v._pairs.vectors import check_vectors

    show_versions("scikit-learn", "scipy")
    n, dim = arguments.n, 256
    left, right, cosine = make_planted(arguments.out, n, dim, arguments.topics)
    above = cosine >= arguments.threshold
    matrix = np.load(arguments.out, mmap_mode="r")
    start = time.process_time()
    found = Partition(check_vectors(matrix), arguments.threshold, n_jobs=1)
    made = time.process_time()
    print(f"{n:,} vectors of {dim}, {arguments.topics} topics, {above.sum():,} pairs planted at or")
    print(
        f"above {arguments.threshold}, {found.n_cells:,} cells, {found.n_probes} probes", flush=True
    )
    chunks = [*found.scan()]
    seconds = time.process_time() - start
    keys = np.concatenate([pair_keys(chunk.left, chunk.right) for chunk in chunks])
    recall = np.isin(pair_keys(left[above], right[above]), keys).mean()
    share = found.recall
    print(f"cells {made - start:.0f} s, all {seconds:.0f} s of CPU, {len(keys):,} pairs found")
    print(f"recall as planted {recall:.4f}; as measured {share.value:.4f}", end=" ")
    print(f"[{share.low:.4f}, {share.high:.4f}], {share.n_pairs:,} pairs of {share.n_rows:,} rows")
    print(f"largest memory {peak_megabytes():,.0f} MB, {matrix.nbytes / 2**20:,.0f} of it vectors")


def make_planted(
    path: Path, n: int, dim: int, n_topics: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write vectors around topics, a twentieth of which are near others; return these pairs."""
    rng = np.random.default_rng(0)
    matrix = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n, dim))
    topics = rng.standard_normal((n_topics, dim), dtype=np.float32)
    first = n - n // 20
    for start in range(0, first, 65_536):
        part = matrix[start : min(start + 65_536, first)]
        part[:] = rng.standard_normal(part.shape, dtype=np.float32)
        if n_topics:
            # Popular and rare topics, to which texts belong more or less.
            topic = (n_topics * rng.random(len(part)) ** 2).astype(int)
            part += topics[topic] * rng.uniform(0.3, 1.2, (len(part), 1)).astype(np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    original = np.sort(rng.integers(first, size=n - first))
    wanted = rng.uniform(0.9, 1, n - first)
    for start in range(0, n - first, 65_536):
        rows = slice(start, min(start + 65_536, n - first))
        source = matrix[original[rows]].astype(np.float64)
        other = rng.standard_normal(source.shape)
        other -= (other * source).sum(axis=1, keepdims=True) * source
        other /= np.linalg.norm(other, axis=1, keepdims=True)
        near = wanted[rows, None]
        matrix[first:][rows] = near * source + np.sqrt(1 - near**2) * other
    matrix.flush()
    return original, np.arange(first, n), wanted


def pair_keys(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.minimum(left, right).astype(np.int64) << 32 | np.maximum(left, right)


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
    rows = [row_of[items[0]["text"]] for items in index.index.items]
    neighbors = index.index.query_threshold(index.index.vectors, threshold=arguments.threshold)
    for row, (others, _) in zip(rows, neighbors, strict=True):
        for other in others:
            if rows[other] != row:
                found.add((min(row, rows[other]), max(row, rows[other])))
    # Equal texts are one item there.
    wanted = {(row_of[texts[a]], row_of[texts[b]]) for a, b in wanted}
    wanted = {(min(pair), max(pair)) for pair in wanted if pair[0] != pair[1]}
    recall = len(found & wanted) / max(len(wanted), 1)
    print(f"of {len(wanted):,} pairs of different texts its index finds {recall:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = (mixed, speed, exact, templates, rethreshold, partition, products, vectors, semhash)
    names = {command.__name__: command for command in commands}
    parser.add_argument("command", choices=names)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--engine")
    parser.add_argument("--split", default="valid")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--topics", type=int, default=2000)
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--rounds", type=int, default=3)
    names[parser.parse_args().command](parser.parse_args())


if __name__ == "__main__":
    main()
