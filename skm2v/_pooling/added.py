"""What the compiled kernel needs to know of words that were added to a tokenizer."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from skm2v._pooling.normalizers import MARKER, WHITE_SPACE
from skm2v._pooling.tokenization import TextTokenizer
from skm2v._pooling.tokenizer_json import build_hf

__all__ = ["added_parts", "has_added"]

# What a file need not say.
DEFAULTS = {
    "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False
}  # fmt: skip
# As in csrc/skm.h.
SINGLE, IGNORED = 1, 2
FIRST_WORD, LAST_WORD, LAST_WHITE, ALL_WHITE = 1, 2, 4, 8


def has_added(spec: dict[str, Any]) -> bool:
    """Whether a tokenizer has words beside its model. Special tokens are ordinary text here."""
    return any(not token.get("special") for token in spec.get("added_tokens") or ())


def added_parts(
    tokenizer: TextTokenizer,
    spec: dict[str, Any],
    *,
    owned: bool,
    collapse: str | None = None,
    bare: bool = False,
) -> dict[str, Any] | None:
    """Take the added words of a tokenizer apart; None if the kernel cannot find them exactly.

    Parameters
    ----------
    tokenizer : TextTokenizer
    spec : dict
        Parsed ``tokenizer.json``.
    owned : bool
        Whether chunks begin with their space.
    collapse : str or None, default=None
        What two or more spaces in a row become.
    bare : bool, default=False
        Whether text behind a word does not begin with a marker.

    Returns
    -------
    parts : dict or None
        See `added` of ``Kernel``.
    """
    normalizer, _ = build_hf(spec.get("normalizer"), None)
    ids = tokenizer.added_ids
    words: dict[str, tuple[int, int]] = {}
    for token in spec["added_tokens"]:
        token = {**DEFAULTS, **token}
        if token["special"] and not token["normalized"]:
            continue
        content: str = token["content"]
        word = content if normalizer is None else normalizer.normalize_str(content)
        # Where a space belongs to the next word, it must belong to an added one.
        stripped = token["special"] or (token["lstrip"] and not token["rstrip"])
        if not token["normalized"] or word in words or (owned and not stripped):
            return None
        # Spaces at the ends would be those of the text around.
        edges = word if owned else content
        if not word or edges != edges.strip() or any(c in word for c in "\t\n\r"):
            return None
        if collapse == MARKER and MARKER in word:
            return None
        flags = IGNORED if token["special"] else SINGLE * token["single_word"]
        words[word] = (flags, ids[content])
    return {
        "words": [word.encode() for word in words],
        "flags": [flags for flags, _ in words.values()],
        "ids": [token for _, token in words.values()],
        "collapse": (collapse or "").encode(),
        "bare": bare,
        "edges": _edges().describe,
    }


@lru_cache(maxsize=1)
def _edges() -> _Edges:
    return _Edges()


class _Edges:
    """How what code points become looks to a word beside it, as ``tokenizers`` sees it."""

    MOST_KEPT = 1 << 16
    PROBE = "@"

    def __init__(self) -> None:
        token = {
            "id": 1, "content": self.PROBE, "special": False, "normalized": False,
            "single_word": True, "lstrip": False, "rstrip": False,
        }  # fmt: skip
        vocabulary = {"[UNK]": 0, self.PROBE: 1}
        skeleton: dict[str, Any] = {
            "version": "1.0",
            "added_tokens": [token],
            "normalizer": None,
            "pre_tokenizer": None,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
        }
        self._probe = TextTokenizer(json.dumps(skeleton))
        self._letters = {self.PROBE: False}

    def describe(self, descriptions: list[bytes]) -> list[int]:
        """Edges of code points, from their descriptions, as ``skm_model_set_code_point`` has it."""
        outputs = [_characters(description) for description in descriptions]
        letters = self._letters
        if len(letters) > self.MOST_KEPT:
            letters = self._letters = {self.PROBE: False}
        ends = {text[end] for text in outputs for end in (0, -1) if text}
        letters.update(self._classify(sorted(ends - letters.keys())))
        return [_edges_of(text, letters) for text in outputs]

    def _classify(self, characters: list[str]) -> dict[str, bool]:
        """Tell which characters keep a word beside them from standing alone."""
        text = "".join(f"{c}{self.PROBE}\n" for c in characters)
        ids, offsets = self._probe.offsets(text)
        found = set(offsets[ids == 1, 0].tolist())
        return {c: 3 * i + 1 not in found for i, c in enumerate(characters)}


def _edges_of(text: str, letters: dict[str, bool]) -> int:
    if not text:
        return 0
    return (
        FIRST_WORD * letters[text[0]]
        + LAST_WORD * letters[text[-1]]
        + LAST_WHITE * (text[-1] in WHITE_SPACE)
        + ALL_WHITE * WHITE_SPACE.issuperset(text)
    )


def _characters(description: bytes) -> str:
    """The normalized characters of a description: flags, then (class, length, UTF-8)."""
    at, found = 1, bytearray()
    while at < len(description):
        length = description[at + 1]
        found += description[at + 2 : at + 2 + length]
        at += 2 + length
    return found.decode()
