"""Feed a target with what coverage guides to: ``make fuzz``.

    pip install atheris
    python -m tests.trust.fuzz TARGET [libFuzzer's options, such as -runs=100000]

A crash leaves its input in a file ``crash-...``: minimise it with ``-minimize_crash=1`` and put it
into tests/corpus/crashers (P33).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

# Only what is imported here reports which branches it takes.
with atheris.instrument_imports(
    include=["skm2v._model", "skm2v._classification", "skm2v._pooling"]
):
    from tests.trust import fuzz_targets


def main() -> None:
    name = sys.argv.pop(1)
    target = fuzz_targets.target_of(name)
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(fuzz_targets.seeds_of(name)):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], lambda data: target(data) and None)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
