"""What a source distribution holds."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="needs the source tree")
def test_sdist_holds_what_a_build_needs(tmp_path):
    pytest.importorskip("setuptools")
    subprocess.run(
        [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", tmp_path,
         "sdist", "--formats", "tar", "--dist-dir", tmp_path],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (archive,) = tmp_path.glob("*.tar")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    sources = [
        path.relative_to(ROOT).as_posix()
        for room in ("_pooling", "_pairs")
        for pattern in ("*.py", "*.pyx", "csrc/*.c", "csrc/*.h")
        for path in (ROOT / "skm2v" / room).glob(pattern)
    ]
    assert len(sources) > 20
    assert names.issuperset({"setup.py", "pyproject.toml", "LICENSE", "skm2v/py.typed", *sources})
    # What its tests run.
    programs = ["tests/cross/main.c", "tests/cross/golden.h", "tools/cross.py", "CITATION.cff"]
    assert names.issuperset(programs)
    # Generated: Cython makes new ones.
    assert not names & {"skm2v/_pooling/_kernel.c", "skm2v/_pairs/_scan.c"}
    assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc"))]
