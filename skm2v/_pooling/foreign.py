"""Tokens that tell of a language the vocabulary was not made for: single letters of its script."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from skm2v._pooling.token_ids import TokenIds

__all__ = ["FEWEST_PIECES", "find_foreign_texts", "find_foreign_tokens"]

#: Of shorter texts nothing is said. As in ``csrc/pool.c``.
FEWEST_PIECES = 8
# Smaller vocabularies spell words of any language.
SMALLEST_VOCABULARY = 10_000
# A vocabulary that was made for a script has more tokens of it: BERT's for English has 488
# ideographs and at most 124 letters of any other script, one made for Chinese 7,000.
FEWEST_OF_SCRIPT = 1_000
# Stand before pieces, for where in a word they are.
MARKS = ("##", "\u2581")


def find_foreign_tokens(tokens: Sequence[str]) -> npt.NDArray[np.bool_] | None:
    """Find single letters of scripts that a vocabulary has little of.

    Parameters
    ----------
    tokens : sequence of str
        Names of all tokens. In those of byte-level BPE nothing is found: they are bytes.

    Returns
    -------
    foreign : ndarray of bool of shape (n_tokens,), or None if there are none
    """
    if len(tokens) < SMALLEST_VOCABULARY:
        return None
    letters: dict[str, list[int]] = {}
    counts: dict[str, int] = {}
    scripts: dict[str, str] = {}
    for row, token in enumerate(tokens):
        last = token[-1:]
        if last <= "\x7f":
            continue
        if last not in scripts:
            scripts[last] = _script(last)
        script = scripts[last]
        counts[script] = counts.get(script, 0) + 1
        for mark in MARKS:
            token = token.removeprefix(mark)
        if len(token) == 1:
            letters.setdefault(script, []).append(row)
    foreign = np.zeros(len(tokens), dtype=bool)
    for script, rows in letters.items():
        if script not in ("", "LATIN") and counts[script] < FEWEST_OF_SCRIPT:
            foreign[rows] = True
    return foreign if foreign.any() else None


def _script(character: str) -> str:
    """First word of the name of a letter or mark; nothing for other characters."""
    if unicodedata.category(character)[0] not in "LM":
        return ""
    return unicodedata.name(character, "").partition(" ")[0]


def find_foreign_texts(
    tokens: TokenIds, foreign: npt.NDArray[np.bool_] | None, unknown: int | None
) -> npt.NDArray[np.bool_]:
    """Find texts of which most tokens are unknown or foreign, but not all unknown.

    Parameters
    ----------
    tokens : TokenIds
        Unknown ones included.
    foreign : ndarray of bool of shape (n_tokens,) or None
        As returned by :func:`find_foreign_tokens`. None: no text is found.
    unknown : int or None
        Id of the unknown token.

    Returns
    -------
    found : ndarray of bool of shape (n_texts,)
    """
    if foreign is None:
        return np.zeros(tokens.n_texts, dtype=bool)
    lengths, rows = tokens.lengths, tokens.rows
    n_unknown = np.bincount(rows[tokens.ids == unknown], minlength=tokens.n_texts)
    n_foreign = np.bincount(rows[foreign[tokens.ids]], minlength=tokens.n_texts) + n_unknown
    found: npt.NDArray[np.bool_] = (
        (lengths >= FEWEST_PIECES) & (2 * n_foreign > lengths) & (n_unknown < lengths)
    )
    return found
