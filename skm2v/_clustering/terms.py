"""Words and pairs of words that tell a group of texts from the others."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from skm2v._clustering.words import split_words

__all__ = ["Counts", "best_terms", "class_tfidf", "count_terms", "stem_of"]

# Three letters are left.
_ENDING = re.compile(r"(?<=[a-z]{3})(ings?|ed|es|s|e|ion|ions|ation|ations)$")

# A term of fewer texts tells little of a group; in small collections two must do.
FEW_TEXTS, LEAST_OF_FEW, LEAST = 1000, 2, 3

Floats = npt.NDArray[np.float64]


class Counts(NamedTuple):
    """Terms and the texts that have them.

    Attributes
    ----------
    terms : list of str
        In alphabetical order, so that nothing depends on the order of texts.
    in_texts : sparse array of shape (n_texts, n_terms)
    """

    terms: list[str]
    in_texts: Any


def count_terms(texts: list[str], stop_words: Collection[str]) -> Counts:
    """Find words and pairs of neighbouring words, and the texts that have them.

    A text counts once for a term. A word needs two characters or a sign, and a letter; in a pair
    one may be a number. No stop word is in a term.

    Parameters
    ----------
    texts : list of str
    stop_words : collection of str
        In lower case.
    """
    ids: dict[str, int] = {}
    sequence: list[int] = []
    length = np.empty(len(texts), dtype=np.int64)
    number = ids.setdefault
    for place, text in enumerate(texts):
        before = len(sequence)
        sequence += [number(word, len(ids)) for word in split_words(text)]
        length[place] = len(sequence) - before
    words = [*ids]
    token = np.array(sequence, dtype=np.int64)
    row = np.repeat(np.arange(len(texts)), length)
    useful = np.array([_says_something(word) and word not in stop_words for word in words], bool)
    named = np.array([not word.isdecimal() for word in words], bool)
    kept = useful[token] if len(words) else np.zeros(0, bool)
    pairs = np.flatnonzero(
        kept[:-1] & kept[1:] & (row[:-1] == row[1:]) & (named[token[:-1]] | named[token[1:]])
    )
    single = np.flatnonzero(kept & named[token]) if len(words) else pairs
    keys = np.concatenate([token[single], len(words) * (1 + token[pairs]) + token[pairs + 1]])
    rows = np.concatenate([row[single], row[pairs]])
    distinct, column = np.unique(keys, return_inverse=True)
    once = np.unique(np.stack([rows, column.astype(np.int64)]), axis=1)
    n_texts = np.bincount(once[1], minlength=len(distinct))
    common = n_texts >= (LEAST_OF_FEW if len(texts) < FEW_TEXTS else LEAST)
    terms = [_term(int(key), words) for key in distinct[common].tolist()]
    alphabetic = sorted(range(len(terms)), key=terms.__getitem__)
    place_of = np.full(len(distinct), -1)
    place_of[np.flatnonzero(common)[alphabetic]] = np.arange(len(terms))
    rows, columns = once[0], place_of[once[1]]
    rows, columns = rows[columns >= 0], columns[columns >= 0]
    shape = (len(texts), len(terms))
    matrix = sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    return Counts([terms[i] for i in alphabetic], matrix)


def _says_something(word: str) -> bool:
    return len(word) > 1 or (bool(word) and ord(word) >= 0x2E80)  # one sign of Han is a word


def _term(key: int, words: list[str]) -> str:
    first, second = divmod(key, len(words))
    return f"{words[first - 1]} {words[second]}" if first else words[second]


def class_tfidf(per_group: Any, sizes: npt.NDArray[np.int64]) -> Floats:
    """Class-based tf-idf of terms.

    Parameters
    ----------
    per_group : ndarray or sparse array of shape (n_groups, n_terms)
        Number of texts, or of occurrences, of each term in each group.
    sizes : ndarray of int64 of shape (n_groups,)
        Numbers of texts.

    Returns
    -------
    scores : ndarray of float64 of shape (n_groups, n_terms)
        ``tf * log(1 + mean(sums) / f)``: tf is the share of a group's terms, the sums are those of
        groups, and f that of the term. It is 0 for terms that are no more frequent in a group than
        in all texts, which the words of grammar of any language are.

    References
    ----------
    M. Grootendorst. BERTopic: Neural topic modeling with a class-based TF-IDF procedure. 2022.
    https://doi.org/10.48550/arXiv.2203.05794
    """
    dense = per_group.toarray() if hasattr(per_group, "toarray") else per_group
    counts: Floats = np.asarray(dense, dtype=np.float64)
    of_term, of_group = counts.sum(axis=0), counts.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = counts / of_group * np.log1p(of_group.mean() / of_term)
        share, overall = counts / sizes[:, None], of_term / sizes.sum()
    scores[~(share > overall) & (len(sizes) > 1)] = 0
    return np.asarray(np.nan_to_num(scores))


def stem_of(word: str) -> str:
    """Cut the usual endings of English words; forms of one word tell the same."""
    return _ENDING.sub("", word)


def best_terms(scores: Floats, terms: list[str], n: int) -> list[int]:
    """Numbers of the `n` best terms with a score, without other forms of what is there.

    Parameters
    ----------
    scores : ndarray of float64 of shape (n_terms,)
    terms : list of str
    n : int
    """
    chosen: list[int] = []
    stems: set[str] = set()
    for term in np.lexsort((np.arange(len(scores)), -scores)).tolist():
        if len(chosen) == n or scores[term] <= 0:
            break
        stem = " ".join(sorted(map(stem_of, terms[term].split())))
        if stem not in stems:
            stems.add(stem)
            chosen.append(term)
    return chosen
