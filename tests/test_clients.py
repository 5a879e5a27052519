"""The page of tools: it is whole, and what of it needs no tool runs.

`benchmarks/clients.py` runs the examples with the tools themselves, which are several gigabytes.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "clients.md").read_text(encoding="utf-8")
START, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
EXAMPLES = {section.partition("\n")[0]: section for section in SECTIONS}


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def printed_by(code):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(code, "docs/clients.md", "exec"), {})
    return out.getvalue()


def test_the_table_names_the_examples():
    rows = re.findall(r"^\| (.+?) \| [\d.]+ \| ok \|$", START, flags=re.MULTILINE)
    assert rows == list(EXAMPLES) and len(rows) == 16


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_what_to_install_a_program_and_its_output(name):
    [install], [code], [printed] = (
        blocks(EXAMPLES[name], language) for language in ("bash", "python", "text")
    )
    assert re.fullmatch(r"pip install [\w\- ]+\n", install)
    compile(code, name, "exec")
    assert "print(" in code and printed.strip()


def test_the_beginning_runs():
    [code] = blocks(START, "python")
    assert printed_by(code + "print(model.encode(texts).shape)") == "(308, 256)\n"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="skrub needs Python 3.11 or newer")
def test_the_example_of_skrub_runs():
    [start], [code] = blocks(START, "python"), blocks(EXAMPLES["skrub"], "python")
    assert printed_by(start + code) == blocks(EXAMPLES["skrub"], "text")[0]
