"""Saving that is interrupted, refused or contended for: readers see one model or the other."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from skm2v import StaticModel
from skm2v._model import files
from skm2v._model.files import TEMPORARY
from skm2v._model.tensor_file import parse_tensors
from tests.model.forge import tiny_model
from tests.model.test_peers import FIXTURES, editable

ROOT = Path(__file__).parents[2]
OPERATIONS = (
    "open",
    "fdopen",
    "fstat",
    "stat",
    "fsync",
    "chmod",
    "replace",
    "rename",
    "unlink",
    "makedirs",
    "listdir",
    "close",
)
OLD, NEW = tiny_model("wordpiece"), tiny_model("bpe", "int8")


@pytest.fixture
def no_fsync(monkeypatch):
    """Waiting for the disk thousands of times takes minutes; that it is asked for is counted."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class Killed(BaseException):
    """Stands for the end of the process: nothing may run after it."""


class FaultyOS:
    """The `os` module, whose n-th operation on files fails."""

    def __init__(self, fail_at: int, error: BaseException | None, *, after: bool = False) -> None:
        self.fail_at, self.error, self.after = fail_at, error, after
        self.n_calls = 0
        self.dead = False

    def __getattr__(self, name: str):
        function = getattr(os, name)
        if name not in OPERATIONS:
            return function

        def operation(*arguments, **options):
            if name == "close":  # it frees the descriptor also when it fails, or the process ends
                function(*arguments, **options)
            if self.dead:
                raise Killed
            self.n_calls += 1
            if self.n_calls == self.fail_at and self.error is not None:
                if self.after and name not in ("open", "fdopen", "close"):
                    function(*arguments, **options)
                if isinstance(self.error, Killed):
                    self.dead = True
                raise self.error
            return None if name == "close" else function(*arguments, **options)

        return operation


class FaultyTempfile:
    def __init__(self, faulty: FaultyOS) -> None:
        self.faulty = faulty

    def mkstemp(self, **options):
        self.faulty.unlink  # noqa: B018 - counted like the others:
        self.faulty.n_calls += 1
        if self.faulty.dead:
            raise Killed
        if self.faulty.n_calls == self.faulty.fail_at and self.faulty.error is not None:
            if isinstance(self.faulty.error, Killed):
                self.faulty.dead = True
            raise self.faulty.error
        return tempfile.mkstemp(**options)


def save_with_fault(
    monkeypatch, model: StaticModel, folder: Path, fail_at: int, error: BaseException | None, **more
) -> tuple[int, BaseException | None]:
    faulty = FaultyOS(fail_at, error, **more)
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", faulty)
        patch.setattr(files, "tempfile", FaultyTempfile(faulty))
        try:
            model.save_pretrained(folder)
        except (OSError, Killed, KeyboardInterrupt, MemoryError) as caught:
            return faulty.n_calls, caught
    return faulty.n_calls, None


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(TEMPORARY)]


def count_operations(monkeypatch, folder: Path) -> int:
    OLD.save_pretrained(folder)
    n_calls, caught = save_with_fault(monkeypatch, NEW, folder, 0, None)
    assert caught is None
    return n_calls


ERRORS = {
    "disk full": OSError(errno.ENOSPC, "No space left on device"),
    "input/output": OSError(errno.EIO, "Input/output error"),
    "no permission": PermissionError(errno.EACCES, "Permission denied"),
    "Ctrl-C": KeyboardInterrupt(),
    "killed": Killed(),
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ERRORS)
def test_every_operation_may_fail(monkeypatch, no_fsync, tmp_path, kind, after):
    """P25: whichever operation fails, the folder holds the old model or the new one."""
    n_operations = count_operations(monkeypatch, tmp_path / "count")
    assert n_operations > 40
    seen = set()
    for fail_at in range(1, n_operations + 1):
        folder = tmp_path / str(fail_at)
        OLD.save_pretrained(folder)
        _, caught = save_with_fault(monkeypatch, NEW, folder, fail_at, ERRORS[kind], after=after)
        model = StaticModel.from_pretrained(folder)
        assert model in (OLD, NEW), fail_at
        if caught is None:
            assert model == NEW  # what failed was not needed
        seen.add(model)
        if kind != "killed":
            assert len(leftovers(folder)) <= after, fail_at  # closing and unlinking can fail
        NEW.save_pretrained(folder)
        assert StaticModel.from_pretrained(folder) == NEW
        assert not leftovers(folder), fail_at
        assert len(list(folder.iterdir())) == 6
    assert seen == {OLD, NEW}


def test_a_failure_before_the_commit_leaves_every_file(monkeypatch, no_fsync, tmp_path):
    OLD.save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    n_checked = 0
    for fail_at in range(1, 200):
        _, caught = save_with_fault(monkeypatch, NEW, tmp_path, fail_at, ERRORS["disk full"])
        if caught is None:  # what failed was not needed
            OLD.save_pretrained(tmp_path)
            continue
        if StaticModel.from_pretrained(tmp_path) == NEW:
            break
        n_checked += 1
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert n_checked > 30


