"""Damaged models at random: refused, or harmless (P19, P20, P22)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="needs limits on memory and time"
)


def fuzz(folder: Path, seed: int, first: int, count: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "tests.model.fuzz", str(folder), str(seed), str(first), str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 0, (
        f"the process ended with {done.returncode} at mutant {(folder / 'number').read_text()}"
        f" of seed {seed}; look at {folder / 'mutant'}"
    )
    result: dict = json.loads(done.stdout)  # anything else on standard output is an error, too
    return result


def check(result: dict, count: int) -> None:
    assert result["bad"] == []
    assert result["events"] == {}, "loading touched more than the model's files"
    assert sum(result["outcomes"].values()) == count
    assert result["outcomes"]["ModelFormatError"] > count // 2
    assert result["outcomes"]["loads"] > 0


def test_mutants(tmp_path):
    check(fuzz(tmp_path, 0, 0, 2000), 2000)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 11))
def test_many_mutants(tmp_path, seed):
    count = int(os.environ.get("SKM2V_MUTANTS", "20000"))
    check(fuzz(tmp_path, seed, 0, count), count)
