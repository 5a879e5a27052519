"""Docstrings are complete; their examples print what they say and show what they are about."""

from __future__ import annotations

import doctest
import inspect
import re
import warnings

import pytest

from skm2v.exceptions import TextWarning
from tests import public_objects

TOP_LEVEL = public_objects.top_level()
EVERYTHING = public_objects.everything()
TEACHER = "sentence-transformers/all-MiniLM-L6-v2"  # a tiny stand-in takes its place here
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples_of(name: str) -> doctest.DocTest:
    text = inspect.getdoc(EVERYTHING[name]) or ""
    return doctest.DocTestParser().get_doctest(text, {}, name, None, 0)


def source_of(name: str) -> str:
    return "".join(example.source for example in examples_of(name).examples)


WITH_EXAMPLES = [name for name in EVERYTHING if examples_of(name).examples]


def test_every_public_class_and_function_has_an_example():
    assert [name for name in TOP_LEVEL if name not in WITH_EXAMPLES] == []


def test_no_example_is_skipped():
    for name in WITH_EXAMPLES:
        for example in examples_of(name).examples:
            assert doctest.SKIP not in example.options, name


def test_the_version_is_in_an_example():
    constants = [one for one in public_objects.NAMES if not callable(public_objects.load(one))]
    assert constants == ["skm2v.__version__"]
    assert "skm2v.__version__\n" in source_of("skm2v.show_versions")


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_print_what_they_say(name, tmp_path, monkeypatch, tiny_teacher_of):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKM2V_PROGRESS", "0")
    test = examples_of(name)
    source = source_of(name)
    if TEACHER in source:
        teacher = str(tiny_teacher_of(hidden_size=256))
        for example in test.examples:
            example.source = example.source.replace(TEACHER, teacher)
        warnings.simplefilter("ignore", TextWarning)  # nobody learns from random weights
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    runner.run(test, out=said.append, clear_globs=False)
    assert not said, "".join(said)
    assert shows(name, source, test.globs), f"The example of {name} neither names nor makes one."


def shows(name: str, source: str, made: dict[str, object]) -> bool:
    if name.rpartition(".")[2] in re.findall(r"\w+", source):
        return True
    owner = EVERYTHING[name]
    return isinstance(owner, type) and any(isinstance(one, owner) for one in made.values())
