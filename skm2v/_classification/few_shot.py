"""Few texts: one logistic regression of all classes, found from inner products alone.

Coefficients that minimise a loss with a squared penalty are sums of the texts' features [1]_, so
one number for each text and class takes their place: the dual. Conjugate gradients, in the metric
of the penalty, go from dual to dual with one product of matrices a step: a line search needs the
decisions only, which are linear in the step. A solver for coefficients multiplies twice a step and
once for each trial.

References
----------
.. [1] B. Schölkopf, R. Herbrich, A. J. Smola. A Generalized Representer Theorem. COLT 2001.
   doi:10.1007/3-540-44581-1_27
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

__all__ = ["EXACT", "ROUGH", "FewTexts"]

MAX_STEPS = 300
# Norm of the gradient at the end, relative to that of a model which knows nothing: of a model that
# is kept, and enough to rank candidates and to calibrate them.
EXACT = 3e-4
ROUGH = 3e-3
# Slope at the end of a line search, relative to that at its beginning.
FLAT = 0.1
MAX_TRIALS = 20

Array = npt.NDArray[Any]


class FewTexts:
    """Features of few texts as their inner products, with a constant among the features.

    The constant makes an intercept that is penalised as a coefficient is: with few texts it says
    more about their lengths than about how frequent the classes are.

    Parameters
    ----------
    features : sparse array of float64 of shape (n_texts, n_features)

    Attributes
    ----------
    products : ndarray of float64 or float32 of shape (n_texts, n_texts)
        Inner products of the texts.
    """

    def __init__(self, features: Any) -> None:
        self._features = features
        self.products: Array = _products(features) + 1

    def in_single_precision(self) -> FewTexts:
        """Return the same texts for fits in half the time."""
        other = FewTexts.__new__(FewTexts)
        other._features, other.products = self._features, self.products.astype(np.float32)
        return other

    def fit(
        self,
        codes: npt.NDArray[np.int64],
        n_classes: int,
        C: float,
        *,
        weights: Array | None = None,
        rows: npt.NDArray[np.int64] | None = None,
        start: Array | None = None,
        tolerance: float = EXACT,
    ) -> Array:
        """Fit a logistic regression of all classes.

        Parameters
        ----------
        codes : ndarray of int64 of shape (n_texts,)
            Number of the class of each text.
        n_classes : int
        C : float
            Inverse strength of the regularisation.
        weights : ndarray of float of shape (n_texts,) or None, default=None
            Weights of texts.
        rows : ndarray of int64 of shape (n_rows,) or None, default=None
            The texts to learn from; None means all.
        start : ndarray of shape (n_texts, n_classes) or None, default=None
            Where to begin, such as the dual for another `C`; None means a model that knows nothing.
        tolerance : float, default=3e-4
            See `EXACT`.

        Returns
        -------
        dual : ndarray of shape (n_texts, n_classes)
            Coefficients are the features of texts times this; texts not in `rows` have zeros.
        """
        if rows is None:
            rows = np.arange(len(codes))
        products = self.products if len(rows) == len(codes) else self.products[np.ix_(rows, rows)]
        dual = np.zeros((len(codes), n_classes), dtype=products.dtype)
        # Products of matrices that small take many times as long where BLAS shares them among
        # threads that other processes keep waiting, and depend on the number of threads.
        with threadpool_limits(1, user_api="blas"):
            dual[rows] = _minimise(
                products,
                codes[rows],
                dual[rows] if start is None else start[rows].astype(products.dtype),
                C,
                None if weights is None else weights[rows].astype(products.dtype),
                tolerance,
            )
        return dual

    def decide(self, dual: Array, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Decision values of some texts: (n_rows, n_classes)."""
        with threadpool_limits(1, user_api="blas"):
            return np.asarray(self.products[rows] @ dual, dtype=np.float64)

    def expand(self, dual: Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Coefficients of the features, (n_features, n_classes), and intercepts, (n_classes,)."""
        dual = dual.astype(np.float64)
        return np.asarray(self._features.T @ dual), dual.sum(axis=0)


def _minimise(
    products: Array,
    codes: npt.NDArray[np.int64],
    dual: Array,
    C: float,
    weights: Array | None,
    tolerance: float,
) -> Array:
    """Dual with the smallest sum of log losses and ``trace(dual.T @ products @ dual) / (2 * C)``.

    The gradient of that, in the metric of `products`, is the dual's own shape: errors of the
    probabilities plus ``dual / C``. What ends in `_values` is `products` times what precedes it.
    """
    texts = np.arange(len(codes))
    factors = 1.0 if weights is None else weights[:, np.newaxis]

    def gradient_of(dual: Array, probabilities: Array) -> Array:
        errors = probabilities.copy()
        errors[texts, codes] -= 1
        errors *= factors
        errors += dual / C
        return errors

    nothing = np.zeros_like(dual)
    blind = gradient_of(nothing, np.full_like(dual, 1 / dual.shape[1]))
    blind_values = products @ blind
    bound = tolerance**2 * _dot(blind, blind_values)
    if not dual.any():
        values, gradient, gradient_values = nothing.copy(), blind, blind_values
        probabilities = np.full_like(dual, 1 / dual.shape[1])
    else:
        values = products @ dual
        probabilities = _softmax(values)
        gradient = gradient_of(dual, probabilities)
        gradient_values = products @ gradient
    square = _dot(gradient, gradient_values)
    step, step_values = -gradient, -gradient_values
    for _ in range(MAX_STEPS):
        if square <= bound:
            break
        if _dot(gradient, step_values) >= 0:
            step, step_values = -gradient, -gradient_values
        penalty = _dot(dual, step_values) / C, _dot(step, step_values) / C
        length, probabilities = _search(values, step_values, probabilities, codes, weights, penalty)
        dual = dual + length * step
        values = values + length * step_values
        before, square_before = gradient, square
        gradient = gradient_of(dual, probabilities)
        gradient_values = products @ gradient
        square = _dot(gradient, gradient_values)
        turn = max(0.0, (square - _dot(before, gradient_values)) / square_before)
        step = turn * step - gradient
        step_values = turn * step_values - gradient_values
    return dual


def _search(
    values: Array,
    step_values: Array,
    probabilities: Array,
    codes: npt.NDArray[np.int64],
    weights: Array | None,
    penalty: tuple[float, float],
) -> tuple[float, Array]:
    """Length of a step at which the loss no longer falls, and the probabilities there.

    Newton's method, kept between a length that is too short and one that is too long. `penalty` is
    the slope of the penalty and how fast that grows.
    """
    rising = step_values[np.arange(len(codes)), codes]

    def slope_and_curvature(length: float, probabilities: Array) -> tuple[float, float]:
        moved = probabilities * step_values
        means = moved.sum(axis=1)
        squares = np.einsum("ij,ij->i", moved, step_values)
        slopes, curvatures = means - rising, squares - means**2
        if weights is not None:
            slopes, curvatures = slopes * weights, curvatures * weights
        slope = float(slopes.sum(dtype=np.float64)) + penalty[0] + length * penalty[1]
        return slope, float(curvatures.sum(dtype=np.float64)) + penalty[1]

    first, curvature = slope_and_curvature(0.0, probabilities)
    short, long = 0.0, np.inf
    length = -first / curvature
    for _ in range(MAX_TRIALS):
        probabilities = _softmax(values + length * step_values)
        slope, curvature = slope_and_curvature(length, probabilities)
        if abs(slope) <= FLAT * abs(first):
            break
        if slope < 0:
            short = length
        else:
            long = length
        length -= slope / curvature
        if not short < length < long:
            length = (short + long) / 2 if long < np.inf else 2 * short
    else:
        probabilities = _softmax(values + length * step_values)
    return length, probabilities


def _softmax(values: Array) -> Array:
    powers: Array = np.exp(values - values.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def _dot(one: Array, other: Array) -> float:
    return float(np.vdot(one, other))


def _products(features: Any) -> npt.NDArray[np.float64]:
    """Inner products of the rows of a CSR array, of which some columns are full."""
    counts = np.bincount(features.indices, minlength=features.shape[1])
    full = counts > features.shape[0] / 2
    dense = features[:, np.flatnonzero(full)].toarray()
    rest = features[:, np.flatnonzero(~full)]
    return np.asarray(dense @ dense.T + (rest @ rest.T).toarray())
