"""A user's program passes the strict type checker, and mistakes in one are found.

`tools/check_types.py` asks pyright the same, where it is installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
PROGRAM, MISTAKES = FOLDER / "user_program.py", FOLDER / "mistakes.py"


def planted() -> set[int]:
    """Lines that hold a mistake."""
    lines = MISTAKES.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if "# mistake: " in line}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Errors of mypy as (file, line) in one run, as starting costs most."""
    work = tmp_path_factory.mktemp("mypy")
    # As users have it: what lacks types, as scikit-learn does, is Any; packages are not judged.
    settings = "[mypy]\nignore_missing_imports = true\nfollow_imports = silent\n"
    (work / "mypy.ini").write_text(settings)
    command = [
        *(sys.executable, "-m", "mypy", "--strict", "--config-file", str(work / "mypy.ini")),
        *("--cache-dir", str(work / "cache"), "--no-error-summary", str(PROGRAM), str(MISTAKES)),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.stderr == "" and run.returncode in (0, 1), run.stderr
    errors = re.findall(r"^(.*?):(\d+): error:", run.stdout, flags=re.MULTILINE)
    assert run.returncode == (1 if errors else 0), run.stdout
    return {(Path(file).name, int(line)): run.stdout for file, line in errors}


def test_a_users_program_passes(found):
    assert not [line for file, line in found if file == PROGRAM.name], found


def test_each_planted_mistake_is_found_and_nothing_else(found):
    assert len(planted()) >= 12
    assert {line for file, line in found if file == MISTAKES.name} == planted()
