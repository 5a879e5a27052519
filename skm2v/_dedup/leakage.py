"""Test texts that are in the training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import check_choice, is_number, require
from skm2v._dedup.links import EXACT, KINDS, NEAR, SEMANTIC, Linker, Links
from skm2v._dedup.listing import as_html, as_text
from skm2v._dedup.nodes import NORMALIZERS, make_nodes, number_codes
from skm2v._dedup.tables import read_texts
from skm2v._features.embedding import embedding_by, fit_embedder

__all__ = ["Leakage", "find_leakage"]


@dataclass(frozen=True, eq=False)
class Leakage:
    """Pairs of a test text and a training text that say the same.

    Attributes
    ----------
    test_row, train_row : ndarray of int64 of shape (n_pairs,)
        Row numbers, sorted by `test_row`. Of training rows with one text, the first one.
    similarity : ndarray of float32 of shape (n_pairs,)
        1, the Jaccard similarity or the cosine, as `kind` says.
    kind : ndarray of str of shape (n_pairs,)
        ``"exact"``, ``"near"`` or ``"semantic"``.
    is_leaked : ndarray of bool of shape (n_test,)
        Whether a test text is in some pair.

    Examples
    --------
    >>> from skm2v.deduplication import find_leakage
    >>> leakage = find_leakage(["my card is late", "hello there"], ["My card is late", "a fee"])
    >>> leakage.is_leaked
    array([ True, False])
    >>> leakage.test_row, leakage.train_row, leakage.kind.tolist()
    (array([0]), array([0]), ['exact'])
    """

    __module__ = "skm2v.deduplication"

    test_row: npt.NDArray[np.int64]
    train_row: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float32]
    kind: npt.NDArray[np.str_]
    is_leaked: npt.NDArray[np.bool_]

    def to_frame(self) -> Any:
        """Return a data frame of pandas with a row for each pair.

        Returns
        -------
        frame : pandas.DataFrame
            With row numbers, similarity and kind.
        """
        import pandas as pd

        return pd.DataFrame(self._columns())

    def _columns(self) -> dict[str, Any]:
        return {
            "test_row": self.test_row,
            "train_row": self.train_row,
            "similarity": self.similarity,
            "kind": self.kind,
        }

    def __len__(self) -> int:
        return len(self.test_row)

    def __repr__(self) -> str:
        n = len(self.is_leaked)
        return f"<Leakage: {self.is_leaked.sum():,} of {n:,} test texts, {len(self):,} pairs>"

    def __str__(self) -> str:
        return as_text(repr(self)[1:-1], self._columns())

    def _repr_html_(self) -> str:
        return as_html(repr(self)[1:-1], self._columns())


def find_leakage(
    train: Any,
    test: Any,
    *,
    embedder: Any = None,
    threshold: float = 0.9,
    kinds: tuple[str, ...] = ("exact", "semantic"),
    near_threshold: float = 0.7,
    normalize_text: str = "nfkc-casefold-space",
    compare_numbers: bool = False,
    column: str | None = None,
    n_jobs: int | None = None,
) -> Leakage:
    """Find test texts that say the same as a training text.

    Scores on such texts tell what a model remembers, not what it learned.

    Parameters
    ----------
    train, test : column of str or frame
        Texts, as for :class:`~skm2v.Deduplicator`.
    embedder : transformer or None, default=None
        Makes vectors; a copy is fitted to the training texts. None means ``StaticEmbedder()``.
    threshold, kinds, near_threshold, normalize_text, compare_numbers : as for Deduplicator
        How texts are compared; see :class:`~skm2v.Deduplicator`.
    column, n_jobs : as for Deduplicator
        The column of frames, and the number of threads.

    Returns
    -------
    leakage : Leakage
        All pairs, and which test texts are in one.

    Examples
    --------
    >>> from skm2v.deduplication import find_leakage
    >>> leakage = find_leakage(["My card did not arrive"], ["Lunch?", "my card did not arrive"])
    >>> leakage
    <Leakage: 1 of 2 test texts, 1 pairs>
    >>> leakage.is_leaked
    array([False,  True])
    """
    fraction = is_number(threshold) and 0 < threshold <= 1
    require(fraction, "threshold", threshold, "a cosine above 0, at most 1")
    fraction = is_number(near_threshold) and 0 < near_threshold <= 1
    require(fraction, "near_threshold", near_threshold, "above 0, at most 1")
    require(bool(kinds) and set(kinds) <= set(KINDS), "kinds", kinds, f"some of {KINDS}")
    check_choice("normalize_text", normalize_text, tuple(NORMALIZERS))
    old, _ = read_texts(train, column)
    new, _ = read_texts(test, column)
    normalizer = normalize_text if "exact" in kinds else "none"
    nodes = make_nodes([*old, *new], normalizer, None, np.empty(0, dtype=np.int64))
    n_old = len(set(nodes.of_row[: len(old)].tolist()))  # the first nodes
    of_test = nodes.of_row[len(old) :]
    vectors = None
    if "semantic" in kinds and old:
        vectors = embedding_by(fit_embedder(embedder, old, n_jobs))(nodes.originals)
    linker = Linker(
        nodes,
        vectors,
        threshold,
        near_threshold if "near" in kinds else None,
        number_codes(nodes.texts) if compare_numbers else None,
        None,
        n_jobs,
    )
    # The right node is one of the training texts; a test text of the same node is another row.
    chunks = [(SEMANTIC, chunk) for chunk in linker.between(np.unique(of_test), np.arange(n_old))]
    links = Links.of_chunks(chunks)
    links = links.take(links.left != links.right)
    near = Links.of_chunks([(NEAR, chunk) for chunk in linker.near()])
    for side in (near, Links(near.right, near.left, near.value, near.kind)):
        links = links.followed_by(side.take(side.right < n_old))
    same = np.flatnonzero(of_test < n_old)
    # A link holds for every test row of its node.
    order = np.argsort(of_test, kind="stable")
    starts = np.searchsorted(of_test[order], links.left, side="left")
    counts = np.searchsorted(of_test[order], links.left, side="right") - starts
    place = np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    test_row = np.concatenate([same, order[place]])
    train_row = nodes.first_row[np.concatenate([of_test[same], np.repeat(links.right, counts)])]
    value = np.concatenate([np.ones(len(same), np.float32), np.repeat(links.value, counts)])
    kind = np.concatenate([np.full(len(same), EXACT), np.repeat(links.kind, counts)])
    order = np.lexsort((kind, train_row, test_row))
    is_leaked = np.zeros(len(new), dtype=bool)
    is_leaked[test_row] = True
    return Leakage(
        test_row[order], train_row[order], value[order], np.array(KINDS)[kind[order]], is_leaked
    )
