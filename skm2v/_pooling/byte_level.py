"""What the compiled kernel needs to know of a byte-level BPE tokenizer."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._pooling.added import added_parts, has_added
from skm2v._pooling.boundaries import steps_of
from skm2v._pooling.kernel_state import KernelState
from skm2v._pooling.normalizers import (
    WHITE_SPACE,
    KernelParts,
    build_normalizer,
    neighbours_of,
    plan_normalizer,
)
from skm2v._pooling.tokenization import TextTokenizer
from skm2v._pooling.tokenizer_json import build_hf

__all__ = ["ByteCodePoints", "byte_level_parts"]

# As in csrc/skm.h.
ITEM_OTHER, ITEM_SPACE, ITEM_ASK, ITEM_LETTER, ITEM_NUMBER = 0, 1, 3, 4, 5

GPT2 = {"any_prefix": False, "any_case": False, "digits": 0, "lines": False}
#: Regular expressions of which csrc/byte_level.c knows what they do, with its flags. They differ
#: in how many digits make a number.
GPT4 = {
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + digits + "| ?"
    r"[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+": n_digits
    for digits, n_digits in (("", 1), ("{1,3}", 3))
}


def byte_level_parts(tokenizer: TextTokenizer) -> KernelParts | None:
    """Take a byte-level BPE tokenizer apart; None if the kernel cannot reproduce it exactly."""
    spec = tokenizer.spec
    model = spec["model"]
    if any(
        model.get(key) for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
    ):
        return None
    # Characters that become white space would shift the boundaries of chunks.
    normalizers = [step.get("type") for step in steps_of(spec.get("normalizer"), "normalizers")]
    words = _words(spec.get("pre_tokenizer"))
    if normalizers not in ([], ["NFC"]) or words is None:
        return None
    added = added_parts(tokenizer, spec, owned=True) if has_added(spec) else None
    if added is None and has_added(spec):
        return None
    whole_words = bool(model.get("ignore_merges"))
    state = tokenizer.state
    vocabulary = _vocabulary(model, whole_words) if state is None else _kept_vocabulary(state)
    if vocabulary is None:
        return None
    return KernelParts(
        words=vocabulary.words,
        unknown=0,
        options={
            "byte_level": {
                **words,
                "byte_ids": vocabulary.byte_ids,
                "merges": vocabulary.merges,
                "whole_words": whole_words,
            }
        },
        describe=_code_points(bool(normalizers)).describe,
        added=added,
    )


class _Vocabulary(NamedTuple):
    """Tokens of single bytes, merges as (left id, right id, id), and words that are not merged."""

    byte_ids: list[int]
    merges: npt.NDArray[np.int32]
    words: dict[bytes, int]


def _vocabulary(model: dict[str, Any], whole_words: bool) -> _Vocabulary | None:
    vocabulary = model["vocab"]
    characters = byte_characters()
    if any(c not in vocabulary for c in characters):
        return None
    bytes_of = {c: byte for byte, c in enumerate(characters)}
    merges = [pair.split(" ", 1) if isinstance(pair, str) else pair for pair in model["merges"]]
    return _Vocabulary(
        [vocabulary[c] for c in characters],
        np.array(
            [(vocabulary[a], vocabulary[b], vocabulary[a + b]) for a, b in merges], dtype=np.int32
        ).reshape(-1, 3),
        {
            bytes(map(bytes_of.__getitem__, token)): i
            for token, i in vocabulary.items()
            # The byte 0xff is in no text, and the trie has another use for it.
            if whole_words and all(bytes_of.get(c, 0xFF) != 0xFF for c in token)
        },
    )


def _kept_vocabulary(state: KernelState) -> _Vocabulary:
    merges = np.ascontiguousarray(state.arrays["merges"], np.int32)
    return _Vocabulary(state.settings["byte_ids"], merges, {})


def byte_characters() -> list[str]:
    """The character that stands for each byte in a byte-level vocabulary."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def _words(pre_tokenizer: dict[str, Any] | None) -> dict[str, Any] | None:
    """Flags of the expression that cuts a text into words; None if it is not a known one."""
    steps = steps_of(pre_tokenizer, "pretokenizers")
    kinds = [step["type"] for step in steps]
    if kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
        return {**GPT2, "prefix_space": steps[0]["add_prefix_space"]}
    if kinds != ["Split", "ByteLevel"]:
        return None
    split, byte_level = steps
    digits = GPT4.get(split["pattern"].get("Regex"))
    keeps_matches = (split["behavior"], bool(split["invert"])) in (
        ("Isolated", False),
        ("Removed", True),
    )
    if not keeps_matches or byte_level.get("use_regex", True) or byte_level["add_prefix_space"]:
        return None
    if digits is None:
        return None
    return {
        "any_prefix": True, "any_case": True, "digits": digits, "lines": True, "prefix_space": False
    }  # fmt: skip


@lru_cache(maxsize=2)
def _code_points(composes: bool) -> ByteCodePoints:
    """Descriptions are shared by all kernels with the same normalizer."""
    return ByteCodePoints(composes)


class ByteCodePoints:
    """The class of single code points in the regular expressions of byte-level models.

    Parameters
    ----------
    composes : bool
        Whether texts are normalized to NFC.
    """

    MOST_KEPT = 1 << 16

    def __init__(self, composes: bool) -> None:
        plan = plan_normalizer({"type": "NFC"} if composes else None)
        assert plan is not None
        self._normalize = build_normalizer(plan.steps)
        self._flags = neighbours_of(plan)
        # Asked of the engine that runs the expressions, as Unicode versions differ.
        self._finders = [
            (item, build_hf(None, _find(pattern))[1])
            for item, pattern in (
                (ITEM_LETTER, r"\p{L}"), (ITEM_NUMBER, r"\p{N}"), (ITEM_SPACE, r"\s")
            )
        ]  # fmt: skip
        self._known: dict[int, bytes] = {}

    def describe(self, code_points: list[int]) -> list[bytes]:
        """Flags and items of code points, in the form of ``skm_model_set_code_point``."""
        known = self._known
        if len(known) > self.MOST_KEPT:
            known = self._known = {}
        missing = [code_point for code_point in code_points if code_point not in known]
        if missing:
            outputs = [self._normalize(chr(code_point)) for code_point in missing]
            classes = self._classify("".join(outputs))
            for code_point, output in zip(missing, outputs, strict=True):
                known[code_point] = self._describe(chr(code_point), output, classes)
        return [known[code_point] for code_point in code_points]

    def _classify(self, characters: str) -> dict[str, int]:
        classes = dict.fromkeys(characters, ITEM_OTHER)
        for item, finder in self._finders:
            for piece, _ in finder.pre_tokenize_str(characters):
                classes[piece] = item
        return classes

    def _describe(self, character: str, output: str, classes: dict[str, int]) -> bytes:
        flags = self._flags(character)
        if flags is None:
            return bytes([0, ITEM_ASK, 0])
        description = bytearray([flags])
        for c in output:
            if (classes[c] == ITEM_SPACE) != (c in WHITE_SPACE):
                return bytes([0, ITEM_ASK, 0])  # chunks are cut where white space is known
            utf8 = c.encode()
            description += bytes([classes[c], len(utf8)]) + utf8
        return bytes(description)


def _find(pattern: str) -> dict[str, Any]:
    """Pre-tokenizer that keeps only what matches."""
    return {
        "type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": True
    }  # fmt: skip
