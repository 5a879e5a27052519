"""P10 and P11: threads that share one object, and what a call may not change around it."""

from __future__ import annotations

import os
import random
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np


def run_in_threads(work: Callable[[int], None], n_threads: int = 8) -> None:
    """Call ``work(0)``, ``work(1)``, ... at the same time, changing threads as often as can be.

    The first error of a thread is raised here, when all have ended.
    """
    barrier = threading.Barrier(n_threads)
    errors: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=run, args=(number,)) for number in range(n_threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[0]


def surroundings() -> dict[str, Any]:
    """Return what a call may not change in its process."""
    return {
        "environment": dict(os.environ),
        "random state": random.getstate(),
        "random state of NumPy": joblib.hash(np.random.get_state()),
        "error state of NumPy": np.geterr(),
        "filters of warnings": list(warnings.filters),
        "directory": os.getcwd(),
    }
