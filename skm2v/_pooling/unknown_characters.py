"""Characters that make a word unknown to WordPiece, split off so that the rest of it is read.

WordPiece knows a word as a whole or not at all: "love" with a heart behind it is one unknown token.
A character that no token has makes every word with it unknown, and so does one that only begins
words, anywhere but at the start of one. Spaces around such characters therefore change no word that
the tokenizer knows.

A word that was added is searched in a text that has such spaces, so it is written down with them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["UnknownCharacters", "splits_unknown", "with_split_unknown"]

#: Setting of the model in ``tokenizer.json``, which other readers of the file pass over.
SETTING = "split_unknown"


def splits_unknown(spec: dict[str, Any]) -> bool:
    """Whether a tokenizer says that unknown characters are split off."""
    return spec["model"]["type"] == "WordPiece" and spec["model"].get(SETTING) is True


class UnknownCharacters(dict[int, str]):
    """What is put in place of each character of a text; filled when a character is first met.

    Parameters
    ----------
    spec : dict
        Parsed ``tokenizer.json`` with a WordPiece model.
    normalize : callable
        Its normalizer.
    known : list of str or None, default=None
        What `known` was of an object for this tokenizer; `spec` needs no vocabulary then.

    Notes
    -----
    A character that no token has gets spaces around it, unless its compatibility form (NFKC) is
    known, which then takes its place: so letters of full width are read. One that tokens only
    begin with gets a space before it.
    """

    MOST_KEPT = 1 << 16

    def __init__(
        self,
        spec: dict[str, Any],
        normalize: Callable[[str], str],
        known: list[str] | None = None,
    ) -> None:
        super().__init__()
        self._normalize = normalize
        if known is not None:
            self._first, self._inside = map(set, known)
            return
        prefix = spec["model"].get("continuing_subword_prefix", "##")
        pieces = [
            t[len(prefix) :] for t in spec["model"]["vocab"] if t.startswith(prefix) and prefix
        ]
        words = [t for t in spec["model"]["vocab"] if not (prefix and t.startswith(prefix))]
        self._first = {word[:1] for word in words}
        self._inside = set("".join([*pieces, *(word[1:] for word in words)]))
        contents = [token["content"] for token in spec.get("added_tokens") or ()]
        # Characters of a word that is not written with spaces around them are left in it.
        whole = [content for content in contents if self.split(self.joined(content)) != content]
        for content in whole:
            self._inside.update(normalize(content))
        self.clear()

    @property
    def known(self) -> list[str]:
        """The characters that words begin with, and those that stand in them."""
        return ["".join(sorted(characters)) for characters in (self._first, self._inside)]

    def __missing__(self, code_point: int) -> str:
        if len(self) >= self.MOST_KEPT:
            self.clear()
        self[code_point] = made = self._replacement(chr(code_point))
        return made

    def _replacement(self, character: str) -> str:
        output = self._normalize(character).strip()
        if self._knows(output):
            return character
        if len(output) == 1 and output in self._first:
            return f" {character}"
        plain = unicodedata.normalize("NFKC", character)
        if plain != character and self._knows(self._normalize(plain)):
            return plain
        return f" {character} "

    def _knows(self, text: str) -> bool:
        return all(c in self._inside or c.isspace() for c in text)

    def rewrite(self, text: str) -> str:
        """Return a text in which all words are known that can be."""
        return text.translate(self)

    def split(self, word: str) -> str:
        """Return a word as it stands in texts that are rewritten."""
        return self.rewrite(word).strip()

    def joined(self, word: str) -> str:
        """Return what `split` made a word of; of several, the one without needless spaces."""
        padded = f" {word} "
        for character in sorted(set(word)):
            replacement = self[ord(character)]
            if replacement.strip() == character:
                padded = padded.replace(replacement, character)
        return padded.strip()

    def origins(self, text: str) -> npt.NDArray[np.int64]:
        """For each character of the rewritten text, and its end, its place in the text."""
        lengths = [len(self[ord(c)]) for c in text]
        places = np.arange(len(text), dtype=np.int64)
        return np.append(np.repeat(places, lengths), len(text))


def with_split_unknown(
    spec: dict[str, Any], split: bool, normalize: Callable[[str], str]
) -> dict[str, Any]:
    """Return a tokenizer's JSON that says whether unknown characters are split off.

    Raises
    ------
    ValueError
        If they are to be, and the tokenizer is of another kind than WordPiece.
    """
    kind = spec["model"]["type"]
    if split and kind != "WordPiece":
        raise ValueError(
            f"split_unknown is for WordPiece tokenizers; got {kind}, which loses no word for one"
            " character. Leave it out."
        )
    if split == splits_unknown(spec):
        return spec
    model = {name: value for name, value in spec["model"].items() if name != SETTING}
    changed = {**spec, "model": {**model, SETTING: True} if split else model}
    if kind == "WordPiece":
        # Of the vocabulary alone: words that were added are what is rewritten.
        unknown = UnknownCharacters({**spec, "added_tokens": []}, normalize)
        write = unknown.split if split else unknown.joined
        changed["added_tokens"] = [
            token if token.get("special") else {**token, "content": write(token["content"])}
            for token in spec.get("added_tokens") or ()
        ]
    return changed
