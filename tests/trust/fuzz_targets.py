"""What a fuzzer feeds bytes to: everything that reads files from elsewhere (see fuzz.py).

A target takes any bytes and says whether they were accepted. The one error that it may raise is
caught in it, so that whatever else leaves a target is a fault.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skm2v._classification.fused_file import FUSED
from skm2v._model.parts import MODEL
from skm2v._model.sealed import Content
from skm2v._model.tensor_file import dump_tensors, parse_tensors
from skm2v._model.tokenizer_check import build_tokenizer
from skm2v.exceptions import ModelFormatError
from tests.model.forge import tiny_model
from tests.model.fuzz import TEXTS, mutate_bytes, mutate_json

Target = Callable[[bytes], bool]


def header(data: bytes) -> bool:
    """Header and body of a safetensors file."""
    try:
        tensors, metadata = parse_tensors(data, what="fuzz")
    except ModelFormatError:
        return False
    assert all(isinstance(array, np.ndarray) for array in tensors.values())
    assert all(isinstance(value, str) for value in metadata.values())
    return True


def tokenizer(data: bytes) -> bool:
    """Text of a tokenizer.json; one that is accepted tokenizes any text (P20)."""
    try:
        built = build_tokenizer(data.decode("utf-8", errors="replace"))
    except ModelFormatError:
        return False
    ids = built.ids(TEXTS).ids
    assert ((ids >= 0) & (ids < len(built.tokens))).all()
    return True


def document(data: bytes) -> bool:
    """The JSON of our metadata."""
    text, accepted = data.decode("utf-8", errors="replace"), False
    for seal in (MODEL, FUSED):
        try:
            seal.document(text, what="fuzz")
        except ModelFormatError:
            continue
        accepted = True
    return accepted


def _contents() -> dict[str, tuple[Any, Content]]:
    """Return what a model and two fused models are made of, by the name of a target."""
    from tests.trust.probes import objects

    made = objects()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        made["StaticModel"].save_pretrained(path / "model")
        made["FusedTextClassifier"].save(path / "classifier")
        made["FusedTextRegressor"].save(path / "regressor")
        places = {
            "model": (MODEL, path / "model" / "model.safetensors"),
            "classifier": (FUSED, path / "classifier"),
            "regressor": (FUSED, path / "regressor"),
        }
        for name, (seal, file) in places.items():
            tensors, metadata = parse_tensors(file.read_bytes(), what=name)
            read = json.loads(metadata[seal.key])
            copied = {key: np.array(array) for key, array in tensors.items()}
            found[name] = seal, Content(read["settings"], copied, read["tokenizer"])
    return found


def settings_of(name: str) -> Target:
    """Return a target for the settings of a kind of file, beside tensors that fit to them.

    They are checked behind the hash, which whoever writes a file can compute.
    """
    seal, right = _contents()[name]

    def target(data: bytes) -> bool:
        try:
            settings = json.loads(data)
        except (ValueError, RecursionError):
            return False
        if not isinstance(settings, dict):
            return False
        try:
            seal.readers[seal.number](Content(settings, right.tensors, right.tokenizer), "fuzz")
        except ModelFormatError:
            return False
        return True

    return target


NAMES = ("header", "tokenizer", "document", "model", "classifier", "regressor")


def target_of(name: str) -> Target:
    plain: dict[str, Target] = {"header": header, "tokenizer": tokenizer, "document": document}
    return plain[name] if name in plain else settings_of(name)


def seeds_of(name: str) -> list[bytes]:
    """Return inputs that a target accepts, to start from."""
    models = [tiny_model(kind, "int8") for kind in ("wordpiece", "bpe", "unigram")]
    if name == "header":
        array = np.arange(6, dtype=np.float32).reshape(2, 3)
        return [dump_tensors({"embeddings": array}, {"a": "b"}), dump_tensors({"x": array}, {})]
    if name == "tokenizer":
        return [model.text_tokenizer.json.encode() for model in models]
    if name == "document":
        text = {"format": 1, "settings": {}, "sha256": "0" * 64, "tokenizer": None}
        return [json.dumps(text).encode(), json.dumps({**text, "sidecars": {}}).encode()]
    return [json.dumps(_contents()[name][1].settings).encode()]


def mutants_of(name: str, n_mutants: int) -> list[bytes]:
    """Return damaged seeds, the same on every call."""
    rng, seeds = random.Random(name), seeds_of(name)
    found = []
    for _ in range(n_mutants):
        data = rng.choice(seeds)
        if name != "header" and rng.random() < 0.7:
            data = json.dumps(mutate_json(json.loads(data), rng)).encode()
        else:
            data = mutate_bytes(data, rng)
        found.append(data)
    return found
