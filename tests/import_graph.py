"""Which module of a package imports which, read from the sources without running them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

# Functions that import a module whose name is an argument.
IMPORTERS = ("import_module", "__import__")


@dataclass(frozen=True)
class Import:
    """One import: of a module, or of something that is in a module.

    Attributes
    ----------
    module : str
        The file that imports.
    target : str or None
        The module that is imported; None where the name is not written there.
    late : bool
        In a function, so that it runs after all modules are loaded.
    types_only : bool
        Under ``if TYPE_CHECKING``, so that it never runs.
    by_call : bool
        A call of ``import_module`` or ``__import__``, not a statement.
    """

    module: str
    target: str | None
    late: bool
    types_only: bool
    by_call: bool


def sources_in(package: Path) -> dict[str, str]:
    """Return the source of each module of a package, by its dotted name."""
    sources = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        sources[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    # Compiled modules are leaves: the exceptions are all that they import from here.
    compiled = package.rglob("*.pyx")
    names = [path.relative_to(package.parent).with_suffix("").parts for path in compiled]
    return {**sources, **{".".join(parts): "" for parts in names}}


def read_imports(sources: Mapping[str, str]) -> list[Import]:
    """Return every import of every module.

    What is imported from a package is the module of that name where there is one, else the
    package's own file: ``from package import name`` needs ``package.name`` or ``package``.
    """
    return [
        found
        for module, source in sources.items()
        for found in _imports_below(ast.parse(source), Import(module, "", *[False] * 3), sources)
    ]


def _imports_below(node: ast.AST, place: Import, known: Collection[str]) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        late = place.late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        types_only = place.types_only
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            types_only = types_only or child in node.body
        here = Import(place.module, None, late, types_only, by_call=False)
        for target, by_call in _targets(child, known):
            yield Import(here.module, target, late, types_only, by_call)
        yield from _imports_below(child, here, known)


def _targets(node: ast.AST, known: Collection[str]) -> Iterator[tuple[str | None, bool]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, False) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.module and not node.level, f"{ast.unparse(node)} is relative"
        names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from {(name if name in known else node.module, False): None for name in names}
        # Under another name it would not be found where it is called.
        renamed = [a.name for a in node.names if a.name in IMPORTERS and a.asname]
        assert not renamed, f"{ast.unparse(node)} hides a function that imports"
    elif isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else None
        called = node.func.id if isinstance(node.func, ast.Name) else called
        if called in IMPORTERS:
            name = node.args[0] if node.args else None
            literal = isinstance(name, ast.Constant) and isinstance(name.value, str)
            yield (name.value if literal else None), True


def find_circle(imports: Iterable[Import]) -> list[str] | None:
    """Return modules that import each other, whenever they do, in a circle; None without one.

    Imports of types alone do not count: they never run. Nor does it count that a package is
    loaded before its modules, for which no module asks.
    """
    needs: dict[str, set[str]] = {}
    for one in imports:
        if one.target is not None and not one.types_only:
            needs.setdefault(one.module, set()).add(one.target)
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return None


def folded(imports: Iterable[Import], depth: int) -> list[Import]:
    """Return the imports between folders: names are cut after so many parts.

    Imports inside one folder are left out. A package's own file stays by itself.
    """
    cut = []
    for one in imports:
        if one.target is None:
            continue
        module, target = (".".join(name.split(".")[:depth]) for name in (one.module, one.target))
        if module != target:
            cut.append(Import(module, target, one.late, one.types_only, one.by_call))
    return cut


def upward(imports: Iterable[Import], floors: Iterable[Collection[str]], top: str) -> list[str]:
    """Return the imports that go up: from a room to one on a higher floor.

    Parameters
    ----------
    imports : iterable of Import
    floors : iterable of collections of str
        Names of rooms, files and folders directly in the package `top`, from the ground up.
        Rooms of one floor may import each other. The package's own file is ``"__init__"``.
    top : str
    """
    rank = {room: floor for floor, rooms in enumerate(floors) for room in rooms}
    wrong = []
    for one in imports:
        if one.target is None or one.target.split(".")[0] != top:
            continue
        room, other = (_room_of(name) for name in (one.module, one.target))
        for name in (room, other):
            assert name in rank, f"{one.module} imports {one.target}: {name!r} is on no floor"
        if rank[other] > rank[room]:
            wrong.append(f"{one.module} imports {one.target}")
    return wrong


def _room_of(module: str) -> str:
    return (module.split(".") + ["__init__"])[1]
