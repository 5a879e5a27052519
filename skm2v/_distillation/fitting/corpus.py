"""Texts as the regression sees them: unique, weighted, split, counted."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, diags_array

from skm2v._distillation.stages import Progress, ignore
from skm2v._pooling import TextTokenizer, TokenIds

__all__ = [
    "TokenCounts",
    "choose_texts",
    "count_tokens",
    "held_out",
    "says_too_little",
    "unique_texts",
]

# Times that a token should be seen before texts are taken at random.
_SIGHTINGS = 8
# Different wordings without which texts that were held out prove nothing, nor those left.
_FEWEST_WORDINGS = 5
_BLOCK = 8192  # texts that are counted at a time


@dataclass(frozen=True)
class TokenCounts:
    """Token counts of texts, as predict time counts them.

    Attributes
    ----------
    counts : csr_array of float32 of shape (n, V)
        How often each token occurs; unknown tokens do not count.
    ids : ndarray of int32 of shape (n_tokens,)
        Tokens of all texts in their order, one text after the other.
    indptr : ndarray of int64 of shape (n + 1,)
    """

    counts: Any
    ids: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int64]

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of tokens of each text."""
        return np.diff(self.indptr)

    def means(self) -> Any:
        """Return the matrix that takes token rows to means over texts, of shape (n, V)."""
        scale = (1 / np.maximum(self.lengths, 1)).astype(np.float32)
        return (diags_array(scale) @ self.counts).tocsr()


def unique_texts(texts: Sequence[str]) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Return the different texts, in the order of their first occurrence, and their weights.

    A text that occurs c times weighs the square root of c: more than one that occurs once, and
    no boilerplate outweighs everything else.

    Returns
    -------
    unique : list of str
    weights : ndarray of float32 of shape (n_unique,)
    """
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    return list(counts), np.sqrt(np.fromiter(counts.values(), np.float32, len(counts)))


def held_out(texts: Sequence[str], share: float) -> npt.NDArray[np.bool_]:
    """Choose texts to hold out, by a hash of what they say.

    Case, punctuation and spaces do not count, so that near copies are on one side together. The
    choice for a text does not depend on the other texts.

    Returns
    -------
    held : ndarray of bool of shape (n_texts,)
    """
    limit = int(share * 2**32)
    return np.fromiter((_hash(text) < limit for text in texts), np.bool_, len(texts))


def says_too_little(texts: Sequence[str], held: npt.NDArray[np.bool_]) -> str | None:
    """Say why a split of :func:`held_out` is no test, or None if it is one.

    Texts that differ in case, punctuation and spaces only are all on one side, or nearly so.
    """
    for side, what in ((~held, "left to learn from"), (held, "held out to judge by")):
        wordings = set()
        for row in np.flatnonzero(side).tolist():
            wordings.add(_hash(texts[row]))
            if len(wordings) == _FEWEST_WORDINGS:
                break
        else:
            return (
                "Apart from case, punctuation and spaces, the number of different texts"
                f" {what} is {len(wordings)}; at least {_FEWEST_WORDINGS} are needed."
            )
    return None


def choose_texts(counts: Any, n_texts: int) -> npt.NDArray[np.int64]:
    """Choose the texts that the teacher reads, if it shall not read all.

    Half of them show the most tokens that have been seen less than a few times; the other half is
    drawn at random, with a fixed seed, so that frequent words keep their usual company.

    Parameters
    ----------
    counts : csr_array of shape (n, V)
    n_texts : int
        How many to choose.

    Returns
    -------
    rows : ndarray of int64 of shape (min(n_texts, n),), ascending
    """
    n = counts.shape[0]
    if n_texts >= n:
        return np.arange(n)
    order = np.random.default_rng(0).permutation(n)
    missing = np.full(counts.shape[1], _SIGHTINGS, dtype=np.int64)
    indptr, indices = counts.indptr, counts.indices
    chosen = np.zeros(n, dtype=bool)
    # A text's gain per token only shrinks as others are chosen: a few sweeps with a falling bar
    # come close to the greedy choice, in linear time.
    budget = n_texts // 2
    for bar in (0.5, 0.3, 0.2, 0.1, 0.0):
        for row in order:
            if budget == 0:
                break
            if chosen[row]:
                continue
            tokens = indices[indptr[row] : indptr[row + 1]]
            wanted = np.count_nonzero(missing[tokens] > 0)
            if wanted > bar * len(tokens):
                chosen[row] = True
                missing[tokens] -= 1
                budget -= 1
    rest = order[~chosen[order]]
    chosen[rest[: n_texts - np.count_nonzero(chosen)]] = True
    return np.flatnonzero(chosen)


def count_tokens(
    tokenizer: TextTokenizer,
    texts: Sequence[str],
    *,
    max_length: int | None,
    progress: Progress = ignore,
) -> TokenCounts:
    """Count the tokens of texts.

    Parameters
    ----------
    tokenizer : TextTokenizer
    texts : sequence of str
    max_length : int or None
        Number of leading tokens that count, unknown ones included, as in pooling.
    progress : callable, optional
        Called with the number of texts that were just counted.

    Returns
    -------
    counts : TokenCounts
    """
    parts, ends = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
    for start in range(0, len(texts), _BLOCK):
        some = texts[start : start + _BLOCK]
        part, end = tokenizer.ids(some, limit=max_length)
        parts.append(part)
        ends.append(end[1:] + ends[-1][-1])
        progress(len(some))
    tokens = TokenIds(np.concatenate(parts), np.concatenate(ends))
    ids, indptr = tokens.known(tokenizer.unk_id)
    shape = (len(texts), len(tokenizer.tokens))
    # A copy of the ids: sum_duplicates sorts in place.
    counts = csr_array((np.ones(len(ids), np.float32), ids.copy(), indptr.copy()), shape=shape)
    counts.sum_duplicates()
    return TokenCounts(counts, ids, indptr)


def _hash(text: str) -> int:
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(c if c.isalnum() else " " for c in folded).split()
    digest = hashlib.blake2b(" ".join(words).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")
