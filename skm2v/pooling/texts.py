"""Any column of texts to a list of strings, or an error that names rows and the fix."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Set
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from skm2v.exceptions import TextTypeError, TextValueError

__all__ = ["TextColumn", "check_texts"]

MAX_NAMED_ROWS = 5

_ONLY_STR = frozenset({str})
_NO_ROWS = np.empty(0, dtype=np.int64)
_NO_ROWS.flags.writeable = False


class TextColumn(NamedTuple):
    """A checked column of texts.

    Attributes
    ----------
    texts : list of str
        Exact ``str`` objects without lone surrogates; a missing text is ``""``. The list is a
        copy of its own.
    missing : ndarray of int64 of shape (n_missing,)
        Row numbers of the missing texts.
    feature_name : str or None
        Name of the column if the input was a data frame with a named column.
    two_dimensional : bool
        Whether the input was a frame or an array of shape (n, 1).
    """

    texts: list[str]
    missing: npt.NDArray[np.int64] = _NO_ROWS
    feature_name: str | None = None
    two_dimensional: bool = False


def check_texts(X: Any, *, handle_missing: Literal["error", "zero"] = "error") -> TextColumn:
    """Check texts and return them as a list of ``str``.

    Parameters
    ----------
    X : list, tuple, iterator, array, Series, column or frame of str
        One text per row: a sequence, a one-shot iterator, a 1-D NumPy array (of objects, fixed
        width or variable width strings), a pandas or polars Series, a ``datasets`` column, a
        pyarrow array, or a frame or array with exactly one column.
    handle_missing : {"error", "zero"}, default="error"
        What to do with None, NaN, ``pandas.NA`` and NaT: raise, or report them in ``missing`` and
        give them the text ``""``.

    Returns
    -------
    column : TextColumn

    Raises
    ------
    TextTypeError
        If `X` is not a column of strings: a single string, a dictionary, a set, numbers, bytes,
        nested sequences, several columns.
    TextValueError
        If texts are missing (unless ``handle_missing="zero"``) or hold lone surrogates.

    Notes
    -----
    Rows are counted from 0. No data frame library is imported: an object can only be one of
    theirs if the caller has imported it.
    """
    if handle_missing not in ("error", "zero"):
        raise ValueError(f"handle_missing must be 'error' or 'zero'; got {handle_missing!r}.")
    feature_name: str | None = None
    two_dimensional = False
    if type(X) is list:
        texts = X.copy()  # nothing that happens to X from now on matters
    else:
        texts, feature_name, two_dimensional = _rows_of(X)
    missing = _NO_ROWS
    if not _ONLY_STR.issuperset(map(type, texts)):
        texts, missing = _convert_items(texts, handle_missing)
    if not all(map(str.isascii, texts)):
        _refuse_surrogates(texts)
    return TextColumn(texts, missing, feature_name, two_dimensional)


# --- Containers -----------------------------------------------------------------------------


def _rows_of(X: Any) -> tuple[list[Any], str | None, bool]:
    """Items of a container, name of its column, and whether it is two-dimensional."""
    _refuse_container(X)
    if isinstance(X, (list, tuple)):
        return list(X), None, False
    if isinstance(X, np.generic):
        X = np.asarray(X)
    if isinstance(X, np.ndarray):
        return _array_items(X), None, X.ndim == 2
    column, name = _frame_column(X)
    if column is not None:
        return _column_items(column), name, True
    return _column_items(X), None, False


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
    if isinstance(X, Mapping):
        _refuse(f"a dictionary ({type(X).__name__})", "pass its values: list(X.values())")
    if isinstance(X, Set):
        _refuse(f"a set ({type(X).__name__}), which has no order", "pass a list: sorted(X)")


def _array_items(X: npt.NDArray[Any]) -> list[Any]:
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
    column = X.reshape(-1)
    if kind == "U" and X.nbytes:
        _refuse_noise(column)
    items: list[Any] = column.tolist()  # masked items become None
    return items


def _refuse_noise(column: npt.NDArray[np.str_]) -> None:
    """Raise for numbers that are no code points, of which NumPy makes broken ``str`` objects."""
    native = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("="))
    codes = np.asarray(native).view(np.uint32).reshape(len(column), -1)
    bad = np.flatnonzero((codes > sys.maxunicode).any(axis=1)).tolist()
    if bad:
        raise TextValueError(
            f"Invalid Unicode in {_name_rows(bad)}. Fix: make the array of texts, not of bytes."
        )


def _frame_column(X: Any) -> tuple[Any, str | None]:
    """Only column of a data frame (pandas, polars, pyarrow) and its name; None for others."""
    shape = getattr(X, "shape", None)
    columns = getattr(X, "columns", None)
    if columns is None or not isinstance(shape, tuple) or len(shape) != 2:
        return None, None
    if shape[1] != 1:
        _refuse(f"a frame of {shape[1]} columns", "pass one column: X['text'] or X[['text']]")
    if hasattr(X, "iloc"):
        column, name = X.iloc[:, 0], columns[0]
    elif hasattr(X, "column_names"):
        column, name = X.column(0), X.column_names[0]
    else:
        column, name = X.to_series(0), columns[0]
    return column, name if isinstance(name, str) else None


def _column_items(X: Any) -> list[Any]:
    for method in ("to_pylist", "to_list"):  # pyarrow; pandas and polars
        if hasattr(X, method):
            items = getattr(X, method)()
            return items if isinstance(items, list) else list(items)
    try:
        iterator = iter(X)
    except TypeError:
        _refuse(type(X).__name__, "pass a list of texts")
    return list(iterator)


def _refuse(got: str, fix: str) -> NoReturn:
    raise TextTypeError(f"Expected a column of texts, one str per row; got {got}. Fix: {fix}.")


# --- Items ----------------------------------------------------------------------------------


def _convert_items(
    items: list[Any], handle_missing: str
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Exact strings for items that are strings or missing; raise for any other."""
    texts: list[str] = []
    missing: list[int] = []
    for row, item in enumerate(items):
        if isinstance(item, str):
            texts.append(str.__str__(item))
        elif _is_missing(item):
            missing.append(row)
            texts.append("")
        else:
            _refuse_items(items)
    if missing and handle_missing == "error":
        raise TextValueError(
            f"Missing texts in {_name_rows(missing)} ({items[missing[0]]!r})."
            " Fix: fill or drop them first. StaticEmbedder(handle_missing='zero') gives them zeros."
        )
    return texts, np.array(missing, dtype=np.int64)


