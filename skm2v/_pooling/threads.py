"""How many threads a call may use, and which of them can be had."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from skm2v._checks import check_n_jobs

__all__ = ["STOP", "count_threads", "start_threads", "submit"]

T = TypeVar("T")


class _Stop(threading.local):
    """Whether what this thread does is in vain; the kernel asks in the middle of long texts."""

    asked: Callable[[], bool] | None = None


STOP = _Stop()


def start_threads(work: Callable[[], None], n: int) -> list[threading.Thread]:
    """Start up to `n` threads that do the same work.

    Where threads cannot start, for want of memory or because the interpreter is shutting down,
    there are fewer, or none: the work has to get done by those that are there.
    """
    threads: list[threading.Thread] = []
    for number in range(n):
        thread = threading.Thread(target=work, name=f"skm2v_{number}")
        try:
            thread.start()
        except RuntimeError:
            break
        threads.append(thread)
    return threads


def submit(threads: Executor, work: Callable[..., T], *arguments: Any) -> Future[T]:
    """Hand work to threads; where no more of them can start, this one does it."""
    try:
        return threads.submit(work, *arguments)
    except RuntimeError:
        future: Future[T] = Future()
        future.set_result(work(*arguments))
        return future


def count_threads(n_jobs: int | None) -> int:
    """Return the number of threads that `n_jobs` asks for, as joblib reads it.

    Inside a joblib worker it is 1: the processors are busy already.
    """
    n_jobs = check_n_jobs(n_jobs)
    if n_jobs is None or n_jobs == 1:
        return 1
    try:
        from joblib import cpu_count
        from joblib.parallel import get_active_backend
    except RuntimeError:  # it cannot be imported when the interpreter is shutting down
        return 1

    backend, _ = get_active_backend()
    if backend.nesting_level:
        return 1
    return n_jobs if n_jobs > 0 else max(1, int(cpu_count()) + 1 + n_jobs)
