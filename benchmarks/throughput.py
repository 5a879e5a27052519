"""Texts per second: skm2v and its peers on the same texts and the same table, in one run.

    python benchmarks/throughput.py --model FOLDER [--data ../shared/data] [--teacher FOLDER]
        [--threads 1] [--rounds 5] [--only NAME ...] [--json FILE] [--plot FILE]

Every engine has `--threads` threads (the peers read that number once, when they are loaded); with
one thread, skm2v is also shown with all cores. The teacher encodes 64 texts only: its time per text
is theirs. laghu needs the version of tokenizers that its Rust core was made for. All engines take
turns in every round. "cold" is the first sight of the texts by a new object,
"warm" the second pass over them. The lower bounds are the kernel's own two halves, measured in the
same rounds: `tokenise only` (a table of one column) and `gather only` (ids known).
"""

from __future__ import annotations

import argparse
import os
import warnings
from functools import partial
from pathlib import Path
from typing import Any

from speed_common import (
    Encoder,
    Peer,
    english,
    environment,
    limit_threads,
    load_parts,
    markdown,
    multilingual,
    our_model,
    peer_folder,
    peers,
    show_environment,
    simd_in_use,
    summary,
    timed,
    write_json,
)

DTYPES = ("float32", "float16", "int8")


def bounds(table: Any, tokenizer: str, texts: list[str]) -> list[Peer]:
    """Return the lower bounds: the kernel's tokenizer alone, its sums alone."""
    import numpy as np

    from skm2v._model.quantization import quantize
    from skm2v._pooling import PoolingTable, TextTokenizer, bert
    from skm2v._pooling.kernel import build_kernel

    text_tokenizer = TextTokenizer(tokenizer)
    narrow = PoolingTable(np.ascontiguousarray(table[:, :1]))

    def tokenise() -> Any:
        bert._code_points.cache_clear()
        kernel = build_kernel(text_tokenizer, narrow)

        def encode(texts: list[str]) -> None:
            out = np.empty((len(texts), 1), dtype=np.float32)
            flags = np.empty(len(texts), dtype=bool)
            kernel.pool_into(
                texts, out, max_length=512, normalize=True, empty=flags, truncated=flags.copy()
            )

        return encode

    kernel = build_kernel(text_tokenizer, narrow)
    ids, indptr = kernel.ids(texts, max_length=512)
    ids = np.frombuffer(ids, dtype=np.int32)
    indptr = np.array(indptr, dtype=np.int64)

    def gather(dtype: str) -> Any:
        rows, scales = quantize(table, dtype)
        kernel = build_kernel(text_tokenizer, PoolingTable(rows, scales))

        def encode(texts: list[str]) -> None:
            out = np.empty((len(texts), table.shape[1]), dtype=np.float32)
            if len(texts) + 1 != len(indptr):
                return  # not the texts whose ids are known
            kernel.pool_ids(
                ids, indptr, out, normalize=True, empty=np.empty(len(texts), dtype=np.uint8)
            )

        return encode

    made = [Peer("tokenise only", tokenise)]
    made += [Peer(f"gather only {dtype}", partial(gather, dtype)) for dtype in DTYPES]
    return made


def measure(engines: list[Peer], texts: list[str], rounds: int) -> dict[str, Any]:
    """Return seconds per text of every engine, cold and warm."""
    seconds: dict[str, dict[str, list[float]]] = {e.name: {"cold": [], "warm": []} for e in engines}
    for _ in range(rounds):
        for engine in engines:
            if engine.most and seconds[engine.name]["cold"]:
                continue  # slow: once is enough
            some = texts[: engine.most] if engine.most else texts
            encode = engine.make()
            encode(["a"])  # what is loaded lazily is loaded now
            for sight in ("cold", "warm"):
                if sight == "warm" and engine.most:
                    continue
                elapsed = timed(lambda e=encode, t=some: e(t))
                seconds[engine.name][sight].append(elapsed / len(some))
    return {
        name: {sight: summary(values) for sight, values in both.items() if values}
        for name, both in seconds.items()
    }


def agreement(
    engines: dict[str, Peer], texts: list[str], table: Any, tokenizer: str
) -> dict[str, float]:
    """Largest difference of float32 to model2vec and to the reference, cosine of the others."""
    import numpy as np

    from skm2v._pooling import PoolingTable, TextTokenizer
    from skm2v._pooling.reference import ReferenceEngine

    some = texts[:2000]
    vectors = {name: engines[name].make()(some) for name in engines if name.startswith("skm2v")}
    exact = np.empty_like(vectors["skm2v float32"])
    flags = np.empty((2, len(some)), dtype=bool)
    ReferenceEngine(TextTokenizer(tokenizer), PoolingTable(table)).pool_into(
        some, exact, max_length=512, normalize=True, empty=flags[0], truncated=flags[1]
    )
    vectors["the float64 reference"] = exact
    result = {
        "largest difference to the float64 reference": float(
            np.abs(vectors["skm2v float32"] - exact).max()
        )
    }
    for name in ("model2vec", "nanotoken + CSR", "laghu"):
        if name in engines:
            other = np.asarray(engines[name].make()(some))
            result[f"largest difference to {name}"] = float(
                np.abs(vectors["skm2v float32"] - other).max()
            )
            result[f"largest difference of {name} to the reference"] = float(
                np.abs(other - exact).max()
            )
    for dtype in ("float16", "int8"):
        cosine = (vectors[f"skm2v {dtype}"] * vectors["skm2v float32"]).sum(axis=1)
        known = vectors["skm2v float32"].any(axis=1)
        result[f"smallest cosine of {dtype} to float32"] = float(cosine[known].min())
    return result


