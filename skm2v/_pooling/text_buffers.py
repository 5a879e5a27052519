"""Texts that lie as UTF-8 in the memory of an Arrow column, read without making strings of them.

Columns of pyarrow, of polars and of pandas with Arrow-backed dtypes hand out their memory through
the Arrow C data interface (https://arrow.apache.org/docs/format/CDataInterface.html), so none of
these libraries is imported here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from skm2v._pooling.columns import name_rows
from skm2v.exceptions import TextValueError

__all__ = ["TextBuffers", "read_buffers"]

try:
    from skm2v._pooling._kernel import invalid_utf8
except ImportError:  # the reference path works with strings
    invalid_utf8 = None

Int64s = npt.NDArray[np.int64]

_NOTHING = ctypes.create_string_buffer(1)  # where texts without bytes lie


class TextBuffers:
    """Texts as valid UTF-8 in memory, a sequence of ``str`` for whoever needs that.

    Parameters
    ----------
    addresses, lengths : ndarray of int64 of shape (n_texts,)
        Where the bytes of each text lie, and how many they are.
    owner : object
        What keeps them there.
    """

    __slots__ = ("_owner", "addresses", "lengths")

    def __init__(self, addresses: Int64s, lengths: Int64s, owner: object) -> None:
        self.addresses = addresses
        self.lengths = lengths
        self._owner = owner

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[str]:
        for address, length in zip(self.addresses.tolist(), self.lengths.tolist(), strict=True):
            yield ctypes.string_at(address, length).decode()

    @overload
    def __getitem__(self, item: int) -> str: ...
    @overload
    def __getitem__(self, item: slice) -> TextBuffers: ...
    def __getitem__(self, item: int | slice) -> str | TextBuffers:
        if isinstance(item, slice):
            return TextBuffers(self.addresses[item], self.lengths[item], self._owner)
        return ctypes.string_at(int(self.addresses[item]), int(self.lengths[item])).decode()


def read_buffers(column: Any, first_row: int) -> tuple[TextBuffers, Int64s] | None:
    """Find the memory of a column of texts.

    Parameters
    ----------
    column : object
        As returned by :func:`skm2v._pooling.columns.column_of`.
    first_row : int
        What errors call the first row.

    Returns
    -------
    texts : TextBuffers
        A missing text has no bytes.
    missing : ndarray of int64 of shape (n_missing,)
        Rows of the missing texts. Instead of both, None for a column that is no Arrow column of
        strings, or if there is no compiled kernel to read it.

    Raises
    ------
    TextValueError
        If a text is not valid UTF-8.
    """
    if invalid_utf8 is None:
        return None
    exported = _export(column)
    if exported is None:
        return None
    arrays, format, owner = exported
    if format not in _READERS:
        return None
    parts = [_read(array, _READERS[format]) for array in arrays if array.length]
    if not parts:
        return TextBuffers(_none(), _none(), owner), _none()
    if len(parts) == 1:
        addresses, lengths, missing = parts[0]
    else:
        starts = np.cumsum([0, *(len(part[0]) for part in parts[:-1])])
        addresses, lengths = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        missing = np.concatenate(
            [start + part[2] for start, part in zip(starts, parts, strict=True)]
        )
    if bad := invalid_utf8(addresses, lengths):
        raise TextValueError(
            f"Invalid UTF-8 in {name_rows(bad, first_row)}. Fix: make the column of texts, not of"
            " bytes."
        )
    return TextBuffers(addresses, lengths, owner), missing


def _none() -> Int64s:
    return np.empty(0, dtype=np.int64)


# --- The structures of the interface -----------------------------------------------------------

_Release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_Get = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class _Schema(ctypes.Structure):
    _fields_ = (
        ("format", ctypes.c_char_p),
        ("name", ctypes.c_char_p),
        ("metadata", ctypes.c_void_p),
        ("flags", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("children", ctypes.c_void_p),
        ("dictionary", ctypes.c_void_p),
        ("release", _Release),
        ("private_data", ctypes.c_void_p),
    )


class _Array(ctypes.Structure):
    _fields_ = (
        ("length", ctypes.c_int64),
        ("null_count", ctypes.c_int64),
        ("offset", ctypes.c_int64),
        ("n_buffers", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("buffers", ctypes.POINTER(ctypes.c_void_p)),
        ("children", ctypes.c_void_p),
        ("dictionary", ctypes.c_void_p),
        ("release", _Release),
        ("private_data", ctypes.c_void_p),
    )


class _Stream(ctypes.Structure):
    _fields_ = (
        ("get_schema", _Get),
        ("get_next", _Get),
        ("get_last_error", ctypes.c_void_p),
        ("release", _Release),
        ("private_data", ctypes.c_void_p),
    )


class _Owned:
    """Structures that were filled for us, and are given back when nobody needs them any more."""

    def __init__(self) -> None:
        self.held: list[Any] = []

    def fill(self, kind: type[Any], get: Any, stream: Any) -> Any:
        """Let a stream fill a new structure; None at its end."""
        structure = kind()
        status = get(ctypes.addressof(stream), ctypes.addressof(structure))
        if status:
            raise OSError(status, "The Arrow stream cannot be read")
        if not structure.release:
            return None
        self.held.append(structure)
        return structure

    def __del__(self) -> None:
        for structure in self.held:
            structure.release(ctypes.addressof(structure))


_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype = ctypes.c_void_p
_pointer_of.argtypes = (ctypes.py_object, ctypes.c_char_p)


def _export(column: Any) -> tuple[list[Any], bytes, object] | None:
    """Arrays of a column, their format, and what owns their memory."""
    if hasattr(column, "iloc"):  # pandas: others would be converted first
        dtype = column.dtype
        if type(dtype).__name__ != "ArrowDtype" and getattr(dtype, "storage", None) != "pyarrow":
            return None
        column = column.array.__arrow_array__()
    if hasattr(column, "__arrow_c_array__"):
        schema, array = column.__arrow_c_array__()
        of_schema = _Schema.from_address(_pointer_of(schema, b"arrow_schema"))
        of_array = _Array.from_address(_pointer_of(array, b"arrow_array"))
        return [of_array], of_schema.format, (schema, array)
    if hasattr(column, "__arrow_c_stream__"):
        capsule = column.__arrow_c_stream__()
        stream = _Stream.from_address(_pointer_of(capsule, b"arrow_array_stream"))
        owned = _Owned()
        format = owned.fill(_Schema, stream.get_schema, stream).format
        arrays = list(iter(lambda: owned.fill(_Array, stream.get_next, stream), None))
        return arrays, format, owned
    return None


# --- Arrays of texts ----------------------------------------------------------------------------


def _read(array: _Array, reader: Any) -> tuple[Int64s, Int64s, Int64s]:
    """Addresses and lengths of an array's texts, and rows of the missing ones."""
    n, first = array.length, array.offset
    addresses, lengths = reader(array, first, n)
    missing = _none()
    if array.null_count and array.buffers[0]:
        bits = _view(array.buffers[0], np.uint8, (first + n + 7) // 8)
        missing = np.flatnonzero(
            np.unpackbits(bits, count=first + n, bitorder="little")[first:] == 0
        )
        lengths[missing] = 0
        addresses[missing] = ctypes.addressof(_NOTHING)
    return addresses, lengths, missing


def _view(address: int, dtype: Any, count: int) -> npt.NDArray[Any]:
    n_bytes = count * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_char * n_bytes).from_address(address), dtype)


