"""Words that are added to a tokenizer: which are new, how they are written down, what is amiss.

A word becomes an added token of the ``tokenizers`` library, whatever the family of the tokenizer:
a string that is searched in the normalised text before it is split into words, from the left, the
longest first. An entry of the vocabulary would not do: WordPiece and Unigram would use it inside
other words, byte pairs would join in them, and no pre-tokenizer leaves "T-cell" whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skm2v._checks import some
from skm2v._distillation.teacher.reader import TokenizerReader
from skm2v._warnings import warn_user
from skm2v.exceptions import TextWarning

__all__ = ["NewWords", "sort_words", "unfound_words", "warn_of_words"]

# Begin the Unicode names of letters and marks of scripts that put no spaces between words.
SPACELESS = (
    "CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA",
    "HALFWIDTH KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR",
)  # fmt: skip
#: A text of frequent ideographs: a vocabulary with none of them was not made for Chinese.
IDEOGRAPHS = "中国人大不"

KNOWN, TWICE, REMOVED, EMPTY = "known", "given twice", "removed", "empty"


@dataclass(frozen=True)
class NewWords:
    """Words that become tokens.

    Attributes
    ----------
    rows : list of int
        Position among the given words.
    words : list of str
        As given.
    tokens : list of dict
        Added tokens, as ``tokenizer.json`` has them, without an id.
    replaced : set of str
        Entries of the vocabulary of these names, which no text reaches.
    left_out : dict of str to list of int
        Positions of the other words by the reason.
    notes : dict of str to list of str
        What :func:`warn_of_words` tells.
    """

    rows: list[int]
    words: list[str]
    tokens: list[dict[str, Any]]
    replaced: set[str]
    left_out: dict[str, list[int]]
    notes: dict[str, list[str]]


def sort_words(
    words: Sequence[str],
    reader: TokenizerReader,
    known: Collection[str],
    specials: Collection[str],
    *,
    what: str,
    prefix: str = "##",
    unknown: int | None = None,
    removed: Callable[[str], object] = lambda token: False,
) -> NewWords:
    """Choose the words that become tokens.

    Parameters
    ----------
    words : sequence of str
    reader : TokenizerReader
        The tokenizer that gets them.
    known, specials : collection of str
        Names of all of its tokens, and of those that stand for no text.
    what : str
        What the words are called in errors.
    prefix : str, default="##"
        What tokens inside of words begin with.
    unknown : int or None, default=None
        Id of the unknown token.
    removed : callable
        Whether tokens of a name are not wanted.

    Raises
    ------
    ValueError
        If a word is no string, or no text.
    """
    new = NewWords([], [], [], set(), {}, {})
    flags = _flags(reader)
    seen: set[str] = set()
    inside: list[str] = []
    own = _has_own_tokens(words, known, prefix)
    for row, word in enumerate(words):
        if not isinstance(word, str):
            raise ValueError(f"{what} must hold strings; got {word!r} among them.")
        try:
            pieces = reader.split_word(word)
            content = _content(word, reader) if flags["normalized"] else word.strip()
        except (TypeError, UnicodeError) as error:
            raise ValueError(f"{what} has the word {word!r}, which is no text.") from error
        name = word.strip()
        key = reader.normalize(content) if flags["normalized"] else content
        ids = reader.pieces(pieces[0]) if len(pieces) == 1 else []
        single = len(ids) == 1 and ids[0] != unknown
        named = next((text for text in (name, content) if text in known), None)
        reason = None
        if not pieces or not content:
            reason = EMPTY
        elif named in specials:
            reason = KNOWN
        elif (named is not None or len(pieces) == 1) and removed(named or pieces[0]):
            reason = KNOWN if single else REMOVED
        elif single or named is not None and own:
            reason = KNOWN
        elif named is not None and len(reader.split_word(named)) <= 1:
            reason = KNOWN
            inside.append(word)
        elif key in seen:
            reason = TWICE
        if reason is not None:
            new.left_out.setdefault(reason, []).append(row)
            continue
        seen.add(key)
        if named is not None:  # the pre-tokenizer splits it, so no text reaches the entry
            new.replaced.add(named)
        new.rows.append(row)
        new.words.append(word)
        new.tokens.append({"content": content, "single_word": not _is_spaceless(content), **flags})
    if inside:
        new.notes["inside"] = inside
    new.notes.update(_notes(new.tokens, reader, unknown))
    return new


def _flags(reader: TokenizerReader) -> dict[str, bool]:
    """How added tokens are matched.

    White space before a word belongs to it; that behind it belongs to the next word, which the
    tokenizer reads with it, unless the normalizer puts a mark there in any case. In normalised
    text, where cases and forms of letters are one, if words can be told from each other there.
    """
    raw = reader.hides_spaces and (
        reader.prepends or reader.normalize("AÉＡ").endswith("AÉＡ") or _is_letter_mark(reader)
    )
    return {
        "lstrip": True,
        "rstrip": reader.prepends,
        "normalized": not raw,
        "special": False,
    }


def _is_letter_mark(reader: TokenizerReader) -> bool:
    """Whether the mark of a space looks like a letter."""
    return re.search(r"\w", reader.normalize("- -")) is not None


def _content(word: str, reader: TokenizerReader) -> str:
    """The word as the normalizer leaves it, if that is stable; as it is otherwise."""
    normalized = reader.normalize(word).strip()
    stable = reader.normalize(normalized).strip() == normalized
    return normalized if stable else word.strip()


def _has_own_tokens(words: Sequence[str], known: Collection[str], prefix: str) -> bool:
    """Whether the tokenizer's own tokens are among the words, so that names mean these tokens."""
    names = {word for word in words if isinstance(word, str)}
    return any(_is_marked(name, prefix) and name in known for name in names) or names.issuperset(
        known
    )


