"""A threshold for one's own data, from pairs that somebody has looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v._dedup.tables import read_texts
from skm2v._features.embedding import embedding_by, fit_embedder
from skm2v._pairs import exact
from skm2v._pairs.vectors import check_vectors

__all__ = ["ThresholdCalibration", "calibrate_threshold", "check_labels"]

OBJECTIVES = ("f1", "precision", "recall")
RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class ThresholdCalibration:
    """A threshold, how certain it is, and what others would do.

    Attributes
    ----------
    threshold : float
    low, high : float
        95 % interval of the threshold, from resampled pairs.
    precision, recall, f1 : float
        What the threshold does on the pairs that it was chosen on.
    thresholds, precisions, recalls : ndarray of float64 of shape (n_thresholds,)
        The curve: each similarity that occurs, the largest first.

    Examples
    --------
    >>> from skm2v.deduplication import calibrate_threshold
    >>> left = ["where is my card", "where is my card", "exchange rates", "cash withdrawal fee"]
    >>> right = ["my card is where", "top up failed", "what rates for exchange", "hello there"]
    >>> calibration = calibrate_threshold(left, right, [True, False, True, False])
    >>> calibration.precision, calibration.recall
    (1.0, 1.0)
    >>> calibration.low <= calibration.threshold <= calibration.high
    True
    """

    threshold: float
    low: float
    high: float
    precision: float
    recall: float
    f1: float
    thresholds: npt.NDArray[np.float64]
    precisions: npt.NDArray[np.float64]
    recalls: npt.NDArray[np.float64]

    def to_frame(self) -> Any:
        """Return the curve as a data frame of pandas.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each threshold.
        """
        import pandas as pd

        return pd.DataFrame(
            {"threshold": self.thresholds, "precision": self.precisions, "recall": self.recalls}
        )

    def __repr__(self) -> str:
        return (
            f"<ThresholdCalibration: {self.threshold:.3f} [{self.low:.3f}, {self.high:.3f}],"
            f" precision {self.precision:.3f}, recall {self.recall:.3f}, F1 {self.f1:.3f}>"
        )


# Not in the class: dataclasses look up their own module while it is still being made.
ThresholdCalibration.__module__ = "skm2v.deduplication"


def calibrate_threshold(
    left: Any,
    right: Any,
    label: npt.ArrayLike,
    *,
    objective: Literal["f1"] | tuple[Literal["precision", "recall"], float] = "f1",
    embedder: Any = None,
    random_state: int = 0,
) -> ThresholdCalibration:
    """Choose the threshold of the cosine from labelled pairs of texts.

    Thresholds do not carry over from one kind of text to another, so some hundred pairs around
    the border are worth labelling.

    Parameters
    ----------
    left, right : column of str
        Texts of the pairs.
    label : array-like of bool of shape (n_pairs,)
        Whether a pair says the same. Both kinds must occur.
    objective : "f1", ("precision", least) or ("recall", least), default="f1"
        The largest F1, or the most pairs found at a least precision, or the highest threshold with
        a least recall.
    embedder : transformer or None, default=None
        As for :class:`~skm2v.Deduplicator`; None means ``StaticEmbedder()``.
    random_state : int, default=0
        Seed of the resampling.

    Returns
    -------
    calibration : ThresholdCalibration
        The threshold, its interval, and the curve.

    Raises
    ------
    ValueError
        If columns differ in length, labels are of one kind, or no threshold reaches the objective.

    Examples
    --------
    >>> from skm2v.deduplication import calibrate_threshold
    >>> left = ["where is my card", "where is my card", "exchange rates", "cash withdrawal fee"]
    >>> right = ["my card is where", "top up failed", "what rates for exchange", "hello there"]
    >>> calibrate_threshold(left, right, [True, False, True, False]).f1
    1.0
    """
    name, least = _check_objective(objective)
    a, _ = read_texts(left, None)
    b, _ = read_texts(right, None)
    same = check_labels(label, len(a), len(b))
    embed = embedding_by(fit_embedder(embedder, [*a, *b]))
    similarity = paired_cosines(embed(a), embed(b)).astype(np.float64)
    # Of equal similarities only the last can be the end of what is at or above a threshold.
    order = np.argsort(-similarity, kind="stable")
    sorted_, hits = similarity[order], same[order]
    ends = np.flatnonzero(np.append(np.diff(sorted_) != 0, True))
    weights = np.ones((1, len(a)))
    curve = _curves(weights, hits, ends)
    best = _choose(*curve, name, least)[0]
    if best < 0:
        reached = curve[0].max() if name == "precision" else curve[1].max()
        raise ValueError(
            f"No threshold has a {name} of {least:g}; the largest is {reached:.3f}. Fix: ask for"
            " less, or train a PairScorer on the pairs."
        )
    draws = np.random.default_rng(random_state).multinomial(
        len(a), np.full(len(a), 1 / len(a)), size=RESAMPLES
    )
    parts = np.array_split(draws, 20)  # a curve for each draw, for some at a time
    chosen = [_choose(*_curves(part, hits, ends), name, least) for part in parts]
    found = np.concatenate(chosen)
    low, high = np.quantile(sorted_[ends][found[found >= 0]], [0.025, 0.975])
    precision, recall = float(curve[0][0, best]), float(curve[1][0, best])
    return ThresholdCalibration(
        float(sorted_[ends][best]),
        float(low),
        float(high),
        precision,
        recall,
        2 * precision * recall / max(precision + recall, 1e-12),
        sorted_[ends],
        curve[0][0],
        curve[1][0],
    )


def paired_cosines(
    left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Cosines of rows of equal number; 0 where one of them is zero."""
    a, b = check_vectors(left), check_vectors(right)
    rows = np.intersect1d(a.rows, b.rows)
    out = np.zeros(len(left), dtype=np.float32)
    out[rows] = exact.cosines(a[:2], rows, b[:2], rows)
    return out


