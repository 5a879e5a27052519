from __future__ import annotations

import copy
import io
import pickle
import warnings

import joblib
import numpy as np
import pytest

from skm2v import StaticModel
from skm2v._model import ModelConfig
from skm2v.exceptions import ModelFormatError, VersionWarning
from tests import tiny
from tests.model.forge import tiny_model
from tests.model.test_save_load import CONFIG, full_model

TEXTS = list(tiny.SENTENCES[:10])
MODELS = [
    tiny_model("wordpiece"),
    tiny_model("bpe", "int8"),
    tiny_model("unigram", "float16"),
    full_model("wordpiece", "float64"),
]
# The names that unpickling a model looks up. A new one can break the pickles of others: they are
# loaded where only the old names are allowed (skops, pickle-scanning registries).
GLOBALS = {
    "skm2v StaticModel",
    "numpy ndarray",
    "numpy dtype",
    "numpy._core.multiarray _reconstruct",
    "numpy._core.numeric _frombuffer",
    "_codecs encode",  # how protocol 2 spells bytes
    "copyreg __newobj__",  # protocol 0 and 1 have no opcode for it
}


def same(one: StaticModel, other: StaticModel) -> None:
    assert one == other and one.sha256 == one._core.parts.sha256()
    pooled = [
        model.pooler.pool(TEXTS, max_length=None, normalize=True).vectors for model in (one, other)
    ]
    np.testing.assert_array_equal(*pooled)
    for array in (one.embedding, one.weights, one.mapping, one.pairs):
        assert array is None or not array.flags.writeable


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickle(model, protocol):
    same(pickle.loads(pickle.dumps(model, protocol=protocol)), model)


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize(
    ("compress", "mmap_mode"),
    [(0, None), (0, "r"), (0, "c"), (3, None), ("zlib", None), (("gzip", 1), None), ("lzma", None)],
)
def test_joblib(model, tmp_path, compress, mmap_mode):
    joblib.dump(model, tmp_path / "model.joblib", compress=compress)
    again = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    same(again, model)
    if mmap_mode == "r":
        assert _is_mapped(again.embedding), "the table was copied out of the mapped file"


def _is_mapped(array: object) -> bool:
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = getattr(array, "base", None)
    return False


def test_the_state_is_plain_data():
    def walk(value):
        if isinstance(value, dict):
            assert type(value) is dict
            for key, item in value.items():
                assert type(key) is str
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, np.ndarray):
            assert not value.dtype.hasobject
        else:
            assert value is None or type(value) in (str, bytes, int, float, bool), value

    for model in MODELS:
        state = model.__getstate__()
        walk(state)
        assert set(state["versions"]) == {"skm2v", "numpy", "tokenizers"}


def test_the_names_in_a_pickle_are_a_frozen_list():
    asked = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            asked.add(f"{module} {name}")
            return super().find_class(module, name)

    for model in MODELS:
        for protocol in (2, 3, 4, 5):
            Unpickler(io.BytesIO(pickle.dumps(model, protocol=protocol))).load()
    assert asked <= GLOBALS
    assert "skm2v StaticModel" in asked


def damaged(change) -> dict:
    state = copy.deepcopy(MODELS[3].__getstate__())
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("sha256"), "its fields are"),
        (lambda s: s.update(extra=1), "its fields are"),
        (lambda s: s.update(format=2), "format 2; skm2v .* reads formats up to 1"),
        (lambda s: s.update(format=None), "format number"),
        (lambda s: s.update(tokenizer=b"x"), "wrong type"),
        (lambda s: s.update(tensors=[]), "wrong type"),
        (lambda s: s.update(settings=3), "wrong type"),
        (lambda s: s["settings"].pop("config"), "SHA-256"),
        (lambda s: s["settings"].update(normalize=True), "SHA-256"),
        (lambda s: s["settings"].update(max_length=8), "SHA-256"),
        (lambda s: s["settings"]["config"].update(teacher="other/teacher"), "SHA-256"),
        (lambda s: s.update(tokenizer=s["tokenizer"].replace("london", "berlin")), "SHA-256"),
        (lambda s: s.update(tokenizer="\ud800"), "damaged"),
        (lambda s: s["tensors"].pop("weights"), "SHA-256"),
        (lambda s: s["tensors"].update(weights=[1.0]), "wrong type"),
        (lambda s: s["tensors"].update(x=np.ones(2)), "SHA-256"),
        (lambda s: s["tensors"].update(weights=np.array([None])), "damaged|object"),
        (
            lambda s: s["tensors"].update(embeddings=-s["tensors"]["embeddings"]),
            "SHA-256",
        ),
        (
            lambda s: s["tensors"].update(embeddings=s["tensors"]["embeddings"].T.copy()),
            "SHA-256",
        ),
        (lambda s: s.update(versions=None), "what made it"),
        (lambda s: s.update(sha256=None), "SHA-256"),
    ],
)
def test_a_damaged_state_is_refused(change, message):
    model = StaticModel.__new__(StaticModel)
    with pytest.raises(ModelFormatError, match=message):
        model.__setstate__(damaged(change))


@pytest.mark.parametrize("state", [None, [], "x", {}, {"format": 1}])
def test_a_state_of_another_kind_is_refused(state):
    with pytest.raises(ModelFormatError, match="damaged|format number"):
        StaticModel.__new__(StaticModel).__setstate__(state)


@pytest.mark.parametrize(
    ("versions", "warns"),
    [
        ({"skm2v": "0.0.9"}, True),
        ({"numpy": "1.20.0"}, True),
        ({"tokenizers": "0.13.0"}, True),
        ({"tokenizers": None}, True),
        ({}, False),
    ],
)
def test_other_versions_give_a_warning(versions, warns, recwarn):
    state = MODELS[0].__getstate__()
    state["versions"] = {**state["versions"], **versions}
    model = StaticModel.__new__(StaticModel)
    if warns:
        with pytest.warns(VersionWarning, match=next(iter(versions))):
            model.__setstate__(state)
    else:
        model.__setstate__(state)
        assert not recwarn.list
    same(model, MODELS[0])


def test_no_flipped_bit_changes_a_model_silently():
    """P16: a pickle with a flipped bit does not load, or loads as the very same model."""
    rng = np.random.default_rng(0)
    data = pickle.dumps(tiny_model("wordpiece", "int8"), protocol=5)
    model = pickle.loads(data)
    # Only the state: a flip in the machine code of pickle can do anything, as can any pickle.
    start, stop = data.index(b"format"), len(data) - 8
    n_refused = 0
    for position in rng.integers(8 * start, 8 * stop, size=1500):
        flipped = bytearray(data)
        flipped[position // 8] ^= 1 << position % 8
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", VersionWarning)
                again = pickle.loads(bytes(flipped))
        except Exception:
            n_refused += 1
            continue
        assert not isinstance(again, StaticModel) or again == model, f"bit {position}"
    assert n_refused > 1400


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_pickle_is_refused(share):
    data = pickle.dumps(MODELS[0])
    with pytest.raises((pickle.UnpicklingError, EOFError)):
        pickle.loads(data[: int(len(data) * share)])


def test_a_configuration_survives_pickling():
    again = pickle.loads(pickle.dumps(CONFIG))
    assert again == CONFIG and hash(again) == hash(CONFIG)
    assert copy.deepcopy(CONFIG) == CONFIG
    assert ModelConfig.from_dict(CONFIG.to_dict()) == CONFIG