def _is_missing(item: Any) -> bool:
    if item is None or item is np.ma.masked:
        return True
    if isinstance(item, (float, np.floating)):
        return math.isnan(item)
    if isinstance(item, np.datetime64):
        return bool(np.isnat(item))
    if isinstance(item, Decimal):
        return item.is_nan()
    pandas = sys.modules.get("pandas")
    return pandas is not None and (item is pandas.NA or item is pandas.NaT)


def _refuse_items(items: list[Any]) -> NoReturn:
    bad = [
        row for row, item in enumerate(items) if not isinstance(item, str) and not _is_missing(item)
    ]
    item = items[bad[0]]
    if isinstance(item, (bytes, bytearray, memoryview)):
        fix = "decode them: [x.decode() for x in X]"
    elif isinstance(item, (Iterable, Mapping)):
        fix = "pass one str per row, such as [' '.join(x) for x in X]"
    else:
        fix = "convert them: [str(x) for x in X]"
    raise TextTypeError(
        f"Every text must be a str; got {type(item).__name__} in {_name_rows(bad)}. Fix: {fix}."
    )


def _refuse_surrogates(texts: list[str]) -> None:
    """Raise if a text cannot be encoded, which is so only for halves of surrogate pairs."""
    bad = [row for row, text in enumerate(texts) if not text.isascii() and not _is_valid(text)]
    if bad:
        raise TextValueError(
            f"Lone surrogates (invalid Unicode) in {_name_rows(bad)}."
            " Fix: X = [x.encode('utf-8', 'replace').decode() for x in X]."
        )


def _is_valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name_rows(rows: list[int]) -> str:
    """Up to five row numbers in words: ``"rows 1, 4 and 7"``."""
    named = [str(row) for row in rows[:MAX_NAMED_ROWS]]
    more = len(rows) - len(named)
    if more:
        named.append(f"{more} more")
    if len(named) == 1:
        return f"row {named[0]}"
    return f"rows {', '.join(named[:-1])} and {named[-1]}"
