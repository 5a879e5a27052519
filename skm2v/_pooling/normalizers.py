"""What a normalizer does to single characters, and when their neighbours matter."""

from __future__ import annotations

import base64
import struct
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from skm2v._pooling.boundaries import steps_of
from skm2v._pooling.tokenizer_json import build_hf

__all__ = [
    "MARKER",
    "WHITE_SPACE",
    "KernelParts",
    "NormalizerPlan",
    "build_normalizer",
    "neighbours_of",
    "plan_normalizer",
]

# Steps that look at one character at a time.
CHARACTERWISE = ("Lowercase", "Nmt", "StripAccents")
# Steps that may look at neighbours, see `neighbours_of`.
CONTEXTUAL = ("NFC", "NFD", "NFKC", "NFKD", "Precompiled")
MARKER = "\u2581"
WHITE_SPACE = frozenset(
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    + "".join(map(chr, range(0x2000, 0x200B)))
)


class KernelParts(NamedTuple):
    """Arguments of the kernel that depend on the kind of tokenizer.

    Attributes
    ----------
    words : dict of (str or bytes) to int
        Id of each token; see ``Kernel``. None of them where the trie is known.
    unknown : int
        Id of what cannot be split.
    options : dict
        More arguments of ``Kernel``.
    describe : callable or None
        See ``Kernel``.
    added : dict or None
        See ``Kernel``.
    native : bool, default=True
        See ``Kernel``.
    max_chars : int, default=0
        See ``Kernel``.
    prefix : str or None, default=None
        See ``Kernel``.
    ideographs : bool, default=False
        Whether ideographs are words of their own.
    """

    words: Mapping[Any, int]
    unknown: int
    options: dict[str, Any]
    describe: Callable[[list[int]], list[bytes]] | None
    added: dict[str, Any] | None
    native: bool = True
    max_chars: int = 0
    prefix: str | None = None
    ideographs: bool = False


class NormalizerPlan(NamedTuple):
    """A normalizer taken apart.

    Attributes
    ----------
    before : list of dict
        Steps that look at one character at a time, before the contextual one.
    contextual : dict or None
        The one step that may look at neighbours.
    steps : list of dict
        All steps that make characters: `before`, the contextual one, and what follows.
    collapse : str or None
        What two or more spaces in a row become.
    strip : bool
        Whether white space at the end is removed.
    """

    before: list[dict[str, Any]]
    contextual: dict[str, Any] | None
    steps: list[dict[str, Any]]
    collapse: str | None
    strip: bool


def plan_normalizer(component: dict[str, Any] | None) -> NormalizerPlan | None:
    """Take a normalizer apart; None if it has steps or an order that is not known to be exact."""
    before: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    contextual: dict[str, Any] | None = None
    collapse: str | None = None
    strip = False
    for step in steps_of(component, "normalizers"):
        kind = step.get("type")
        pattern = step.get("pattern") or {}
        if kind == "Strip":
            # At the start spaces make no difference where runs of them are one.
            if not step.get("strip_right") or collapse == MARKER:
                return None
            strip = True
        elif kind == "Replace" and pattern.get("Regex") == " {2,}":
            if collapse is not None or step.get("content") not in (" ", MARKER):
                return None
            collapse = step["content"]
        elif strip or collapse:
            return None
        elif kind in CONTEXTUAL:
            if contextual or any(other.get("type") != "Lowercase" for other in steps):
                return None
            contextual, before = step, list(steps)
            steps.append(step)
        elif kind in CHARACTERWISE or (kind == "Replace" and len(pattern.get("String", "")) == 1):
            steps.append(step)
        else:
            return None
    return NormalizerPlan(before, contextual, steps, collapse, strip)


def build_normalizer(steps: list[dict[str, Any]]) -> Callable[[str], str]:
    """Normalizer of the reference tokenizer with these steps, as a function."""
    if not steps:
        return lambda text: text
    normalizer, _ = build_hf({"type": "Sequence", "normalizers": steps}, None)
    normalize: Callable[[str], str] = normalizer.normalize_str
    return normalize


# ---- neighbours ------------------------------------------------------------------------------

