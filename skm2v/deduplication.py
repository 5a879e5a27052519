"""Find texts that say the same: in one table, between two, or as pairs of vectors."""

from __future__ import annotations

from skm2v._dedup.calibration import ThresholdCalibration, calibrate_threshold
from skm2v._dedup.leakage import Leakage, find_leakage
from skm2v._dedup.pair_scorer import PairScorer
from skm2v._dedup.pairs import DuplicatePairs
from skm2v._dedup.report import BorderlinePair, DeduplicationReport, DuplicateGroup
from skm2v._pairs import MostPairs, Pairs, Recall, most_pairs_above, pairs_above

__all__ = [
    "BorderlinePair",
    "DeduplicationReport",
    "DuplicateGroup",
    "DuplicatePairs",
    "Leakage",
    "MostPairs",
    "PairScorer",
    "Pairs",
    "Recall",
    "ThresholdCalibration",
    "calibrate_threshold",
    "find_leakage",
    "most_pairs_above",
    "pairs_above",
]
