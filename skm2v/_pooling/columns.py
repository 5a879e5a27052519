"""Columns of texts in every container that people keep them in, whole or in batches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Set
from itertools import islice
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v.exceptions import TextTypeError, TextValueError

__all__ = [
    "batches_of",
    "column_of",
    "items_of",
    "likely_column",
    "name_rows",
    "readable_again",
]

MAX_NAMED_ROWS = 5


def column_of(X: Any, *, stream: bool = False) -> tuple[Any, str | None, bool]:
    """Find the column of a container, its name, and whether the container is two-dimensional.

    Parameters
    ----------
    X : object
        What a user passed as texts, but for an exact list.
    stream : bool, default=False
        Whether a reader of batches is to be read no further than its texts are asked for.

    Returns
    -------
    column : object
        What `items_of` and `batches_of` can read.
    name : str or None
        Name of the column in its frame.
    two_dimensional : bool

    Raises
    ------
    TextTypeError
        If `X` is not a column.
    """
    if hasattr(X, "to_native"):  # narwhals
        X = X.to_native()
    _refuse_container(X)
    if hasattr(X, "read_next_batch"):  # pyarrow: can be read once, which a look inside would be
        return _reader_column(X, stream)
    if isinstance(X, np.generic):
        X = np.asarray(X)
    if isinstance(X, np.ndarray):
        return _array_column(X), None, X.ndim == 2
    column, name = _frame_column(X)
    if column is not None:
        return column, name, True
    if not isinstance(X, (list, tuple)) and _to_list(X) is None:
        try:
            X = iter(X)
        except TypeError:
            _refuse(type(X).__name__, "pass a list of texts")
    return X, None, False


def readable_again(X: Any) -> Any:
    """Return what can be read any number of times, in place of what can be read once."""
    if hasattr(X, "read_next_batch"):  # pyarrow: a table keeps the column's name
        return X.read_all()
    return list(X) if hasattr(X, "__next__") else X


def items_of(column: Any, first_row: int) -> list[Any]:
    """Items of a column, whatever they are, in a list of its own."""
    if isinstance(column, np.ndarray):
        if column.dtype.kind == "U" and column.nbytes:
            _refuse_noise(column, first_row)
        column = column.tolist()  # masked items become None
    elif (to_list := _to_list(column)) is not None:
        column = to_list()
    return column if type(column) is list else list(column)


def _to_list(column: Any) -> Any:
    """Return the method that makes a list of a column, if it has one."""
    for method in ("to_pylist", "to_list"):  # pyarrow; pandas and polars
        if hasattr(column, method):
            return getattr(column, method)
    return None


def batches_of(column: Any, size: int) -> Iterator[Any]:
    """Yield parts of a column, without reading all of it before the first."""
    cut: Callable[[int], Any]
    if hasattr(column, "iloc"):  # pandas
        cut = lambda start: column.iloc[start : start + size]  # noqa: E731
    elif hasattr(column, "slice"):  # pyarrow and polars
        cut = lambda start: column.slice(start, size)  # noqa: E731
    elif isinstance(column, (list, tuple, np.ndarray)):
        cut = lambda start: column[start : start + size]  # noqa: E731
    else:
        items = iter(column)
        while batch := list(islice(items, size)):
            yield batch
        return
    yield from map(cut, range(0, len(column), size))


def _refuse_container(X: Any) -> None:
    """Raise for what is not a column of texts though it may be iterable."""
    if isinstance(X, type):
        _refuse(f"the class {X.__name__}", "pass a list of texts")
    if isinstance(X, str):
        _refuse("a single string", "pass a list of texts: [text]")
    if isinstance(X, (bytes, bytearray, memoryview)):
        _refuse(f"a single {type(X).__name__} object", "decode it and pass a list: [X.decode()]")
    module, _, _ = type(X).__module__.partition(".")
    if module == "datasets" and hasattr(X, "column_names"):
        _refuse("a data set", f"pass one of its columns {X.column_names}, such as X['text']")
    if module == "polars" and hasattr(X, "collect"):
        _refuse("a LazyFrame", "pass X.collect()")
    if hasattr(X, "__dask_graph__"):
        _refuse(
            f"a {type(X).__name__} of Dask, which is lazy",
            "pass X.compute(), or use skm2v.distributed",
        )
    if isinstance(X, Mapping):
        _refuse(f"a dictionary ({type(X).__name__})", "pass its values: list(X.values())")
    if isinstance(X, Set):
        _refuse(f"a set ({type(X).__name__}), which has no order", "pass a list: sorted(X)")


def _reader_column(X: Any, stream: bool) -> tuple[Any, str, bool]:
    """Only column of a reader of Arrow batches, and its name."""
    names = X.schema.names
    _refuse_width(names, what="a reader of")
    if stream:
        return (text for batch in X for text in batch.column(0).to_pylist()), names[0], True
    return X.read_all().column(0), names[0], True


def _refuse_width(names: Any, X: Any = None, what: str = "a frame of") -> None:
    if len(names) != 1:
        one = likely_column(X, names)
        _refuse(
            f"{what} {len(names)} columns{': ' * bool(len(names))}{some(names)}",
            f"pass one column: X[{one!r}] or X[[{one!r}]]",
        )


def likely_column(X: Any, names: Any) -> Any:
    """Name of the column of a frame that an error proposes: the one with the most text.

    Only the first rows are looked at. Without text, or for a reader (None), it is the first name,
    and "text" where there is none.
    """
    names = list(names)

    def n_characters(name: Any) -> int:
        if X is None or names.count(name) != 1:
            return 0
        items = (getattr(item, "as_py", lambda item=item: item)() for item in X[name])
        return sum(len(item) for item in islice(items, 100) if isinstance(item, str))

    return max(names, key=n_characters, default="text")


def _array_column(X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if X.ndim == 0:
        _refuse("a 0-D array", "pass a list of texts: [X.item()]")
    if X.ndim > 2 or (X.ndim == 2 and X.shape[1] != 1):
        _refuse(f"an array of shape {X.shape}", "pass one column, of shape (n,) or (n, 1)")
    kind = X.dtype.kind
    if kind == "S" and X.size:
        _refuse(f"an array of dtype {X.dtype}", "decode it: numpy.char.decode(X)")
    if kind not in "OUT" and X.size:
        _refuse(f"an array of dtype {X.dtype}", "convert it: X.astype(str)")
    if not isinstance(X, np.ma.MaskedArray):
        X = np.asarray(X)  # a matrix cannot be flattened
    return X.reshape(-1)


def _refuse_noise(column: npt.NDArray[np.str_], first_row: int) -> None:
    """Raise for numbers that are no code points, of which NumPy makes broken ``str`` objects."""
    native = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("="))
    codes = np.asarray(native).view(np.uint32).reshape(len(column), -1)
    bad = np.flatnonzero((codes > sys.maxunicode).any(axis=1)).tolist()
    if bad:
        raise TextValueError(
            f"Invalid Unicode in {name_rows(bad, first_row)}."
            " Fix: make the array of texts, not of bytes."
        )


def _frame_column(X: Any) -> tuple[Any, str | None]:
    """Only column of a data frame (pandas, polars, pyarrow) and its name; None for no frame."""
    if not hasattr(X, "columns"):
        return None, None
    columns: Any = X.columns
    shape: Any = getattr(X, "shape", None)
    eager = isinstance(shape, tuple) and len(shape) == 2
    if eager and hasattr(X, "iloc"):
        _refuse_width(columns, X)
        column, name = X.iloc[:, 0], columns[0]
    elif eager and hasattr(X, "column_names"):
        _refuse_width(X.column_names, X)
        column, name = X.column(0), X.column_names[0]
    elif eager and hasattr(X, "to_series"):
        _refuse_width(columns, X)
        column, name = X.to_series(0), columns[0]
    else:
        _refuse(
            f"a {type(X).__name__} of {type(X).__module__.partition('.')[0]}",
            "make it a frame of pandas, polars or pyarrow, and pass one column of that",
        )
    return column, name if isinstance(name, str) else None


def _refuse(got: str, fix: str) -> NoReturn:
    raise TextTypeError(f"Expected a column of texts, one str per row; got {got}. Fix: {fix}.")


def name_rows(rows: list[int], first_row: int) -> str:
    """Up to five row numbers in words: ``"rows 1, 4 and 7"``."""
    named = [str(first_row + row) for row in rows[:MAX_NAMED_ROWS]]
    more = len(rows) - len(named)
    if more:
        named.append(f"{more} more")
    if len(named) == 1:
        return f"row {named[0]}"
    return f"rows {', '.join(named[:-1])} and {named[-1]}"
