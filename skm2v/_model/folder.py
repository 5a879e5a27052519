"""A folder that is opened once, and the files in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

__all__ = ["FOLDER_FLAGS", "Folder", "Place", "identity_of"]

FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


def identity_of(status: os.stat_result) -> tuple[int, ...]:
    """What tells one file from another that takes its place."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


class Folder:
    """A folder that is read as what it was when it was opened, wherever its name leads since.

    Use it in a ``with`` statement; ``folder / name`` is a file in it. Where the system cannot open
    files relative to a folder, they are opened by their whole path.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        If there is no such folder, or it is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: dict[str, int] = {}
        self._read: dict[Place, tuple[int, ...]] = {}
        if os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd:
            self._open[""] = os.open(path, FOLDER_FLAGS)
        elif not path.is_dir():
            os.listdir(path)  # says why not

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def __truediv__(self, name: str | PurePosixPath) -> Place:
        return Place(self, PurePosixPath(name))

    def __str__(self) -> str:
        return str(self.path)

    def open(self, place: Place, flags: int) -> int:
        """Open a file in it, and say by which descriptor."""
        if not self._open:
            return os.open(place, flags)
        return os.open(place.name.name, flags, dir_fd=self._parent(place))

    def remember(self, place: Place, identity: tuple[int, ...]) -> None:
        """Keep in mind which file was read."""
        self._read.setdefault(place, identity)

    def changed(self) -> list[Place]:
        """Return the files that were read and are other ones by now."""
        return [place for place, identity in self._read.items() if self._look(place) != identity]

    def _look(self, place: Place) -> tuple[int, ...] | None:
        try:
            if not self._open:
                return identity_of(os.stat(place))
            return identity_of(os.stat(place.name.name, dir_fd=self._parent(place)))
        except OSError:
            return None

    def _parent(self, place: Place) -> int:
        """Descriptor of the folder of a file, which is opened once, too."""
        parent = str(place.name.parent)
        if parent == ".":
            return self._open[""]
        if parent not in self._open:
            self._open[parent] = os.open(parent, FOLDER_FLAGS, dir_fd=self._open[""])
        return self._open[parent]


@dataclass(frozen=True)
class Place:
    """A file in a :class:`Folder`."""

    folder: Folder
    name: PurePosixPath

    def __truediv__(self, name: str) -> Place:
        return Place(self.folder, self.name / name)

    def __str__(self) -> str:
        return str(self.folder.path / self.name)

    __fspath__ = __str__
