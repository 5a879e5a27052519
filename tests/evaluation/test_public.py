"""What the room shows to the outside: names, documentation, and what a task type has to say."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from skm2v import evaluation
from skm2v.evaluation import Encode, Outcome, Task, TaskDataError, evaluate
from skm2v.evaluation._table_reader import DataOptions, TableReader
from skm2v.evaluation._tables import Table
from skm2v.evaluation._task_types import BY_TYPE, FOLDERS, TASK_TYPES

MODULES = ["skm2v.evaluation", "skm2v.datasets", "skm2v.testing", "skm2v.exceptions"]


def documented() -> Iterator[tuple[str, Any]]:
    """Public functions, classes, and the public methods that our classes define themselves."""
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            yield f"{module_name}.{name}", value
            if not isinstance(value, type):
                continue
            for attribute, member in vars(value).items():
                member = getattr(member, "__func__", member)
                if not attribute.startswith("_") and inspect.isfunction(member):
                    yield f"{module_name}.{name}.{attribute}", member


FUNCTIONS = {name: value for name, value in documented() if not isinstance(value, type)}


def section(doc: str, title: str) -> str:
    """Text below a heading of numpydoc, up to the next one."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", doc, re.M | re.S)
    return found[1] if found else ""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_and_results_are_documented(name: str) -> None:
    function = FUNCTIONS[name]
    doc = inspect.getdoc(function) or ""
    assert doc
    if re.search(r"; see `[\w.]+`\.$", doc.partition("\n")[0]):
        return  # an override that says no more than what it overrides
    signature = inspect.signature(function)
    told = section(doc, "Parameters")
    for parameter in signature.parameters.values():
        if parameter.name not in ("self", "cls"):
            assert re.search(rf"^[\w, *]*\b{parameter.name}\b", told, re.M), parameter.name
    if signature.return_annotation not in (None, "None", inspect.Signature.empty):
        assert section(doc, "Returns") or section(doc, "Yields"), "no Returns"


def test_errors_that_a_function_raises_itself_are_documented() -> None:
    for name, function in FUNCTIONS.items():
        doc = inspect.getdoc(function) or ""
        if "; see `" in doc.partition("\n")[0]:
            continue
        raised = set(re.findall(r"raise (\w+Error)\(", inspect.getsource(function)))
        told = section(doc, "Raises")
        assert not {one for one in raised if one not in told}, name


def test_what_is_public_names_no_file() -> None:
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in module.__all__:
            value = getattr(module, name)
            assert value.__module__ == module_name
            assert pickle.loads(pickle.dumps(value)) is value


def test_every_module_lists_its_names() -> None:
    for info in pkgutil.iter_modules(evaluation.__path__, "skm2v.evaluation."):
        module = importlib.import_module(info.name)
        assert module.__all__
        assert all(hasattr(module, name) for name in module.__all__)


def test_errors_are_sentences() -> None:
    """They begin with a capital, with the name of a file, or with what was got."""
    for info in pkgutil.iter_modules(evaluation.__path__, "skm2v.evaluation."):
        source = inspect.getsource(importlib.import_module(info.name))
        for start in re.findall(r"raise \w+Error\(\s*f?(?:\"|')(.)", source):
            assert start.isupper() or start == "{", (info.name, start)


def test_task_types_say_what_reports_need() -> None:
    assert len(BY_TYPE) == len(TASK_TYPES) == len({task.title for task in TASK_TYPES})
    for task in TASK_TYPES:
        assert task.title[0].isupper()
        assert task.measure and task.metric and task.version >= 1
        assert task.use in ("vectors", "classes", "groups", "search")
        assert bool(task.roles) == (task.of_table.__func__ is not Task.of_table.__func__)
    assert FOLDERS["intent"] == ["classification", "classification-full"]
    assert FOLDERS["dedup"] == ["deduplication"]


@dataclass(frozen=True)
class Titles(Task):
    texts: list[str]
    titles: list[str]

    type: ClassVar[str] = "titles"
    metric: ClassVar[str] = "cosine"
    version: ClassVar[int] = 1

    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        first, second = np.asarray(encode(self.texts)), np.asarray(encode(self.titles))
        return Outcome.of_items(np.einsum("ij,ij->i", first, second).astype(np.float64))


def test_a_task_of_the_users_own_is_evaluated_and_reported(word_sum: Any) -> None:
    evaluation = evaluate({"a": word_sum, "words": "words"}, Titles("mine", ["a b"], ["a"]))
    assert [r.score is None for r in evaluation.results] == [False, True]  # words are sparse
    evaluation = evaluate(word_sum, Titles("mine", ["a b"], ["a"]))
    assert evaluation.summaries()[0].average is not None
    assert "| titles | mine | cosine |" in evaluation.to_markdown()
    assert "<h3>titles</h3>" in evaluation.to_html()
    with pytest.raises(TaskDataError, match="a titles task is not made from a table"):
        Titles.of_table("mine", TableReader(Table({}, "mine.csv"), DataOptions()))
