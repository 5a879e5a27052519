"""Which tokens a model has, and what the teacher reads for each of them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from skm2v.exceptions import TeacherError

__all__ = ["TokenPlan", "extend_tokens", "plan_tokens"]

logger = logging.getLogger("skm2v")

# How an added token of several words is matched: in normalised text, with the spaces around it.
_ADDED = {
    "single_word": False,
    "lstrip": True,
    "rstrip": True,
    "normalized": True,
    "special": False,
}


@dataclass(frozen=True)
class TokenPlan:
    """The tokens of a model.

    Attributes
    ----------
    tokenizer : str
        JSON text of the model's tokenizer.
    sequences : list of list of int
        For each token (of an extension: each new one), in the order of their ids, what the
        teacher reads: its own ids, with its special tokens around.
    """

    tokenizer: str
    sequences: list[list[int]]


def plan_tokens(
    backend: Any,
    *,
    words: Sequence[str] = (),
    remove_pattern: str | None = None,
    unk_token: str | None = None,
    pad_token: str | None = None,
    max_length: int | None = None,
) -> TokenPlan:
    r"""Derive a model's tokenizer from its teacher's.

    Tokens that match `remove_pattern` go, and so do the teacher's added tokens, except the
    unknown and the padding token: special tokens never stand for a piece of text. Then words are
    appended, first those that the pre-tokenizer leaves whole, as entries of the vocabulary, then
    the others, as added tokens.

    Parameters
    ----------
    backend : tokenizers.Tokenizer
        The teacher's tokenizer. It is not changed.
    words : sequence of str, default=()
        Words, or strings of several words, that become tokens of their own.
    remove_pattern : str or None, default=None
        Regular expression (`re.match`) of tokens to remove.
    unk_token, pad_token : str or None, default=None
        What the teacher calls these two.
    max_length : int or None, default=None
        Number of ids that the teacher can read.

    Returns
    -------
    plan : TokenPlan

    Raises
    ------
    TeacherError
        If the tokenizer is not supported.
    ValueError
        If `remove_pattern` is not a regular expression or leaves no token, or a word is not a
        string.
    """
    spec = json.loads(backend.to_str())
    spec.update(truncation=None, padding=None)
    _name_unknown(spec, unk_token)
    reader = _Reader(type(backend), spec)
    pattern = _compiled(remove_pattern)

    vocabulary = _Vocabulary(spec)
    known = set(vocabulary.ids)
    kept = {token for token in (vocabulary.unk_token, unk_token, pad_token) if token in known}
    gone = {token["content"] for token in spec["added_tokens"]} - kept
    if pattern is not None:
        gone |= {token for token in known if pattern.match(token)} - {vocabulary.unk_token}
    vocabulary.remove(gone)

    single, several = _sort_words(words, reader, vocabulary, known, pattern)
    sequences = {token: reader.wrap([id_]) for token, id_ in vocabulary.ids.items()}
    for word in single:
        for token in vocabulary.add_word(word, reader):
            sequences[token] = reader.wrap(reader.pieces(token))
    for text in several:
        vocabulary.add_text(text)
        sequences[text] = reader.read(text)
    if not sequences:
        raise ValueError(
            f"No token is left: token_remove_pattern={remove_pattern!r} matches all of them."
        )
    specials = {token for token in (vocabulary.unk_token, pad_token) if token in sequences}
    text = vocabulary.tokenizer(specials)
    ordered = [_cut(sequences[token], max_length) for token in vocabulary.tokens]
    return TokenPlan(text, ordered)


def extend_tokens(
    tokenizer: str,
    backend: Any,
    words: Sequence[str],
    *,
    unk_token: str | None = None,
    max_length: int | None = None,
) -> TokenPlan:
    """Append words to the tokenizer of a finished model, as :func:`plan_tokens` appends them.

    Tokens that the model has keep their ids; words that are among them are left out.

    Parameters
    ----------
    tokenizer : str
        JSON text of the model's tokenizer.
    backend : tokenizers.Tokenizer
        The teacher's tokenizer. It is not changed.
    words : sequence of str
        Words, or strings of several words.
    unk_token : str or None, default=None
        What the teacher calls the unknown token.
    max_length : int or None, default=None
        Number of ids that the teacher can read.

    Returns
    -------
    plan : TokenPlan
        Its `sequences` are those of the new tokens only.

    Raises
    ------
    ValueError
        If a word is no string, or the tokenizer leaves nothing of it.
    """
    spec = json.loads(tokenizer)
    ours = _Reader(type(backend), spec)
    theirs = json.loads(backend.to_str())
    theirs.update(truncation=None, padding=None)
    _name_unknown(theirs, unk_token)
    teacher = _Reader(type(backend), theirs)

    vocabulary = _Vocabulary(spec)
    vocabulary.keep_added()
    known = set(vocabulary.ids)
    single, several = _sort_words(words, ours, vocabulary, known, None, extending=True)
    sequences: list[list[int]] = []
    for word in single:
        for token in vocabulary.add_word(word, ours):
            sequences.append(teacher.wrap(teacher.pieces(token)))
    for text in several:
        vocabulary.add_text(text)
        sequences.append(teacher.read(text))
    specials = {token["content"] for token in spec["added_tokens"] if token["special"]}
    return TokenPlan(
        vocabulary.tokenizer(specials), [_cut(sequence, max_length) for sequence in sequences]
    )


class _Reader:
    """The teacher's tokenizer, whole and in parts."""

    def __init__(self, tokenizer_class: Any, spec: dict[str, Any]) -> None:
        self._whole = tokenizer_class.from_str(json.dumps(spec))
        # The model alone maps a piece of the vocabulary, such as "Ġword", to what it is made of.
        parts = {"normalizer": None, "pre_tokenizer": None, "post_processor": None}
        self._model = tokenizer_class.from_str(json.dumps({**spec, **parts, "added_tokens": []}))
        self.normalizer = self._whole.normalizer
        # A word stands after a space, also where the teacher adds none at the start of a text.
        spaced = json.loads(json.dumps(spec["pre_tokenizer"]))
        _add_prefix_space(spaced)
        pre_tokenized = {**spec, "pre_tokenizer": spaced}
        self.pre_tokenizer = tokenizer_class.from_str(json.dumps(pre_tokenized)).pre_tokenizer

    @cached_property
    def _around(self) -> tuple[list[int], list[int]]:
        """Ids that the tokenizer puts before and after a text."""
        probe = self._whole.encode("a")
        content = [i for i, special in enumerate(probe.special_tokens_mask) if not special]
        if not content:
            raise TeacherError("The teacher's tokenizer gives no token for the text 'a'.")
        return probe.ids[: content[0]], probe.ids[content[-1] + 1 :]

    def wrap(self, ids: list[int]) -> list[int]:
        if self._whole.post_processor is None:
            return list(ids)
        prefix, suffix = self._around
        return [*prefix, *ids, *suffix]

    def pieces(self, token: str) -> list[int]:
        """Return ids of the pieces that the teacher has for a pre-tokenized word."""
        return list(self._model.encode(token, add_special_tokens=False).ids)

    def read(self, text: str) -> list[int]:
        return list(self._whole.encode(text).ids)

    def normalize(self, text: str) -> str:
        return text if self.normalizer is None else str(self.normalizer.normalize_str(text))

    def split(self, text: str) -> list[str]:
        """Pre-tokenize normalised text."""
        if self.pre_tokenizer is None:
            return [text] if text else []
        return [piece for piece, _ in self.pre_tokenizer.pre_tokenize_str(text)]


