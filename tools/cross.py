"""Run the compiled kernels on other machines, under emulation, and compare every byte.

    python tools/cross.py [native] [aarch64] [s390x] [arm]

What they are given and what they gave back here is written down by `tests/cross/record.py`, the
models of every release among it; a program without Python, compiled for the other machine with the
flags of setup.py, must give the same bytes. s390x is big-endian, arm has pointers of 32 bits. Needs
Debian's packages qemu-user and, for each machine, its compiler: gcc-aarch64-linux-gnu,
gcc-s390x-linux-gnu, gcc-arm-linux-gnueabihf.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("tests/cross", "skm2v/_pooling/csrc", "skm2v/_pairs/csrc")
# Prefix of the compiler, and the emulator.
MACHINES = {
    "native": ("", ""),
    "aarch64": ("aarch64-linux-gnu-", "qemu-aarch64"),
    "s390x": ("s390x-linux-gnu-", "qemu-s390x"),
    "arm": ("arm-linux-gnueabihf-", "qemu-arm"),
}


def flags() -> list[str]:
    """Return the flags with which setup.py compiles the kernels for GCC and Clang."""
    source = (ROOT / "setup.py").read_text(encoding="utf-8")
    found = re.search(r'compile_args = (\["-O3".*?\])', source)
    assert found
    return list(ast.literal_eval(found[1]))


def compile_program(machine: str, folder: Path, *more: str) -> Path:
    """Compile the program for a machine, which may warn of nothing."""
    prefix, _ = MACHINES[machine]
    compiler = f"{prefix}gcc" if prefix else os.environ.get("CC", "cc")
    if shutil.which(compiler.split()[0]) is None:
        package = f"gcc-{prefix[:-1]}" if prefix else "gcc"
        sys.exit(f"There is no {compiler}: apt-get install {package}")
    program = folder / f"cross-{machine}"
    sources = [str(path) for name in FOLDERS for path in sorted((ROOT / name).glob("*.c"))]
    includes = [f"-I{ROOT / name}" for name in FOLDERS]
    static = ["-static"] if prefix else []  # so that the emulator needs no libraries of it
    command = [*compiler.split(), *flags(), *more, "-Wall", "-Wextra", *static]
    subprocess.run([*command, *includes, *sources, "-o", str(program), "-lm"], check=True)
    return program


def run(machine: str, program: Path, files: list[Path]) -> subprocess.CompletedProcess[str]:
    """Let the program compare its results with those of the files."""
    _, emulator = MACHINES[machine]
    if emulator and shutil.which(emulator) is None:
        sys.exit(f"There is no {emulator}: apt-get install qemu-user")
    command = [*([emulator] if emulator else []), str(program), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("machines", nargs="*", default=list(MACHINES))
    parser.add_argument("--texts", type=int, default=300)
    options = parser.parse_args()
    unknown = sorted(set(options.machines) - set(MACHINES))
    if unknown:
        parser.error(f"unknown machines {unknown}; known are {list(MACHINES)}")
    sys.path.insert(0, str(ROOT))
    from tests.cross.record import record

    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = record(folder / "golden", options.texts)
        for machine in options.machines:
            program = compile_program(machine, folder)
            start = time.perf_counter()
            result = run(machine, program, files)
            lines = result.stdout.splitlines()
            sets = sorted({line.rpartition(": ")[2] for line in lines[:-1] if ": " in line})
            print(f"{machine}: {lines[-1] if lines else result.stderr}")
            print(f"    {', '.join(sets)}; {time.perf_counter() - start:.1f} s")
            if result.returncode:
                failed += 1
                print(*lines[:-1], result.stderr, sep="\n    ")
    return failed


if __name__ == "__main__":
    sys.exit(main())
