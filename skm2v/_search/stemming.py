"""Words to terms: stop words are left out, forms of one word become one term."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v._search.words import Reader, words_in
from skm2v.exceptions import MissingExtraError

__all__ = ["ENGLISH", "Analyzer", "Stem", "TermStream", "snowball", "snowball_version", "stop_set"]

Stem = Callable[[list[str]], Sequence[str]]

# Articles, pronouns, prepositions, conjunctions and auxiliary verbs, and what tokenizers leave of
# "don't" and "it's".
ENGLISH = frozenset(
    words_in(
        "a an and are as at be but by for from had has have he her his i if in into is it its "
        "my no not of on or our s she so such t that the their them then there these they "
        "this to was we were will with you your"
    )
)
# Stemmers of PyStemmer that are for English.
FOR_ENGLISH = ("english", "porter", "lovins", "en", "eng")


class TermStream(NamedTuple):
    """Terms of texts, one text after the other.

    Attributes
    ----------
    terms : list of str
        Different terms, sorted.
    numbers : ndarray of int64 of shape (n_occurrences,)
        Places in `terms`.
    indptr : ndarray of int64 of shape (n_texts + 1,)
        The terms of text ``i`` are ``numbers[indptr[i]:indptr[i + 1]]``.
    """

    terms: list[str]
    numbers: npt.NDArray[np.int64]
    indptr: npt.NDArray[np.int64]


class Analyzer:
    """What makes terms of texts.

    Parameters
    ----------
    reader : Reader
        Finds words.
    stem : callable or None
        Takes a list of words and returns as many stems. None leaves words as they are.
    stop_words : frozenset of str
    """

    def __init__(self, reader: Reader, stem: Stem | None, stop_words: frozenset[str]) -> None:
        self._reader, self._stem, self._stop_words = reader, stem, stop_words

    def terms(self, texts: list[str]) -> TermStream:
        """Return the terms of texts."""
        words, numbers, indptr = self._reader.read(texts)
        flat, n_terms = self._terms(words)
        terms = sorted(set(flat))
        places = {term: place for place, term in enumerate(terms)}
        own = np.fromiter((places[term] for term in flat), dtype=np.int64, count=len(flat))
        sizes = np.array(n_terms, dtype=np.int64)
        if sizes.max(initial=0) <= 1:  # as of all tokenizers that set punctuation apart
            of_words = np.full(len(words), -1)
            of_words[sizes == 1] = own
            found = of_words[numbers]
            kept = found >= 0
            return TermStream(terms, found[kept], _ends(kept)[indptr])
        counts = sizes[numbers]
        ends = _ends(counts)
        inside = np.arange(ends[-1]) - np.repeat(ends[:-1], counts)
        firsts = _ends(sizes)[:-1][numbers]
        return TermStream(terms, own[np.repeat(firsts, counts) + inside], ends[indptr])

    def terms_of_words(self, strings: list[str]) -> list[list[str]]:
        """Terms of each string of a stream of words: none, one or several."""
        flat, n_terms = self._terms(strings)
        rest = iter(flat)
        return [[next(rest) for _ in range(n)] for n in n_terms]

    def _terms(self, strings: list[str]) -> tuple[list[str], list[int]]:
        """Terms of strings, one after the other, and how many each has."""
        stop = self._stop_words
        flat: list[str] = []
        n_terms: list[int] = []
        for string in strings:
            before = len(flat)
            flat += [word for word in words_in(string) if word not in stop]
            n_terms.append(len(flat) - before)
        if self._stem is not None:
            flat = _checked(self._stem(flat), flat)
        return flat, n_terms


def _ends(counts: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Where each of some runs begins, and where the last one ends."""
    ends = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends


def _checked(stems: Any, words: list[str]) -> list[str]:
    stems = list(stems)
    if len(stems) != len(words):
        raise ValueError(
            f"A stemmer must return a stem for each of {len(words)} words; got {len(stems)}."
        )
    bad = [stem for stem in stems if not isinstance(stem, str)]
    if bad:
        raise TypeError(f"Stems must be strings; got {some(bad)}.")
    # A word that is all suffix stays.
    return [stem or word for stem, word in zip(stems, words, strict=True)]


def _library(name: str) -> Any:
    try:
        import Stemmer
    except ImportError as error:
        raise MissingExtraError(
            f"stemmer={name!r} needs PyStemmer. Fix: pip install 'skm2v[search]'. Without it,"
            " stemmer=None compares words as they are, and stemmer='learned' groups them by the"
            " vectors of the model; both find less."
        ) from error
    return Stemmer


def snowball(name: str) -> Stem:
    """Return the stemmer of a language.

    Raises
    ------
    MissingExtraError
        If PyStemmer is not installed.
    ValueError
        If it has no stemmer of that name.
    """
    library = _library(name)
    try:
        library.Stemmer(name)
    except KeyError:
        raise ValueError(
            f"stemmer must be 'learned' or one of {', '.join(library.algorithms())}; got {name!r}."
        ) from None

    def stem(words: list[str]) -> list[str]:
        # Its objects keep a state, so that threads must not share one. Words come here once, so
        # that a cache would take longer than it saves.
        stems: list[str] = library.Stemmer(name, 0).stemWords(words)
        return stems

    return stem


def snowball_version(name: str) -> str:
    """Version of the library that has the stemmers."""
    return str(_library(name).version())


def stop_set(stop_words: Any, stemmer: Any) -> frozenset[str]:
    """Words that are left out.

    Parameters
    ----------
    stop_words : {"auto", "english"}, collection of str or None
        "auto": the English ones, unless `stemmer` names another language.
    stemmer : object
    """
    if stop_words is None:
        return frozenset()
    if isinstance(stop_words, str):
        if stop_words == "english":
            return ENGLISH
        if stop_words == "auto":
            other = isinstance(stemmer, str) and stemmer not in (*FOR_ENGLISH, "learned")
            return frozenset() if other else ENGLISH
        raise ValueError(
            "stop_words must be 'auto', 'english', a collection of words or None; got"
            f" {stop_words!r}."
        )
    words = list(stop_words)
    bad = [word for word in words if not isinstance(word, str)]
    if bad:
        raise TypeError(f"stop_words must be strings; got {some(bad)}.")
    return frozenset(part for word in words for part in words_in(word))
