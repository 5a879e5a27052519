"""Files that get their name when they are complete."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

__all__ = ["WholeFile", "check_target", "lock", "naming", "write_whole"]


class WholeFile:
    """A file that is written beside its name, and takes it in one step when it is complete.

    Leaving the context with an error removes what was written. What a killed process left of a file
    of this name is removed, too; a file that somebody is still writing is told by its lock.

    Parameters
    ----------
    path : str

    Attributes
    ----------
    path : Path
        Where it will be.
    temporary : Path
        Where it is, within the context.
    file : binary file
        Open to read and write, within the context.

    Raises
    ------
    OSError
        If there is no such folder, or something other than a file is there.
    """

    file: IO[bytes]

    def __init__(self, path: str) -> None:
        self.path = check_target(path)
        self.temporary = self.path

    def __enter__(self) -> WholeFile:
        _sweep(self.path)
        try:
            self._create()
            with contextlib.suppress(FileNotFoundError):
                os.chmod(self.temporary, stat.S_IMODE(self.path.stat().st_mode))
        except BaseException:
            self._discard()
            raise
        return self

    def _create(self) -> None:
        # Permissions of a new file are the system's business: reading the umask sets it.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        while True:
            self.temporary = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}.tmp")
            self.file = os.fdopen(os.open(self.temporary, flags, 0o666), "w+b")
            lock(self.file.fileno())
            if self.temporary.exists():  # nobody took it for a killed one's before it was locked
                return
            self.file.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                with naming(self.path):
                    self.file.close()
                    os.replace(self.temporary, self.path)
        finally:
            self._discard()

    def _discard(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self.file.close()  # may write, and fail again
        with contextlib.suppress(FileNotFoundError):
            if self.temporary != self.path:
                os.unlink(self.temporary)


def write_whole(path: str, write: Callable[[Path], Any]) -> None:
    """Let a file appear under its name when it is complete; `write` gets the name until then."""
    with WholeFile(path) as whole, naming(whole.path):
        write(whole.temporary)


def check_target(path: str) -> Path:
    """Return the path of a file to be, or raise ``OSError`` if there can be none."""
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"No folder {str(target.parent)!r} to write {path!r} to.")
    if target.exists() and not target.is_file():
        raise OSError(f"{path!r} is no file that can be replaced.")
    return target


@contextlib.contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Name the file in errors that name none, or the one that it is until it is complete.

    A full disk knows a number, but no name.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def lock(descriptor: int) -> bool | None:
    """Lock an open file until it is closed: False if somebody else has; None if nobody can tell."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems
        return None
    return True


def _sweep(target: Path) -> None:
    """Remove what killed processes left of a file of this name."""
    ours = re.compile(re.escape(f".{target.name}.") + r"[0-9a-f]{32}\.tmp")
    for name in filter(ours.fullmatch, os.listdir(target.parent)):
        path = target.with_name(name)
        with contextlib.suppress(OSError), open(path, "rb") as file:
            if lock(file.fileno()):
                os.unlink(path)
