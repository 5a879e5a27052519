"""Many processes: what Dask costs beside two plain processes, duplicates, memory of a large model.

    python benchmarks/many_processes.py [--texts 1000000] [--rounds 3] [--duplicates 100000]
        [--model-mb 500]

Short texts are made of halves of bundled messages (seed printed), in Parquet files, a partition
each. "two processes" is a pool of two that reads a file, embeds it and hashes the vectors; "Dask"
does the same with `skm2v.distributed.embed` on a LocalCluster of two. Both take turns. Processor
seconds are those of all processes, without those of the same run on files of few rows, which is
what it takes to start. The hashes say whether all vectors are the same, to the bit. The last lines
are computed from what was measured, for sizes that nobody measured here.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from speed_common import environment, show_environment, simd_in_use

from skm2v import Deduplicator, StaticEmbedder, StaticModel
from skm2v.datasets import load_sms_spam
from skm2v.distributed import BatchTransformer, deduplicate, embed

SEED, N_PARTS, FEW = 0, 16, 16


def some_texts(n: int) -> list[str]:
    """Short texts: the first half of one message and the second half of another."""
    texts = load_sms_spam(subset="train", return_X_y=True)[0]
    words = [text.split() for text in texts]
    heads = [" ".join(one[: len(one) // 2]) for one in words]
    tails = [" ".join(one[len(one) // 2 :]) for one in words]
    left, right = np.random.default_rng(SEED).integers(len(texts), size=(2, n)).tolist()
    return [f"{heads[i]} {tails[j]}" for i, j in zip(left, right, strict=True)]


def write(folder: Path, texts: list[str]) -> None:
    folder.mkdir()
    for number, rows in enumerate(np.array_split(np.arange(len(texts)), N_PARTS)):
        part = pandas.DataFrame({"text": texts[rows[0] : rows[-1] + 1]})
        part.to_parquet(folder / f"{number:03}.parquet", index=False)


def hash_of(part: Any) -> str:
    arrow = part["vector"].array.__arrow_array__()
    arrow = arrow.combine_chunks() if hasattr(arrow, "combine_chunks") else arrow
    return hashlib.sha256(np.ascontiguousarray(arrow.flatten())).hexdigest()


_add: list[BatchTransformer] = []


def begin() -> None:
    _add.append(BatchTransformer(StaticModel.from_pretrained("default"), "text"))


def one_file(path: str) -> str:
    part = pandas.read_parquet(path, dtype_backend="pyarrow")
    made = _add[0].apply(part["text"])
    return hash_of(part.assign(vector=pandas.Series(made, dtype=pandas.ArrowDtype(made.type))))


def by_processes(folder: Path) -> list[str]:
    with ProcessPoolExecutor(2, get_context("spawn"), begin) as pool:
        return list(pool.map(one_file, sorted(map(str, folder.iterdir()))))


def cluster() -> Any:
    from distributed import LocalCluster

    return LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)


def by_dask(folder: Path) -> list[str]:
    import dask
    import dask.dataframe
    from distributed import Client

    warnings.filterwarnings("error", message="Sending large graph")
    with cluster() as workers, Client(workers):
        parts = [
            dask.dataframe.read_parquet(path, dtype_backend="pyarrow")
            for path in sorted(map(str, folder.iterdir()))
        ]
        lazy = embed(dask.dataframe.concat(parts), "text", StaticModel.from_pretrained("default"))
        return list(dask.compute(*map(dask.delayed(hash_of), lazy.to_delayed())))


def duplicates(folder: Path, exact: bool) -> list[int]:
    import dask.dataframe
    from distributed import Client

    warnings.filterwarnings("error", message="Sending large graph")
    with cluster() as workers, Client(workers):
        frame = dask.dataframe.read_parquet(folder)
        found: list[int] = deduplicate(frame, "text", exact=exact).compute()["group"].tolist()
        return found


def private_mb() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def private_of_model(folder: Path, path: str) -> list[float]:
    """Private MB of each process before and after it embeds with a model that goes by its path."""
    from distributed import Client

    with cluster() as workers, Client(workers) as client:
        add = BatchTransformer(path, "text")
        frame = pandas.read_parquet(sorted(folder.iterdir())[0])
        # All that is imported, with a small model, comes before the large one.
        small = BatchTransformer(StaticModel.from_pretrained("default"), "text")
        client.run(lambda: small.apply(frame["text"]))
        before = client.run(private_mb)
        client.run(lambda: len(add.apply(frame["text"][:1000])))
        after = client.run(private_mb)
        return [*before.values(), *after.values()]


def run(*arguments: str) -> tuple[float, Any]:
    """Processor seconds of a run of this program in a new process, and what it found."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    before = used.ru_utime + used.ru_stime
    command = [sys.executable, __file__, "--run", *arguments]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime - before, json.loads(out.splitlines()[-1])


