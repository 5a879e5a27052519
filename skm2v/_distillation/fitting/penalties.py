"""Which penalties to use, and whether the regression is worth it: decided on held-out texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack

from skm2v._distillation.fitting.corpus import TokenCounts
from skm2v._distillation.fitting.extra_rows import PairCounts
from skm2v._distillation.fitting.regression import (
    AffineMap,
    Moments,
    Rotation,
    align,
    cosines,
    fit_affine,
    solve_ridge,
)
from skm2v._distillation.fitting.weights import sif_weights, token_weights
from skm2v._distillation.stages import Progress, ignore

__all__ = [
    "GAMMAS",
    "N_TRIALS",
    "RHOS",
    "Chosen",
    "TextData",
    "TokenVectors",
    "choose",
    "choose_residual",
    "fit_table",
    "moved_rows",
]

Floats = npt.NDArray[np.float32]

# These, and how much pairs are held back, were chosen by data: see docs/constants.md.
GAMMAS = (1e-3, 1e-2, 1e-1, 1.0)  # penalty of the affine prior
RHOS = (0.3, 1.0, 3.0, 10.0, 30.0)  # penalty of the residual, relative to the noise of a text
N_TRIALS = len(GAMMAS) + len(RHOS) + 1  # solutions of `choose`

PAIR_PENALTY = 3.0  # pairs stay closer to their prior, zero, than tokens to theirs

# Penalties are properties of texts and teacher, not of the number of texts: some thousand texts
# and the leading columns tell them as well as all would.
TRIAL_TEXTS = 20_000
TRIAL_COLUMNS = 64
TRIAL_TOLERANCE = 1e-2
TRIAL_CHOLESKY_LIMIT = 1000  # above, a few iterations are faster than a factorisation


@dataclass(frozen=True)
class TextData:
    """What the regression learns from.

    Attributes
    ----------
    A : csr_array of float32 of shape (n, V + P)
        Mean of tokens, and of pairs, of each text.
    S : ndarray of float32 of shape (n, d_teacher)
        The teacher's vectors of the texts, of norm 1.
    weights : ndarray of float32 of shape (n,)
        Weight of each text: the square root of how often it occurs, times that of its length.
    lengths : ndarray of int64 of shape (n,)
        Number of tokens of each text.
    token_counts : ndarray of float64 of shape (V,)
        How often each token occurs in all texts.
    """

    A: Any
    S: Floats
    weights: Floats
    lengths: npt.NDArray[np.int64]
    token_counts: npt.NDArray[np.float64]

    @classmethod
    def build(
        cls,
        counts: TokenCounts,
        rows: npt.NDArray[np.int64],
        pairs: PairCounts | None,
        S: Floats,
        weights: Floats,
    ) -> TextData:
        """Collect some rows of texts; `S` and `weights` have these rows only."""
        A = counts.means()[rows]
        if pairs is not None:
            lengths = np.maximum(counts.lengths[rows], 1).astype(np.float32)
            A = hstack([A, csr_array(pairs.counts / lengths[:, None])], format="csr")
        # The mean of a longer text says more about the direction that its vector has.
        weights = weights * np.sqrt(np.maximum(counts.lengths[rows], 1)).astype(np.float32)
        total = np.asarray(counts.counts[rows].sum(axis=0), dtype=np.float64).ravel()
        return cls(A.astype(np.float32), S, weights, counts.lengths[rows], total)

    @property
    def n_tokens(self) -> int:
        """Size of the vocabulary, V."""
        return len(self.token_counts)

    def take(self, rows: npt.NDArray[np.int64]) -> TextData:
        """Return some of the texts."""
        return TextData(
            self.A[rows], self.S[rows], self.weights[rows], self.lengths[rows], self.token_counts
        )


@dataclass(frozen=True)
class TokenVectors:
    """The teacher's vectors of tokens.

    Attributes
    ----------
    raw : ndarray of float32 of shape (V, d_teacher)
        Of the model's tokens.
    plain : ndarray of float32 of shape (V_plain, d_teacher)
        Without the words that the texts added: the plain recipe's, the first of the others.
    sif_coefficient : float or None
        Coefficient of the plain recipe's weights.
    """

    raw: Floats
    plain: Floats
    sif_coefficient: float | None = 1e-4


@dataclass(frozen=True)
class Chosen:
    """What the held-out texts say.

    Attributes
    ----------
    gamma, rho : float
        Penalties of the prior and of the residual.
    kept : {"residual", "prior", "tokens"}
        How far to go.
    cosines : dict of str to float
        Mean cosine between a table's and the teacher's vectors of held-out texts: of the plain
        recipe, of the prior and of the result.
    """

    gamma: float
    rho: float
    kept: str
    cosines: dict[str, float]


def choose(
    data: TextData,
    tokens: TokenVectors,
    rotation: Rotation,
    held: npt.NDArray[np.bool_],
    *,
    progress: Progress = ignore,
) -> Chosen:
    """Choose penalties on held-out texts, and compare the result with what it has to beat.

    Parameters
    ----------
    data : TextData
    tokens : TokenVectors
    rotation : Rotation
        From the teacher's space to the model's columns.
    held : ndarray of bool of shape (n,)
        Texts to hold out.
    progress : callable, optional
        Called after each of `N_TRIALS` trials.
    """
    rng = np.random.default_rng(0)
    fitted = rng.permutation(np.flatnonzero(~held))[:TRIAL_TEXTS]
    train, test = data.take(np.sort(fitted)), data.take(np.flatnonzero(held))
    raw = _weighted(tokens.raw, data)
    few = rotation.first(min(TRIAL_COLUMNS, rotation.axes.shape[1]))
    X, X_test = _means(train, raw), _means(test, raw)
    moments = Moments.of_texts(X, train.S, train.weights)

    def trial(gamma: float, rho: float, rotation: Rotation) -> Any:
        """Cosines of held-out texts with the prior and with the residual."""
        affine = moments.affine(gamma)
        Y_test = rotation.apply(test.S)
        prior_test = affine.rotated(X_test, rotation)
        residual = rotation.apply(train.S) - affine.rotated(X, rotation)
        seen, D = moved_rows(train, residual, rho, trial=True)
        progress(1)
        return cosines(prior_test, Y_test), cosines(prior_test + test.A[:, seen] @ D, Y_test)

    def score(gamma: float, rho: float) -> float:
        return float(trial(gamma, rho, few)[1].mean())

    # One after the other: the best rho hardly depends on gamma. Ties go to the stronger penalty.
    rho = 3.0
    gamma = max(reversed(GAMMAS), key=lambda value: score(value, rho))
    rho = max(reversed(RHOS), key=lambda value: score(gamma, value))
    prior, result = trial(gamma, rho, rotation)
    plain = _plain_cosines(train, test, tokens, rotation)
    kept = "residual"
    if not _better(result, prior):
        kept, result = "prior", prior
    if not _better(result, plain):
        kept = "tokens"
    means = {"tokens": plain, "prior": prior, "result": plain if kept == "tokens" else result}
    return Chosen(
        gamma, rho, kept, {name: round(float(values.mean()), 6) for name, values in means.items()}
    )


def fit_table(
    data: TextData,
    tokens: TokenVectors,
    rotation: Rotation,
    chosen: Chosen,
    *,
    progress: Progress = ignore,
) -> tuple[Floats, AffineMap]:
    """Fit the rows of the table on all texts.

    `progress` is called with the number of columns that were just solved.

    Returns
    -------
    E : ndarray of float32 of shape (V + P, k)
        A row for each token, then one for each pair.
    affine : AffineMap
        The prior, in the teacher's space.
    """
    raw = _weighted(tokens.raw, data)
    X = _means(data, raw)
    affine = fit_affine(X, data.S, data.weights, chosen.gamma)
    E = np.zeros((data.A.shape[1], rotation.axes.shape[1]), np.float32)
    # The mean of a constant is that constant: added to every row, the offset reaches every text.
    E[: data.n_tokens] = affine.rotated(raw, rotation)
    if chosen.kept == "residual":
        residual = rotation.apply(data.S)
        residual -= affine.rotated(X, rotation)
        seen, D = moved_rows(data, residual, chosen.rho, progress=progress)
        E[seen] += D
    return E, affine


def choose_residual(
    data: TextData,
    table: Floats,
    held: npt.NDArray[np.bool_],
    *,
    progress: Progress = ignore,
) -> tuple[Chosen, AffineMap]:
    """Choose the penalty with which a finished table moves towards the teacher.

    Parameters
    ----------
    data : TextData
    table : ndarray of float32 of shape (V + P, k)
        Vectors of tokens, then of pairs: the prior.
    held : ndarray of bool of shape (n,)
        Texts to hold out.
    progress : callable, optional
        Called after each trial, one for each of `RHOS` and one more.

    Returns
    -------
    chosen : Chosen
        `kept` is "prior" if the table is as good as it gets.
    teacher : AffineMap
        From the teacher's vectors of all texts to the columns of the table.
    """
    rng = np.random.default_rng(0)
    fitted = rng.permutation(np.flatnonzero(~held))[:TRIAL_TEXTS]
    train, test = data.take(np.sort(fitted)), data.take(np.flatnonzero(held))
    X, X_test = (np.asarray(part.A @ table) for part in (train, test))
    teacher = align(train.S, X, train.weights)
    residual, Y_test = teacher.apply(train.S) - X, teacher.apply(test.S)

    def score(rho: float, n_columns: int | None) -> Floats:
        columns = slice(n_columns)
        seen, D = moved_rows(train, residual[:, columns].copy(), rho, trial=True)
        progress(1)
        return cosines(X_test[:, columns] + test.A[:, seen] @ D, Y_test[:, columns])

    rho = max(reversed(RHOS), key=lambda value: float(score(value, TRIAL_COLUMNS).mean()))
    before, after = cosines(X_test, Y_test), score(rho, None)
    kept = "residual" if _better(after, before) else "prior"
    means = {"before": before, "after": after if kept == "residual" else before}
    chosen = Chosen(
        0.0, rho, kept, {name: round(float(values.mean()), 6) for name, values in means.items()}
    )
    return chosen, align(data.S, np.asarray(data.A @ table), data.weights)


def moved_rows(
    data: TextData,
    residual: Floats,
    rho: float,
    *,
    trial: bool = False,
    progress: Progress = ignore,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Which rows move, and how far, to leave less of a residual; it is overwritten."""
    seen = np.flatnonzero(np.bincount(data.A.indices, minlength=data.A.shape[1]))
    penalty = np.where(seen < data.n_tokens, 1.0, PAIR_PENALTY)
    penalty *= rho * np.median(1 / np.maximum(data.lengths, 1) ** 2)
    root = np.sqrt(data.weights / data.weights.mean())[:, None]
    A = csr_array(data.A[:, seen].multiply(root))
    residual *= root
    if not trial:
        return seen, solve_ridge(A, residual, penalty, progress=progress)
    return seen, solve_ridge(
        A,
        residual,
        penalty,
        tolerance=TRIAL_TOLERANCE,
        cholesky_limit=TRIAL_CHOLESKY_LIMIT,
    )


