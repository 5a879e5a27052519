"""How far a row is from the rest of its group."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._clustering.groups import cosines_to, group_rows, of_length_one
from skm2v._clustering.order import scattered

__all__ = ["outlier_scores"]

ROWS = 8192


def outlier_scores(vectors: Any, labels: Any) -> npt.NDArray[np.float64]:
    """Say for each row how little it belongs to its group.

    A number for each row, and no group for what belongs nowhere: whoever wants one says how large
    it shall be, ``np.argsort(-scores)[:100]`` or ``scores > 0.8``.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
        Vectors of the rows.
    labels : array-like of shape (n,)
        Groups. The integer -1 means no group.

    Returns
    -------
    scores : ndarray of float64 of shape (n,)
        1 minus the cosine of a row to the centre of the other rows of its group: 0 is in the
        middle, 1 has nothing in common with them. The only row of a group, and rows without one,
        are compared with the nearest other centre. A zero vector has 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.clustering import outlier_scores
    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.0, 1.0]])
    >>> outlier_scores(vectors, [0, 0, 0, 1, 1]).round(2)
    array([0.11, 0.11, 0.4 , 0.  , 0.  ])
    """
    groups = group_rows(vectors, labels)
    scores = np.ones(len(groups.order))
    alone = (groups.codes < 0) | (groups.sizes[groups.codes] == 1)
    for start in range(0, len(scores), ROWS):
        rows = np.arange(start, min(start + ROWS, len(scores)))
        inside, outside = rows[~alone[rows]], rows[alone[rows]]
        own = groups.vectors[inside].astype(np.float64)
        others = of_length_one(groups.sums[groups.codes[inside]] - own)
        scores[inside] = 1 - (own * others).sum(axis=1)
        if len(outside):
            cosines = cosines_to(groups.centers, groups.vectors[outside]).astype(np.float64)
            member = np.flatnonzero(groups.codes[outside] >= 0)
            cosines[member, groups.codes[outside][member]] = -np.inf
            nearest = cosines.max(axis=1)
            scores[outside] = np.where(np.isfinite(nearest), 1 - nearest, 1.0)
    scores[~groups.vectors.any(axis=1)] = 1
    return scattered(np.clip(scores, 0, 2), groups.order)
