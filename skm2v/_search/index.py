"""What is searched: documents with their ids, vectors and counts of terms; never changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_flag, is_integer, some
from skm2v._pairs import NeighborSearch
from skm2v._pairs.coding import Stored
from skm2v._search.postings import Postings
from skm2v._search.strings import Strings

__all__ = ["Ids", "Index", "check_ids", "id_values", "next_ids", "read_where"]

CHUNK = 8192  # vectors that are checked at a time

Ids = Strings | npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Index:
    """Documents in their order.

    Attributes
    ----------
    texts : Strings
    ids : Strings or ndarray of int64 of shape (n_documents,)
    vectors : ndarray of float16 of shape (n_documents, d)
    postings : Postings
    stored : Stored or None, default=None
        What a file has for the search of vectors.
    """

    texts: Strings
    ids: Ids
    vectors: npt.NDArray[np.float16]
    postings: Postings
    stored: Stored | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def dense(self) -> NeighborSearch:
        """Search by the cosine of vectors."""
        return NeighborSearch(self.vectors, self.stored)

    def followed_by(self, other: Index) -> Index:
        """Return the index of these documents, then others."""
        if not len(self):  # then neither ids nor vectors say of what kind they are
            return other
        if isinstance(self.ids, Strings) != isinstance(other.ids, Strings):
            old, new = ("strings", "integers")[:: 1 if isinstance(self.ids, Strings) else -1]
            raise TypeError(
                f"ids of all documents must be of one type: these are {new}, earlier ones {old}."
            )
        return Index(
            self.texts.followed_by(other.texts),
            _joined(self.ids, other.ids),
            np.concatenate([self.vectors, other.vectors]),
            self.postings.followed_by(other.postings),
        )

    def where(self, keep: npt.NDArray[np.bool_]) -> Index:
        """Return the index of some of the documents."""
        ids = self.ids
        return Index(
            self.texts.where(keep),
            ids.where(keep) if isinstance(ids, Strings) else ids[keep],
            self.vectors[keep],
            self.postings.where(keep),
        )

    def is_sound(self) -> bool:
        """Whether all parts fit together."""
        n, ids, vectors = len(self), self.ids, self.vectors
        return (
            self.texts.is_sound()
            and (
                ids.is_sound()
                if isinstance(ids, Strings)
                else ids.ndim == 1 and ids.dtype == np.int64
            )
            and len(ids) == n == self.postings.n_documents
            and vectors.ndim == 2
            and vectors.dtype == np.float16
            and len(vectors) == n
            and all(
                np.isfinite(vectors[start : start + CHUNK]).all() for start in range(0, n, CHUNK)
            )
            and self.postings.terms.is_sound()
            and self.postings.is_sound()
            and (
                self.stored is None
                or (len(self.stored.squares) == n and self.stored.is_sound(vectors.shape[1]))
            )
        )

    def ids_at(self, rows: npt.NDArray[np.integer[Any]]) -> list[Any]:
        """Ids of documents, as objects of Python."""
        return self.ids.take(rows) if isinstance(self.ids, Strings) else self.ids[rows].tolist()

    @cached_property
    def places(self) -> dict[Any, Any]:
        """Row of each id, or an array of rows where documents share it."""
        places: dict[Any, Any] = {}
        for row, name in enumerate(self.ids_at(np.arange(len(self)))):
            places.setdefault(name, []).append(row)
        return places

    def rows_of(self, ids: Iterable[Any]) -> npt.NDArray[np.int64]:
        """Rows of the documents with some ids, ascending; ids that are not there have none."""
        rows = [row for name in dict.fromkeys(ids) for row in self.places.get(name, ())]
        return np.array(sorted(rows), dtype=np.int64)


def _joined(first: Any, second: Any) -> Ids:
    if isinstance(first, Strings):
        return first.followed_by(second)
    return np.concatenate([first, second])


def check_ids(ids: Any, n: int) -> Ids:
    """Return ids of documents, strings or integers.

    Raises
    ------
    TypeError
        If some are neither, or both are among them.
    ValueError
        If there is not one for each document.
    """
    values = id_values(ids)
    if len(values) != n:
        raise ValueError(f"ids must have one for each of {n} documents; got {len(values)}.")
    if all(isinstance(value, str) for value in values) and values:
        try:
            return Strings.of(map(str, values))
        except UnicodeEncodeError:
            raise ValueError("ids must be valid Unicode; some have lone surrogates.") from None
    if all(is_integer(value) for value in values):
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            raise ValueError("ids that are integers must fit 64 bits.") from None
    odd = [row for row, value in enumerate(values) if not isinstance(value, str)]
    raise TypeError(
        f"ids must be strings or integers, all of one type; got {values[odd[0]]!r:.60} in row"
        f" {odd[0]}. Fix: ids=[str(x) for x in ids]."
    )


def next_ids(ids: Ids | None, n: int) -> Ids:
    """Return ids for documents that came without: the integers after those that are there."""
    if isinstance(ids, Strings):
        raise ValueError(
            "Documents were fitted with ids that are strings, so new ones need some. Fix: pass"
            " ids=[...], one for each text."
        )
    start = 0 if ids is None or not len(ids) else int(ids.max()) + 1
    if start + n - 1 > np.iinfo(np.int64).max:
        raise ValueError(
            f"After the id {start - 1} there are no larger integers of 64 bits. Fix: pass"
            " ids=[...], one for each text."
        )
    return start + np.arange(n)


def id_values(values: Any, name: str = "ids") -> list[Any]:
    """Ids of a column, as objects of Python."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a column of strings or integers; got {values!r:.60}.")
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(values, method):
            return list(getattr(values, method)())
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def read_where(where: Any, index: Index) -> npt.NDArray[np.bool_] | None:
    """Return which documents may be found, None for all; see :meth:`TextSearcher.search`."""
    if where is None:
        return None
    if callable(where):
        every = index.ids_at(np.arange(len(index)))
        return np.fromiter((bool(where(name)) for name in every), dtype=bool, count=len(index))
    values = id_values(where, "where")
    if values and all(is_flag(value) for value in values):
        if len(values) != len(index):
            raise ValueError(
                f"A mask must have a value for each of {len(index)} documents; got {len(values)}."
            )
        return np.array(values, dtype=bool)
    kind, wanted = (str, "strings") if isinstance(index.ids, Strings) else (int, "integers")
    bad = [v for v in values if not (isinstance(v, kind) or (kind is int and is_integer(v)))]
    if bad:
        raise TypeError(
            f"where must be a mask, a function of an id, or ids, which are {wanted} here; got"
            f" {some(bad)}."
        )
    mask = np.zeros(len(index), dtype=bool)
    mask[index.rows_of(values)] = True
    return mask