def large_model(path: Path, mb: int) -> None:
    """Save the bundled model with so many numbers a token that its table has `mb` MB."""
    model = StaticModel.from_pretrained("default")
    table = np.asarray(model.embedding)
    times = max(1, round(mb * 1e6 / table.nbytes))
    wide = np.tile(table, (1, times))
    StaticModel(wide, model.text_tokenizer).save_pretrained(path)


def computed(seconds_per_text: float, duplicate_seconds: float, n: int, n_bytes: float) -> None:
    """Print what larger sizes would take, of which nothing was measured."""
    price = 0.05  # a core hour, in dollars
    print(f"\ncomputed, not measured; {price} $ a core hour, {n_bytes:.0f} bytes a text")
    for size in (10**8, 10**10):
        hours = size * seconds_per_text / 3600
        print(
            f"embed {size:.0e} texts: {hours:,.1f} core hours,"
            f" {1e6 * seconds_per_text / 3600 * price:.6f} $ a million texts, 0 bytes moved"
        )
        # Reading and embedding grow with n; comparisons with the nearest centres and within cells
        # with n to the power of 1.5. The worst of both: all of what was measured does.
        low, high = size / n, (size / n) ** 1.5
        moved = size * (n_bytes + 40) * 3
        print(
            f"deduplicate {size:.0e} texts: {duplicate_seconds * low / 3600:,.1f} (if linear) to"
            f" {duplicate_seconds * high / 3600:,.0f} (n^1.5) core hours, {moved / 1e9:,.0f} GB"
            " moved"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--duplicates", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model-mb", type=int, default=500)
    parser.add_argument("--run", nargs="+")
    args = parser.parse_args()
    if args.run:
        name, folder = args.run[0], Path(args.run[1])
        jobs = {
            "processes": lambda: by_processes(folder),
            "dask": lambda: by_dask(folder),
            "cells": lambda: duplicates(folder, False),
            "exact": lambda: duplicates(folder, True),
            "model": lambda: private_of_model(folder, args.run[2]),
        }
        print(json.dumps(jobs[name]()))
        return
    show_environment(environment(simd_in_use()))
    print(f"seed {SEED}, {args.texts:,} texts, {N_PARTS} files, load {os.getloadavg()[0]:.0f}")
    with tempfile.TemporaryDirectory() as name:
        measure(args, Path(name))


def measure(args: Any, folder: Path) -> None:
    texts = some_texts(args.texts)
    n_bytes = sum(len(text.encode()) for text in texts) / len(texts)
    write(folder / "all", texts)
    write(folder / "few", texts[:FEW])
    ways: dict[str, list[float]] = {"processes": [], "dask": []}
    found = {}
    for _ in range(args.rounds):
        for way, seconds in ways.items():
            start, _ = run(way, str(folder / "few"))
            whole, found[way] = run(way, str(folder / "all"))
            seconds.append(whole - start)
            print(f"{way}: {whole - start:.1f} s of processors, {start:.1f} s to start", flush=True)
    ratios = [b / a for a, b in zip(*ways.values(), strict=True)]
    print(
        f"embed: Dask / two processes {min(ratios):.2f} min, {statistics.median(ratios):.2f}"
        f" median; vectors equal to the bit: {found['dask'] == found['processes']}"
    )

    texts = texts[: args.duplicates]
    write(folder / "duplicates", texts)
    start, _ = run("cells", str(folder / "few"))
    seconds, groups = run("cells", str(folder / "duplicates"))
    alone = Deduplicator(StaticEmbedder()).fit(texts)
    lost = np.array(groups) != np.arange(len(texts))
    print(
        f"deduplicate {len(texts):,} texts in cells: {seconds - start:.1f} s of processors,"
        f" {lost.sum():,} dropped; one process with all pairs drops {alone.is_duplicate_.sum():,}"
    )
    few = texts[: min(len(texts), 20_000)]
    write(folder / "exact", few)
    alone = Deduplicator(StaticEmbedder()).fit(few)
    same = run("exact", str(folder / "exact"))[1] == alone.representatives_.tolist()
    print(f"deduplicate {len(few):,} texts, exact: groups of one process, row by row: {same}")

    if args.model_mb and Path("/proc/self/smaps_rollup").exists():
        large_model(folder / "model", args.model_mb)
        size = (folder / "model" / "model.safetensors").stat().st_size / 1e6
        mb = run("model", str(folder / "few"), str(folder / "model"))[1]
        print(
            f"model of {size:.0f} MB by its path: two processes have"
            f" {mb[2] - mb[0]:.0f} and {mb[3] - mb[1]:.0f} MB more of their own"
        )
    per_text = statistics.median(ways["dask"]) / args.texts
    computed(per_text, seconds - start, len(texts), n_bytes)


if __name__ == "__main__":
    main()
