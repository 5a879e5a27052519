"""Figures of README and guide name the command that prints them, and the command is there.

`make figures` runs those commands.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (ROOT / "benchmarks").exists(), reason="a source distribution has no benchmarks"
)

spec = importlib.util.spec_from_file_location("figures", ROOT / "tools" / "figures.py")
assert spec is not None and spec.loader is not None
figures = importlib.util.module_from_spec(spec)
sys.modules["figures"] = figures  # dataclasses look for their module there
spec.loader.exec_module(figures)

MARKS = figures.all_marks()
README = (ROOT / "README.md").read_text(encoding="utf-8")
# What says how good, fast or large something is: shares, units, thousands, fractions of a table.
CLAIM = re.compile(
    r"(?<![\w.])\.\d{2,3}\b|\d %|\d\d,\d{3}|\b[\d.,]+ (?:s|ms|µs|KB|MB|GB|points|times)\b"
    r"|\b(?:two|three|four|five|six|seven|eight|nine|ten) times\b|^ *\|.*\d\.\d",
    re.MULTILINE,
)


# A cell of a table that begins with a fraction, a share or a size; no version, no name.
CELL = re.compile(r"^[*+-]*(?:\d[\d,]*)?\.\d+\b(?!\.)|^[*+-]*[\d,.]+ (?:%|s|ms|µs|MB|GB)(?!\w)")


def has_figures(block: str) -> bool:
    """Whether the body of a table has cells that somebody measured."""
    rows = [line for line in block.splitlines() if line.lstrip().startswith("|")]
    return any(CELL.search(cell.strip()) for row in rows[2:] for cell in row.split("|")[2:])


def blocks(text: str) -> list[str]:
    """Split a page at empty lines; blocks of code are left out, marks stay with what they mark."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [one for one in prose.split("\n\n") if one.strip()]


def commands_in_pages() -> list[tuple[str, str]]:
    """Commands in code quotes of a line or two, and in marks."""
    found = [(mark.page, mark.command) for mark in MARKS if not mark.published]
    for path in (*figures.pages(), ROOT / "CHANGES.md", ROOT / "benchmarks" / "README.md"):
        text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
        for quoted in re.findall(r"`([^`]+)`", text):
            command = " ".join(quoted.split())
            if re.match(r"(python \w+/[\w./]+\.py|skm2v [a-z])", command):
                found.append((str(path.relative_to(ROOT)), command))
    return sorted(set(found))


