"""One teacher pass: in a process, between processes, after damage and after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pytest

from skm2v._distillation import cache_folder
from skm2v._distillation.teacher_pass import store
from skm2v._distillation.teacher_pass.store import fetch
from skm2v.distill import distill

SETTINGS = {"trust_remote_code": True, "batch_size": 10_000}


def count_computations():
    calls = []

    def compute():
        calls.append(1)
        return {"a": np.arange(1000.0), "b": np.array([3], dtype=np.int32)}

    return calls, compute


# --- the teacher is asked once -----------------------------------------------------------------


def test_other_dimensions_and_weights_take_no_second_pass(passes):
    folder, count = passes
    distill(folder, pca_dims=8, **SETTINGS)
    assert count() == 1
    for settings in (
        {"pca_dims": 4},
        {"pca_dims": 0.5},
        {"pca_dims": "auto"},
        {"pca_dims": None},
        {"sif_coefficient": None},
        {"quantize_to": "int8"},
        {"normalize": False, "max_length": None},
        {"vocabulary_quantization": 10},
        {"device": "cpu"},
    ):
        distill(folder, **SETTINGS, **settings)
        assert count() == 1, settings
    distill(folder, trust_remote_code=True, batch_size=5_000, device="auto")
    assert count() == 1


@pytest.mark.parametrize(
    "settings",
    [{"vocabulary": ["bankcard"]}, {"pooling": "first"}, {"token_remove_pattern": "##"}],
)
def test_what_changes_the_teachers_vectors_takes_a_pass(passes, settings):
    folder, count = passes
    first = distill(folder, pca_dims=4, **SETTINGS)
    before = count()
    second = distill(folder, pca_dims=4, **SETTINGS, **settings)
    assert count() > before and second != first


def test_a_changed_teacher_takes_a_pass(passes):
    folder, count = passes
    distill(folder, **SETTINGS)
    path = folder / "config.json"
    path.write_text(path.read_text() + "\n")
    distill(folder, **SETTINGS)
    assert count() == 2


def test_threads_wait_for_one_pass(passes):
    folder, count = passes
    models = [None] * 4

    def work(i):
        models[i] = distill(folder, pca_dims=4 + i, **SETTINGS)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count() == 1
    assert [model.dim for model in models] == [4, 5, 6, 7]


@pytest.mark.parametrize("kind", ["str", "path", "memory"])
def test_the_disk_keeps_the_pass_between_processes(passes, tmp_path, kind):
    folder, count = passes
    location = tmp_path / "cache"
    memory = {"str": str(location), "path": location, "memory": joblib.Memory(location, verbose=0)}
    first = distill(folder, memory=memory[kind], **SETTINGS)
    store.clear_recent()
    assert distill(folder, memory=memory[kind], **SETTINGS) == first
    assert count() == 1
    if kind == "memory":
        memory[kind].clear(warn=False)
        store.clear_recent()
        assert distill(folder, memory=memory[kind], **SETTINGS) == first
        assert count() == 2


def test_what_is_remembered_is_written_when_a_disk_is_named_later(passes, tmp_path):
    folder, count = passes
    distill(folder, **SETTINGS)
    distill(folder, memory=tmp_path / "cache", **SETTINGS)
    store.clear_recent()
    distill(folder, memory=tmp_path / "cache", **SETTINGS)
    assert count() == 1


RACE = """
import sys
from skm2v import distill
model = distill(sys.argv[1], pca_dims=4, memory=sys.argv[2], trust_remote_code=True,
                batch_size=10000)
print(model.sha256)
"""


def test_two_processes_with_a_cold_cache_make_one_pass(passes, tmp_path):
    folder, count = passes
    command = [sys.executable, "-c", RACE, str(folder), str(tmp_path / "cache")]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    digests = {worker.communicate(timeout=300)[0] for worker in workers}
    assert [worker.returncode for worker in workers] == [0, 0]
    assert len(digests) == 1
    assert count() == 1


# --- the store ---------------------------------------------------------------------------------


def test_memory():
    assert cache_folder(None) is None
    assert cache_folder(joblib.Memory(None)) is None
    with pytest.raises(ValueError, match="got int"):
        cache_folder(3)


def test_entries_cannot_be_changed(tmp_path):
    _, compute = count_computations()
    for folder in (None, tmp_path):
        store.clear_recent()
        with pytest.raises(ValueError, match="read-only"):
            fetch("key", compute, folder)["a"][0] = 1


def test_damage_is_found_and_mended(tmp_path, caplog):
    calls, compute = count_computations()
    expected = {name: array.copy() for name, array in fetch("key", compute, tmp_path).items()}
    path = tmp_path / "key.arrays"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    places = {
        *range(0, 120),
        *range(len(whole) - 320, len(whole)),
        *rng.integers(len(whole), size=300),
    }
    for place in sorted(map(int, places)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        store.clear_recent()
        arrays = store.read_entry(path)
        assert arrays is None
        arrays = fetch("key", compute, tmp_path)
        assert arrays.keys() == expected.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, expected[name])
            assert array.dtype == expected[name].dtype
    assert len(calls) == 1 + len(places)
    assert "damaged" in caplog.text


@pytest.mark.parametrize("left", [0, 1, 32, 100, -1])
def test_a_cut_entry_is_made_again(tmp_path, left):
    calls, compute = count_computations()
    fetch("key", compute, tmp_path)
    path = tmp_path / "key.arrays"
    path.write_bytes(path.read_bytes()[:left])
    store.clear_recent()
    fetch("key", compute, tmp_path)
    store.clear_recent()
    fetch("key", compute, tmp_path)
    assert len(calls) == 2


def test_a_damaged_entry_of_a_teacher_gives_the_same_model(passes, tmp_path):
    folder, count = passes
    first = distill(folder, memory=tmp_path / "cache", **SETTINGS)
    (entry,) = (tmp_path / "cache").rglob("*.arrays")
    damaged = bytearray(entry.read_bytes())
    damaged[len(damaged) // 2] ^= 8
    entry.write_bytes(damaged)
    store.clear_recent()
    assert distill(folder, memory=tmp_path / "cache", **SETTINGS) == first
    assert count() == 2


KILLED = """
import sys, time
from pathlib import Path
from skm2v._distillation.teacher_pass.store import fetch