def report(name: str, texts: list[str], result: dict[str, Any]) -> None:
    base = result["model2vec"]["cold"] if "model2vec" in result else None
    rows = []
    for engine, times in sorted(result.items(), key=lambda item: item[1]["cold"]["median"]):
        cold, warm = times["cold"], times.get("warm")
        rows.append([
            engine,
            cold["min"] * 1e6,
            cold["median"] * 1e6,
            warm["median"] * 1e6 if warm else "-",
            base["min"] / cold["min"] if base else "-",
            base["median"] / cold["median"] if base else "-",
        ])  # fmt: skip
    size = sum(map(len, texts)) / len(texts)
    print(f"### {name}: {len(texts):,} texts of {size:.0f} characters\n")
    header = ["", "cold min µs", "cold median µs", "warm median µs", "× min", "× median"]
    print(markdown(header, rows) + "\n")
    for dtype in DTYPES:
        both = (
            result["tokenise only"]["cold"]["min"] + result[f"gather only {dtype}"]["cold"]["min"]
        )
        ours = result[f"skm2v {dtype}"]["cold"]["min"]
        print(f"{dtype}: {ours / both:.2f} × (tokenise only + gather only)")
    print()


def plot(path: Path, results: dict[str, Any]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = [n for n in ("sentences", "documents") if n in results]
    figure, axes = plt.subplots(1, len(names), figsize=(6 * len(names), 5), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        result = {k: v for k, v in results[name]["seconds"].items() if "only" not in k}
        order = sorted(result, key=lambda k: -result[k]["cold"]["median"])
        axis.barh(order, [1 / result[k]["cold"]["median"] for k in order])
        axis.set_xscale("log")
        axis.set_xlabel("texts per second (cold)")
        axis.set_title(name)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a static model")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=50_000)
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--only", nargs="*", help="names of the peers to compare with")
    parser.add_argument("--english", action="store_true", help="leave out other languages")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    limit_threads(args.threads)
    warnings.simplefilter("ignore")  # truncated documents are part of the benchmark

    from skm2v._pooling import bert

    table, tokenizer = load_parts(args.model)
    corpora = english(args.data, args.sentences, args.documents)

    def ours(dtype: str, n_jobs: int) -> Encoder:
        bert._code_points.cache_clear()  # as in a new process: every code point is new
        model = our_model(table, tokenizer, dtype)
        return lambda texts: model.encode(texts, n_jobs=n_jobs)

    own = [Peer(f"skm2v {dtype}", partial(ours, dtype, args.threads)) for dtype in DTYPES]
    cores = os.cpu_count() or 1
    if args.threads == 1 and cores > 1:
        own += [
            Peer(f"skm2v {dtype}, {cores} threads", partial(ours, dtype, -1)) for dtype in DTYPES
        ]
    found, absent = peers(
        peer_folder(args.model, table, tokenizer),
        table,
        tokenizer,
        args.teacher,
        corpora["sentences"][:20_000],
        args.threads,
        args.only,
    )
    env = environment(simd_in_use())
    print(f"## Throughput, {args.threads} thread(s), table {table.shape[0]:,} × {table.shape[1]}\n")
    show_environment(env)
    for name in absent:
        print(f"absent: {name}")
    results: dict[str, Any] = {}
    languages = {} if args.english else multilingual(args.data)
    if languages:
        corpora["non-ASCII"] = [text for texts in languages.values() for text in texts]
    exact = {"model2vec", "nanotoken + CSR", "laghu"}
    for name, texts in (*corpora.items(), *languages.items()):
        engines = [*own, *bounds(table, tokenizer, texts), *found]
        if name not in ("sentences", "documents"):
            engines = [e for e in engines if not (e in found and e.name not in exact)]
        results[name] = {"texts": len(texts), "seconds": measure(engines, texts, args.rounds)}
        report(name, texts, results[name]["seconds"])
        if name in ("sentences", "documents", "non-ASCII"):
            results[name]["agreement"] = agreement(
                {e.name: e for e in engines}, texts, table, tokenizer
            )
            for what, value in results[name]["agreement"].items():
                print(f"{what}: {value:.2g}" if value < 0.5 else f"{what}: {value:.6f}")
            print()
    write_json(args.json, {"environment": env, "threads": args.threads, "absent": absent,
                           "table": list(table.shape), "results": results})  # fmt: skip
    if args.plot:
        plot(args.plot, results)


if __name__ == "__main__":
    main()
