"""What the JSON of a tokenizer says, and what ``tokenizers`` builds of it: only this imports it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import tokenizers

from skm2v._pooling.boundaries import steps_of
from skm2v._pooling.tokenizer_document import TokenizerDocument
from skm2v.exceptions import ModelFormatError, Skm2vError

__all__ = [
    "build",
    "build_hf",
    "checked_spec",
    "dense_tokens",
    "reraise",
    "stripped",
    "tokens_of",
    "try_parts",
    "unknown_id",
    "with_one_token",
]

MODEL_TYPES = ("WordPiece", "BPE", "Unigram", "WordLevel")


def reraise(error: BaseException, kind: type[Skm2vError], message: str) -> NoReturn:
    """Raise what went wrong inside ``tokenizers`` as an error of ours.

    A panic of its Rust code arrives as an exception that is no `Exception`.
    """
    is_panic = type(error).__name__ == "PanicException"
    if isinstance(error, MemoryError) or not (is_panic or isinstance(error, Exception)):
        raise error
    raise kind(f"{message}: {type(error).__name__}: {error}") from error


def checked_spec(document: TokenizerDocument) -> dict[str, Any]:
    """What a tokenizer says, if it has a model of a known kind."""
    spec: dict[str, Any] = document.spec
    model = spec.get("model") if isinstance(spec, dict) else None
    if not isinstance(model, dict):
        raise ModelFormatError("The tokenizer JSON has no 'model' object.")
    if model.get("type") not in MODEL_TYPES:
        raise ModelFormatError(
            f"The tokenizer's model must be {', '.join(MODEL_TYPES[:-1])} or {MODEL_TYPES[-1]};"
            f" got {model.get('type')!r}."
        )
    return spec


def stripped(document: TokenizerDocument) -> str:
    """JSON text without truncation and padding."""
    spec = document.spec
    # A Unigram model has scores. Written by Python they are as short as can be, and the library,
    # whose parser may miss the last digit of a longer number, reads them right.
    sections = (spec.get("truncation"), spec.get("padding"))
    if sections == (None, None) and spec["model"]["type"] != "Unigram":
        return document.text
    return json.dumps({**spec, "truncation": None, "padding": None})


def build(json_text: str) -> tokenizers.Tokenizer:
    """Let the library build a tokenizer, for which special tokens in a text are ordinary text."""
    try:
        tokenizer = tokenizers.Tokenizer.from_str(json_text)
    except BaseException as error:
        reraise(error, ModelFormatError, "The tokenizer JSON cannot be loaded")
    tokenizer.encode_special_tokens = True
    return tokenizer


def build_hf(
    normalizer: dict[str, Any] | None, pre_tokenizer: dict[str, Any] | None
) -> tuple[Any, Any]:
    """Normalizer and pre-tokenizer of the reference tokenizer, from their JSON."""
    skeleton: dict[str, Any] = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"},
    }
    hf = build(json.dumps(skeleton))
    return hf.normalizer, hf.pre_tokenizer


def try_parts(spec: dict[str, Any]) -> None:
    """Let the library read all of a tokenizer but its vocabulary, which takes no time.

    Raises
    ------
    ModelFormatError
        If it cannot.
    """
    build(json.dumps(with_one_token(spec)))


def with_one_token(spec: dict[str, Any]) -> dict[str, Any]:
    """What a tokenizer's JSON says, with a vocabulary of one token."""
    model = dict(spec["model"])
    if model["type"] == "Unigram":
        model["vocab"] = [["a", 0.0]]
        model["unk_id"] = None if model.get("unk_id") is None else 0
    else:
        model["vocab"] = {model.get("unk_token") or "a": 0}
        if model["type"] == "BPE":
            model["merges"] = []
    return {**spec, "model": model, "truncation": None, "padding": None}


def tokens_of(tokenizer: tokenizers.Tokenizer) -> tuple[str, ...]:
    """Tokens of the library in the order of their ids."""
    return dense_tokens(tokenizer.get_vocab(with_added_tokens=True))


def dense_tokens(vocabulary: dict[str, int]) -> tuple[str, ...]:
    """Return tokens in the order of their ids, which must be 0 to V - 1, each once."""
    if list(vocabulary.values()) == list(range(len(vocabulary))):  # as most files have them
        return tuple(vocabulary)
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    for position, token in enumerate(tokens):
        if vocabulary[token] != position:
            raise ModelFormatError(
                f"Token ids must be 0 to {len(tokens) - 1}, each once; token {token!r:.60} has id"
                f" {vocabulary[token]} where {position} was expected."
            )
    return tuple(tokens)


def unknown_id(spec: dict[str, Any]) -> int | None:
    """Id of the unknown token, which must exist where a text may need it."""
    model = spec["model"]
    if model["type"] == "Unigram":
        unk_id: int | None = model.get("unk_id")
        if unk_id is None and not model.get("byte_fallback") and not _spells_all_bytes(spec):
            raise ModelFormatError(
                "The tokenizer's Unigram model has no unknown token (unk_id is null), which only"
                " a byte-level tokenizer with tokens for all bytes can do without."
            )
        return unk_id
    unk_token = model.get("unk_token")
    if unk_token is None:
        return None
    if unk_token not in model["vocab"]:
        raise ModelFormatError(
            f"The tokenizer's unknown token {unk_token!r} is not in its vocabulary."
        )
    return int(model["vocab"][unk_token])


def _spells_all_bytes(spec: dict[str, Any]) -> bool:
    """Whether a Unigram tokenizer sees bytes only, as characters, and has a token for each."""
    steps = [
        *steps_of(spec.get("normalizer"), "normalizers"),
        *steps_of(spec.get("pre_tokenizer"), "pretokenizers"),
    ]
    alphabet = set(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    return (
        bool(steps)
        and steps[-1].get("type") == "ByteLevel"
        and alphabet <= {piece[0] for piece in spec["model"]["vocab"]}
    )
