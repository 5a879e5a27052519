"""Which words speak most for a class, whatever the text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from skm2v._classification.scores import ScoreTable

__all__ = ["top_tokens", "word_scores"]

Floats = npt.NDArray[np.float64]


def word_scores(scores: ScoreTable, texts: list[str] | None = None) -> Floats:
    """What each token adds to the decision values of a text of this token alone.

    Parameters
    ----------
    scores : ScoreTable
    texts : list of str or None, default=None
        Texts whose tokens count. None means those of the training texts, where the table knows
        which these are, or all.

    Returns
    -------
    values : ndarray of float64 of shape (n_tokens, n_outputs)
        NaN for tokens that do not count.
    """
    values, counts = _values(scores)
    if texts is not None:
        counts = np.zeros(len(values), dtype=bool)
        counts[scores.tokenizer.ids(texts).ids] = True
    values[~counts] = np.nan
    return values


def _values(scores: ScoreTable) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Values of all tokens, and which were in the training texts, as far as is known."""
    table, k = scores.table, scores.n_outputs
    rows = table.entry_vectors(np.arange(table.n_tokens))
    every = np.ones(len(rows), dtype=bool)
    if scores.form == "mean":
        return rows[:, :k], every
    if scores.coef is not None:
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows @ scores.coef / np.where(norms > 0, norms, 1)), every
    of_idf, of_vectors = np.sqrt(rows[:, -2:].T[:, :, np.newaxis])
    values = rows[:, :k] / np.where(of_vectors > 0, of_vectors, 1)
    values += rows[:, k : 2 * k] / np.where(of_idf > 0, of_idf, 1)
    return values, of_idf[:, 0] > 0


def top_tokens(scores: ScoreTable, values: Floats, n: int, pieces: bool) -> list[tuple[str, float]]:
    """Tokens with the largest positive values, and these.

    Parameters
    ----------
    scores : ScoreTable
    values : ndarray of float64 of shape (n_tokens,)
        NaN for tokens that do not count.
    n : int
    pieces : bool
        Whether tokens count that are no words of their own.

    Returns
    -------
    tokens : list of (str, float)
        At most `n`.
    """
    tokenizer = scores.tokenizer
    order = np.argsort(-values, kind="stable")  # NaN comes last
    best: list[tuple[str, float]] = []
    for i in order.tolist():
        if len(best) == n or not values[i] > 0:
            break
        if i != tokenizer.unk_id and (pieces or tokenizer.is_word(i)):
            best.append((tokenizer.tokens[i], float(values[i])))
    return best
