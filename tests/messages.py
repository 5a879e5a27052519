"""What the package says: templates of its errors, warnings and log messages, from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import skm2v

PACKAGE = Path(skm2v.__file__).parent
GAP = "..."  # stands for what is put in


@cache
def modules() -> list[ast.Module]:
    """Return the modules of the package as trees."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return [ast.parse(path.read_text(encoding="utf-8")) for path in paths]


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in the package with the name of what is called."""
    for tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node


@cache
def raised() -> list[tuple[str, str]]:
    """Return class and template of every ``raise Class(...)``."""
    return [
        (ast.unparse(node.exc.func), template(node.exc))
        for tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
    ]


def template(call: ast.Call, position: int = 0) -> str:
    """Return the text that a call is given, with a gap for what is put in and what is not known."""
    return _text(call.args[position]) if call.args else ""


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%(\.\d)?[sdf]", GAP, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.Call):  # " ".join(["Of the words", *more])
        return GAP.join(_text(part) for argument in node.args for part in _parts(argument))
    return GAP


def _parts(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, (ast.List, ast.Tuple)) else [node]


def all_strings() -> str:
    """Return every string of the package, an f-string with gaps, in one text; no docstrings."""
    found = []
    for tree in modules():
        nodes = list(ast.walk(tree))
        docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            if isinstance(node, (ast.JoinedStr, ast.Constant)) and id(node) not in docstrings:
                found.append(_text(node))
    for path in sorted(PACKAGE.rglob("*.pyx")):
        found.append(path.read_text(encoding="utf-8"))
    return "\n".join(found)
