"""The texts of a file, in constant memory."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

from skm2v._checks import some
from skm2v._text_tables import Row, read_csv, read_json, read_lines, row_error
from skm2v.exceptions import TextValueError

__all__ = ["FORMATS", "TextFile", "batches"]

FORMATS = ("lines", "csv", "jsonl")
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
# Of a CSV file, besides a comma, and how a shell writes them. Spreadsheets of many countries write
# semicolons.
_OTHER_DELIMITERS = {";": "';'", "\t": "$'\\t'", "|": "'|'"}


class TextFile:
    """The texts of a file, one at a time: as many as it has rows, or an error that names one.

    Parameters
    ----------
    path : str
        A file in UTF-8, compressed by gzip or not, or ``"-"`` for stdin.
    kind : {"lines", "csv", "jsonl"} or None
        None decides by `column` and `field`, then by the file's name. A JSONL file may also be one
        JSON list, which is then read whole.
    column, field : str or None
        Where the text of a CSV row or of a JSON object stands. A JSONL file of plain strings
        needs no field, a CSV file of one column no column.
    delimiter : str or None
        Of a CSV file; None is a tab for ``.tsv`` and a comma otherwise.
    missing_is_empty : bool
        Whether a JSON field that is null or absent, or an empty line of a CSV file of one column,
        counts as the empty text.

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
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
            raise ValueError(
                f"--delimiter must be one character, no quote or line end; got {delimiter!r}."
            )
        self.kind, self.column, self.field = kind, column, field
        self._delimiter_given = delimiter is not None
        self.delimiter = delimiter or ("\t" if suffix == ".tsv" else ",")
        self.missing_is_empty = missing_is_empty
        self.name = "stdin" if path == "-" else path
        self._is_stdin = path == "-"
        if not self._is_stdin:
            self._file: IO[bytes] = open(path, "rb")  # noqa: SIM115
        elif sys.stdin is None:
            raise OSError("stdin is closed, and no input file is named.")
        else:
            self._file = sys.stdin.buffer
        self._size = None if self._is_stdin else os.fstat(self._file.fileno()).st_size

    def __enter__(self) -> TextFile:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_stdin:
            self._file.close()

    def is_stored(self) -> bool:
        """Whether all of it is there: a file, not a pipe or a terminal that somebody writes to."""
        return stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)

    def share_read(self) -> float | None:
        """Share of the file's bytes read so far; None for stdin."""
        return min(self._file.tell() / self._size, 1.0) if self._size else None

    def texts(self) -> Iterator[str]:
        """Yield the texts.

        Raises
        ------
        TextValueError
            If a row cannot be read as text; it names the line, counted from 1.
        """
        lines = read_lines(self._file, self.name)
        if self.kind == "csv":
            return self._csv_texts(lines)
        if self.kind == "jsonl":
            return map(self._json_text, read_json(lines, self.name))
        return (line.removesuffix("\n").removesuffix("\r") for line in lines)

    def _csv_texts(self, lines: Iterator[str]) -> Iterator[str]:
        rows = read_csv(
            lines, self.name, delimiter=self.delimiter, blank_is_empty=self.missing_is_empty
        )
        index = self._column_index(next(rows).value)
        return (row.value[index] for row in rows)

    def _column_index(self, header: list[str]) -> int:
        if self.column is None:
            if len(header) == 1:
                self._refuse_other_delimiter(header[0])
                return 0
            raise ValueError(f"{self.name} has several columns {header}: choose with --column.")
        if header.count(self.column) != 1:
            found = "more than one" if self.column in header else "no"
            raise ValueError(f"{self.name} has {found} column {self.column!r}; it has {header}.")
        return header.index(self.column)

    def _refuse_other_delimiter(self, name: str) -> None:
        """Raise if the only column seems to be several, which would be embedded as one text."""
        found = next((mark for mark in _OTHER_DELIMITERS if mark in name), None)
        if found is not None and not self._delimiter_given:
            raise ValueError(
                f"{self.name} has one column {name!r}, which seems to be several: choose with"
                f" --delimiter {_OTHER_DELIMITERS[found]}, or --delimiter ',' if it is one."
            )

    def _json_text(self, row: Row) -> str:
        value = row.value
        if isinstance(value, dict):
            if self.field is None:
                raise self._error(
                    row, f"is an object: choose one of its fields with --field ({some(value, 8)})"
                )
            present = self.field in value
            value = value.get(self.field)
            if value is None:
                if self.missing_is_empty:
                    return ""
                what = "is null" if present else "is missing"
                raise self._error(row, f"field {self.field!r} {what}. Use --handle-missing zero")
        if not isinstance(value, str):
            raise self._error(row, f"holds {type(value).__name__} where a string is wanted")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self._error(row, "holds half of a surrogate pair (\\ud800-\\udfff)") from error
        return value

    def _error(self, row: Row, what: str) -> TextValueError:
        return row_error(self.name, row.number, what, row.unit)


def batches(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