def check_labels(label: npt.ArrayLike, n_left: int, n_right: int) -> npt.NDArray[np.bool_]:
    """Return labels of pairs as bool; both kinds must occur."""
    array = np.asarray(label)
    if array.shape != (n_left,) or n_left != n_right:
        raise ValueError(
            "There must be as many labels as pairs; got"
            f" {n_left} left and {n_right} right texts and labels of shape {array.shape}."
        )
    if not n_left:
        raise ValueError("There are no pairs. Fix: label some, of both kinds.")
    kinds = set(array.tolist())
    if not kinds <= {0, 1}:
        raise ValueError(f"Labels must be True or False, or 1 and 0; got {some(kinds)}.")
    if len(kinds) < 2:
        raise ValueError(
            f"Labels are all {bool(next(iter(kinds)))}; a threshold needs pairs that say the"
            " same and pairs that do not. Fix: label some of the other kind."
        )
    return array.astype(bool)


def _check_objective(objective: Any) -> tuple[str, float]:
    name, least = objective if isinstance(objective, (tuple, list)) else (objective, 0.0)
    known = name in OBJECTIVES and (name == "f1") == isinstance(objective, str)
    if not known or not 0 <= least <= 1:
        raise ValueError(
            'objective must be "f1", ("precision", least) or ("recall", least) with a number up to'
            f" 1; got {objective!r}."
        )
    return str(name), float(least)


def _curves(
    weights: npt.NDArray[Any], hits: npt.NDArray[np.bool_], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Precision and recall at each threshold, for rows of weights of the pairs."""
    found = np.cumsum(weights, axis=1)[:, ends].astype(np.float64)
    right = np.cumsum(weights * hits, axis=1)[:, ends].astype(np.float64)
    total = (weights * hits).sum(axis=1, keepdims=True)
    return right / np.maximum(found, 1), right / np.maximum(total, 1)


def _choose(
    precision: npt.NDArray[np.float64], recall: npt.NDArray[np.float64], name: str, least: float
) -> npt.NDArray[np.int64]:
    """Place of the best threshold in each row; -1 where the objective is out of reach."""
    if name == "f1":
        f1 = precision * recall / np.maximum(precision + recall, 1e-12)
        return np.asarray(np.argmax(f1, axis=1))
    good = (precision if name == "precision" else recall) >= least - 1e-12
    # Of those that are good, the lowest threshold finds most, the highest is most often right.
    place = np.argmax(good, axis=1)
    if name == "precision":
        place = good.shape[1] - 1 - np.argmax(good[:, ::-1], axis=1)
    return np.where(good.any(axis=1), place, -1)
