"""Whatever of ours is pickled is plain data under a seal, checked when it is loaded (P16, P18)."""

from __future__ import annotations

import copy
import io
import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io as skops_io

from skm2v import StaticEmbedder
from skm2v._classification.scores import SCORES
from skm2v._model import state as states
from skm2v._model.sealed import Content
from skm2v._model.state import SEAL, SealedState, _hash_of_state
from skm2v.exceptions import ModelFormatError, VersionWarning
from tests.pickled import KINDS, NOT_SEALED, TEXTS, content_of, make_objects, public_classes

GUIDE = Path(__file__).parents[1] / "docs" / "reliability.md"


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    return make_objects()


def test_every_public_class_that_is_fitted_is_sealed_and_among_the_kinds(objects):
    """So that a new one is: its pickles are then tried here, and in the probes of P16."""
    assert tuple(objects) == KINDS
    tried = {type(one).__name__ for one in objects.values()}
    public = {one.__name__: one for one in public_classes()}
    assert set(public) - set(NOT_SEALED) == tried
    assert set(NOT_SEALED) <= set(public)
    for name in tried - {"StaticModel"}:
        assert issubclass(public[name], SealedState), name
        assert public[name].__module__.count("._") == 0, name


@pytest.mark.parametrize("kind", KINDS)
def test_pickles_name_public_classes_only(objects, kind):
    found = set()

    class Recording(pickle.Unpickler):
        def find_class(self, module, name):
            found.add(f"{module.replace('numpy.core', 'numpy._core')}.{name}")
            return super().find_class(module, name)

    for protocol in (2, 4, 5):
        Recording(io.BytesIO(pickle.dumps(objects[kind], protocol))).load()
    ours = {name for name in found if name.startswith("skm2v")}
    assert ours <= {f"skm2v.{name}" for name in published_names()}
    if kind == "PairScorer":  # an estimator of scikit-learn's is in it
        found = {name for name in found if not name.startswith(("sklearn.", "numpy.", "scipy."))}
    assert found - ours <= {
        "numpy._core.multiarray._reconstruct",
        "numpy._core.numeric._frombuffer",
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
        "numpy.float32",  # a parameter of HybridVectorizer
        "numpy.ndarray",
        "_codecs.encode",
        "__builtin__.bytes",  # how protocol 2 spells none of them
    }


def published_names() -> set[str]:
    return set(re.findall(r"`skm2v\.((?:[a-z]+\.)?[A-Z]\w+)`", GUIDE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("kind", KINDS)
def test_skops_with_the_published_names(objects, kind):
    one = objects[kind]
    data = skops_io.dumps(one)
    untrusted = skops_io.get_untrusted_types(data=data)
    asked = {name.removeprefix("skm2v.") for name in untrusted}
    if kind == "PairScorer":
        asked = {name for name in asked if not name.startswith("sklearn.")}
    assert asked <= published_names()
    again = skops_io.loads(data, trusted=untrusted)
    assert content_of(again) == content_of(one)
    if hasattr(one, "predict") and hasattr(one, "scores_"):
        np.testing.assert_array_equal(again.predict(TEXTS), one.predict(TEXTS))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("StaticModel",)])
def test_a_shallow_copy_shares_what_it_has_and_hashes_nothing(objects, kind, monkeypatch):
    def refuse(*_):
        raise AssertionError("a copy is no pickle")

    monkeypatch.setattr(states, "_hash_of_state", refuse)
    monkeypatch.setattr(states, "to_state", refuse)
    other = copy.copy(objects[kind])
    assert type(other) is type(objects[kind])
    for name, value in vars(objects[kind]).items():
        assert vars(other)[name] is value


@pytest.mark.parametrize("kind", KINDS)
def test_copies_are_equal(objects, kind, tmp_path):
    one = objects[kind]
    joblib.dump(one, tmp_path / "one")
    copies = [copy.copy(one), copy.deepcopy(one), joblib.load(tmp_path / "one", mmap_mode="r")]
    for other in copies:
        assert content_of(other) == content_of(one)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("StaticModel",)])
def test_damage_is_said_in_words(objects, kind):
    one = objects[kind]
    assert isinstance(one, SealedState)
    state = one.__getstate__()

    def refuse(changed: Any, message: str) -> None:
        with pytest.raises(ModelFormatError, match=message):
            type(one).__new__(type(one)).__setstate__(changed)

    name = next(iter(state))
    refuse({**state, name: "other"}, f"The pickled {type(one).__name__} is damaged: the SHA-256")
    refuse({key: value for key, value in state.items() if key != name}, "SHA-256")
    refuse({**state, "extra": 1}, "SHA-256")
    refuse({key: value for key, value in state.items() if key != SEAL}, "has no seal")
    refuse({**state, SEAL: {**state[SEAL], "format": 2}}, "format 2; skm2v .* Upgrade skm2v")
    refuse({**state, SEAL: {**state[SEAL], "format": True}}, "no valid format number")
    refuse([1], "no dict of attributes")
    refuse({1: 2}, "no dict of attributes")


