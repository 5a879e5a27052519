"""Pairs of rows that say the same, as arrays and frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._dedup.groups import Assigned
from skm2v._dedup.links import EXACT, KINDS, SEMANTIC, Links
from skm2v._dedup.listing import as_html, as_text
from skm2v._dedup.nodes import Nodes

__all__ = ["DuplicatePairs", "row_duplicates", "row_pairs"]


@dataclass(frozen=True, eq=False)
class DuplicatePairs:
    """Pairs of rows that say the same, and why; ``print`` and notebooks show the first ones.

    Attributes
    ----------
    left, right : ndarray of int64 of shape (n_pairs,)
        Row numbers, from 0.
    similarity : ndarray of float32 of shape (n_pairs,)
        1 for an exact duplicate, the Jaccard similarity for a near one, the cosine for a semantic
        one.
    kind_code : ndarray of int8 of shape (n_pairs,)
        0, 1 and 2 for exact, near and semantic ones.

    Examples
    --------
    >>> from skm2v import Deduplicator
    >>> texts = ["My card did not arrive", "my card  did not arrive", "Where is the bank?"]
    >>> pairs = Deduplicator().fit(texts).duplicates_
    >>> pairs.left, pairs.right, pairs.kind
    (array([1]), array([0]), array(['exact'], dtype='<U8'))
    """

    __module__ = "skm2v.deduplication"

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float32]
    kind_code: npt.NDArray[np.int8]

    @property
    def kind(self) -> npt.NDArray[np.str_]:
        """``"exact"``, ``"near"`` or ``"semantic"`` for each pair."""
        return np.array(KINDS)[self.kind_code]

    def counts(self) -> dict[str, int]:
        """Return the number of pairs of each kind.

        Returns
        -------
        counts : dict of str to int
            Number of pairs by kind.
        """
        counts = np.bincount(self.kind_code, minlength=len(KINDS))
        return dict(zip(KINDS, counts.tolist(), strict=True))

    def to_frame(self) -> Any:
        """Return a data frame of pandas with the columns left, right, similarity and kind.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each pair.
        """
        import pandas as pd

        return pd.DataFrame(self._columns())

    def _columns(self) -> dict[str, Any]:
        return {
            "left": self.left,
            "right": self.right,
            "similarity": self.similarity,
            "kind": self.kind,
        }

    def __len__(self) -> int:
        return len(self.left)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in self.counts().items() if count)
        return f"<DuplicatePairs: {counts or 'none'}>"

    def __str__(self) -> str:
        return as_text(repr(self)[1:-1], self._columns())

    def _repr_html_(self) -> str:
        return as_html(repr(self)[1:-1], self._columns())


def row_pairs(nodes: Nodes, links: Links) -> DuplicatePairs:
    """Pairs of rows; those with one text are linked to the first of them."""
    first = nodes.first_row[nodes.of_row]
    again = np.flatnonzero(first != np.arange(len(first)))
    left = np.concatenate([first[again], nodes.first_row[links.left]])
    right = np.concatenate([again, nodes.first_row[links.right]])
    left, right = np.minimum(left, right), np.maximum(left, right)
    value = np.concatenate([np.ones(len(again), np.float32), links.value])
    kind = np.concatenate([np.full(len(again), EXACT, np.int8), links.kind])
    # One number for the three columns by which pairs are sorted, none of which is the same twice.
    key = left.astype(np.uint64) << np.uint64(33) | (right << 2 | kind).astype(np.uint64)
    order = np.argsort(key)
    return DuplicatePairs(left[order], right[order], value[order], kind[order])


def row_duplicates(
    nodes: Nodes, links: Links, assigned: Assigned, kept: npt.NDArray[np.int64]
) -> DuplicatePairs:
    """For each dropped row the kept one, and why."""
    lost = np.flatnonzero(kept != np.arange(len(kept)))
    node = nodes.of_row[lost]
    value, kind = np.ones(len(lost), np.float32), np.full(len(lost), EXACT, np.int8)
    other = assigned.kept[node] != node  # by more than the same text
    link = assigned.link[node[other]]
    direct = link >= 0
    value[other] = np.where(direct, links.value[link] if len(links) else 1, np.nan)
    kind[other] = np.where(direct, links.kind[link] if len(links) else EXACT, SEMANTIC)
    return DuplicatePairs(lost, kept[lost], value, kind)
