"""How the time per text grows: texts, length, columns, vocabulary, threads.

    python benchmarks/scaling.py --model FOLDER [--data ../shared/data] [--most 1000000]
        [--json FILE] [--plot FILE]

Two threads are compared with what two threads that hash bytes reach in the same program, as the
second core of a shared machine may not be all there.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from speed_common import (
    english,
    environment,
    limit_threads,
    load_parts,
    markdown,
    our_model,
    show_environment,
    simd_in_use,
    write_json,
)

SCALES = {"texts": "number of texts", "length": "tokens per text", "dim": "columns",
          "vocabulary": "tokens of the vocabulary"}  # fmt: skip


def per_text(model: Any, texts: list[str], rounds: int = 3) -> float:
    """Least microseconds per text of a few rounds."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        model.encode(texts)
        seconds.append(time.perf_counter() - start)
    return min(seconds) / len(texts) * 1e6


def random_model(n_tokens: int, dim: int) -> Any:
    """Make a model of random words and vectors."""
    import json

    import numpy as np

    words = ["[UNK]", *(f"w{i}" for i in range(n_tokens - 1))]
    spec = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {word: i for i, word in enumerate(words)},
        },
    }
    rows = np.random.default_rng(0).standard_normal((n_tokens, dim), dtype=np.float32)
    return our_model(rows, json.dumps(spec), "float32")


def growth(table: Any, tokenizer: str, corpora: dict[str, Any], most: int) -> dict[str, Any]:
    """Microseconds per text along each scale."""
    import numpy as np

    model = our_model(table, tokenizer, "float32")
    model.encode(corpora["sentences"])  # a cache as full as in use
    sentences = corpora["sentences"]
    result: dict[str, dict[int, float]] = {name: {} for name in SCALES}
    n = 1
    while n <= most:
        texts = [sentences[i % len(sentences)] for i in range(n)]
        result["texts"][n] = per_text(model, texts, 50 if n < 1000 else 3)
        n *= 10
    words = " ".join(corpora["documents"]).split()
    for length in (4, 16, 64, 256, 1024, 4096):
        n = max(4, 200_000 // length)
        texts = [" ".join(words[i * 50 : i * 50 + length]) for i in range(n)]
        unlimited = our_model(table, tokenizer, "float32")
        result["length"][length] = per_text_unlimited(unlimited, texts)
    for dim in (16, 64, 128, 256):
        narrow = our_model(np.ascontiguousarray(table[:, :dim]), tokenizer, "float32")
        result["dim"][dim] = per_text(narrow, sentences[:20_000])
    for n_tokens in (1_000, 10_000, 100_000, 500_000):
        rng = random.Random(0)
        texts = [" ".join(f"w{rng.randrange(n_tokens)}" for _ in range(16)) for _ in range(10_000)]
        result["vocabulary"][n_tokens] = per_text(random_model(n_tokens, 64), texts)
    return result


def per_text_unlimited(model: Any, texts: list[str]) -> float:
    def run() -> float:
        start = time.perf_counter()
        model.encode(texts, max_length=None)
        return (time.perf_counter() - start) / len(texts) * 1e6

    return min(run() for _ in range(3))


def speedup_of_two(work: Callable[[], Any]) -> float:
    """Time of one thread doing `work` twice over that of two threads doing it once each."""

    def in_threads(n: int, times: int) -> float:
        def body() -> None:
            for _ in range(times):
                work()

        threads = [threading.Thread(target=body) for _ in range(n)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    return in_threads(1, 2) / in_threads(2, 1)


def two_threads(model: Any, corpora: dict[str, list[str]], rounds: int = 11) -> dict[str, float]:
    """Gain of a second thread for hashing and for encode, taking turns."""
    data = bytes(16 << 20)

    def digest() -> None:
        hashlib.sha256(data).digest()  # one call, without the GIL

    gains: dict[str, list[float]] = {"hashing": []}
    for texts in corpora.values():
        model.encode(texts)
    for _ in range(rounds):
        gains["hashing"].append(speedup_of_two(digest))
        for name, texts in corpora.items():
            start = time.perf_counter()
            model.encode(texts, n_jobs=1)
            middle = time.perf_counter()
            model.encode(texts, n_jobs=2)
            seconds = time.perf_counter() - middle
            gains.setdefault(name, []).append((middle - start) / seconds)
    return {name: median(values) for name, values in gains.items()}


def plot(path: Path, result: dict[str, Any]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(SCALES), figsize=(4 * len(SCALES), 3.5))
    for axis, (name, label) in zip(axes, SCALES.items(), strict=True):
        axis.loglog([*result[name]], [*result[name].values()], marker="o")
        axis.set_xlabel(label)
        axis.set_ylabel("µs per text")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a static model")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--most", type=int, default=1_000_000, help="largest number of texts")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    limit_threads(1)
    warnings.simplefilter("ignore")

    table, tokenizer = load_parts(args.model)
    corpora = english(args.data)
    env = environment(simd_in_use())
    print("## Growth of the time per text\n")
    show_environment(env)
    result = growth(table, tokenizer, corpora, args.most)
    for name, label in SCALES.items():
        rows = [[f"{k:,}", v] for k, v in result[name].items()]
        print(markdown([label, "µs per text"], rows) + "\n")
    gains = {
        dtype: two_threads(our_model(table, tokenizer, dtype), corpora)
        for dtype in ("float32", "int8")
    }
    for dtype, of_dtype in gains.items():
        shown = ", ".join(f"{name} {gain:.2f} ×" for name, gain in of_dtype.items())
        print(f"two threads, {dtype}: {shown}")
    write_json(args.json, {"environment": env, "microseconds": result, "two_threads": gains})
    if args.plot:
        plot(args.plot, result)


if __name__ == "__main__":
    main()
