"""How far a number type moves a teacher's vectors: some of them are read in float32, too."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._warnings import warn_user
from skm2v.exceptions import TextWarning

__all__ = ["N_TEXTS", "N_TOKENS", "agreement", "cosines", "sample"]

logger = logging.getLogger("skm2v")

N_TEXTS = 64  # a sixtieth of the pass of 4,000 texts
N_TOKENS = 256

# Of bfloat16 a sound teacher has .9999. What moves further has states that one number in a
# hundred tells no longer apart.
_LEAST_MEAN = 0.999


def sample(n: int, most: int) -> npt.NDArray[np.int64]:
    """Return positions of at most so many of n things, from the first to the last."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def cosines(rows: npt.NDArray[np.float32], exact: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    """Return the cosine of each row with what it is in float32; 1 for two zero rows."""
    lengths = np.linalg.norm(rows, axis=1), np.linalg.norm(exact, axis=1)
    product = np.einsum("ij,ij->i", rows.astype(np.float64), exact.astype(np.float64))
    both = lengths[0].astype(np.float64) * lengths[1]
    same = np.equal(*lengths).astype(np.float64)
    return np.asarray(np.divide(product, both, out=same, where=both > 0))


def agreement(dtype: str, of: str, found: npt.NDArray[Any]) -> Mapping[str, Any]:
    """Describe cosines with float32, for a fit report and the log; warn if they are low.

    Parameters
    ----------
    dtype : str
        What the teacher computed in.
    of : {"tokens", "texts"}
    found : ndarray of shape (n,)

    Warns
    -----
    TextWarning
        If the vectors moved too far to be those of the teacher.
    """
    mean, least = round(float(found.mean()), 6), round(float(found.min()), 6)
    logger.info(
        "distill: %d %s in %s: cosine with float32 %s, at least %s",
        len(found),
        of,
        dtype,
        mean,
        least,
    )
    if mean < _LEAST_MEAN:
        warn_user(
            f"In {dtype} the teacher's vectors of {len(found)} {of} have a mean cosine of"
            f" {mean:.4f} with those in float32. Fix: teacher_dtype='float32'.",
            TextWarning,
        )
    return {f"n_{of}": len(found), f"cosine_of_{of}": {"mean": mean, "least": least}}
