"""Places where a text may be cut without changing its tokens."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["cut_pattern", "steps_of"]

ASCII_PUNCTUATION = r"!-/:-@\[-`{-~"
UNIFIED_IDEOGRAPHS = "\u4e00-\u9fff"

# Normalizers that work on one grapheme or one run of combining marks at a time, so that what
# happens on one side of a space between two ASCII letters does not depend on the other side.
LOCAL_NORMALIZERS = {
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Lowercase",
    "StripAccents",
    "Nmt",
    "Precompiled",
}


def cut_pattern(spec: dict[str, Any]) -> re.Pattern[str] | None:
    """Pattern whose matches end where a text may be cut.

    The tokens of a text are then the tokens of its parts, one after the other, which bounds the
    memory that a long text needs and makes it possible to stop at the first `max_length` tokens.

    Parameters
    ----------
    spec : dict
        Parsed ``tokenizer.json``.

    Returns
    -------
    pattern : re.Pattern or None
        None for tokenizers where no such places are known.

    Notes
    -----
    Added tokens that are not special are searched in the whole text, so a tokenizer that has any
    is not cut. Special ones are ordinary text here (see `TextTokenizer`).
    """
    if any(not token.get("special") for token in spec.get("added_tokens") or ()):
        return None
    pre_tokenizer = spec.get("pre_tokenizer") or {}
    kind = pre_tokenizer.get("type")
    normalizers = steps_of(spec.get("normalizer"), "normalizers")
    if kind == "BertPreTokenizer":
        return _bert_pattern(normalizers)
    words = (kind == "ByteLevel" and pre_tokenizer.get("use_regex", True)) or (
        kind == "Metaspace"
        and pre_tokenizer.get("split", True)
        and pre_tokenizer.get("replacement", "\u2581") == "\u2581"
    )
    if words and all(step.get("type") in LOCAL_NORMALIZERS for step in normalizers):
        # Both begin a word at a space that follows a letter and keep the space with the word; a
        # part that begins with a space gets no prefix space.
        return re.compile("[A-Za-z](?= [A-Za-z])")
    return None


def _bert_pattern(normalizers: list[dict[str, Any]]) -> re.Pattern[str] | None:
    """After white space and punctuation, and after ideographs if they are set apart."""
    if not normalizers:
        return re.compile(rf"[ \t\n\r{ASCII_PUNCTUATION}]")
    if len(normalizers) > 1 or normalizers[0].get("type") != "BertNormalizer":
        return None
    ideographs = UNIFIED_IDEOGRAPHS if normalizers[0].get("handle_chinese_chars", True) else ""
    return re.compile(rf"[ \t\n\r{ASCII_PUNCTUATION}{ideographs}]")


def steps_of(component: dict[str, Any] | None, key: str) -> list[dict[str, Any]]:
    """Flatten a component that may be missing or a sequence of components."""
    if component is None:
        return []
    if component.get("type") != "Sequence":
        return [component]
    return [step for part in component.get(key, ()) for step in steps_of(part, key)]
