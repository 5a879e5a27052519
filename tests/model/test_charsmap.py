"""Character maps of SentencePiece: whatever passes the check never makes the library panic."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from skm2v import StaticModel
from skm2v._model.charsmap import check_charsmap
from tests import tiny

PAIRS = {"ﬁ": "fi", "A": "a", "B": "b", "Ａ": "a", "①": "1", "…": "...", "\u3000": " "}
TEXTS = [*PAIRS, "".join(PAIRS), "ABC ﬁne Ａ①…", "日本語", "abc", "é\u0301", "\U0010ffff"]


def double_array(pairs: dict[str, str]) -> tuple[list[int], bytes]:
    """Build the trie of a character map: units of label, leaf flag and relative offset."""
    texts, starts = b"", {}
    for value in dict.fromkeys(pairs.values()):
        starts[value] = len(texts)
        texts += value.encode() + b"\0"
    trie: dict = {}
    for key, value in pairs.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[0] = starts[value]
    units: dict[int, int] = {0: 0}

    def place(node: dict, position: int) -> None:
        base = next(
            base
            for base in range(1, 1 << 20)
            if base ^ position and all(base ^ label not in units for label in node)
        )
        units[position] |= (position ^ base) << 10 | (0 in node) << 8
        for label, child in node.items():
            units[base ^ label] = child | 1 << 31 if label == 0 else label
        for label, child in node.items():
            if label:
                place(child, base ^ label)

    place(trie, 0)
    # The library reads any link of a node, so the array ends with a block.
    size = (max(units) | 255) + 1
    return [units.get(index, 0) for index in range(size)], texts


def encode(units: list[int], texts: bytes) -> str:
    data = np.array(units, dtype="<u4").tobytes()
    return base64.b64encode(len(data).to_bytes(4, "little") + data + texts).decode()


def tokenizer_with(charsmap: str) -> Tokenizer:
    spec = json.loads(tiny.tiny_tokenizer("unigram").to_str())
    spec["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": charsmap}
    return Tokenizer.from_str(json.dumps(spec))


@pytest.fixture(scope="module")
def parts() -> tuple[list[int], bytes]:
    return double_array(PAIRS)


def test_a_sound_map_is_accepted_and_used(parts):
    charsmap = encode(*parts)
    assert check_charsmap(charsmap)
    tokenizer = tokenizer_with(charsmap)
    for key, value in PAIRS.items():
        assert tokenizer.normalizer.normalize_str(key) == value
    model = StaticModel(tiny.tiny_table("unigram"), tokenizer)
    np.testing.assert_array_equal(model.encode("ﬁne"), model.encode("fine"))


def test_what_passes_the_check_never_panics(parts):
    units, texts = parts
    rng = np.random.default_rng(0)
    n_passed = n_refused = 0
    for _ in range(1500):
        damaged = list(units)
        used = np.flatnonzero(units)
        index = int(rng.choice(used)) if rng.random() < 0.8 else int(rng.integers(len(units)))
        damaged[index] ^= 1 << int(rng.integers(32))
        charsmap = encode(damaged, texts)
        if not check_charsmap(charsmap):
            n_refused += 1
            continue
        n_passed += 1
        normalizer = tokenizer_with(charsmap).normalizer
        for text in TEXTS:
            normalizer.normalize_str(text)
    assert n_passed > 50 and n_refused > 50


@pytest.mark.parametrize(
    "change",
    [
        lambda units, texts: (units, b"\xff\0"),
        lambda units, texts: (units, b""),
        lambda units, texts: (units, b"x" * 200 + b"\0" + texts),
        lambda units, texts: ([], texts),
        lambda units, texts: (units[: len(units) // 2], texts),
        lambda units, texts: ([*units[:-1], 2**32 - 1], "é".encode()[1:] + texts),
        lambda units, texts: ([2**32 - 1] * len(units), texts),
    ],
)
def test_a_damaged_map_is_refused(parts, change):
    assert not check_charsmap(encode(*change(*parts)))


@pytest.mark.parametrize("value", [None, 3, [], "", "AAAA", "////", "!!", "AA=A", "é"])
def test_what_is_no_map_is_refused(value):
    assert not check_charsmap(value)


def test_a_value_in_the_middle_of_a_character_is_refused(parts):
    units, texts = parts
    shifted = [unit + 1 if unit >> 31 else unit for unit in units]
    assert check_charsmap(encode(shifted, texts))  # ASCII: every byte starts a character
    assert not check_charsmap(encode(shifted, "é".encode() * (len(texts) // 2) + b"\0"))
