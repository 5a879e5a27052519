"""Which texts the teacher reads, and which of them are held out: what all fits to texts share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from skm2v._distillation.fitting.corpus import (
    TokenCounts,
    choose_texts,
    count_tokens,
    held_out,
    says_too_little,
)
from skm2v._distillation.fitting.extra_rows import PairCounts
from skm2v._distillation.fitting.penalties import TextData
from skm2v._distillation.teacher_pass.teacher_pass import TeacherPass
from skm2v._pooling import TextTokenizer

__all__ = ["MIN_TEXTS", "ReadingList", "reading_list"]

MIN_TEXTS = 200  # different ones; with fewer, the plain recipe is at least as good
HELD_OUT = 0.1  # share of the texts that choose the penalties


@dataclass(frozen=True)
class ReadingList:
    """Texts for the teacher, their tokens counted.

    Attributes
    ----------
    texts : list of str
        Different ones with a token that the vocabulary knows, n of them.
    held : ndarray of bool of shape (n,)
        Which of them are held out.
    pairs : PairCounts or None
        Pairs of neighbouring tokens that get a row.
    """

    texts: list[str]
    held: npt.NDArray[np.bool_]
    pairs: PairCounts | None
    _counts: TokenCounts
    _rows: npt.NDArray[np.int64]
    _weights: npt.NDArray[np.float32]

    @property
    def says_too_little(self) -> str | None:
        """Why the texts held out would be no test, or None if they are one."""
        return says_too_little(self.texts, self.held)

    def read(self, teacher: TeacherPass) -> TextData:
        """Let the teacher read the texts."""
        with teacher.stages("teacher's texts", len(self.texts), "texts") as progress:
            S = teacher.unit_vectors(self.texts, progress)
        teacher.compare_texts(self.texts, S)
        return TextData.build(self._counts, self._rows, self.pairs, S, self._weights)


def reading_list(
    teacher: TeacherPass,
    tokenizer: TextTokenizer,
    unique: Sequence[str],
    weights: npt.NDArray[np.float32],
    *,
    max_length: int | None,
    n_most: int | None,
    find_pairs: Callable[[TokenCounts, npt.NDArray[np.int64]], PairCounts | None],
) -> ReadingList:
    """Choose the texts that the teacher reads.

    Parameters
    ----------
    teacher : TeacherPass
        Tells how much of a text it reads.
    tokenizer : TextTokenizer
        The model's.
    unique : sequence of str
        Different texts.
    weights : ndarray of float32 of shape (n_unique,)
    max_length : int or None
        Number of tokens of a text that the model uses.
    n_most : int or None
        Most texts to read.
    find_pairs : callable
        From token counts and the rows that were chosen to the pairs to count.
    """
    window = teacher.window(max_length)
    with teacher.stages("tokens counted", len(unique), "texts") as progress:
        counts = count_tokens(tokenizer, unique, max_length=window, progress=progress)
        rows = np.flatnonzero(counts.lengths)
        if n_most is not None:
            rows = rows[choose_texts(counts.counts[rows], n_most)]
        pairs = find_pairs(counts, rows)
    texts = [unique[row] for row in rows.tolist()]
    return ReadingList(texts, held_out(texts, HELD_OUT), pairs, counts, rows, weights[rows])
