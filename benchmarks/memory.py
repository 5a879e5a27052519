"""Peak memory of encoding, beyond the output: one child process for each case.

    python benchmarks/memory.py --model FOLDER [--data ../shared/data] [--texts 1000000]
        [--json FILE]

A case's figure is the largest resident memory during `encode`, looked at every 2 ms, less that just
before it and less the size of the result. The texts exist before. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from speed_common import (
    english,
    environment,
    limit_threads,
    markdown,
    show_environment,
    simd_in_use,
    write_json,
)

MB = 1e6


def texts_of(case: str, data: Path, n: int) -> list[str]:
    """Texts of a case, all of them different strings."""
    corpora = english(data)
    if case == "short texts":
        sentences = corpora["sentences"]
        return [f"{sentences[i % len(sentences)]} {i}" for i in range(n)]
    if case == "1,024 documents of 512 tokens":
        words = " ".join(corpora["documents"]).split()
        return [" ".join(words[i * 300 : i * 300 + 700]) for i in range(1024)]
    if case == "10 MB of prose in one text":
        return [(" ".join(corpora["documents"]) * 2)[:10_000_000]]
    if case == "unique words":
        return [" ".join(f"w{i * 20 + j}x" for j in range(20)) for i in range(n // 20)]
    raise ValueError(case)


CASES = (
    "short texts",
    "1,024 documents of 512 tokens",
    "10 MB of prose in one text",
    "unique words",
)


def resident() -> int:
    """Resident memory in bytes (Linux)."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def growth(run: Callable[[], Any]) -> tuple[int, Any]:
    """Growth of resident memory while `run` runs, looked at every 2 ms, and its result."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    before = most = resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.002):
            most = max(most, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = run()
    done.set()
    watcher.join()
    return max(most, resident()) - before, result


def child(engine: str, case: str, model: Path, data: Path, n: int) -> None:
    warnings.simplefilter("ignore")
    texts = texts_of(case, data, n)
    if engine == "skm2v":
        from skm2v import StaticModel

        encode = StaticModel.from_pretrained(model).encode
    else:
        from model2vec import StaticModel

        static = StaticModel.from_pretrained(str(model))

        def encode(texts: list[str]) -> Any:
            return static.encode(texts, use_multiprocessing=False)

    encode(texts[:1] if len(texts[0]) < 10_000 else ["a"])
    beyond, vectors = growth(lambda: encode(texts))
    print(json.dumps({"output": vectors.nbytes, "beyond": beyond - vectors.nbytes}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of a static model")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=2, metavar=("ENGINE", "CASE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    limit_threads(1)
    if args.child:
        child(*args.child, args.model, args.data, args.texts)
        return
    env = environment(simd_in_use())
    print(f"## Peak memory of encode beyond its output, {args.texts:,} short texts\n")
    show_environment(env)
    results: dict[str, Any] = {}
    for case in CASES:
        for engine in ("skm2v", "model2vec"):
            options = {"--model": args.model, "--data": args.data, "--texts": args.texts}
            command = [sys.executable, __file__, "--child", engine, case]
            command += [str(part) for option in options.items() for part in option]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{engine}, {case}: {done.stderr.strip().splitlines()[-1]}")
                continue
            results[f"{case}, {engine}"] = json.loads(done.stdout.splitlines()[-1])
    rows = [[name, r["output"] / MB, r["beyond"] / MB] for name, r in results.items()]
    print(markdown(["", "output MB", "beyond it MB"], rows))
    write_json(args.json, {"environment": env, "bytes": results})


if __name__ == "__main__":
    main()
