"""The texts of a file, in constant memory."""

from __future__ import annotations

import os
import stat
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import IO, Any, TypeVar

from skm2v._checks import some
from skm2v._cli.batch import Batch
from skm2v._cli.text_columns import check_delimiter, find_column, refuse_other_delimiter
from skm2v._text_tables import Row, read_csv, read_json, read_lines, row_error
from skm2v.exceptions import TextValueError

__all__ = ["FORMATS", "TextFile", "batches"]

T = TypeVar("T")

FORMATS = ("lines", "csv", "jsonl")
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


class TextFile:
    """The texts of a file, one at a time: as many as it has rows, or an error that names one.

    Parameters
    ----------
    path : str
        A file in UTF-8, compressed by gzip or not, or ``"-"`` for stdin.
    kind : {"lines", "csv", "jsonl"} or None
        None decides by the file's name, then by `column` and `field`. A JSONL file may also be one
        JSON list, which is then read whole.
    column, field : str or None
        Where the text of a CSV row or of a JSON object stands; `column` may name a field, too. A
        JSONL file of plain strings needs no field, a CSV file of one column no column.
    delimiter : str or None
        Of a CSV file; None is a tab for ``.tsv`` and a comma otherwise.
    missing_is_empty : bool
        Whether a JSON field that is null or absent, or an empty line of a CSV file of one column,
        counts as the empty text.
    keep : sequence of str or None
        Columns or fields that batches have beside the texts; None for the texts themselves, as
        ``text``, which is also the only column that a file of lines has.

    Raises
    ------
    ValueError
        If the arguments contradict each other.
    OSError
        If the file cannot be opened.
    """

    n_rows = None  # nobody knows before the end

    def __init__(
        self,
        path: str,
        *,
        kind: str | None = None,
        column: str | None = None,
        field: str | None = None,
        delimiter: str | None = None,
        missing_is_empty: bool = False,
        keep: Sequence[str] | None = None,
    ) -> None:
        suffix = Path(path.removesuffix(".gz")).suffix.lower()
        if kind is None:
            kind = _SUFFIXES.get(suffix, "lines")
            if column is None and field is not None:
                kind = "jsonl"
            elif column is not None and kind == "lines":
                kind = "csv"
        if kind == "jsonl" and column is not None:
            if field is not None:
                raise ValueError("--column and --field both name the field of the texts: give one.")
            column, field = None, column
        if column is not None and kind != "csv":
            raise ValueError(f"--column is for CSV input; the input is read as {kind}.")
        if field is not None and kind != "jsonl":
            raise ValueError(f"--field is for JSONL input; the input is read as {kind}.")
        self.kind, self.column, self.field = kind, column, field
        self._delimiter_given = delimiter is not None
        self.delimiter = check_delimiter(delimiter, path, kind)
        self.missing_is_empty = missing_is_empty
        self._keep = keep
        self._rows: Iterator[Any] | None = None
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
            header, rows = self._csv_rows(lines)
            index = self._column_index(header)
            return (row.value[index] for row in rows)
        if self.kind == "jsonl":
            return map(self._json_text, read_json(lines, self.name))
        return (line.removesuffix("\n").removesuffix("\r") for line in lines)

    def skip(self, n_rows: int) -> None:
        """Leave out the first rows of `batches`; errors are those of `texts`."""
        self._rows = self._begin()
        deque(islice(self._rows, n_rows), maxlen=0)

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield batches of `size` rows, the last one of fewer; errors are those of `texts`."""
        keep = self._keep
        for rows in batches(self._begin() if self._rows is None else self._rows, size):
            if not self._has_kept():
                yield Batch(rows, {} if keep == [] else {"text": rows})
            else:
                texts, *columns = map(list, zip(*rows, strict=True))
                yield Batch(texts, dict(zip(keep or (), columns, strict=True)))

    def _has_kept(self) -> bool:
        """Whether rows have more than a text."""
        return bool(self._keep) and self.kind != "lines"

    def _begin(self) -> Iterator[Any]:
        """Yield the text of each row, or a tuple of it and what is kept."""
        if self._has_kept():
            return self._kept_rows(self._keep or ())
        if wrong := [name for name in self._keep or () if name != "text"]:
            raise ValueError(f"{self.name} has lines, and no column {wrong[0]!r} to keep.")
        return self.texts()

    def no_rows(self) -> Batch:
        """Return a batch of no rows."""
        return Batch([], {name: [] for name in (["text"] if self._keep is None else self._keep)})

    def _kept_rows(self, keep: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield the text of each row and what is kept of it."""
        lines = read_lines(self._file, self.name)
        if self.kind == "csv":
            header, rows = self._csv_rows(lines)
            cells = itemgetter(
                self._column_index(header), *(find_column(header, name, self.name) for name in keep)
            )
            for row in rows:
                yield cells(row.value)
            return
        for row in read_json(lines, self.name):
            text = self._json_text(row)
            if not isinstance(row.value, dict):
                raise self._error(row, f"is a string, and has no field {keep[0]!r} to keep")
            kept = [row.value.get(name) for name in keep]
            for value in kept:
                if isinstance(value, str):
                    self._refuse_surrogates(row, value)
            yield (text, *kept)

    def _csv_rows(self, lines: Iterator[str]) -> tuple[list[str], Iterator[Row]]:
        rows = read_csv(
            lines, self.name, delimiter=self.delimiter, blank_is_empty=self.missing_is_empty
        )
        return next(rows).value, rows

    def _column_index(self, header: list[str]) -> int:
        if not self._delimiter_given:
            refuse_other_delimiter(header, self.column, self.name)
        return find_column(header, self.column, self.name)

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
        self._refuse_surrogates(row, value)
        return value

    def _refuse_surrogates(self, row: Row, value: str) -> None:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise self._error(row, "holds half of a surrogate pair (\\ud800-\\udfff)") from error

    def _error(self, row: Row, what: str) -> TextValueError:
        return row_error(self.name, row.number, what, row.unit)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
