"""Rows beyond the teacher's vocabulary: pairs of neighbouring tokens, and whole words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from skm2v._distillation.fitting.corpus import TokenCounts
from skm2v._distillation.stages import Progress, ignore
from skm2v._pooling import (
    PoolingTable,
    TextTokenizer,
    TokenIds,
    keys_of_pairs,
    pairs_of_keys,
)

__all__ = ["PairCounts", "count_known_pairs", "count_pairs", "split_words"]

# Chosen by data: see docs/constants.md.
MOST_PAIRS = 4000
PAIR_TEXTS = 4  # texts that a pair must occur in
WORD_TEXTS = 5


@dataclass(frozen=True)
class PairCounts:
    """Pairs that get a row.

    Attributes
    ----------
    pairs : ndarray of int32 of shape (P, 2)
        Left and right token.
    counts : csr_array of float32 of shape (n, P)
        How often each pair occurs in each text.
    """

    pairs: npt.NDArray[np.int32]
    counts: Any


def count_pairs(
    counts: TokenCounts, rows: npt.NDArray[np.int64], n_pairs: int = MOST_PAIRS
) -> PairCounts:
    """Find the pairs of neighbouring tokens that most texts contain.

    Parameters
    ----------
    counts : TokenCounts
    rows : ndarray of int64
        Texts to look at.
    n_pairs : int
        At most so many; ties go to the pair with the smaller ids.
    """
    n_tokens = counts.counts.shape[1]
    left, right, text = _neighbours(counts, rows)
    keys = keys_of_pairs(left, right, n_tokens)
    known, inverse = np.unique(keys, return_inverse=True)
    table = csr_array(
        (np.ones(len(text), np.float32), (text, inverse)), shape=(len(rows), len(known))
    )
    table.sum_duplicates()
    texts_with = np.bincount(table.indices, minlength=len(known))
    frequent = np.argsort(-texts_with, kind="stable")[:n_pairs]
    frequent = np.sort(frequent[texts_with[frequent] >= PAIR_TEXTS])
    pairs = pairs_of_keys(known[frequent], n_tokens)
    return PairCounts(pairs, table[:, frequent].tocsr())


def count_known_pairs(
    counts: TokenCounts, rows: npt.NDArray[np.int64], table: PoolingTable
) -> PairCounts | None:
    """Count the pairs that a model has; None if it has none."""
    if table.pairs is None or not table.n_pairs:
        return None
    left, right, text = _neighbours(counts, rows)
    found = table.find_pairs(left, right)
    text, found = text[found >= 0], found[found >= 0]
    shape = (len(rows), len(table.pairs))
    matrix = csr_array((np.ones(len(text), np.float32), (text, found)), shape=shape)
    matrix.sum_duplicates()
    return PairCounts(table.pairs, matrix)


def _neighbours(
    counts: TokenCounts, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Left and right token of all neighbours within some texts, and the number of the text."""
    return TokenIds(counts.ids, counts.indptr).take(rows).neighbours()


def split_words(
    tokenizer: TextTokenizer,
    texts: Sequence[str],
    n_words: int,
    *,
    progress: Progress = ignore,
) -> tuple[str, ...]:
    """Find the words that most texts contain and that the vocabulary splits.

    `progress` is called after each text.

    Returns
    -------
    words : tuple of str
        At most `n_words`, the most frequent ones first, as the normalizer leaves them.
    """
    backend = tokenizer.copy_hf()
    frequency: Counter[str] = Counter()
    for text in texts:
        if backend.normalizer is not None:
            text = backend.normalizer.normalize_str(text)
        frequency.update({word for word in text.split() if word.isalpha()})
        progress(1)
    words = sorted(
        (word for word, count in frequency.items() if count >= WORD_TEXTS),
        key=lambda word: (-frequency[word], word),
    )
    chosen: list[str] = []
    for word in words:
        if len(chosen) == n_words:
            break
        if len(tokenizer.ids([word])[0]) > 1:
            chosen.append(word)
    return tuple(chosen)
