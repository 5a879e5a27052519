"""Which column of a file holds the texts, and what parts the columns of a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skm2v._checks import some

__all__ = ["DELIMITER_HELP", "check_delimiter", "find_column", "refuse_other_delimiter"]

DELIMITER_HELP = "of the CSV; default: a comma, or a tab for .tsv"

# Of a CSV file, besides a comma, and how a shell writes them. Spreadsheets of many countries write
# semicolons.
_OTHER_DELIMITERS = {";": "';'", "\t": "$'\\t'", "|": "'|'"}


def check_delimiter(given: str | None, path: str, kind: str) -> str:
    """Return what parts the columns of a file.

    Parameters
    ----------
    given : str or None
        As the user says; None decides by the file's name.
    path : str
        The file, which ``.gz`` may follow.
    kind : str
        How it is read; only a file that is read as ``"csv"`` has a delimiter.

    Raises
    ------
    ValueError
        If it is no single character, a quote or a line end, or of no use.
    """
    if given is None:
        return "\t" if Path(path.removesuffix(".gz")).suffix.lower() == ".tsv" else ","
    if kind != "csv":
        raise ValueError(f"--delimiter is for CSV input; the input is read as {kind}.")
    if len(given) != 1 or given in '"\r\n':
        raise ValueError(f"--delimiter must be one character, no quote or line end; got {given!r}.")
    return given


def refuse_other_delimiter(names: Sequence[str], column: str | None, file: str) -> None:
    """Raise if the only column of a CSV file seems to be several.

    For files of which nobody said what parts them: their rows would become texts as a whole.
    """
    if len(names) > 1 or column == names[0]:
        return
    found = next((mark for mark in _OTHER_DELIMITERS if mark in names[0]), None)
    if found is not None:
        raise ValueError(
            f"{file} has one column {names[0]!r}, which seems to be several: choose with"
            f" --delimiter {_OTHER_DELIMITERS[found]}, or --delimiter ',' if it is one."
        )


def find_column(names: Sequence[str], column: str | None, file: str) -> int:
    """Return the number of the column of the texts.

    Parameters
    ----------
    names : sequence of str
        Names of all columns.
    column : str or None
        As the user says; None if there is one only.
    file : str
        Name of the file, for the errors.

    Raises
    ------
    ValueError
        If there is not exactly one such column.
    """
    if column is None:
        if len(names) == 1:
            return 0
        raise ValueError(
            f"{file} has the columns {some(names, 8)}: choose that of the texts with --column."
        )
    if names.count(column) != 1:
        found = "more than one" if column in names else "no"
        raise ValueError(f"{file} has {found} column {column!r}; it has {some(names, 8)}.")
    return names.index(column)
