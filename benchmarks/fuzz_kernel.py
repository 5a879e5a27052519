r"""Random texts and tables through the compiled kernel, compared with the reference path.

    python benchmarks/fuzz_kernel.py (--teacher FOLDER | --tokenizer FILE) [--minutes 10] [--seed 0]

Made for a build with sanitizers:

    SKM2V_SANITIZE=address,undefined SKM2V_REQUIRE_EXT=1 python setup.py build_ext --inplace --force
    LD_PRELOAD=$(gcc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 \
      UBSAN_OPTIONS=halt_on_error=1 python benchmarks/fuzz_kernel.py --teacher FOLDER
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.exactness import random_texts, settings
from skm2v._pooling import PoolingTable, TextTokenizer
from skm2v._pooling.kernel import Kernel, build_kernel
from skm2v._pooling.reference import ReferenceEngine


def random_table(n_tokens: int, rng: np.random.Generator) -> PoolingTable:
    """Make a table of a random type, width and set of parts."""
    dim = int(rng.integers(1, 80))
    dtype = rng.choice(["float16", "float32", "float64", "int8"])
    mapped = rng.random() < 0.3
    n_rows = 50 if mapped else n_tokens
    arrays = {}
    n_pairs = int(rng.integers(0, 3000)) if rng.random() < 0.5 else 0
    if n_pairs:
        pairs = rng.integers(0, n_tokens, (n_pairs, 2))
        pairs[: n_pairs // 2] = rng.integers(1000, 1040, (n_pairs // 2, 2))
        arrays["pairs"] = np.unique(pairs, axis=0).astype(np.int32)
        n_pairs = len(arrays["pairs"])
        n_rows += n_pairs
    if dtype == "int8" or rng.random() < 0.5:
        arrays["weights"] = rng.uniform(0.1, 1, n_tokens + n_pairs).astype(np.float32)
    if mapped:
        arrays["mapping"] = rng.integers(0, 50, n_tokens).astype(np.int32)
    if dtype == "int8":
        rows = rng.integers(-127, 128, (n_rows, dim)).astype(np.int8)
    else:
        rows = rng.normal(size=(n_rows, dim)).astype(dtype)
    return PoolingTable(rows, **arrays)


def random_text(parts: list[str], rng: random.Random) -> str:
    """Join a few strings, or so many that the text is cut into pieces."""
    n = rng.choice([0, 1, 1, 2, 3, 30, 300]) if rng.random() < 0.97 else 4000
    return rng.choice(["", " ", "\t", "x", "中"]).join(rng.choices(parts, k=n))


def run(engine: Kernel | ReferenceEngine, texts: list[str], dim: int, **options: object) -> tuple:
    out = np.full((len(texts), dim), np.nan, dtype=np.float32)
    empty, truncated = np.zeros(len(texts), bool), np.zeros(len(texts), bool)
    engine.pool_into(texts, out, empty=empty, truncated=truncated, **options)
    return out, empty, truncated


def one_round(tokenizer: TextTokenizer, kernel: Kernel, table: PoolingTable, seed: int) -> int:
    """Compare some texts, in one thread and in two."""
    rng = random.Random(seed)
    parts = list(random_texts(200, seed))
    texts = [random_text(parts, rng) for _ in range(rng.choice([1, 5, 60]))]
    max_length = rng.choice([None, 1, 3, 100, 512])
    options = {"max_length": max_length, "normalize": rng.random() < 0.5}
    want = run(ReferenceEngine(tokenizer, table), texts, table.dim, **options)
    results = []

    def work() -> None:
        results.append(run(kernel, texts, table.dim, **options))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work()
    for vectors, empty, truncated in results:
        assert np.array_equal(vectors, results[0][0]), (seed, "threads differ")
        assert np.array_equal(empty, want[1]), (seed, "empty")
        assert np.array_equal(truncated, want[2]), (seed, "truncated")
        worst = float(np.abs(vectors - want[0]).max())
        assert worst <= 1e-6 * max(1.0, float(np.abs(want[0]).max())), (seed, worst)
    return len(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--teacher", type=Path, help="folder with tokenizer.json")
    source.add_argument("--tokenizer", type=Path, help="file like tokenizer.json")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    path = args.tokenizer or args.teacher / "tokenizer.json"
    tokenizers = dict(settings(path.read_text(encoding="utf-8")))
    end, seed, n = time.monotonic() + 60 * args.minutes, args.seed, 0
    while time.monotonic() < end:
        tokenizer = random.Random(seed).choice(list(tokenizers.values()))
        table = random_table(len(tokenizer.tokens), np.random.default_rng(seed))
        kernel = build_kernel(tokenizer, table)
        if kernel is None:
            sys.exit("no kernel for this tokenizer")
        for _ in range(20):
            n += one_round(tokenizer, kernel, table, seed)
            seed += 1
    print(f"{n:,} texts in {seed - args.seed:,} rounds, no difference")


if __name__ == "__main__":
    main()
