"""What a second core gives `skm2v embed` and `predict`, with reading and writing.

    python benchmarks/command_line.py [--data ../shared/data] [--rows 500000] [--rounds 5]
        [--folder FOLDER] [--json FILE]

Each round runs the command with one thread and with two, in turns, on the same file; the gain is
the ratio of their seconds, with the loading of the model. Beside it stands what two threads that
hash bytes gain in the same round, as the second core of a shared machine may not be all there. The
limit is what two cores of its own would allow: the processor seconds of the run with one thread,
over half of those of the run with two, or over those of its thread that reads, if they are more;
of each the least of all rounds.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

from scaling import speedup_of_two
from speed_common import (
    english,
    environment,
    limit_threads,
    markdown,
    show_environment,
    simd_in_use,
    write_json,
)

# Command, input, output, more arguments.
RUNS = (
    ("embed", "txt", "npy", ()),
    ("embed", "csv", "npy", ("--column", "text")),
    ("embed", "parquet", "npy", ("--column", "text")),
    ("embed", "parquet", "parquet", ("--column", "text", "--keep", "id")),
    ("embed", "csv", "parquet", ("--column", "text", "--keep", "id")),
    ("predict", "parquet", "parquet", ("--column", "text", "--keep", "id")),
    ("predict", "csv", "csv", ("--column", "text", "--keep", "id")),
)


def write_inputs(folder: Path, texts: list[str]) -> None:
    import pyarrow
    import pyarrow.parquet

    (folder / "in.txt").write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    with (folder / "in.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "text"], *enumerate(texts)])
    table = pyarrow.table({"id": range(len(texts)), "text": texts})
    pyarrow.parquet.write_table(table, folder / "in.parquet", row_group_size=100_000)


def write_model(path: Path) -> None:
    from skm2v import StaticTextClassifier, fuse
    from skm2v.datasets import load_sms_spam

    fuse(StaticTextClassifier().fit(*load_sms_spam(subset="train", return_X_y=True))).save(path)


def run(folder: Path, what: tuple[Any, ...], n_jobs: int) -> tuple[float, float, float]:
    """Run a command; return its seconds, processor seconds, and those of the thread that reads."""
    from skm2v._cli.main import main

    command, source, target, more = what
    model = [str(folder / "spam.safetensors")] if command == "predict" else []
    output = folder / f"out.{target}"
    arguments = [command, *model, str(folder / f"in.{source}"), *more, "-o", str(output), "-q"]
    clocks = (time.perf_counter, time.process_time, time.thread_time)
    before = [clock() for clock in clocks]
    if main([*arguments, "--n-jobs", str(n_jobs)]) != 0:
        raise SystemExit(f"failed: {arguments}")
    seconds, processor, reading = (
        clock() - start for clock, start in zip(clocks, before, strict=True)
    )
    output.unlink()
    return seconds, processor, reading


def measure(folder: Path, what: tuple[Any, ...], rounds: int) -> dict[str, Any]:
    data = bytes(64 << 20)
    hashing, ones, twos = [], [], []
    for _ in range(rounds):
        hashing.append(speedup_of_two(lambda: hashlib.sha256(data).digest()))
        ones.append(run(folder, what, 1))
        twos.append(run(folder, what, 2))
    gains = [one[0] / two[0] for one, two in zip(ones, twos, strict=True)]
    # Others on the machine make processor seconds more, never less.
    alone = min(one[1] for one in ones)
    busiest = max(min(two[1] for two in twos) / 2, min(two[2] for two in twos))
    return {
        "gain": median(gains),
        "least gain": min(gains),
        "hashing": median(hashing),
        "limit": alone / busiest,
        "processor seconds": alone,
        "seconds, processor, reading thread": {"one": ones, "two": twos},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the files are; default: a temporary one")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    limit_threads(1)
    warnings.simplefilter("ignore")

    sentences = english(args.data)["sentences"]
    texts = [sentences[row % len(sentences)] for row in range(args.rows)]
    env = environment(simd_in_use())
    print("## What a second core gives the command line\n")
    show_environment(env)
    print(f"\n{args.rows:,} sentences of {sum(map(len, texts)) / len(texts):.0f} characters\n")
    results, rows = {}, []
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        write_inputs(folder, texts)
        write_model(folder / "spam.safetensors")
        for what in RUNS:
            run(folder, what, 1)
            label = f"{what[0]} .{what[1]} to .{what[2]}"
            found = results[label] = measure(folder, what, args.rounds)
            rows.append(
                [
                    label,
                    f"{args.rows / found['processor seconds'] / 1e3:,.0f}",
                    *(f"{found[key]:.2f}" for key in ("gain", "least gain", "hashing", "limit")),
                ]
            )
    columns = ["command", "thousand rows a core second", "gain", "least", "hashing", "limit"]
    print(markdown(columns, rows))
    write_json(args.json, {"environment": env, "rows": args.rows, "results": results})


if __name__ == "__main__":
    main()
