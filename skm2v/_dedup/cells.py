"""What a comparison in cells found and missed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skm2v._pairs.partition import Partition

__all__ = ["InCells"]


@dataclass(frozen=True)
class InCells:
    """What a partition did; of several, that which found the least.

    Attributes
    ----------
    n_cells, n_probes : int
    recall, low, high : float
        Share of the links that were found, as measured, and its interval.
    n_rows, n_pairs : int
        Texts whose links were all looked for, and how many there are.
    """

    n_cells: int
    n_probes: int
    recall: float
    low: float
    high: float
    n_rows: int
    n_pairs: int

    @classmethod
    def of(cls, partitions: Collection[Partition]) -> InCells | None:
        """Describe that which found the least; one without pairs counts as if it found all."""
        if not partitions:
            return None
        worst = min(partitions, key=lambda one: np.nan_to_num(one.recall.value, nan=2.0))
        return cls(worst.n_cells, worst.n_probes, *worst.recall)
