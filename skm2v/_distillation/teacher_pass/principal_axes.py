"""Principal component analysis of a token table."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import cpu_count
from threadpoolctl import threadpool_limits

from skm2v._pooling.threads import submit

__all__ = ["PrincipalAxes", "number_of_components", "rotate"]

_BLOCK = 4096  # rows of a thread that are in float64 at a time
_MOST_THREADS = 8  # each needs memory for a block


@dataclass(frozen=True)
class PrincipalAxes:
    """All principal axes of a table.

    Attributes
    ----------
    mean : ndarray of float64 of shape (d,)
    components : ndarray of float64 of shape (m, d)
        Axes, of decreasing variance; m = min(d, rows - 1).
    explained_variance_ratio : ndarray of float64 of shape (m,)
    """

    mean: npt.NDArray[np.float64]
    components: npt.NDArray[np.float64]
    explained_variance_ratio: npt.NDArray[np.float64]


def rotate(rows: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], PrincipalAxes]:
    """Rotate a table onto its principal axes.

    The same as scikit-learn's ``PCA(svd_solver="covariance_eigh")`` in float64, which float32
    tables need: there, the result is 1e-3 off. Blocks of rows are converted when their turn comes,
    so that no copy of the table in float64 is ever made. Of the two possible signs of an axis the
    one is taken that makes the largest score positive.

    Parameters
    ----------
    rows : ndarray of shape (n, d)

    Returns
    -------
    scores : ndarray of float32 of shape (n, m)
    axes : PrincipalAxes
    """
    # Threads of the linear algebra library change the last bit of its sums: each block gets one
    # thread, and the blocks' sums are added up in their order. Libraries on OpenMP ask every thread
    # anew how many it may use.
    n_threads = min(cpu_count(), _MOST_THREADS)
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(n_threads, initializer=threadpool_limits, initargs=(1, "blas")) as pool,
    ):
        return _rotate(rows, pool)


def number_of_components(pca_dims: float | str, axes: PrincipalAxes) -> int:
    """Return how many axes to keep.

    Parameters
    ----------
    pca_dims : int, float or "auto"
        A number of axes, the share of the variance that they keep, or all.
    axes : PrincipalAxes
    """
    n_axes = len(axes.components)
    if isinstance(pca_dims, str):
        return n_axes
    if isinstance(pca_dims, int):
        return min(pca_dims, n_axes)
    shares = np.cumsum(axes.explained_variance_ratio)
    return min(int(np.searchsorted(shares, pca_dims)) + 1, n_axes)


def _largest(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the value of each column that is farthest from zero."""
    low, high = scores.min(axis=0), scores.max(axis=0)
    return np.asarray(np.where(high >= -low, high, low))


def _rotate(
    rows: npt.NDArray[Any], pool: Executor
) -> tuple[npt.NDArray[np.float32], PrincipalAxes]:
    n_rows, width = rows.shape
    mean = rows.mean(axis=0, dtype=np.float64)
    blocks = [slice(start, start + _BLOCK) for start in range(0, n_rows, _BLOCK)]

    def centre(block: slice) -> npt.NDArray[np.float64]:
        centred: npt.NDArray[np.float64] = rows[block].astype(np.float64)
        centred -= mean
        return centred

    def covariance_of(block: slice) -> npt.NDArray[np.float64]:
        centred = centre(block)
        return np.asarray(centred.T @ centred)

    covariance = np.zeros((width, width))
    parts = deque([submit(pool, covariance_of, block) for block in blocks])
    while parts:  # each is forgotten when it was added
        covariance += parts.popleft().result()
    covariance /= max(n_rows - 1, 1)
    variances, vectors = np.linalg.eigh(covariance)
    variances = variances[::-1].clip(min=0)
    kept = max(min(width, n_rows - 1), 1)
    components = np.ascontiguousarray(vectors[:, ::-1][:, :kept].T)
    scores = np.empty((n_rows, kept), dtype=np.float32)

    def project(block: slice) -> None:
        scores[block] = centre(block) @ components.T

    for done in [submit(pool, project, block) for block in blocks]:
        done.result()
    signs = np.where(_largest(scores) < 0, -1, 1)
    scores *= signs.astype(np.float32)
    components *= signs[:, None]
    ratio = variances[:kept] / (variances.sum() or 1)
    return scores, PrincipalAxes(mean, components, ratio)
