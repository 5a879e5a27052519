"""Rows with the same text are one node; links are between nodes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["NORMALIZERS", "Nodes", "hash_ranks", "make_nodes", "number_codes"]

# Words with a digit: numbers, model names, dates.
NUMBER = re.compile(r"\w*\d[\w.,:/\-]*")


def _nfkc_casefold_space(text: str) -> str:
    # ASCII is normal already, and its lower case is its folded case.
    text = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return " ".join(text.split())


NORMALIZERS: dict[str, Callable[[str], str]] = {
    "nfkc-casefold-space": _nfkc_casefold_space,
    "none": str,
}


@dataclass(frozen=True)
class Nodes:
    """Different texts of a table.

    Attributes
    ----------
    of_row : ndarray of int64 of shape (n_rows,)
        Node of each row.
    first_row : ndarray of int64 of shape (n_nodes,)
    texts : list of str
        Normalized text of each node.
    originals : list of str
        Its text before that: of several, the smallest one, so that the order of rows is of no
        importance.
    within : ndarray of int64 of shape (n_nodes,)
        Number of its group of rows which alone are compared; -1 where it is compared with none.
    counts : ndarray of int64 of shape (n_nodes,)
        Number of its rows.
    places : dict
        Number of each value that rows are grouped by.
    numbers : dict
        Node of each group and normalized text.
    normalizer : str
    """

    of_row: npt.NDArray[np.int64]
    first_row: npt.NDArray[np.int64]
    texts: list[str]
    originals: list[str]
    within: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    places: dict[Any, int]
    numbers: dict[Any, int]
    normalizer: str

    def __len__(self) -> int:
        return len(self.first_row)

    def find(self, texts: list[str], within: Iterable[Any] | None) -> npt.NDArray[np.int64]:
        """Node of each text; -1 where there is none."""
        normalize = NORMALIZERS[self.normalizer]
        places = repeat(0) if within is None else [self.places.get(_value(v), -1) for v in within]
        return np.array(
            [
                self.numbers.get((place, normalize(text)), -1)
                for text, place in zip(texts, places, strict=within is not None)
            ],
            dtype=np.int64,
        )


def _value(value: Any) -> Any:
    """NaN, NaT and NA are not themselves, but a missing value is a value like others here."""
    try:
        return value if value == value else None
    except TypeError:  # the NA of pandas is not even false
        return None


def make_nodes(
    texts: list[str],
    normalizer: str,
    within: Iterable[Any] | None,
    missing: npt.NDArray[np.int64],
) -> Nodes:
    """Find the different texts.

    Parameters
    ----------
    texts : list of str
    normalizer : str
        One of `NORMALIZERS`.
    within : iterable or None
        For each row a value; rows with different ones are compared no further.
    missing : ndarray of int64
        Rows without a text, each of which is a node of its own.
    """
    normalize = NORMALIZERS[normalizer]
    alone = set(missing.tolist())
    values: dict[Any, int] = {}
    if within is None:
        places = [0] * len(texts)
    else:
        places = [values.setdefault(_value(v), len(values)) for v in within]
    found: dict[Any, int] = {}
    of_row: list[int] = []
    first_row: list[int] = []
    normalized: list[str] = []
    originals: list[str] = []
    groups: list[int] = []
    for row, (text, place) in enumerate(zip(texts, places, strict=True)):
        key = normalize(text)
        # A row without a text has a number of its own, which no text is.
        node = found.setdefault((place, row if row in alone else key), len(first_row))
        if node == len(first_row):
            first_row.append(row)
            normalized.append(key)
            originals.append(text)
            groups.append(-1 if row in alone else place)
        elif text < originals[node]:
            originals[node] = text
        of_row.append(node)
    nodes = np.array(of_row, dtype=np.int64)
    return Nodes(
        nodes,
        np.array(first_row, dtype=np.int64),
        normalized,
        originals,
        np.array(groups, dtype=np.int64),
        np.bincount(nodes, minlength=len(first_row)),
        values,
        found,
        normalizer,
    )


def number_codes(texts: list[str]) -> npt.NDArray[np.int64]:
    """Give texts the same code if they have the same words with digits."""
    found: dict[frozenset[str], int] = {}
    return np.array(
        [
            found.setdefault(
                frozenset(word.rstrip(".,:/-") for word in NUMBER.findall(text)), len(found)
            )
            for text in texts
        ],
        dtype=np.int64,
    )


def hash_ranks(texts: list[str]) -> npt.NDArray[np.uint64]:
    """Numbers of texts in an order that has nothing to do with their rows."""
    digests = b"".join(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts
    )
    return np.frombuffer(digests, dtype="<u8")
