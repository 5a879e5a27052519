"""Reading local CSV, TSV, JSON lines and Parquet files into columns.

Every cell of a CSV file is exactly the text in the file: an empty text stays empty and the words
``null``, ``NA`` and ``nan`` stay words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skm2v._checks import some
from skm2v._text_tables import read_csv, read_json, read_lines
from skm2v.evaluation._errors import TaskDataError
from skm2v.exceptions import MissingExtraError, TextValueError

__all__ = [
    "COLUMN_NAMES",
    "Table",
    "data_stem",
    "data_suffix",
    "read_json_lines",
    "read_table",
    "rows_to_columns",
]

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")

# Names tried for each role of a column, in this order, in any case.
COLUMN_NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        *("text", "sentence", "sentences", "content", "body", "message", "document", "utterance"),
        *("question", "query", "title", "review", "comment", "tweet", "headline"),
    ),
    "label": (
        *("label", "labels", "category", "class", "target", "intent", "topic", "sentiment"),
        *("cluster", "is_duplicate", "duplicate", "match"),
    ),
    "text1": ("text1", "sentence1", "question1", "text_a", "sentence_a", "word1", "left"),
    "text2": ("text2", "sentence2", "question2", "text_b", "sentence_b", "word2", "right"),
    "score": ("score", "similarity", "similarity_score", "relatedness", "relatedness_score"),
    "query": ("query", "question"),
    "positive": ("positive", "positives", "pos"),
    "negative": ("negative", "negatives", "neg"),
    "split": ("split",),
}


@dataclass(frozen=True)
class Table:
    """Named columns of equal length.

    Attributes
    ----------
    columns : dict of str to list
        Values by column name. CSV cells are str; other files keep their types, with None for a
        missing value.
    source : str
        File or data set, for error messages.
    """

    columns: dict[str, list[Any]]
    source: str

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def take(self, rows: list[int]) -> Table:
        """Return some rows as a table."""
        return Table({k: [v[row] for row in rows] for k, v in self.columns.items()}, self.source)

    def texts(self, column: str) -> list[str]:
        """Return a column of texts; anything that is not a str is an error naming the rows."""
        values = self.columns[column]
        bad = [row for row, value in enumerate(values) if not isinstance(value, str)]
        if bad:
            what = "missing values" if _is_missing(values[bad[0]]) else "values that are not text"
            raise TaskDataError(
                f"{self.source}: column {column!r} has {what} in {len(bad)} rows, first in "
                f"rows {some(bad)} (counted from 0, got {values[bad[0]]!r}). Drop or fill them."
            )
        return list(values)

    def labels(self, column: str) -> list[str]:
        """Return a column of labels as str; a missing label is an error naming the rows."""
        values = self.columns[column]
        bad = [row for row, value in enumerate(values) if _is_missing(value) or value == ""]
        if bad:
            raise TaskDataError(
                f"{self.source}: column {column!r} has no label in {len(bad)} rows, first in rows "
                f"{some(bad)} (counted from 0). Drop these rows."
            )
        return [str(value) for value in values]

    def numbers(self, column: str) -> list[float]:
        """Return a column of finite numbers; anything else is an error naming the rows."""
        numbers, bad = [], []
        for row, value in enumerate(self.columns[column]):
            try:
                number = float(value)
            except (TypeError, ValueError):
                number = math.nan
            if not math.isfinite(number):
                bad.append(row)
            numbers.append(number)
        if bad:
            raise TaskDataError(
                f"{self.source}: column {column!r} must hold numbers; rows {some(bad)} (counted "
                f"from 0) hold {some(self.columns[column][row] for row in bad)}. Mend or drop them."
            )
        return numbers


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def read_table(path: str | Path) -> Table:
    """Read a CSV, TSV, JSON lines or Parquet file, gzipped or not.

    Parameters
    ----------
    path : str or Path
        The file; its name decides the format.

    Returns
    -------
    Table

    Raises
    ------
    TaskDataError
        If the file does not exist, is empty, or is not what its name says.
    """
    path = Path(path)
    suffix = data_suffix(path)
    if suffix is None:
        raise TaskDataError(
            f"{path}: cannot tell the format from the name; expected one of "
            f"{', '.join(SUFFIXES)}, each with or without .gz."
        )
    try:
        if suffix == ".parquet":
            columns = _read_parquet(path)
        elif suffix in (".csv", ".tsv"):
            columns = _read_delimited(path, "\t" if suffix == ".tsv" else ",")
        else:
            columns = rows_to_columns(read_json_lines(path))
    except FileNotFoundError:
        raise TaskDataError(f"{path}: no such file. Check --data.") from None
    except TextValueError as error:
        raise TaskDataError(str(error)) from error
    except OSError as error:
        raise TaskDataError(f"{path}: cannot be read ({error}).") from error
    table = Table(columns, str(path))
    if len(table) == 0:
        raise TaskDataError(f"{path}: the file has no rows; a task needs some.")
    return table


def data_suffix(path: Path) -> str | None:
    """Format of a data file by its name, without ``.gz``; None for other files."""
    name = path.name.lower().removesuffix(".gz")
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


def data_stem(path: Path) -> str:
    """File name without its format suffixes."""
    name = path.name[: -len(".gz")] if path.name.lower().endswith(".gz") else path.name
    return name[: -len(suffix)] if (suffix := data_suffix(path)) else name


def _read_delimited(path: Path, delimiter: str) -> dict[str, list[Any]]:
    with open(path, "rb") as file:
        rows = read_csv(read_lines(file, str(path)), str(path), delimiter=delimiter)
        header = next(rows).value
        if len(set(header)) != len(header):
            raise TaskDataError(f"{path}: the header names a column twice: {header}.")
        columns: dict[str, list[Any]] = {name: [] for name in header}
        lists = list(columns.values())
        for row in rows:
            for values, cell in zip(lists, row.value, strict=True):
                values.append(cell)
        return columns


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON objects, one on each line."""
    rows = []
    with open(path, "rb") as file:
        for row in read_json(read_lines(file, str(path)), str(path)):
            if not isinstance(row.value, dict):
                raise TaskDataError(
                    f"{path}: {row.unit} {row.number} is a {type(row.value).__name__}, expected an "
                    'object such as {"text": "...", "label": "..."}.'
                )
            rows.append(row.value)
    return rows


def rows_to_columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Turn records into columns; a key that a record lacks is None there."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _read_parquet(path: Path) -> dict[str, list[Any]]:
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise MissingExtraError(
            f'{path}: Parquet files need pyarrow: pip install "skm2v[eval]".'
        ) from None
    try:
        return dict(parquet.read_table(path).to_pydict())
    except Exception as error:
        raise TaskDataError(f"{path}: not a readable Parquet file ({error}).") from error
