"""Are the checks of files and of input tested? Change them, and count what the tests find.

    pip install cosmic-ray
    python tools/mutants.py [skm2v/_model/reader.py ...] [--places 50] [--seed 0]

cosmic-ray's operators change one comparison, condition, number or the like at a time, and one
more of ours takes a ``raise`` away. In a copy of the project the tests that hold the file are run
on each change, in a forked process that has the libraries already. Not every change is tried: of
all places of a file a sample is drawn, and at each place one of the changes that are possible
there. Annotations are left out, which nothing evaluates. What survives is printed as a diff: a
test is missing, or the changed program does the same. Linux only.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import importlib.util
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = (".git", ".venv", "build", "_build", "__pycache__", "*.egg-info", ".*_cache")
LIBRARIES = ("joblib", "numpy", "pandas", "polars", "pyarrow", "safetensors", "scipy", "skops")
LIBRARIES += ("sklearn", "tokenizers")
MEMORY = 4 << 30  # that a changed program may take beyond what it has

# The quickest tests that hold each file; they stop at the first that fails.
TESTS = {
    "skm2v/_checks.py": "test_checks",
    "skm2v/_strict_json.py": "model/test_sealed model/test_tampering",
    "skm2v/_text_input.py": "features/test_column_names embedder/test_embedder",
    "skm2v/_pooling/columns.py": "pooling/test_texts pooling/test_streams",
    "skm2v/_pooling/texts.py": "pooling/test_texts",
    "skm2v/_model/reader.py": "model/test_save_load model/test_peers model/test_mapped"
    " model/test_paths model/test_tampering model/test_foreign",
    "skm2v/_model/writer.py": "model/test_save_load model/test_card model/test_peers"
    " model/test_file_systems model/test_unknown_token model/test_interruption",
    "skm2v/_model/tensor_file.py": "model/test_tensor_file model/test_tampering model/test_mapped",
    "skm2v/_model/sealed.py": "model/test_sealed model/test_save_load model/test_tampering",
    "skm2v/_model/sealed_file.py": "classifier/test_fused_file model/test_foreign",
    "skm2v/_model/state.py": "model/test_pickle test_sealed_pickles",
    "skm2v/_model/tokenizer_check.py": "model/test_tokenizer_limits model/test_required_settings"
    " model/test_tokenizer_document model/test_file_systems model/test_tampering",
    "skm2v/_model/tokenizer_settings.py": "model/test_tokenizer_limits model/test_required_settings"
    " model/test_tampering model/test_peer_versions",
    "skm2v/_model/unknown_token.py": "model/test_unknown_token model/test_save_load",
    "skm2v/_model/files.py": "model/test_file_systems model/test_save_load model/test_mapped"
    " model/test_paths model/test_interruption",
    "skm2v/_model/folder.py": "model/test_file_systems model/test_paths model/test_peers",
    "skm2v/_model/layouts.py": "model/test_peers model/test_paths",
    "skm2v/_model/parts.py": "model/test_tampering model/test_save_load",
}

Place = tuple[str, tuple[int, int], tuple[int, int]]
Change = Callable[[], str]


def span(node: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def changes_of(source: str) -> dict[Place, list[Change]]:
    """Return what makes each changed text, by operator and place."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    tree = ast.parse(source)
    parts = [getattr(node, name, None) for node in ast.walk(tree) for name in ANNOTATIONS]
    annotations = [span(part) for part in parts if isinstance(part, ast.expr)]
    found: dict[Place, list[Change]] = defaultdict(list)
    for name in operator_names():
        kind = get_operator(name)
        if kind.arguments():  # does nothing unless it is told what
            continue
        positions = (
            position
            for node in ast_nodes(get_ast(source))
            for position in kind().mutation_positions(node)
        )
        for number, (start, end) in enumerate(positions):
            if not any(first <= start < last for first, last in annotations):
                place = name.split("_")[0], start, end

                def change(kind: Any = kind, number: int = number) -> str:
                    return str(mutate_code(source, kind(), number))

                found[place].append(change)
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            start, end = span(node)
            lines = source.splitlines(keepends=True)
            before, after = lines[: start[0] - 1], lines[end[0] :]
            changed = "".join([*before, " " * start[1], "pass\n", *after])
            found["raise", start, end].append(lambda changed=changed: changed)
    return found


