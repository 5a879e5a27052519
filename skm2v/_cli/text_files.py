"""Texts out of files and vectors into files, both in constant memory."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import IO

import numpy as np
import numpy.typing as npt

from skm2v.exceptions import TextValueError

FORMATS = ("lines", "csv", "jsonl")
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class TextFile:
    """The texts of a file, one at a time.

    Parameters
    ----------
    path : str
        A file in UTF-8, gzip-compressed if its name ends in ``.gz``, or ``"-"`` for stdin.
    kind : {"lines", "csv", "jsonl"} or None
        None decides by `column` and `field`, then by the file's name.
    column, field : str or None
        Where the text of a CSV row or of a JSONL object stands. A JSONL file of plain strings
        needs no field, a CSV file of one column no column.
    delimiter : str or None
        Of a CSV file; None is a tab for ``.tsv`` and a comma otherwise.
    missing_is_empty : bool
        Whether a JSONL field that is null or absent counts as the empty text.

    Raises
    ------
    ValueError
        If the arguments contradict each other.
    OSError
        If the file cannot be opened.
    """

    def __init__(
        self,
        path: str,
        *,
        kind: str | None = None,
        column: str | None = None,
        field: str | None = None,
        delimiter: str | None = None,
        missing_is_empty: bool = False,
    ) -> None:
        suffix = Path(path.removesuffix(".gz")).suffix.lower()
        if kind is None:
            by_name = _SUFFIXES.get(suffix, "lines")
            kind = "csv" if column is not None else "jsonl" if field is not None else by_name
        if column is not None and kind != "csv":
            raise ValueError(f"--column is for CSV input; the input is read as {kind}.")
        if field is not None and kind != "jsonl":
            raise ValueError(f"--field is for JSONL input; the input is read as {kind}.")
        if delimiter is not None and len(delimiter) != 1:
            raise ValueError(f"--delimiter must be one character, got {delimiter!r}.")
        self.kind, self.column, self.field = kind, column, field
        self.delimiter = delimiter or ("\t" if suffix == ".tsv" else ",")
        self.missing_is_empty = missing_is_empty
        self.name = "stdin" if path == "-" else path
        self._raw: IO[bytes] = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115
        self._size = None if path == "-" else os.fstat(self._raw.fileno()).st_size
        self._file: Iterable[bytes] = self._raw
        if path.endswith(".gz"):
            self._file = gzip.GzipFile(fileobj=self._raw)

    def __enter__(self) -> TextFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._raw is not sys.stdin.buffer:
            self._raw.close()

    def share_read(self) -> float | None:
        """Share of the file's bytes read so far; None for stdin."""
        return min(self._raw.tell() / self._size, 1.0) if self._size else None

    def texts(self) -> Iterator[str]:
        """Yield the texts.

        Raises
        ------
        TextValueError
            If a line cannot be read as text; it names the line, counted from 1.
        """
        readers = {"lines": self._lines, "csv": self._csv_texts, "jsonl": self._jsonl_texts}
        return readers[self.kind]()

    def _lines(self) -> Iterator[str]:
        # Split at the line feed only: str.splitlines would also cut at a form feed or U+2028.
        for number, line in enumerate(self._file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise self._error(number, f"is not UTF-8 ({error.reason})") from error
            yield text.removesuffix("\n").removesuffix("\r")

    def _csv_texts(self) -> Iterator[str]:
        csv.field_size_limit(2**31 - 1)  # the default refuses texts over 131,072 characters
        # The csv module joins the lines of a quoted field itself and wants their ends back.
        rows = csv.reader((line + "\n" for line in self._lines()), delimiter=self.delimiter)
        try:
            header = next(rows, None)
            if header is None:
                raise TextValueError(f"{self.name} is empty; a CSV file starts with column names.")
            index = self._column_index(header)
            for row in rows:
                if not row:  # an empty line is no row, as in pandas
                    continue
                if len(row) != len(header):
                    raise self._error(
                        rows.line_num, f"has {len(row)} fields, the header {len(header)}"
                    )
                yield row[index]
        except csv.Error as error:
            raise self._error(rows.line_num, f"is not CSV ({error})") from error

    def _column_index(self, header: list[str]) -> int:
        if self.column is None:
            if len(header) == 1:
                return 0
            raise ValueError(f"{self.name} has several columns {header}: choose with --column.")
        if header.count(self.column) != 1:
            found = "more than one" if self.column in header else "no"
            raise ValueError(f"{self.name} has {found} column {self.column!r}; it has {header}.")
        return header.index(self.column)

    def _jsonl_texts(self) -> Iterator[str]:
        for number, line in enumerate(self._lines(), start=1):
            if line.strip():
                yield self._json_text(number, line)

    def _json_text(self, number: int, line: str) -> str:
        try:
            value = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise self._error(number, f"is not JSON ({error})") from error
        if isinstance(value, dict):
            if self.field is None:
                names = ", ".join(list(value)[:8])
                raise self._error(
                    number, f"is an object: choose one of its fields with --field ({names})"
                )
            present = self.field in value
            value = value.get(self.field)
            if value is None:
                if self.missing_is_empty:
                    return ""
                what = "is null" if present else "is missing"
                raise self._error(number, f"field {self.field!r} {what}. Use --handle-missing zero")
        if not isinstance(value, str):
            raise self._error(number, f"holds {type(value).__name__} where a string is wanted")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self._error(number, "holds half of a surrogate pair (\\ud800-\\udfff)") from error
        return value

    def _error(self, number: int, what: str) -> TextValueError:
        return TextValueError(f"{self.name}, line {number}: {what}.")


def batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


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
    """

    def __init__(self, path: str, dim: int) -> None:
        self.path, self.dim, self.rows = Path(path), dim, 0
        self._stdout = path == "-"
        self._npy = self.path.suffix == ".npy"
        if not (self._stdout or self._npy or self.path.suffix == ".jsonl"):
            raise ValueError(f"--output must end in .npy or .jsonl, got {path!r}.")
        if not self._stdout and not self.path.parent.is_dir():
            raise FileNotFoundError(f"No folder {str(self.path.parent)!r} to write {path!r} to.")

    def __enter__(self) -> VectorWriter:
        if self._stdout:
            self._file: IO[bytes] = sys.stdout.buffer
        else:
            self._file = NamedTemporaryFile(  # noqa: SIM115
                dir=self.path.parent, prefix=f".{self.path.name}.", delete=False
            )
        if self._npy:
            self._write_header()
        return self

    def _write_header(self) -> None:
        """Write the header for `rows` rows; NumPy pads it so that the number may grow."""
        np.lib.format.write_array_header_1_0(
            self._file, {"descr": "<f4", "fortran_order": False, "shape": (self.rows, self.dim)}
        )

    def write(self, texts: list[str], vectors: npt.NDArray[np.float32]) -> None:
        """Append one row for each text."""
        if self._npy:
            self._file.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
        else:
            buffer = io.StringIO()
            for text, vector in zip(texts, vectors.tolist(), strict=True):
                json.dump({"text": text, "embedding": vector}, buffer, ensure_ascii=False)
                buffer.write("\n")
            self._file.write(buffer.getvalue().encode("utf-8"))
        if self._stdout:
            self._file.flush()
        self.rows += len(texts)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stdout:
            return
        temporary = Path(self._file.name)
        try:
            with self._file:
                if kind is None and self._npy:
                    self._file.seek(0)
                    self._write_header()
            if kind is None:
                umask = os.umask(0)
                os.umask(umask)
                temporary.chmod(0o666 & ~umask)
                os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)
