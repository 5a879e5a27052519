"""The program of `tools/cross.py` finds the same bytes on this machine, and finds a difference."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.cross import record

TOOL = Path(__file__).parents[2] / "tools" / "cross.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("cross_tool", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return record.record(tmp_path_factory.mktemp("golden"), 30)


@pytest.fixture(scope="module")
def program(tool, tmp_path_factory):
    return tool.compile_program("native", tmp_path_factory.mktemp("cross"), "-O0")


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the flags are those of GCC")


def test_the_flags_are_those_of_the_build(tool):
    assert {"-O3", "-std=gnu11", "-ffp-contract=off"} <= set(tool.flags())


def test_without_python_the_bytes_are_the_same(tool, program, files):
    result = tool.run("native", program, files)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 different, " in result.stdout
    for name in ("corpus wordpiece-float32", "added words", "fused classifier", "pairs"):
        assert f"{name}: scalar" in result.stdout


@pytest.mark.parametrize("array", [b"run1.out", b"run0.ids", b"pairs.cosines"])
def test_one_other_bit_is_a_difference(tool, program, files, tmp_path, array):
    path = next(one for one in files if array in one.read_bytes())
    content = bytearray(path.read_bytes())
    start = content.index(array + b"\0") + len(array) + 1 + 1 + 8
    content[start] ^= 1
    damaged = tmp_path / path.name
    damaged.write_bytes(content)
    result = tool.run("native", program, [damaged])
    assert result.returncode == 1
    assert "DIFFERENT: " in result.stdout


def test_a_file_without_results_is_no_success(tool, program, tmp_path):
    (tmp_path / "empty.golden").write_bytes(b"")
    assert tool.run("native", program, [tmp_path / "empty.golden"]).returncode == 2
