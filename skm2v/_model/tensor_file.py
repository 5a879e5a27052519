"""The safetensors container, read strictly and without copies.

The safetensors library writes the files. It is not used to read them: the bytes of the file have
to be hashed anyway, and the limits on what an untrusted header may declare come first.

References
----------
.. [1] https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._model.foreign import N_BYTES, describe_foreign
from skm2v._pooling.table import MOST_ALIGNED, aligned
from skm2v._strict_json import parse_json
from skm2v.exceptions import ModelFormatError

__all__ = ["dump_tensors", "hidden", "parse_tensors", "shown", "with_own_numbers"]

ROW_NUMBERS = ("mapping", "pairs")  # of a table, also where its tensors have a name before that
MAX_HEADER_BYTES = 64 << 20
MAX_TENSORS = 24
# A transformer has some hundreds of tensors: it gets the message that says what to do with it.
MAX_HEADER_OBJECTS = 4096
MAX_HEADER_STRINGS = 8 * MAX_HEADER_OBJECTS
DTYPES = {
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "BF16": "<u2",
    "I8": "<i1",
    "U8": "|u1",
    "I32": "<i4",
    "I64": "<i8",
}


def parse_tensors(data: bytes, *, what: str) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """Read the tensors and the metadata of a safetensors file.

    Parameters
    ----------
    data : bytes or mmap
        Content of the file.
    what : str
        Name of the file in error messages.

    Returns
    -------
    tensors : dict of str to ndarray
        Read-only: copies where `data` are few bytes, which are then not needed any more, else
        views. bfloat16, which NumPy lacks, is widened to float32.
    metadata : dict of str to str

    Raises
    ------
    ModelFormatError
        If the file is not a well-formed safetensors file with few tensors of at most two
        dimensions, or has bytes that belong to no tensor.
    """
    if data[8:9] != b"{":
        kind = describe_foreign(bytes(data[:N_BYTES]))
        if kind is not None:
            raise ModelFormatError(f"{what} is no safetensors file: it is {kind}.")
    header, body = _header(data, what)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ModelFormatError(f"The metadata of {what} must be a mapping of strings to strings.")
    if len(header) > MAX_TENSORS:
        raise ModelFormatError(
            f"{what} has {len(header)} tensors; files of skm2v have at most {MAX_TENSORS}."
            " To distil a transformer use skm2v.distill."
        )
    entries = {name: _entry(name, entry, what) for name, entry in header.items()}
    position = 0
    for name, (_, _, start, stop) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if start != position:
            raise ModelFormatError(
                f"Tensor {name!r:.60} of {what} starts at byte {start}; byte {position} was"
                " expected: tensors must neither overlap nor leave holes."
            )
        position = stop
    if position != len(body):
        raise ModelFormatError(
            f"The tensors of {what} take {position} bytes, but {len(body)} follow the header."
            " The file is truncated or damaged."
        )
    arrays = {
        name: _array(dtype, shape, body[start:stop])
        for name, (dtype, shape, start, stop) in entries.items()
    }
    if isinstance(data, bytes) and len(data) <= MOST_ALIGNED:
        arrays = {name: aligned(array) for name, array in arrays.items()}
    return arrays, metadata


def _header(data: bytes, what: str) -> tuple[dict[str, Any], memoryview]:
    if len(data) < 8:
        raise ModelFormatError(f"{what} is truncated: it has only {len(data)} bytes.")
    size = int.from_bytes(data[:8], "little")
    if size > MAX_HEADER_BYTES or size > len(data) - 8:
        raise ModelFormatError(
            f"{what} is truncated or no safetensors file: it declares a header of {size} bytes;"
            f" the file has {len(data)} bytes and {MAX_HEADER_BYTES} is the limit."
        )
    header = parse_json(
        data[8 : 8 + size],
        what=f"The header of {what}",
        max_objects=MAX_HEADER_OBJECTS,
        max_strings=MAX_HEADER_STRINGS,
    )
    if not isinstance(header, dict):
        raise ModelFormatError(f"The header of {what} must be a JSON object.")
    return header, memoryview(data)[8 + size :]


def _entry(name: str, entry: object, what: str) -> tuple[str, tuple[int, ...], int, int]:
    label = f"Tensor {name!r:.60} of {what}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ModelFormatError(f"{label} must have exactly dtype, shape and data_offsets.")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ModelFormatError(f"{label} has type {dtype!r:.60}; known are {list(DTYPES)}.")
    if not _are_sizes(shape) or len(shape) > 2:
        raise ModelFormatError(f"{label} must have one or two dimensions; got {shape!r:.60}.")
    if not _are_sizes(offsets) or len(offsets) != 2:
        raise ModelFormatError(f"{label} must have two data_offsets; got {offsets!r:.60}.")
    start, stop = offsets
    if stop - start != math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize:
        raise ModelFormatError(
            f"{label} has shape {tuple(shape)} of {dtype}, which does not take"
            f" {stop - start} bytes."
        )
    return dtype, tuple(shape), start, stop


def _are_sizes(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**48
        for value in values
    )


def _array(dtype: str, shape: tuple[int, ...], body: memoryview) -> npt.NDArray[Any]:
    array = np.frombuffer(body, dtype=DTYPES[dtype]).reshape(shape)
    if dtype == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    elif not array.flags.aligned:
        array = array.copy()
    array.flags.writeable = False
    return array


HIDDEN = "hidden."


def hidden(tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return tensors under names that no other tool looks for."""
    return {HIDDEN + name: array for name, array in tensors.items()}


def shown(tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Return tensors under the names that they had before :func:`hidden`."""
    return {name.removeprefix(HIDDEN): array for name, array in tensors.items()}


def dump_tensors(tensors: dict[str, npt.NDArray[Any]], metadata: dict[str, str]) -> bytes:
    """Return the content of a safetensors file.

    `metadata` should have one entry: the library writes several in random order.
    """
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in tensors.items()}, metadata)


def with_own_numbers(tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Copy row numbers, which the kernel goes by: who writes into a mapped file could change them.

    Those are checked once. Of the numbers of a vector any will do.
    """
    own = dict(tensors)
    for name, array in tensors.items():
        if name.rpartition(".")[2] in ROW_NUMBERS:
            own[name] = array.copy()
            own[name].flags.writeable = False
    return own
