"""The command in a process of its own: closed streams, full disks, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest

from skm2v import StaticModel
from tests import tiny

pytestmark = pytest.mark.skipif(os.name != "posix", reason="streams and signals of POSIX")

COMMAND = [sys.executable, "-m", "skm2v"]


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model"
    StaticModel(tiny.tiny_table(), tiny.tiny_tokenizer()).save_pretrained(path)
    return str(path)


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("the money\nlondon\n\n")
    return str(path)


def shell(script, *arguments, **options):
    """Run a line of shell, where "$@" is the command."""
    return subprocess.run(
        ["bash", "-c", script, "bash", *COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def test_python_m_skm2v_is_the_command():
    from skm2v import __version__

    result = shell('"$@"', "--version")
    assert (result.returncode, result.stdout, result.stderr) == (0, f"skm2v {__version__}\n", "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_command_without_standard_streams_works(closed, tmp_path, texts, model_path):
    """As cron and services may run it. Messages must not get into a file of the same number."""
    out = tmp_path / "out.npy"
    result = shell(f'"$@" {closed}', "embed", texts, "-m", model_path, "-o", out)
    assert result.returncode == 0, result.stderr
    assert np.load(out).shape == (3, 16)
    assert os.path.getsize(out) == 128 + 3 * 16 * 4
    assert result.stdout == ""


def test_closed_input_is_an_error(tmp_path, model_path):
    result = shell('"$@" <&-', "embed", "-m", model_path, "-o", tmp_path / "out.npy")
    assert result.returncode == 2
    assert result.stderr == "skm2v: error: stdin is closed, and no input file is named.\n"
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("command", ["embed", "info"])
def test_closed_output_is_an_error(command, texts, model_path):
    arguments = [texts, "-m", model_path] if command == "embed" else [model_path]
    result = shell('"$@" >&-', command, *arguments)
    assert result.returncode == 2
    assert "stdout is closed" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["embed", "info"])
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full")
def test_a_full_disk_behind_stdout_is_an_error(command, texts, model_path):
    arguments = [texts, "-m", model_path] if command == "embed" else [model_path]
    result = shell('"$@" > /dev/full', command, *arguments)
    assert result.returncode == 2
    assert "No space left" in result.stderr
    assert "Exception ignored" not in result.stderr


@pytest.mark.parametrize("suffix", ["npy", "parquet"])
def test_a_full_disk_leaves_no_file_and_is_named(suffix, tmp_path, model_path):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    (tmp_path / "in.txt").write_text("the\n" * 5000)
    before = sorted(os.listdir(tmp_path))
    out = tmp_path / f"out.{suffix}"
    script = 'ulimit -f 64; trap "" XFSZ; "$@"'  # no file may grow over 64 KiB
    result = shell(script, "embed", tmp_path / "in.txt", "-m", model_path, "-o", out)
    assert result.returncode == 2
    assert f"File too large: '{out}'" in result.stderr
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
    ids=["TERM", "HUP", "INT"],
)
@pytest.mark.parametrize("suffix", ["npy", "parquet"])
def test_a_signal_leaves_no_file(number, code, suffix, tmp_path, model_path):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    arguments = ["embed", "-m", model_path, "-o", str(tmp_path / f"out.{suffix}")]
    arguments += ["--batch-size", "1"]
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What a shell runs in the background ignores Ctrl-C, what nohup runs a hang-up, and so
        # would all that they start.
        preexec_fn=partial(signal.signal, number, signal.SIG_DFL),
    ) as process:
        process.stdin.write(b"the money\n" * 10)
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not os.listdir(tmp_path):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert os.listdir(tmp_path) == []
    assert b"Traceback" not in err


def test_nohup_is_honoured(tmp_path, model_path):
    """A signal that somebody ignores stays ignored."""
    script = 'trap "" HUP; (sleep 0.3; kill -HUP $$) & exec "$@"'
    result = shell(script, "info", model_path)
    assert result.returncode == 0, result.stderr


def test_a_file_keeps_its_permissions_and_a_new_one_gets_the_usual(tmp_path, texts, model_path):
    old = tmp_path / "old.npy"
    old.write_bytes(b"")
    old.chmod(0o640)
    script = 'umask 027; "$@"'
    for path, mode in ((old, 0o640), (tmp_path / "new.npy", 0o640)):
        assert shell(script, "embed", texts, "-m", model_path, "-o", path).returncode == 0
        assert path.stat().st_mode & 0o777 == mode
    old.chmod(0o604)
    assert shell(script, "embed", texts, "-m", model_path, "-o", old).returncode == 0
    assert old.stat().st_mode & 0o777 == 0o604


def test_an_evaluation_without_standard_streams_writes_its_report(tmp_path):
    data = tmp_path / "sts.csv"
    data.write_text("text1,text2,score\na b,a c,3\na,d,0\ne,e,5\n")
    out = tmp_path / "out"
    arguments = ["eval", "--data", data, "--model", "tfidf", "--output", out]
    result = shell('"$@" <&- >&- 2>&-', *arguments)
    assert result.returncode == 0
    assert sorted(os.listdir(out)) == ["report.html", "report.md", "results", "results.json"]
    assert shell('"$@" >&-', *arguments, "--json").returncode == 2
