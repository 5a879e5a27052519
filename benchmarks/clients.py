"""Run the examples of docs/clients.md with the tools that they are about.

    python benchmarks/clients.py WORK                 every tool
    python benchmarks/clients.py WORK --only bertopic keybert

Each tool is installed from the package registry, in an environment of its own below WORK that is
kept for the next run, beside this checkout and what `pip install` of the page names. The examples
run in an empty folder, told not to use a network: a tool that embeds with another model than ours
fails. What an example prints must be what the page says. Prints a table of tools, versions and
results; ends with code 1 if one of them differs.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import NamedTuple

from speed_common import markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "clients.md"
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False"}


class Example(NamedTuple):
    """A section of the page."""

    name: str
    requirements: list[str]
    code: str
    printed: str


def examples(page: str) -> list[Example]:
    """Sections of the page, with the code of its beginning in front of theirs."""
    head, *sections = re.split(r"^## ", page, flags=re.MULTILINE)
    [start] = blocks(head, "python")
    found = []
    for section in sections:
        name = section.partition("\n")[0]
        [install], [code], [printed] = (
            blocks(section, language) for language in ("bash", "python", "text")
        )
        requirements = install.removeprefix("pip install ").split()
        found.append(Example(name, requirements, f"{start}\n{code}", printed.strip()))
    return found


def blocks(text: str, language: str) -> list[str]:
    """Code of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def environment(example: Example, work: Path) -> Path:
    """Python of an environment with the tool and this checkout."""
    folder = work / re.sub(r"\W", "-", example.name.lower())
    python = folder / "bin" / "python"
    done = folder / "requirements.txt"
    if not done.exists() or done.read_text() != " ".join(example.requirements):
        venv.create(folder, clear=True, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *example.requirements, ROOT], check=True)
        done.write_text(" ".join(example.requirements))
    return python


def run(example: Example, python: Path) -> tuple[str, str]:
    """Version of the tool, and "ok" or what went wrong."""
    tool = re.split(r"[\[=<>]", example.requirements[0])[0]
    ask = f"from importlib.metadata import version; print(version({tool!r}))"
    settings = {**os.environ, **OFFLINE, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        version, result = (
            subprocess.run(
                [python, "-c", code], cwd=folder, env=settings, capture_output=True, text=True
            )
            for code in (ask, example.code)
        )
    if result.returncode:
        lines = result.stderr.strip().splitlines()
        return version.stdout.strip(), f"failed: {lines[-1] if lines else result.returncode}"
    printed = result.stdout.strip()
    said = "ok" if printed == example.printed else f"printed {printed!r}"
    return version.stdout.strip(), said


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--only", nargs="+", help="names of sections, in any case")
    parser.add_argument("--python", type=Path, help="an environment that has everything already")
    options = parser.parse_args()
    chosen = None if options.only is None else {name.lower() for name in options.only}
    rows: list[list[str]] = []
    for example in examples(PAGE.read_text(encoding="utf-8")):
        if chosen is not None and example.name.lower() not in chosen:
            continue
        python = options.python or environment(example, options.work)
        rows.append([example.name, *run(example, python)])
        print(*rows[-1], file=sys.stderr, flush=True)
    print(f"Python {sys.version.split()[0]}\n")
    print(markdown(["tool", "version", "result"], rows))
    return 0 if all(result == "ok" for _, _, result in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
