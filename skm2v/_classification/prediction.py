"""Methods that estimators over a table of scores have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_count, is_number, require, some
from skm2v._classification.explanation import Explanation, explain_texts
from skm2v._classification.labels import check_known
from skm2v._classification.links import check_outputs, classes_of, probabilities
from skm2v._classification.scores import SCORES, ScoreTable, check_tensor
from skm2v._classification.top_words import top_tokens, word_scores
from skm2v._lazy_frames import lazy_too
from skm2v._model.state import from_state
from skm2v._pooling import TextColumn, warn_of_losses
from skm2v._text_input import TextInput
from skm2v.exceptions import ModelFormatError

__all__ = ["ClassPrediction", "TextScoring"]

Floats = npt.NDArray[np.float64]


class TextScoring(TextInput):
    """Decision values of texts; a mixin for what has `scores_`, a :class:`ScoreTable`."""

    scores_: ScoreTable
    n_jobs: int | None
    _multilabel: bool = False

    def _plain_state(self) -> dict[str, Any]:
        state = super()._plain_state()
        if "scores_" in state:
            state["scores_"] = self.scores_.state
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        if "scores_" in state:
            what = f"The pickled {type(self).__name__}"
            state["scores_"] = from_state(SCORES, state["scores_"], what=what, warn=False)
        super()._restore(state)

    def _checked_scores(self) -> ScoreTable:
        try:
            return self.scores_
        except AttributeError:
            from sklearn.exceptions import NotFittedError  # fused models do without

            raise NotFittedError(
                f"This {type(self).__name__} is not fitted yet. Call 'fit' with texts and labels"
                " first."
            ) from None

    def _check_column(self, X: Any, *, buffers: bool = False) -> TextColumn:
        self._checked_scores()  # first: an estimator that is not fitted has no say about texts
        return super()._check_column(X, buffers=buffers)

    def _decide(self, column: TextColumn) -> Floats:
        """Decision values of shape (n_texts, n_outputs), with one warning about losses."""
        decided = self.scores_.decide(column.texts, n_jobs=self.n_jobs)
        _warn(column, decided.empty, decided.truncated, decided.foreign)
        return decided.values

    def _output_names(self) -> list[Any]:
        """Name of each output."""
        raise NotImplementedError

    def explain(self, X: Any, *, pieces: bool = False) -> Explanation:
        """Say what every word and pair of neighbouring words adds to every decision value.

        Parameters
        ----------
        X : column of str
            Texts, as for `predict`.
        pieces : bool, default=False
            Whether to tell the tokens apart that a word is made of, and their pairs, instead of
            summing them up.

        Returns
        -------
        explanation : Explanation
            The contributions of a text and the intercept sum to its decision values. See
            :class:`~skm2v.Explanation` for its arrays, `to_frame` and `to_html`.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        TextTypeError, TextValueError
            If `X` is not a column of texts, or some of its rows are missing values.

        Warns
        -----
        TextWarning
            If texts were truncated, hold no known token, or are mostly unknown or single letters.
        """
        column = self._check_column(X)
        explanation = explain_texts(
            self.scores_,
            column.texts,
            self._output_names(),
            self._classes(),
            multilabel=self._multilabel,
            pieces=pieces,
        )
        foreign = self.scores_.foreign(column.texts)
        _warn(column, explanation.empty.copy(), explanation.truncated, foreign)
        return explanation

    def top_words(
        self, n: int = 10, *, X: Any = None, pieces: bool = False
    ) -> dict[Any, list[tuple[str, float]]]:
        """Say which words speak most for each class.

        Parameters
        ----------
        n : int, default=10
            Number of words of each class.
        X : column of str or None, default=None
            Texts whose words count, and no others.
        pieces : bool, default=False
            Whether to count tokens that are pieces of words, or punctuation.

        Returns
        -------
        words : dict of list of (str, float)
            For each class, label or number of a target the words and what each adds to its
            decision value in a text of this word alone, largest first. With two classes, the words
            of the first one are those that speak most against the second one. A
            :class:`~skm2v.StaticTextClassifier` counts words of its training texts only; a linear
            model of static vectors has scores for all words of the vocabulary, so give it the
            texts. Words that the tokenizer cuts into pieces are not among them.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        TextTypeError, TextValueError
            If `X` is not a column of texts.
        ValueError
            If `n` is no positive integer.
        """
        require(is_count(n), "n", n, "a positive integer")
        scores = self._checked_scores()
        texts = None if X is None else self._check_column(X).texts
        values = word_scores(scores, texts)
        named: list[tuple[Any, Floats]] = list(zip(self._output_names(), values.T, strict=True))
        if scores.n_outputs == 1 and (classes := self._classes()) is not None:
            named.insert(0, (classes.tolist()[0], -values[:, 0]))
        return {name: top_tokens(scores, of_name, n, pieces) for name, of_name in named}

    def _classes(self) -> npt.NDArray[Any] | None:
        """Classes of which one is predicted; None for numbers and for several labels a text."""
        return None


class ClassPrediction(TextScoring):
    """Predictions of a classifier; a mixin for what has `scores_`, `classes_` and a link."""

    classes_: npt.NDArray[Any]
    _link: str | None
    inverse_temperature_: Floats | None

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if "scores_" not in state:
            return
        what = f"The pickled {type(self).__name__}"
        temperature = self.inverse_temperature_
        if temperature is not None:
            check_tensor("inverse_temperature_", temperature, (1, "float64"), what)
        if not isinstance(self.classes_, np.ndarray) or type(self._multilabel) is not bool:
            raise ModelFormatError(f"{what} is damaged: its classes are malformed.")
        n_outputs, n_classes = self.scores_.n_outputs, len(self.classes_)
        check_outputs(self._link, self._multilabel, n_outputs, n_classes, temperature, what=what)

    @lazy_too
    def decision_function(self, X: Any) -> Floats:
        """Decision values: how far each text is on the side of each class.

        Parameters
        ----------
        X : column of str
            Texts: a list, tuple, iterator, 1-D array, Series, or a frame or array with one
            column. A series or frame of Dask makes a lazy one of the same partitions.

        Returns
        -------
        values : ndarray of float64 of shape (n_texts,) for two classes, else (n_texts, n_classes)
            Decision values.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        TextTypeError, TextValueError
            If `X` is not a column of texts, or some of its rows are missing values.

        Warns
        -----
        TextWarning
            If texts were truncated, hold no known token, or are mostly unknown or single letters.
        """
        values = self._decide(self._check_column(X))
        return values if self._multilabel or values.shape[1] > 1 else values[:, 0]

    @lazy_too
    def predict(self, X: Any, *, floor: float | None = None, rejected: Any = None) -> Any:
        """Predict the class of each text, or of those that are no less probable than a floor.

        Parameters
        ----------
        X : column of str
            Texts, as for `decision_function`.
        floor : float or None, default=None
            Smallest probability with which a class is predicted, from 0 to 1, such as 0.5 for
            classes that are more probable than all others together. Texts below it, which are of no
            class that was fitted or cannot be told, are rejected. None rejects no text.
        rejected : object, default=None
            What is returned for a text that is rejected. Of the type of the classes, it leaves the
            result an array of that; None and others make it one of objects.

        Returns
        -------
        y : ndarray of shape (n_texts,)
            Or of int64 of shape (n_texts, n_labels), 0 and 1 in the order of `classes_`, if there
            were several labels a text: ``[classes_[row > 0] for row in y]`` are their names.

        Raises
        ------
        ValueError
            If `floor` is no number from 0 to 1, if `rejected` is one of the classes, or if there
            are no probabilities, or several labels a text.
        """
        if floor is not None:
            self._check_floor(floor, rejected)
        values = self._decide(self._check_column(X))
        predicted = classes_of(values, self.classes_, multilabel=self._multilabel)
        if floor is None:
            return predicted
        kept = self._probabilities(values).max(axis=1) >= floor
        same_kind = np.asarray(rejected).dtype.kind == self.classes_.dtype.kind != "O"
        whole = np.full(len(kept), rejected, dtype=None if same_kind else object)
        whole = whole.astype(np.promote_types(whole.dtype, self.classes_.dtype))
        whole[kept] = predicted[kept]
        return whole

    def _check_floor(self, floor: float, rejected: Any) -> None:
        self._checked_scores()
        require(is_number(floor) and 0 <= floor <= 1, "floor", floor, "a number from 0 to 1")
        if self._multilabel:
            raise ValueError(
                "A floor is for one class per text. Of several labels, take those that are probable"
                " enough: predict_proba(X) >= floor."
            )
        if self._link is None:
            raise ValueError(
                f"This {type(self).__name__} has no probabilities to compare with a floor: what it"
                " was made from had no predict_proba."
            )
        if rejected is not None and rejected in self.classes_.tolist():
            raise ValueError(
                f"rejected must not be one of the classes {some(self.classes_)}; got {rejected!r}."
            )

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy: the share of texts whose class (or set of labels) is predicted.

        Parameters
        ----------
        X : column of str
            Texts.
        y : array-like of shape (n_texts,) or (n_texts, n_labels)
            Their labels, as for `fit`: those of an indicator without names in the order of
            `classes_`.
        sample_weight : array-like of shape (n_texts,) or None, default=None
            Weights of the texts.

        Returns
        -------
        accuracy : float
            Share of right predictions.

        Raises
        ------
        ValueError
            If labels are missing, or strings where the classes are numbers, or the reverse.

        Warns
        -----
        UserWarning
            If labels are of a class that was not in the training data; they count as wrong.
        """
        column = self._check_column(X)
        y = check_known(y, len(column.texts), self.classes_, self._multilabel)
        predicted = classes_of(self._decide(column), self.classes_, multilabel=self._multilabel)
        if self._multilabel:  # labels of no known class are predicted for no text
            predicted = np.pad(predicted, [(0, 0), (0, y.shape[1] - predicted.shape[1])])
        # Not accuracy_score, which knows fewer kinds of labels than can be fitted.
        pairs = zip(y.tolist(), predicted.tolist(), strict=True)
        return float(np.average([one == other for one, other in pairs], weights=sample_weight))

    def _probabilities(self, values: Floats) -> Floats:
        assert self._link is not None
        return probabilities(values, self._link, self.inverse_temperature_)

    def _output_names(self) -> list[Any]:
        classes: list[Any] = self.classes_.tolist()
        return classes[1:] if self.scores_.n_outputs == 1 and len(classes) == 2 else classes

    def _classes(self) -> npt.NDArray[Any] | None:
        return None if self._multilabel else self.classes_


def _warn(
    column: TextColumn,
    empty: npt.NDArray[np.bool_],
    truncated: npt.NDArray[np.bool_],
    foreign: npt.NDArray[np.bool_],
) -> None:
    """Warn of losses, except of missing texts, which lose nothing; `empty` may be changed."""
    if column.missing.size:
        empty[column.missing] = False  # as asked for
    warn_of_losses(
        empty,
        truncated,
        foreign,
        consequence="are decided by the intercept alone",
    )
