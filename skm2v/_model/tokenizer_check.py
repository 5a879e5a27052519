"""What a tokenizer must look like before the Rust library is given it.

The library trusts its input: an id of 2**31 makes it allocate for ever, a normalizer that doubles
the text thirty times does so, an unknown token that is not in the vocabulary is an error in the
middle of a batch, a regular expression can take exponential time. So a tokenizer of a model is
made of known parts with known settings, and everything that can be looked up later is there.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from skm2v._model.tokenizer_settings import (
    ADDED_FIELDS,
    MAX_GROWTH,
    MAX_JSON_CHARS,
    MAX_NESTING,
    MAX_PARTS,
    MAX_REPEATS,
    MAX_TOKEN_CHARS,
    MAX_TOKENS,
    MAX_WORD_CHARS,
    OPTIONAL,
    PARTS,
    SECTIONS,
    SEQUENCES,
    Check,
    integer,
    is_flag,
    string,
)
from skm2v._pooling import TextTokenizer, TokenizerDocument
from skm2v._pooling.tokenizer_json import build_hf, dense_tokens, try_parts
from skm2v.exceptions import ModelFormatError

__all__ = [
    "add_tokens",
    "build_tokenizer",
    "check_added_tokens_stay",
    "check_spec",
    "check_tokenizer",
]


# A grid search loads or slices one model again and again, and most of that time is this.
# Tokenizers are immutable, so models can share them.
@lru_cache(maxsize=2)
def build_tokenizer(source: str | TokenizerDocument, *, sealed: bool = False) -> TextTokenizer:
    """Check a ``tokenizer.json`` and build the tokenizer.

    Parameters
    ----------
    source : str or TokenizerDocument
    sealed : bool, default=False
        Whether it comes from a file or a pickle of ours, whose hash says that it is what was
        saved: the ``tokenizers`` library has read its vocabulary then, and reads it again when it
        is needed. That of BPE it reads at once.

    Raises
    ------
    ModelFormatError
        If the tokenizer is damaged or has parts that are not supported.
    """
    document = source if isinstance(source, TokenizerDocument) else TokenizerDocument(source)
    tokens = check_tokenizer(document)
    # The library panics at some merges of BPE that hold what is checked here.
    later = sealed and document.spec["model"]["type"] != "BPE"
    if later:
        try_parts(document.spec)
    tokenizer = TextTokenizer(document, tokens if later else None)
    if tokenizer.tokens != tokens:
        raise ModelFormatError(
            "The tokenizers library read other token ids than the tokenizer's JSON states."
        )
    check_added_tokens_stay(document.spec)
    return tokenizer


def check_added_tokens_stay(spec: dict[str, Any]) -> None:
    """Refuse added tokens of which the normalizer leaves nothing.

    The library looks for them in normalized text, finds the empty string everywhere, and panics
    where that is within a character.
    """
    added = spec.get("added_tokens") or []
    sought = [token["content"] for token in added if token["normalized"] and not token["special"]]
    if not sought or spec.get("normalizer") is None:
        return
    normalizer, _ = build_hf(spec["normalizer"], None)
    for content in sought:
        if not normalizer.normalize_str(content):
            raise ModelFormatError(
                f"The tokenizer's normalizer deletes its added token {content!r:.60}, which no text"
                " can contain then; take it out of added_tokens, or out of its normalizer."
            )


def check_tokenizer(document: TokenizerDocument) -> tuple[str, ...]:
    """Check what a ``tokenizer.json`` file says.

    Returns
    -------
    tokens : tuple of str
        Tokens in the order of their ids.

    Raises
    ------
    ModelFormatError
        If the tokenizer is damaged or has parts that are not supported.
    """
    if len(document.text) > MAX_JSON_CHARS:
        raise ModelFormatError(
            f"The tokenizer has {len(document.text)} characters; at most {MAX_JSON_CHARS} are read."
        )
    return dense_tokens(check_spec(document.spec))


def check_spec(spec: Any) -> dict[str, int]:
    """Check what the JSON of a tokenizer says, and return its vocabulary."""
    if not isinstance(spec, dict) or not isinstance(spec.get("model"), dict):
        raise ModelFormatError("The tokenizer JSON must be an object with a 'model' object.")
    unknown = set(spec) - SECTIONS
    if unknown:
        raise ModelFormatError(f"The tokenizer has unknown sections: {_some(unknown)}.")
    for section in PARTS:
        parts = list(_flatten(section, spec.get(section), 0))
        if len(parts) > MAX_PARTS:
            raise ModelFormatError(
                f"The tokenizer's {section} has {len(parts)} parts; the limit is {MAX_PARTS}."
            )
        for part in parts:
            _check_part(section, part)
        if section == "normalizer":
            _check_growth(parts)
    vocabulary = _check_model(spec["model"])
    add_tokens(vocabulary, spec.get("added_tokens") or [])
    return vocabulary


def _flatten(section: str, part: Any, depth: int) -> Iterator[dict[str, Any]]:
    if part is None and depth == 0:
        return
    if not isinstance(part, dict) or depth > MAX_NESTING:
        raise ModelFormatError(
            f"The tokenizer's {section} must be an object, at most {MAX_NESTING} levels deep;"
            f" got {part!r:.60}."
        )
    if part.get("type") != "Sequence":
        yield part
        return
    inner = part.get(SEQUENCES[section])
    if not isinstance(inner, list) or set(part) != {"type", SEQUENCES[section]}:
        raise ModelFormatError(f"A Sequence of the tokenizer's {section} is malformed.")
    for item in inner:
        yield from _flatten(section, item, depth + 1)


def _check_part(section: str, part: dict[str, Any]) -> None:
    known = PARTS[section]
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in known:
        raise ModelFormatError(
            f"The tokenizer's {section} of type {kind!r:.60} is not supported. Supported:"
            f" {', '.join(known)}."
        )
    for name, value in part.items():
        if name != "type" and not known[kind].get(name, _nothing)(value):
            raise ModelFormatError(
                f"The setting {name!r:.60} of the tokenizer's {section} {kind} is not supported:"
                f" {value!r:.200}."
            )
    missing = set(known[kind]) - set(part) - OPTIONAL.get(kind, set())
    if missing:
        raise ModelFormatError(
            f"The tokenizer's {section} {kind} lacks the setting {sorted(missing)[0]!r}."
        )


def _nothing(value: Any) -> bool:
    return False


def _check_growth(parts: list[dict[str, Any]]) -> None:
    """Bound by how much normalizers can lengthen a text."""
    kinds = [part["type"] for part in parts]
    for kind in set(kinds) - {"Replace"}:
        if kinds.count(kind) > MAX_REPEATS:
            raise ModelFormatError(
                f"The tokenizer has {kinds.count(kind)} normalizers of type {kind}; the limit is"
                f" {MAX_REPEATS}."
            )
    # Length that one character may grow to by the replacements from here on, by characters that
    # occur in them (up to case and compatibility, which other normalizers change), and for
    # characters that do not.
    lengths: dict[str, float] = {}
    other = 1.0
    for part in reversed(parts):
        if part["type"] != "Replace":
            continue
        result = sum(lengths.get(char, other) for char in _folded(part["content"]))
        literal = _folded(part["pattern"].get("String", ""))
        if literal:
            for char in literal:
                lengths[char] = max(lengths.get(char, other), result / len(literal))
        else:
            other = max(other, result)
            lengths = {char: max(length, result) for char, length in lengths.items()}
        if max([other, *lengths.values()]) > MAX_GROWTH:
            raise ModelFormatError(
                f"The tokenizer's normalizers can lengthen a text more than {MAX_GROWTH:g} times."
            )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKD", text).casefold() or text


def _check_model(model: dict[str, Any]) -> dict[str, int]:
    kind = model.get("type")
    if kind == "Unigram":
        return _check_unigram(model)
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict) or not _are_ids(vocabulary.values()):
        raise ModelFormatError(
            "The tokenizer's vocabulary must map tokens to ids from 0 to 1,999,999."
        )
    _check_tokens(vocabulary)
    if kind == "BPE":
        _check_bpe(model, vocabulary)
    elif kind in ("WordPiece", "WordLevel"):
        _check_unknown(model.get("unk_token"), vocabulary)
        if kind == "WordPiece":
            limit = integer(1, MAX_WORD_CHARS)
            _check_setting(model, "max_input_chars_per_word", limit, required=True)
            _check_setting(model, "continuing_subword_prefix", string(0, 16), required=True)
            _check_setting(model, "split_unknown", is_flag)
    else:
        raise ModelFormatError(
            f"The tokenizer's model of type {kind!r:.60} is not supported. Supported: WordPiece,"
            " BPE, Unigram, WordLevel."
        )
    return dict(vocabulary)


def _are_ids(values: Collection[Any]) -> bool:
    """Whether all values are integers from 0 on that may be ids; there can be a million of them."""
    if not values:
        return True
    return set(map(type, values)) == {int} and 0 <= min(values) <= max(values) <= MAX_TOKENS


def _check_unknown(token: Any, vocabulary: dict[str, int]) -> None:
    if not isinstance(token, str) or token not in vocabulary:
        raise ModelFormatError(f"The tokenizer's unk_token {token!r:.60} is not in its vocabulary.")


def _check_setting(
    model: dict[str, Any], name: str, check: Check, *, required: bool = False
) -> None:
    if name in model and not check(model[name]):
        raise ModelFormatError(
            f"The setting {name!r} of the tokenizer's model is not supported: {model[name]!r:.60}."
        )
    if required and name not in model:
        raise ModelFormatError(f"The tokenizer's model lacks the setting {name!r}.")


def _check_bpe(model: dict[str, Any], vocabulary: dict[str, int]) -> None:
    if model.get("unk_token") is not None:
        _check_unknown(model["unk_token"], vocabulary)
    if model.get("dropout") not in (None, 0):
        raise ModelFormatError(
            "The tokenizer drops merges at random; a model must not. Set dropout to null."
        )
    for name in ("continuing_subword_prefix", "end_of_word_suffix"):
        _check_setting(model, name, string(0, 16, optional=True))
    for name in ("fuse_unk", "byte_fallback", "ignore_merges"):
        _check_setting(model, name, is_flag)
    merges = model.get("merges")
    if not isinstance(merges, list):
        raise ModelFormatError("The tokenizer's merges must be a list.")
    skip = len(model.get("continuing_subword_prefix") or "")
    for merge in merges:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if (
            not isinstance(pair, list)
            or len(pair) != 2
            or not all(isinstance(piece, str) and piece in vocabulary for piece in pair)
            or pair[0] + pair[1][skip:] not in vocabulary
        ):
            raise ModelFormatError(
                f"The tokenizer's merge {merge!r:.60} must name two tokens whose union is a token."
            )


def _check_unigram(model: dict[str, Any]) -> dict[str, int]:
    pieces = model.get("vocab")
    if not isinstance(pieces, list) or not all(
        isinstance(piece, list)
        and len(piece) == 2
        and isinstance(piece[0], str)
        and isinstance(piece[1], (int, float))
        and not isinstance(piece[1], bool)
        and math.isfinite(piece[1])
        and abs(piece[1]) < 1e6
        for piece in pieces
    ):
        raise ModelFormatError(
            "The tokenizer's vocabulary must be a list of pairs of token and finite score."
        )
    vocabulary = {piece[0]: index for index, piece in enumerate(pieces)}
    _check_tokens(vocabulary)
    if "" in vocabulary or len(vocabulary) != len(pieces):
        raise ModelFormatError("The tokenizer's vocabulary has an empty or a repeated token.")
    _check_setting(model, "byte_fallback", is_flag)
    unknown = model.get("unk_id")  # whether a tokenizer can do without is for TextTokenizer
    if unknown is not None and not integer(0, len(pieces) - 1)(unknown):
        raise ModelFormatError(
            f"The tokenizer's unk_id must be a token id or null; got {unknown!r:.60}."
        )
    return vocabulary


def _check_tokens(tokens: dict[str, int]) -> None:
    if not tokens or len(tokens) > MAX_TOKENS:
        raise ModelFormatError(
            f"The tokenizer has {len(tokens)} tokens; from 1 to {MAX_TOKENS} are supported."
        )
    longest = max(map(len, tokens))
    if longest > MAX_TOKEN_CHARS:
        raise ModelFormatError(
            f"The tokenizer has a token of {longest} characters; the limit is {MAX_TOKEN_CHARS}."
        )


def add_tokens(vocabulary: dict[str, int], added: Any) -> None:
    """Check the added tokens of a tokenizer, and add them to its vocabulary."""
    if not isinstance(added, list):
        raise ModelFormatError("The tokenizer's added_tokens must be a list.")
    seen = set()
    for token in added:
        if not isinstance(token, dict) or set(token) != set(ADDED_FIELDS):
            raise ModelFormatError(f"The tokenizer's added token {token!r:.100} is malformed.")
        for name, value in token.items():
            if not ADDED_FIELDS[name](value):
                raise ModelFormatError(
                    f"The {name} of the tokenizer's added token {token['content']!r:.60} is not"
                    f" supported: {value!r:.60}."
                )
        content = token["content"]
        if content in seen or vocabulary.setdefault(content, token["id"]) != token["id"]:
            raise ModelFormatError(
                f"The tokenizer's added token {content!r:.60} is repeated or has an id that"
                " differs from the vocabulary's."
            )
        seen.add(content)


def _some(names: set[str]) -> str:
    return ", ".join(repr(name[:40]) for name in sorted(names)[:5])
