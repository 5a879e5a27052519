"""Find texts that say the same: in one table, between two, or as pairs of vectors."""

from __future__ import annotations

from skm2v._pairs import Pairs, pairs_above

__all__ = ["Pairs", "pairs_above"]
