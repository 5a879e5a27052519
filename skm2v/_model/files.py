"""The file operations of this package: every read and write of a model passes through here."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import re
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from skm2v._model.folder import FOLDER_FLAGS, Folder, Place, identity_of
from skm2v.exceptions import ModelFormatError

__all__ = [
    "MODEL_FILE",
    "Folder",
    "Place",
    "exclusive",
    "local_path",
    "make_folder",
    "map_file",
    "open_regular",
    "read_file",
    "read_start",
    "replace",
    "set_aside",
    "stage",
    "sweep",
    "sync_folder",
    "temporaries",
    "unlink",
    "write_alone",
]

LOCK_SECONDS = 60.0
# Without O_DIRECTORY opening a pipe waits for a writer, for ever.
MODEL_FILE = "model.safetensors"
# What is not yet, or no longer, part of a model. Nobody else has names of 32 random digits.
TEMPORARY = ".skm2v-"
_OURS = re.compile(re.escape(TEMPORARY) + r"[0-9a-f]{32}(-\w+\.tmp|\.old)")


def local_path(path: str | os.PathLike[str]) -> Path:
    """Return a path, with ``~`` expanded, unless no file can have it."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"A path must be a str or os.PathLike of str; got {type(text).__name__}.")
    if not text or "\0" in text:
        raise FileNotFoundError(f"{text!r} is not the path of a folder.")
    return Path(os.path.expanduser(text))


def read_file(path: Path | Place, *, max_bytes: int) -> tuple[bytes, tuple[int, ...]]:
    """Read a regular file.

    Parameters
    ----------
    path : Path or Place
    max_bytes : int
        Larger files are refused unread.

    Returns
    -------
    data : bytes
    identity : tuple of int
        Numbers that change when the file is replaced.

    Raises
    ------
    OSError
        If there is no such file or it cannot be read.
    ModelFormatError
        If it is a folder, device, pipe or socket, too large, or changes while it is read.
    """
    with open_regular(path, max_bytes) as (file, status):
        data = file.read(status.st_size + 1)
    if len(data) != status.st_size:
        raise ModelFormatError(
            f"{path} changed while it was read: {status.st_size} bytes were announced,"
            f" {len(data)} came. Load it again."
        )
    identity = identity_of(status)
    if isinstance(path, Place):
        path.folder.remember(path, identity)
    return data, identity


def map_file(path: Path | Place, *, max_bytes: int) -> mmap.mmap:
    """Map a regular file into memory; parameters and errors are those of :func:`read_file`.

    Savers of ours put a new file in its place, which changes nothing here. Who writes into a file
    that is mapped changes what was read from it, and who shortens it ends the process.
    """
    with open_regular(path, max_bytes) as (file, status):
        if not status.st_size:
            raise ModelFormatError(f"{path} is truncated: it is empty.")
        try:
            data = mmap.mmap(file.fileno(), status.st_size, access=mmap.ACCESS_READ)
        except ValueError as error:
            raise ModelFormatError(f"{path} became shorter while it was read.") from error
    if isinstance(path, Place):
        path.folder.remember(path, identity_of(status))
    return data


def read_start(path: Path, n_bytes: int) -> bytes:
    """Return the first bytes of a regular file; none if there is no such file."""
    try:
        with open_regular(path) as (file, _):
            return file.read(n_bytes)
    except (OSError, ModelFormatError):
        return b""


@contextlib.contextmanager
def open_regular(
    path: Path | Place, max_bytes: int | None = None
) -> Iterator[tuple[BinaryIO, os.stat_result]]:
    """Open a regular file to read; parameters and errors are those of :func:`read_file`."""
    # Without O_NONBLOCK opening a pipe waits for a writer, for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_CLOEXEC", 0)
    try:
        if isinstance(path, Place):
            descriptor = path.folder.open(path, flags)
        else:
            descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise ModelFormatError(f"{path} is not a regular file.") from error
        error.filename = os.fspath(path)  # not as it is called in its folder
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ModelFormatError(f"{path} is not a regular file.")
        if max_bytes is not None and status.st_size > max_bytes:
            raise ModelFormatError(
                f"{path} has {status.st_size} bytes; at most {max_bytes} are read."
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file, status
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Create a folder and its parents, if they are not there."""
    os.makedirs(path, exist_ok=True)


def stage(path: Path, data: bytes) -> Path:
    """Write data to a new temporary file next to `path` and wait until the disk has it.

    The file gets the permissions of the file at `path`, if there is one, and those of any new
    file otherwise.
    """
    prefix = f"{TEMPORARY}{uuid.uuid4().hex}-"
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=path.parent)
    try:
        with _named(path), os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(path))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return Path(name)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say in errors which file could not be written: a full disk does not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path)
        raise


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(os.stat(path).st_mode) & 0o666
    except OSError:
        return 0o666 & ~_umask()


def _umask() -> int:
    """Return the umask without setting it, where the system tells: setting it is global."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    except (OSError, ValueError, IndexError):
        pass
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def replace(source: Path, target: Path) -> None:
    """Rename a file over another, in one step.

    Where the file system refuses that, and no file would be lost, the data are copied instead.
    """
    try:
        os.replace(source, target)
    except OSError:
        if os.path.lexists(target) or not source.exists():
            raise
        _copy(source, target)
        os.unlink(source)


def _copy(source: Path, target: Path) -> None:
    try:
        with _named(target), open(source, "rb") as reader, open(target, "xb") as writer:
            while block := reader.read(1 << 20):
                writer.write(block)
            writer.flush()
            os.fsync(writer.fileno())
        os.chmod(target, stat.S_IMODE(os.stat(source).st_mode))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(target)
        raise


def set_aside(path: Path) -> Path | None:
    """Give a file a temporary name, and return that; None if there is no such file."""
    aside = path.with_name(f"{TEMPORARY}{uuid.uuid4().hex}.old")
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return None
    return aside


def write_alone(target: Path, data: bytes) -> None:
    """Write a file that is complete in itself, in one step.

    Whoever reads sees the old file or the new one, wherever this is interrupted.
    """
    with exclusive(target.parent) as alone:
        if alone:
            sweep(target.parent)
        staged = stage(target, data)
        try:
            replace(staged, target)
        finally:
            unlink(staged)
        sync_folder(target.parent)


def temporaries(folder: Path) -> list[Path]:
    """Return the temporary files in a folder: ours, not what somebody gave a similar name."""
    paths = [folder / name for name in os.listdir(folder) if _OURS.fullmatch(name)]
    return [path for path in paths if stat.S_ISREG(os.lstat(path).st_mode)]


def unlink(path: Path) -> None:
    """Remove a file, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def sweep(folder: Path) -> None:
    """Remove the temporary files of savers that were killed; only who is alone may do that."""
    for path in temporaries(folder):
        unlink(path)


def sync_folder(path: Path) -> None:
    """Wait until the disk has the names of a folder, where the system can do that."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # Windows does not open folders
        return
    try:
        with _named(path):
            os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[bool]:
    """Keep other savers out of a folder; gives False where the system has no such lock.

    Raises
    ------
    TimeoutError
        If another process is still saving after a minute.
    """
    try:
        import fcntl
    except ImportError:
        yield False
        return
    descriptor = os.open(path, FOLDER_FLAGS)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        locked = None
        while locked is None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                locked = True
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"Another process has been saving to {path} for {LOCK_SECONDS} seconds."
                        " Save to another folder, or end that process."
                    ) from None
                time.sleep(0.005)
            except OSError:  # some network file systems
                locked = False
        yield locked
    finally:
        os.close(descriptor)
