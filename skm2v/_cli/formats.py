"""Files of rows, written in constant memory: NumPy's format, JSON lines, CSV and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from skm2v._cli.parquet import arrow, parquet
from skm2v._cli.whole_file import WholeFile, check_target

__all__ = [
    "TABLES",
    "Columns",
    "Format",
    "Jsonl",
    "Npy",
    "Parquet",
    "csv_text",
    "format_of",
    "table_format",
]

# Endings of files that tables of any columns are written to.
TABLES = (".csv", ".tsv", ".jsonl", ".parquet")

Columns = dict[str, Any]  # by name, of equal length: lists, arrays, columns of Arrow


class Format(Protocol):
    """How columns become a file."""

    def encode(self, columns: Columns, first: int) -> Any:
        """Make of columns what `Writer.write` takes; threads may call it.

        Parameters
        ----------
        columns : dict
        first : int
            Number of their first row, from 1.
        """
        ...

    def settle(self, encoded: Any, first: int) -> Any:
        """Give rows the types of the first rows; called for one batch after the other."""
        ...

    def open(self, file: WholeFile | IO[bytes]) -> Writer:
        """Return what writes to a file, or to stdout."""
        ...

    def dump(self, encoded: Any, file: IO[bytes]) -> None:
        """Keep what was encoded, in a file of its own."""
        ...

    def load(self, path: Path) -> Any:
        """Return what was kept."""
        ...


class Writer(Protocol):
    """Writes a file of one format."""

    def write(self, encoded: Any) -> None: ...
    def close(self) -> None: ...


def format_of(path: str, allowed: Iterable[str], option: str = "--output") -> str:
    """Return the ending of a file to be written, which says its format; JSON lines for stdout.

    Raises
    ------
    ValueError
        If it is none of those that a command writes.
    OSError
        If there can be no such file.
    """
    if path == "-":
        return ".jsonl"
    suffix = Path(path).suffix.lower()
    *most, last = allowed
    if suffix not in (*most, last):
        raise ValueError(f"{option} must end in {', '.join(most)} or {last}, got {path!r}.")
    check_target(path)
    return suffix


def table_format(suffix: str, names: list[str], like: dict[str, list[Any]] | None = None) -> Format:
    """Return the format of a table.

    Parameters
    ----------
    suffix : str
        One of `TABLES`.
    names : list of str
        Names of all columns.
    like : dict or None, default=None
        As for :class:`Parquet`.
    """
    if suffix == ".parquet":
        return Parquet(like)
    return Jsonl() if suffix == ".jsonl" else Csv(names, "\t" if suffix == ".tsv" else ",")


def csv_text(rows: Iterable[Iterable[Any]], delimiter: str = ",") -> str:
    """Rows as a CSV file."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return buffer.getvalue()


