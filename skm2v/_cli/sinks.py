"""Where rows go: a file that is whole or absent, or stdout."""

from __future__ import annotations

import contextlib
from collections import Counter
from types import TracebackType
from typing import Any

from skm2v._cli.formats import TABLES, Columns, Format, format_of, table_format
from skm2v._cli.process import output
from skm2v._cli.whole_file import WholeFile, naming

__all__ = ["Sink", "write_table"]


class Sink:
    """A file of rows, or stdout; it is whole or absent.

    Parameters
    ----------
    path : str
        Or ``"-"``.
    form : Format

    Attributes
    ----------
    n_rows : int
        Rows that are written.
    losses : Counter
        Texts of these that lost something, by kind.

    Raises
    ------
    OSError
        If the file cannot be there, or stdout is closed.
    """

    def __init__(self, path: str, form: Format) -> None:
        self._name = "stdout" if path == "-" else path
        self._form = form
        self.n_rows, self.losses = 0, Counter[str]()
        self._whole = None if path == "-" else WholeFile(path)
        self._stdout = output().buffer if path == "-" else None

    def __enter__(self) -> Sink:
        if self._whole is not None:
            self._whole.__enter__()
        target = self._whole or self._stdout
        assert target is not None
        try:
            self._writer = self._form.open(target)
        except BaseException as failed:
            self._leave(failed)
            raise
        return self

    def write(self, encoded: Any, n_rows: int, losses: dict[str, int]) -> None:
        """Append rows that the format has encoded.

        Raises
        ------
        OSError
            If they cannot be written, with the name of the file.
        """
        encoded = self._form.settle(encoded, self.n_rows + 1)
        with naming(self._name):
            self._writer.write(encoded)
            if self._stdout is not None:
                self._stdout.flush()
        self.n_rows += n_rows
        self.losses.update(losses)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            with contextlib.suppress(Exception):
                self._writer.close()  # Arrow's would do that some time later
            self._leave(error)
            return
        try:
            with naming(self._name):
                self._writer.close()
        except BaseException as failed:
            self._leave(failed)
            raise
        self._leave(None)

    def _leave(self, error: BaseException | None) -> None:
        if self._whole is not None:
            kind = None if error is None else type(error)
            self._whole.__exit__(kind, error, None)


def write_table(path: str, columns: Columns) -> None:
    """Write columns to a CSV, TSV, JSONL or Parquet file, as its name says.

    Raises
    ------
    ValueError
        If the name ends otherwise.
    OSError
        If it cannot be written.
    """
    form = table_format(format_of(path, TABLES), [*columns])
    with Sink(path, form) as sink:
        sink.write(form.encode(columns, 1), 0, {})
