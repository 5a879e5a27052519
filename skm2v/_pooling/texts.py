"""Any column of texts to a list of strings, or an error that names rows and the fix."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v._pooling.columns import batches_of, column_of, items_of, name_rows
from skm2v._pooling.text_buffers import read_buffers
from skm2v.exceptions import TextTypeError, TextValueError

__all__ = ["TextColumn", "check_texts", "iter_texts", "new_tuple"]

_ONLY_STR = frozenset({str})

try:
    from skm2v._pooling._kernel import only_text
except ImportError:

    def only_text(items: list[Any]) -> bool:
        """Whether nothing is left to check; it may be even if not."""
        return _ONLY_STR.issuperset(map(type, items)) and all(map(str.isascii, items))


_NO_ROWS = np.empty(0, dtype=np.int64)
_NO_ROWS.flags.writeable = False
# What a NamedTuple does, in 117 ns instead of 203: a short text takes 2,400 and makes two of them.
new_tuple = tuple.__new__


class TextColumn(NamedTuple):
    """A checked column of texts.

    Attributes
    ----------
    texts : list of str or TextBuffers
        Exact ``str`` objects without lone surrogates; a missing text is ``""``. The list is a
        copy of its own.
    missing : ndarray of int64 of shape (n_missing,)
        Row numbers of the missing texts.
    feature_name : str or None
        Name of the column if the input was a data frame with a named column.
    two_dimensional : bool
        Whether the input was a frame or an array of shape (n, 1).
    """

    texts: Any
    missing: npt.NDArray[np.int64] = _NO_ROWS
    feature_name: str | None = None
    two_dimensional: bool = False


def check_texts(
    X: Any,
    *,
    handle_missing: Literal["error", "zero"] | None = None,
    first_row: int = 0,
    buffers: bool = False,
) -> TextColumn:
    """Check texts and return them as a list of ``str``.

    Parameters
    ----------
    X : list, tuple, iterator, array, Series, column or frame of str
        One text per row: a sequence, a one-shot iterator, a 1-D NumPy array (of objects, fixed
        width or variable width strings), a pandas or polars Series, a ``datasets`` column, a
        pyarrow array, or a frame, reader of Arrow batches or array with exactly one column.
    handle_missing : {"error", "zero"} or None, default=None
        What to do with None, NaN, ``pandas.NA`` and NaT: raise, or report them in ``missing`` and
        give them the text ``""``. None raises as well, where the user has no such parameter, of
        which the error must not speak then.
    first_row : int, default=0
        What errors call the first row of `X`, if it is a part of something longer.
    buffers : bool, default=False
        Leave texts of an Arrow column where they are and return a
        :class:`~skm2v._pooling.text_buffers.TextBuffers`, for :meth:`TextPooler.pool`.

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
    if handle_missing not in ("error", "zero", None):
        raise ValueError(f"handle_missing must be 'error' or 'zero'; got {handle_missing!r}.")
    feature_name: str | None = None
    two_dimensional = False
    if type(X) is list:
        texts = X.copy()  # nothing that happens to X from now on matters
    else:
        column, feature_name, two_dimensional = column_of(X)
        found = read_buffers(column, first_row) if buffers else None
        # The error about missing texts says what they are, which their items know.
        if found is not None and (handle_missing == "zero" or not found[1].size):
            return TextColumn(*found, feature_name, two_dimensional)
        texts = items_of(column, first_row)
    missing = _NO_ROWS
    if not only_text(texts):
        if not _ONLY_STR.issuperset(map(type, texts)):
            texts, missing = _convert_items(texts, handle_missing, first_row)
        _refuse_surrogates(texts, first_row)
    return new_tuple(TextColumn, (texts, missing, feature_name, two_dimensional))


def iter_texts(
    X: Any, batch_size: int, *, handle_missing: Literal["error", "zero"] | None = None
) -> tuple[str | None, Iterator[TextColumn]]:
    """Check a column of texts in batches; no more than one of them is in memory.

    Parameters
    ----------
    X : list, tuple, iterator, array, Series, column or frame of str
        As for :func:`check_texts`. An iterator may be endless; it is read as far as the batches
        are.
    batch_size : int
        Number of texts in a batch; only the last one may have fewer.
    handle_missing : {"error", "zero"} or None, default=None
        As for :func:`check_texts`.

    Returns
    -------
    feature_name : str or None
        Name of the column if `X` is a data frame with a named column.
    batches : iterator of TextColumn
        None of them is empty. ``missing`` counts rows within a batch, errors count them from the
        start of `X`.

    Raises
    ------
    TextTypeError
        At once if `X` is no column, and when its batch is read if an item is no ``str``.
    TextValueError
        As by :func:`check_texts`, when the batch is read.
    """
    column, feature_name, _ = column_of(X, stream=True)

    def check() -> Iterator[TextColumn]:
        first_row = 0
        for batch in batches_of(column, batch_size):
            checked = check_texts(
                batch, handle_missing=handle_missing, first_row=first_row, buffers=True
            )
            first_row += len(checked.texts)
            yield checked

    return feature_name, check()


# --- Items ----------------------------------------------------------------------------------


def _convert_items(
    items: list[Any], handle_missing: str | None, first_row: int
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
            _refuse_items(items, first_row)
    if missing and handle_missing != "zero":
        instead = " StaticEmbedder(handle_missing='zero') gives them zeros."
        raise TextValueError(
            f"Missing texts in {name_rows(missing, first_row)} ({items[missing[0]]!r})."
            f" Fix: fill or drop them first.{instead if handle_missing == 'error' else ''}"
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


def _refuse_items(items: list[Any], first_row: int) -> NoReturn:
    bad = [
        row for row, item in enumerate(items) if not isinstance(item, str) and not _is_missing(item)
    ]
    item = items[bad[0]]
    if isinstance(item, (bytes, bytearray, memoryview)):
        fix = "decode them: [x.decode() for x in X]"
    elif isinstance(item, Mapping):  # rows of csv.DictReader and of JSON
        first = [items[row] for row in bad[:100] if isinstance(items[row], Mapping)]
        longest = max(item, key=lambda key: _n_characters(first, key), default="text")
        fix = f"pass one field of each row, of {some(item)}: [x[{longest!r}] for x in X]"
    elif hasattr(item, "columns") or hasattr(item, "schema"):
        fix = "these are frames; pass one column of one frame, X['text'], with all rows"
    elif isinstance(item, Iterable):
        fix = (
            "pass one str per row, such as [' '.join(x) for x in X], or a field: [x[0] for x in X]"
        )
    else:
        fix = "convert them: [str(x) for x in X]"
    raise TextTypeError(
        f"Every text must be a str; got {type(item).__name__} in {name_rows(bad, first_row)}."
        f" Fix: {fix}."
    )


def _n_characters(rows: list[Any], key: Any) -> int:
    """How much text some rows have in a field."""
    values = (row.get(key) for row in rows)
    return sum(len(value) for value in values if isinstance(value, str))


def _refuse_surrogates(texts: list[str], first_row: int) -> None:
    """Raise if a text cannot be encoded, which is so only for halves of surrogate pairs."""
    bad = [row for row, text in enumerate(texts) if not text.isascii() and not _is_valid(text)]
    if bad:
        raise TextValueError(
            f"Lone surrogates (invalid Unicode) in {name_rows(bad, first_row)}."
            " Fix: X = [x.encode('utf-8', 'replace').decode() for x in X]."
        )


def _is_valid(text: str) -> bool:
    try:
        text.encode()
        max(text, default="")  # looks at every character: memory that was never text has any
    except (ValueError, SystemError):
        return False
    return True
