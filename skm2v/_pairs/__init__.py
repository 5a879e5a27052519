"""Exact search for similar vectors: all pairs above a cosine, nearest neighbours."""

from __future__ import annotations

from skm2v._pairs.searching import Neighbors, NeighborSearch, Pairs, pairs_above

__all__ = ["NeighborSearch", "Neighbors", "Pairs", "pairs_above"]
