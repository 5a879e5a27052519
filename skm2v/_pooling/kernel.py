"""Builds the compiled kernel of a model: what its tokenizer does, as tables.

The kernel knows no Unicode. What the normalizer and the pre-tokenizer do with a code point is
asked of the tokenizer itself, when the code point is first met, so the tables are right for the
installed version of ``tokenizers``, whatever Unicode version it has.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._pooling import _kernel
from skm2v._pooling._kernel import Kernel
from skm2v._pooling.added import added_parts, has_added
from skm2v._pooling.byte_level import byte_level_parts
from skm2v._pooling.normalizers import KernelParts
from skm2v._pooling.table import PoolingTable
from skm2v._pooling.tokenization import TextTokenizer, build_hf
from skm2v._pooling.unigram import unigram_parts
from skm2v._pooling.unknown_characters import UnknownCharacters

__all__ = ["Kernel", "build_kernel", "can_read"]

# As in _kernel.pyx. The compiled file is not under version control, so it can be an older one.
INTERFACE = 6
if getattr(_kernel, "INTERFACE", None) != INTERFACE:
    raise ImportError(
        f"{_kernel.__file__} was compiled from another version of skm2v. Compile it again:"
        " pip install -e ."
    )

# Words longer than this are handed to the reference tokenizer's own rule elsewhere: no model
# comes near, and the kernel keeps a buffer of this many characters.
MOST_CHARS = 4096

# As in csrc/skm.h.
ITEM_WORD, ITEM_SPACE, ITEM_PUNCTUATION = 0, 1, 2
MARK_FIRST, MARK_LAST = 1, 16  # flags

FLAGS = [bytes([flags]) for flags in range(256)]
ITEM_HEADS = [[bytes([kind, length]) for length in range(5)] for kind in range(3)]

# Described when a kernel is built: Latin, Greek and Cyrillic letters, punctuation and kana.
EAGER = [*range(0x250), *range(0x370, 0x530), *range(0x2010, 0x2060), *range(0x3000, 0x3100)]

# Those that the BERT normalizer sets apart from their neighbours, and does not change. A Chinese or
# Japanese text has hundreds of different ones, and asking for them takes longer than its tokens.
IDEOGRAPHS = range(0x4E00, 0xA000)


class _Guard:
    """Guards the tables of code points, which grow.

    A thread may come again while it describes code points: a signal handler, a finalizer or a fork
    hook of its own embeds a text. It finds tables without the entries that are being described, and
    asks for its own. A fork waits for other threads, so that the child's tables are whole.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        # When the interpreter ends, other threads stop where they are, with what they hold.
        if not self._lock.acquire(blocking=not sys.is_finalizing()):
            raise RuntimeError(
                "Texts cannot be embedded any more: the interpreter is shutting down."
            )

    def __exit__(self, *error: object) -> None:
        self._lock.release()


_GUARD = _Guard()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_GUARD.__enter__, after_in_parent=_GUARD.__exit__, after_in_child=_GUARD.__exit__
    )


def build_kernel(tokenizer: TextTokenizer, table: PoolingTable) -> Kernel | None:
    """Build the compiled kernel for a tokenizer and a table.

    Parameters
    ----------
    tokenizer : TextTokenizer
    table : PoolingTable

    Returns
    -------
    kernel : Kernel or None
        None if the kernel cannot reproduce this tokenizer exactly; the reference path is used
        then. The environment variable ``SKM2V_SIMD`` (``scalar``, ``sse2``, ``avx2``, ``avx512``
        or ``neon``) overrides the choice of the instruction set.
    """
    spec = tokenizer.document.spec
    try:
        if spec["model"]["type"] in ("Unigram", "BPE"):
            return _family_kernel(tokenizer, table, spec["model"]["type"])
        return _bert_kernel(spec, tokenizer, table)
    except OverflowError:  # more words than the kernel's trie can hold
        return None


