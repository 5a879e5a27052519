"""Labels in every container that people keep them in, as NumPy arrays or lists of tags."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["GivenLabels", "as_strings", "name_label_rows", "read_labels"]

_PLAIN = frozenset({str, int, float, bool})


class GivenLabels(NamedTuple):
    """Labels as they were passed, but for their container.

    Attributes
    ----------
    values : ndarray of shape (n_texts,) or (n_texts, n_labels)
        One label per text, or numbers of several. Of shape (n_texts, 0) if there are `tags`.
    names : list of str or None
        Names of the columns, if the labels were a frame of several columns with names.
    tags : list of collections or None
        For each text the tags that it has, if that is how labels were passed.
    """

    values: npt.NDArray[Any]
    names: list[str] | None = None
    tags: list[Any] | None = None


def read_labels(y: Any, n_texts: int) -> GivenLabels:
    """Labels out of their container, none of them missing.

    Parameters
    ----------
    y : array-like of shape (n_texts,) or (n_texts, n_labels)
        In an array of NumPy, torch, dask or another library with `__array__`; a sparse array; a
        Series, column or frame of pandas, polars, pyarrow, narwhals; a list; or one collection of
        tags per text in one of them.
    n_texts : int

    Returns
    -------
    given : GivenLabels
        Without an object of another library: what is made of them needs none of these.

    Raises
    ------
    ValueError
        If there is not one label per text, or one is missing.
    """
    if y is None:
        raise ValueError("Labels are needed; got None. Pass one label per text: fit(X, y).")
    y = _in_memory(y)
    if isinstance(y, (str, bytes, Mapping, Set)) or not hasattr(y, "__len__"):
        raise ValueError(
            f"Labels must be one per text, in the order of the texts; got {type(y).__name__}. Pass"
            " a list or an array."
        )
    names = _column_names(y)
    if _is_array(y):
        given = GivenLabels(_array(y))
    else:
        given = _of_items(list(map(_plain, _items(y))), keep_objects=hasattr(y, "__array__"))
    values = given.values
    if values.ndim not in (1, 2):
        raise ValueError(f"Labels must be one per text; got an array of shape {values.shape}.")
    if len(values) != n_texts:
        raise ValueError(
            f"There must be one label per text; got {n_texts} texts, {len(values)} labels."
        )
    if n_texts == 0:
        raise ValueError("Texts with labels are needed; got none.")
    rows = values.tolist() if given.tags is None else given.tags
    missing = np.flatnonzero([_is_missing(row) for row in rows])
    if len(missing):
        raise ValueError(
            f"Labels are missing in {name_label_rows(missing)}. Drop these texts, or label them."
        )
    return given._replace(
        values=_without_objects(values), names=names if values.ndim == 2 else None
    )


def name_label_rows(rows: npt.NDArray[np.integer[Any]]) -> str:
    """Quote numbers of rows for a message: ``"rows 1, 2"``."""
    shown = ", ".join(map(str, rows[:5].tolist()))
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return f"row{'s' * (len(rows) > 1)} {shown}{more}"


def _in_memory(y: Any) -> Any:
    """Unwrap what is sparse, lazy, on another device, or around the column of another library."""
    if hasattr(y, "to_native"):  # narwhals
        y = y.to_native()
    if hasattr(y, "__dask_graph__"):
        y = y.compute()
    if hasattr(y, "detach"):  # torch: with a gradient, or on a graphics card
        y = y.detach().cpu()
    if hasattr(y, "toarray"):
        y = y.toarray()
    return y


def _column_names(y: Any) -> list[str] | None:
    """Names of the columns of a frame; None for what is none, or has numbers for names."""
    names = getattr(y, "column_names", getattr(y, "columns", None))
    if names is None or callable(names):
        return None
    names = list(names)
    return names if all(isinstance(name, str) for name in names) else None


def _is_array(y: Any) -> bool:
    """Whether NumPy can read it as a whole: a frame, or an array but for one of Python objects."""
    if hasattr(y, "columns") and hasattr(y, "__array__"):
        return len(y.columns) != 1 or np.asarray(y).dtype.kind != "O"
    if isinstance(y, np.ndarray) or isinstance(getattr(y, "dtype", None), np.dtype):
        return bool(y.dtype.kind != "O" or y.ndim == 3 or (y.ndim == 2 and y.shape[1] != 1))
    if isinstance(y, (list, tuple)) or not hasattr(y, "__array__"):
        return False
    # A column may hold lists and missing values, which its own items show best.
    return not (hasattr(y, "to_pylist") or hasattr(y, "to_list"))


def _array(y: Any) -> npt.NDArray[Any]:
    array = np.array(y.tolist(), dtype=object) if np.ma.is_masked(y) else np.asarray(y)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _items(y: Any) -> list[Any]:
    """Items of a column."""
    if isinstance(y, np.ndarray) or hasattr(y, "columns"):
        return np.asarray(y).ravel().tolist()
    for method in ("to_pylist", "to_list"):  # pyarrow; pandas and polars
        if hasattr(y, method):
            return getattr(y, method)()  # type: ignore[no-any-return]
    return list(y)


def _plain(item: Any) -> Any:
    """Python's own object for an item: that of an array, a scalar or a row of another library."""
    if type(item) in _PLAIN:
        return item
    if hasattr(item, "as_py"):  # pyarrow
        return item.as_py()
    if hasattr(item, "__dask_graph__"):
        item = item.compute()
    for method in ("tolist", "to_list"):  # arrays and their scalars; Series
        if hasattr(item, method):
            return getattr(item, method)()
    if isinstance(item, (list, tuple)):
        return [_plain(value) for value in item]
    return item


