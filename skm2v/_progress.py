"""How far a long task is: one line on standard error, where somebody may be watching.

The environment variable ``SKM2V_PROGRESS`` is the switch: 0 shows nothing anywhere, 1 shows it also
where standard error is a file or a pipe. Both leave alone what a call asks for by name.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

__all__ = ["Advance", "hidden", "ignore", "is_watched", "progress"]

SWITCH = "SKM2V_PROGRESS"
# Seconds after which a task counts as long, and between two lines.
DELAY = 3.0
EVERY = 0.2

Advance = Callable[[int], object]  # takes the number of items that were just finished


_hidden: ContextVar[bool] = ContextVar("hidden", default=False)


@contextmanager
def hidden() -> Iterator[None]:
    """Show nothing of tasks that are begun within, but what a call asks for by name."""
    token = _hidden.set(True)
    try:
        yield
    finally:
        _hidden.reset(token)


def ignore(n_items: int) -> None:
    """Show nothing."""


def is_watched() -> bool:
    """Whether somebody may be watching: a terminal or a notebook, and no worker of a search."""
    if _hidden.get():
        return False
    switch = os.environ.get(SWITCH)
    if switch in ("0", "1"):
        return switch == "1"
    if sys.stderr is None or multiprocessing.parent_process() is not None:
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    return sys.stderr.isatty() or _in_notebook()


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this process; nothing is imported to find out."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


@contextmanager
def progress(
    name: str,
    total: int | None,
    unit: str,
    show: bool | None = None,
    *,
    share: Callable[[], float | None] | None = None,
) -> Iterator[Advance]:
    """Show how far a task is while it runs.

    Parameters
    ----------
    name : str
        What it does.
    total : int or None
        Number of items; None if it is not known.
    unit : str
        What the items are, in the plural.
    show : bool or None, default=None
        True shows it at once, False never. None shows it where :func:`is_watched`, once it lasts
        longer than a few seconds.
    share : callable or None, default=None
        Tells the share that is done, 0 to 1, of a total that is not known; None if nobody can tell.

    Yields
    ------
    advance : callable
        To be called with the number of items that were just finished.
    """
    if show is False or (show is None and not is_watched()):
        yield ignore
        return
    line = _Line(name[0].upper() + name[1:], total, unit, 0.0 if show else DELAY, share)
    try:
        yield line.advance
    finally:
        line.close(always=bool(show))


class _Line:
    """A line that is written over itself."""

    def __init__(
        self,
        name: str,
        total: int | None,
        unit: str,
        delay: float,
        share: Callable[[], float | None] | None,
    ) -> None:
        self._name, self._total, self._unit, self._share = name, total, unit, share
        self._start = time.monotonic()
        self._next = self._start + delay
        self._done = 0
        self._width = 0

    def advance(self, n_items: int) -> None:
        """Count items, and write the line if it is time to."""
        self._done += n_items
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            self._write(self._text(now - self._start))

    def close(self, always: bool) -> None:
        """Leave the line as it is at the end, if it was there at all."""
        if always or self._width:
            self._write(self._text(time.monotonic() - self._start))
            self._put("\n")

    def _text(self, seconds: float) -> str:
        lasted = f"{seconds:.0f} s"
        if self._total is None:
            share = self._share() if self._share else None
            percent = "" if share is None else f"{100 * share:.0f}%, "
            text = f"{self._name}: {percent}{self._done:,} {self._unit}, {lasted}"
        else:
            share = min(self._done / self._total, 1.0) if self._total else 1.0
            text = f"{self._name}: {100 * share:.0f}% of {self._total:,} {self._unit}, {lasted}"
        if share is not None and 0 < share < 1:
            text += f", {seconds * (1 - share) / share:.0f} s left"
        return text

    def _write(self, text: str) -> None:
        self._put("\r" + text.ljust(self._width))  # over what was longer
        self._width = len(text)

    def _put(self, text: str) -> None:
        with suppress(OSError, ValueError, AttributeError):  # closed, or gone
            sys.stderr.write(text)
            sys.stderr.flush()