def _from_offsets(array: _Array, first: int, n: int, dtype: Any) -> tuple[Int64s, Int64s]:
    offsets = _view(array.buffers[1], dtype, first + n + 1)[first:]
    lengths = np.subtract(offsets[1:], offsets[:-1], dtype=np.int64)
    # Without any bytes there may be no buffer for them.
    return offsets[:-1] + np.int64(array.buffers[2] or ctypes.addressof(_NOTHING)), lengths


_VIEW = np.dtype([("length", "i4"), ("prefix", "i4"), ("buffer", "i4"), ("offset", "i4")])
_INLINE = 12  # longest text that lies in its view


def _from_views(array: _Array, first: int, n: int) -> tuple[Int64s, Int64s]:
    views = _view(array.buffers[1], _VIEW, first + n)[first:]
    lengths = views["length"].astype(np.int64)
    addresses = array.buffers[1] + 4 + _VIEW.itemsize * np.arange(first, first + n)
    outside = lengths > _INLINE
    # The last buffer holds the sizes of those in between.
    data = np.array([array.buffers[i] or 0 for i in range(2, array.n_buffers - 1)], dtype=np.int64)
    addresses[outside] = data[views["buffer"][outside]] + views["offset"][outside]
    return addresses, lengths


_READERS = {
    b"u": lambda array, first, n: _from_offsets(array, first, n, np.int32),
    b"U": lambda array, first, n: _from_offsets(array, first, n, np.int64),
    b"vu": _from_views,
}
