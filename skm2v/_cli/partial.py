"""What a run has finished of a file, kept in parts beside it for a run that goes on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from skm2v._cli.formats import Format
from skm2v._cli.process import say
from skm2v._cli.sinks import Sink
from skm2v._cli.whole_file import check_target, lock, naming
from skm2v._model.files import sync_folder
from skm2v._strict_json import canonical_json

__all__ = ["Partial", "identity_of"]

_PART = re.compile(r"\d{6,}\.(part|tmp)")
# Bytes at the beginning and the end of an input that are looked at, besides its size and time.
_ENDS = 1 << 20
# Seconds of work that a run may lose that is killed: to wait for the disk takes up to 0.1 s.
EVERY = 2.0


class Partial:
    """A file of rows, made of parts that stay where a run ends early.

    They lie in the hidden folder ``.NAME.partial`` beside the file, with a record: what they were
    made of, and for each part its rows and bytes. Every few seconds, when the disk has the latest
    parts, they are entered into the record, each line of which holds a hash of all lines up to it.
    When all rows are there, the parts are put together, and the folder is removed.

    Parameters
    ----------
    path : str
    form : Format
    made_of : dict
        What decides about the rows, by the name that a user knows it by; values are JSON.

    Attributes
    ----------
    n_rows : int
        Rows that are written, by earlier runs too.
    losses : Counter
        Texts of these that lost something, by kind.

    Raises
    ------
    ValueError
        If what is there was made of something else, or is damaged, or another run is writing it.
    OSError
        If there can be no such file or folder.
    """

    def __init__(self, path: str, form: Format, made_of: dict[str, Any]) -> None:
        target = check_target(path)
        self._path, self._form, self._made_of = path, form, made_of
        self.folder = target.with_name(f".{target.name}.partial")
        self._record_path = self.folder / "record.jsonl"
        self.n_rows, self.losses = 0, Counter[str]()
        self._n_parts, self._hash = 0, ""
        self._unsaved: list[dict[str, Any]] = []  # lines of the latest parts
        self._saved = time.monotonic()

    def __enter__(self) -> Partial:
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.folder)
        self._record: IO[bytes] = open(self._record_path, "a+b")  # noqa: SIM115
        try:
            if lock(self._record.fileno()) is False:
                raise ValueError(f"Another process is writing {self._path}; wait, or end it.")
            self._go_on()
        except BaseException:
            self._record.close()
            raise
        return self

    def _go_on(self) -> None:
        """Read the record and leave what it names; begin one if there is none."""
        self._record.seek(0)
        lines = self._record.read().split(b"\n")[:-1]  # one without an end was never complete
        contents = [self._read(line) for line in lines]
        if contents:
            self._compare(contents[0]["made of"])
        for number, part in enumerate(contents[1:]):
            path = self._part(number)
            if not path.is_file() or path.stat().st_size != part["bytes"]:
                raise self._damaged(f"{path.name} is not there, or not complete")
            self.n_rows += part["rows"]
            self.losses.update(part["losses"])
            self._n_parts += 1
        if self._n_parts:
            self._form.settle(self._form.load(self._part(0)), 1)  # which tells the types
        self._record.truncate(sum(len(line) + 1 for line in lines))
        for name in filter(_PART.fullmatch, os.listdir(self.folder)):
            if name not in {self._part(number).name for number in range(self._n_parts)}:
                os.unlink(self.folder / name)
        if not contents:
            self._append([{"made of": self._made_of}])

    def _read(self, line: bytes) -> dict[str, Any]:
        """Return what a line of the record holds, if its hash is that of all lines up to it."""
        try:
            found = json.loads(line)
            sealed = found.pop("sha256")
            content: dict[str, Any] = found
        except (ValueError, KeyError, AttributeError) as error:
            raise self._damaged(f"{self._record_path.name} cannot be read") from error
        if sealed != self._next_hash(content):
            raise self._damaged(f"{self._record_path.name} was changed")
        self._hash = sealed
        return content

    def _next_hash(self, content: dict[str, Any]) -> str:
        return hashlib.sha256((self._hash + canonical_json(content)).encode()).hexdigest()

    def _append(self, contents: list[dict[str, Any]]) -> None:
        lines = []
        for content in contents:
            self._hash = self._next_hash(content)
            lines.append(canonical_json({**content, "sha256": self._hash}) + "\n")
        self._record.write("".join(lines).encode())
        self._record.flush()
        os.fsync(self._record.fileno())

    def _save(self) -> None:
        """Enter the latest parts into the record, when the disk has them."""
        for number in range(self._n_parts - len(self._unsaved), self._n_parts):
            with open(self._part(number), "r+b") as file:
                os.fsync(file.fileno())
        sync_folder(self.folder)
        self._append(self._unsaved)
        self._unsaved.clear()
        self._saved = time.monotonic()

    def _compare(self, before: dict[str, Any]) -> None:
        now = self._made_of
        names = [name for name in {**now, **before} if before.get(name) != now.get(name)]
        if names:
            raise ValueError(
                f"What {self.folder} keeps of {self._path} was made with another"
                f" {', '.join(names)}. Fix: take what was taken then, or remove that folder to"
                " begin anew."
            )

    def _damaged(self, what: str) -> ValueError:
        return ValueError(
            f"What {self.folder} keeps of {self._path} is damaged: {what}. Fix: remove that folder,"
            " and begin anew."
        )

    def _part(self, number: int) -> Path:
        return self.folder / f"{number:06}.part"

    def write(self, encoded: Any, n_rows: int, losses: dict[str, int]) -> None:
        """Add a part of rows that the format has encoded.

        Raises
        ------
        OSError
            If it cannot be written, with the name of the file.
        """
        path = self._part(self._n_parts)
        temporary = path.with_suffix(".tmp")
        encoded = self._form.settle(encoded, self.n_rows + 1)
        with naming(self._path):
            with open(temporary, "wb") as file:
                self._form.dump(encoded, file)
                size = file.tell()
            os.replace(temporary, path)
        self._unsaved.append({"rows": n_rows, "bytes": size, "losses": losses})
        self._n_parts += 1
        self.n_rows += n_rows
        self.losses.update(losses)
        if time.monotonic() >= self._saved + EVERY:
            with naming(self._path):
                self._save()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._leave()
            return
        try:
            with naming(self._path):
                self._save()
            with Sink(self._path, self._form) as sink:
                for number in range(self._n_parts):
                    sink.write(self._form.load(self._part(number)), 0, {})
        except BaseException:
            self._leave()
            raise
        self._remove()

    def _leave(self) -> None:
        """Leave the parts that are finished, if there are any."""
        if not self._n_parts:
            self._remove()
            return
        n_rows = self.n_rows
        try:
            self._save()
        except OSError:  # a full disk, say
            n_rows -= sum(part["rows"] for part in self._unsaved)
        self._record.close()
        self._part(self._n_parts).with_suffix(".tmp").unlink(missing_ok=True)
        say(f"{n_rows:,} rows are kept in {self.folder}; with --resume they stay as they are")

    def _remove(self) -> None:
        self._record.close()
        self._record_path.unlink()  # first: without it, parts are worth nothing
        for name in filter(_PART.fullmatch, os.listdir(self.folder)):
            os.unlink(self.folder / name)
        with contextlib.suppress(OSError):  # somebody put a file there
            self.folder.rmdir()


def identity_of(path: str) -> dict[str, Any]:
    """Return what tells a file from others, and from itself once it has changed.

    Raises
    ------
    ValueError
        If it is no regular file, of which nobody can tell that it is the same.
    """
    if not os.path.isfile(path):
        raise ValueError(f"--resume needs an input that is a file, to read it again; got {path!r}.")
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        ends = hashlib.sha256(file.read(_ENDS))
        file.seek(max(status.st_size - _ENDS, 0))
        ends.update(file.read(_ENDS))
    return {
        "size of the input": status.st_size,
        "time of the input": status.st_mtime_ns,
        "content of the input": ends.hexdigest(),
    }