class Npy:
    """One matrix of float32; other columns than the last have no place in it."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def encode(self, columns: Columns, first: int) -> Any:
        *_, vectors = columns.values()
        return np.ascontiguousarray(vectors, dtype="<f4")

    def settle(self, encoded: Any, first: int) -> Any:
        return encoded

    def open(self, file: WholeFile | IO[bytes]) -> Writer:
        assert isinstance(file, WholeFile)  # its beginning is written at the end
        return _NpyWriter(file.file, self.dim)

    def dump(self, encoded: Any, file: IO[bytes]) -> None:
        file.write(encoded.data)

    def load(self, path: Path) -> Any:
        return np.fromfile(path, dtype="<f4").reshape(-1, self.dim)


class _NpyWriter:
    def __init__(self, file: IO[bytes], dim: int) -> None:
        self._file, self._dim, self._rows = file, dim, 0
        self._write_header()

    def _write_header(self) -> None:
        """Write the header for the rows so far; NumPy pads it so that the number may grow."""
        np.lib.format.write_array_header_1_0(
            self._file, {"descr": "<f4", "fortran_order": False, "shape": (self._rows, self._dim)}
        )

    def write(self, encoded: Any) -> None:
        self._file.write(encoded.data)
        self._rows += len(encoded)

    def close(self) -> None:
        self._file.seek(0)
        self._write_header()


class _OfBytes:
    """What formats have in common that encode rows as they will stand in the file."""

    def settle(self, encoded: bytes, first: int) -> bytes:
        return encoded

    def dump(self, encoded: bytes, file: IO[bytes]) -> None:
        file.write(encoded)

    def load(self, path: Path) -> bytes:
        return path.read_bytes()


class Jsonl(_OfBytes):
    """An object for each row."""

    def encode(self, columns: Columns, first: int) -> bytes:
        buffer = io.StringIO()
        values = (_items(column) for column in columns.values())
        for row in zip(*values, strict=True):
            fields = dict(zip(columns, row, strict=True))
            json.dump(fields, buffer, ensure_ascii=False, default=_as_text)
            buffer.write("\n")
        return buffer.getvalue().encode("utf-8")

    def open(self, file: WholeFile | IO[bytes]) -> Writer:
        return _BytesWriter(file, b"")


class Csv(_OfBytes):
    """A table of cells below the names of the columns."""

    def __init__(self, names: list[str], delimiter: str) -> None:
        self._names, self._delimiter = names, delimiter

    def encode(self, columns: Columns, first: int) -> bytes:
        values = (_items(column) for column in columns.values())
        rows = (map(_cell, row) for row in zip(*values, strict=True))
        return csv_text(rows, self._delimiter).encode("utf-8")

    def open(self, file: WholeFile | IO[bytes]) -> Writer:
        return _BytesWriter(file, csv_text([self._names], self._delimiter).encode("utf-8"))


class _BytesWriter:
    def __init__(self, file: WholeFile | IO[bytes], beginning: bytes) -> None:
        self._file = file.file if isinstance(file, WholeFile) else file
        self._file.write(beginning)

    def write(self, encoded: bytes) -> None:
        self._file.write(encoded)

    def close(self) -> None:
        pass


class Parquet:
    """A table of Arrow; vectors are lists of a fixed size, and the types those of the first rows.

    A group of rows is what was written at once.

    Parameters
    ----------
    like : dict of list or None, default=None
        Examples of values by the name of the column, which tell its type whatever the first rows
        hold.
    """

    def __init__(self, like: dict[str, list[Any]] | None = None) -> None:
        pa = self._pa = arrow()
        self._schema: Any = None
        self._types = {name: pa.array(values).type for name, values in (like or {}).items()}

    def encode(self, columns: Columns, first: int) -> Any:
        arrays = {}
        for name, column in columns.items():
            try:
                arrays[name] = self._array(column, self._types.get(name))
            except self._pa.ArrowException as error:
                raise _mixed(name, first, len(column), str(error)) from error
        return self._pa.table(arrays)

    def _array(self, column: Any, kind: Any) -> Any:
        if not isinstance(column, (list, np.ndarray)):
            return column
        if isinstance(column, list) or column.ndim == 1:
            return self._pa.array(column, type=kind)
        flat = self._pa.array(np.ascontiguousarray(column).reshape(-1))
        return self._pa.FixedSizeListArray.from_arrays(flat, column.shape[1])

    def settle(self, encoded: Any, first: int) -> Any:
        """Columns in the types of the first rows: there may be none, or integers among numbers."""
        if self._schema is None:
            self._schema = _without_nulls(encoded.schema)
        if encoded.schema == self._schema:
            return encoded
        types = self._pa.types
        columns = []
        for field, column in zip(self._schema, encoded.columns, strict=True):
            integers = types.is_floating(field.type) and types.is_integer(column.type)
            if integers or types.is_null(column.type):
                column = column.cast(field.type)
            if column.type != field.type:
                what = f"earlier rows have {field.type}, these {column.type}"
                raise _mixed(field.name, first, len(encoded), what)
            columns.append(column)
        return self._pa.Table.from_arrays(columns, schema=self._schema)

    def open(self, file: WholeFile | IO[bytes]) -> Writer:
        assert isinstance(file, WholeFile)
        return _ParquetWriter(file.temporary)

    def dump(self, encoded: Any, file: IO[bytes]) -> None:
        # Of a Parquet file that is not complete nothing can be read, and to write one twice takes
        # long.
        with self._pa.ipc.new_stream(file, encoded.schema) as stream:
            stream.write_table(encoded)

    def load(self, path: Path) -> Any:
        with self._pa.OSFile(str(path)) as file, self._pa.ipc.open_stream(file) as stream:
            return stream.read_all()


class _ParquetWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, encoded: Any) -> None:
        if self._writer is None:
            types = arrow().types
            # Vectors cannot be compressed, and no two of them are the same.
            fields = [one for one in encoded.schema if not types.is_fixed_size_list(one.type)]
            names = [field.name for field in fields]
            self._writer = parquet().ParquetWriter(
                self._path,
                encoded.schema,
                compression={name: "snappy" for name in names} or "none",
                use_dictionary=names,
                write_statistics=names,
            )
        self._writer.write_table(encoded, row_group_size=max(len(encoded), 1))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _mixed(name: str, first: int, n_rows: int, why: str) -> ValueError:
    return ValueError(
        f"Column {name!r} has values of several types in rows {first:,} to {first + n_rows - 1:,}"
        f" ({why}); a column of a Parquet file has one. Fix: write .jsonl, or mend the values."
    )


def _without_nulls(schema: Any) -> Any:
    """Return the schema with strings where the first rows have nothing to tell a type by."""
    pa = arrow()
    for number, field in enumerate(schema):
        if pa.types.is_null(field.type):
            schema = schema.set(number, field.with_type(pa.string()))
    return schema


def _items(column: Any) -> list[Any]:
    if isinstance(column, list):
        return column
    items: list[Any] = column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()
    return items


def _as_text(value: Any) -> str:
    """What stands for a value in JSON that it has no type for, such as a date."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _cell(value: Any) -> Any:
    """What stands for a value in a table of cells: a list or an object as JSON."""
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=_as_text)
    return value
