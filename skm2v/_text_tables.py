"""Files of texts, read row by row: lines, CSV and JSON, gzip-compressed or not.

One rule holds for all of them: n rows in, n rows out, or an error that names the row. CSV has a
reader of its own here because the limit of the `csv` module (131,072 characters in a cell) belongs
to the whole process, and a library must not move it for everybody else. The tests hold this reader
against ``csv.reader(strict=True)``.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from skm2v.exceptions import TextValueError

__all__ = ["Row", "read_csv", "read_json", "read_lines", "row_error"]

# A quote that is never closed makes one cell of the rest of the file, however large that is.
MAX_CELL = 2**28
# Characters of earlier lines from which a row is read here. `csv.reader` would read on to the
# limit of the process, which others may have raised to gigabytes.
_LONG_ROW = 2**17
_GZIP = b"\x1f\x8b"


class Row(NamedTuple):
    """What a row holds, and where: the line that it starts at, or the item of a list, from 1."""

    number: int
    value: Any
    unit: str = "line"


def row_error(name: str, number: int, what: str, unit: str = "line") -> TextValueError:
    """Return an error about a row of a file."""
    return TextValueError(f"{name}, {unit} {number}: {what}.")


def read_lines(file: Any, name: str) -> Iterator[str]:
    """Yield the lines of a file with their ends.

    They end at the line feed only: `str.splitlines` would also cut at a form feed or U+2028.

    Parameters
    ----------
    file : binary file
        Compressed by gzip or not: its content decides, and a name that ends in ``.gz`` demands it.
    name : str
        Name of the file, for the errors.

    Raises
    ------
    TextValueError
        If a line is not UTF-8, or compressed data are damaged or cut short.
    """
    if not hasattr(file, "peek"):
        file = io.BufferedReader(file)
    number, named = 0, name.lower().endswith(".gz")
    try:
        start = file.peek(2)
        if named and not start:
            raise EOFError("it has no bytes")
        if named or start.startswith(_GZIP):
            file = gzip.GzipFile(fileobj=file)
        for number, line in enumerate(file, start=1):  # noqa: B007
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise row_error(name, number, f"is not UTF-8 ({error.reason})") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TextValueError(
            f"{name} is damaged or cut short after {number:,} lines ({error}). Test it with"
            " `gzip -t`, and copy or make it again."
        ) from error


def read_csv(
    lines: Iterable[str], name: str, *, delimiter: str = ",", blank_is_empty: bool = False
) -> Iterator[Row]:
    """Yield the rows of a CSV file as lists of strings, the names of the columns first.

    Cells are what the file holds, to the character. An empty line is no row of a table of several
    columns, as everywhere. In a table of one column it may be a blank cell or nothing, and others
    read it either way, so that it is an error unless the caller says which.

    Parameters
    ----------
    lines : iterable of str
        Lines with their ends.
    name : str
        Name of the file, for the errors.
    delimiter : str, default=","
        One character.
    blank_is_empty : bool, default=False
        Whether an empty line of a table of one column is a row with an empty text.

    Raises
    ------
    TextValueError
        If a row has more or fewer cells than the header, a quote is not closed or followed by
        text, or the file is empty.
    """
    width = 0
    for row in _CsvRows(lines, name, delimiter):
        if not row.value:
            if width != 1:
                continue
            if not blank_is_empty:
                raise row_error(
                    name, row.number, 'is empty. Write "" for an empty text, or remove it'
                )
            row = Row(row.number, [""])
        width = width or len(row.value)
        if len(row.value) != width:
            inside = "tabs" if delimiter == "\t" else repr(delimiter)
            raise row_error(
                name,
                row.number,
                f"has {len(row.value)} fields, the header {width}. Put texts that hold {inside} or"
                " line ends in quotes",
            )
        yield row
    if not width:
        raise TextValueError(f"{name} is empty; a CSV file starts with column names.")


_ADVICE = 'Write a quote inside of a text as "", and the text in quotes'


class _CsvRows:
    """Rows of cells; an empty line is a row without cells.

    `csv.reader` reads what it can, six times as fast as Python would. A row that it refuses is read
    again here: it holds a long cell, or an error that has to be told.
    """

    def __init__(self, lines: Iterable[str], name: str, delimiter: str) -> None:
        self._lines, self._name, self._delimiter = iter(lines), name, delimiter
        self._number = 0  # of the last line taken
        self._row: list[str] = []  # lines of the row being read

    def __iter__(self) -> Iterator[Row]:
        while True:
            reader = csv.reader(self._short(), delimiter=self._delimiter, strict=True)
            try:
                for cells in reader:
                    yield Row(self._number - len(self._row) + 1, cells)
                    self._row.clear()
            except csv.Error:
                first, again = self._number - len(self._row) + 1, self._row.copy()
                self._row.clear()
                numbered = enumerate(itertools.chain(again, self._taken()), start=first)
                yield Row(first, list(_cells(numbered, self._name, self._delimiter)))
                self._row.clear()
            else:
                return

    def _taken(self) -> Iterator[str]:
        for line in self._lines:
            self._number += 1
            self._row.append(line)
            yield line

    def _short(self) -> Iterator[str]:
        size = 0
        for line in self._taken():
            size = len(line) if len(self._row) == 1 else size + len(line)
            if size > _LONG_ROW and len(self._row) > 1:
                raise csv.Error("a long row")
            yield line


def _cells(numbered: Iterator[tuple[int, str]], name: str, delimiter: str) -> Iterator[str]:
    """Yield the cells of the row that starts on the next line."""
    number, line = next(numbered)
    place = 0
    while True:
        if line.startswith('"', place):
            opened, pieces, size = number, [], 0
            place += 1
            while True:
                end = line.find('"', place)
                if end < 0:
                    pieces.append(line[place:])
                    size += len(line) - place
                    number, line = next(numbered, (number, ""))
                    if not line or size > MAX_CELL:
                        what = f"opens a quote that is not closed by line {number:,}"
                        raise row_error(name, opened, f"{what}. {_ADVICE}")
                    place = 0
                    continue
                pieces.append(line[place:end])
                place = end + 1
                if not line.startswith('"', place):
                    break
                pieces.append('"')
                place += 1
            yield "".join(pieces)
            if not line.startswith(delimiter, place):
                if rest := line[place:].rstrip("\r\n"):
                    where = "" if number == opened else f" in line {number}"
                    what = f"has {rest[:20]!r} after a closing quote{where}"
                    raise row_error(name, opened, f"{what}. {_ADVICE}")
                return
        else:
            # A quote inside of a cell that does not begin with one is a character.
            end = line.find(delimiter, place)
            text = line[place:].rstrip("\r\n") if end < 0 else line[place:end]
            if "\r" in text:
                what = "holds a carriage return outside of quotes"
                raise row_error(name, number, f"{what}. End lines with a line feed")
            yield text
            if end < 0:
                return
            place = end
        place += 1


def read_json(lines: Iterable[str], name: str) -> Iterator[Row]:
    """Yield the values of a JSON file: one on each line, or the items of one list.

    The first character decides. Lines are read one at a time, and empty ones are no value; a list
    is read whole.

    Raises
    ------
    TextValueError
        If something is not JSON, or nested too deeply for Python.
    """
    numbered, begun = enumerate(lines, start=1), False
    for number, line in numbered:
        if not begun and line.lstrip().startswith("["):
            items = _parsed("".join([line, *(rest for _, rest in numbered)]), name)
            yield from (Row(place, item, "item") for place, item in enumerate(items, start=1))
        elif line.strip():
            begun = True
            yield Row(number, _parsed(line, name, number))


def _parsed(text: str, name: str, line: int | None = None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError
        what = f"is not JSON that can be read ({error})"
        if line is None:
            raise TextValueError(f"{name} {what}; it begins like one list of values.") from error
        raise row_error(name, line, what) from error
