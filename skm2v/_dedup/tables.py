"""A table of texts: its text column, other columns by name, and some of its rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v._pooling import check_texts
from skm2v._pooling.columns import likely_column
from skm2v.exceptions import TextTypeError, TextValueError

__all__ = ["items_of_column", "read_column", "read_texts", "take_rows"]


def _column_names(X: Any) -> list[Any] | None:
    """Names of the columns of a frame of pandas, polars or pyarrow; None for anything else."""
    if len(getattr(X, "shape", ())) != 2 or isinstance(X, np.ndarray):
        return None
    names = X.column_names if hasattr(X, "column_names") else getattr(X, "columns", None)
    return None if names is None else list(names)


def read_texts(
    X: Any, column: str | None, *, missing_is_kept: bool | None = None
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Texts of a column or frame, and the rows where they are missing.

    Parameters
    ----------
    X : object
        A column of texts, or a frame.
    column : str or None
        Name of the text column of a frame; None if there is one column only.
    missing_is_kept : bool or None, default=None
        Whether missing texts are allowed; they are empty in the result. None: not, nor can they be.
    """
    names = _column_names(X)
    if names is not None and (column is not None or len(names) != 1):
        if column is None:
            raise TextTypeError(
                f"X has {len(names)} columns: {some(names)}. Say which one holds the texts:"
                f" column={likely_column(X, names)!r}."
            )
        X = read_column(X, column)
    checked = check_texts(X, handle_missing="zero")
    if checked.missing.size and not missing_is_kept:
        fix = "fill or drop them"
        if missing_is_kept is not None:
            fix += ", or pass handle_missing='keep', which keeps these rows, compared with none"
        raise TextValueError(f"Missing texts in rows {some(checked.missing)}. Fix: {fix}.")
    return list(checked.texts), checked.missing


def read_column(X: Any, name: Any) -> Any:
    """Return a column of a frame by its name."""
    names = _column_names(X)
    if names is None:
        raise TextTypeError(
            f"The column {name!r} needs a frame (pandas, polars, pyarrow); got {type(X).__name__}."
        )
    if names.count(name) != 1:
        found = "two columns" if name in names else "no column"
        raise ValueError(f"X has {found} {name!r}; its columns are {some(names, 8)}.")
    return X[name]


def items_of_column(X: Any, name: str) -> list[Any]:
    """Values of a column of a frame, as objects of Python which can be compared."""
    column = read_column(X, name)
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(column, method):
            column = getattr(column, method)()
            break
    items = list(column)
    for row, item in enumerate(items):
        try:
            hash(item)
        except TypeError as error:
            raise TypeError(
                f"The column {name!r} must hold single values, such as numbers or texts; row {row}"
                f" has a {type(item).__name__}. Fix: make a text of each, or name another column."
            ) from error
    return items


def take_rows(X: Any, keep: npt.NDArray[np.bool_]) -> Any:
    """Rows of any container, in its own type, with index and columns as they are."""
    if hasattr(X, "to_native"):  # narwhals
        return X.filter(keep.tolist())
    if hasattr(X, "iloc"):
        return X.iloc[np.flatnonzero(keep)]
    if hasattr(X, "filter") and type(X).__module__.startswith("polars"):
        return X.filter(keep.tolist())
    if hasattr(X, "take") and type(X).__module__.startswith("pyarrow"):
        return X.take(np.flatnonzero(keep))
    if isinstance(X, np.ndarray):
        return X[keep]
    items = [item for item, kept in zip(X, keep.tolist(), strict=True) if kept]
    return tuple(items) if isinstance(X, tuple) else items
