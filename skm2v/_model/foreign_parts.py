"""The hash of fitted objects of scikit-learn that are a part of ours."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["hash_of_parts"]

# What has attributes, and is the same thing wherever it has its name.
NAMED = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType)


def hash_of_parts(*parts: Any) -> str:
    """Return a SHA-256 of all numbers and texts that objects hold, in attributes of any depth.

    Unlike a hash of their pickle it is the same after a round trip, through skops too: numbers of
    NumPy and of Python count as one, and the order of attributes does not matter.

    Parameters
    ----------
    *parts : object
        Objects whose attributes are numbers, texts, arrays, containers or such objects. Of others
        the name of their type counts.
    """
    digest = hashlib.sha256()
    for token in _tokens(parts):
        digest.update(len(token).to_bytes(8, "little"))
        digest.update(token)
    return digest.hexdigest()


def _tokens(value: Any) -> Iterator[bytes]:
    if isinstance(value, np.generic) and not isinstance(value, np.void):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        if isinstance(value, str):
            value = str(value)  # repr of a string of NumPy says so
        yield f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, bytes):
        yield b"bytes " + value
    elif isinstance(value, np.ndarray) and value.dtype.names:
        yield f"fields {value.shape}".encode()
        for name in value.dtype.names:  # without what lies between them
            yield name.encode()
            yield from _tokens(value[name])
    elif isinstance(value, np.ndarray) and value.dtype.kind not in "OV":
        little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        yield f"array {little.dtype.str} {value.shape}".encode() + little.tobytes()
    elif isinstance(value, dict):
        yield f"dict {len(value)}".encode()
        for name, item in value.items():
            yield from _tokens(name)
            yield from _tokens(item)
    elif isinstance(value, (list, tuple, np.ndarray)):
        yield f"list {len(value)}".encode()
        for item in value:
            yield from _tokens(item)
    elif isinstance(value, (np.random.Generator, np.random.RandomState)):
        generator = getattr(value, "bit_generator", None) or value._bit_generator  # type: ignore[union-attr]
        yield from _tokens(generator.state)
    else:
        is_named = isinstance(value, NAMED)
        named = value if is_named else type(value)
        name = f"{getattr(named, '__module__', '')}.{getattr(named, '__qualname__', '')}"
        yield f"{'name' if is_named else 'object'} {name}".encode()
        if not is_named and hasattr(value, "__dict__"):
            yield from _tokens(dict(sorted(vars(value).items())))
