"""Seconds until skm2v is imported and a bundled model is loaded, each in fresh processes.

    python benchmarks/import_time.py [--repeat 5]

Statements take turns, so that all of them see the same machine; minimum and median are printed.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys

STATEMENTS = {
    "nothing": "pass",
    "numpy, scipy.sparse": "import numpy, scipy.sparse",
    "sklearn.base, tokenizers": "import sklearn.base, tokenizers",
    "skm2v": "import skm2v",
    "skm2v, default model loaded": "from skm2v import StaticEmbedder; StaticEmbedder().fit(['a'])",
    "the same, one text embedded": (
        "from skm2v import StaticEmbedder; StaticEmbedder().fit(['a']).transform(['a phone'])"
    ),
    "model2vec": "import model2vec",
}
TIMED = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


def seconds(statement: str) -> float | None:
    """Seconds that a statement takes in a new process, None if it cannot run."""
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TIMED.format(statement)],
        capture_output=True,
        text=True,
    )
    return float(process.stdout) if process.returncode == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    measured: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(repeat):
        for name, statement in STATEMENTS.items():
            if (value := seconds(statement)) is not None:
                measured[name].append(value)
    print(f"Python {platform.python_version()}, {platform.machine()}, {repeat} runs\n")
    print("| import | min s | median s |\n| --- | --- | --- |")
    for name, values in measured.items():
        if values:
            print(f"| {name} | {min(values):.3f} | {statistics.median(values):.3f} |")
        else:
            print(f"| {name} | absent | absent |")


if __name__ == "__main__":
    main()
