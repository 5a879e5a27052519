"""Why a text was decided as it was: exact contributions of its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._classification.explanation_text import as_text
from skm2v._classification.links import classes_of
from skm2v._classification.scores import Contributions, ScoreTable
from skm2v._model.state import SealedState

__all__ = ["Explanation", "explain_texts"]

Floats = npt.NDArray[np.float64]

# A notebook that shows a thousand texts shows none.
MAX_SHOWN = 20


@dataclass(frozen=True, eq=False)
class Explanation(SealedState):
    """Contributions of words, and of pairs of neighbouring words, to the decisions on texts.

    ``intercept + contributions[indptr[i]:indptr[i + 1]].sum(axis=0)`` are the decision values of
    text ``i``: nothing is estimated and nothing left out. Where a decision divides by a norm of
    the text, contributions take that norm as given.

    ``explanation[i]`` and ``explanation[start:stop]`` are explanations of some of the texts.

    Attributes
    ----------
    texts : list of str
        The texts.
    outputs : list
        What each column of `contributions` speaks for: a class, or the number of a target. For
        two classes there is one column, and positive numbers speak for the second class.
    classes : ndarray or None
        The classes of which one is predicted; None for several labels a text and for regression.
    multilabel : bool
        Whether a text may have any number of labels.
    intercept : ndarray of float64 of shape (n_outputs,)
        Decision values of a text without tokens.
    decision : ndarray of float64 of shape (n_texts, n_outputs)
        Decision values of the texts.
    contributions : ndarray of float64 of shape (n_parts, n_outputs)
        What each part adds. The parts of a text are its words in their order, then those pairs of
        neighbours that have scores. What the tokens of a word add is summed up; with `pieces`,
        parts are the known tokens themselves, and their pairs.
    tokens : ndarray of object of shape (n_parts,)
        Words as they stand in the text; those of a pair are joined by a space. With `pieces`,
        tokens as they stand in the vocabulary.
    is_pair : ndarray of bool of shape (n_parts,)
        Whether a part is a pair.
    spans : ndarray of int64 of shape (n_parts, 2)
        First character and one past the last character of each part in its text.
    indptr : ndarray of int64 of shape (n_texts + 1,)
        The parts of text ``i`` are ``indptr[i]`` to ``indptr[i + 1]``.
    empty : ndarray of bool of shape (n_texts,)
        Texts without a known token; their decision is the intercept.
    truncated : ndarray of bool of shape (n_texts,)
        Texts that were cut after `max_length` tokens: what follows has no contributions.
    max_length : int or None
        Number of tokens of a text that count, unknown ones included.
    pieces : bool
        Whether parts are tokens, which may be pieces of words.

    Examples
    --------
    >>> from skm2v import StaticTextClassifier
    >>> from skm2v.datasets import load_sms_spam
    >>> X, y = load_sms_spam(subset="train", return_X_y=True)
    >>> classifier = StaticTextClassifier().fit(X[:200], y[:200])
    >>> explanation = classifier.explain(["Call now for a prize", "see you at home"])
    >>> explanation[0].tokens[:3].tolist()
    ['Call', 'now', 'for']
    >>> decisions = classifier.decision_function(["Call now for a prize", "see you at home"])
    >>> bool(abs(explanation.decision[:, 0] - decisions).max() < 1e-6)
    True
    """

    __module__ = "skm2v"

    texts: list[str]
    outputs: list[Any]
    classes: npt.NDArray[Any] | None
    multilabel: bool
    intercept: Floats
    decision: Floats
    contributions: Floats
    tokens: npt.NDArray[np.object_]
    is_pair: npt.NDArray[np.bool_]
    spans: npt.NDArray[np.int64]
    indptr: npt.NDArray[np.int64]
    empty: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    max_length: int | None
    pieces: bool

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Explanation]:
        return (self[row] for row in range(len(self)))

    def __getitem__(self, rows: int | slice) -> Explanation:
        if not isinstance(rows, slice):
            row = range(len(self))[rows]
            rows = slice(row, row + 1)
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise ValueError(f"An explanation is sliced with a step of 1; got {step}.")
        stop = max(start, stop)
        parts = slice(self.indptr[start], self.indptr[stop])
        return Explanation(
            self.texts[start:stop],
            self.outputs,
            self.classes,
            self.multilabel,
            self.intercept,
            self.decision[start:stop],
            self.contributions[parts],
            self.tokens[parts],
            self.is_pair[parts],
            self.spans[parts],
            self.indptr[start : stop + 1] - self.indptr[start],
            self.empty[start:stop],
            self.truncated[start:stop],
            self.max_length,
            self.pieces,
        )

    def __str__(self) -> str:
        return as_text(self)

    @property
    def predicted(self) -> npt.NDArray[Any]:
        """Predicted classes, indicators of labels (0 and 1), or numbers."""
        if self.multilabel:
            return classes_of(self.decision, np.array(self.outputs), multilabel=True)
        if self.classes is not None:
            return classes_of(self.decision, self.classes, multilabel=False)
        return self.decision

    def to_frame(self) -> Any:
        """Return the contributions as a pandas DataFrame.

        Returns
        -------
        frame : pandas.DataFrame
            One row per part: the number of its text, whether it is a word (with `pieces` a token)
            or a pair, the word or token, its first and last character, the characters themselves
            (``text``, ``part``, ``token``, ``start``, ``stop``, ``characters``), and one column
            per output, named as it is. An output with one of these six names gets ``_score`` after
            it, and more underscores if there is an output of that name too.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas

        rows = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        pieces = [
            self.texts[row][start:stop]
            for row, (start, stop) in zip(rows.tolist(), self.spans.tolist(), strict=True)
        ]
        frame = {
            "text": rows,
            "part": np.where(self.is_pair, "pair", "token" if self.pieces else "word"),
            "token": self.tokens,
            "start": self.spans[:, 0],
            "stop": self.spans[:, 1],
            "characters": np.array(pieces, dtype=object),
        }
        head = pandas.DataFrame(frame)
        names = list(self.outputs)
        for column in frame:
            if column in names:
                free = f"{column}_score"
                while free in names:
                    free += "_"
                names[names.index(column)] = free
        values = pandas.DataFrame(self.contributions, columns=names)
        return pandas.concat([head, values], axis=1)

    def to_html(self, *, output: Any = None) -> str:
        """Return an HTML fragment that shows the texts with their contributions in colour.

        It holds its own style, no script, and loads nothing. Texts are escaped: markup in a text
        is shown, not interpreted.

        Parameters
        ----------
        output : object, default=None
            The output to show, one of `outputs`. By default the predicted class of each text.

        Returns
        -------
        html : str
            A fragment with its own style and without scripts.
        """
        from skm2v._classification.explanation_html import render

        if output is not None and output not in self.outputs:
            raise ValueError(f"output must be one of {self.outputs[:10]}; got {output!r}.")
        return render(self, None if output is None else self.outputs.index(output))

    def _repr_html_(self) -> str:
        shown = self[:MAX_SHOWN].to_html()
        more = len(self) - MAX_SHOWN
        return shown + (f"<p>{more} more texts are not shown.</p>" if more > 0 else "")

    def __repr__(self) -> str:
        return f"Explanation({len(self)} texts, outputs={self.outputs[:10]!r})"


