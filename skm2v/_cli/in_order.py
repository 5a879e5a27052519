"""Work on items in several threads, and finish them in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from skm2v._pooling.threads import submit

__all__ = ["in_order"]

T = TypeVar("T")
R = TypeVar("R")
F = TypeVar("F")


def in_order(
    items: Iterable[T], work: Callable[[T], R], finish: Callable[[R], F], n_threads: int
) -> Generator[F, None, None]:
    """Yield what finishing the work on each item gives.

    The thread that asks for results reads the items, others work on them, and one finishes them, so
    that all three go on at the same time; no more than a few items are on their way. With one
    thread they take turns.

    Parameters
    ----------
    items : iterable
    work : callable
        From an item to what is to be finished. Several threads call it.
    finish : callable
        One call ends before the next one begins, and after one that fails there is none.
    n_threads : int
        Threads that work.
    """
    if n_threads == 1:
        for item in items:
            yield finish(work(item))
        return
    over = False

    def finish_next(made: Future[R]) -> F:
        nonlocal over
        try:
            if over:
                raise RuntimeError("An item before this one failed.")  # which is what is raised
            return finish(made.result())
        except BaseException:
            over = True
            raise

    with ThreadPoolExecutor(n_threads) as workers, ThreadPoolExecutor(1) as last:
        waiting: deque[Future[F]] = deque()
        try:
            for item in items:
                waiting.append(submit(last, finish_next, submit(workers, work, item)))
                if len(waiting) > n_threads + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            over = True
            for future in waiting:
                future.cancel()