# The ways in which two neighbours may change each other, as bits of the flags of ``csrc/skm.h``: a
# character has a way in the upper half if it may be the left one, in the lower half if the right.
Neighbours = Callable[[str], "int | None"]


def neighbours_of(plan: NormalizerPlan) -> Neighbours:
    """Flags of a character for the contextual step of a plan.

    Returns
    -------
    flags : callable
        Takes a character, and returns None if nothing is known of its neighbours.
    """
    if plan.contextual is None:
        return lambda character: 0
    normalize = build_normalizer(plan.before)
    ways = (
        _grapheme_ways(plan.contextual)
        if plan.contextual["type"] == "Precompiled"
        else _form_ways(plan.contextual["type"])
    )
    if ways is None:
        return lambda character: None
    left, right = ways

    def flags(character: str) -> int | None:
        text = normalize(character) if plan.before else character
        if any(unicodedata.category(c) == "Cn" or c in PREPENDED for c in text):
            return None  # tokenizers may know characters that Python does not know
        return right(text[0]) | left(text[-1]) << 4

    return flags


Ways = Callable[[str], int]

# In the normal forms of Unicode a mark of a lower combining class moves before one of a higher one,
# and some characters, most of them marks, are composed with what comes before them. Three ranges of
# classes show of most pairs of marks that they are in order, as a dot below and a virama, or a
# vowel and a tone; two marks of one range may be out of order. Where no two neighbours share a way,
# none further apart do.
WAY_COMPOSED = 2
LAST_CLASSES, WAYS_REORDERED = (8, 105, 255), (1, 4, 8)


def _form_ways(form: str) -> tuple[Ways, Ways]:
    """Ways of left and of right neighbours in NFC, NFD, NFKC or NFKD."""
    decomposition: Literal["NFD", "NFKD"] = "NFKD" if "K" in form else "NFD"
    composes = form != decomposition

    def left(character: str) -> int:
        last = unicodedata.normalize(decomposition, character)[-1]
        combining = unicodedata.combining(last)
        if not combining:
            return WAY_COMPOSED if last in _composed()[0] else 0
        return WAY_COMPOSED | sum(WAYS_REORDERED[: bisect_left(LAST_CLASSES, combining) + 1])

    def right(character: str) -> int:
        ways = 0
        for c in unicodedata.normalize(decomposition, character):
            if composes and c in _composed()[1]:
                ways |= WAY_COMPOSED
            if not (combining := unicodedata.combining(c)):
                break  # what follows it is out of reach: marks behind a letter are composed with it
            ways |= WAYS_REORDERED[bisect_left(LAST_CLASSES, combining)]
        return ways

    return left, right


# None of the planes behind these two has characters of two parts: ideographs, tags, private use.
# To look at all 1.1 million took a process a tenth of a second.
WITH_PARTS = range(0x20000)


