"""``--resume``: a run that was ended early goes on, and what comes of it is what one run makes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from functools import partial as bound
from pathlib import Path

import numpy as np
import pytest

from skm2v import StaticEmbedder, StaticTextClassifier, fuse
from skm2v._cli.partial import Partial
from skm2v._cli.text_files import TextFile
from tests.tiny import SENTENCES

ROOT = Path(__file__).parents[2]
N_ROWS = 57
SUFFIXES = [".npy", ".jsonl", ".parquet"]


class Ended(Exception):
    """What ends a run early."""


@pytest.fixture
def texts(tmp_path):
    rows = [{"id": number, "t": SENTENCES[number % 60]} for number in range(N_ROWS)]
    rows[3]["t"] = rows[40]["t"] = ""
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return [path, "--field", "t", "--batch-size", 10]


@pytest.fixture
def model_of(model_path, tiny_static, tmp_path):
    """Arguments that come before the input, by command."""
    embedder = StaticEmbedder(tiny_static)
    labels = [number % 2 for number in range(60)]
    classifier = StaticTextClassifier(embedder=embedder).fit(SENTENCES, labels)
    fuse(classifier).save(tmp_path / "spam.safetensors")
    return {"embed": ["-m", model_path], "predict": [tmp_path / "spam.safetensors"]}


def ending_after(monkeypatch, n_batches):
    """Let reading fail after some batches; give a function that mends it."""
    batches = TextFile.batches

    def some(self, size):
        for number, batch in enumerate(batches(self, size)):
            if number == n_batches:
                raise Ended
            yield batch

    monkeypatch.setattr(TextFile, "batches", some)
    return bound(monkeypatch.setattr, TextFile, "batches", batches)


def left(out):
    return out.with_name(f".{out.name}.partial")


@pytest.mark.parametrize(
    ("command", "suffix"),
    [*(("embed", suffix) for suffix in SUFFIXES), ("predict", ".csv"), ("predict", ".parquet")],
)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_two_runs_make_what_one_makes(
    command, suffix, n_jobs, texts, model_of, tmp_path, run, monkeypatch
):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    whole, out = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    arguments = [command, *model_of[command], *texts, "--n-jobs", n_jobs]
    if suffix != ".npy":
        arguments += ["--keep", "id"]
    _, _, told = run(*arguments, "-o", whole)
    before = sorted(tmp_path.iterdir())
    arguments += ["--resume", "-o", out]
    for n_batches in (2, 2):
        mend = ending_after(monkeypatch, n_batches)
        with pytest.raises(Ended):
            run(*arguments)
        mend()
        assert not out.exists()
    parts = sorted(left(out).glob("*.part"))
    times = [part.stat().st_mtime_ns for part in parts]
    # With two threads, a batch or two were read but not written when reading failed.
    assert len(parts) == 4 if n_jobs == 1 else len(parts) <= 4
    code, _, err = run(*arguments)
    assert code == 0, err
    assert f"going on after {10 * len(parts)} rows" in err if parts else "going on" not in err
    assert len(times) == len(parts)
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(tmp_path.iterdir()) == sorted([*before, out])
    # What texts lost is counted over both runs.
    assert [line for line in told.splitlines() if "warning" in line] == [
        line for line in err.splitlines() if "warning" in line
    ]
    # Nothing is left to go on with: it begins again.
    assert "going on" not in run(*arguments)[2]


def test_finished_rows_are_not_made_again(texts, model_path, tmp_path, run, monkeypatch):
    from skm2v._pooling.pooler import TextPooler

    out = tmp_path / "out.npy"
    arguments = ["embed", *texts, "-m", model_path, "-o", out, "--resume"]
    mend = ending_after(monkeypatch, 3)
    with pytest.raises(Ended):
        run(*arguments)
    mend()
    pool, pooled = TextPooler.pool, []

    def counting(self, texts, **options):
        pooled.append(len(texts))
        return pool(self, texts, **options)

    monkeypatch.setattr(TextPooler, "pool", counting)
    assert run(*arguments)[0] == 0
    assert pooled == [10, 10, 7]
    assert np.load(out).shape == (N_ROWS, 16)


def test_a_run_that_ended_while_parts_were_put_together(
    texts, model_path, tmp_path, run, monkeypatch
):
    out = tmp_path / "out.npy"
    arguments = ["embed", *texts, "-m", model_path, "-o", out, "--resume"]
    leave = Partial._remove
    monkeypatch.setattr(Partial, "_remove", lambda self: self._record.close())
    assert run(*arguments)[0] == 0
    monkeypatch.setattr(Partial, "_remove", leave)
    first = out.read_bytes()
    out.unlink()
    code, _, err = run(*arguments)
    assert (code, out.read_bytes()) == (0, first)
    assert "going on after 57 rows" in err
    assert not left(out).exists()


def test_of_something_else_nothing_is_taken(
    texts, model_of, tiny_static, tmp_path, run, monkeypatch
):
    out = tmp_path / "out.jsonl"
    path = texts[0]
    arguments = ["embed", *model_of["embed"], *texts, "-o", out, "--resume"]
    mend = ending_after(monkeypatch, 2)
    with pytest.raises(Ended):
        run(*arguments)
    mend()
    kept = {file.name: file.read_bytes() for file in left(out).iterdir()}
    smaller = tmp_path / "smaller"
    tiny_static.with_dimensions(8).save_pretrained(smaller)
    text, status = path.read_text(), path.stat()

    def other(content, time=None):
        path.write_text(content)
        os.utime(path, ns=(time or status.st_mtime_ns,) * 2)

    def refused(*changed):
        code, _, err = run(*changed)
        assert code == 2 and not out.exists()
        assert {file.name: file.read_bytes() for file in left(out).iterdir()} == kept
        return err.partition("made with another ")[2].partition(". Fix: ")[0]

    assert refused(*arguments, "--keep", "id") == "--keep"
    assert refused(*arguments, "--no-normalize", "--dims", 4) == "model, --dims, --no-normalize"
    assert refused(*arguments, "-m", smaller) == "model"
    assert refused(*arguments, "--batch-size", 11) == "--batch-size"
    other(text + "\n")
    assert refused(*arguments) == "size of the input, content of the input"
    other(text[:-5] + "x" + text[-4:])
    assert refused(*arguments) == "content of the input"
    other(text, 1)
    assert refused(*arguments) == "time of the input"
    other(text)
    with monkeypatch.context() as context:
        context.setattr("skm2v._cli.streaming.__version__", "0.0.0")
        assert refused(*arguments) == "version of skm2v"
    # Another command, or without --resume: it is left alone.
    assert refused("predict", *model_of["predict"], *texts, "-o", out, "--resume")
    assert run(*[one for one in arguments if one != "--resume"])[0] == 0
    assert left(out).exists()
    out.unlink()
    assert run(*arguments, "--n-jobs", 2, "-q")[0] == 0  # which decides about nothing
    assert not left(out).exists()


def test_damage_is_found(texts, model_path, tmp_path, run, monkeypatch):
    out = tmp_path / "out.npy"
    arguments = ["embed", *texts, "-m", model_path, "-o", out, "--resume"]
    mend = ending_after(monkeypatch, 3)
    with pytest.raises(Ended):
        run(*arguments)
    mend()
    folder = left(out)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    record = (copy / "record.jsonl").read_bytes()
    lines = record.splitlines(keepends=True)
    assert len(lines) == 4

    def restored():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(copy, folder)

    damages = {
        "000001.part is not there": lambda: (folder / "000001.part").unlink(),
        "000002.part is not there, or not": lambda: os.truncate(folder / "000002.part", 639),
        "record.jsonl was changed": lambda: (folder / "record.jsonl").write_bytes(
            record.replace(b'"rows":10', b'"rows":11', 1)
        ),
        "record.jsonl cannot be read": lambda: (folder / "record.jsonl").write_bytes(
            lines[0] + b"\0\n" + lines[2]
        ),
    }
    for message, damage in damages.items():
        restored()
        damage()
        code, _, err = run(*arguments)
        assert code == 2 and message in err and "remove that folder, and begin anew" in err
        assert not out.exists()
    # A line that was being written is that of a part which is made again; so are parts without one.
    for end in (lines[3][:-1], lines[3][:9], b""):
        restored()
        (folder / "record.jsonl").write_bytes(b"".join(lines[:3]) + end)
        (folder / "000003.tmp").write_bytes(b"half")
        code, _, err = run(*arguments)
        assert code == 0 and "going on after 20 rows" in err
        assert np.load(out).shape == (N_ROWS, 16)
        out.unlink()
    restored()
    (folder / "record.jsonl").write_bytes(b"")
    assert "going on" not in run(*arguments)[2]
    assert not folder.exists()


def test_mistakes_leave_nothing(texts, model_path, tmp_path, run):
    before = sorted(tmp_path.iterdir())
    path, *options = texts
    for arguments, message in (
        (["-", "-o", tmp_path / "out.npy"], "--resume needs an input that is a file"),
        ([tmp_path, "-o", tmp_path / "out.npy"], "Is a directory"),
        ([path, *options], "--resume needs a file to go on with: name --output"),
        ([path, "--field", "x", "-o", tmp_path / "out.npy"], "field 'x' is missing"),
    ):
        code, _, err = run("embed", *arguments, "-m", model_path, "--resume")
        assert (code, message in err) == (2, True), err
        assert sorted(tmp_path.iterdir()) == before


HALF_WAY = """
import sys, time
from skm2v._cli import main, partial