@pytest.mark.parametrize("error", [Killed(), ERRORS["disk full"]], ids=["killed", "disk full"])
@pytest.mark.parametrize(
    "peer", ["model2vec-float32", "sentence-transformers", "sentence-transformers-nested"]
)
def test_a_save_over_a_model_of_a_peer_mixes_nothing(monkeypatch, no_fsync, tmp_path, peer, error):
    """Tensors and settings of a peer's model are several files: none is read with one of ours."""
    old = StaticModel.from_pretrained(FIXTURES / peer)
    NEW.save_pretrained(tmp_path / "new")
    wholes = {theirs(FIXTURES / peer): "old", theirs(tmp_path / "new"): "new"}
    seen = []
    folder = editable(peer, tmp_path / "0")
    n_operations, _ = save_with_fault(monkeypatch, NEW, folder, 0, None)
    for fail_at in range(1, n_operations + 1):
        folder = editable(peer, tmp_path / str(fail_at))
        _, caught = save_with_fault(monkeypatch, NEW, folder, fail_at, error)
        model = StaticModel.from_pretrained(folder)
        assert model in (old, NEW)
        read = theirs(folder)
        assert read is None or read in wholes, f"a mixture, where operation {fail_at} failed"
        seen.append(("old" if model == old else "new", read and wholes[read]))
        NEW.save_pretrained(folder)
        assert StaticModel.from_pretrained(folder) == NEW
        assert theirs(folder) == theirs(tmp_path / "new")
        assert not leftovers(folder)
    assert set(seen) >= {("old", "old"), ("new", None), ("new", "new")}
    assert n_operations > 50


def theirs(folder: Path) -> tuple[bytes, ...] | None:
    """What Model2Vec or sentence-transformers would put together; None if they would refuse."""
    for module, table, others in (
        ("", "embeddings", ("tokenizer.json", "config.json")),
        ("", "embedding.weight", ("tokenizer.json", "modules.json")),
        ("0_StaticEmbedding", "embedding.weight", ("0_StaticEmbedding/tokenizer.json",)),
    ):
        file = folder / module / "model.safetensors"
        paths = [folder / name for name in others]
        if module and file.exists():
            modules = folder / "modules.json"
            if not modules.exists() or module not in modules.read_text():
                continue
        if file.exists() and all(path.exists() for path in paths):
            tensors, _ = parse_tensors(file.read_bytes(), what="")
            if table in tensors:
                return (tensors[table].tobytes(), *(path.read_bytes() for path in paths))
    return None


def run_contest(name: str, folder: Path) -> dict:
    """Run a function of tests/model/contest.py in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.model.contest", name, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=True,
        stdout=subprocess.PIPE,
        timeout=120,
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(os.name != "posix", reason="needs kill")
def test_a_killed_process(tmp_path):
    """P25 with real processes, killed at random times; the next save cleans up."""
    result = run_contest("killed", tmp_path / "model")
    assert result["wrong"] == 0 and result["kills"] == 50
    assert result["models"] == 2, "no kill came between two saves"
    NEW.save_pretrained(tmp_path / "model")
    assert not leftovers(tmp_path / "model")


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on file sizes")
def test_a_quota(tmp_path):
    """P26: real writes that the system refuses, at several places of a file."""
    result = run_contest("quota", tmp_path)
    assert result["refused"] == result["tried"] == 8
    assert result["wrong"] == 0
    assert StaticModel.from_pretrained(tmp_path) == OLD
    assert not leftovers(tmp_path) and len(list(tmp_path.iterdir())) == 6


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
def test_savers_and_readers_of_one_folder(tmp_path):
    """P27: two processes save, two read: every read is one of the models that were written."""
    result = run_contest("race", tmp_path / "model")
    assert result["wrong"] == 0 and result["reads"] >= 600 and result["models"] >= 5
    assert len(list((tmp_path / "model").iterdir())) == 6


@pytest.mark.parametrize("code", [errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EBUSY])
def test_where_renaming_is_refused(monkeypatch, tmp_path, code):
    def refuse(*arguments, **options):
        raise OSError(code, "rename is refused")

    OLD.save_pretrained(tmp_path / "old")
    monkeypatch.setattr(os, "replace", refuse)
    NEW.save_pretrained(tmp_path / "new")  # there is nothing to lose: copied
    assert StaticModel.from_pretrained(tmp_path / "new") == NEW
    with pytest.raises(OSError, match="rename is refused"):
        NEW.save_pretrained(tmp_path / "old")
    assert StaticModel.from_pretrained(tmp_path / "old") == OLD
    for folder in (tmp_path / "old", tmp_path / "new"):
        assert not leftovers(folder) and len(list(folder.iterdir())) == 6


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="needs permissions that are enforced"
)
def test_a_read_only_folder(tmp_path):
    OLD.save_pretrained(tmp_path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            NEW.save_pretrained(tmp_path)
        assert StaticModel.from_pretrained(tmp_path) == OLD
    finally:
        tmp_path.chmod(0o700)


def test_a_saver_that_never_ends_is_an_error(monkeypatch, tmp_path):
    OLD.save_pretrained(tmp_path)
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.05)
    with files.exclusive(tmp_path), pytest.raises(TimeoutError, match="Another process"):
        NEW.save_pretrained(tmp_path)
    assert StaticModel.from_pretrained(tmp_path) == OLD


def test_what_somebody_gave_a_name_like_ours_is_left_alone(tmp_path):
    OLD.save_pretrained(tmp_path)
    mine = [TEMPORARY, f"{TEMPORARY}notes", f"{TEMPORARY}settings.tmp", f"{TEMPORARY}backup.old"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    (tmp_path / f"{TEMPORARY}folder").mkdir()
    (tmp_path / f"{TEMPORARY}{'0' * 32}.old").mkdir()  # even under a name of ours
    killed = tmp_path / f"{TEMPORARY}{'0' * 32}-abcdefgh.tmp"
    killed.write_text("of a saver that was killed")
    NEW.save_pretrained(tmp_path)
    assert StaticModel.from_pretrained(tmp_path) == NEW
    assert all((tmp_path / name).read_text() == "mine" for name in mine)
    assert (tmp_path / f"{TEMPORARY}folder").is_dir()
    assert not killed.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_for_a_folder_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe"):
        NEW.save_pretrained(tmp_path / "pipe")
    with pytest.raises(NotADirectoryError), files.exclusive(tmp_path / "pipe"):
        pass
