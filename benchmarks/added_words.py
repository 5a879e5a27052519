"""Throughput of the bundled model with 1, 100 and 1,000 added phrases and words, beside none.

The phrases are pairs of words that occur in the texts, the words those that the vocabulary splits,
both the most frequent first: what a text contains is found, not only looked for. Rounds are
interleaved, and what is compared is the processor's time of one thread. Then: how long it takes to
add 5,000 phrases with vectors.

    python benchmarks/added_words.py --data DATA
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from pathlib import Path
from statistics import median

from speed_common import english, limit_threads, markdown

limit_threads(1)

import numpy as np  # noqa: E402

from skm2v import StaticModel  # noqa: E402
from skm2v.datasets import default_model_path  # noqa: E402


def frequent_strings(model: StaticModel, texts: list[str]) -> dict[str, list[str]]:
    """Pairs of words that occur in texts, and single ones that the vocabulary splits."""
    words: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for text in texts:
        found = re.findall(r"[a-z]+", text.lower())
        words.update(found)
    common = {word for word, _ in words.most_common(200)}
    for text in texts:
        found = re.findall(r"[a-z]+", text.lower())
        pairs.update(
            f"{a} {b}"
            for a, b in zip(found, found[1:], strict=False)
            if a not in common and b not in common and f"{a} {b}" in text.lower()
        )
    rare = [word for word, _ in words.most_common(60_000)]
    split = [w for w, ids in zip(rare, model.tokenize(rare), strict=True) if len(ids) > 1]
    return {
        "phrases": [pair for pair, _ in pairs.most_common(1000)],
        "words": split[:1000],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    texts = english(args.data, n_sentences=args.texts)["sentences"][: args.texts]
    plain = StaticModel.from_pretrained(default_model_path())
    strings = frequent_strings(plain, texts)
    models = {"none": plain}
    for kind, found in strings.items():
        for n in (1, 100, 1000):
            vectors = np.random.default_rng(0).normal(size=(n, plain.dim))
            models[f"{n} {kind}"] = plain.extend(found[:n], vectors=vectors)
    counts = {
        name: sum(t >= len(plain.tokens) for ids in model.tokenize(texts) for t in ids)
        for name, model in models.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for round_ in range(args.rounds + 1):
        for name, model in models.items():
            start = time.process_time()
            model.encode(texts)
            if round_:  # the first one fills caches
                seconds[name].append(time.process_time() - start)
    ratios = {
        name: median(np.divide(times, seconds["none"]).tolist()) for name, times in seconds.items()
    }
    rows = [
        [
            name,
            type(models[name].pooler.engine).__name__,
            counts[name],
            f"{len(texts) / min(times):,.0f}",
            f"{ratios[name]:.2f}",
        ]
        for name, times in seconds.items()
    ]
    print(markdown(["added", "engine", "found", "texts a second", "time"], rows))
    start = time.process_time()
    plain.extend(
        [f"made up {number}" for number in range(5000)],
        vectors=np.random.default_rng(0).normal(size=(5000, plain.dim)),
    )
    print(f"\nextend with 5,000 phrases and vectors: {time.process_time() - start:.2f} s")


if __name__ == "__main__":
    main()