def explain_texts(
    scores: ScoreTable,
    texts: list[str],
    outputs: list[Any],
    classes: npt.NDArray[Any] | None,
    *,
    multilabel: bool = False,
    pieces: bool = False,
) -> Explanation:
    """Explain the decisions of a table of scores.

    Parameters
    ----------
    scores : ScoreTable
    texts : list of str
        Texts as returned by :func:`skm2v._pooling.check_texts`.
    outputs : list
        Name of each output of `scores`.
    classes : ndarray or None
        The classes of which one is predicted.
    multilabel : bool, default=False
        Whether a text may have any number of labels.
    pieces : bool, default=False
        Whether to tell tokens apart that are pieces of one word.

    Returns
    -------
    explanation : Explanation
    """
    names = scores.tokenizer.tokens
    decision = np.empty((len(texts), scores.n_outputs))
    contributions, tokens, is_pair, spans = [], [], [], []
    indptr = [0]
    empty, truncated = np.zeros(len(texts), dtype=bool), np.zeros(len(texts), dtype=bool)
    for row, text in enumerate(texts):
        (ids, offsets, words), truncated[row] = scores.pieces(text)
        empty[row] = not len(ids)
        of_tokens, of_pairs, left = scores.contributions(ids)
        decision[row] = scores.intercept + of_tokens.sum(axis=0) + of_pairs.sum(axis=0)
        if pieces:
            tokens += [names[i] for i in ids]
            tokens += [f"{names[ids[i]]} {names[ids[i + 1]]}" for i in left]
        else:
            of_tokens, of_pairs, offsets, left = _of_words(
                words, offsets, Contributions(of_tokens, of_pairs, left)
            )
            own = [text[start:stop] for start, stop in offsets.tolist()]
            tokens += [*own, *(f"{own[i]} {own[i + 1]}" for i in left)]
        contributions += [of_tokens, of_pairs]
        is_pair += [np.zeros(len(of_tokens), dtype=bool), np.ones(len(left), dtype=bool)]
        spans += [offsets, np.stack([offsets[left, 0], offsets[left + 1, 1]], axis=1)]
        indptr.append(indptr[-1] + len(of_tokens) + len(left))
    named = np.empty(len(tokens), dtype=object)
    named[:] = tokens
    return Explanation(
        texts,
        outputs,
        classes,
        multilabel,
        scores.intercept,
        decision,
        np.concatenate([np.empty((0, scores.n_outputs)), *contributions]),
        named,
        np.concatenate([np.empty(0, dtype=bool), *is_pair]),
        np.concatenate([np.empty((0, 2), dtype=np.int64), *spans]),
        np.array(indptr, dtype=np.int64),
        empty,
        truncated,
        scores.max_length,
        pieces,
    )


def _of_words(
    words: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], of_pieces: Contributions
) -> tuple[Floats, Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sum up what the pieces of each word add, and the pairs within it.

    Returns
    -------
    of_words : ndarray of float64 of shape (n_words, n_outputs)
    of_pairs : ndarray of float64 of shape (n_pairs, n_outputs)
        Of pairs of tokens that belong to two words.
    offsets : ndarray of int64 of shape (n_words, 2)
    left : ndarray of int64 of shape (n_pairs,)
        Position of the left word of each pair; the right one is its neighbour.
    """
    first = np.ones(len(words), dtype=bool)
    first[1:] = np.diff(words) != 0
    number = np.cumsum(first) - 1
    of_words = np.zeros((int(first.sum()), of_pieces.tokens.shape[1]))
    np.add.at(of_words, number, of_pieces.tokens)
    left = number[of_pieces.left]
    inside = left == number[of_pieces.left + 1]
    np.add.at(of_words, left[inside], of_pieces.pairs[inside])
    starts = np.flatnonzero(first)
    stops = np.append(starts[1:], len(words)) - 1 if len(starts) else starts
    spans = np.stack([offsets[starts, 0], offsets[stops, 1]], axis=1)
    return of_words, of_pieces.pairs[~inside], spans, left[~inside]
