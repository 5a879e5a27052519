"""What a deduplication found, for people: counts, groups, pairs around the threshold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._dedup.cells import InCells
from skm2v._dedup.pairs import DuplicatePairs
from skm2v._dedup.report_html import render

__all__ = ["BorderlinePair", "DeduplicationReport", "DuplicateGroup"]


class BorderlinePair(NamedTuple):
    """Two texts near the threshold.

    Attributes
    ----------
    similarity : float
        Their cosine.
    is_duplicate : bool
        Whether it is at or above the threshold.
    left_row, right_row : int
    left_text, right_text : str

    Examples
    --------
    >>> from skm2v import Deduplicator
    >>> texts = ["my card is late", "my card was late", "hello there"]
    >>> pair = Deduplicator(threshold=0.9).fit(texts).report_.borderline()[0]
    >>> pair.left_text, pair.right_text, pair.is_duplicate
    ('my card is late', 'my card was late', True)
    """

    similarity: float
    is_duplicate: bool
    left_row: int
    right_row: int
    left_text: str
    right_text: str


BorderlinePair.__module__ = "skm2v.deduplication"


class DuplicateGroup(NamedTuple):
    """Texts that say the same as one that is kept.

    Attributes
    ----------
    size : int
        Number of rows, the kept one included.
    kept_row : int
    kept_text : str
    least_similarity : float
        Of a dropped row to the kept one.
    dropped_texts : list of str
        Some of the different dropped texts, the least similar ones first.

    Examples
    --------
    >>> from skm2v import Deduplicator
    >>> texts = ["My card is late", "my card is late", "hello there"]
    >>> [group] = Deduplicator().fit(texts).report_.largest_groups()
    >>> group.kept_text, group.dropped_texts
    ('My card is late', ['my card is late'])
    """

    size: int
    kept_row: int
    kept_text: str
    least_similarity: float
    dropped_texts: list[str]


DuplicateGroup.__module__ = "skm2v.deduplication"


class DeduplicationReport:
    """Counts, the largest groups, and the pairs from which a threshold is chosen.

    Notebooks show it as HTML, ``print`` as a table.

    Parameters
    ----------
    texts : list of str
        Texts of all rows.
    duplicates : DuplicatePairs
        For each dropped row the kept one.
    threshold : float
        Least similarity of duplicates.
    n_texts : int
        Number of different texts.
    around : callable
        Takes a number, returns rows and cosines of so many pairs on both sides of the threshold,
        and the number of texts whose pairs were looked at for those below.
    cells : InCells or None, default=None
        What a partition did, if there was one.

    Examples
    --------
    >>> from skm2v import Deduplicator
    >>> texts = ["My card is late", "my card is late", "hello there"]
    >>> report = Deduplicator().fit(texts).report_
    >>> report.n_rows, report.n_kept, report.n_dropped
    (3, 2, {'exact': 1, 'near': 0, 'semantic': 0})
    """

    __module__ = "skm2v.deduplication"

    def __init__(
        self,
        texts: list[str],
        duplicates: DuplicatePairs,
        threshold: float,
        n_texts: int,
        around: Callable[[int], tuple[list[tuple[int, int, float]], int]],
        cells: InCells | None = None,
    ) -> None:
        self._texts, self._duplicates, self.threshold = texts, duplicates, threshold
        self.n_texts, self._around, self._cells = n_texts, around, cells

    @property
    def n_searched(self) -> int:
        """Number of texts among whose pairs those below the threshold were looked for."""
        return self._around(0)[1]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self._texts)

    @property
    def n_kept(self) -> int:
        """Number of rows that are kept."""
        return len(self._texts) - len(self._duplicates)

    @property
    def n_dropped(self) -> dict[str, int]:
        """Number of dropped rows by the kind of their link to the kept one."""
        return self._duplicates.counts()

    @property
    def completeness(self) -> str:
        """Whether all pairs were found, in a sentence."""
        cells = self._cells
        if cells is None:
            return "All pairs at or above the thresholds were found."
        if not cells.n_pairs:
            return "Compared in cells; the sample had no pairs to tell how many were found."
        low, high = 100 * cells.low, 100 * cells.high
        return (
            f"Compared in cells: {100 * cells.recall:.2f} % of the semantic pairs were found (95 %"
            f" interval {low:.2f} to {high:.2f}), measured on {cells.n_rows:,} texts."
        )

    def largest_groups(self, n: int = 5, n_texts: int = 3) -> list[DuplicateGroup]:
        """Return the groups with the most rows.

        Parameters
        ----------
        n : int, default=5
            Number of groups.
        n_texts : int, default=3
            Number of dropped texts to show of each.

        Returns
        -------
        groups : list of DuplicateGroup
            The largest one first.
        """
        pairs = self._duplicates
        kept, size = np.unique(pairs.right, return_counts=True)
        groups = []
        for place in np.lexsort((kept, -size))[:n].tolist():
            own = pairs.right == kept[place]
            rows, values = pairs.left[own], pairs.similarity[own]
            order = np.argsort(values, kind="stable")
            texts = dict.fromkeys(self._texts[row] for row in rows[order].tolist())
            row = int(kept[place])
            texts.pop(self._texts[row], None)
            least = float(np.nanmin(values)) if not np.isnan(values).all() else float("nan")
            groups.append(
                DuplicateGroup(
                    int(size[place]) + 1, row, self._texts[row], least, [*texts][:n_texts]
                )
            )
        return groups

    def borderline(self, n: int = 5) -> list[BorderlinePair]:
        """Return the pairs of texts nearest to the threshold, on both sides.

        Parameters
        ----------
        n : int, default=5
            Most pairs on a side.

        Returns
        -------
        pairs : list of BorderlinePair
            The most similar ones first; ``pandas.DataFrame(pairs)`` makes a frame of it. Those
            below the threshold come from stored pairs where `floor` is low enough, else from the
            neighbours of a sample of 2,000 texts (of all, where there are up to 20,000).
        """
        limit = np.float32(self.threshold)
        return [
            BorderlinePair(
                value,
                bool(np.float32(value) >= limit),
                left,
                right,
                self._texts[left],
                self._texts[right],
            )
            for left, right, value in self._around(n)[0]
        ]

    def to_frame(self) -> Any:
        """Return a data frame of pandas with a row for each dropped text, and why it went.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each dropped text.
        """
        frame = self._duplicates.to_frame()
        frame.columns = ["row", "kept_row", "similarity", "kind"]
        for name, rows in (("text", self._duplicates.left), ("kept_text", self._duplicates.right)):
            frame[name] = [self._texts[row] for row in rows.tolist()]
        return frame

    def to_html(self) -> str:
        """Return an HTML fragment with its own style and without scripts.

        Returns
        -------
        html : str
            The report.
        """
        return render(self)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        lines = [f"{self.n_rows:,} rows, {self.n_kept:,} kept, {len(self._duplicates):,} dropped"]
        lines += [f"  {kind:9}{count:12,}" for kind, count in self.n_dropped.items() if count]
        lines += [self.completeness] if self._cells is not None else []
        groups = self.largest_groups()
        if groups:
            lines += ["", "largest groups"]
            lines += [f"  {one.size:6,}  {_short(one.kept_text)}" for one in groups]
        pairs = self.borderline()
        if pairs:
            lines += ["", f"pairs around the threshold {self.threshold:g}"]
        for pair in pairs:
            sign = "same" if pair.is_duplicate else "not "
            lines.append(f"  {sign} {pair.similarity:.3f}  {_short(pair.left_text)}")
            lines.append(f"{'':14}{_short(pair.right_text)}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        kinds = [f"{count:,} {kind}" for kind, count in self.n_dropped.items() if count]
        return (
            f"<DeduplicationReport: {self.n_rows:,} rows, {self.n_kept:,} kept; dropped:"
            f" {', '.join(kinds) or 'none'}; print() shows groups and pairs>"
        )


def _short(text: str, width: int = 64) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def nearest_to_threshold(
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    value: npt.NDArray[np.float32],
    threshold: float,
    n: int,
) -> list[tuple[int, int, float]]:
    """Return up to `n` pairs on each side of a threshold, the most similar ones first."""
    above = value >= np.float32(threshold)
    order = np.lexsort((right, left, value))
    chosen = [*order[~above[order]][-n:], *order[above[order]][:n]] if n else []
    return [(int(left[i]), int(right[i]), float(value[i])) for i in reversed(chosen)]
