"""How many threads a call may use."""

from __future__ import annotations

__all__ = ["count_threads"]


def count_threads(n_jobs: int | None) -> int:
    """Return the number of threads that `n_jobs` asks for, as joblib reads it.

    Inside a joblib worker it is 1: the processors are busy already.
    """
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0; pass None for one thread or -1 for all.")
    if n_jobs is None or n_jobs == 1:
        return 1
    from joblib import cpu_count
    from joblib.parallel import get_active_backend

    backend, _ = get_active_backend()
    if backend.nesting_level:
        return 1
    return n_jobs if n_jobs > 0 else max(1, int(cpu_count()) + 1 + n_jobs)