ANNOTATIONS = ("annotation", "returns")


def run_tests(copy: Path, modules: list[str], seconds: float | None = None) -> bool:
    """Run tests in a forked process, and say whether all of them passed in time."""
    child = os.fork()
    if child == 0:
        status = 2
        try:
            os.setsid()
            os.chdir(copy)
            sys.path.insert(0, str(copy))
            os.environ["PYTHONPATH"] = str(copy)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nowhere, descriptor)
            resource.setrlimit(resource.RLIMIT_AS, (_size() + MEMORY, resource.RLIM_INFINITY))
            import pytest

            files = [f"tests/{module}.py" for module in modules]
            options = ["-x", "-q", "-n", "0", "-p", "no:randomly", "-p", "no:cacheprovider"]
            status = int(pytest.main([*options, *files]))
            names = [name for name in sys.modules if name.partition(".")[0] in LIBRARIES]
            (copy / "loaded").write_text("\n".join(names), encoding="utf-8")
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, 0 if end is None else os.WNOHANG)
        if done:
            break
        if end is not None and time.monotonic() > end:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            end = None
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):  # what the tests started and left
        os.killpg(child, signal.SIGKILL)
    return status == 0


def _size() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def try_file(name: str, copy: Path, n_places: int, seed: int) -> str:
    """Try changes of one file; return its row of the table, and print what survives."""
    modules, file = TESTS[name].split(), copy / name
    source = file.read_text(encoding="utf-8")
    if not run_tests(copy, modules):
        raise SystemExit(f"The tests of {name} fail, unchanged: {modules}")
    for module in (copy / "loaded").read_text(encoding="utf-8").split():
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    start = time.monotonic()
    if not run_tests(copy, modules):
        raise SystemExit(f"The tests of {name} fail after a fork: {modules}")
    seconds = 30 + 10 * (time.monotonic() - start)
    rng, changes = random.Random(seed), changes_of(source)
    n_tried = n_found = 0
    for place in rng.sample(sorted(changes), len(changes)):
        if n_tried == n_places:
            break
        changed = rng.choice(changes[place])()
        if not is_other_program(source, changed):
            continue
        n_tried += 1
        file.write_text(changed, encoding="utf-8")
        # Its time and size can be those of the text before.
        Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
        if run_tests(copy, modules, seconds):
            lines = difflib.unified_diff(source.splitlines(), changed.splitlines(), name, name)
            print("\n".join(lines), file=sys.stderr, flush=True)
        else:
            n_found += 1
    file.write_text(source, encoding="utf-8")
    Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)
    share = 100 * n_found / n_tried
    return f"| {name} | {len(changes)} | {n_tried} | {n_found} | {share:.0f} % |"


def is_other_program(source: str, changed: str) -> bool:
    """Whether it is a program, and does not only name its parameters in another way."""
    trees = []
    for text in (source, changed):
        try:
            tree = ast.parse(text)
        except SyntaxError:  # of every star cosmic-ray makes a slash, too
            return False
        for node in ast.walk(tree):
            if isinstance(node, ast.arguments):
                node.args += node.posonlyargs + node.kwonlyargs
                node.posonlyargs, node.kwonlyargs = [], []
                node.defaults += [default for default in node.kw_defaults if default]
                node.kw_defaults = []
        trees.append(ast.dump(tree))
    return trees[0] != trees[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--places", type=int, default=50, help="of a file, at most")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    print("| file | places | tried | found | share |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for name in arguments.files or TESTS:
            print(try_file(name, copy, arguments.places, arguments.seed), flush=True)


if __name__ == "__main__":
    main()
