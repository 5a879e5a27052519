"""A tokenizer, whole and in parts: what it makes of a text, of a word, of a piece."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from skm2v.exceptions import TeacherError

__all__ = ["TokenizerReader", "add_prefix_space"]


class TokenizerReader:
    """A tokenizer, whole and in parts.

    Parameters
    ----------
    whole : tokenizers.Tokenizer
        It is not changed.
    json_text : str
        Content of its ``tokenizer.json``.
    """

    def __init__(self, whole: Any, json_text: str) -> None:
        self._class = type(whole)
        self._text = json_text
        self._whole = whole
        self._normalizer = whole.normalizer

    @cached_property
    def _model(self) -> Any:
        """The model alone: it maps a piece, such as "Ġword", to what it is made of."""
        parts = {"normalizer": None, "pre_tokenizer": None, "post_processor": None}
        spec = {**json.loads(self._text), **parts, "added_tokens": []}
        return self._class.from_str(json.dumps(spec))

    @cached_property
    def _pre_tokenizer(self) -> Any:
        """A word stands after a space, also where the tokenizer adds none at a text's start."""
        spaced = json.loads(self._text)["pre_tokenizer"]
        add_prefix_space(spaced)
        model = {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}
        skeleton = {"version": "1.0", "added_tokens": [], "model": model}
        spec = {**skeleton, "normalizer": None, "pre_tokenizer": spaced}
        return self._class.from_str(json.dumps(spec)).pre_tokenizer

    @cached_property
    def hides_spaces(self) -> bool:
        """Whether the normalizer turns spaces into marks, as SentencePiece does."""
        return " " not in self.normalize("a b")

    @cached_property
    def prepends(self) -> bool:
        """Whether the normalizer puts a mark before a text, as if it followed a space."""
        return self.hides_spaces and not self.normalize("a").startswith("a")

    @cached_property
    def _around(self) -> tuple[list[int], list[int]]:
        """Ids that the tokenizer puts before and after a text."""
        probe = self._whole.encode("a")
        content = [i for i, special in enumerate(probe.special_tokens_mask) if not special]
        if not content:
            raise TeacherError("The teacher's tokenizer gives no token for the text 'a'.")
        return probe.ids[: content[0]], probe.ids[content[-1] + 1 :]

    def wrap(self, ids: list[int]) -> list[int]:
        """Put the special tokens of a text around ids."""
        if self._whole.post_processor is None:
            return list(ids)
        prefix, suffix = self._around
        return [*prefix, *ids, *suffix]

    def pieces(self, token: str) -> list[int]:
        """Return ids of the pieces that the model has for a pre-tokenized word."""
        return list(self._model.encode(token, add_special_tokens=False).ids)

    def ids(self, text: str) -> list[int]:
        """Return ids of a text, without special tokens around it."""
        return list(self._whole.encode(text, add_special_tokens=False).ids)

    def normalize(self, text: str) -> str:
        return text if self._normalizer is None else str(self._normalizer.normalize_str(text))

    def split(self, text: str) -> list[str]:
        """Pre-tokenize normalised text."""
        if self._pre_tokenizer is None:
            return [text] if text else []
        return [piece for piece, _ in self._pre_tokenizer.pre_tokenize_str(text)]

    def split_word(self, word: str) -> list[str]:
        """Pieces that the pre-tokenizer makes of a word that stands after a space."""
        normalized = self.normalize(word)
        if normalized.strip() and self.hides_spaces and not self.prepends:
            normalized = self.normalize(" " + word)
        return self.split(normalized)

    def read_word(self, word: str) -> list[int]:
        """Return what the teacher reads for a word, or a string of several words."""
        pieces = self.split_word(word)
        if len(pieces) == 1:
            return self.wrap(self.pieces(pieces[0]))
        return list(self._whole.encode(word).ids)


def add_prefix_space(pre_tokenizer: Any) -> None:
    """Make a byte-level pre-tokenizer read the first word of a text like any other."""
    if not isinstance(pre_tokenizer, dict):
        return
    if pre_tokenizer.get("type") == "ByteLevel":
        pre_tokenizer["add_prefix_space"] = True
    for part in pre_tokenizer.get("pretokenizers", ()):
        add_prefix_space(part)
