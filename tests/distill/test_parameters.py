"""The parameters of the recipes: one source of defaults, and one form for what others write."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from skm2v import StaticEmbedder, distill, distill_from_model
from skm2v._cli.main import _parser
from skm2v._distillation import SENTENCE_PARAMETERS, TOKEN_PARAMETERS
from skm2v._distillation.fitting.parameters import changed, normalised
from skm2v._distillation.teacher.teacher import POOLINGS
from skm2v._model.quantization import DTYPES
from skm2v._resolve_model import TEACHER_DIMS
from skm2v.exceptions import TextWarning
from tests import tiny

DEFAULTS = {**TOKEN_PARAMETERS, **SENTENCE_PARAMETERS}


def defaults_of(call):
    parameters = inspect.signature(call).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


@pytest.mark.parametrize("call", [distill, distill_from_model])
def test_signatures_have_the_recipes_defaults(call):
    own = defaults_of(call)
    assert {name: own[name] for name in DEFAULTS} == DEFAULTS


def test_the_embedder_has_the_recipes_defaults():
    own = defaults_of(StaticEmbedder)
    # Clusters are for files; the number of dimensions depends on the source.
    shared = {n: d for n, d in DEFAULTS.items() if n not in ("vocabulary_quantization", "pca_dims")}
    assert {name: own[name] for name in shared} == shared
    assert DEFAULTS["pca_dims"] == TEACHER_DIMS
    words = {"pooling": POOLINGS, "quantize_to": DTYPES}
    for name, choices in words.items():
        (options,) = StaticEmbedder._parameter_constraints[name]
        assert options.options == set(choices)


def test_the_command_has_the_recipes_defaults():
    arguments = vars(_parser(["distill"]).parse_args(["distill", "teacher", "output"]))
    shared = {name: default for name, default in DEFAULTS.items() if name in arguments}
    assert len(shared) > 5
    assert {name: arguments[name] for name in shared} == shared


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ngram_range", [1, 1]),
        ("ngram_range", tuple(np.array([1, 1]))),
        ("vocabulary", []),
        ("vocabulary", ()),
        ("extra_words", np.int64(0)),
        ("sif_coefficient", np.float64(1e-4)),
        ("device", "auto"),
    ],
)
def test_defaults_written_otherwise_are_defaults(tiny_static, name, value):
    """As YAML, JSON and NumPy write them."""
    assert not changed({name: value}, {**DEFAULTS, "device": None})
    embedder = StaticEmbedder(tiny_static, **{name: value})
    assert embedder.fit(["a text"]).model_ == StaticEmbedder(tiny_static).fit(["a text"]).model_


@pytest.mark.parametrize(
    ("name", "value"), [("vocabulary", ["word"]), ("ngram_range", [1, 2]), ("pooling", "first")]
)
def test_what_differs_from_a_default_is_still_refused(tiny_static, name, value):
    with pytest.raises(ValueError, match=f"no effect: {name}="):
        StaticEmbedder(tiny_static, **{name: value}).fit(["a text"])


def test_lists_and_tuples_give_the_same_model(tiny_teacher):
    texts = list(tiny.SENTENCES)
    as_list = StaticEmbedder(str(tiny_teacher), vocabulary=["remdesivir"]).fit(texts)
    as_tuple = StaticEmbedder(str(tiny_teacher), vocabulary=("remdesivir",)).fit(texts)
    assert as_list.model_ == as_tuple.model_


def test_an_array_is_a_sequence():
    assert not changed({"ngram_range": np.array([1, 1])}, DEFAULTS)
    assert list(changed({"ngram_range": np.array([1, 2])}, DEFAULTS)) == ["ngram_range"]


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("ngram_range", (1, 3), r"\(1, 1\) or \(1, 2\)"),
        ("max_teacher_texts", 9, "at least 200"),
        ("token_remove_pattern", "[", "a regular expression"),
    ],
)
def test_bounds_are_checked_before_a_source_is_looked_for(name, value, wanted):
    with pytest.raises(ValueError, match=f"{name} must be .*{wanted}"):
        StaticEmbedder("./no such folder", **{name: value}).fit(["a text"])


@pytest.mark.parametrize("default", DEFAULTS.values())
def test_a_default_is_its_own_form(default):
    assert normalised("any", default) == default


class OnlyCaches:
    """Has `cache`, as joblib.Memory has, and nowhere to keep files."""

    def cache(self, function):
        return function


def test_memory_without_a_folder_is_refused_before_the_teacher_is_read(tiny_teacher):
    with pytest.raises(ValueError, match="'memory' parameter.*joblib.*Memory.*Got <"):
        StaticEmbedder(str(tiny_teacher), memory=OnlyCaches()).fit(["a text"])


def test_the_plain_recipe_is_compared_with_the_users_weights(monkeypatch, tiny_teacher):
    """A fit to sentences is judged against the table that it would fall back to."""
    from skm2v._distillation.fitting import penalties

    seen = []
    original = penalties.sif_weights

    def watched(n_tokens, coefficient):
        seen.append(coefficient)
        return original(n_tokens, coefficient)

    monkeypatch.setattr(penalties, "sif_weights", watched)
    rng = np.random.default_rng(0)
    corpus = [" ".join(rng.choice(tiny.WORDS, rng.integers(3, 10))) for _ in range(1000)]
    with pytest.warns(TextWarning, match="do not improve"):  # random texts teach nothing
        for coefficient in (1e-4, 0.02, None):
            distill(tiny_teacher, objective="sentences", corpus=corpus, sif_coefficient=coefficient)
    assert seen == [1e-4, 0.02, None]
