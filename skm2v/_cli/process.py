"""The process around a command: its standard streams and its signals."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO

__all__ = ["fill_closed_streams", "flush_output", "on_terminal", "output", "say", "signals_unwind"]


def say(message: str) -> None:
    """Write a line to stderr, if there is one: cron and services may run us without."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(f"skm2v: {message}", file=sys.stderr, flush=True)


def on_terminal() -> bool:
    """Whether somebody may be watching stderr."""
    return sys.stderr is not None and sys.stderr.isatty()


def output() -> TextIO:
    """Return stdout.

    Raises
    ------
    OSError
        If it is closed: what a command prints there would be lost without a word.
    """
    if sys.stdout is None:
        raise OSError("stdout is closed; redirect it, or name a file with --output.")
    return sys.stdout


def flush_output() -> None:
    """Write out what stdout holds; where that fails, let go of it, or Python fails at exit too."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def fill_closed_streams() -> None:
    """Give the numbers of closed standard streams to nothing.

    The next file that is opened would have such a number, and get whatever a library writes there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


@contextlib.contextmanager
def signals_unwind() -> Iterator[None]:
    """Make the signals that end a process leave it by an exception, so that files are cleaned up.

    The exit status is 128 and the number of the signal, as a shell counts it. Signals that somebody
    handles or ignores (``nohup``) are left alone.
    """

    def leave(number: int, _: Any) -> None:
        for other in before:
            signal.signal(other, signal.SIG_IGN)  # once is enough, while files are removed
        raise SystemExit(128 + number)

    before = []
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            ending = getattr(signal, name, None)
            if ending is not None and signal.getsignal(ending) is signal.SIG_DFL:
                before.append(ending)
                signal.signal(ending, leave)
    try:
        yield
    finally:
        for ending in before:
            signal.signal(ending, signal.SIG_DFL)
