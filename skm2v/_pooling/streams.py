"""Vectors of more texts than fit into memory, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._pooling.losses import warn_of_counts
from skm2v._pooling.pooler import Pooled, TextPooler
from skm2v._pooling.texts import TextColumn

__all__ = ["check_batch_size", "pool_batches"]

_INTEGERS = (int, np.integer)


def check_batch_size(batch_size: Any) -> None:
    """Raise ``ValueError`` unless it is a positive integer."""
    if not isinstance(batch_size, _INTEGERS) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer; got {batch_size!r}.")


def pool_batches(
    pooler: TextPooler,
    batches: Iterator[TextColumn],
    *,
    max_length: int | None,
    normalize: bool,
    n_jobs: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> Iterator[npt.NDArray[np.float32]]:
    """Embed batches of texts one after the other.

    Parameters
    ----------
    pooler : TextPooler
    batches : iterator of TextColumn
        As returned by :func:`skm2v._pooling.iter_texts`. The next batch is read when its vectors
        are asked for.
    max_length, normalize, n_jobs
        As for :meth:`TextPooler.pool`.
    progress : callable or None, default=None
        Called with the number of texts that were just finished, and with 0 after the last.

    Returns
    -------
    vectors : iterator of ndarray of float32 of shape (n_texts, d)
        Missing texts have zeros.

    Raises
    ------
    ValueError
        At once, if a setting is out of its bounds.

    Warns
    -----
    TextWarning
        When the batches have come to their end: once, for all of them.
    """

    def pool(texts: Any) -> Pooled:
        return pooler.pool(
            texts, max_length=max_length, normalize=normalize, n_jobs=n_jobs, progress=progress
        )

    pool([])  # looks at the settings

    def embed() -> Iterator[npt.NDArray[np.float32]]:
        n_texts = n_empty = n_truncated = n_foreign = 0
        for column in batches:
            vectors, empty, truncated, foreign, _ = pool(column.texts)
            if column.missing.size:
                vectors[column.missing] = 0.0
                empty[column.missing] = False  # as asked for: no reason to warn
            n_texts += len(vectors)
            n_empty += int(np.count_nonzero(empty))
            n_truncated += int(np.count_nonzero(truncated))
            n_foreign += int(np.count_nonzero(foreign))
            yield vectors
        if progress is not None:
            progress(0)
        warn_of_counts(n_texts, n_empty, n_truncated, n_foreign)

    return embed()
