"""A small cache of arrays: recent ones in the process, all of them on disk if asked.

joblib.Memory gives the folder; it neither notices a flipped bit inside an array nor keeps two
processes from computing the same entry at the same time, and one entry here costs minutes.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from skm2v._model.files import open_regular

__all__ = [
    "Arrays",
    "among_processes",
    "cache_folder",
    "clear_recent",
    "fetch",
    "lock_of",
    "read_entry",
    "write_entry",
]

logger = logging.getLogger("skm2v")

Arrays = Mapping[str, npt.NDArray[Any]]

SUFFIX = ".arrays"
_DIGEST_BYTES = 32
# Seconds between two signs of life of who makes an entry, and without one until nobody waits.
BEAT, PATIENCE = 5.0, 60.0

RECENT_BYTES = 1 << 29  # of all entries but the newest

_recent: OrderedDict[str, Arrays] = OrderedDict()
_guard = threading.Lock()
_locks: dict[str, threading.Lock] = {}


def cache_folder(memory: Any) -> Path | None:
    """Return the folder for entries on disk.

    Parameters
    ----------
    memory : None, str, path or joblib.Memory
        None, or a Memory without location, means no disk.

    Raises
    ------
    ValueError
        If it is something else.
    """
    if memory is None:
        return None
    if isinstance(memory, (str, os.PathLike)):
        return Path(memory).expanduser() / "skm2v"
    if hasattr(memory, "store_backend") and hasattr(memory, "location"):
        # Inside of what `memory.clear()` removes.
        backend = memory.store_backend
        return None if backend is None else Path(backend.location) / "skm2v"
    raise ValueError(
        f"memory must be None, a path or a joblib.Memory; got {type(memory).__name__}."
    )


def fetch(key: str, compute: Callable[[], Arrays], folder: Path | None) -> Arrays:
    """Return the arrays of a key: from this process, from disk, or computed.

    Threads and processes that want the same key wait for the first one. An entry on disk that is
    damaged is computed again; one that cannot be written is only logged.

    Parameters
    ----------
    key : str
        Hash of all that the arrays depend on.
    compute : callable
        Takes nothing and returns a mapping of names to arrays.
    folder : Path or None
        Where entries are kept on disk.
    """
    with lock_of(key):
        with _guard:
            arrays = _recent.get(key)
            if arrays is not None:
                _recent.move_to_end(key)
        path = None if folder is None else folder / f"{key}{SUFFIX}"
        if arrays is None:
            arrays = _compute_or_read(path, compute)
            for array in arrays.values():
                array.flags.writeable = False
            _remember(key, arrays)
        elif path is not None and not path.exists():
            with among_processes(path):
                write_entry(path, arrays)
        return arrays


def clear_recent() -> None:
    """Forget the entries that this process remembers."""
    with _guard:
        _recent.clear()


def lock_of(key: str) -> threading.Lock:
    """Return the lock of a key among the threads of this process."""
    with _guard:
        return _locks.setdefault(key, threading.Lock())


def _remember(key: str, arrays: Arrays) -> None:
    with _guard:
        _recent[key] = arrays
        sizes = {k: sum(a.nbytes for a in entry.values()) for k, entry in _recent.items()}
        older = sum(sizes.values()) - sizes[key]
        while older > RECENT_BYTES:
            oldest, _ = _recent.popitem(last=False)
            older -= sizes[oldest]


def _compute_or_read(path: Path | None, compute: Callable[[], Arrays]) -> Arrays:
    if path is None:
        return compute()
    found = read_entry(path)
    if found is not None:
        return found
    with among_processes(path):
        found = read_entry(path)  # another process may have been faster
        if found is None:
            found = compute()
            write_entry(path, found)
    return found


def read_entry(path: Path) -> Arrays | None:
    """Return an entry, or None if there is none that is whole."""
    try:
        with open_regular(path) as (file, _):
            expected = file.read(_DIGEST_BYTES)
            if len(expected) != _DIGEST_BYTES or expected != _digest(file):
                raise ValueError("its checksum does not fit")
            end = file.tell()
            file.seek(_DIGEST_BYTES)
            arrays = {}
            while file.tell() < end:
                name = str(np.lib.format.read_array(file, allow_pickle=False))
                arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
            return arrays
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        logger.warning("The cache entry %s is damaged and is made again: %s", path, error)
        return None


def write_entry(path: Path, arrays: Arrays) -> None:
    """Write an entry at once or not at all; a failure is only logged.

    The file is a SHA-256 of the rest, then names and arrays in turn, in NumPy's format.
    """
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        # Left by a writer that was killed: it held the lock that the caller has now.
        for left in path.parent.glob(f"{path.stem}.*.tmp"):
            left.unlink()
        with open(temporary, "w+b") as file:
            file.write(bytes(_DIGEST_BYTES))
            for name, array in arrays.items():
                np.lib.format.write_array(file, np.array(name), allow_pickle=False)
                np.lib.format.write_array(file, array, allow_pickle=False)
            file.seek(_DIGEST_BYTES)
            digest = _digest(file)
            file.seek(0)
            file.write(digest)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        logger.warning("The cache entry %s cannot be written: %s", path, error)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _digest(file: IO[bytes]) -> bytes:
    """SHA-256 of a file from here to its end."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.digest()


@contextlib.contextmanager
def among_processes(path: Path | None) -> Iterator[None]:
    """Keep other processes from making the same entry; without a path there is nothing to keep.

    The system itself gives the lock back when its holder dies, so there is no stale lock. A holder
    at work touches the file now and then: for one that was stopped nobody waits longer than
    `PATIENCE` seconds, and the work is done twice.
    """
    if path is None:
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered, and never waiting for the other end of a pipe.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(path.with_suffix(".lock"), flags, 0o666)
    except OSError as error:
        logger.warning("The cache folder %s cannot be used: %s", path.parent, error)
        yield
        return
    try:
        try:
            alone = _lock(descriptor)
            reason = "its holder seems to be stopped"
        except OSError as error:  # some network file systems
            alone, reason = False, str(error)
        if not alone:
            logger.warning("No lock for %s (%s); work may be done twice.", path, reason)
        with _heartbeat(descriptor) if alone else contextlib.nullcontext():
            yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Wait for an exclusive lock, which ends when the file is closed; False if nobody is at work.

    Raises
    ------
    OSError
        If the system has no such lock for this file.
    """
    last, since = None, time.monotonic()
    while not _try_lock(descriptor):
        beat = os.fstat(descriptor).st_mtime_ns
        if beat != last:
            last, since = beat, time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            return False
        time.sleep(0.05)
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _heartbeat(descriptor: int) -> Iterator[None]:
    """Touch a file now and then, in another thread."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(BEAT):
            with contextlib.suppress(OSError):
                os.utime(descriptor)

    thread = threading.Thread(target=beat, name="skm2v-lock", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # where no thread can start, others lose their patience
        yield
        return
    try:
        yield
    finally:
        done.set()
        thread.join()


def _forget_locks() -> None:
    """Start anew in a forked child: a lock that another thread held would stay locked."""
    global _guard
    _guard = threading.Lock()
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)
