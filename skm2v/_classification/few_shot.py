"""Few texts: their features in as many dimensions as there are texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import cholesky, solve_triangular

__all__ = ["Compact"]

# Added to the squared norms, relative to the largest: texts may be equal, or empty.
JITTER = 1e-8

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
        gram = (features @ features.T).toarray()
        gram[np.diag_indices_from(gram)] += JITTER * max(1.0, float(gram.max()))
        self._triangle: Floats = cholesky(gram, lower=True)
        self.rows: Floats = np.column_stack([self._triangle, np.ones(len(gram))])

    def expand(self, coef: Floats) -> tuple[Floats, Floats]:
        """Coefficients of the features and the intercept, from coefficients of `rows`.

        Parameters
        ----------
        coef : ndarray of float64 of shape (n_texts + 1, n_outputs)

        Returns
        -------
        coef : ndarray of float64 of shape (n_features, n_outputs)
        intercept : ndarray of float64 of shape (n_outputs,)
        """
        of_texts = solve_triangular(self._triangle, coef[:-1], lower=True, trans="T")
        return np.asarray(self._features.T @ of_texts), coef[-1]
