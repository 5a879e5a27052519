"""A fitted model as a scikit-learn transformer: what does not depend on how it was fitted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import NotFittedError

from skm2v._fit_report import FitReport
from skm2v._lazy_frames import lazy_too
from skm2v._model.config import Axes
from skm2v._pooling import (
    check_batch_size,
    iter_texts,
    pool_batches,
    readable_again,
    warn_of_losses,
)
from skm2v._static_model import StaticModel
from skm2v._text_input import TextInput

if TYPE_CHECKING:
    from typing_extensions import Self

    from skm2v._distillation.teacher.device import TeacherDType

__all__ = ["ModelTransformer"]


class ModelTransformer(TextInput, ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Embeds texts with the model that `fit` left in `model_`.

    Attributes
    ----------
    model_ : StaticModel
    fit_report_ : FitReport
    max_teacher_texts, memory, teacher_dtype
        Of the fit, and of what is learned later.
    handle_missing : {"error", "zero"}
    n_jobs : int or None
    """

    model_: StaticModel
    fit_report_: FitReport
    max_teacher_texts: int | None
    memory: Any
    teacher_dtype: TeacherDType
    handle_missing: Literal["error", "zero"]
    n_jobs: int | None

    def fit_transform(self, X: Any, y: Any = None) -> npt.NDArray[np.float32]:
        """Load or distil the model, then embed texts.

        Parameters
        ----------
        X : column of str
            Texts, as for `fit` and `transform`. An iterator, or a reader of
            Arrow batches, is read once.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        vectors : ndarray of float32 of shape (n_texts, n_components_)
            Vectors of the texts.
        """
        X = readable_again(X)
        vectors: npt.NDArray[np.float32] = self.fit(X, y).transform(X)
        return vectors

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Name the dimensions of the vectors.

        Parameters
        ----------
        input_features : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        names : ndarray of object of shape (n_components_,)
            ``title_0``, ``title_1`` and so on if `fit` got a column called ``title``;
            ``staticembedder0`` and so on if it got one without a name.
        """
        n = self._fitted_model().dim
        return self._after_column(list(map(str, range(n))), default=type(self).__name__.lower())

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """Embed texts.

        Parameters
        ----------
        X : column of str
            Texts: a list, tuple, iterator, 1-D array, Series, or a frame or array with one
            column. A series or frame of Dask makes a lazy frame of the same partitions.

        Returns
        -------
        vectors : ndarray of float32 of shape (n_texts, n_components_)
            One row per text, in their order. A text's vector does not depend on the other texts.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        TextTypeError, TextValueError
            If `X` is not a column of texts, or some of its rows are missing values.

        Warns
        -----
        TextWarning
            If texts were truncated, got a zero vector without being missing, or are mostly
            unknown or single letters.
        """
        model = self._fitted_model()
        column = self._check_column(X, buffers=True)
        pooled = model.pooler.pool(
            column.texts,
            max_length=model.max_length,
            normalize=model.normalize,
            n_jobs=self.n_jobs,
        )
        if column.missing.size:
            pooled.vectors[column.missing] = 0.0
            pooled.empty[column.missing] = False  # as asked for: no reason to warn
        if pooled.lost:
            warn_of_losses(pooled.empty, pooled.truncated, pooled.foreign)
        return pooled.vectors

    def transform_iter(self, X: Any, batch_size: int = 1024) -> Iterator[npt.NDArray[np.float32]]:
        """Embed a stream of texts, batch by batch, in bounded memory.

        Parameters
        ----------
        X : column or iterator of str
            As for `transform`. A generator may be endless: it is read as far as the batches that
            were asked for.
        batch_size : int, default=1024
            Most texts in a batch; all but the last one have so many. The vectors do not depend
            on it. With `n_jobs`, threads share a batch if it has thousands of texts.

        Returns
        -------
        batches : iterator of ndarray of float32 of shape (n_texts, n_components_)
            Equal to the rows of `transform`, to the bit and in the same order; always arrays,
            whatever `set_output` says. No texts make no batches.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        TextTypeError, TextValueError
            At once if `X` is not a column of texts; when the batch is asked for, if one of its
            rows is not a text, or missing. Rows are counted from the start of `X`.
        ValueError
            If `batch_size` is no positive integer.

        Warns
        -----
        TextWarning
            At the end of the stream, if texts were truncated, or got a zero vector without being
            missing.
        """
        model = self._fitted_model()
        check_batch_size(batch_size)
        name, batches = iter_texts(X, batch_size, handle_missing=self.handle_missing)
        self._check_feature_name(name)
        return pool_batches(
            model.pooler,
            batches,
            max_length=model.max_length,
            normalize=model.normalize,
            n_jobs=self.n_jobs,
        )

    def add_words(
        self,
        words: Sequence[str],
        *,
        model_name: str | os.PathLike[str] | None = None,
        vectors: npt.ArrayLike | None = None,
        device: str | None = None,
    ) -> Self:
        """Add words to the vocabulary of the fitted embedder, without fitting it again.

        As `partial_fit` of other estimators does, this goes on from what `fit` left, and a later
        `fit` starts anew (`vocabulary` adds words in `fit`), also that of a pipeline that the
        embedder is put into: there, ``StaticEmbedder(embedder.model_)`` keeps the words. The model
        is replaced, not changed: other estimators that share it keep it as it is.

        Parameters
        ----------
        words : sequence of str
            Words, or strings of several words, found where they stand as words. Those that are
            tokens already are left out.
        model_name : str, path or None, default=None
            The teacher, which reads the words. None means the parameter `model_name`, or where
            that is static already, the teacher whose name the model keeps.
        vectors : array-like of shape (n_words, n_components_) or None, default=None
            Vectors of the words, instead of a teacher; see
            :meth:`StaticModel.extend <skm2v.StaticModel.extend>`.
        device : str or None, default=None
            Torch device of the teacher. None means the parameter `device`.

        Returns
        -------
        self : StaticEmbedder
            The embedder, with a new model.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        ValueError, TeacherError, MissingExtraError
            As for :meth:`StaticModel.extend <skm2v.StaticModel.extend>`.
        """
        model = self._fitted_model()
        if vectors is None:
            extended = model.extend(words, **self._teacher(model_name, device))
        else:
            extended = model.extend(words, model_name, device=device, vectors=vectors)
        self.model_ = extended
        added = self.fit_report_.get("n_added_words", 0) + len(extended) - len(model)
        self.fit_report_ = self.fit_report_.updated(extended._core, n_added_words=added)
        return self

    def adapt(
        self,
        X: Any,
        y: Any = None,
        *,
        model_name: str | os.PathLike[str] | None = None,
        max_teacher_texts: int | None = None,
        stretch: Axes | None = None,
        device: str | None = None,
        teacher_dtype: TeacherDType | None = None,
    ) -> Self:
        """Adapt the vectors of the fitted embedder to texts of a domain.

        The teacher reads the texts, and tokens that they contain move closer to what it makes of
        them; all others stay as they are. As after :meth:`add_words`, a later `fit` starts anew
        (``make_pipeline(StaticEmbedder(embedder.model_), classifier)`` keeps the adaptation), and
        the model is replaced, not changed.

        Parameters
        ----------
        X : column of str
            Texts, as for `fit`; missing ones are left out if `handle_missing` is "zero".
        y : Ignored
            Not used, present for API consistency by convention.
        model_name : str, path or None, default=None
            The teacher, as for :meth:`add_words`.
        max_teacher_texts : int or None, default=None
            Let the teacher read so many of the texts only. None means the parameter of that name.
        stretch : mapping or None, default=None
            Axes to stretch the adapted model along; see
            :meth:`StaticModel.stretch <skm2v.StaticModel.stretch>`.
        device : str or None, default=None
            Torch device of the teacher, as for :meth:`add_words`.
        teacher_dtype : {"float32", "bfloat16"} or None, default=None
            What the teacher computes in. None means the parameter of that name.

        Returns
        -------
        self : StaticEmbedder
            Its `fit_report_` is that of `fit` and, as ``"adaptation"``, that of the latest
            adaptation: the held-out cosine with the teacher before and after, the penalty, how
            many tokens and pairs moved, seconds. ``model_.config.adaptations`` keeps all of them.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        TextTypeError, TextValueError, TeacherError, MissingExtraError
            As for :meth:`StaticModel.adapt <skm2v.StaticModel.adapt>`.

        Warns
        -----
        TextWarning
            If there are too few texts, or they do not help: the embedder stays as it is.
        """
        adapted, done = self._fitted_model()._adapted(
            self._check_column(X).texts,
            max_teacher_texts=(
                self.max_teacher_texts if max_teacher_texts is None else max_teacher_texts
            ),
            stretch=stretch,
            memory=self.memory,
            teacher_dtype=self.teacher_dtype if teacher_dtype is None else teacher_dtype,
            **self._teacher(model_name, device),
        )
        self.model_ = adapted
        self.fit_report_ = self.fit_report_.updated(adapted._core, adaptation=done)
        return self

    def _teacher(
        self, model_name: str | os.PathLike[str] | None, device: str | None
    ) -> dict[str, Any]:
        """Where the teacher is, as arguments of `extend` and `adapt`."""
        raise NotImplementedError

    @property
    def embedding_(self) -> npt.NDArray[Any]:
        """Table of vectors, read-only, of shape ``(n_rows, n_components_)``."""
        return self.model_.embedding

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Token id of each token."""
        return self.model_.text_tokenizer.vocabulary

    @property
    def n_components_(self) -> int:
        """Number of dimensions of the vectors."""
        return self.model_.dim

    @property
    def explained_variance_ratio_(self) -> npt.NDArray[np.float64]:
        """Share of the teacher's variance along each dimension, where it is known."""
        projection = self.model_.projection
        if projection is None or projection.explained_variance_ratio is None:
            raise AttributeError(
                f"This {type(self).__name__} has no 'explained_variance_ratio_': its model does"
                " not say how its columns came about."
            )
        return projection.explained_variance_ratio

    @property
    def _n_features_out(self) -> int:
        return self.model_.dim

    @property
    def _missing(self) -> Literal["error", "zero"]:
        return self.handle_missing

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _fitted_model(self) -> StaticModel:
        # Not check_is_fitted: it takes longer than embedding a short text.
        try:
            return self.model_
        except AttributeError:
            raise NotFittedError(
                f"This {type(self).__name__} is not fitted yet. Call 'fit' before 'transform'."
            ) from None


# Around what scikit-learn puts around it for `set_output`, which knows no lazy frames.
ModelTransformer.transform = lazy_too(ModelTransformer.transform)  # type: ignore[method-assign]
