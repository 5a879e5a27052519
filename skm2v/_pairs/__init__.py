"""Exact search for similar vectors: all pairs above a cosine, nearest neighbours."""

from __future__ import annotations

from skm2v._pairs.partition import MostPairs, Recall, most_pairs_above
from skm2v._pairs.searching import Neighbors, NeighborSearch, Pairs, pairs_above

__all__ = [
    "MostPairs",
    "NeighborSearch",
    "Neighbors",
    "Pairs",
    "Recall",
    "most_pairs_above",
    "pairs_above",
]
