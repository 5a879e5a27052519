"""Files that hold one thing, complete in itself and checked when it is read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from skm2v._model import files
from skm2v._model.sealed import Content, Seal, describe_sealed
from skm2v._model.tensor_file import parse_tensors, with_own_numbers
from skm2v.exceptions import ModelFormatError

__all__ = ["SealedFile"]

T = TypeVar("T")


@dataclass(frozen=True)
class SealedFile(Generic[T]):
    """A kind of such files.

    Parameters
    ----------
    seal : Seal
    name : str
        What is in one, with its article: "an index".
    writer : str
        What writes it, for the errors.
    max_bytes : int
        Size of the largest file that is read.
    advice : str, default=""
        What the error about a folder ends with.
    """

    seal: Seal[T]
    name: str
    writer: str
    max_bytes: int
    advice: str = ""

    def target(self, path: str | os.PathLike[str]) -> Path:
        """Return the path that can be written to, before there is anything to write.

        Raises
        ------
        IsADirectoryError
            If it is a folder.
        """
        target = files.local_path(path)
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a folder; {self.name} is a file in one.")
        return target

    def write(self, target: Path, content: Content) -> None:
        """Write a file in one step: whoever reads sees the old one or the new one."""
        files.write_alone(target, self.seal.dump(content))

    def read(self, path: str | os.PathLike[str], *, mmap: bool, verify: bool) -> T:
        """Read a file, or map it into memory; with ``verify=False`` its hash is not computed.

        Raises
        ------
        ModelFormatError
            If it is damaged, of a newer format, or holds something else.
        OSError
            If there is no such file or it cannot be read.
        """
        file = files.local_path(path)
        what = str(file)
        if file.is_dir():
            raise IsADirectoryError(
                f"{what} is a folder; {self.name} is a file, as save() wrote it.{self.advice}"
            )
        data: Any = (
            files.map_file(file, max_bytes=self.max_bytes)
            if mmap
            else files.read_file(file, max_bytes=self.max_bytes)[0]
        )
        tensors, metadata = parse_tensors(data, what=what)
        if mmap:
            tensors = with_own_numbers(tensors)
        if self.seal.key not in metadata:
            kind = describe_sealed(metadata, not_by=self.seal.key)
            bare = self.name.partition(" ")[2]
            raise ModelFormatError(
                f"{what} is no {bare}: it was not written by {self.writer}."
                if kind is None
                else f"{what} holds {kind}, and no {bare}."
            )
        return self.seal.read(metadata[self.seal.key], tensors, what=what, verify=verify)[0]
