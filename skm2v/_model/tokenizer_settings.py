"""Parts, settings and limits of the tokenizers that are loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skm2v._model.charsmap import check_charsmap

__all__ = [
    "ADDED_FIELDS",
    "MAX_GROWTH",
    "MAX_JSON_CHARS",
    "MAX_NESTING",
    "MAX_PARTS",
    "MAX_REPEATS",
    "MAX_TOKENS",
    "MAX_TOKEN_CHARS",
    "MAX_WORD_CHARS",
    "OPTIONAL",
    "PARTS",
    "SECTIONS",
    "SEQUENCES",
    "Check",
    "integer",
    "is_flag",
    "string",
]

MAX_JSON_CHARS = 48 << 20
MAX_TOKENS = 2_000_000
MAX_TOKEN_CHARS = 512
MAX_PARTS = 256
MAX_NESTING = 4
MAX_REPEATS = 2  # of one type of normalizer; replacements have a bound of their own
MAX_GROWTH = 8.0  # of a text by replacements
MAX_WORD_CHARS = 256  # WordPiece takes quadratic time in it

# Regular expressions of tokenizers in use, all of them linear.
REGEXES = frozenset(
    {
        r" {2,}",
        r" +▁",
        r"\s+",
        r"\n",
        r"[\n\r\t]",
        r"\s{2,}|[\n\r\t]",
        r"^▁+$",
        r"\p{N}",
        r"\p{N}{1,3}",
        r"\d{1,3}(?=(?:\d{3})*\b)",
        r"[一-龥぀-ゟ゠-ヿ]+",
        r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
        r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    }
)

Check = Callable[[Any], bool]


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _optional_flag(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def integer(low: int, high: int) -> Check:
    return lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    )


def string(low: int, high: int, *, optional: bool = False) -> Check:
    return lambda value: (
        (optional and value is None) or (isinstance(value, str) and low <= len(value) <= high)
    )


def _choice(*choices: str) -> Check:
    return lambda value: isinstance(value, str) and value in choices


def _pattern(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    literal, regex = value.get("String"), value.get("Regex")
    if regex is None:
        return string(1, 64)(literal)
    return isinstance(regex, str) and regex in REGEXES


def _pair(value: Any) -> bool:
    """Whether a value is a special token and its id, which nothing here uses."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and string(1, MAX_TOKEN_CHARS)(value[0])
        and integer(0, MAX_TOKENS)(value[1])
    )


def _anything(value: Any) -> bool:
    return True


def _holds_the_text(single: Any) -> bool:
    """Whether a template keeps the text, once, whatever special tokens it adds around it."""
    if not isinstance(single, list) or not all(isinstance(item, dict) for item in single):
        return False
    sequences = [item["Sequence"] for item in single if "Sequence" in item]
    return len(sequences) == 1 and isinstance(sequences[0], dict) and sequences[0].get("id") == "A"


_SCHEME = _choice("always", "never", "first")
_BEHAVIOR = _choice("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
_BYTE_LEVEL: dict[str, Check] = {
    "add_prefix_space": is_flag,
    "trim_offsets": is_flag,
    "use_regex": is_flag,
}
_METASPACE = {
    "replacement": string(1, 1),
    "prepend_scheme": _SCHEME,
    "split": is_flag,
    "add_prefix_space": is_flag,
    "str_rep": string(1, 1),
}

# Per section of tokenizer.json: types and their settings.
PARTS: dict[str, dict[str, dict[str, Check]]] = {
    "normalizer": {
        "BertNormalizer": {
            "clean_text": is_flag,
            "handle_chinese_chars": is_flag,
            "strip_accents": _optional_flag,
            "lowercase": is_flag,
        },
        "NFC": {},
        "NFD": {},
        "NFKC": {},
        "NFKD": {},
        "Nmt": {},
        "Lowercase": {},
        "StripAccents": {},
        "ByteLevel": {},
        "Strip": {"strip_left": is_flag, "strip_right": is_flag},
        "Prepend": {"prepend": string(1, 16)},
        "Replace": {"pattern": _pattern, "content": string(0, 64)},
        "Precompiled": {"precompiled_charsmap": check_charsmap},
    },
    "pre_tokenizer": {
        "BertPreTokenizer": {},
        "Whitespace": {},
        "WhitespaceSplit": {},
        "UnicodeScripts": {},
        "ByteLevel": _BYTE_LEVEL,
        "Metaspace": _METASPACE,
        "Punctuation": {"behavior": _BEHAVIOR},
        "Digits": {"individual_digits": is_flag},
        "CharDelimiterSplit": {"delimiter": string(1, 1)},
        "Split": {"pattern": _pattern, "behavior": _BEHAVIOR, "invert": is_flag},
    },
    "post_processor": {
        "BertProcessing": {"sep": _pair, "cls": _pair},
        "RobertaProcessing": {
            "sep": _pair,
            "cls": _pair,
            "trim_offsets": is_flag,
            "add_prefix_space": is_flag,
        },
        "ByteLevel": _BYTE_LEVEL,
        "TemplateProcessing": {
            "single": _holds_the_text,
            "pair": _anything,
            "special_tokens": _anything,
        },
    },
    "decoder": {
        "ByteLevel": _BYTE_LEVEL,
        "WordPiece": {"prefix": string(0, 16), "cleanup": is_flag},
        "Metaspace": _METASPACE,
        "BPEDecoder": {"suffix": string(0, 16)},
        "ByteFallback": {},
        "Fuse": {},
        "Strip": {
            "content": string(1, 1),
            "start": integer(0, 100),
            "stop": integer(0, 100),
        },
        "Replace": {"pattern": _pattern, "content": string(0, 64)},
    },
}
# Settings that the library has defaults for; all others have to be there.
OPTIONAL = {
    "BertNormalizer": {"strip_accents"},
    "ByteLevel": {"use_regex"},
    "Metaspace": {"prepend_scheme", "split", "add_prefix_space", "str_rep"},
    "Punctuation": {"behavior"},
    "RobertaProcessing": {"trim_offsets", "add_prefix_space"},
}
SEQUENCES = {
    "normalizer": "normalizers",
    "pre_tokenizer": "pretokenizers",
    "post_processor": "processors",
    "decoder": "decoders",
}
SECTIONS = {"version", "truncation", "padding", "added_tokens", "model", *PARTS}

ADDED_FIELDS: dict[str, Check] = {
    "id": integer(0, MAX_TOKENS),
    "content": string(1, MAX_TOKEN_CHARS),
    "single_word": is_flag,
    "lstrip": is_flag,
    "rstrip": is_flag,
    "normalized": is_flag,
    "special": is_flag,
}
