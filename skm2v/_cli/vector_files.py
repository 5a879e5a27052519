"""Vectors into a file, in constant memory."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
import numpy.typing as npt

from skm2v._cli.process import output

__all__ = ["VectorWriter"]


class VectorWriter:
    """Write vectors to an ``.npy`` or a ``.jsonl`` file, or as JSONL to stdout.

    A file appears under its name only when it is complete: leaving the context with an error
    removes what was written.

    Parameters
    ----------
    path : str
        Name that ends in ``.npy`` or ``.jsonl``, or ``"-"``.
    dim : int
        Number of columns.

    Attributes
    ----------
    rows : int
        Vectors written so far.

    Raises
    ------
    ValueError
        If the name ends otherwise.
    OSError
        If there is no such folder, or stdout is closed.
    """

    def __init__(self, path: str, dim: int) -> None:
        self.path, self.dim, self.rows = Path(path), dim, 0
        self._stdout = output().buffer if path == "-" else None
        self._npy = self.path.suffix == ".npy"
        if self._stdout is None:
            if not (self._npy or self.path.suffix == ".jsonl"):
                raise ValueError(f"--output must end in .npy or .jsonl, got {path!r}.")
            if not self.path.parent.is_dir():
                raise FileNotFoundError(
                    f"No folder {str(self.path.parent)!r} to write {path!r} to."
                )
        self._temporary = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}.tmp")

    def __enter__(self) -> VectorWriter:
        if self._stdout is not None:
            self._file: IO[bytes] = self._stdout
            return self
        try:
            # Permissions of a new file are the system's business: reading the umask sets it.
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(self._temporary, flags, 0o666), "w+b")
            with contextlib.suppress(FileNotFoundError):
                os.chmod(self._temporary, stat.S_IMODE(self.path.stat().st_mode))
            if self._npy:
                self._write_header()
        except BaseException:
            self._discard()
            raise
        return self

    def _write_header(self) -> None:
        """Write the header for `rows` rows; NumPy pads it so that the number may grow."""
        np.lib.format.write_array_header_1_0(
            self._file, {"descr": "<f4", "fortran_order": False, "shape": (self.rows, self.dim)}
        )

    def write(self, texts: list[str], vectors: npt.NDArray[np.float32]) -> None:
        """Append one row for each text.

        Raises
        ------
        OSError
            If it cannot be written, with the name of the file.
        """
        if self._npy:
            data = np.ascontiguousarray(vectors, dtype="<f4").tobytes()
        else:
            buffer = io.StringIO()
            for text, vector in zip(texts, vectors.tolist(), strict=True):
                json.dump({"text": text, "embedding": vector}, buffer, ensure_ascii=False)
                buffer.write("\n")
            data = buffer.getvalue().encode("utf-8")
        with self._naming_the_file():
            self._file.write(data)
            if self._stdout is not None:
                self._file.flush()
        self.rows += len(texts)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stdout is not None:
            return
        try:
            if kind is None:
                with self._naming_the_file():
                    if self._npy:
                        self._file.seek(0)
                        self._write_header()
                    self._file.close()
                    os.replace(self._temporary, self.path)
        finally:
            self._discard()

    @contextlib.contextmanager
    def _naming_the_file(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:  # of a full disk, say: it knows a number, but no name
            name = "stdout" if self._stdout is not None else str(self.path)
            raise OSError(error.errno, error.strerror, name) from error

    def _discard(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self._file.close()  # may write, and fail again
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._temporary)
