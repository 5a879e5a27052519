"""What `import skm2v` loads, in a fresh interpreter, and which room imports which."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from skm2v import StaticTextClassifier, fuse
from tests.import_graph import find_circle, folded, read_imports, sources_in, upward

ROOT = Path(__file__).parents[1]
# Floors of the house, from the ground up. A module imports from its own floor and from those
# below, and no modules import each other in a circle; the README shows the same table.
ROOMS = (
    {
        "exceptions",
        "_checks",
        "_doc_link",
        "_fit_context",
        "_html_text",
        "_lazy_frames",
        "_progress",
        "_strict_json",
        "_text_tables",
        "_warnings",
        "_version",
    },
    {"datasets"},
    {"testing", "_text_checks"},
    {"_pooling"},
    {"_show_versions"},
    {"_model"},
    {"_fit_report"},
    {"_distillation"},
    {"_static_model"},
    {"distill"},
    {"_resolve_model"},
    {"_embedder", "_callbacks", "_model_transformer", "_text_input"},
    {"_features"},
    {"_pairs"},
    {"_dedup"},
    {"deduplication"},
    {"_clustering"},
    {"clustering"},
    {"_classification"},
    {"_search"},
    {"search"},
    {"evaluation"},
    {"distributed", "_distributed"},
    {"_cli"},
    {"__init__", "__main__"},
)
# Modules of our own that are imported in functions, and why not at the top. That it would be a
# circle is no reason: the tests below find circles through functions, too.
LATE_IMPORTS = {
    "a process that serves does without what distils": {
        "skm2v._static_model.changing -> skm2v._distillation.fitting.adapting",
        "skm2v._static_model.changing -> skm2v._distillation.fitting.extending",
        "skm2v._static_model.changing -> skm2v._distillation.fitting.stretching",
        "skm2v._static_model.neutral -> skm2v._distillation.tensors",
        "skm2v.distill -> skm2v._distillation.distillation",
        "skm2v.distill -> skm2v._static_model",
    },
    "`import skm2v` does without what not every process needs": {
        "skm2v._model.kernel_check -> skm2v._pooling.kernel",
        "skm2v._model.kernel_tables -> skm2v._pooling.kernel",
        "skm2v._pooling.pooler -> skm2v._pooling.kernel",
        "skm2v._classification.explanation -> skm2v._classification.explanation_html",
    },
    "each command loads what it runs": {
        "skm2v._cli.dedup -> skm2v._dedup.deduplicator",
        "skm2v._cli.dedup -> skm2v._embedder",
        "skm2v._cli.distill -> skm2v._distillation.teacher.device",
        "skm2v._cli.distill -> skm2v._distillation.teacher.teacher",
        "skm2v._cli.predict -> skm2v._cli.predictors",
        "skm2v._cli.topics -> skm2v._clustering.shares",
        "skm2v._cli.topics -> skm2v._clustering.topics",
        "skm2v._cli.topics -> skm2v._embedder",
        "skm2v._cli.evaluate -> skm2v.evaluation",
        "skm2v._cli.search -> skm2v._embedder",
        "skm2v._cli.search -> skm2v._search.searcher",
        "skm2v._cli.evaluate -> skm2v.evaluation._progress",
    },
    "an evaluation loads the kinds of models that it is asked for": {
        "skm2v.evaluation._model_specs -> skm2v._classification.fused",
    },
    "the version is read where it is written down": {
        "skm2v._model.config -> skm2v._version",
        "skm2v._show_versions -> skm2v._version",
    },
    "a report about a broken installation loads what may be broken": {
        "skm2v._show_versions -> skm2v._pooling.kernel",
    },
}
# Modules that import others by a name which is not written there, and why.
BY_NAME = {
    "skm2v": "public names are loaded when they are first asked for",
    "skm2v.evaluation._model_specs": "`python:module:name` is the user's module",
    "skm2v._distillation.teacher.extras": "torch and transformers, with an error that helps",
    "skm2v._text_checks.tools": "asks which libraries there are",
}

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


# What a process that serves a model does not wait for.
NOT_SERVING = {"sklearn", "scipy", "joblib", "safetensors", "huggingface_hub", "pandas", "torch"}

SERVING = {
    "a model": """
from skm2v import StaticModel
StaticModel.from_pretrained("default").encode(["a text", "\u4e2d\u6587"])
""",
    "a fused classifier": """
from skm2v import FusedTextClassifier
model = FusedTextClassifier.load({path!r}, mmap=True)
model.predict(["a text"]), model.decision_function(["another"]), model.explain(["a third"])
""",
    "the command": """
