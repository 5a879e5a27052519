"""Text to token ids."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from skm2v._pooling.boundaries import cut_pattern
from skm2v._pooling.foreign import find_foreign_tokens
from skm2v._pooling.kernel_state import KernelState
from skm2v._pooling.token_ids import TokenIds
from skm2v._pooling.tokenizer_document import TokenizerDocument
from skm2v._pooling.tokenizer_json import (
    build,
    build_hf,
    checked_spec,
    reraise,
    stripped,
    tokens_of,
    unknown_id,
    with_one_token,
)
from skm2v._pooling.unknown_characters import (
    UnknownCharacters,
    splits_unknown,
    with_split_unknown,
)
from skm2v.exceptions import ModelFormatError, TextValueError

if TYPE_CHECKING:
    import tokenizers

__all__ = ["Pieces", "TextTokenizer"]

Pieces = tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]

# Longer texts are tokenized part by part: tokenizers needs several hundred bytes per character.
PART_CHARS = 4096


class TextTokenizer:
    """Immutable, thread-safe tokenizer that turns texts into token ids.

    It is built from the text of a ``tokenizer.json`` file and never changed afterwards. The
    file's truncation and padding are ignored, no special tokens are added, and special-token
    strings that occur in a text, such as ``[PAD]``, are ordinary text.

    Parameters
    ----------
    source : str or TokenizerDocument
        Content of a ``tokenizer.json`` file with a WordPiece, BPE, Unigram or WordLevel model
        and dense token ids.
    tokens : tuple of str, callable or None, default=None
        The tokens that `source` states, where it was checked before; the object of ``tokenizers``,
        which takes longer to make than a model to load, is then made when it is first needed. With
        `state`, what checks the source and returns them, when they are first needed.
    state : KernelState or None, default=None
        What the compiled kernel needs to know of the vocabulary, where that was kept: then nothing
        of `source` is read before somebody asks for its tokens.

    Attributes
    ----------
    json : str
        The JSON text, as given.
    document : TokenizerDocument
        The same with what it says.
    tokens : tuple of str
        Token strings; the position is the token id.
    n_tokens : int
        Number of tokens.
    vocabulary : dict of str to int
        Token id of each token string.
    unk_id : int or None
        Id of the unknown token, if the tokenizer has one.

    Raises
    ------
    ModelFormatError
        If the JSON text is not a supported tokenizer.

    Examples
    --------
    >>> from skm2v import StaticModel
    >>> tokenizer = StaticModel.from_pretrained("default").text_tokenizer
    >>> [tokenizer.tokens[i] for i in tokenizer.ids(["a cat"]).ids]
    ['a', 'cat']
    """

    __module__ = "skm2v"

    def __init__(
        self,
        source: str | TokenizerDocument,
        tokens: tuple[str, ...] | Callable[[], tuple[str, ...]] | None = None,
        state: KernelState | None = None,
    ) -> None:
        document = source if isinstance(source, TokenizerDocument) else TokenizerDocument(source)
        self._document = document
        self._state = state
        self._read_tokens = tokens if callable(tokens) else None
        spec = checked_spec(document) if state is None else state.spec
        self._unk_id = unknown_id(spec) if state is None else state.unk_id
        self._cut = cut_pattern(spec)
        self._splits_unknown = splits_unknown(spec)
        if tokens is None:
            self._tokenizer = build(stripped(document))
            tokens = tokens_of(self._tokenizer)
        if not callable(tokens):
            self._tokens = tokens

    @cached_property
    def _tokens(self) -> tuple[str, ...]:
        assert self._read_tokens is not None
        tokens = self._read_tokens()
        if len(tokens) != self.n_tokens:
            raise ModelFormatError(
                f"The tokenizer has {len(tokens)} tokens, of which {self.n_tokens} were announced."
            )
        return tokens

    @cached_property
    def _tokenizer(self) -> tokenizers.Tokenizer:
        tokens = self._tokens  # with `state` this checks what the library is given
        tokenizer = build(stripped(self._document))
        if tokens_of(tokenizer) != tokens:
            raise ModelFormatError(
                "The tokenizers library read other token ids than the tokenizer's JSON states."
            )
        if self._state is not None:
            self._document.forget()
        return tokenizer

    @property
    def json(self) -> str:
        """The JSON text, as given."""
        return self._document.text

    @property
    def document(self) -> TokenizerDocument:
        """The JSON text, and what it says."""
        return self._document

    @property
    def state(self) -> KernelState | None:
        """What the compiled kernel needs to know of the vocabulary, if that was kept."""
        return self._state

    @property
    def spec(self) -> dict[str, Any]:
        """What the JSON text says; with `state` without vocabulary and merges."""
        spec: dict[str, Any] = self._document.spec if self._state is None else self._state.spec
        return spec

    @property
    def hf_json(self) -> str:
        """The JSON that ``tokenizers`` makes of its own state, without truncation and padding."""
        text: str = self._tokenizer.to_str()
        return text

    @property
    def hf_spec(self) -> dict[str, Any]:
        """What `hf_json` says; with `state` with a vocabulary of one token."""
        if self._state is None:
            spec: dict[str, Any] = json.loads(self.hf_json)
        else:
            spec = json.loads(build(json.dumps(with_one_token(self._state.spec))).to_str())
        return spec

    @property
    def tokens(self) -> tuple[str, ...]:
        """Token strings; the position is the token id."""
        tokens = self._tokens
        if self._state is not None:
            self._document.forget()
        return tokens

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return len(self._tokens) if self._state is None else self._state.n_tokens

    @property
    def vocabulary(self) -> dict[str, int]:
        """Token id of each token string (a new dictionary)."""
        return {token: token_id for token_id, token in enumerate(self._tokens)}

    @property
    def added_ids(self) -> dict[str, int]:
        """Token id of each token that the JSON names beside those of the model."""
        added = self.spec.get("added_tokens") or ()
        if self._state is not None:
            return {token["content"]: token["id"] for token in added}
        ids = self.vocabulary  # those of the JSON give way to the model's
        return {token["content"]: ids[token["content"]] for token in added}

    @cached_property
    def unknown_characters(self) -> UnknownCharacters | None:
        """What is put in place of characters that would make a word unknown, if anything is."""
        if not self._splits_unknown:
            return None
        known = None if self._state is None else self._state.settings["known"]
        return UnknownCharacters(self.spec, self._normalize, known)

    @property
    def _normalize(self) -> Callable[[str], str]:
        normalizer = build_hf(self.spec.get("normalizer"), None)[0]
        return str if normalizer is None else normalizer.normalize_str

    @property
    def unk_id(self) -> int | None:
        """Id of the unknown token, if the tokenizer has one."""
        return self._unk_id

    @cached_property
    def foreign_tokens(self) -> npt.NDArray[np.bool_] | None:
        """Tokens that tell of a language that the vocabulary was not made for, or None."""
        return find_foreign_tokens(self._tokens) if self._state is None else self._state.foreign

    def ids(self, texts: Iterable[str], *, limit: int | None = None) -> TokenIds:
        """Token ids of texts, without special tokens.

        Parameters
        ----------
        texts : iterable of str
            Texts to read.
        limit : int or None, default=None
            Keep at most this many leading ids of each text. A long text is then read only as far
            as needed, where the kind of tokenizer allows it.

        Returns
        -------
        ids : TokenIds
            Unknown tokens are kept.

        Raises
        ------
        TextValueError
            If a text cannot be tokenized, such as one with a lone surrogate.
        """
        unknown = self.unknown_characters
        flat = array("i")
        indptr = [0]
        for text in texts:
            for part in self._parts(text):
                if unknown is not None:
                    part = unknown.rewrite(part)
                flat.extend(self._encode(part).ids)
                if limit is not None and len(flat) - indptr[-1] >= limit:
                    del flat[indptr[-1] + limit :]
                    break
            indptr.append(len(flat))
        return TokenIds(np.array(flat, dtype=np.int32), np.array(indptr, dtype=np.int64))

    def offsets(self, text: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Token ids of one text and where in the text each token comes from.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        ids : ndarray of int32 of shape (n_tokens,)
            Token ids.
        offsets : ndarray of int64 of shape (n_tokens, 2)
            First character and one past the last character of each token.
        """
        return self.pieces(text)[:2]

    def pieces(self, text: str, first: npt.NDArray[np.int32] | None = None) -> Pieces:
        """Return what `offsets` does, and the number of the word that each token is a piece of.

        Parameters
        ----------
        text : str
            The text.
        first : ndarray of int32 of shape (n,) or None, default=None
            Ids of the first tokens of the text, as many as are wanted. The text is then read only
            as far as needed to say where these come from.

        Returns
        -------
        ids : ndarray of int32 of shape (n_tokens,)
            Token ids.
        offsets : ndarray of int64 of shape (n_tokens, 2)
            First and one past the last character of each token.
        words : ndarray of int64 of shape (n_tokens,)
            Counted from 0. A word is what the tokenizer cuts into tokens, and never goes on after
            characters that make no token, such as a space.
        """
        found: list[Pieces] = [
            (np.empty(0, np.int32), np.empty((0, 2), np.int64), np.empty(0, np.int64))
        ]
        start, n_tokens, n_words = 0, 0, 0
        for part in self._parts(text):
            wanted = None if first is None else first[n_tokens:]
            if wanted is not None and not len(wanted):
                break
            ids, offsets, words = self._pieces_of_part(part, wanted)
            found.append((ids, offsets + start, words + n_words))
            start += len(part)
            n_tokens += len(ids)
            n_words += int(words[-1]) + 1 if len(words) else 0
        all_ids, all_offsets, all_words = zip(*found, strict=True)
        return np.concatenate(all_ids), np.concatenate(all_offsets), np.concatenate(all_words)

    def _pieces_of_part(self, part: str, first: npt.NDArray[np.int32] | None) -> Pieces:
        """Do what `pieces` does for a part of a text that is not known to be safely cut."""
        if first is None:
            return self._encode_pieces(part)
        n, length = len(first), 2 * PART_CHARS
        known = first != (-1 if self._unk_id is None else self._unk_id)
        # A beginning is enough that has these tokens, the last known one not at its very end, where
        # it might go on.
        while length < len(part):
            ids, offsets, words = self._encode_pieces(part[:length])
            if np.array_equal(ids[:n], first) and (offsets[:n][known][-1:, 1] < length).all():
                return ids[:n], offsets[:n], words[:n]
            length *= 4
        ids, offsets, words = self._encode_pieces(part)
        return ids[:n], offsets[:n], words[:n]

    def _encode_pieces(self, text: str) -> Pieces:
        places = None
        if (unknown := self.unknown_characters) is not None:
            places, text = unknown.origins(text), unknown.rewrite(text)
        encoding = self._encode(text)
        ids = np.array(encoding.ids, dtype=np.int32)
        offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
        words = np.array([-1 if word is None else word for word in encoding.word_ids], np.int64)
        blank = np.array([text[start : start + 1].isspace() for start in offsets[1:, 0].tolist()])
        begins = np.ones(len(ids), dtype=bool)
        begins[1:] = (np.diff(words) != 0) | (offsets[1:, 0] > offsets[:-1, 1]) | (blank > 0)
        if places is not None:
            starts, ends = offsets[:, 0], np.maximum(offsets[:, 1], 1)
            offsets = np.stack([places[starts], places[ends - 1] + 1], axis=1)
        return ids, offsets, np.cumsum(begins) - 1

    def is_word(self, token_id: int) -> bool:
        """Whether a token is all that is made of some word: no piece, and no punctuation.

        Parameters
        ----------
        token_id : int
            Id of the token.

        Returns
        -------
        is_word : bool
            False for pieces and punctuation.
        """
        text: str = self._tokenizer.decode([token_id], skip_special_tokens=False).strip()
        return any(map(str.isalnum, text)) and self._encode(text).ids == [token_id]

    def with_split_unknown(self, split: bool) -> str:
        """JSON text of a tokenizer that splits off unknown characters, or does not.

        Parameters
        ----------
        split : bool
            Whether unknown characters are split off.

        Returns
        -------
        json : str
            Text of a ``tokenizer.json``.
        """
        self._check()
        spec = with_split_unknown(self._document.spec, split, self._normalize)
        return json.dumps(spec, ensure_ascii=False)

    def copy_hf(self) -> tokenizers.Tokenizer:
        """Return a new ``tokenizers.Tokenizer`` with the tokens of this object.

        It gives the ids of the library: where unknown characters are split off, this object reads
        the rest of a word that is one unknown token for the copy.

        Returns
        -------
        tokenizer : tokenizers.Tokenizer
            A copy, which may be changed.
        """
        self._check()
        return build(stripped(self._document))

    def _check(self) -> None:
        """See that the source was checked, which with `state` it is not from the start."""
        assert self._tokens is not None

    def _parts(self, text: str) -> Iterator[str]:
        """Cut a long text into parts that are tokenized one after the other."""
        if self._cut is None or len(text) <= PART_CHARS:
            yield text
            return
        start = 0
        while start < len(text):
            match = self._cut.search(text, start + PART_CHARS)
            stop = match.end() if match else len(text)
            yield text[start:stop]
            start = stop

    def _encode(self, text: str) -> Any:
        # Not encode_batch: it starts Rust threads of its own on all processors, and programs
        # that fork afterwards are warned about them.
        tokenizer = self._tokenizer
        try:
            return tokenizer.encode(text, add_special_tokens=False)
        except BaseException as error:
            reraise(error, TextValueError, f"The text {text[:60]!r} cannot be tokenized")

    def __reduce__(self) -> tuple[type[TextTokenizer], tuple[str]]:
        return type(self), (self.json,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextTokenizer) and self.json == other.json

    def __hash__(self) -> int:
        return hash(self.json)

    def __repr__(self) -> str:
        return f"TextTokenizer(<{self.n_tokens} tokens>)"