def _of_items(items: list[Any], *, keep_objects: bool) -> GivenLabels:
    """Labels of the items of a list: labels, rows of an indicator, or collections of tags."""
    if any(isinstance(item, (list, Set)) for item in items):
        return _of_rows(items)
    if keep_objects or not all(isinstance(item, str) for item in items):
        array = np.empty(len(items), dtype=object)
        array[:] = items
        return GivenLabels(array)
    return GivenLabels(as_strings(items))


def as_strings(items: list[str]) -> npt.NDArray[Any]:
    """Strings as an array: of objects if NumPy's own would lose a zero at the end of one."""
    return np.array(items, dtype=object if any(s.endswith("\0") for s in items) else np.str_)


def _of_rows(rows: list[Any]) -> GivenLabels:
    """Rows of numbers are an indicator, if all are as long; others are collections of tags."""
    collections = [row for row in rows if isinstance(row, (list, Set))]
    no_tags = np.empty((len(rows), 0))
    if len(collections) < len(rows):
        if others := [
            row for row in rows if not (isinstance(row, (list, Set)) or _is_missing(row))
        ]:
            raise ValueError(
                f"Labels must be one per text, or a list of tags for each; got both, such as"
                f" {others[0]!r} and {collections[0]!r}."
            )
        return GivenLabels(no_tags, tags=rows)  # and rows are missing
    if any(isinstance(row, Set) for row in rows):
        return GivenLabels(no_tags, tags=[list(row) for row in rows])
    values = [value for row in rows for value in row]
    if not (values and all(isinstance(value, (int, float)) for value in values)):
        return GivenLabels(no_tags, tags=rows)
    lengths = set(map(len, rows))
    if len(lengths) == 1:
        return GivenLabels(np.array(rows))
    raise ValueError(
        "Several labels a text must be rows of 0 and 1, all of one length, or tags; got rows of"
        f" numbers with lengths from {min(lengths)} to {max(lengths)}. If numbers are your tags,"
        " make them strings: [[str(tag) for tag in row] for row in y]."
    )


def _without_objects(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Python numbers and strings in an array of objects as NumPy would store them."""
    if values.dtype.kind != "O":
        return values
    items = [_plain(value) for value in values.ravel().tolist()]
    kinds = set(map(type, items))
    of_indicator = values.ndim == 2 and kinds <= {int, float, bool}
    if kinds <= {int, float} or kinds == {bool} or of_indicator:
        return np.array(items).reshape(values.shape)
    return values


def _is_missing(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_missing, value))
    if value is None:
        return True
    try:
        return bool(value != value)  # NaN and NaT
    except TypeError:  # pandas.NA has no truth value
        return True
