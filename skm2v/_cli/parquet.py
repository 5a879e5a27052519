"""Parquet files, for which pyarrow is imported when there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from skm2v._cli.batch import Batch
from skm2v._cli.text_columns import find_column
from skm2v._pooling import check_texts
from skm2v._text_tables import row_error
from skm2v.exceptions import MissingExtraError

__all__ = ["ParquetTexts", "arrow", "parquet", "refuse_other_than_texts"]

MOST_ROWS = 65_536  # that Arrow reads at a time


def arrow() -> Any:
    """Return the module pyarrow.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    with _naming_the_extra():
        return import_module("pyarrow")


def parquet() -> Any:
    """Return the module pyarrow.parquet; errors are those of :func:`arrow`."""
    with _naming_the_extra():
        return import_module("pyarrow.parquet")


@contextmanager
def _naming_the_extra() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            "Parquet files need pyarrow: pip install 'skm2v[parquet]'"
        ) from error


class ParquetTexts:
    """The texts of a Parquet file, read by row groups: all rows, or an error that names one.

    Parameters
    ----------
    path : str
    column : str or None
        Column of the texts; None where there is one only.
    keep : sequence of str or None
        Columns that batches have beside the texts, in the file's own types; None for the texts
        themselves, as ``text``.
    missing_is_empty : bool
        Whether a missing text counts as the empty one.

    Attributes
    ----------
    n_rows : int

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it is no Parquet file, or has no such columns.
    """

    def __init__(
        self,
        path: str,
        *,
        column: str | None = None,
        keep: Sequence[str] | None = None,
        missing_is_empty: bool = False,
    ) -> None:
        self.name = path
        self._opened = open(path, "rb")  # noqa: SIM115
        try:
            try:
                self._file = parquet().ParquetFile(self._opened)
            except arrow().ArrowInvalid as error:
                raise ValueError(f"{path} is no Parquet file that can be read ({error}).") from None
            self.n_rows: int = self._file.metadata.num_rows
            self._column = self._choose(column)
            names = self._file.schema_arrow.names
            for name in keep or ():
                find_column(names, name, self.name)
            self._keep = None if keep is None else list(keep)
        except BaseException:
            self._opened.close()
            raise
        self._missing_is_empty = missing_is_empty
        self._first = 0

    def __enter__(self) -> ParquetTexts:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def share_read(self) -> None:
        """Rows are known, so that a share is not needed."""
        return

    def _choose(self, column: str | None) -> str:
        names = self._file.schema_arrow.names
        name: str = names[find_column(names, column, self.name)]
        refuse_other_than_texts(self._file.schema_arrow, name, self.name)
        return name

    def skip(self, n_rows: int) -> None:
        """Leave out the first rows of `batches`."""
        self._first = n_rows

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield batches of `size` rows, the last one of fewer.

        Raises
        ------
        TextValueError
            If a text is missing or not valid; rows are counted from 1.
        """
        pa = arrow()
        first = self._first
        waiting: list[Any] = []
        n_waiting = 0
        for part in self._read(first, size):
            waiting.append(part)
            n_waiting += len(part)
            while n_waiting >= size:
                table = pa.Table.from_batches(waiting)
                yield self._batch(table.slice(0, size), first)
                first += size
                waiting = table.slice(size).to_batches()
                n_waiting -= size
        if n_waiting:
            yield self._batch(pa.Table.from_batches(waiting), first)

    def no_rows(self) -> Batch:
        """Return a batch of no rows."""
        return self._batch(self._file.schema_arrow.empty_table(), 0)

    def _read(self, first: int, size: int) -> Iterator[Any]:
        """Yield what there is from a row on, whole groups of rows before it unread."""
        groups: list[int] = []
        skipped = 0
        for number in range(self._file.num_row_groups):
            n_rows = self._file.metadata.row_group(number).num_rows
            if not groups and skipped + n_rows <= first:
                skipped += n_rows
            else:
                groups.append(number)
        first -= skipped
        if not groups:
            return
        try:
            for part in self._file.iter_batches(
                min(size, MOST_ROWS),
                row_groups=groups,
                columns=[*dict.fromkeys([self._column, *(self._keep or ())])],
                use_threads=False,
            ):
                if first < len(part):
                    yield part.slice(first)
                first = max(first - len(part), 0)
        except (OSError, arrow().ArrowException) as error:  # neither says which file
            raise ValueError(f"{self.name} is damaged or cannot be read: {error}") from error

    def _batch(self, table: Any, first: int) -> Batch:
        pa = arrow()
        column = table.column(self._column)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        elif pa.types.is_null(column.type):
            column = column.cast(pa.string())
        checked = check_texts(column, handle_missing="zero", first_row=first + 1, buffers=True)
        if checked.missing.size and not self._missing_is_empty:
            number = first + int(checked.missing[0]) + 1
            what = f"field {self._column!r} is null. Use --handle-missing zero"
            raise row_error(self.name, number, what, "row")
        if self._keep is None:
            return Batch(checked.texts, {"text": column})
        return Batch(checked.texts, {name: table.column(name) for name in self._keep})


def refuse_other_than_texts(schema: Any, name: str, file: str) -> None:
    """Raise if a column of a Parquet file has a type that is not one of texts.

    Parameters
    ----------
    schema : pyarrow.Schema
    name : str
        The column.
    file : str
        Name of the file, for the error.
    """
    types = arrow().types
    kind = schema.field(name).type
    of_items = kind.value_type if types.is_dictionary(kind) else kind
    # Nothing but missing texts has a type of its own.
    if not any(
        is_kind(of_items)
        for is_kind in (types.is_string, types.is_large_string, types.is_null, _is_view)
    ):
        raise ValueError(f"{file}: column {name!r} holds {kind} where texts are wanted.")


def _is_view(kind: Any) -> bool:
    is_view = getattr(arrow().types, "is_string_view", None)
    return is_view is not None and bool(is_view(kind))