@pytest.mark.parametrize("kind", ["Deduplicator", "HybridVectorizer", "TextSearcher"])
def test_a_class_where_an_object_of_it_was_is_damage(objects, kind):
    """One bit of a pickle can make that of it, and then a model is missing that nobody misses."""
    one = objects[kind]
    state = one.__getstate__()
    found = {name for name, value in state.items() if isinstance(value, StaticEmbedder)}
    assert found
    for name in found:
        with pytest.raises(ModelFormatError, match="SHA-256 of its attributes"):
            type(one).__new__(type(one)).__setstate__({**state, name: StaticEmbedder})


def test_damage_that_cannot_be_hashed_or_does_not_say_what_made_it(objects):
    one = objects["FusedTextRegressor"]
    state = one.__getstate__()
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for changed, message in (
        ({**state, "deep": deep}, "is damaged: maximum recursion"),
        ({**state, SEAL: {**state[SEAL], "versions": [1]}}, "does not say what made it"),
    ):
        with pytest.raises(ModelFormatError, match=message):
            type(one).__new__(type(one)).__setstate__(changed)


@pytest.mark.parametrize("kind", ["FusedTextRegressor", "unfitted StaticTextClassifier"])
def test_other_versions_are_said_once(objects, kind):
    one = objects[kind]
    state = one.__getstate__()
    state[SEAL] = {**state[SEAL], "versions": {**state[SEAL]["versions"], "skm2v": "0.0.9"}}
    with pytest.warns(VersionWarning, match=r"skm2v 0\.0\.9 \(here") as record:
        type(one).__new__(type(one)).__setstate__(state)
    assert len(record) == 1


@pytest.mark.parametrize("name", ["numpy", "tokenizers"])
def test_other_patch_versions_are_not_worth_a_word(objects, name):
    one = objects["FusedTextRegressor"]
    state = one.__getstate__()
    versions = state[SEAL]["versions"]
    series = ".".join(versions[name].split(".")[:2])
    for other, n_warnings in ((f"{series}.999", 0), (f"{series}9.0", 1)):
        state[SEAL] = {**state[SEAL], "versions": {**versions, name: other}}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            type(one).__new__(type(one)).__setstate__(state)
        assert [warning.category for warning in caught] == [VersionWarning] * n_warnings


def forged(one: Any, **changes: Any) -> dict[str, Any]:
    """A state with other content and a right hash, as somebody who means harm would write it."""
    state = {**one.__getstate__(), **changes}
    seal = state.pop(SEAL)
    return {**state, SEAL: {**seal, "sha256": _hash_of_state(1, state)}}


def forged_scores(one: Any, **changes: Any) -> dict[str, Any]:
    scores = {**one.__getstate__()["scores_"], **changes}
    content = Content(scores["settings"], scores["tensors"], scores["tokenizer"])
    return forged(one, scores_={**scores, "sha256": content.sha256(SCORES.number)})


@pytest.mark.parametrize(
    "kind", ["FusedTextClassifier", "FusedTextRegressor", "StaticTextClassifier"]
)
def test_a_forged_state_is_checked_like_a_file(objects, kind):
    one = objects[kind]
    scores = one.__getstate__()["scores_"]
    tensors = scores["tensors"]
    double = '{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}'
    hostile = re.sub(
        r'"normalizer": ?(\{[^{}]*\}|null)',
        f'"normalizer": {{"type": "Sequence", "normalizers": [{", ".join([double] * 30)}]}}',
        scores["tokenizer"],
    )
    assert hostile != scores["tokenizer"]
    bad = [
        (forged_scores(one, tokenizer=hostile), "lengthen a text"),
        (forged_scores(one, tokenizer=None), "no tokenizer"),
        (forged_scores(one, tokenizer="{}"), "tokenizer"),
        (forged_scores(one, tensors={"rows": tensors["rows"]}), "has the tensors|have the tensors"),
        (forged_scores(one, tensors={**tensors, "rows": tensors["rows"][:, :1]}), "columns"),
        (forged_scores(one, tensors={**tensors, "x": np.ones(2)}), "tensors"),
        (
            forged_scores(one, tensors={**tensors, "intercept": tensors["intercept"] * np.nan}),
            "finite",
        ),
        (forged_scores(one, settings={"form": "max", "max_length": 3}), "malformed"),
        (forged_scores(one, settings={**scores["settings"], "max_length": 0}), "malformed"),
        (forged_scores(one, format=2), "format 2"),
        (forged(one, scores_=None), "state is a NoneType"),
    ]
    if kind != "FusedTextRegressor":
        bad += [
            (forged(one, classes_=np.array(["a"])), "do not fit 1 classes"),
            (forged(one, classes_=["ham", "spam"]), "classes are malformed"),
            (forged(one, _link="magic"), "do not fit"),
            (forged(one, _multilabel=1), "malformed"),
            (forged(one, inverse_temperature_=np.array([np.inf])), "not finite"),
            (forged(one, inverse_temperature_=np.ones(7)), "do not fit"),
        ]
    for state, message in bad:
        with pytest.raises(ModelFormatError, match=message):
            type(one).__new__(type(one)).__setstate__(state)
    again = type(one).__new__(type(one))
    again.__setstate__(forged(one))  # what is refused is refused for what was changed
    assert content_of(again) == content_of(one)


