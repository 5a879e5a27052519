"""The one warning of a call, about texts that lost something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import numpy.typing as npt

from skm2v._pooling.columns import name_rows
from skm2v._warnings import warn_user
from skm2v.exceptions import TextWarning

__all__ = ["collected_losses", "warn_of_counts", "warn_of_losses"]

_NO_TEXTS = np.zeros(0, dtype=bool)
_collected: ContextVar[Counter[str] | None] = ContextVar("collected", default=None)


@contextmanager
def collected_losses() -> Iterator[Counter[str]]:
    """Count the losses of calls by kind instead of warning of them, as who makes many calls wants.

    It holds for this thread, or task of asyncio.
    """
    losses = Counter[str]()
    token = _collected.set(losses)
    try:
        yield losses
    finally:
        _collected.reset(token)


def _any(flags: npt.NDArray[np.bool_]) -> bool:
    return b"\1" in flags.tobytes()  # np.any takes longer to start than most batches


def warn_of_losses(
    empty: npt.NDArray[np.bool_],
    truncated: npt.NDArray[np.bool_],
    foreign: npt.NDArray[np.bool_] = _NO_TEXTS,
    *,
    consequence: str = "got a zero vector",
) -> None:
    """Count empty, truncated and foreign texts in one warning, if there are any.

    Parameters
    ----------
    empty, truncated, foreign : ndarray of bool of shape (n_texts,)
        As in :class:`Pooled`.
    consequence : str
        What texts without a known token come to.
    """
    if not _any(empty) and not _any(truncated) and not _any(foreign):
        return
    rows = {
        "No known token": np.flatnonzero(empty),
        "Cut": np.flatnonzero(truncated),
        "Foreign": np.flatnonzero(foreign),
    }
    named = [
        f"{what}: {name_rows(which.tolist(), 0)}" for what, which in rows.items() if len(which)
    ]
    warn_of_counts(
        len(empty),
        int(np.count_nonzero(empty)),
        int(np.count_nonzero(truncated)),
        int(np.count_nonzero(foreign)),
        consequence=consequence,
        rows=f" {'. '.join(named)}.",
    )


def warn_of_counts(
    n_texts: int,
    n_empty: int,
    n_truncated: int,
    n_foreign: int = 0,
    *,
    consequence: str = "got a zero vector",
    rows: str = "",
) -> None:
    """Do what :func:`warn_of_losses` does, with texts that were counted already."""
    if (collected := _collected.get()) is not None:
        collected.update(empty=n_empty, truncated=n_truncated, foreign=n_foreign)
        return
    losses = []
    if n_empty:
        losses.append(f"{n_empty} without a known token {consequence}")
    if n_truncated:
        losses.append(f"{n_truncated} were cut at max_length (None keeps all tokens)")
    if n_foreign:
        losses.append(
            f"{n_foreign} ({n_foreign / n_texts:.0%}) seem to be in a language that the model does"
            " not know (most of their pieces are unknown or single letters)"
        )
    if losses:
        warn_user(f"Of {n_texts} texts, {' and '.join(losses)}.", TextWarning, rows)
