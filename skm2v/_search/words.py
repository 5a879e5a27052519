"""Words of texts, joined from the tokens that a static model reads."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from skm2v._pooling import TextPooler, TextTokenizer, TokenIds
from skm2v._pooling.boundaries import steps_of
from skm2v._pooling.byte_level import byte_characters

__all__ = ["JoinedTokens", "PlainWords", "Reader", "WordStream", "words_in"]

# No word has more. It bounds the work for a "word" of a million pieces.
MOST_PIECES = 64
# Fewer numbers are sorted sooner than all that they could be are gone through.
SORTED = 1000
# Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, ideographs. There every
# token is a word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)


class WordStream(NamedTuple):
    """Words of texts, one text after the other.

    Attributes
    ----------
    words : list of str
        Different strings, in lower case.
    numbers : ndarray of int64 of shape (n_words,)
        Places in `words`.
    indptr : ndarray of int64 of shape (n_texts + 1,)
        The words of text ``i`` are ``numbers[indptr[i]:indptr[i + 1]]``.
    """

    words: list[str]
    numbers: npt.NDArray[np.int64]
    indptr: npt.NDArray[np.int64]


class Reader(Protocol):
    """What finds the words of texts."""

    def read(self, texts: list[str]) -> WordStream:
        """Return the words of texts; those of one string of the stream can be several."""


def words_in(string: str) -> list[str]:
    """Runs of letters, digits and marks, in lower case."""
    string = string.lower()
    if string.isalnum():
        return [string]
    if string.isascii():
        return re.findall("[a-z0-9]+", string)
    characters = (c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in string)
    return "".join(characters).split()


class JoinedTokens:
    """Joins the tokens of a static model to the words that they are pieces of.

    So one tokenisation is behind vectors and words.

    Parameters
    ----------
    pooler : TextPooler
    """

    def __init__(self, pooler: TextPooler) -> None:
        self._pooler = pooler
        self._pieces, begins, self._bytes = _pieces(pooler.tokenizer)
        self._begins = np.array(begins, dtype=bool)
        shown = [self._string(piece) for piece in self._pieces]
        # Pieces without a letter end a word. Those of bytes that make no character do not.
        self._alone = np.array(
            [
                bool(_UNSPACED.search(string))
                or (not words_in(string) and not (self._bytes and not string))
                for string in shown
            ],
            dtype=bool,
        )

    def read(self, texts: list[str]) -> WordStream:
        """Return the words of texts."""
        # BM25 reads the whole text, also where its vector stops at `max_length`.
        return self.join(self._pooler.token_ids(texts, max_length=None))

    def join(self, tokens: TokenIds) -> WordStream:
        """Return the words that tokens are pieces of."""
        starts = np.flatnonzero(self.begins(tokens))
        indptr = np.searchsorted(starts, tokens.indptr)
        joined: list[str] = []
        numbers = self._intern(tokens.ids, starts, joined)
        different, numbers = _renumbered(numbers)
        n_tokens = len(self._pieces)
        words = [
            self._string(self._pieces[i] if i < n_tokens else joined[i - n_tokens])
            for i in different.tolist()
        ]
        return WordStream(words, numbers, indptr)

    def whole_words(self) -> list[str]:
        """Words that are tokens, in lower case, each once, in the order of their ids."""
        strings = map(self._string, self._pieces)
        found = [
            words_in(string)
            for string, begins in zip(strings, self._begins.tolist(), strict=True)
            if begins
        ]
        return list(dict.fromkeys(words[0] for words in found if len(words) == 1))

    def begins(self, tokens: TokenIds) -> npt.NDArray[np.bool_]:
        """Whether each token begins a word."""
        ids = tokens.ids
        begins = self._begins[ids]
        if not len(ids):
            return begins
        alone = self._alone[ids]
        begins |= alone
        begins[1:] |= alone[:-1]
        firsts = tokens.indptr[:-1]
        begins[firsts[firsts < len(ids)]] = True
        starts = np.flatnonzero(begins)
        lengths = np.diff(starts, append=len(ids))
        if lengths.max() > MOST_PIECES:
            places = np.arange(len(ids)) - np.repeat(starts, lengths)
            begins |= places % MOST_PIECES == 0
        return begins

    def _intern(
        self, ids: npt.NDArray[np.int32], starts: npt.NDArray[np.int64], joined: list[str]
    ) -> npt.NDArray[np.int64]:
        """Number of each word: a place among the tokens, or after these in `joined`, that grows."""
        numbers = ids[starts].astype(np.int64)
        lengths = np.diff(starts, append=len(ids))
        n_tokens, pieces = len(self._pieces), self._pieces
        active = np.flatnonzero(lengths > 1)
        depth = 1
        while len(active):
            keys = numbers[active] * n_tokens + ids[starts[active] + depth]
            different, places = np.unique(keys, return_inverse=True)
            numbers[active] = n_tokens + len(joined) + places
            left, right = np.divmod(different, n_tokens)
            joined += [
                (pieces[a] if a < n_tokens else joined[a - n_tokens]) + pieces[b]
                for a, b in zip(left.tolist(), right.tolist(), strict=True)
            ]
            depth += 1
            active = active[lengths[active] > depth]
        return numbers

    def _string(self, piece: str) -> str:
        if self._bytes is None:
            return piece
        return bytes(self._bytes[c] for c in piece if c in self._bytes).decode(errors="ignore")


def _renumbered(
    numbers: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Different numbers, ascending, and the place among them of each; `unique` for small ones."""
    if len(numbers) < SORTED:
        return np.unique(numbers, return_inverse=True)
    there = np.zeros(int(numbers.max()) + 1, dtype=bool)
    there[numbers] = True
    return np.flatnonzero(there), (np.cumsum(there) - 1)[numbers]


def _pieces(tokenizer: TextTokenizer) -> tuple[list[str], list[bool], dict[str, int] | None]:
    """Strings of tokens, whether they begin a word, and the bytes of their characters, if any."""
    spec, tokens = tokenizer.document.spec, tokenizer.tokens
    kind = spec["model"]["type"]
    if kind == "WordPiece":
        prefix = spec["model"].get("continuing_subword_prefix", "##")
        begins = [not (prefix and token.startswith(prefix)) for token in tokens]
        return [token.removeprefix(prefix) for token in tokens], begins, None
    if kind == "WordLevel":
        return list(tokens), [True] * len(tokens), None
    steps = steps_of(spec.get("pre_tokenizer"), "pretokenizers")
    if any(step.get("type") == "ByteLevel" for step in steps):
        of_bytes = {c: byte for byte, c in enumerate(byte_characters())}
        space = byte_characters()[ord(" ")]
        return list(tokens), [token.startswith(space) for token in tokens], of_bytes
    mark = "\u2581"
    return [t.removeprefix(mark) for t in tokens], [t.startswith(mark) for t in tokens], None


class PlainWords:
    """Words of texts whose vectors are not those of a static model."""

    def read(self, texts: list[str]) -> WordStream:
        """Return the words of texts."""
        places: dict[str, int] = {}
        numbers: list[int] = []
        indptr = [0]
        for text in texts:
            numbers += [places.setdefault(word, len(places)) for word in words_in(text)]
            indptr.append(len(numbers))
        return WordStream(
            list(places), np.array(numbers, dtype=np.int64), np.array(indptr, dtype=np.int64)
        )