write = partial.Partial.write

def write_and_wait(self, *arguments):
    write(self, *arguments)
    if self.n_rows == 30:
        print("half-way", flush=True)
        time.sleep(600)

partial.EVERY, partial.Partial.write = 0, write_and_wait
sys.exit(main.main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals and locks of POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_a_killed_process_goes_on(number, suffix, texts, model_path, tmp_path, run):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    before = sorted(tmp_path.iterdir())
    whole, out = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    arguments = ["embed", *texts, "-m", model_path, "--resume"]
    with subprocess.Popen(
        [sys.executable, "-c", HALF_WAY, *map(str, arguments), "-o", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=bound(signal.signal, signal.SIGTERM, signal.SIG_DFL),
    ) as process:
        assert process.stdout.readline() == b"half-way\n", process.stderr.read()
        # Two at a time would write over each other.
        code, _, err = run(*arguments, "-o", out)
        assert code == 2 and f"Another process is writing {out}" in err
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 143)
    assert (b"30 rows are kept in" in err) == (number == signal.SIGTERM)
    assert sorted(tmp_path.iterdir()) == sorted([*before, left(out)])
    parts = {f"{n:06}.part" for n in range(3)}
    assert {path.name for path in left(out).iterdir()} == {"record.jsonl", *parts}
    code, _, err = run(*arguments, "-o", out)
    assert code == 0 and "going on after 30 rows" in err
    assert run(*arguments, "-o", whole)[0] == 0
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(tmp_path.iterdir()) == sorted([*before, out, whole])
