"""Time of one short text: p50 and p99 of skm2v and its peers, taking turns.

    python benchmarks/latency.py --model FOLDER [--data ../shared/data] [--calls 3000] [--json FILE]

Every call encodes another sentence of about 80 characters. The last lines say where the time of
`pipeline.predict([text])` goes.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from speed_common import (
    Encoder,
    english,
    environment,
    limit_threads,
    load_parts,
    markdown,
    our_model,
    peer_folder,
    peers,
    show_environment,
    simd_in_use,
    write_json,
)

BLOCK = 50  # texts in a turn: long enough that the processor's caches are the engine's own


def percentile(values: list[int], share: float) -> float:
    """Microseconds."""
    return sorted(values)[int(share * (len(values) - 1))] / 1000


def measure(calls: dict[str, Encoder], texts: list[str], slow: set[str]) -> dict[str, Any]:
    """Let all engines take turns, a block of texts each; the `slow` ones one text of it."""
    for call in calls.values():
        for text in texts[:20]:
            call([text])
    nanoseconds: dict[str, list[int]] = {name: [] for name in calls}
    for first in range(20, len(texts), BLOCK):
        for name, call in calls.items():
            for text in texts[first : first + (1 if name in slow else BLOCK)]:
                start = perf_counter_ns()
                call([text])
                nanoseconds[name].append(perf_counter_ns() - start)
    return {
        name: {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)}
        for name, values in nanoseconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a static model")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    limit_threads(1)
    warnings.simplefilter("ignore")

    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from skm2v import StaticEmbedder
    from skm2v._pooling import check_texts

    table, tokenizer = load_parts(args.model)
    texts = english(args.data)["sentences"]
    model = our_model(table, tokenizer, "float32")
    pipeline = make_pipeline(StaticEmbedder(args.model), LogisticRegression())
    pipeline.fit(texts[-200:], np.arange(200) % 2)
    embedder, classifier = pipeline[0], pipeline[-1]
    vectors = embedder.transform(texts[:1])
    found, absent = peers(
        peer_folder(args.model, table, tokenizer), table, tokenizer, args.teacher, texts[:2000], 1
    )
    calls: dict[str, Encoder] = {
        "skm2v StaticModel.encode": model.encode,
        "skm2v StaticEmbedder.transform": embedder.transform,
        "skm2v pipeline.predict": pipeline.predict,
        "  of it: check_texts": check_texts,
        "  of it: pooling": lambda texts: model.pooler.pool(texts, max_length=512, normalize=True),
        "  of it: classifier.predict": lambda _: classifier.predict(vectors),
        **{peer.name: peer.make() for peer in found},
    }
    slow = {peer.name for peer in found if peer.most}
    env = environment(simd_in_use())
    print(f"## One text of about 80 characters, one thread, {args.calls:,} calls\n")
    show_environment(env)
    for name in absent:
        print(f"absent: {name}")
    result = measure(calls, texts[: args.calls + 20], slow)
    base = result.get("model2vec", {}).get("p50")
    rows = [
        [name, times["p50"], times["p99"], base / times["p50"] if base else "-"]
        for name, times in result.items()
    ]
    print(markdown(["", "p50 µs", "p99 µs", "× model2vec at p50"], rows))
    write_json(args.json, {"environment": env, "absent": absent, "microseconds": result})


if __name__ == "__main__":
    main()
