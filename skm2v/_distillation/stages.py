"""The stages of a fit: how long each takes, and a bar while it does."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits

from skm2v._progress import Advance as Progress
from skm2v._progress import ignore, progress

__all__ = ["Progress", "Stages", "ignore", "one_thread"]

logger = logging.getLogger("skm2v")


class Stages:
    """Times the stages of a fit.

    Parameters
    ----------
    show_progress_bar : bool or None, default=None
        Show how far each stage with a known number of steps is, on standard error. None shows it
        where somebody may be watching, see :mod:`skm2v._progress`.

    Attributes
    ----------
    seconds : dict of str to float
        Seconds of each stage so far.
    """

    def __init__(self, show_progress_bar: bool | None = None) -> None:
        self.show_progress_bar = show_progress_bar
        self.seconds: dict[str, float] = {}
        self._start = time.perf_counter()

    @contextmanager
    def __call__(
        self, name: str, total: int | None = None, unit: str = "steps"
    ) -> Iterator[Progress]:
        """Time a stage; gives what to call with the number of finished steps."""
        start = time.perf_counter()
        if total is None:
            yield ignore
        else:
            with progress(name, total, unit, self.show_progress_bar) as advance:
                yield advance
        seconds = time.perf_counter() - start
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        logger.info("distill: %s in %.2f s", name, seconds)

    def measured(self) -> dict[str, Any]:
        """Return the fields of a fit report that differ from one run to the next."""
        seconds = {**self.seconds, "all": time.perf_counter() - self._start}
        return {
            "seconds": {name: round(value, 3) for name, value in seconds.items()},
            "peak_memory_mb": _peak_memory(),
        }


def one_thread() -> Any:
    """Let the linear algebra library use one thread: more of them change the last bit of sums.

    Most of the time goes into sparse products, which use one anyway.
    """
    return threadpool_limits(1, user_api="blas")


def _peak_memory() -> float | None:
    """Largest memory that this process has had, in megabytes; None where it is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