def can_read(tokenizer: TextTokenizer) -> bool:
    """Whether :func:`build_kernel` builds a kernel, if the vocabulary is not too large."""
    spec = tokenizer.document.spec
    if spec["model"]["type"] in ("Unigram", "BPE"):
        return _family_parts(tokenizer) is not None
    return _bert_parts(spec, tokenizer) is not None


def _bert_parts(
    spec: dict[str, Any], tokenizer: TextTokenizer
) -> tuple[bool, dict[str, Any] | None] | None:
    """Whether chunks are segmented by the kernel, and its added words; None if it cannot read."""
    if _type(spec.get("normalizer")) not in ("BertNormalizer", None):
        return None
    if _type(spec.get("pre_tokenizer")) != "BertPreTokenizer":
        return None
    native = _is_native(spec["model"])
    added = None
    if native and has_added(spec):
        added = added_parts(tokenizer, spec, owned=False)
        native = added is not None
    if not native and not _chunks_are_independent(spec, tokenizer):
        return None
    return native, added


def _bert_kernel(
    spec: dict[str, Any], tokenizer: TextTokenizer, table: PoolingTable
) -> Kernel | None:
    """Kernel for a tokenizer with BERT's normalizer and pre-tokenizer."""
    parts = _bert_parts(spec, tokenizer)
    if parts is None:
        return None
    native, added = parts
    model = spec["model"]
    kernel = Kernel(
        table.rows,
        table.weights,
        table.mapping,
        table.pairs,
        words=model["vocab"] if native else {},
        prefix=_prefix(model),
        native=native,
        unknown=model["vocab"][model["unk_token"]] if native else 0,
        max_chars=_most_chars(model) if native else 0,
        dropped=-1 if tokenizer.unk_id is None else tokenizer.unk_id,
        describe=_bert_descriptions(spec, tokenizer.unknown_characters) if native else None,
        tokenize_chunks=tokenizer.ids,
        lock=_GUARD,
        simd=os.environ.get("SKM2V_SIMD") or None,
        foreign=_foreign_bits(tokenizer),
        added=added,
    )
    if native:
        kernel.set_code_points(EAGER)
        if (spec.get("normalizer") or {}).get("handle_chinese_chars"):
            kernel.set_words_alone(IDEOGRAPHS)
    return kernel


def _bert_descriptions(
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


def _family_kernel(tokenizer: TextTokenizer, table: PoolingTable, family: str) -> Kernel | None:
    """Kernel for a Unigram or byte-level BPE tokenizer, whose chunks begin with their space."""
    parts = _family_parts(tokenizer)
    if parts is None:
        return None
    kernel = Kernel(
        table.rows,
        table.weights,
        table.mapping,
        table.pairs,
        words=parts.words,
        native=True,
        unknown=parts.unknown,
        max_chars=0,
        dropped=-1 if tokenizer.unk_id is None else tokenizer.unk_id,
        describe=parts.describe,
        tokenize_chunks=tokenizer.ids,
        lock=_GUARD,
        simd=os.environ.get("SKM2V_SIMD") or None,
        foreign=_foreign_bits(tokenizer),
        added=parts.added,
        **{"unigram" if family == "Unigram" else "byte_level": parts.options},
    )
    kernel.set_code_points(EAGER)
    return kernel


def _family_parts(tokenizer: TextTokenizer) -> KernelParts | None:
    unigram = tokenizer.document.spec["model"]["type"] == "Unigram"
    return unigram_parts(tokenizer) if unigram else byte_level_parts(tokenizer)


def _foreign_bits(tokenizer: TextTokenizer) -> npt.NDArray[np.uint8] | None:
    foreign = tokenizer.foreign_tokens
    return None if foreign is None else np.packbits(foreign, bitorder="little")


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


def _prefix(model: dict[str, Any]) -> str | None:
    """What pieces that continue a word begin with; None if there are no such pieces."""
    prefix: str | None = (
        model["continuing_subword_prefix"] if model["type"] == "WordPiece" else None
    )
    return prefix


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
