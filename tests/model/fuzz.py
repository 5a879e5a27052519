"""Load damaged models, in a process with limits on time and memory.

Run as ``python -m tests.model.fuzz FOLDER SEED FIRST COUNT``. Every mutant has to be refused with a
`ModelFormatError` or an `OSError`, or to be a model that embeds any text. The number of the mutant
at work stands in ``FOLDER/number``, for when the process is killed. Prints a summary as JSON.
"""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import signal
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse  # noqa: F401  the reference imports it at its first text

from skm2v import StaticModel
from skm2v._pooling.kernel import make_state
from skm2v._pooling.kernel_state import KernelState
from skm2v.exceptions import ModelFormatError, TextWarning
from tests import tiny
from tests.memory_limit import limit_memory
from tests.model.forge import contents, forge, forge_kernel, forge_model2vec, tiny_model

SECONDS = 5  # for a mutant; two on a quiet machine
MEGABYTES = 200
TEXTS = [
    "",
    "the bank of london",
    " \t\n\r\x0b\x0c\x1c\x85\xa0\u2003\u3000",
    "[PAD] [UNK] <mask> </s>",
    "a" * 2000,
    "é" * 500 + "e\u0301" * 500,
    "中文漢字かなカナ한국어",
    "\0\x01\x7f\ufeff\ufffd\U0010ffff",
    "👩‍👩‍👧‍👦🏳️‍🌈" * 20,
    "ﷺ" * 50,
    "\u202eright to left\u202c עברית العربية",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" * 20,
    "▁▁ ▁a Ġ",
    "1234567890" * 20,
    "A" * 50 + "ß" * 50 + "İ" * 50,
    "x " * 1500,
]