def strings_of(script: Path) -> set[str]:
    """Return the strings of a script and of the modules beside it that it imports."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    found = {
        one.value
        for one in ast.walk(tree)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }
    found |= {one.arg for one in ast.walk(tree) if isinstance(one, ast.keyword) and one.arg}
    for one in ast.walk(tree):
        if isinstance(one, ast.ImportFrom) and one.module:
            beside = script.with_name(one.module + ".py")
            found |= strings_of(beside) if beside.exists() else set()
    return found


@pytest.mark.parametrize(("page", "command"), commands_in_pages())
def test_commands_are_there(page, command):
    program, *arguments = shlex.split(command)
    if program == "skm2v":
        script = ROOT / "skm2v" / "_cli" / f"{arguments.pop(0)}.py"
        script = script.with_name("evaluate.py") if script.stem == "eval" else script
        assert script.exists(), f"{page}: there is no command {command}"
        known = {word for path in script.parent.glob("*.py") for word in strings_of(path)}
    else:
        script = ROOT / arguments.pop(0)
        assert script.exists(), f"{page} names {script.name}, which is not there"
        known = strings_of(script)
    if (
        arguments
        and re.fullmatch(r"[a-z-]+", arguments[0])
        and "add_subparsers" in script.read_text(encoding="utf-8")
    ):
        assert arguments[0] in known, f"{page}: {script.name} has no command {arguments[0]}"
    for option in arguments:
        if option.startswith("--"):
            assert option.partition("=")[0] in known, f"{page}: {script.name} has no {option}"


def test_a_wrong_subcommand_or_option_is_noticed():
    known = strings_of(ROOT / "benchmarks" / "classification.py")
    assert {"latency", "few-shot", "--seeds"} <= known
    assert not {"speed", "--folds"} & known


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: f"{mark.page}-{mark.command}")
def test_marks_stand_above_their_figures(mark):
    assert mark.rows or mark.reason, "a mark has lines to compare, or says why it is not run"
    if mark.published:
        assert not mark.rows
        text = figures.MARK.sub("", (ROOT / mark.page).read_text(encoding="utf-8"))
        links = (f"]({mark.command})", f"]: {mark.command}\n")
        assert any(link in text for link in links), f"{mark.page} has no link to {mark.command}"
        assert re.fullmatch(r"read in [A-Z][a-z]+ \d{4}", mark.reason)
        assert mark.reason in " ".join(text.split())
        return
    assert mark.reason is None or mark.reason.startswith(("needs ", "depends on the machine"))
    written = figures.NUMBER.findall(mark.block)
    for label, row in mark.rows.items():
        missing = [one for one in row if one != "-" and one not in written]
        assert missing == [], f"{mark.page}: {label}: the figures below the mark are others"


def test_every_claim_of_the_readme_is_marked():
    unmarked = [one for one in blocks(README) if CLAIM.search(one) and not figures.MARK.search(one)]
    assert unmarked == []


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_table_of_figures_of_the_guide_is_marked(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    unmarked = [one for one in blocks(text) if has_figures(one) and not figures.MARK.search(one)]
    assert unmarked == []


def test_a_claim_without_a_mark_is_found():
    for claim in ("It is .95 right.", "a fit takes 3 s", "| a | 80.2 |", "eight times", "79 %"):
        assert CLAIM.search(claim), claim
    assert not CLAIM.search("Python 3.10 or newer; CC BY 4.0")
    for cell in (".95", "**0.95**", "+0.1 [-0.4, +0.5]", "12 %", "0.6 GB"):
        assert has_figures(f"| a | b |\n|---|---|\n| x | {cell} |"), cell
    for cell in ("6.2.0", "`0.5`", "3", "as in 1.2"):
        assert not has_figures(f"| a | b |\n|---|---|\n| x | {cell} |"), cell


TEXT = """\
<!-- figures: python a.py
all = .93 - 1,540
-->
<!-- figures: python b.py; needs the sets of others: README.md -->
<!-- published: https://example.org/c; read in May 2026 -->
| all | .93 | 3 s | 1,540 |

| other | .50 |
"""


def test_marks_are_read():
    first, second, third = figures.marks_in(TEXT, "page")
    assert (first.command, first.reason, first.rows) == (
        "python a.py", None, {"all": [".93", "-", "1,540"]},
    )  # fmt: skip
    assert (second.command, second.rows) == ("python b.py", {})
    assert second.reason == "needs the sets of others: README.md"
    assert (third.command, third.rows) == ("https://example.org/c", {})
    assert [mark.published for mark in (first, second, third)] == [False, False, True]
    assert first.block == second.block == third.block == "| all | .93 | 3 s | 1,540 |"


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("  all  0.9349 2 s  1,540", []),
        ("all 0.936 2 s 1540", ["all: .93 in page, 0.936 printed"]),
        ("all 0.93 2 s 1,541", ["all: 1,540 in page, 1541 printed"]),
        ("all 0.93", ["all: 1 numbers, not 3"]),
        ("alley 0.93 2 s 1540", ["all: no such line"]),
    ],
)
def test_a_figure_that_differs_is_said(printed, said):
    mark, *_ = figures.marks_in(TEXT, "page")
    assert mark.differences(printed) == said


def test_a_figure_that_differs_fails_the_run(monkeypatch, capsys):
    monkeypatch.setattr(figures, "all_marks", lambda: figures.marks_in(TEXT, "page"))
    monkeypatch.setattr(figures, "run", lambda command: "all 0.93 9 s 1,540\n")
    assert figures.main([]) == 0
    said = capsys.readouterr().out
    assert "same     python a.py  (page)" in said
    assert "not run  python b.py  (page): needs the sets of others" in said
    assert "of others https://example.org/c  (page): read in May 2026" in said
    monkeypatch.setattr(figures, "run", lambda command: "all 0.94 9 s 1,540\n")
    assert figures.main([]) == 1
    assert "DIFFERS" in capsys.readouterr().out
