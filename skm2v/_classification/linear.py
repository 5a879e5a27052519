"""The linear head, its settings chosen by itself.

A support vector machine for each class, or one logistic regression of all classes where texts are
few: there it is better, and costs little.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax
from threadpoolctl import threadpool_limits

from skm2v._classification.few_shot import ROUGH, FewTexts
from skm2v._classification.labels import Labels
from skm2v._progress import Advance, ignore

__all__ = ["Choice", "choose", "fit_linear", "scale_columns", "text_weights"]

N_FOLDS = 3
# Numbers that the solver goes through in one pass of a search, over all outputs: enough to rank the
# candidates, whatever the number and length of the texts.
SEARCH_SIZE = 20_000_000
SMALLEST_SEARCH = 1000
# Passes of the solver over the texts: noisy labels need many for the last digits of an optimum
# that predicts no better.
MAX_PASSES = 60
SEARCH_PASSES = 30
# The weight of the first columns is changed in steps, each of which must make the loss of the texts
# held out smaller by this many standard errors: what is expected to be best is hard to beat.
# Chosen by data: see docs/constants.md.
STEP = 1.6
MAX_STEPS = 4
CLEAR = 2.0

Floats = npt.NDArray[np.float64]


class Choice(NamedTuple):
    """Result of a cross-validation.

    Attributes
    ----------
    C : float
        The inverse regularisation strength with the smallest loss.
    factor : float
        What the first columns of the features are to be multiplied by.
    inverse_temperature : ndarray of float64 of shape (1,), or (n_labels,) for several labels a text
        Factor that makes probabilities of decision values; 1 for a label with too few examples to
        hold some out, by which nothing is chosen either.
    losses : dict of (float, float) to float
        Mean log loss of the held out texts for each C and factor that was tried; empty without
        cross-validation.
    dual : ndarray of shape (n_texts, n_classes) or None
        Of few texts, a model of some of them from which one of all is not far.
    """

    C: float
    factor: float
    inverse_temperature: Floats
    losses: dict[tuple[float, float], float]
    dual: npt.NDArray[Any] | None = None


class _HeldOut(NamedTuple):
    """How well one candidate does on the texts held out."""

    inverse_temperature: Floats
    losses: Floats  # (n_texts,)
    mean: float


def text_weights(labels: Labels, class_weight: Any, sample_weight: Floats | None) -> Floats | None:
    """Weight of each text: that of its class times its own. None if all are 1."""
    weights = sample_weight
    if class_weight is not None and not labels.multilabel:
        if isinstance(class_weight, str):  # "balanced"
            counts = np.bincount(labels.codes, weights=sample_weight, minlength=len(labels.classes))
            of_class = counts.sum() / (len(counts) * np.maximum(counts, 1e-300))
        else:
            of_class = np.array([class_weight.get(label, 1.0) for label in labels.classes.tolist()])
        of_text = of_class[labels.codes]
        weights = of_text if weights is None else weights * of_text
    return weights


def fit_linear(
    features: Any,
    labels: Labels,
    C: float,
    *,
    weights: Floats | None = None,
    class_weight: Any = None,
    max_passes: int = MAX_PASSES,
) -> tuple[Floats, Floats]:
    """Fit support vector machines with squared hinge loss.

    Parameters
    ----------
    features : sparse array of float64 of shape (n_texts, n_features)
    labels : Labels
    C : float
    weights : ndarray of float64 of shape (n_texts,) or None, default=None
    class_weight : dict, "balanced" or None, default=None
        For several labels a text: "balanced", or weights of the labels' examples. Otherwise it is
        part of `weights`.
    max_passes : int
        Limit of the passes of the support vector machine's solver over the texts.

    Returns
    -------
    coef : ndarray of float64 of shape (n_features, n_outputs)
    intercept : ndarray of float64 of shape (n_outputs,)
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    def fit(codes: npt.NDArray[np.int64], of_class: Any) -> tuple[Floats, Floats]:
        machine = LinearSVC(
            C=C, tol=1e-3, max_iter=max_passes, random_state=0, class_weight=of_class
        )
        machine.fit(features, codes, sample_weight=weights)
        return machine.coef_.T, np.broadcast_to(machine.intercept_, len(machine.coef_))

    # Products of small matrices take many times as long where BLAS shares them among threads that
    # other processes keep waiting, and depend on the number of threads.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        if not labels.multilabel:
            return fit(labels.codes, None)
        machines = []
        columns = zip(labels.classes.tolist(), labels.codes.T, labels.constant, strict=True)
        for label, column, constant in columns:
            if constant:
                machines.append(_constant(column, features.shape[1]))
                continue
            of_class = class_weight
            if isinstance(class_weight, dict):
                of_class = {1: class_weight.get(label, 1.0)}
            machines.append(fit(column, of_class))
    coef, intercept = zip(*machines, strict=True)
    return np.concatenate(coef, axis=1), np.concatenate(intercept)


