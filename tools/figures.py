"""Do commands still print the figures of README and guide? Run by ``make figures``.

    python tools/figures.py [--only TEXT] [--list]

A comment above a table or paragraph names the command that prints its figures, and the line that
they come from:

    <!-- figures: python examples/topic_classification.py
    385 = .761 .526 .756
    -->

The command prints a line that begins with what stands before the equals sign; its numbers, rounded
as here, are those behind it. ``-`` stands for a number that is not compared, such as seconds. What
no second run on another machine can print ends in ``; needs ...`` (data that the package does not
have, and where to get them) or ``; depends on the machine``: such commands are listed, not run.
Figures that differ, commands that fail and lines that are not printed are exit status 1.

What others measured has no command but a source, which the page links to, and when it was read:

    <!-- published: https://example.org/results; read in November 2026 -->
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"^ *<!-- (figures|published): (.*?)-->\n", flags=re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![\w.,])[-+]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)")


@dataclass(frozen=True)
class Mark:
    """A comment that says where the figures of the block below it come from."""

    page: str
    command: str  # or the address of what others published
    reason: str | None  # why it is not run again
    published: bool
    rows: dict[str, list[str]]
    block: str  # what stands below

    def differences(self, printed: str) -> list[str]:
        """Say which figures are not those that were printed."""
        lines = [line.strip() for line in printed.splitlines()]
        found = []
        for label, figures in self.rows.items():
            rests = [
                one[len(label) :] for one in lines if re.match(re.escape(label) + r"(?!\S)", one)
            ]
            if not rests:
                found.append(f"{label}: no such line")
                continue
            numbers = [one.replace(",", "") for one in NUMBER.findall(rests[0])]
            if len(numbers) < len(figures):
                found.append(f"{label}: {len(numbers)} numbers, not {len(figures)}")
            for figure, number in zip(figures, numbers, strict=False):
                if figure != "-" and not same(figure, number):
                    found.append(f"{label}: {figure} in {self.page}, {number} printed")
        return found


def same(figure: str, number: str) -> bool:
    """Whether a number rounds to a figure, half a unit of its last digit either way."""
    digits = len(figure.partition(".")[2])
    unit = 10.0**-digits
    return abs(float(figure.replace(",", "")) - float(number)) <= unit / 2 * (1 + 1e-9)


def marks_in(text: str, page: str) -> list[Mark]:
    """Find the marks of a page; several in a row stand above one block."""
    marks = []
    for match in MARK.finditer(text):
        head, *rows = match[2].strip().splitlines()
        command, _, reason = head.partition("; ")
        pairs = (row.strip().rpartition(" = ") for row in rows)
        marks.append(
            Mark(
                page,
                command.strip(),
                reason.strip() or None,
                match[1] == "published",
                {label: figures.split() for label, _, figures in pairs},
                below(text, match.end()),
            )
        )
    return marks


def below(text: str, end: int) -> str:
    """Return the block behind a mark and further marks: up to an empty line."""
    while match := MARK.match(text, end):
        end = match.end()
    return text[end:].lstrip("\n").partition("\n\n")[0]


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def all_marks() -> list[Mark]:
    return [
        mark
        for path in pages()
        for mark in marks_in(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    ]


def run(command: str) -> str:
    """Return what a command prints, run in an empty folder; raise if it fails."""
    program, *arguments = shlex.split(command)
    if program == "skm2v":
        arguments = ["-m", "skm2v", *arguments]
    elif arguments[0].endswith(".py"):
        arguments[0] = str(ROOT / arguments[0])
    known = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *([known] if known else [])]),
        "HF_HUB_OFFLINE": "1",
        "SKM2V_PROGRESS": "0",
    }
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment,
        )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    return done.stdout


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="commands that contain this text")
    parser.add_argument("--list", action="store_true", help="list all commands, run none")
    arguments = parser.parse_args(argv)
    by_command: dict[str, list[Mark]] = {}
    for mark in all_marks():
        if arguments.only in mark.command:
            by_command.setdefault(mark.command, []).append(mark)
    failed = False
    for command, marks in by_command.items():
        where = ", ".join(dict.fromkeys(mark.page for mark in marks))
        to_compare = [mark for mark in marks if mark.rows]
        if marks[0].published:
            print(f"of others {command}  ({where}): {marks[0].reason}", flush=True)
            continue
        if arguments.list or not to_compare:
            reason = next((mark.reason for mark in marks if mark.reason), "can be run here")
            print(f"not run  {command}  ({where}): {reason}", flush=True)
            continue
        try:
            printed = run(command)
            wrong = [one for mark in to_compare for one in mark.differences(printed)]
        except RuntimeError as error:
            wrong = [f"failed: {error}"]
        failed = failed or bool(wrong)
        print(f"{'DIFFERS' if wrong else 'same   '}  {command}  ({where})", flush=True)
        for one in wrong:
            print(f"         {one}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
