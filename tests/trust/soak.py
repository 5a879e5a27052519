"""Try every promise in the sizes of a release, and print promise | figure | result.

    python -m tests.trust.soak [--scale 0.01] [--only P10 P34 ...]

With a scale of 1 it takes days on two cores; the table says which scale was used.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.trust.probes import PROBES, wrong_in


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of the release's sizes")
    parser.add_argument("--only", nargs="+", default=[], help="promises, such as P10")
    arguments = parser.parse_args()
    print(f"scale {arguments.scale:g} of the sizes of a release\n")
    print("| promise | figure | result |\n|---|---|---|", flush=True)
    failed = False
    for probe in PROBES:
        if arguments.only and probe.promise not in arguments.only:
            continue
        size = max(probe.ci, round(probe.release * arguments.scale))
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            counts = probe.run(size, Path(folder))
        wrong = wrong_in(counts)
        failed |= bool(wrong)
        figure = ", ".join(f"{n:,} {name}" for name, n in counts.items() if n or name in wrong)
        seconds = time.perf_counter() - start
        result = "**" + ", ".join(f"{n} {name}" for name, n in wrong.items()) + "**"
        print(
            f"| {probe} | {figure}; {seconds:.0f} s | {result if wrong else 'held'} |", flush=True
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
