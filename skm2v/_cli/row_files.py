"""Files of rows, read whole, and some of their rows written again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._cli.formats import csv_text
from skm2v._cli.parquet import parquet, refuse_other_than_texts
from skm2v._cli.process import output
from skm2v._cli.text_columns import check_delimiter, find_column, refuse_other_delimiter
from skm2v._cli.whole_file import write_whole
from skm2v._text_tables import read_csv, read_json, read_lines, row_error

__all__ = ["RowFile"]

_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}


class RowFile:
    """The rows of a file: lines, CSV, JSONL or Parquet.

    It has what a frame has that a :class:`~skm2v.Deduplicator` asks for: `shape`, `columns` and
    columns by name. Rows are written as they were read: all columns, in their order.

    Parameters
    ----------
    path : str
    column : str or None
        Column or field of the texts; None where there is one only.
    delimiter : str or None
        Of a CSV file; None is a tab for ``.tsv`` and a comma otherwise.
    """

    def __init__(self, path: str, column: str | None, delimiter: str | None = None) -> None:
        if path == "-":
            raise ValueError(
                "The input must be a file: it is read whole, and its name says what kind it is."
                " Fix: write it to one, or name /dev/stdin for lines of text."
            )
        name = path.removesuffix(".gz")
        self.kind = _KINDS.get(Path(name).suffix.lower(), "lines")
        self._delimiter = check_delimiter(delimiter, path, self.kind)
        self._path = path
        self._places: list[tuple[int, str]]  # of the values of a JSON file
        self.columns: list[str]
        self._rows: Any
        if self.kind == "csv":
            self._read_csv(column, delimiter is not None)
        else:
            getattr(self, f"_read_{self.kind}")()
        self.column = self.columns[find_column(self.columns, column, path)]
        self._refuse_other_than_texts()

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return len(self._rows), len(self.columns)

    def __getitem__(self, name: str) -> list[Any]:
        """Values of a column."""
        if self.kind == "parquet":
            values: list[Any] = self._rows.column(name).to_pylist()
            return values
        if self.kind == "lines":
            return list(self._rows)
        if self.kind == "jsonl":
            return [row if isinstance(row, str) else row.get(name) for row in self._rows]
        place = self.columns.index(name)
        return [row[place] for row in self._rows]

    def kept(self, name: str) -> Any:
        """Values of a column, those of a Parquet file in its own type.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        find_column(self.columns, name, self._path)
        return self._rows.column(name) if self.kind == "parquet" else self[name]

    def _read_lines(self) -> None:
        self.columns = ["text"]
        with open(self._path, "rb") as file:
            lines = read_lines(file, self._path)
            self._rows = [line.removesuffix("\n").removesuffix("\r") for line in lines]

    def _read_csv(self, column: str | None, delimiter_given: bool) -> None:
        with open(self._path, "rb") as file:
            lines = read_lines(file, self._path)
            rows = read_csv(lines, self._path, delimiter=self._delimiter)
            self.columns = next(rows).value
            if not delimiter_given:  # before the rows, which may break at a comma in a text
                refuse_other_delimiter(self.columns, column, self._path)
            self._rows = [row.value for row in rows]

    def _read_jsonl(self) -> None:
        names: dict[str, None] = {}
        self._rows, self._places = [], []
        with open(self._path, "rb") as file:
            for row in read_json(read_lines(file, self._path), self._path):
                if isinstance(row.value, dict):
                    names.update(dict.fromkeys(row.value))
                elif not isinstance(row.value, str):
                    what = f"holds {type(row.value).__name__} where an object or a string is wanted"
                    raise row_error(self._path, row.number, what, row.unit)
                self._rows.append(row.value)
                self._places.append((row.number, row.unit))
        strings = [isinstance(row, str) for row in self._rows]
        if any(strings) and not all(strings):
            raise ValueError(f"{self._path} has strings and objects; it must have one of these.")
        self.columns = [*names] or ["text"]

    def _read_parquet(self) -> None:
        self._rows = parquet().read_table(self._path)
        self.columns = list(self._rows.column_names)

    def _refuse_other_than_texts(self) -> None:
        """Raise for the first value of the column that is neither a text nor missing."""
        if self.kind == "jsonl":
            for text, (number, unit) in zip(self[self.column], self._places, strict=True):
                if not (text is None or isinstance(text, str)):
                    what = f"holds {type(text).__name__} where a string is wanted"
                    raise row_error(self._path, number, what, unit)
        elif self.kind == "parquet":
            refuse_other_than_texts(self._rows.schema, self.column, self._path)

    def write(self, path: str, keep: npt.NDArray[np.bool_]) -> None:
        """Write the rows that are kept to a file of the same kind, or to stdout for ``"-"``."""
        if path != "-" and _KINDS.get(Path(path).suffix.lower(), "lines") != self.kind:
            raise ValueError(
                f"--output must be a file of the same kind as {self._path}, which is {self.kind};"
                f" got {path!r}."
            )
        if self.kind == "parquet":
            if path == "-":
                raise ValueError("A Parquet file cannot be written to stdout; name --output.")
            rows = self._rows.take(np.flatnonzero(keep))
            write_whole(path, lambda temporary: parquet().write_table(rows, temporary))
            return
        kept = [row for row, one in zip(self._rows, keep.tolist(), strict=True) if one]
        if self.kind == "csv":
            text = csv_text([self.columns, *kept], self._delimiter)
        elif self.kind == "jsonl":
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
        else:
            text = "".join(row + "\n" for row in kept)
        if path == "-":
            output().write(text)
        else:
            write_whole(path, lambda temporary: temporary.write_bytes(text.encode()))
