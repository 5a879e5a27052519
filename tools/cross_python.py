"""Run skm2v in a Python for aarch64, under emulation: its wheel's trial, and tests.

    python tools/cross_python.py [--work FOLDER] [TEST ...]

Python comes from Debian's packages, the libraries from their wheels for aarch64, the kernels from a
cross compiler. `tools/try_wheel.py` runs with them, then pytest with the tests that are named, such
as tests/pooling/test_kernel.py. Under emulation everything takes ten times as long. Needs Debian,
and its packages qemu-user and gcc-aarch64-linux-gnu; changes nothing outside of the folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from cross import ROOT, flags

PYTHON = "3.11"  # Debian 12's
DEBIAN = [
    f"python{PYTHON}-minimal", f"libpython{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", "libc6",
    "libssl3", "zlib1g",
    "libexpat1", "libffi8", "libgcc-s1", "libstdc++6", "libbz2-1.0", "liblzma5", "libsqlite3-0",
    "libuuid1", "libcrypt1",
]  # fmt: skip
LIBRARIES = [
    "numpy", "scipy", "scikit-learn", "joblib", "cloudpickle", "threadpoolctl", "tokenizers",
    "safetensors",
]  # fmt: skip
OF_TESTS = [
    "pytest", "hypothesis", "pluggy", "iniconfig", "packaging", "pygments", "sortedcontainers",
    "narwhals",
]  # fmt: skip
EXTENSIONS = {
    "skm2v/_pooling/_kernel": ["skm2v/_pooling/csrc"],
    "skm2v/_pairs/_scan": ["skm2v/_pairs/csrc", "skm2v/_pooling/csrc"],  # sources are in the first
}


def install_python(work: Path) -> Path:
    """Unpack Debian's Python for aarch64, with lists of packages of its own."""
    state, root = work / "apt", work / "root"
    for name in ("lists/partial", "cache/archives/partial", "debs"):
        (state / name).mkdir(parents=True)
    (state / "status").touch()
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "root",
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "download", *DEBIAN], check=True, cwd=state / "debs")
    for package in (state / "debs").glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, root], check=True)
    return root


def install_libraries(work: Path, packages: list[str]) -> Path:
    """Unpack wheels, and skm2v with kernels that a cross compiler made."""
    site, wheels = work / "site", work / "wheels"
    platforms = ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64", "any")
    subprocess.run(
        [sys.executable, "-m", "pip", "-q", "download", "--no-deps", "--only-binary", ":all:",
         "-d", wheels, "-c", ROOT / "constraints.txt", "--python-version", PYTHON,
         *(word for name in platforms for word in ("--platform", name)), *packages],
        check=True,
    )  # fmt: skip
    for wheel in wheels.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(site)
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "skm2v", site / "skm2v", ignore=ignored)
    for name, folders in EXTENSIONS.items():
        generated = work / f"{Path(name).name}.c"
        command = [sys.executable, "-m", "cython", "-3", ROOT / f"{name}.pyx", "-o", generated]
        subprocess.run(command, check=True, cwd=ROOT)
        sources = sorted((ROOT / folders[0]).glob("*.c"))
        includes = [sysconfig.get_paths()["include"], *(ROOT / folder for folder in folders)]
        target = site / f"{name}.cpython-{PYTHON.replace('.', '')}-aarch64-linux-gnu.so"
        subprocess.run(
            ["aarch64-linux-gnu-gcc", *flags(), "-fPIC", "-shared", "-fwrapv", "-DNDEBUG", "-w",
             *(f"-I{folder}" for folder in includes), generated, *sources, "-o", target, "-lm"],
            check=True,
        )  # fmt: skip
    return site


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--work", type=Path, help="an empty folder to keep; default: a temporary one"
    )
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    if sys.version_info[:2] != tuple(map(int, PYTHON.split("."))):
        parser.error(f"headers of Python {PYTHON} are needed: run it with that")
    with tempfile.TemporaryDirectory() as temporary:
        work = (options.work or Path(temporary)).resolve()
        root = install_python(work)
        site = install_libraries(work, LIBRARIES + (OF_TESTS if options.tests else []))
        tree = work / "tree"  # without the package, which would be found before the one in `site`
        for name in ("tests", "tools"):
            shutil.copytree(ROOT / name, tree / name)
        shutil.copy(ROOT / "pyproject.toml", tree)
        environment = {
            **os.environ,
            "PYTHONHOME": str(root / "usr"),
            "PYTHONPATH": str(site),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        python = ["qemu-aarch64", "-L", str(root), str(root / "usr" / "bin" / f"python{PYTHON}")]
        commands = [[*python, "tools/try_wheel.py"]]
        if options.tests:
            commands.append(
                [*python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options.tests]
            )
        return max(subprocess.run(one, cwd=tree, env=environment).returncode for one in commands)


if __name__ == "__main__":
    sys.exit(main())