def _is_marked(name: str, prefix: str) -> bool:
    """Whether a token's name tells where in a word it stands."""
    return name[:1] in ("\u2581", "\u0120") or (bool(prefix) and name.startswith(prefix))


def _is_letter_without_spaces(character: str) -> bool:
    if unicodedata.category(character)[0] not in "LMN":
        return False
    return unicodedata.name(character, "").startswith(SPACELESS)


def _is_spaceless(content: str) -> bool:
    """Whether a word begins and ends with letters of scripts without spaces."""
    return _is_letter_without_spaces(content[0]) and _is_letter_without_spaces(content[-1])


# ---- what is amiss --------------------------------------------------------------------------

#: What a warning says of words, by the reason.
TEXTS = {
    "shadowed": (
        "{} may be missed where a longer added word is tried first and letters beside it keep it"
        " from being one, as 'new york' in 'new york cityscape' if 'new york city' is added too."
    ),
    "beside": (
        "{} are found between spaces and punctuation only, not right beside letters of scripts"
        " without spaces (Han, kana, Thai, Lao, Khmer, Myanmar)."
    ),
    "inside": (
        "{} are names of tokens that stand inside of words, so they get no row of their own."
    ),
    "unfound": (
        "{} are not found everywhere: at the start of a text, after a space or after punctuation"
        " the tokenizer makes something else of them."
    ),
    "slow": (
        "{} keep the compiled kernel from reading the model, so that texts take twenty to thirty"
        " times as long: it finds no word with a tab or an end of line, for example."
    ),
}


def _notes(
    tokens: list[dict[str, Any]], reader: TokenizerReader, unknown: int | None
) -> dict[str, list[str]]:
    alone = [token["content"] for token in tokens if token["single_word"]]
    others = [token["content"] for token in tokens if not token["single_word"]]
    notes = {"shadowed": _shadowed(alone, others), "beside": _beside(alone, reader, unknown)}
    return {name: words for name, words in notes.items() if words}


def _shadowed(alone: list[str], others: list[str]) -> list[str]:
    """Words that one of those that must stand alone may hide.

    The search takes the longest string at a place and looks only then whether it stands alone. If
    it does not, what begins in it is passed over.
    """
    words, free = set(alone), set(others)
    hidden: set[str] = set()
    tails: set[str] = set()  # of words, from where another one may begin
    free_tails: set[str] = set()  # the same for words that need not stand alone
    for word in alone:
        outside = [place for place, c in enumerate(word) if not _is_letter(c)]
        begins, ends = [place + 1 for place in outside], [*outside, len(word)]
        tails.update(word[place:] for place in begins)
        for place in (0, *begins):
            hidden.update(word[place:end] for end in ends if word[place:end] != word)
        if free and any(map(_is_letter_without_spaces, word)):
            places = range(len(word))
            hidden.update(free.intersection(word[i : j + 1] for i in places for j in places[i:]))
            free_tails.update(word[place:] for place in places)
    hidden &= words | free
    hidden.update(word for word in alone if any(word[:end] in tails for end in range(1, len(word))))
    hidden.update(
        word for word in others if any(word[:end] in free_tails for end in range(1, len(word)))
    )
    return [word for word in (*alone, *others) if word in hidden]


def _is_letter(character: str) -> bool:
    """Whether a character beside a word keeps it from standing alone."""
    category = unicodedata.category(character)
    return category[0] in "LMN" or category == "Pc"


def _beside(contents: list[str], reader: TokenizerReader, unknown: int | None) -> list[str]:
    """Words that are not found right beside letters of a script without spaces."""
    if reader.normalize(IDEOGRAPHS[0]).strip() != reader.normalize(IDEOGRAPHS[0]):
        return []  # ideographs are set apart from their neighbours
    ids = reader.ids(IDEOGRAPHS)
    if unknown not in ids and 1 < len(ids) <= len(IDEOGRAPHS) + 1:
        return contents  # texts of this kind are what the tokenizer was made for
    return [word for word in contents if any(map(_is_letter_without_spaces, (word[0], word[-1])))]


def unfound_words(reader: TokenizerReader, words: Iterable[str], ids: Iterable[int]) -> list[str]:
    """Words that are not found at the start of a text, after a space, or after punctuation."""
    unfound = []
    for word, token in zip(words, ids, strict=True):
        texts = (word, f"- {word}", f"({word})")
        if not all(token in reader.ids(text) for text in texts):
            unfound.append(word)
    return unfound


def warn_of_words(notes: Mapping[str, list[str]]) -> None:
    """Name the words that are not found wherever they stand, in one warning."""
    said = [TEXTS[name].format(some(words)) for name, words in notes.items() if words]
    if said:
        warn_user(" ".join(["Of the words to add,", *said]), TextWarning)
