"""What a run tells the outside while it goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from skm2v.evaluation._result_store import Result

__all__ = ["Listener", "Progress"]


class Listener:
    """What a run tells the outside while it goes on; the default says nothing.

    Examples
    --------
    >>> from skm2v.evaluation import STS, Listener, evaluate
    >>> class Told(Listener):
    ...     def finished(self, result, stored):
    ...         print(result.task, result.model)
    >>> task = STS("pets", ["a cat", "a dog", "a car"], ["the cat", "my cat", "my cat"], [5, 3, 0])
    >>> _ = evaluate("tfidf", task, listener=Told())
    pets tfidf
    """

    def started(self, n_results: int) -> None:
        """Take note that the run begins.

        Parameters
        ----------
        n_results : int
            Results that are to be computed, found, or skipped.
        """

    def running(self, model: str, task: str, n_texts: int) -> None:
        """Take note that a model is at work.

        Parameters
        ----------
        model, task : str
            Names of both.
        n_texts : int
            Texts of the task that the model has done so far.
        """

    def finished(self, result: Result, stored: bool) -> None:
        """Take note of a result.

        Parameters
        ----------
        result : Result
            The result; its score is None where the model failed.
        stored : bool
            Whether it was found, not computed.
        """

    def skipped(self, model: str, task: str, type: str) -> None:
        """Take note that a model does not do tasks of this type.

        Parameters
        ----------
        model, task, type : str
            Names of all three.
        """

    def note(self, message: str) -> None:
        """Take note of a remark about the data.

        Parameters
        ----------
        message : str
            A sentence.
        """


class Progress(Listener):
    """Progress on a stream: a bar that is redrawn on a terminal, one line per result elsewhere.

    Parameters
    ----------
    stream : text stream
        Where to write; stderr as a rule.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._redraw = stream.isatty()
        self._n_tasks = 0
        self._n_done = 0

    def started(self, n_results: int) -> None:
        """Take note of the number of results to come."""
        self._n_tasks = n_results

    def running(self, model: str, task: str, n_texts: int) -> None:
        """Redraw the bar."""
        if self._redraw:
            count = f", {n_texts:,} texts" if n_texts else ""
            self._bar(f"{task}: {model}{count}")

    def finished(self, result: Result, stored: bool) -> None:
        """Write the line of a result."""
        self._n_done += 1
        if result.score is None:
            told = f"FAILED: {result.error}"
        else:
            how = "kept from an earlier run" if stored else f"{result.seconds:.1f} s"
            told = f"{result.metric} {100 * result.score:.1f}, {how}"
        head = f"[{self._n_done}/{self._n_tasks}]"
        self._line(f"{head} {result.task} ({result.type}), {result.model}: {told}")

    def skipped(self, model: str, task: str, type: str) -> None:
        """Count what is not done as done."""
        self._n_done += 1

    def note(self, message: str) -> None:
        """Write a remark."""
        self._line(message)

    def _line(self, text: str) -> None:
        clear = "\r\033[K" if self._redraw else ""
        print(f"{clear}{text}", file=self._stream, flush=True)
        if self._redraw and self._n_done < self._n_tasks:
            self._bar("")

    def _bar(self, text: str) -> None:
        width = 24
        filled = width * self._n_done // max(1, self._n_tasks)
        bar = f"{'█' * filled}{'·' * (width - filled)} {self._n_done}/{self._n_tasks} {text}"
        columns = _terminal_columns(self._stream)
        print(f"\r\033[K{bar[: columns - 1]}", end="", file=self._stream, flush=True)


def _terminal_columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
