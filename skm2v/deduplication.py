"""Find texts that say the same: in one table, between two, or as pairs of vectors."""

from __future__ import annotations

from skm2v._dedup.calibration import ThresholdCalibration, calibrate_threshold
from skm2v._dedup.leakage import Leakage, find_leakage
from skm2v._dedup.pair_scorer import PairScorer
from skm2v._dedup.pairs import DuplicatePairs
from skm2v._dedup.report import BorderlinePair, DeduplicationReport, DuplicateGroup
from skm2v._pairs import Pairs, pairs_above

__all__ = [
    "BorderlinePair",
    "DeduplicationReport",
    "DuplicateGroup",
    "DuplicatePairs",
    "Leakage",
    "PairScorer",
    "Pairs",
    "ThresholdCalibration",
    "calibrate_threshold",
    "find_leakage",
    "pairs_above",
]
