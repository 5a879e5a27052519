"""Which tokens a model has, and what the teacher reads for each of them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from skm2v._distillation.teacher.reader import TokenizerReader, add_prefix_space
from skm2v._distillation.teacher.words import EMPTY, NewWords, sort_words, unfound_words
from skm2v._pooling import TextTokenizer, slowed_by_words
from skm2v.exceptions import TeacherError

__all__ = ["TokenPlan", "extend_tokens", "plan_tokens"]

logger = logging.getLogger("skm2v")

# How the unknown and the padding token are matched: they are never text.
_SPECIAL = {
    "single_word": False,
    "lstrip": False,
    "rstrip": False,
    "normalized": False,
    "special": True,
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
    rows : list of int
        For each new token, its position among the given words.
    left_out : mapping of str to list of int
        Positions of the words that are no new tokens, by the reason.
    notes : mapping of str to list of str
        Words that are not found wherever they stand; see ``warn_of_words``.
    """

    tokenizer: str
    sequences: list[list[int]]
    rows: list[int] = field(default_factory=list)
    left_out: Mapping[str, list[int]] = field(default_factory=dict)
    notes: Mapping[str, list[str]] = field(default_factory=dict)


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
    appended, as added tokens that stand alone.

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
    reader = _reader(type(backend), json.dumps(spec))
    pattern = _compiled(remove_pattern)

    vocabulary = _Vocabulary(spec)
    teachers = vocabulary.ids
    kept = {token for token in (vocabulary.unk_token, unk_token, pad_token) if token in teachers}
    added = {token["content"] for token in spec["added_tokens"]}
    gone = added - kept
    if pattern is not None:
        gone |= {token for token in teachers if pattern.match(token)} - {vocabulary.unk_token}
    new = sort_words(
        words,
        reader,
        teachers,
        {token["content"] for token in spec["added_tokens"] if token["special"]} | kept,
        what="vocabulary",
        prefix=vocabulary.prefix,
        unknown=vocabulary.unk_id,
        removed=(lambda token: False) if pattern is None else pattern.match,
    )
    vocabulary.remove(gone | new.replaced)
    sequences = [reader.wrap([id_]) for id_ in vocabulary.ids.values()]
    sequences += [reader.read_word(word) for word in new.words]
    if not sequences:
        raise ValueError(
            f"No token is left: token_remove_pattern={remove_pattern!r} matches all of them."
        )
    specials = {token for token in (vocabulary.unk_token, pad_token) if token in vocabulary.ids}
    text = vocabulary.tokenizer(specials, new.tokens)
    return _plan(text, sequences, new, type(backend), max_length)