class Mutator:
    """Makes the n-th damaged model from a seed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kinds = [(kind, dtype) for kind in tiny.KINDS for dtype in ("float32", "int8")]
        self.models = [tiny_model(kind, dtype) for kind, dtype in kinds]
        self.saved: list[dict[str, bytes]] = []
        for model in self.models:
            target = folder / "saved"
            model.save_pretrained(target)
            self.saved.append({path.name: path.read_bytes() for path in target.iterdir()})
            shutil.rmtree(target)

    def kept(self, model: StaticModel, rng: random.Random) -> Path:
        """Write a model with a mutant of what its file holds for the kernel, under right hashes."""
        state = make_state(model.text_tokenizer)
        assert state is not None
        settings, arrays = dict(state.settings), dict(state.arrays)
        if rng.random() < 0.6:
            settings = mutate_json(settings, rng)
        else:
            name = rng.choice(sorted(arrays))
            array = arrays[name].copy()
            for _ in range(rng.choice((1, 1, 5, 1000))):
                place = rng.randrange(array.size)
                if array.dtype == np.float64:
                    array.flat[place] = rng.choice((0.0, -1e9, float("nan"), float("inf"), 5.0))
                else:
                    array.flat[place] = rng.choice((-1, 0, rng.getrandbits(7), array.flat[place]))
                    array.view(np.uint8).flat[place] ^= 1 << rng.randrange(8)
            arrays[name] = array[: rng.choice((len(array), len(array), len(array) // 2))]
        return forge_kernel(self.folder / "mutant", model, KernelState(settings, arrays))

    def make(self, seed: int, number: int) -> tuple[Path, StaticModel | None]:
        """Write a mutant; return its folder, and the model that it has to be if it loads."""
        rng = random.Random(f"{seed}-{number}")
        index = rng.randrange(len(self.models))
        target = self.folder / "mutant"
        shutil.rmtree(target, ignore_errors=True)
        if number % 8 == 7:
            return self.kept(self.models[index], rng), None
        way = rng.choice(("ours", "peer", "structure"))
        if way == "structure":
            content = contents(self.models[index])
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                part = rng.choice(("tokenizer",) * 6 + ("settings",))
                content[part] = mutate_json(content[part], rng)
            layout = rng.choice((forge, forge_model2vec))
            if not isinstance(content["settings"], dict):
                layout = forge
            return layout(target, **content), None
        target.mkdir()
        saved = dict(self.saved[index])
        if way == "peer":
            saved["model.safetensors"] = strip_metadata(saved["model.safetensors"])
            del saved["modules.json"], saved["README.md"]
        name = rng.choice([name for name in saved if name != "README.md"])
        saved[name] = mutate_bytes(saved[name], rng)
        for name, data in saved.items():
            (target / name).write_bytes(data)
        return target, self.models[index] if way == "ours" else None


def strip_metadata(data: bytes) -> bytes:
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    del header["__metadata__"]
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return b"x"
    change = rng.choice(("flip", "flip", "flip", "cut", "repeat", "insert", "delete", "swap"))
    position = (
        rng.randrange(len(data)) if rng.random() < 0.5 else rng.randrange(min(400, len(data)))
    )
    if change == "flip":
        changed = bytearray(data)
        changed[position] ^= 1 << rng.randrange(8)
        return bytes(changed)
    length = rng.randrange(1, 64)
    if change == "cut":
        return data[:position]
    if change == "repeat":
        return data[:position] + data[position : position + length] * 3 + data[position + length :]
    if change == "insert":
        return data[:position] + rng.randbytes(length) + data[position:]
    if change == "delete":
        return data[:position] + data[position + length :]
    other = rng.randrange(len(data))
    return data[:position] + data[other : other + length] + data[position + length :]


ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 100, 231, 2**31, 2**63, 10**30, 1.5, -1e308, "", "a", "the",
    "##", "▁", "Ġ", "\0", "x" * 1000, [], {}, [[]], {"type": "NFC"}, {"String": "a"},
    {"Regex": "a*"}, {"type": "Sequence", "normalizers": []}, "Regex", "String", "Sequence",
)  # fmt: skip


def mutate_json(value: Any, rng: random.Random) -> Any:
    """Change one place of a JSON value: drop, replace, move, copy, rename."""
    value = copy.deepcopy(value)
    places = list(walk(value))
    # Vocabularies have most of the places; the few others are where the meaning is.
    places = [p for p in places if rng.random() < (0.02 if len(p[0]) > 40 else 1)] or places
    container, key = rng.choice(places)
    change = rng.choice(("drop", "odd", "odd", "odd", "other", "other", "grow", "rename", "nest"))
    if change == "drop":
        del container[key]
    elif change == "odd":
        container[key] = rng.choice(ODD)
    elif change == "other":
        other, other_key = rng.choice(places)
        container[key] = copy.deepcopy(other[other_key])
    elif change == "grow" and isinstance(container[key], list):
        container[key] = container[key] * rng.choice((2, 10, 100))
    elif change == "grow" and isinstance(container[key], (int, float)):
        container[key] = container[key] + rng.choice((-1, 1, 1000))
    elif change == "rename" and isinstance(container, dict):
        container[str(rng.choice(ODD))[:20]] = container.pop(key)
    else:
        container[key] = [container[key]]
    return value


def walk(value: Any) -> Any:
    if isinstance(value, dict):
        for key in value:
            yield value, key
            yield from walk(value[key])
    elif isinstance(value, list):
        for index in range(len(value)):
            yield value, index
            yield from walk(value[index])


def try_mutant(target: Path, expected: StaticModel | None) -> str:
    """Load a mutant and use it; return what happened, or raise what must not."""
    try:
        model = StaticModel.from_pretrained(target)
    except (ModelFormatError, OSError) as error:
        return type(error).__name__
    if expected is not None:
        assert model == expected, "a damaged file gave another model"
        return "same"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        for texts in (TEXTS, list(model.tokens)):
            texts = [text for text in texts if text.isascii() or _encodable(text)]
            vectors = model.encode(texts)
            assert vectors.shape == (len(texts), model.dim), "a wrong shape"
            assert np.isfinite(vectors).all(), "vectors that are not finite"
    return "loads"


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


EVENTS = Counter[str]()
WATCHED = {"folder": "", "on": ""}


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Count what loading must not do: other files, sockets, processes, modules (P22)."""
    if not WATCHED["on"]:
        return
    if event == "open":
        if isinstance(arguments[0], int):
            return
        # Files are opened by their names in a folder that is.
        path = os.fspath(arguments[0])
        if not path.startswith(WATCHED["folder"]) and (os.sep in path or path in (".", "..")):
            EVENTS[f"open {arguments[0]}"] += 1
    elif event.startswith(("socket.", "subprocess.", "os.exec", "os.system", "ctypes.", "import")):
        EVENTS[f"{event} {arguments[:1]}"] += 1


def main() -> None:
    folder, seed, first, count = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    mutator = Mutator(folder)
    for model in mutator.models:  # imports that happen once, at the first use
        model.save_pretrained(folder / "warm")
        StaticModel.from_pretrained(folder / "warm").encode(["warm"])
        contents_ = contents(model)
        StaticModel.from_pretrained(forge_model2vec(folder / "warm2", **contents_))
    sys.addaudithook(audit)
    WATCHED["folder"] = str(folder)
    limit_memory(MEGABYTES)
    outcomes = Counter[str]()
    bad = []
    for number in range(first, first + count):
        target, expected = mutator.make(seed, number)
        (folder / "number").write_text(str(number))
        signal.alarm(SECONDS)  # its default action ends the process, whatever code is running
        WATCHED["on"] = "yes"
        try:
            outcomes[try_mutant(target, expected)] += 1
        except BaseException as error:
            bad.append(f"{number}: {type(error).__name__}: {str(error)[:200]}")
        finally:
            WATCHED["on"] = ""
            signal.alarm(0)
    print(json.dumps({"outcomes": outcomes, "bad": bad[:20], "events": EVENTS}))


if __name__ == "__main__":
    main()
