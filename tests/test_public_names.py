"""What users may name: `public_names.txt` lists it, and a change of that file is a decision."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
from pathlib import Path

import pytest

import skm2v

LISTED = Path(__file__).with_name("public_names.txt").read_text(encoding="utf-8").split()


def public_modules() -> list[str]:
    """Modules of which no part starts with an underscore."""
    found = pkgutil.walk_packages(skm2v.__path__, "skm2v.", onerror=pytest.fail)
    names = [one.name for one in found if not any(p[0] == "_" for p in one.name.split("."))]
    return ["skm2v", *names]


def module(name: str):
    # By `import_module`, as the attribute `skm2v.distill` is the function.
    return importlib.import_module(name)


def test_public_names_are_those_of_the_list():
    found = [f"{name}.{one}" for name in public_modules() for one in module(name).__all__]
    assert sorted(found) == LISTED


def test_every_public_name_is_there_and_documented():
    for one in LISTED:
        name, _, attribute = one.rpartition(".")
        value = getattr(module(name), attribute)
        if callable(value):
            assert inspect.getdoc(value), one


def test_pickles_of_public_classes_name_no_file():
    classes = [
        (name, value)
        for name in public_modules()
        for value in (getattr(module(name), one) for one in module(name).__all__)
        if isinstance(value, type)
    ]
    assert ("skm2v", skm2v.StaticEmbedder) in classes
    for name, one in classes:
        assert one.__module__ == name, one
        assert pickle.loads(pickle.dumps(one)) is one


def test_what_dir_offers_is_public():
    for name in ("skm2v", "skm2v.evaluation"):
        assert set(module(name).__all__) <= set(dir(module(name)))
