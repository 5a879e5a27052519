"""Fused models: everything from text to decision in one table."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import update_wrapper
from types import MethodType
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from skm2v._checks import check_choice, check_flag, check_n_jobs
from skm2v._classification import fused_file
from skm2v._classification.fused_file import FusedContent
from skm2v._classification.prediction import ClassPrediction, TextScoring
from skm2v._classification.scores import ScoreTable
from skm2v._lazy_frames import lazy_too

__all__ = ["FusedTextClassifier", "FusedTextRegressor", "load_fused"]

Floats = npt.NDArray[np.float64]


class _SklearnTags:
    """Answers what scikit-learn asks, and imports it only then.

    Fused models do not inherit from its classes: a process that serves one would take five times
    as long to start.
    """

    _kind: ClassVar[Literal["classifier", "regressor"]]

    def __sklearn_tags__(self) -> Any:
        from sklearn.base import BaseEstimator
        from sklearn.utils import ClassifierTags, RegressorTags

        tags = BaseEstimator.__sklearn_tags__(self)
        tags.estimator_type = self._kind
        if self._kind == "classifier":
            tags.classifier_tags = ClassifierTags()
        else:
            tags.regressor_tags = RegressorTags()
        tags.target_tags.required = True
        tags.requires_fit = False
        return tags


class _WithProbabilities:
    """A method that only a classifier with probabilities has, as ``hasattr`` tells."""

    def __init__(self, method: Callable[[Any, Any], Floats]) -> None:
        self._method = method
        update_wrapper(self, method)  # type: ignore[arg-type]

    def __get__(self, model: Any, owner: Any = None) -> Any:
        if model is None:
            return self._method
        if model._link is None:
            raise AttributeError(
                f"This {type(model).__name__} has no {self._method.__name__}: what it was made from"
                " had none."
            )
        return MethodType(self._method, model)


class _Fused(TextScoring, _SklearnTags):
    """What fused models have in common: they are fitted for good, saved and loaded."""

    handle_missing: Literal["error", "zero"]
    n_jobs: int | None

    def __init__(
        self,
        scores: ScoreTable,
        *,
        handle_missing: Literal["error", "zero"] = "error",
        n_jobs: int | None = None,
    ) -> None:
        self.scores_ = scores
        self.set_params(handle_missing=handle_missing, n_jobs=n_jobs)

    @property
    def nbytes(self) -> int:
        """Size of the table in bytes."""
        return self.scores_.nbytes

    @property
    def _missing(self) -> Literal["error", "zero"]:
        return "zero" if self.handle_missing == "zero" else "error"

    def fit(self, X: Any, y: Any = None) -> Any:
        """Refuse: a fused model is the result of a fit.

        Parameters
        ----------
        X, y : Ignored
            Not used, present for API consistency by convention.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            f"A {type(self).__name__} is not fitted: fit the pipeline or StaticTextClassifier that"
            " it came from, and fuse that again."
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one safetensors file, in one step.

        Parameters
        ----------
        path : str or path
            File; one that is there is replaced.

        Raises
        ------
        OSError
            If the file cannot be written; one that was there is still there.
        """
        fused_file.write(self._content(), path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        mmap: bool = False,
        verify: bool = True,
        handle_missing: Literal["error", "zero"] | None = None,
        n_jobs: int | None = None,
    ) -> Any:
        """Read a model that :meth:`save` has written.

        Neither torch nor scikit-learn is loaded, and nothing in the file is
        executed: it holds numbers and strings, which are checked.

        Parameters
        ----------
        path : str or path
            A file that :meth:`save` has written.
        mmap : bool, default=False
            Map the file into memory instead of reading it, so that processes share one copy.
            The file must not be changed in place as long as it is in use; `save` replaces it.
        verify : bool, default=True
            Whether the hash of the content is computed, which reads all of the file. False leaves
            it to you to know that the file is what was saved: damage may then be other decisions
            without an error. All else is checked.
        handle_missing : {"error", "zero"} or None, default=None
            What to do with missing texts. None means as the file says.
        n_jobs : int or None, default=None
            Number of threads of prediction, which is no part of a file. None means 1, -1 all
            processors.

        Returns
        -------
        model : FusedTextClassifier or FusedTextRegressor
            The model that was saved.

        Raises
        ------
        ModelFormatError
            If the file is damaged, of a newer format, or holds another kind of model.
        OSError
            If there is no such file or it cannot be read.
        ValueError
            If a setting is invalid.
        """
        content = fused_file.read(path, cls._kind, mmap=mmap, verify=check_flag("verify", verify))
        model = cls._of_content(content)
        return model._with_given(handle_missing, n_jobs)

    def _with_given(self, handle_missing: str | None, n_jobs: int | None) -> Any:
        """Set what was given, leave what was not."""
        given = {"handle_missing": handle_missing, "n_jobs": n_jobs}
        return self.set_params(
            **{name: value for name, value in given.items() if value is not None}
        )

    def _content(self) -> FusedContent:
        """What belongs into a file."""
        raise NotImplementedError

    @classmethod
    def _of_content(cls, content: FusedContent) -> Any:
        raise NotImplementedError

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters: none decides about the prediction of a text.

        Parameters
        ----------
        deep : bool, default=True
            Not used, present for API consistency by convention.

        Returns
        -------
        params : dict
            Parameters by name.
        """
        return {"handle_missing": self.handle_missing, "n_jobs": self.n_jobs}

    def set_params(self, **params: Any) -> Any:
        """Set what may change after the fit; not while other threads predict.

        Parameters
        ----------
        **params : dict
            `handle_missing`: what to do with missing texts, ``"error"`` for an error and ``"zero"``
            for the decision by the intercept. `n_jobs`: number of threads of prediction; None
            means 1, -1 all processors.

        Returns
        -------
        self : FusedTextClassifier or FusedTextRegressor
            The model itself.

        Raises
        ------
        ValueError
            If there is no parameter of a name, or a value is invalid.
        """
        unknown = set(params) - {"handle_missing", "n_jobs"}
        if unknown:
            raise ValueError(
                f"A {type(self).__name__} has no parameters {sorted(unknown)}, only handle_missing"
                " and n_jobs: set others before the fit."
            )
        missing, n_jobs = params.get("handle_missing", "error"), params.get("n_jobs")
        check_choice("handle_missing", missing, ("error", "zero"))
        check_n_jobs(n_jobs)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Any:
        return self

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        scores = self.scores_
        table = scores.table
        return (
            f"{type(self).__name__}({scores.n_outputs} outputs, {table.n_tokens} tokens,"
            f" {table.n_pairs} pairs,"
            f" {scores.nbytes / 1e6:.1f} MB)"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": repr(self)}


class FusedTextClassifier(ClassPrediction, _Fused):
    """Classifier of texts as one table of scores; made by :func:`skm2v.fuse`.

    It predicts what the pipeline or :class:`~skm2v.StaticTextClassifier` predicts that it was
    made from, without its parts. It is safe to share between threads.

    Parameters
    ----------
    scores : ScoreTable
        Scores of tokens and pairs.
    classes : ndarray of shape (n_classes,)
        The classes, in the order of the scores.
    link : str or None, default=None
        How decision values become probabilities, one of
        ``skm2v._classification.links.LINKS``; None if there are none.
    multilabel : bool, default=False
        Whether a text may have any number of labels.
    inverse_temperature : ndarray of float64 or None, default=None
        Factors of the decision values in probabilities.
    handle_missing : {"error", "zero"}, default="error"
        What to do with missing texts: raise, or decide by the intercept.
    n_jobs : int or None, default=None
        Number of threads. None means 1, -1 all processors.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes.
    scores_ : ScoreTable
        The table.
    inverse_temperature_ : ndarray of float64 or None
        Factors of the decision values in probabilities.
    nbytes : int
        Size of the table in bytes.

    Examples
    --------
    >>> from skm2v import StaticTextClassifier, fuse
    >>> texts = ["Win a free phone now", "Claim your prize", "See you at lunch", "Call me later"]
    >>> fused = fuse(StaticTextClassifier().fit(texts, ["spam", "spam", "ham", "ham"]))
    >>> fused.predict(["A free prize for you"])
    array(['spam'], dtype='<U4')
    """

    __module__ = "skm2v"

    _kind = "classifier"

    def __init__(
        self,
        scores: ScoreTable,
        classes: npt.NDArray[Any],
        *,
        link: str | None = None,
        multilabel: bool = False,
        inverse_temperature: Floats | None = None,
        handle_missing: Literal["error", "zero"] = "error",
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(scores, handle_missing=handle_missing, n_jobs=n_jobs)
        self.classes_ = classes
        self.inverse_temperature_ = inverse_temperature
        self._link = link
        self._multilabel = multilabel

    @_WithProbabilities
    @lazy_too
    def predict_proba(self, X: Any) -> Floats:
        """Probability of each class; only if the fused classifier had probabilities.

        Parameters
        ----------
        X : column of str
            Texts, as for `decision_function`.

        Returns
        -------
        probabilities : ndarray of float64 of shape (n_texts, n_classes)
        """
        return self._probabilities(self._decide(self._check_column(X)))

    def _content(self) -> FusedContent:
        return FusedContent(
            self.scores_,
            self._kind,
            self.handle_missing,
            classes=self.classes_,
            link=self._link,
            multilabel=self._multilabel,
            inverse_temperature=self.inverse_temperature_,
        )

    @classmethod
    def _of_content(cls, content: FusedContent) -> FusedTextClassifier:
        assert content.classes is not None
        return cls(
            content.scores,
            content.classes,
            link=content.link,
            multilabel=bool(content.multilabel),
            inverse_temperature=content.inverse_temperature,
            handle_missing=content.handle_missing,
        )


class FusedTextRegressor(_Fused):
    """Regressor of texts as one table of scores; made by :func:`skm2v.fuse`.

    Parameters
    ----------
    scores : ScoreTable
        Scores of tokens and pairs.
    flat : bool, default=True
        Whether predictions are 1-D; only if there is one target.
    handle_missing : {"error", "zero"}, default="error"
        What to do with missing texts: raise, or predict the intercept.
    n_jobs : int or None, default=None
        Number of threads. None means 1, -1 all processors.

    Attributes
    ----------
    scores_ : ScoreTable
        The table.
    nbytes : int
        Size of the table in bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from skm2v import StaticEmbedder, fuse
    >>> from skm2v.datasets import load_valence
    >>> words, valence = load_valence(return_X_y=True)
    >>> regressor = fuse(make_pipeline(StaticEmbedder(), Ridge()).fit(words, valence))
    >>> np.argsort(regressor.predict(["a wonderful party", "a terrible illness"]))
    array([1, 0])
    """

    __module__ = "skm2v"

    _kind = "regressor"

    def __init__(
        self,
        scores: ScoreTable,
        *,
        flat: bool = True,
        handle_missing: Literal["error", "zero"] = "error",
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(scores, handle_missing=handle_missing, n_jobs=n_jobs)
        self._flat = flat

    @lazy_too
    def predict(self, X: Any) -> Floats:
        """Predict the target of each text.

        Parameters
        ----------
        X : column of str
            Texts: a list, tuple, iterator, 1-D array, Series, or a frame or array with one
            column.

        Returns
        -------
        y : ndarray of float64 of shape (n_texts,) or (n_texts, n_targets)
            Predicted values.

        Raises
        ------
        TextTypeError, TextValueError
            If `X` is not a column of texts, or some of its rows are missing values.
        """
        values = self._decide(self._check_column(X))
        return values[:, 0] if self._flat else values

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Coefficient of determination, R², of the predictions; 1 is the best.

        Parameters
        ----------
        X : column of str
            Texts.
        y : array-like of shape (n_texts,) or (n_texts, n_targets)
            Their targets.
        sample_weight : array-like of shape (n_texts,) or None, default=None
            Weights of the texts.

        Returns
        -------
        r2 : float
            Coefficient of determination.
        """
        from sklearn.metrics import r2_score

        return float(r2_score(y, self.predict(X), sample_weight=sample_weight))

    def _content(self) -> FusedContent:
        return FusedContent(self.scores_, self._kind, self.handle_missing, flat=self._flat)

    @classmethod
    def _of_content(cls, content: FusedContent) -> FusedTextRegressor:
        return cls(content.scores, flat=bool(content.flat), handle_missing=content.handle_missing)

    def _output_names(self) -> list[Any]:
        return list(range(self.scores_.n_outputs))


def load_fused(
    path: str | os.PathLike[str], *, mmap: bool = False
) -> FusedTextClassifier | FusedTextRegressor:
    """Read a fused model of either kind; see :meth:`FusedTextClassifier.load`."""
    content = fused_file.read(path, mmap=mmap)
    kind = FusedTextClassifier if content.kind == "classifier" else FusedTextRegressor
    return kind._of_content(content)
