"""Share the texts of a call among threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from skm2v._pooling.text_buffers import TextBuffers
from skm2v._pooling.threads import STOP, start_threads

__all__ = ["pieces_of", "share"]

# One piece of work: long enough that its overhead vanishes, short enough that Ctrl-C is prompt.
PIECE_TEXTS = 4096
PIECE_CHARS = 1 << 20
# Threads get pieces of about this share each, so that none waits long for the last one; but of no
# less than a thread is worth starting for.
SHARES = 4
SMALLEST_TEXTS = 512
SMALLEST_CHARS = 1 << 16


def share(work: Callable[[int, int], None], pieces: list[tuple[int, int]], n_threads: int) -> None:
    """Do all pieces in several threads, of which this one is one.

    Fifty thousand texts take 50 ms: joblib, which looks after its threads every 10 ms, would eat up
    what two of them save.
    """
    todo = deque(pieces)
    stopped = threading.Event()
    errors: list[BaseException] = []

    def some() -> None:
        try:
            while True:
                try:
                    piece = todo.popleft()
                except IndexError:
                    return
                work(*piece)
        except BaseException:  # what is left to do would be in vain
            todo.clear()
            raise

    def others() -> None:
        STOP.asked = stopped.is_set
        try:
            some()
        except BaseException as error:
            errors.append(error)

    threads: list[threading.Thread] = []
    try:
        threads = start_threads(others, n_threads - 1)
        some()
        for thread in threads:
            thread.join()
    except BaseException:
        todo.clear()
        stopped.set()
        raise
    finally:
        for thread in threads:  # they write into the result
            thread.join()
    if errors:
        raise errors[0]


def pieces_of(texts: list[str] | TextBuffers, n_threads: int) -> list[tuple[int, int]]:
    """Contiguous ranges of texts, each bounded in number and characters; a few for each thread."""
    n = len(texts)
    if isinstance(texts, TextBuffers):
        sizes = texts.lengths
    else:
        sizes = np.fromiter(map(len, texts), dtype=np.int64, count=n)
    shares = SHARES * n_threads
    most_texts = min(max(n // shares, SMALLEST_TEXTS), PIECE_TEXTS)
    most_chars = min(max(int(sizes.sum()) // shares, SMALLEST_CHARS), PIECE_CHARS)
    # A piece is full when its texts have used up either limit.
    number = np.cumsum(np.maximum(sizes / most_chars, 1 / most_texts)).astype(np.int64)
    stops = (np.flatnonzero(np.diff(number)) + 1).tolist()
    return list(pairwise([0, *stops, n])) if n else []
