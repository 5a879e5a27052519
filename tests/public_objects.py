"""Every public object with a docstring: classes, their public methods and properties, functions."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

NAMES = Path(__file__).with_name("public_names.txt").read_text(encoding="utf-8").split()


def load(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    # By `import_module`, as the attribute `skm2v.distill` is the function.
    return getattr(importlib.import_module(module), attribute)


def top_level() -> dict[str, Any]:
    """Public classes and functions by name; what has two names, under the shorter one."""
    found: dict[int, tuple[str, Any]] = {}
    for name in NAMES:
        value = load(name)
        if callable(value) and len(name) < len(found.get(id(value), (name + " ",))[0]):
            found[id(value)] = name, value
    return dict(found.values())


def members_of(name: str, owner: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class that this package wrote."""
    for key in dir(owner):
        home = next(one for one in owner.__mro__ if key in vars(one))
        value = vars(home)[key]
        if isinstance(value, (classmethod, staticmethod)):
            value = value.__func__
        is_one = inspect.isfunction(value) or isinstance(value, (property, cached_property))
        if not key.startswith("_") and home.__module__.startswith("skm2v") and is_one:
            yield f"{name}.{key}", value


def everything() -> dict[str, Any]:
    found = top_level()
    for name, value in list(found.items()):
        if isinstance(value, type):
            found.update(members_of(name, value))
    return found
