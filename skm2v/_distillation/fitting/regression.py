"""The linear algebra of ``objective="sentences"``: an affine prior, and a ridge residual."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, svd
from scipy.sparse import csr_array, diags_array

from skm2v._distillation.stages import Progress, ignore

__all__ = [
    "AffineMap",
    "Moments",
    "Rotation",
    "align",
    "cosines",
    "fit_affine",
    "rotation_of",
    "solve_ridge",
]

logger = logging.getLogger("skm2v")

Floats = npt.NDArray[np.float32]

CHOLESKY_LIMIT = 6000  # unknowns, or texts, of a dense factorisation (of 300 MB in float64)
BLOCK_COLUMNS = 64  # columns that are solved at a time
MAX_ITERATIONS = 100
TOLERANCE = 1e-3
_ALIGN_STEPS = 10


@dataclass(frozen=True)
class AffineMap:
    """x ↦ x @ matrix + offset, from token vectors to the space of text vectors, or back."""

    matrix: Floats
    offset: Floats

    def apply(self, X: Floats) -> Floats:
        """Map rows."""
        return np.asarray(X @ self.matrix + self.offset)

    def rotated(self, X: Floats, rotation: Rotation) -> Floats:
        """Map rows, then rotate them."""
        offset = (self.offset - rotation.mean) @ rotation.axes
        return np.asarray(X @ (self.matrix @ rotation.axes) + offset)


@dataclass(frozen=True)
class Rotation:
    """From the teacher's space to the columns of a model: principal axes of text vectors.

    Attributes
    ----------
    mean : ndarray of float32 of shape (d,)
    axes : ndarray of float32 of shape (d, k)
        Orthonormal columns, of decreasing variance.
    explained_variance_ratio : ndarray of float64 of shape (k,) or None
        None if the axes are not principal ones.
    """

    mean: Floats
    axes: Floats
    explained_variance_ratio: npt.NDArray[np.float64] | None

    def apply(self, S: Floats) -> Floats:
        """Rotate vectors of texts."""
        return np.asarray((S - self.mean) @ self.axes)

    def first(self, dim: int) -> Rotation:
        """Return the rotation to the first `dim` axes."""
        ratio = self.explained_variance_ratio
        axes = np.ascontiguousarray(self.axes[:, :dim])
        return Rotation(self.mean, axes, None if ratio is None else ratio[:dim])


@dataclass(frozen=True)
class Moments:
    """All that an affine map needs to know of texts, whatever its penalty.

    Attributes
    ----------
    mean_x, mean_s : ndarray of float64 of shape (d,) and (d_text,)
    gram : ndarray of float64 of shape (d, d)
    cross : ndarray of float64 of shape (d, d_text)
    """

    mean_x: npt.NDArray[np.float64]
    mean_s: npt.NDArray[np.float64]
    gram: npt.NDArray[np.float64]
    cross: npt.NDArray[np.float64]

    @classmethod
    def of_texts(cls, X: Floats, S: Floats, weights: Floats) -> Moments:
        """Sum up texts; see :func:`fit_affine`."""
        share = weights.astype(np.float64) / weights.sum(dtype=np.float64)
        mean_x, mean_s = share @ X, share @ S
        gram = np.zeros((X.shape[1], X.shape[1]))
        cross = np.zeros((X.shape[1], S.shape[1]))
        for start in range(0, len(X), 8192):  # in float64, without a copy of everything
            rows = slice(start, start + 8192)
            centred = X[rows] - mean_x
            scaled = centred * share[rows, None]
            gram += scaled.T @ centred
            cross += scaled.T @ (S[rows] - mean_s)
        return cls(mean_x, mean_s, gram, cross)

    def affine(self, gamma: float) -> AffineMap:
        """Return the map for a penalty."""
        width, n_targets = self.cross.shape
        trace = np.trace(self.gram)
        if not trace > 0:  # one repeated text, or none that varies
            nothing = np.zeros((width, n_targets), np.float32)
            return AffineMap(nothing, self.mean_s.astype(np.float32))
        penalty = gamma * trace / width
        gram, target = self.gram.copy(), self.cross.copy()
        if width == n_targets:
            target[np.diag_indices(width)] += penalty * np.trace(self.cross) / trace
        gram[np.diag_indices(width)] += penalty
        matrix = cho_solve(cho_factor(gram, lower=True), target)
        offset = self.mean_s - self.mean_x @ matrix
        return AffineMap(matrix.astype(np.float32), offset.astype(np.float32))


def fit_affine(X: Floats, S: Floats, weights: Floats, gamma: float) -> AffineMap:
    """Map means of token vectors to text vectors: weighted ridge towards a scaled identity.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Mean token vector of each text.
    S : ndarray of shape (n, d_text)
        The teacher's vector of each text.
    weights : ndarray of shape (n,)
        Weight of each text.
    gamma : float
        Strength of the penalty, relative to the mean variance of a column of `X`.

    Notes
    -----
    With Xc, Sc centred, the matrix is (XcᵀXc + g I)⁻¹ (XcᵀSc + g s I) with
    g = gamma · trace(XcᵀXc) / d and s = ⟨Xc, Sc⟩ / ⟨Xc, Xc⟩; if the two spaces differ in width,
    it shrinks towards zero instead.
    """
    return Moments.of_texts(X, S, weights).affine(gamma)


def rotation_of(S: Floats, weights: Floats) -> Rotation:
    """Return all principal axes of text vectors; fewer dimensions are a slice.

    Of the two signs of an axis the one is taken that makes its largest entry positive.
    """
    share = weights.astype(np.float64) / weights.sum(dtype=np.float64)
    mean = share @ S
    covariance = np.zeros((S.shape[1], S.shape[1]))
    for start in range(0, len(S), 8192):
        rows = slice(start, start + 8192)
        centred = S[rows] - mean
        covariance += (centred * share[rows, None]).T @ centred
    variances, axes = np.linalg.eigh(covariance)
    variances, axes = variances[::-1].clip(min=0), axes[:, ::-1]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    axes = axes * np.where(largest < 0, -1, 1)
    ratio = variances / (variances.sum() or 1)
    return Rotation(mean.astype(np.float32), np.ascontiguousarray(axes, np.float32), ratio)


def align(S: Floats, X: Floats, weights: Floats) -> AffineMap:
    """Map the teacher's vectors of texts into the space of a table, without bending them.

    Parameters
    ----------
    S : ndarray of shape (n, d)
        The teacher's vectors of the texts.
    X : ndarray of shape (n, k), k <= d
        Means of the table's rows.
    weights : ndarray of shape (n,)

    Notes
    -----
    Orthogonal Procrustes, but that each column may have its own scale: the one that gives the
    mapped vectors the variance that the means have. It is exact where columns are principal axes
    of the teacher's vectors, scaled or not, as those of a fit to sentences are. A regression of X
    on S would map the part of S that the table gets wrong to nothing, and leave nothing to learn.
    """
    share = weights.astype(np.float64) / weights.sum(dtype=np.float64)
    mean_s, mean_x = share @ S, share @ X
    cross = np.zeros((S.shape[1], X.shape[1]))
    covariance = np.zeros((S.shape[1], S.shape[1]))
    variance = np.zeros(X.shape[1])
    for start in range(0, len(S), 8192):
        rows = slice(start, start + 8192)
        s, x = S[rows] - mean_s, X[rows] - mean_x
        scaled = (s * share[rows, None]).T
        cross += scaled @ x
        covariance += scaled @ s
        variance += share[rows] @ x**2
    scale = np.ones(X.shape[1])
    for _ in range(_ALIGN_STEPS):
        left, _, right = svd(cross / scale, full_matrices=False)
        axes = left @ right
        mapped = np.einsum("ij,ij->j", axes, covariance @ axes)
        scale = np.sqrt(variance / np.where(mapped > 0, mapped, 1))
        scale[~(scale > 0)] = 1  # columns that do not vary
    matrix = axes * scale
    return AffineMap(matrix.astype(np.float32), (mean_x - mean_s @ matrix).astype(np.float32))


def solve_ridge(
    A: Any,
    B: Floats,
    penalty: npt.NDArray[np.float64],
    *,
    tolerance: float = TOLERANCE,
    cholesky_limit: int = CHOLESKY_LIMIT,
    progress: Progress = ignore,
) -> Floats:
    """Minimise ‖A D − B‖² + Σ penalty_t ‖D_t‖² over the rows of D.

    Parameters
    ----------
    A : csr_array of float32 of shape (n, v)
    B : ndarray of float32 of shape (n, k)
    penalty : ndarray of float64 of shape (v,), positive
    tolerance : float, default=1e-3
        Relative norm of what the iterations may leave, for each column.
    cholesky_limit : int, default=6000
        Unknowns, or texts, up to which the solution is direct.
    progress : callable, optional
        Called with the number of columns that were just solved.

    Returns
    -------
    D : ndarray of float32 of shape (v, k)

    Notes
    -----
    Small problems are factorised, in whichever of the two dimensions is smaller. Large ones go
    through conjugate gradients with a diagonal preconditioner, some columns at a time; they never
    need more memory than a few times the result.
    """
    # In units of the penalty all unknowns are alike: ‖A' Z − B‖² + ‖Z‖², D = Z / √penalty.
    scale = (1 / np.sqrt(penalty)).astype(np.float32)[:, None]
    scaled = csr_array(A @ diags_array(scale[:, 0]))
    if min(scaled.shape) <= cholesky_limit:
        solution = _factorise(scaled, B)
        progress(B.shape[1])
    else:
        solution = _iterate(scaled, B, tolerance, progress)
    return solution * scale


def _factorise(A: Any, B: Floats) -> Floats:
    """Solve (AᵀA + I) Z = AᵀB, or Z = Aᵀ (AAᵀ + I)⁻¹ B if there are fewer texts than unknowns."""
    dual = A.shape[0] < A.shape[1]
    gram = (A @ A.T if dual else A.T @ A).toarray().astype(np.float64)
    gram[np.diag_indices(len(gram))] += 1
    right = np.asarray(B if dual else A.T @ B, dtype=np.float64)
    solved = cho_solve(cho_factor(gram, lower=True, overwrite_a=True), right).astype(np.float32)
    return np.asarray(A.T @ solved if dual else solved)


def _iterate(A: Any, B: Floats, tolerance: float, progress: Progress) -> Floats:
    """Conjugate gradients for (AᵀA + I) Z = AᵀB, all columns of a block in step."""
    transposed = csr_array(A.T)
    diagonal = 1 + np.bincount(A.indices, A.data.astype(np.float64) ** 2, minlength=A.shape[1])
    precondition = (1 / diagonal).astype(np.float32)[:, None]
    tiny = np.finfo(np.float32).tiny  # a column that is solved has nothing to divide by
    Z = np.zeros((A.shape[1], B.shape[1]), np.float32)
    for start in range(0, B.shape[1], BLOCK_COLUMNS):
        columns = slice(start, start + BLOCK_COLUMNS)
        left = transposed @ np.ascontiguousarray(B[:, columns])
        z = np.zeros_like(left)
        goal = tolerance**2 * _dots(left, left)
        direction = precondition * left
        energy = _dots(left, direction)
        for _ in range(MAX_ITERATIONS):
            if np.all(_dots(left, left) <= goal):
                break
            image = transposed @ (A @ direction) + direction
            step = energy / np.maximum(_dots(direction, image), tiny)
            z += step * direction
            left -= step * image
            preconditioned = precondition * left
            previous, energy = energy, _dots(left, preconditioned)
            direction *= energy / np.maximum(previous, tiny)
            direction += preconditioned
        else:
            logger.info("distill: the regression stopped after %d iterations", MAX_ITERATIONS)
        Z[:, columns] = z
        progress(z.shape[1])
    return Z


def cosines(X: Floats, Y: Floats) -> Floats:
    """Cosines of corresponding rows; that of a zero row is 0."""
    norms = np.linalg.norm(X, axis=1) * np.linalg.norm(Y, axis=1)
    dots = np.einsum("ij,ij->i", X, Y)
    return np.asarray(np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0))


def _dots(X: Floats, Y: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->j", X, Y))