def extend_tokens(
    tokenizer: TextTokenizer,
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
    tokenizer : TextTokenizer
        The model's.
    backend : tokenizers.Tokenizer or None
        The teacher's tokenizer, which is not changed. None: there are no sequences.
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
    spec = dict(tokenizer.document.spec)
    hf = tokenizer.copy_hf()
    ours = TokenizerReader(hf, tokenizer.json)
    vocabulary = _Vocabulary(spec)
    unknown = tokenizer.unknown_characters
    if unknown is not None:  # the setting of `split_unknown`: so the words stand in texts
        words = [unknown.split(word) if isinstance(word, str) else word for word in words]
    new = sort_words(
        words,
        ours,
        vocabulary.ids,
        set(vocabulary.ids),  # all keep their ids and rows, also those that no text reaches
        what="words",
        prefix=vocabulary.prefix,
        unknown=vocabulary.unk_id,
    )
    if EMPTY in new.left_out:
        word = words[new.left_out[EMPTY][0]]
        raise ValueError(
            f"words must hold text; the tokenizer leaves nothing of {word!r}. Leave it out."
        )
    sequences: list[list[int]] = []
    if backend is not None:
        theirs = json.loads(backend.to_str())
        theirs.update(truncation=None, padding=None)
        _name_unknown(theirs, unk_token)
        teacher = _reader(type(hf), json.dumps(theirs))
        sequences = [teacher.read_word(word) for word in new.words]
    spec["added_tokens"] = spec["added_tokens"] + _numbered(new.tokens, len(vocabulary.ids))
    text = json.dumps(spec, ensure_ascii=False)
    return _plan(text, sequences, new, type(hf), max_length)


def _plan(
    tokenizer: str,
    sequences: list[list[int]],
    new: NewWords,
    tokenizer_class: Any,
    max_length: int | None,
) -> TokenPlan:
    """Look whether the words are found, and say what became of them."""
    if new.words:
        reader = _reader(tokenizer_class, tokenizer)
        added = json.loads(tokenizer)["added_tokens"][-len(new.words) :]
        unfound = unfound_words(reader, new.words, [token["id"] for token in added])
        if unfound:
            new.notes["unfound"] = unfound
        if slowed_by_words(TextTokenizer(tokenizer)):
            lines = [word for word in new.words if not {*word}.isdisjoint("\t\n\r")]
            new.notes["slow"] = lines or new.words
    if new.words or new.left_out:
        logger.info(
            "vocabulary: %d words added; left out: %s",
            len(new.words),
            ", ".join(f"{len(rows)} {why}" for why, rows in new.left_out.items()) or "none",
        )
    cut = [_cut(sequence, max_length) for sequence in sequences]
    return TokenPlan(tokenizer, cut, new.rows, new.left_out, new.notes)


def _reader(tokenizer_class: Any, json_text: str) -> TokenizerReader:
    return TokenizerReader(tokenizer_class.from_str(json_text), json_text)


def _numbered(tokens: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    return [{"id": first + i, **token} for i, token in enumerate(tokens)]


@dataclass
class _Vocabulary:
    """Tokens of a tokenizer's JSON and what its model says about each of them.

    Attributes
    ----------
    spec : dict
        Content of the ``tokenizer.json``.
    ids : dict of str to int
        Tokens and their ids in `spec`, ordered by id; without those that were removed.
    unk_token, unk_id : str and int, or None
    prefix : str
        What tokens begin with that stand inside of words.
    """

    spec: dict[str, Any]
    ids: dict[str, int] = field(init=False)
    unk_token: str | None = field(init=False)

    def __post_init__(self) -> None:
        model = self.spec["model"]
        self._kind = model["type"]
        self._scores: dict[str, float] = {}
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
        merges = (
            pair.split(" ") if isinstance(pair, str) else pair for pair in model.get("merges", ())
        )
        self._merges = [(left, right) for left, right in merges]
        for token in self.spec["added_tokens"]:
            ids.setdefault(token["content"], token["id"])
        self.ids = dict(sorted(ids.items(), key=lambda item: item[1]))
        self.unk_id = None if self.unk_token is None else ids.get(self.unk_token)
        self.prefix = str(model.get("continuing_subword_prefix") or "")

    def remove(self, gone: set[str]) -> None:
        """Forget tokens, and the merges that make them or need them."""
        self.ids = {token: i for token, i in self.ids.items() if token not in gone}
        self._merges = [
            (left, right)
            for left, right in self._merges
            if not (left in gone or right in gone or left + right in gone)
        ]

    def tokenizer(self, specials: set[str], words: list[dict[str, Any]]) -> str:
        """Return the JSON text of the tokenizer with these tokens, and words added to it."""
        spec = {**self.spec, "post_processor": None, "truncation": None, "padding": None}
        model = dict(spec["model"])
        ids = {token: i for i, token in enumerate(self.ids)}
        if self._kind == "Unigram":
            lowest = min(self._scores.values(), default=0.0)
            model["vocab"] = [[token, self._scores.get(token, lowest)] for token in ids]
            model["unk_id"] = None if self.unk_token is None else ids.get(self.unk_token)
        else:
            model["vocab"] = ids
        if self._kind == "BPE":
            model["merges"] = [list(pair) for pair in self._merges]
        flags = {token["content"]: token for token in self.spec["added_tokens"]}
        added = [
            {
                **_SPECIAL,
                **flags.get(token, {}),
                "id": ids[token],
                "content": token,
                "special": True,
            }
            for token in specials
        ]
        spec["added_tokens"] = sorted(added, key=lambda token: token["id"])
        spec["added_tokens"] += _numbered(words, len(ids))
        spec["model"] = model
        spec["pre_tokenizer"] = json.loads(json.dumps(spec["pre_tokenizer"]))
        add_prefix_space(spec["pre_tokenizer"])
        return json.dumps(spec, ensure_ascii=False)


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