def _constant(column: npt.NDArray[np.int64], n_features: int) -> tuple[Floats, Floats]:
    """Machine that knows no text without (or with) its label: its odds by the rule of succession.

    One more text of either kind makes the probability of the label ``(n + 1) / (n + 2)``.
    """
    log_odds = np.log(len(column) + 1)
    return np.zeros((n_features, 1)), np.array([log_odds if column[0] else -log_odds])


def choose(
    features: Any,
    labels: Labels,
    candidates: Sequence[float],
    n_weighted: int = 0,
    *,
    weights: Floats | None = None,
    class_weight: Any = None,
    few: FewTexts | None = None,
    one_fold: bool = False,
    advance: Advance = ignore,
) -> Choice:
    """Cross-validate candidates for `C` and a weight, and calibrate the winner's decisions.

    Parameters
    ----------
    features : array of float64 of shape (n_texts, n_features)
    labels : Labels
    candidates : sequence of float
        The first one is the choice where there are too few texts to tell.
    n_weighted : int, default=0
        Number of columns, the first ones, whose weight is to be chosen as well; with 0 it stays.
    weights, class_weight
        As for :func:`fit_linear`; no weight may be 0, as such texts could be all of a fold's.
    few : FewTexts or None, default=None
        Few texts, of which logistic regressions are fitted in place of support vector machines for
        each class. Not for several labels a text, nor with a weight of columns to be chosen.
    one_fold : bool, default=False
        Hold out the texts of the first fold only, at a third of the cost.
    advance : callable, default=ignore
        Called with 1 after each fit.

    Returns
    -------
    choice : Choice
    """
    n_outputs = labels.targets.shape[1]
    per_text = getattr(features, "nnz", features.size) / max(len(labels.codes), 1) + 1
    sample = _sample(labels, int(SEARCH_SIZE / (n_outputs * per_text)))
    if sample is not None and few is None:
        features, labels = features[sample], labels.take(sample)
        weights = None if weights is None else weights[sample]
    folds = _folds(labels)
    inverse_temperature = np.ones(n_outputs if labels.multilabel else 1)
    calibrated = np.ones(len(inverse_temperature), dtype=bool)
    if labels.multilabel and folds is not None:
        calibrated = _learnable(labels.targets, folds)
        labels = Labels(labels.classes[calibrated], labels.codes[:, calibrated])
        n_outputs = len(labels.classes)
    if folds is None or not calibrated.any():
        return Choice(candidates[0], 1.0, inverse_temperature, {})
    if one_fold:
        folds[folds > 0] = -1
    held_out = np.flatnonzero(folds >= 0)
    of_held_out = labels.take(held_out)
    importance = np.ones(len(folds)) if weights is None else weights
    n_folds = 1 if one_fold else N_FOLDS
    duals: list[Any] = [None] * n_folds
    first_duals = {}
    if few is not None:
        few = few.in_single_precision()

    def try_out(C: float, factor: float) -> _HeldOut:
        scaled = scale_columns(features, n_weighted, factor)
        values = np.zeros((len(folds), n_outputs))
        for fold in range(n_folds):
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            if few is not None:
                settings: dict[str, Any] = {"weights": weights, "rows": train, "tolerance": ROUGH}
                start = duals[fold]  # the solution for the candidate before
                duals[fold] = few.fit(labels.codes, n_outputs, C, start=start, **settings)
                values[test] = few.decide(duals[fold], test)
            else:
                coef, intercept = fit_linear(
                    scaled[train],
                    labels.take(train),
                    C,
                    weights=None if weights is None else weights[train],
                    class_weight=class_weight,
                    max_passes=SEARCH_PASSES,
                )
                values[test] = scaled[test] @ coef + intercept
            advance(1)
        first_duals[C] = duals[0]
        return _calibrate(values[held_out], of_held_out, importance[held_out])

    tried = {(C, 1.0): try_out(C, 1.0) for C in candidates}
    C, factor = min(tried, key=lambda candidate: tried[candidate].mean)
    first = tried[candidates[0], 1.0]
    if few is not None and not _clearly_less(
        tried[C, factor].losses, first.losses, importance[held_out]
    ):
        C = candidates[0]
    for step in (STEP, 1 / STEP) if n_weighted else ():
        for _ in range(MAX_STEPS):
            result = tried[C, factor * step] = try_out(C, factor * step)
            if not _clearly_less(result.losses, tried[C, factor].losses, importance[held_out]):
                break
            factor *= step
        if factor != 1:
            break
    losses = {candidate: result.mean for candidate, result in tried.items()}
    inverse_temperature[calibrated] = tried[C, factor].inverse_temperature
    return Choice(C, factor, inverse_temperature, losses, first_duals[C])


def scale_columns(features: Any, n_columns: int, factor: float) -> Any:
    """Multiply the first columns of a CSR array by a factor."""
    if factor == 1 or not n_columns:
        return features
    data = np.where(features.indices < n_columns, features.data * factor, features.data)
    return type(features)((data, features.indices, features.indptr), shape=features.shape)


def _clearly_less(losses: Floats, others: Floats, importance: Floats) -> bool:
    """Whether losses of texts are less than others of the same texts, beyond doubt."""
    differences = others - losses
    gain = np.average(differences, weights=importance)
    variance = np.average((differences - gain) ** 2, weights=importance)
    n_effective = importance.sum() ** 2 / (importance**2).sum()
    return bool(gain > CLEAR * np.sqrt(variance / n_effective))


