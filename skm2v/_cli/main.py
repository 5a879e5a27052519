"""The ``skm2v`` command: distil, embed, predict, drop duplicates, search, find topics, evaluate."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from skm2v._cli import dedup, distill, embed, evaluate, info, predict, search, topics
from skm2v._cli.process import fill_closed_streams, flush_output, say, signals_unwind
from skm2v._version import __version__
from skm2v._warnings import HIDING
from skm2v.exceptions import Skm2vError

__all__ = ["main"]

COMMANDS = (distill, embed, predict, info, dedup, search, topics, evaluate)
_READER_LEFT, _USER_ERROR, _INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments without the program's name; None takes those of the process.

    Returns
    -------
    code : int
        Exit status: 0 on success, 1 if the reader of stdout went away, 2 with a message on stderr
        for anything the user can mend, 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With 2 for arguments that are none, and with 128 and the number of the signal after SIGTERM
        or SIGHUP; no temporary file is left.
    """
    fill_closed_streams()
    given = sys.argv[1:] if argv is None else list(argv)
    parser = _parser(given[:1])
    arguments, unknown = parser.parse_known_args(given)
    if unknown:
        parser.prog = f"skm2v {given[0]}"  # where the help is that tells what is known
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    run: Callable[[argparse.Namespace], None] = arguments.run
    with signals_unwind(), warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            try:
                run(arguments)
            finally:
                flush_output()
        except BrokenPipeError:  # `skm2v embed ... | head`: nobody reads on
            return _READER_LEFT
        except KeyboardInterrupt:
            say("interrupted")
            return _INTERRUPTED
        except (Skm2vError, OSError, ValueError) as error:
            say(f"error: {_told(error)}")
            return _USER_ERROR
    return 0


def _told(error: Exception) -> str:
    """What went wrong, without the number that Python puts before what a system says."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.strerror}: {error.filename!r}"
    return str(error)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    said = str(message).partition(HIDING)[0]  # how to hide it is said in Python
    say(f"warning: {said}")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        say(f"error: {message}\nTry `{self.prog} --help`.")
        raise SystemExit(_USER_ERROR)


def _parser(command_given: list[str]) -> argparse.ArgumentParser:
    """Parser of all commands, with the arguments of the given one: to have them costs imports."""
    parser = _Parser(prog="skm2v", description="Static text embeddings for scikit-learn.")
    parser.add_argument("--version", action="version", version=f"skm2v {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        of_command = commands.add_parser(command.NAME, help=command.HELP)
        of_command.set_defaults(run=command.run)
        if command.NAME in command_given:
            command.add_arguments(of_command)
    return parser