from skm2v._cli.main import main
assert main(["info"]) == 0
""",
}


@pytest.fixture(scope="module")
def fused_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("fused") / "spam.safetensors"
    texts = ["Win a free phone now", "Claim your prize", "See you at lunch", "Call me later"]
    fuse(StaticTextClassifier().fit(texts, [1, 1, 0, 0])).save(path)
    return str(path)


@pytest.mark.parametrize("what", SERVING)
def test_what_serves_loads_neither_scikit_learn_nor_scipy(what, fused_path):
    loaded = {name.partition(".")[0] for name in loaded_by(SERVING[what].format(path=fused_path))}
    assert "skm2v" in loaded
    assert not loaded & NOT_SERVING


def test_distill_is_the_function_whatever_is_imported_first():
    for code in (
        "import skm2v.distill; import skm2v",
        "from skm2v.distill import distill; import skm2v",
        "import skm2v; skm2v.StaticModel; import skm2v.distill",
    ):
        loaded_by(f"{code}; assert callable(skm2v.distill); skm2v.distill.__name__")


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
    assert "skm2v.exceptions" in added
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


@pytest.fixture(scope="module")
def imports():
    return read_imports(sources_in(ROOT / "skm2v"))


def ours(imports):
    """Imports of our own modules that run."""
    return [
        one
        for one in imports
        if str(one.target).partition(".")[0] == "skm2v" and not one.types_only
    ]


def test_rooms_import_in_one_direction(imports):
    types = [one for one in imports if one.types_only and str(one.target).startswith("skm2v.")]
    assert upward([*ours(imports), *types], ROOMS, "skm2v") == []


def test_every_room_is_on_one_floor(imports):
    rooms = {(one.module.split(".") + ["__init__"])[1] for one in imports}
    rooms |= {path.stem for path in (ROOT / "skm2v").glob("*.py")}
    assert sorted(room for floor in ROOMS for room in floor) == sorted(rooms)


def test_no_modules_import_each_other_in_a_circle_late_imports_included(imports):
    assert find_circle(ours(imports)) is None


def test_no_folders_of_a_room_import_each_other_in_a_circle(imports):
    inside = [one for one in ours(imports) if one.module.startswith("skm2v._distillation.")]
    inside = [one for one in inside if one.target.startswith("skm2v._distillation.")]
    assert find_circle(folded(inside, depth=3)) is None


def test_modules_of_a_room_do_not_import_its_face(imports):
    """The face gathers what its modules hold; asked by one of them, it would be half loaded."""
    assert not [one for one in ours(imports) if one.module.startswith(f"{one.target}.")]


def test_our_own_modules_are_imported_by_statements_alone(imports):
    """A name in a call escapes type checkers, linters and whoever reads the imports."""
    assert not [one for one in ours(imports) if one.by_call]
    by_name = {one.module for one in imports if one.by_call and one.target is None}
    assert by_name == set(BY_NAME)


def test_late_imports_are_those_of_the_table(imports):
    found = {f"{one.module} -> {one.target}" for one in ours(imports) if one.late}
    listed = [one for some in LATE_IMPORTS.values() for one in some]
    assert found - set(listed) == set(), "say in LATE_IMPORTS why, or import at the top"
    assert set(listed) - found == set(), "no longer there"
    assert len(listed) == len(set(listed))


def test_the_readme_shows_the_rooms():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("## How it is built")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`skm2v/.*?) \|", table, flags=re.MULTILINE)
    shown = [set(re.findall(r"`skm2v/(\w+?)(?:\.py|/)`", row)) for row in rows]
    assert shown[::-1] == list(ROOMS)


def test_torch_is_in_one_room(imports):
    """There it is imported by name, inside functions; see `skm2v._distillation.teacher.extras`."""
    wrong = [one for one in imports if str(one.target).split(".")[0] in {"torch", "transformers"}]
    assert not wrong
    extras = [one.module for one in imports if str(one.target).endswith("teacher.extras")]
    assert extras and all(name.startswith("skm2v._distillation.") for name in extras)


# The circles that the package once had, in small: the tests above would find them.
def test_a_circle_through_import_module_is_found():
    sources = {
        "p": "",
        "p.model": "from p.learning import Learning\n",
        "p.learning": (
            "from importlib import import_module\n"
            "def _distill():\n    return import_module('p.distillation')\n"
        ),
        "p.distillation": "from p.model import StaticModel\n",
    }
    imports = read_imports(sources)
    assert {(one.module, one.target) for one in imports if one.by_call} == {
        ("p.learning", "p.distillation")
    }
    assert set(find_circle(imports)) == {"p.model", "p.learning", "p.distillation"}
    floors = [{"model", "learning"}, {"distillation"}, {"__init__"}]
    assert upward(imports, floors, "p") == ["p.learning imports p.distillation"]
    # A name that is not written there cannot be followed; it is told from the others.
    sources["p.learning"] = sources["p.learning"].replace("'p.distillation'", "NAME")
    assert [one.target for one in read_imports(sources) if one.by_call] == [None]
    sources["p.learning"] = "from importlib import import_module as load\n"
    with pytest.raises(AssertionError, match="hides a function that imports"):
        read_imports(sources)


def test_a_circle_through_late_imports_is_found():
    sources = {
        "p": "",
        "p.results": (
            "class Results:\n    def to_html(self):\n        from p.html import render\n"
        ),
        "p.html": "from p.results import percent\n",
    }
    assert set(find_circle(read_imports(sources))) == {"p.results", "p.html"}


def test_a_circle_of_types_alone_is_allowed():
    sources = {
        "p": "",
        "p.explanation": "def to_html():\n    from p.page import render\n",
        "p.page": (
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from p.explanation import Explanation\n"
        ),
    }
    assert find_circle(read_imports(sources)) is None
    # Not so where the import runs in the other branch.
    sources["p.page"] = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    pass\nelse:\n    from p.explanation import Explanation\n"
    )
    assert set(find_circle(read_imports(sources))) == {"p.explanation", "p.page"}


def test_a_circle_of_folders_is_found_where_modules_have_none():
    sources = {
        "p.teacher.files": "import p.passes.store\n",
        "p.passes.table": "import p.teacher.files\n",
        "p.passes.store": "",
        "p.teacher": "",
        "p.passes": "",
    }
    imports = read_imports(sources)
    assert find_circle(imports) is None
    assert set(find_circle(folded(imports, depth=2))) == {"p.teacher", "p.passes"}


def test_a_room_on_no_floor_is_an_error():
    with pytest.raises(AssertionError, match="'new' is on no floor"):
        upward(read_imports({"p.new": "import p.old"}), [{"old"}], "p")
