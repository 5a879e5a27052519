"""Files that are whole or absent, and what killed processes leave of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skm2v._cli.whole_file import WholeFile, write_whole

posix = pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")


@posix
def test_what_a_killed_process_left_is_swept_and_what_one_is_writing_is_not(tmp_path):
    target = tmp_path / "out.npy"
    code = "import sys, os; from skm2v._cli.whole_file import WholeFile\n"
    code += "WholeFile(sys.argv[1]).__enter__().file.write(b'x'); os.kill(os.getpid(), 9)"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run(
        [sys.executable, "-c", code, str(target)], env=environment, timeout=60, check=False
    )
    assert killed.returncode == -9
    [left] = os.listdir(tmp_path)
    assert left.startswith(".out.npy.") and left.endswith(".tmp")
    others = [".out.npy.mine.tmp", ".other.npy." + "0" * 32 + ".tmp", ".out.npy"]
    for name in others:
        (tmp_path / name).write_bytes(b"")
    with WholeFile(str(target)) as first, WholeFile(str(target)) as second:
        second.file.write(b"second")
        first.file.write(b"first")
        names = {first.temporary.name, second.temporary.name}
        assert set(os.listdir(tmp_path)) == names | set(others)
    assert set(os.listdir(tmp_path)) == {"out.npy", *others}
    assert target.read_bytes() == b"first"  # of two writers, who ends last


def test_a_file_is_whole_or_absent(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(KeyError), WholeFile(str(target)) as whole:
        whole.file.write(b"half")
        raise KeyError
    assert os.listdir(tmp_path) == []
    write_whole(str(target), lambda path: path.write_bytes(b"whole"))
    assert target.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["out"]


def test_what_is_no_file_is_not_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="is no file that can be replaced"):
        WholeFile(str(tmp_path / "folder"))
    with pytest.raises(OSError, match="is no file that can be replaced"):
        WholeFile(os.devnull)
    with pytest.raises(FileNotFoundError, match="No folder"):
        WholeFile(str(tmp_path / "none" / "out"))
