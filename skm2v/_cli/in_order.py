"""Work on items in several threads, with results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from skm2v._pooling.threads import submit

__all__ = ["in_order"]

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    items: Iterable[T], work: Callable[[T], R], n_threads: int
) -> Generator[R, None, None]:
    """Yield what is made of each item.

    The thread that asks for results reads the items, one for each thread and one more ahead, so
    that reading, work and what is done with results go on at the same time. With one thread they
    take turns.

    Parameters
    ----------
    items : iterable
    work : callable
        From an item to a result.
    n_threads : int
        Threads that work.
    """
    if n_threads == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(n_threads) as threads:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(submit(threads, work, item))
                if len(waiting) > n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