def compute():
    folder = Path(sys.argv[1])
    (folder / f"key.{1}.{1}.tmp").write_bytes(b"half an entry")
    print("holding", flush=True)
    time.sleep(600)

fetch("key", compute, Path(sys.argv[1]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_killed_worker_blocks_nobody(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout.readline() == "holding\n"
        waiting = threading.Timer(1.0, worker.kill)
        waiting.start()
        start = time.monotonic()
        calls, compute = count_computations()
        fetch("key", compute, tmp_path)  # waits for the worker until it dies
        assert time.monotonic() - start >= 0.5
    assert len(calls) == 1
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs kill -STOP")
def test_a_stopped_worker_blocks_nobody(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", 0.2)
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout.readline() == "holding\n"
        worker.send_signal(signal.SIGSTOP)
        calls, compute = count_computations()
        assert fetch("key", compute, tmp_path) and len(calls) == 1
        assert worker.poll() is None
        worker.kill()
    assert "its holder seems to be stopped; work may be done twice" in caplog.text.replace(")", "")


def test_a_worker_that_gives_signs_of_life_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "BEAT", 0.01)
    monkeypatch.setattr(store, "PATIENCE", 0.5)
    started, beats = threading.Event(), []
    real = os.utime
    monkeypatch.setattr(os, "utime", lambda *a, **k: (beats.append(1), real(*a, **k)))

    def work() -> None:
        with store.among_processes(tmp_path / "key"):
            started.set()
            while len(beats) < 150:  # three times the patience at the least
                time.sleep(0.01)
            (tmp_path / "done").touch()

    worker = threading.Thread(target=work)
    worker.start()
    assert started.wait(60)
    with store.among_processes(tmp_path / "key"):
        assert (tmp_path / "done").exists()
    worker.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop"])
@pytest.mark.parametrize("name", ["key.arrays", "key.lock", "."])
def test_what_is_no_file_in_the_cache_holds_nobody_up(tmp_path, name, kind):
    folder = tmp_path / "cache"
    path = folder / name  # "." is the folder itself
    path.parent.mkdir(exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    calls, compute = count_computations()
    assert fetch("key", compute, folder)
    assert len(calls) == 1


def test_a_failed_pass_leaves_nothing(tmp_path):
    def fail():
        raise RuntimeError("out of memory")

    for folder in (None, tmp_path):
        with pytest.raises(RuntimeError, match="out of memory"):
            fetch("key", fail, folder)
        calls, compute = count_computations()
        fetch("key", compute, folder)
        assert len(calls) == 1
        store.clear_recent()


def test_a_disk_that_cannot_be_written_costs_only_the_cache(tmp_path, caplog, monkeypatch):
    calls, compute = count_computations()
    (tmp_path / "file").write_text("")
    arrays = fetch("key", compute, tmp_path / "file" / "cache")
    assert arrays["a"].shape == (1000,) and "cannot be" in caplog.text
    store.clear_recent()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    fetch("key", compute, tmp_path)
    assert "No space left" in caplog.text
    assert not list(tmp_path.glob("*.arrays")) and not list(tmp_path.glob("*.tmp"))


def test_a_file_system_without_locks(tmp_path, caplog, monkeypatch):
    def refuse(descriptor):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(store, "_lock", refuse)
    calls, compute = count_computations()
    fetch("key", compute, tmp_path)
    assert len(calls) == 1 and "No locks available" in caplog.text
    assert (tmp_path / "key.arrays").exists()


def test_old_entries_are_forgotten_by_size(monkeypatch):
    monkeypatch.setattr(store, "RECENT_BYTES", 20_000)
    calls, compute = count_computations()
    for key in ("one", "two", "three", "three", "two"):
        fetch(key, compute, None)
    assert len(calls) == 3
    fetch("four", compute, None)  # with "two" and "three", the older ones
    fetch("one", compute, None)
    assert len(calls) == 5
    monkeypatch.setattr(store, "RECENT_BYTES", 0)
    fetch("big", compute, None)
    fetch("big", compute, None)  # the newest is kept whatever its size
    assert len(calls) == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_another_thread_computes(tmp_path):
    """The child's copy of the lock would stay locked for ever."""
    inside, go_on = threading.Event(), threading.Event()

    def slow():
        inside.set()
        go_on.wait(30)
        return {"a": np.ones(3)}

    thread = threading.Thread(target=fetch, args=("key", slow, None))
    thread.start()
    inside.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        calls, compute = count_computations()
        fetch("key", compute, None)
        os._exit(len(calls))
    _, status = os.waitpid(child, 0)
    go_on.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 1
