"""Ask pyright what `tests/types` asks mypy: a user's program passes, each planted mistake is found.

    pip install basedpyright && python tools/check_types.py

pyright runs on Node.js; `basedpyright`, its twin on the package index, brings its own. Prints
differences and ends with code 1 if there are any.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM, MISTAKES = (ROOT / "tests" / "types" / name for name in ("user_program.py", "mistakes.py"))


def planted() -> set[int]:
    """Lines that hold a mistake."""
    lines = MISTAKES.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, 1) if "# mistake: " in line}


def main() -> int:
    """Compare what pyright finds with what was planted."""
    settings = {
        "include": [str(PROGRAM), str(MISTAKES)],
        "extraPaths": [str(ROOT)],
        # pyright's own strict rules, of which those about libraries without types are not ours.
        "typeCheckingMode": "standard",
        "reportMissingImports": "none",
        "reportMissingModuleSource": "none",
    }
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "pyrightconfig.json"
        project.write_text(json.dumps(settings))
        command = [sys.executable, "-m", "basedpyright", "--outputjson", "-p", str(project)]
        run = subprocess.run(
            [*command, "--pythonpath", sys.argv[1] if len(sys.argv) > 1 else sys.executable],
            capture_output=True,
            text=True,
        )
    report = json.loads(run.stdout)
    errors = {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1): one["message"]
        for one in report["generalDiagnostics"]
        if one["severity"] == "error"
    }
    wanted = {(MISTAKES.name, line) for line in planted()}
    for place in sorted(set(errors) ^ wanted):
        print(*place, errors.get(place, "a mistake that was not found"), sep=": ")
    print(
        f"pyright {report['version']}: {len(wanted)} mistakes planted, {len(errors)} errors found"
    )
    return int(set(errors) != wanted)


if __name__ == "__main__":
    sys.exit(main())
