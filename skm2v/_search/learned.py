"""Stems that a table of vectors knows: words of one beginning and about one meaning."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from skm2v._pooling import TextPooler
from skm2v._search.words import JoinedTokens

__all__ = ["LearnedStemmer"]

# Letters that forms of a word have in common, and the least cosine of their vectors.
LETTERS, COSINE = 4, 0.6

Vectors = npt.NDArray[np.float32]


class LearnedStemmer:
    """Puts the most frequent form of a word in place of the others.

    What it makes of a word depends on the model alone, not on other words. Words of the vocabulary
    are gone through from the most frequent one: each joins the first that begins as it does and
    whose vector is similar, or stands for itself. Other words join the most similar of those.

    Parameters
    ----------
    pooler : TextPooler
        Its tokens are sorted by frequency, as in all usual vocabularies.
    """

    def __init__(self, pooler: TextPooler) -> None:
        self._pooler = pooler

    def __call__(self, words: list[str]) -> list[str]:
        """Return the stem of each word."""
        known, leaders = self._groups
        different = list(dict.fromkeys(words))
        stems = {word: known.get(word, word) for word in different}
        rest = [word for word in different if word not in known and word[:LETTERS] in leaders]
        for word, vector in zip(rest, self._vectors(rest), strict=True):
            names, vectors = leaders[word[:LETTERS]]
            cosines = vectors @ vector
            best = int(np.argmax(cosines))
            if cosines[best] > COSINE:
                stems[word] = names[best]
        return [stems[word] for word in words]

    def _vectors(self, words: list[str]) -> Vectors:
        return self._pooler.pool(words, max_length=None, normalize=True).vectors

    @cached_property
    def _groups(self) -> tuple[dict[str, str], dict[str, tuple[list[str], Vectors]]]:
        """Stem of each word of the vocabulary, and the stems of each beginning with vectors."""
        blocks: dict[str, list[str]] = {}
        for word in JoinedTokens(self._pooler).whole_words():
            if len(word) >= LETTERS and word.isalpha():
                blocks.setdefault(word[:LETTERS], []).append(word)
        known: dict[str, str] = {}
        leaders: dict[str, tuple[list[str], Vectors]] = {}
        vectors = self._vectors([word for words in blocks.values() for word in words])
        start = 0
        for beginning, words in blocks.items():
            own = vectors[start : start + len(words)]
            start += len(words)
            similar = own @ own.T > COSINE
            chosen: list[int] = []
            for i, word in enumerate(words):
                leader = next((j for j in chosen if similar[i, j]), None)
                if leader is None:
                    leader = i
                    chosen.append(i)
                known[word] = words[leader]
            leaders[beginning] = [words[i] for i in chosen], own[chosen]
        return known, leaders
