"""The character map of SentencePiece tokenizers, a double-array trie.

The library that walks the trie does not check its links, so a damaged map would be an error on
the first text that takes the wrong turn. Every link that any text can take is followed here.

References
----------
.. [1] https://github.com/google/sentencepiece/blob/master/doc/normalization.md
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["check_charsmap"]

MAX_CHARS = 4 << 20
MAX_REPLACEMENT_BYTES = 96  # NFKC turns one ligature into 18 characters, of 33 bytes
_BYTES = np.arange(1, 256, dtype=np.int64)


def check_charsmap(text: Any) -> bool:
    """Return whether a value is a Base64 text of a character map that is safe to use."""
    if not isinstance(text, str) or len(text) > MAX_CHARS:
        return False
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    size = int.from_bytes(data[:4], "little")
    if len(data) < 4 or size % 4 or size > len(data) - 4:
        return False
    units = np.frombuffer(data[4 : 4 + size], dtype="<u4").astype(np.int64)
    replacements = data[4 + size :]
    return _replacements_are_short(replacements) and _links_are_valid(units, replacements)


def _replacements_are_short(replacements: bytes) -> bool:
    try:
        replacements.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return max(map(len, replacements.split(b"\0"))) <= MAX_REPLACEMENT_BYTES


def _links_are_valid(units: npt.NDArray[np.int64], replacements: bytes) -> bool:
    if not len(units):
        return False
    starts = np.frombuffer(replacements, dtype=np.uint8) & 0xC0 != 0x80  # of UTF-8 characters
    nodes = np.array([_offsets(units[:1])[0]])
    seen = np.zeros(len(units), dtype=bool)
    while len(nodes):
        if nodes.max() >= len(units):
            return False
        nodes = np.unique(nodes[~seen[nodes]])
        seen[nodes] = True
        found = []
        for block in np.array_split(nodes, len(nodes) // 4096 + 1):
            links = block[:, None] ^ _BYTES
            if links.size and links.max() >= len(units):
                return False
            taken = links[units[links] & 0x800000FF == _BYTES]
            children = taken ^ _offsets(units[taken])
            leaves = children[units[taken] >> 8 & 1 == 1]
            if leaves.size:
                if leaves.max() >= len(units):
                    return False
                values = units[leaves] & 0x7FFFFFFF
                if values.max() >= len(starts) or not starts[values].all():
                    return False
            found.append(children)
        nodes = np.concatenate(found)
    return True


def _offsets(units: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.asarray((units >> 10) << ((units & (1 << 9)) >> 6))
