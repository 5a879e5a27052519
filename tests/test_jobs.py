"""The page of jobs: each block runs, prints what stands below it, and has six lines at most."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from tests.test_readme import assert_same_output

PAGE = (Path(__file__).parents[1] / "docs" / "jobs.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|text)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
PROGRAMS = [source for language, source in BLOCKS if language == "python"]


def test_ten_jobs_of_six_lines_at_most():
    _, *jobs = PROGRAMS
    n_lines = [sum(bool(line.strip()) for line in job.splitlines()) for job in jobs]
    assert len(jobs) == 10 and max(n_lines) <= 6, n_lines


def test_they_print_what_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    printed, n_compared = "", 0
    for language, source in BLOCKS:
        if language == "python":
            assert not printed, f"the page does not show this output: {printed}"
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(source, "docs/jobs.md", "exec"), namespace)
            printed = out.getvalue()
        else:
            assert_same_output(printed, source)
            printed, n_compared = "", n_compared + 1
    assert n_compared == 9