@cache
def _composed() -> tuple[frozenset[str], frozenset[str]]:
    """Last characters of what may be composed with a following one, and such following ones."""
    firsts = {chr(c) for c in (*range(0x1100, 0x1113), *range(0x1161, 0x1176))}
    seconds = {chr(c) for c in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    for character in map(chr, WITH_PARTS):
        parts = unicodedata.decomposition(character).split()
        if len(parts) != 2 or parts[0].startswith("<"):
            continue
        if unicodedata.normalize("NFC", character) != character:
            continue  # taken apart for good, as the letters with a dot of Devanagari
        first, second = (chr(int(part, 16)) for part in parts)
        firsts.add(unicodedata.normalize("NFD", first)[-1])
        seconds.add(second)
    return frozenset(firsts), frozenset(seconds)


# A charsmap of SentencePiece is looked up for the beginning of a grapheme of fewer than six bytes,
# which it then replaces as a whole, and for the single characters of all other graphemes. So a
# short grapheme of several characters is not the sum of its characters if there is an entry for its
# first character alone, or for more of it. Letters, digits, symbols, white space and controls do
# not join the character before them, but for CR LF and
EXTENDING = frozenset(
    "\u0e33\u0eb3\uff9e\uff9f" + "".join(map(chr, (*range(0x1F3FB, 0x1F400), 0x200C, 0x200D)))
)
# These join the character behind them. (So do joiners, viramas, jamo and regional indicators, but
# then the grapheme is long.)
PREPENDED = frozenset(
    "\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd\U000111c2\U000111c3\U000113d1"
    "\U0001193f\U00011941\U00011a3a\U00011d46\U00011f02"
    + "".join(map(chr, (*range(0x600, 0x606), *range(0x11A84, 0x11A8A))))
)
WAY_CRLF, WAY_ENTRY_2, WAY_ENTRIES, WAY_ENTRY_3 = 1, 2, 4, 8


def _grapheme_ways(charsmap: dict[str, Any]) -> tuple[Ways, Ways] | None:
    """Ways of left and of right neighbours in a Precompiled charsmap; None if it is no trie."""
    characters = _charsmap_characters(charsmap["precompiled_charsmap"])
    if characters is None:
        return None
    single, first, second = characters

    def left(character: str) -> int:
        ways = WAY_CRLF if character == "\r" else 0
        n_bytes = len(character.encode())
        if character in single and n_bytes < 4:
            ways |= WAY_ENTRY_2 if n_bytes == 3 else WAY_ENTRY_2 | WAY_ENTRY_3
        return ways | (WAY_ENTRIES if character in first else 0)

    def right(character: str) -> int:
        if character == "\n":
            return WAY_CRLF
        if unicodedata.category(character)[0] != "M" and character not in EXTENDING:
            return 0
        ways = {2: WAY_ENTRY_2, 3: WAY_ENTRY_3, 4: WAY_ENTRY_3}.get(len(character.encode()), 0)
        return ways | (WAY_ENTRIES if character in second else 0)

    return left, right


# A file can link its nodes in circles. The entries of SentencePiece's own charsmaps have at most
# LONGEST_ENTRY bytes, and some 10,000 nodes.
LONGEST_ENTRY = 32
MOST_NODES = 1_000_000


@lru_cache(maxsize=8)
def _charsmap_characters(
    charsmap: str,
) -> tuple[frozenset[str], frozenset[str], frozenset[str]] | None:
    """Characters with an entry, first ones of longer entries, and second ones of those.

    None if the charsmap has more or deeper nodes than a sound one.
    """
    data = base64.b64decode(charsmap)
    (n_bytes,) = struct.unpack_from("<I", data)
    units = np.frombuffer(data, dtype="<u4", offset=4, count=n_bytes // 4).astype(np.int64)
    labels = units & (1 << 31 | 0xFF)
    # A double array: the child of a node for byte b is node ^ offset ^ b, if b is its label. Nodes
    # may share their children, so these are grouped by node ^ offset.
    places = np.nonzero((labels > 0) & (labels < 256))[0]
    bases = places ^ labels[places]
    order = np.argsort(bases, kind="stable")
    places, bases = places[order], bases[order]
    child_bases = np.arange(len(units)) ^ (units >> 10 << ((units & 1 << 9) >> 6))
    nodes, keys = child_bases[:1], [b""]
    entries: set[str] = set()
    n_nodes = 0
    for _ in range(LONGEST_ENTRY):
        start, stop = np.searchsorted(bases, nodes), np.searchsorted(bases, nodes, side="right")
        n_nodes += int((stop - start).sum())
        if n_nodes > MOST_NODES:
            return None
        parents = np.repeat(np.arange(len(nodes)), stop - start)
        before = np.cumsum(stop - start) - (stop - start)
        found = places[np.arange(len(parents)) - before[parents] + start[parents]]
        bytes_ = labels[found].astype(np.uint8).tobytes()
        keys = [keys[i] + bytes_[j : j + 1] for j, i in enumerate(parents.tolist())]
        nodes = child_bases[found]
        ends = np.nonzero(units[found] >> 8 & 1)[0]
        entries.update(keys[i].decode("utf-8", "ignore") for i in ends.tolist())
    if len(nodes):
        return None
    longer = [entry for entry in entries if len(entry) > 1]
    return (
        frozenset(entry for entry in entries if len(entry) == 1),
        frozenset(entry[0] for entry in longer),
        frozenset(entry[1] for entry in longer),
    )