def _sample(labels: Labels, size: int) -> npt.NDArray[np.int64] | None:
    """Rows of a stratified sample, at least one of each class; None means all of them."""
    n = len(labels.codes)
    size = max(size, SMALLEST_SEARCH, 0 if labels.multilabel else len(labels.classes))
    if n <= size:
        return None
    order = np.random.default_rng(0).permutation(n)
    if labels.multilabel:
        return np.sort(order[:size])
    # Interleave the classes: the j-th of m texts of a class comes at j / m, the first one at 0.
    codes = labels.codes[order]
    by_class = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    starts = np.cumsum(counts) - counts
    position = np.empty(n)
    position[by_class] = (np.arange(n) - starts[codes[by_class]] + 0.5) / counts[codes[by_class]]
    position[by_class[starts]] = 0
    return np.sort(order[np.argsort(position, kind="stable")[:size]])


def _folds(labels: Labels) -> npt.NDArray[np.int64] | None:
    """Fold of each text, stratified; -1 where a text is always in the training part.

    None if some fold would be empty.
    """
    order = np.random.default_rng(0).permutation(len(labels.codes))
    folds = np.empty(len(order), dtype=np.int64)
    if labels.multilabel:
        folds[order] = _spread(labels.targets[order])
        return folds if len(order) >= N_FOLDS else None
    start = 0
    for code in range(len(labels.classes)):
        members = order[labels.codes[order] == code]
        if len(members) < 2:
            folds[members] = -1
        else:
            folds[members] = (start + np.arange(len(members))) % N_FOLDS
            start += len(members)
    if min(np.count_nonzero(folds == fold) for fold in range(N_FOLDS)) == 0:
        return None
    return folds


def _spread(targets: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Fold of each text such that each label's examples, or counterexamples if fewer, are spread.

    Rare labels come first: those of common ones can make up for where they went.
    """
    n = len(targets)
    folds = np.full(n, -1)
    rarer = np.where(targets.mean(axis=0) > 0.5, ~targets, targets)
    by_rarity = np.argsort(rarer.sum(axis=0), kind="stable")
    for members in (*rarer.T[by_rarity], np.ones(n, dtype=bool)):  # at last, what is left
        totals, counts = (
            np.bincount(folds[rows & (folds >= 0)], minlength=N_FOLDS)
            for rows in (np.ones(n, dtype=bool), members)
        )
        rest = np.flatnonzero(members & (folds < 0))
        # Every one goes where the fewest are, and of such folds to the smallest one.
        places = counts[:, np.newaxis] + np.arange(len(rest))
        ranks = np.lexsort((np.repeat(totals, len(rest)), places.ravel()))
        folds[rest] = ranks[: len(rest)] // max(len(rest), 1)
    return folds


def _learnable(
    targets: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Whether each label has examples and counterexamples outside of every fold."""
    learnable = np.ones(targets.shape[1], dtype=bool)
    for fold in range(N_FOLDS):
        train = targets[folds != fold]
        learnable &= train.any(axis=0) & ~train.all(axis=0)
    return learnable


def _calibrate(values: Floats, labels: Labels, importance: Floats) -> _HeldOut:
    """Inverse temperatures with the smallest log loss, and the losses with them."""
    targets = labels.targets
    if values.shape[1] > 1 and not labels.multilabel:
        choices = [(values, targets)]
    else:  # a choice between no, of value 0, and yes
        choices = [
            (np.stack([np.zeros_like(value), value], axis=1), np.stack([~yes, yes], axis=1))
            for value, yes in zip(values.T, targets.T, strict=True)
        ]
    results = [_fit_scale(*choice, importance) for choice in choices]
    scales, losses = zip(*results, strict=True)
    each = np.mean(losses, axis=0)
    return _HeldOut(np.array(scales), each, float(np.average(each, weights=importance)))


def _fit_scale(
    values: Floats, targets: npt.NDArray[np.bool_], importance: Floats
) -> tuple[float, Floats]:
    """Scale of values with the smallest log loss of softmax, and the loss of each text.

    A target is less than certain by what one more text of its class could change, as in Platt's
    scaling. Otherwise a handful of texts that are all decided rightly would make probabilities of 0
    and 1.
    """
    from scipy.optimize import minimize_scalar

    n_others = targets.shape[1] - 1
    doubt = 1 / (targets.sum(axis=0)[targets.argmax(axis=1)] + 2)

    def losses(scale: float) -> tuple[Floats, Floats]:
        """Log loss of the targets, and mean of that of the other classes."""
        each = -log_softmax(scale * values, axis=1)
        right = each[targets]
        return right, (each.sum(axis=1) - right) / n_others

    def loss(log_scale: float) -> float:
        right, wrong = losses(np.exp(log_scale))
        return float(np.average((1 - doubt) * right + doubt * wrong, weights=importance))

    scale = float(np.exp(minimize_scalar(loss, bounds=(-3.0, 5.0), method="bounded").x))
    return scale, losses(scale)[0]
