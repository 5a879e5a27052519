"""What a file holds for the compiled kernel, beside its content.

A file with it has the text of the tokenizer as a tensor, not in its metadata: so both are mapped,
and nothing of them is parsed before it is needed. It is no part of the content: the hash of that is
the same with and without. A hash of its own covers it, and the text that it was made of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._pooling import TextTokenizer
from skm2v._pooling.kernel_state import KERNEL_FORMAT, KernelState
from skm2v._strict_json import canonical_json
from skm2v.exceptions import ModelFormatError

__all__ = ["KERNEL", "hash_of_arrays", "kernel_of", "pack", "unpack"]

Arrays = Mapping[str, npt.NDArray[Any]]

#: Field of the document with the settings, and what the names of the tensors begin with.
KERNEL = "kernel"
FIELDS = {"format", "settings", "sha256"}
TEXT = "tokenizer"

# What a process takes to load a model and embed a text, in milliseconds of a processor with these
# tables and without: 50,000 tokens 32 and 151 (Unigram 75 and 420), for 7 % more on disk; 10,000
# tokens 16 and 35. Python and NumPy take 80 to start.
FEWEST_TOKENS = 50_000


def kernel_of(tokenizer: TextTokenizer) -> KernelState | None:
    """Return what a file should hold for the kernel of a tokenizer, if it pays."""
    if tokenizer.n_tokens < FEWEST_TOKENS:
        return None
    try:
        from skm2v._pooling.kernel import make_state
    except ImportError:
        return tokenizer.state
    return make_state(tokenizer)


def pack(text: str, state: KernelState) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Return the field of a document and the tensors that stand for a tokenizer and a state."""
    data = np.frombuffer(text.encode(), np.uint8)
    field = {
        "format": KERNEL_FORMAT,
        "settings": dict(state.settings),
        "sha256": _hash(KERNEL_FORMAT, state.settings, state.arrays, data),
    }
    tensors = {f"{KERNEL}.{name}": array for name, array in {TEXT: data, **state.arrays}.items()}
    return field, tensors


def unpack(
    field: Any, tensors: Arrays, *, what: str, verify: bool
) -> tuple[npt.NDArray[np.uint8], KernelState | None, Arrays]:
    """Take apart what :func:`pack` put into a file.

    Parameters
    ----------
    field : Any
        That of the document.
    tensors : mapping of str to ndarray
        All of the file.
    what : str
        Name of the file in messages.
    verify : bool
        Whether the hash is computed.

    Returns
    -------
    text : ndarray of uint8
        The tokenizer's.
    state : KernelState or None
        None if it has a format that is not known here.
    others : mapping of str to ndarray
        The tensors of the content.

    Raises
    ------
    ModelFormatError
        If something is missing, malformed or damaged.
    """
    own = {
        name.removeprefix(f"{KERNEL}."): array
        for name, array in tensors.items()
        if name.startswith(f"{KERNEL}.")
    }
    others = {name: array for name, array in tensors.items() if not name.startswith(f"{KERNEL}.")}
    text = own.pop(TEXT, None)
    if (
        not isinstance(field, dict)
        or set(field) != FIELDS
        or type(field["format"]) is not int
        or not isinstance(field["settings"], dict)
        or text is None
        or text.dtype != np.uint8
        or text.ndim != 1
    ):
        raise ModelFormatError(
            f"{what} is damaged: what it holds for the compiled kernel is malformed."
        )
    if verify:
        try:
            actual = _hash(field["format"], field["settings"], own, text)
        except (ValueError, TypeError) as error:
            raise ModelFormatError(f"{what} is damaged: {error}") from error
        if actual != field["sha256"]:
            raise ModelFormatError(
                f"{what} is damaged: the SHA-256 of what it holds for the compiled kernel is"
                f" {actual}, it was saved with {field['sha256']!r:.80}. Get a fresh copy."
            )
    state = KernelState(field["settings"], own) if field["format"] == KERNEL_FORMAT else None
    return text, state, others


def _hash(
    number: int, settings: Mapping[str, Any], arrays: Arrays, text: npt.NDArray[np.uint8]
) -> str:
    made_of = hashlib.sha256(text.data).hexdigest()
    document = {"format": number, "settings": settings, "tokenizer": made_of}
    digest = hashlib.sha256(canonical_json(document).encode())
    hash_of_arrays(digest, arrays)
    return digest.hexdigest()


def hash_of_arrays(digest: Any, arrays: Arrays) -> None:
    """Add arrays to a hash, the same on every machine."""
    for name, array in sorted(arrays.items()):
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"\0{name} {array.dtype.name} {array.shape}\0".encode())
        digest.update(little.reshape(-1).view(np.uint8).data)
