"""What the compiled kernel needs to know of a tokenizer with BERT's normalizer and pre-tokenizer.

The kernel knows no Unicode. What the normalizer and the pre-tokenizer do with a code point is
asked of the tokenizer itself, when the code point is first met, so the tables are right for the
installed version of ``tokenizers``, whatever Unicode version it has.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from skm2v._pooling.added import added_parts, has_added
from skm2v._pooling.normalizers import KernelParts
from skm2v._pooling.tokenization import TextTokenizer
from skm2v._pooling.tokenizer_json import build_hf
from skm2v._pooling.unknown_characters import UnknownCharacters

__all__ = ["MOST_CHARS", "bert_parts"]

# Words longer than this are handed to the reference tokenizer's own rule elsewhere: no model
# comes near, and the kernel keeps a buffer of this many characters.
MOST_CHARS = 4096

# As in csrc/skm.h.
ITEM_WORD, ITEM_SPACE, ITEM_PUNCTUATION = 0, 1, 2
MARK_FIRST, MARK_LAST = 1, 16  # flags

FLAGS = [bytes([flags]) for flags in range(256)]
ITEM_HEADS = [[bytes([kind, length]) for length in range(5)] for kind in range(3)]


def bert_parts(tokenizer: TextTokenizer) -> KernelParts | None:
    """Take a tokenizer apart; None if the kernel cannot reproduce it exactly."""
    spec, state = tokenizer.spec, tokenizer.state
    if _type(spec.get("normalizer")) not in ("BertNormalizer", None):
        return None
    if _type(spec.get("pre_tokenizer")) != "BertPreTokenizer":
        return None
    model = spec["model"]
    native = state is not None or _is_native(model)
    added = None
    if native and has_added(spec):
        added = added_parts(tokenizer, spec, owned=False)
        native = added is not None
    if not native:
        if not _chunks_are_independent(spec, tokenizer):
            return None
        return KernelParts({}, 0, {}, None, None, native=False)
    assert tokenizer.unk_id is not None
    return KernelParts(
        words={} if state is not None else model["vocab"],
        unknown=tokenizer.unk_id,
        options={},
        describe=_descriptions(spec, tokenizer.unknown_characters),
        added=added,
        max_chars=_most_chars(model) if state is None else state.settings["max_chars"],
        prefix=model["continuing_subword_prefix"] if model["type"] == "WordPiece" else None,
        ideographs=bool((spec.get("normalizer") or {}).get("handle_chinese_chars")),
    )


def _descriptions(
    spec: dict[str, Any], unknown: UnknownCharacters | None
) -> Callable[[list[int]], list[bytes]]:
    """Describe code points, and what is put in their place if they make words unknown."""
    describe = _code_points(
        json.dumps(spec.get("normalizer")), json.dumps(spec.get("pre_tokenizer"))
    ).describe
    if unknown is None:
        return describe

    def describe_rewritten(code_points: list[int]) -> list[bytes]:
        texts = [unknown[code_point] for code_point in code_points]
        parts = sorted({ord(c) for text in texts for c in text})
        known = dict(zip(parts, describe(parts), strict=True))
        return [_joined([known[ord(c)] for c in text]) for text in texts]

    return describe_rewritten


def _joined(descriptions: list[bytes]) -> bytes:
    """Description of several code points in a row, with the flags of all of them."""
    flags = 0
    for description in descriptions:
        flags |= description[0]
    return bytes([flags]) + b"".join(description[1:] for description in descriptions)


def _type(part: dict[str, Any] | None) -> str | None:
    return None if part is None else part.get("type")


def _chunks_are_independent(spec: dict[str, Any], tokenizer: TextTokenizer) -> bool:
    """Whether text between two of space, tab, LF and CR always makes the same ids."""
    if not has_added(spec):
        return True  # special tokens in a text are plain text
    # Added tokens are searched in the text, or in the normalized text, before it is split.
    normalizer = tokenizer.copy_hf().normalizer
    contents = [token["content"] for token in spec["added_tokens"]]
    if normalizer is not None:
        contents += [normalizer.normalize_str(content) for content in contents]
    return all(content and not any(c.isspace() for c in content) for content in contents)


def _is_native(model: dict[str, Any]) -> bool:
    """Whether the kernel itself can segment a chunk."""
    return (
        model["type"] in ("WordPiece", "WordLevel")
        and model.get("unk_token") in model["vocab"]
        and 0 < _most_chars(model) <= MOST_CHARS
    )


def _most_chars(model: dict[str, Any]) -> int:
    """Number of characters of the longest word that may be known."""
    if model["type"] == "WordLevel":
        return max(map(len, model["vocab"]))
    return int(model.get("max_input_chars_per_word", 0))


@lru_cache(maxsize=8)
def _code_points(normalizer: str, pre_tokenizer: str) -> _CodePoints:
    """Descriptions are shared by all kernels with the same normalizer and pre-tokenizer."""
    return _CodePoints(normalizer, pre_tokenizer)


class _CodePoints:
    """What a normalizer and a pre-tokenizer make of single code points.

    A text's normalization is that of its code points, one after the other, with one exception:
    canonical ordering may swap two adjacent combining marks. Marks that survive are flagged, and
    the kernel leaves a chunk with two of them in a row to the reference tokenizer.

    Parameters
    ----------
    normalizer, pre_tokenizer : str
        JSON of the two parts of the tokenizer.
    """

    MOST_KEPT = 1 << 16

    def __init__(self, normalizer: str, pre_tokenizer: str) -> None:
        spec = json.loads(normalizer)
        self._normalizer, self._pre_tokenizer = build_hf(spec, json.loads(pre_tokenizer))
        self._reorders = _strips_accents(spec)
        self._known: dict[int, bytes] = {}
        self._items: dict[str, bytes] = {}

    def describe(self, code_points: list[int]) -> list[bytes]:
        """Flags and items of code points, in the form of ``skm_model_set_code_point``."""
        known = self._known
        missing = [code_point for code_point in code_points if code_point not in known]
        if missing:
            outputs = self._normalize([chr(code_point) for code_point in missing])
            self._classify(c for c in set().union(*outputs) if c not in self._items)
            if len(known) > self.MOST_KEPT:
                known = self._known = {}
                missing, outputs = code_points, self._normalize([*map(chr, code_points)])
            items = self._items
            for code_point, output in zip(missing, outputs, strict=True):
                known[code_point] = FLAGS[self._flags(code_point, output)] + b"".join(
                    [items[c] for c in output]
                )
        return [known[code_point] for code_point in code_points]

    def _normalize(self, characters: list[str]) -> list[str]:
        if self._normalizer is None:
            return characters
        # One call for all of them, as nothing reaches over the bar.
        outputs: list[str] = self._normalizer.normalize_str("|".join(characters)).split("|")
        if len(outputs) != len(characters):  # a character made of bars
            outputs = [self._normalizer.normalize_str(character) for character in characters]
        return outputs

    def _classify(self, characters: Iterable[str]) -> None:
        """Learn the pre-tokenizer's class of normalized characters."""
        order = sorted(characters)
        pieces = self._pre_tokenizer.pre_tokenize_str("".join(order))
        # Characters in one piece with others belong to words; the others are looked at alone.
        words = {c for piece, _ in pieces if len(piece) > 1 for c in piece}
        alone = [c for c in order if c not in words]
        pieces = self._pre_tokenizer.pre_tokenize_str(" ".join(f"x{c}x" for c in alone))
        rest = iter([piece for piece, _ in pieces])
        for c in order:
            if c in words:
                kind = ITEM_WORD
            else:
                piece = next(rest)
                if piece == f"x{c}x":
                    kind = ITEM_WORD
                else:
                    kind = ITEM_SPACE if next(rest) == "x" else ITEM_PUNCTUATION
                    if kind == ITEM_PUNCTUATION:
                        next(rest)
            utf8 = c.encode()
            self._items[c] = ITEM_HEADS[kind][len(utf8)] + utf8

    def _flags(self, code_point: int, output: str) -> int:
        if not self._reorders or not output:
            return 0
        if unicodedata.category(chr(code_point)) == "Cn":
            # Not assigned as far as Python knows; tokenizers may know better. The combining
            # class and decomposition of an assigned character never change again.
            return MARK_FIRST | MARK_LAST
        return (MARK_FIRST if unicodedata.combining(output[0]) else 0) | (
            MARK_LAST if unicodedata.combining(output[-1]) else 0
        )


def _strips_accents(normalizer: dict[str, Any] | None) -> bool:
    """Whether the normalizer decomposes, and with it sorts, combining marks."""
    if normalizer is None:
        return False
    strip = normalizer.get("strip_accents")
    return bool(normalizer.get("lowercase") if strip is None else strip)
