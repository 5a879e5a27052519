"""Few texts: their features in as many dimensions as there are texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular

__all__ = ["Compact", "regression"]

# Added to the squared norms, relative to the largest: texts may be equal, or empty.
JITTER = 1e-8
MAX_ITERATIONS = 300
# Of the solver's gradient: enough to rank candidates and to calibrate them.
SEARCH_TOLERANCE = 3e-4

Floats = npt.NDArray[np.float64]


class Compact:
    """Features of few texts, turned to as many dimensions as there are texts, and a constant.

    Inner products stay the same, so a model with a squared penalty does too, and is fitted in a
    fraction of the time. The constant makes an intercept that is penalised as a coefficient is:
    with few texts it says more about their lengths than about how frequent the classes are.

    Parameters
    ----------
    features : sparse array of float64 of shape (n_texts, n_features)

    Attributes
    ----------
    rows : ndarray of float64 of shape (n_texts, n_texts + 1)
        The texts in the new dimensions, the last of which is the constant.
    """

    def __init__(self, features: Any) -> None:
        self._features = features
        gram = _gram(features)
        gram[np.diag_indices_from(gram)] += JITTER * max(1.0, float(gram.max()))
        self._triangle: Floats = cholesky(gram, lower=True)
        self.rows: Floats = np.column_stack([self._triangle, np.ones(len(gram))])

    def expand(self, coef: Floats) -> tuple[Floats, Floats]:
        """Coefficients of the features and the intercept, from coefficients of `rows`.

        Parameters
        ----------
        coef : ndarray of float of shape (n_texts + 1, n_outputs)

        Returns
        -------
        coef : ndarray of float64 of shape (n_features, n_outputs)
        intercept : ndarray of float64 of shape (n_outputs,)
        """
        coef = coef.astype(np.float64)
        of_texts = solve_triangular(self._triangle, coef[:-1], lower=True, trans="T")
        return np.asarray(self._features.T @ of_texts), coef[-1]


def regression(*, search: bool = False) -> Any:
    """Logistic regression of the rows of :class:`Compact`, which hold their own constant.

    Parameters
    ----------
    search : bool, default=False
        Whether it is fitted to candidates for `C` one after the other, each from the solution of
        the one before, and roughly.
    """
    from sklearn.linear_model import LogisticRegression

    settings = {"tol": SEARCH_TOLERANCE, "warm_start": True} if search else {}
    return LogisticRegression(fit_intercept=False, max_iter=MAX_ITERATIONS, **settings)


def _gram(features: Any) -> Floats:
    """Inner products of the rows of a CSR array, of which some columns are full."""
    counts = np.bincount(features.indices, minlength=features.shape[1])
    full = counts > features.shape[0] / 2
    dense = features[:, np.flatnonzero(full)].toarray()
    rest = features[:, np.flatnonzero(~full)]
    return np.asarray(dense @ dense.T + (rest @ rest.T).toarray())
