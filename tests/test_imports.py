"""What `import skm2v` loads, in a fresh interpreter, and which room imports which."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A module imports from its own room and from those above it in this list.
ROOMS = (
    {"_version"},
    {"exceptions"},
    {"_checks"},
    {"_warnings"},
    {"datasets"},
    {"_text_checks"},
    {"testing"},
    {"_pooling"},
    {"_show_versions"},
    {"_model"},
    {"_learning", "_static_model"},
    {"_fit_report"},
    {"_distillation"},
    {"distill"},
    {"_resolve_model"},
    {"_text_input"},
    {"_embedder"},
    {"_classification"},
    {"evaluation"},
    {"_cli"},
    {"__init__", "__main__"},
)
LATE = (
    "torch",
    "transformers",
    "huggingface_hub",
    "datasets",
    "pandas",
    "polars",
    "pyarrow",
    "matplotlib",
    "pytest",
    "sklearn.linear_model",
    "sklearn.decomposition",
    "sklearn.model_selection",
    "sklearn.callback",
)


def loaded_by(code: str) -> set[str]:
    """Names in sys.modules after running some code in a new process."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert not run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def baseline():
    return loaded_by("import sklearn.base, tokenizers")


@pytest.mark.parametrize(
    "code",
    [
        "import skm2v",
        "import skm2v; skm2v.StaticModel, skm2v.distill; skm2v.StaticEmbedder()",
        "import skm2v.exceptions, skm2v._pooling, skm2v._model, skm2v._distillation",
    ],
    ids=["package", "public names", "rooms"],
)
def test_import_adds_no_heavy_module(baseline, code):
    added = loaded_by(code) - baseline
    assert "skm2v._embedder" in added
    heavy = {
        name for name in added if name in LATE or name.startswith(tuple(f"{m}." for m in LATE))
    }
    assert not heavy


def test_a_fit_on_a_static_source_loads_no_teacher_library(baseline, tmp_path):
    code = f"""
from tests import tiny
from skm2v import StaticEmbedder, StaticModel
StaticModel(tiny.tiny_table(), tiny.tiny_tokenizer()).save_pretrained({str(tmp_path)!r})
StaticEmbedder({str(tmp_path)!r}).fit(["a"]).transform(["free money"])
"""
    added = loaded_by(code) - baseline
    assert not added & {
        "torch",
        "transformers",
        "huggingface_hub",
        "pandas",
        "polars",
        "skm2v.testing",
    }


def imports_of(path: Path) -> set[str]:
    """Names of all modules that a file imports, wherever in it."""
    return imports_in(ast.parse(path.read_text(encoding="utf-8")))


def imports_in(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{ast.unparse(node)} is relative"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_rooms_import_in_one_direction():
    rank = {room: number for number, rooms in enumerate(ROOMS) for room in rooms}
    package = ROOT / "skm2v"
    wrong = []
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        assert room in rank, f"{path.name} is in no room: add {room!r} to ROOMS"
        for name in imports_of(path):
            if not name.startswith("skm2v."):
                continue
            other = name.split(".")[1]
            if rank.get(other, -1) >= rank[room] and not {room, other} <= ROOMS[rank[room]]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_torch_is_in_one_room():
    """There it is imported by name, inside functions; see `skm2v._distillation.teacher.extras`."""
    teachers = {"torch", "transformers"}
    for path in (ROOT / "skm2v").rglob("*.py"):
        found = {name.partition(".")[0] for name in imports_of(path)} & teachers
        assert not found, f"{path} imports {found}"
        if "_distillation" not in path.parts:
            assert "teacher.extras" not in path.read_text(encoding="utf-8"), path


def needs_of(path: Path) -> set[str]:
    """Names of the modules that a file imports when it runs, wherever in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return imports_in(tree)


def test_modules_of_a_room_import_in_one_direction():
    for room in ("_text_checks", "_classification", "_pooling"):
        paths = (ROOT / "skm2v" / room).glob("*.py")
        needs = {f"skm2v.{room}.{path.stem}": needs_of(path) for path in paths}
        del needs[f"skm2v.{room}.__init__"]
        order = TopologicalSorter({name: names & set(needs) for name, names in needs.items()})
        order.prepare()  # raises CycleError, which names the modules