def _weighted(raw: Floats, data: TextData) -> Floats:
    return np.asarray(raw * token_weights(data.token_counts)[:, None])


def _means(data: TextData, rows: Floats) -> Floats:
    return np.asarray(data.A[:, : data.n_tokens] @ rows)


def _plain_cosines(
    train: TextData, test: TextData, tokens: TokenVectors, rotation: Rotation
) -> Floats:
    """Cosines of the plain recipe, whose own space is first mapped to the teacher's."""
    raw = tokens.plain
    weights = sif_weights(len(raw), tokens.sif_coefficient)
    centred = raw - raw.mean(axis=0)
    rows = np.zeros((train.n_tokens, raw.shape[1]), np.float32)
    # Words that were added are not part of it; their texts lose these tokens.
    rows[: len(raw)] = centred if weights is None else centred * weights[:, None]
    X, X_test = _means(train, rows), _means(test, rows)
    moments = Moments.of_texts(X, train.S, train.weights)
    Y_test = rotation.apply(test.S)
    return max(
        (cosines(moments.affine(gamma).rotated(X_test, rotation), Y_test) for gamma in GAMMAS),
        key=lambda values: float(values.mean()),
    )


def _better(ours: Floats, theirs: Floats) -> bool:
    """Whether ours is larger, by more than chance would make it."""
    gain = ours.astype(np.float64) - theirs
    # Three standard errors: the penalties were chosen on the same texts.
    return bool(gain.mean() > 3 * gain.std() / np.sqrt(len(gain)))
