"""Decision values of texts from a table with scores for each token."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._checks import MAX_LENGTH
from skm2v._model.kernel_check import open_tokenizer
from skm2v._model.sealed import Content, Seal
from skm2v._model.state import from_state, to_state
from skm2v._pooling import Pieces, PoolingTable, TextPooler, TextTokenizer
from skm2v.exceptions import ModelFormatError

__all__ = ["FORMS", "SCORES", "TENSORS", "Contributions", "Decided", "ScoreTable", "check_tensor"]

Form = Literal["mean", "scaled", "unit"]
FORMS: tuple[Form, ...] = ("mean", "scaled", "unit")
# Number of dimensions and type of what is saved.
TENSORS: dict[str, tuple[int, str | None]] = {
    "rows": (2, None),
    "weights": (1, "float32"),
    "mapping": (1, "int32"),
    "pairs": (2, "int32"),
    "coef": (2, "float64"),
    "intercept": (1, "float64"),
}

Floats = npt.NDArray[np.float64]


class Decided(NamedTuple):
    """Decision values of texts, and which of the texts are special.

    Attributes
    ----------
    values : ndarray of float64 of shape (n_texts, n_outputs)
    empty : ndarray of bool of shape (n_texts,)
        Texts without a known token; their decision is the intercept.
    truncated : ndarray of bool of shape (n_texts,)
    foreign : ndarray of bool of shape (n_texts,)
        Texts of a language that the model seems not to know.
    """

    values: Floats
    empty: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    foreign: npt.NDArray[np.bool_]


class Contributions(NamedTuple):
    """What the tokens and pairs of one text add to its decision values.

    Attributes
    ----------
    tokens : ndarray of float64 of shape (n_tokens, n_outputs)
    pairs : ndarray of float64 of shape (n_pairs, n_outputs)
    left : ndarray of int64 of shape (n_pairs,)
        Position of the left token of each pair; the right one is its neighbour.
    """

    tokens: Floats
    pairs: Floats
    left: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Linear decisions over the tokens of a text, as one table.

    With rows ``r[t]`` for the n known tokens of a text, and for those pairs of neighbours that
    have a row, the K decision values are

    - ``form="mean"``: rows have K + 1 columns, which sum to ``(s, n)``, and the values are
      ``intercept + s / n``;
    - ``form="scaled"``: rows have 2K + 2 columns, which sum to ``(s, l, q, e)``, and the
      values are ``intercept + s / sqrt(e) + l / sqrt(q)``: scores of vectors, where e is the sum
      of their squared norms, and of tf-idf, where q is the sum of the squared idf of tokens and
      pairs;
    - ``form="unit"``: ``intercept + (v / |v|) @ coef`` where v is the sum of the rows, vectors of
      tokens.

    Parameters
    ----------
    tokenizer : TextTokenizer
    table : PoolingTable
    intercept : ndarray of float64 of shape (K,)
    form : {"mean", "scaled", "unit"}
    max_length : int or None
        Number of tokens of a text to use, unknown ones included.
    coef : ndarray of float64 of shape (d, K) or None, default=None
        Only for ``form="unit"``.

    Raises
    ------
    ModelFormatError
        If shapes do not fit together, or a number is not finite.
    """

    tokenizer: TextTokenizer
    table: PoolingTable
    intercept: Floats
    form: Form = "mean"
    max_length: int | None = 512
    coef: Floats | None = None

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ModelFormatError(f"form must be one of {FORMS}; got {self.form!r:.60}.")
        n_outputs = len(self.intercept)
        expected = {"mean": n_outputs + 1, "scaled": 2 * n_outputs + 2}.get(
            self.form, self.table.dim
        )
        if not n_outputs or self.table.dim != expected:
            raise ModelFormatError(
                f"A table of form {self.form!r} with {n_outputs} outputs must have {expected}"
                f" columns; got {self.table.dim}."
            )
        if (self.coef is not None) != (self.form == "unit"):
            raise ModelFormatError("A table has coefficients if, and only if, its form is 'unit'.")
        if self.coef is not None and self.coef.shape != (self.table.dim, n_outputs):
            raise ModelFormatError(
                f"coef must have the shape {(self.table.dim, n_outputs)}; got {self.coef.shape}."
            )
        for name, array in (("intercept", self.intercept), ("coef", self.coef)):
            if array is not None and not np.isfinite(array).all():
                raise ModelFormatError(f"{name} must be finite; got NaN or infinity.")
        if (self.table.rows[:, self._n_scores :] < 0).any():
            raise ModelFormatError("What decisions are divided by must not be negative.")
        object.__setattr__(self, "_pooler", TextPooler(self.tokenizer, self.table))

    @property
    def n_outputs(self) -> int:
        """Number of decision values of a text, K."""
        return len(self.intercept)

    @property
    def _n_scores(self) -> int:
        """Number of columns before those that decisions are divided by."""
        return self.table.dim - {"mean": 1, "scaled": 2, "unit": 0}[self.form]

    @property
    def nbytes(self) -> int:
        """Size of the arrays in bytes."""
        table = self.table
        arrays = (
            table.rows,
            table.weights,
            table.mapping,
            table.pairs,
            self.coef,
            self.intercept,
        )
        return sum(array.nbytes for array in arrays if array is not None)

    def decide(self, texts: list[str], *, n_jobs: int | None = None) -> Decided:
        """Decision values of texts.

        Parameters
        ----------
        texts : list of str
            Texts as returned by :func:`skm2v._pooling.check_texts`.
        n_jobs : int or None, default=None
            Number of threads; None means 1.

        Returns
        -------
        decided : Decided
        """
        pooled, empty, truncated, foreign, _ = self._text_pooler.pool(
            texts,
            max_length=self.max_length,
            normalize=self.form == "unit",
            total=self.form != "unit",
            n_jobs=n_jobs,
        )
        if self.coef is not None:
            values = pooled @ self.coef
        else:
            k = self.n_outputs
            divisors = pooled[:, self._n_scores :].astype(np.float64)
            divisors[divisors == 0] = 1
            if self.form == "mean":
                values = pooled[:, :k] / divisors
            else:
                np.sqrt(divisors, out=divisors)
                values = pooled[:, :k] / divisors[:, 1:]
                values += pooled[:, k : 2 * k] / divisors[:, :1]
        values += self.intercept
        return Decided(values, empty, truncated, foreign)

    def foreign(self, texts: list[str]) -> npt.NDArray[np.bool_]:
        """Whether texts are of a language that the model seems not to know."""
        return self._text_pooler.cut_token_ids(texts, max_length=self.max_length)[2]

    @property
    def _text_pooler(self) -> TextPooler:
        pooler: TextPooler = self._pooler  # type: ignore[attr-defined]
        return pooler

    def pieces(self, text: str) -> tuple[Pieces, bool]:
        """Known tokens of a text that count, where they come from, and whether the text is cut.

        Returns
        -------
        pieces : tuple of ndarray
            As :meth:`TextTokenizer.pieces` returns them.
        truncated : bool
        """
        (ids, offsets, words), truncated = self._text_pooler.pieces(
            text, max_length=self.max_length
        )
        if self.tokenizer.unk_id is not None:
            known = ids != self.tokenizer.unk_id
            ids, offsets, words = ids[known], offsets[known], words[known]
        return (ids, offsets, words), truncated

    def contributions(self, ids: npt.NDArray[np.int32]) -> Contributions:
        """What each token and pair of a text adds to its decision values, in float64.

        With the intercept the contributions sum to the decision values. Where the values are no
        plain sum, because of a norm, the norm of this text is taken as given.

        Parameters
        ----------
        ids : ndarray of int32 of shape (n_tokens,)
            Ids of the tokens that count: known ones within `max_length`.

        Returns
        -------
        contributions : Contributions
        """
        numbers = self.table.find_pairs(ids[:-1], ids[1:])
        left = np.flatnonzero(numbers >= 0)
        pairs = self.table.n_tokens + numbers[left]
        rows = self.table.entry_vectors(np.concatenate([ids, pairs]))
        n = max(len(ids), 1)
        k = self.n_outputs
        if self.form == "mean":
            values = rows[:, :k] / n
        elif self.coef is not None:
            norm = float(np.linalg.norm(rows.sum(axis=0)))
            values = rows @ self.coef / (norm or 1.0)
        else:
            of_idf, of_vectors = self._divisors(ids, rows[:, -2:].sum(axis=0))
            values = rows[:, :k] / of_vectors
            values += rows[:, k : 2 * k] / of_idf
        return Contributions(values[: len(ids)], values[len(ids) :], left)

    def _divisors(self, ids: npt.NDArray[np.int32], squares: Floats) -> tuple[float, float]:
        """What scores of tf-idf and of vectors are divided by in a text of form "scaled"."""
        of_idf, of_vectors = np.sqrt(squares).tolist()
        return of_idf or 1.0, of_vectors or 1.0

    @property
    def content(self) -> Content:
        """The table as what is saved."""
        table = self.table
        tensors = {
            "rows": table.rows,
            "weights": table.weights,
            "mapping": table.mapping,
            "pairs": table.pairs,
            "coef": self.coef,
            "intercept": self.intercept,
        }
        return Content(
            {"form": self.form, "max_length": self.max_length},
            {name: array for name, array in tensors.items() if array is not None},
            self.tokenizer.json,
        )

    @classmethod
    def of_content(cls, content: Content, what: str) -> ScoreTable:
        """Check what was saved and build the table.

        Raises
        ------
        ModelFormatError
            If something is missing, unknown, malformed, or does not fit together.
        """
        settings, tensors = content.settings, content.tensors
        length = settings.get("max_length")
        if (
            set(settings) != {"form", "max_length"}
            or not (length is None or (type(length) is int and 1 <= length <= MAX_LENGTH))
            or settings["form"] not in FORMS
        ):
            raise ModelFormatError(f"{what} is damaged: a setting of its scores is malformed.")
        if content.tokenizer is None:
            raise ModelFormatError(f"{what} is damaged: it has no tokenizer.")
        if not {"rows", "intercept"} <= set(tensors) <= set(TENSORS):
            raise ModelFormatError(f"{what} is damaged: it has the tensors {sorted(tensors)[:10]}.")
        for name, array in tensors.items():
            check_tensor(name, array, TENSORS[name], what)
        table = PoolingTable(
            tensors["rows"], tensors.get("weights"), tensors.get("mapping"), tensors.get("pairs")
        )
        return cls(
            open_tokenizer(content.tokenizer, content.kernel),
            table,
            tensors["intercept"],
            settings["form"],
            length,
            tensors.get("coef"),
        )

    @cached_property
    def state(self) -> dict[str, Any]:
        """The table as what is pickled with those who have it."""
        return to_state(SCORES, self.content)

    def __getstate__(self) -> dict[str, Any]:
        return self.state

    def __setstate__(self, state: object) -> None:
        table = from_state(SCORES, state, what="The pickled table of scores")
        self.__dict__.update(table.__dict__)


#: Pickles of tables of scores.
SCORES = Seal("skm2v-scores", {1: ScoreTable.of_content})


def check_tensor(
    name: str, array: npt.NDArray[Any], kind: tuple[int, str | None], what: str
) -> None:
    """Refuse a saved array of another type or number of dimensions, or that is not finite."""
    ndim, dtype = kind
    if array.ndim != ndim or (dtype is not None and array.dtype.name != dtype):
        raise ModelFormatError(
            f"{what} is damaged: tensor {name!r} is {array.ndim}-D of {array.dtype}."
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelFormatError(f"{what} is damaged: tensor {name!r} is not finite.")