@pytest.mark.parametrize(
    "change",
    [
        {"n_tokens": "231"},
        {"tokens": np.array([2, 1])},
        {"tokens": np.array([-1, 1])},
        {"pair_keys": np.array([10**6])},
        {"pair_keys": [1]},
        {"weights": np.ones(3)},
        {"weights": None},
    ],
    ids=str,
)
def test_a_forged_vocabulary_is_refused(objects, change):
    one = objects["HybridVectorizer"]
    arrays = one.__getstate__()["_vocabulary"]
    with pytest.raises(ModelFormatError, match="do not fit"):
        type(one).__new__(type(one)).__setstate__(forged(one, _vocabulary={**arrays, **change}))
    missing = {name: value for name, value in arrays.items() if name not in change}
    with pytest.raises(ModelFormatError, match="malformed"):
        type(one).__new__(type(one)).__setstate__(forged(one, _vocabulary=missing))


def test_what_scikit_learn_fitted_for_a_pair_scorer_is_sealed(objects):
    """Flipped bits in it were silent, as only the names of its types were in the hash."""
    data = pickle.dumps(objects["PairScorer"])
    for change in (
        lambda scorer: scorer.estimator_._predictors[0][0].nodes["value"].__setitem__(0, 77.0),
        lambda scorer: scorer.estimator_.__setattr__("_baseline_prediction", np.full((1, 1), 7.0)),
    ):
        scorer = pickle.loads(data)
        state = scorer.__getstate__()
        change(scorer)
        with pytest.raises(ModelFormatError, match="what scikit-learn fitted for it has another"):
            type(scorer).__new__(type(scorer)).__setstate__({**scorer.__dict__, **state})
    assert content_of(pickle.loads(data)) == content_of(objects["PairScorer"])


@pytest.mark.parametrize("name", ["_words", "_characters"])
def test_weights_of_words_of_a_pair_scorer_are_sealed(objects, name):
    state = objects["PairScorer"].__getstate__()
    state[name]["weights"][0] += 1
    with pytest.raises(ModelFormatError, match="SHA-256 of its attributes"):
        type(objects["PairScorer"])().__setstate__(state)


def test_numbers_of_numpy_and_of_python_have_one_hash():
    """As skops, which knows no scalars of NumPy, hands on those of Python."""
    for one, other in (
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        ((1, "b"), [1, "b"]),
    ):
        assert _hash_of_state(1, {"a": one}) == _hash_of_state(1, {"a": other})
    different = [1, 1.0, True, np.float32, np.float64, "1", b"1", None, [1], {1: 1}, "", []]
    different += [np.array([1]), np.array([1.0]), np.array([[1]]), np.array([1], np.int32)]
    assert len({_hash_of_state(1, {"a": value}) for value in different}) == len(different)


def test_texts_in_a_list_are_told_apart():
    lists = [["a", "bc"], ["ab", "c"], ["abc"], ["a", "bc", ""], ["", "a", "bc"], ["a", "bd"], []]
    lists += [["a", b"bc"], ["é"], ["e\u0301"], ["\ud800"]]
    assert len({_hash_of_state(1, {"a": value}) for value in lists}) == len(lists)
    for same in (("a", "bc"), np.array(["a", "bc"], dtype=object), [np.str_("a"), np.str_("bc")]):
        assert _hash_of_state(1, {"a": same}) == _hash_of_state(1, {"a": lists[0]})
