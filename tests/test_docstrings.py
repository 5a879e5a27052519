"""Docstrings are complete; their examples print what they say and show what they are about."""

from __future__ import annotations

import doctest
import inspect
import re
import warnings

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

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


# Checks of numpydoc that are off, with the reason; all others are on, for every public object.
OFF = {
    "ES01": "a summary that says all needs no second paragraph, as in pandas",
    "SA01": "what is worth a look beside it is named where there is such a thing, as in pandas",
    "RT02": "results have names, as in scikit-learn, since shapes refer to each other",
}
# Off for methods and properties, as in scikit-learn: the example of the class shows them.
OFF_FOR_MEMBERS = {"EX01"}
# Off for classes, in favour of the test of constructors below: the fields of a result are its
# attributes, and are described once.
OFF_FOR_CLASSES = {"PR01"}


@pytest.mark.parametrize("name", EVERYTHING)
def test_docstrings_are_those_that_numpydoc_wants(name):
    value = EVERYTHING[name]
    off = set(OFF)
    off |= OFF_FOR_CLASSES if isinstance(value, type) else set()
    off |= OFF_FOR_MEMBERS if name not in TOP_LEVEL else set()
    found = validate(get_doc_object(value))["errors"]
    assert [one for one in found if one[0] not in off] == []


WITH_CONSTRUCTORS = [
    name
    for name, value in TOP_LEVEL.items()
    if isinstance(value, type)
    and not issubclass(value, BaseException)
    and (value.__init__, value.__new__) != (object.__init__, object.__new__)
]


@pytest.mark.parametrize("name", WITH_CONSTRUCTORS)
def test_what_a_class_is_made_of_is_described(name):
    owner = TOP_LEVEL[name]
    document = get_doc_object(owner)
    entries = [*document["Parameters"], *document["Attributes"], *document["Other Parameters"]]
    described = {one.strip(" *") for entry in entries for one in entry.name.split(",")}
    kinds = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    parameters = [
        parameter.name
        for parameter in inspect.signature(owner).parameters.values()
        if parameter.kind not in kinds
    ]
    assert [one for one in parameters if one not in described] == []


def test_a_bad_docstring_is_noticed():
    def bad(left, right):
        """adds

        Parameters
        ----------
        left
            Number
        """
        return left + right

    codes = {one[0] for one in validate(get_doc_object(bad))["errors"]}
    assert {"SS02", "SS03", "PR01", "PR04", "PR09", "RT01", "EX01"} <= codes


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