@dataclass
class _Vocabulary:
    """Tokens of a tokenizer's JSON and what its model says about each of them.

    Attributes
    ----------
    spec : dict
        Content of the teacher's ``tokenizer.json``.
    ids : dict of str to int
        The teacher's tokens, ordered by id.
    tokens : list of str
        The model's tokens: the id is the position.
    """

    spec: dict[str, Any]
    ids: dict[str, int] = field(init=False)
    tokens: list[str] = field(init=False)
    unk_token: str | None = field(init=False)

    def __post_init__(self) -> None:
        model = self.spec["model"]
        self._kind = model["type"]
        self._scores: dict[str, float] = {}
        self._merges: dict[tuple[str, str], int] = {}  # and their ranks
        self._several: list[str] = []
        self._kept: dict[str, Any] = {}
        if self._kind == "Unigram":
            ids = {token: i for i, (token, _) in enumerate(model["vocab"])}
            self._scores = {token: score for token, score in model["vocab"]}
            unk_id = model.get("unk_id")
            self.unk_token = None if unk_id is None else model["vocab"][unk_id][0]
        elif self._kind in ("WordPiece", "BPE", "WordLevel"):
            ids = dict(model["vocab"])
            self.unk_token = model.get("unk_token")
        else:
            raise TeacherError(
                "The teacher's tokenizer must be a WordPiece, BPE, Unigram or WordLevel model;"
                f" got {self._kind!r}."
            )
        for merge in model.get("merges", ()):
            left, right = merge.split(" ") if isinstance(merge, str) else merge
            self._merges[left, right] = len(self._merges)
        for token in self.spec["added_tokens"]:
            ids.setdefault(token["content"], token["id"])
        self.ids = dict(sorted(ids.items(), key=lambda item: item[1]))
        self.tokens = list(self.ids)
        self._known = set(self.tokens)
        self._lowest = min(self._scores.values(), default=0.0)

    def __contains__(self, token: str) -> bool:
        return token in self._known

    def keep_added(self) -> None:
        """Keep the added tokens of a model that is extended."""
        added = self.spec["added_tokens"]
        self._kept = {token["content"]: token for token in added if not token["special"]}
        self._several = list(self._kept)

    def remove(self, gone: set[str]) -> None:
        """Forget tokens, and the merges that make them or need them."""
        self.tokens = [token for token in self.tokens if token not in gone]
        self._known -= gone
        self.ids = {token: i for token, i in self.ids.items() if token not in gone}
        left_over = (
            (left, right)
            for left, right in self._merges
            if not (left in gone or right in gone or left + right in gone)
        )
        self._merges = {pair: rank for rank, pair in enumerate(left_over)}

    def add_word(self, token: str, reader: _Reader) -> list[str]:
        """Append a word and what it needs; return the tokens that are new."""
        new = [token]
        if self._kind == "BPE":
            parts = self._merge_fully(token)
            new += sorted(part for part in parts if part != token and part not in self)
        elif self._kind == "Unigram":
            self._scores[token] = self._score(reader.pieces(token))
        self.tokens += new
        self._known.update(new)
        return new

    def _score(self, pieces: list[int]) -> float:
        """Return a log probability with which a word just wins over its pieces."""
        by_id = self.spec["model"]["vocab"]
        unk_id = self.spec["model"].get("unk_id")
        total = sum(self._lowest - 10 if piece == unk_id else by_id[piece][1] for piece in pieces)
        return float(min(max(self._lowest, total + 1e-3), 0.0))

    def _merge_fully(self, token: str) -> set[str]:
        """Add the merges that join the letters of a word; return their parts."""
        parts: set[str] = set()
        pieces = self._merged(list(token))
        while len(pieces) > 1:
            for pair in list(zip(pieces[::2], pieces[1::2], strict=False)):
                self._merges.setdefault(pair, len(self._merges))
                parts.update(pair)
            pieces = self._merged(pieces)
        return parts

    def _merged(self, pieces: list[str]) -> list[str]:
        """Apply merges, the earliest first, as byte-pair encoding does."""
        while len(pieces) > 1:
            ranks = [self._merges.get(pair) for pair in zip(pieces, pieces[1:], strict=False)]
            best = min((rank for rank in ranks if rank is not None), default=None)
            if best is None:
                break
            merged: list[str] = []
            for piece in pieces:
                if merged and self._merges.get((merged[-1], piece)) == best:
                    merged[-1] += piece
                else:
                    merged.append(piece)
            pieces = merged
        return pieces

    def add_text(self, text: str) -> None:
        """Append a token that is matched before the text is split into words."""
        self.tokens.append(text)
        self._known.add(text)
        self._scores[text] = self._lowest
        self._several.append(text)

    def tokenizer(self, specials: set[str]) -> str:
        """Return the JSON text of the tokenizer that has these tokens."""
        spec = {**self.spec, "post_processor": None, "truncation": None, "padding": None}
        model = dict(spec["model"])
        ids = {token: i for i, token in enumerate(self.tokens)}
        if self._kind == "Unigram":
            model["vocab"] = [[token, self._scores.get(token, self._lowest)] for token in ids]
            model["unk_id"] = None if self.unk_token is None else ids.get(self.unk_token)
        else:
            model["vocab"] = ids
        if self._kind == "BPE":
            model["merges"] = [list(pair) for pair in self._merges]
        flags = {token["content"]: token for token in self.spec["added_tokens"]}
        plain = {**_ADDED, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        added = [
            {**plain, **flags.get(token, {}), "id": ids[token], "content": token, "special": True}
            for token in specials
        ]
        added += [
            {"id": ids[text], "content": text, **_ADDED, **self._kept.get(text, {})}
            for text in self._several
        ]
        spec["added_tokens"] = sorted(added, key=lambda token: token["id"])
        spec["model"] = model
        spec["pre_tokenizer"] = json.loads(json.dumps(spec["pre_tokenizer"]))
        _add_prefix_space(spec["pre_tokenizer"])
        return json.dumps(spec, ensure_ascii=False)


def _sort_words(
    words: Sequence[str],
    reader: _Reader,
    vocabulary: _Vocabulary,
    known: set[str],
    pattern: re.Pattern[str] | None,
    *,
    extending: bool = False,
) -> tuple[list[str], list[str]]:
    """Tell words that stay whole from those that the pre-tokenizer splits.

    A model that is extended keeps all of its tokens, and must be told of words without text.
    """
    what = "words" if extending else "vocabulary"
    single: dict[str, None] = {}
    several: dict[str, None] = {}
    skipped: dict[str, int] = {}
    for word in words:
        if not isinstance(word, str):
            raise ValueError(f"{what} must hold strings; got {word!r} among them.")
        try:
            normalized = reader.normalize(word)
            pieces = reader.split(normalized)
        except (TypeError, UnicodeError) as error:
            raise ValueError(f"{what} has the word {word!r}, which is no text.") from error
        reason = None
        text = normalized.strip()
        if not pieces:
            reason = "empty"
            if extending:
                raise ValueError(
                    f"words must hold text; the tokenizer leaves nothing of {word!r}. Leave it out."
                )
        elif len(pieces) > 1 and extending and text in known:
            reason = "known already"
        elif len(pieces) > 1:
            # An entry of that name can never be reached: the pre-tokenizer splits it.
            vocabulary.remove({word, text} & set(vocabulary.tokens))
            if text in several:
                reason = "given twice"
            several[text] = None
        elif pieces[0] in known or pieces[0] in single:
            reason = "known already"
        elif pattern is not None and pattern.match(pieces[0]):
            reason = "removed by token_remove_pattern"
        else:
            single[pieces[0]] = None
        if reason is not None:
            skipped[reason] = skipped.get(reason, 0) + 1
    if words:
        logger.info(
            "vocabulary: %d words and %d strings of several words added; left out: %s",
            len(single),
            len(several),
            ", ".join(f"{count} {reason}" for reason, count in skipped.items()) or "none",
        )
    return list(single), list(several)


def _name_unknown(spec: dict[str, Any], unk_token: str | None) -> None:
    """Let the tokenizer's model know the unknown token that the teacher's settings name."""
    model = spec["model"]
    if unk_token is None:
        return
    if model["type"] == "Unigram":
        tokens = [token for token, _ in model["vocab"]]
        if model.get("unk_id") is None and unk_token in tokens:
            model["unk_id"] = tokens.index(unk_token)
    elif unk_token in model["vocab"]:
        model["unk_token"] = unk_token


def _add_prefix_space(pre_tokenizer: Any) -> None:
    """Make a byte-level pre-tokenizer read the first word of a text like any other."""
    if not isinstance(pre_tokenizer, dict):
        return
    if pre_tokenizer.get("type") == "ByteLevel":
        pre_tokenizer["add_prefix_space"] = True
    for part in pre_tokenizer.get("pretokenizers", ()):
        _add_prefix_space(part)


def _cut(ids: list[int], max_length: int | None) -> list[int]:
    if max_length is None or len(ids) <= max_length:
        return ids
    return [*ids[: max_length - 1], ids[-1]]


def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ValueError(
            f"token_remove_pattern must be a regular expression or None; got {pattern!r}: {error}."
        ) from error
