"""Other models made of one: fewer columns, other numbers, more words, another domain."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from skm2v._checks import MODEL_DEFAULT, ModelDefault, check_flag, is_integer
from skm2v._model.config import Axes
from skm2v._model.quantization import DType
from skm2v._static_model.encoding import EncodingModel

if TYPE_CHECKING:
    from typing_extensions import Self

    from skm2v._distillation.teacher.device import TeacherDType

__all__ = ["ChangingModel"]


class ChangingModel(EncodingModel):
    """A model of which others are made; it stays what it is."""

    __slots__ = ()

    def with_dimensions(self, dim: int) -> Self:
        """Return a model with the first `dim` columns.

        It is a good model if the columns are ordered by importance, as PCA orders them
        (``config.pca_ordered``).

        Parameters
        ----------
        dim : int
            Number of columns, at most those of this model.

        Returns
        -------
        model : StaticModel
            A model with the first columns.
        """
        if not is_integer(dim):
            raise ValueError(f"The number of dimensions must be an integer; got {dim!r}.")
        if not 1 <= dim <= self.dim:
            raise ValueError(
                f"The number of dimensions must be from 1 to {self.dim}, the model's own;"
                f" got {dim}."
            )
        return self._of_core(self._core.first_columns(int(dim)))

    def quantized(self, dtype: DType) -> Self:
        """Return a model whose table has another number type.

        Parameters
        ----------
        dtype : {"float16", "float32", "float64", "int8"}
            int8 keeps a scale per row, as part of `weights`.

        Returns
        -------
        model : StaticModel
            This model if it has the type already.
        """
        return self._of(self._core.quantized(dtype))

    def clustered(self, n_clusters: int) -> Self:
        """Return a model whose tokens share rows, which makes large tables small.

        The directions of the tokens' vectors are grouped by k-means; each token keeps the length
        of its own, as one of the `weights`.

        Parameters
        ----------
        n_clusters : int
            Number of rows, from 2 to the number of tokens.

        Returns
        -------
        model : StaticModel
            A model with fewer rows and as many tokens.
        """
        n_tokens = len(self)
        if not is_integer(n_clusters) or not 2 <= n_clusters <= n_tokens:
            raise ValueError(
                "The number of clusters must be an integer from 2 to the number of tokens,"
                f" {n_tokens}; got {n_clusters!r}."
            )
        return self._of(self._core.clustered(int(n_clusters)))

    def with_settings(
        self,
        *,
        normalize: bool | None = None,
        max_length: int | ModelDefault | None = MODEL_DEFAULT,
        pca_ordered: bool | None = None,
        split_unknown: bool | None = None,
    ) -> Self:
        """Return a model with other defaults for :meth:`encode`.

        Parameters
        ----------
        normalize : bool or None, default=None
            Whether vectors of texts have Euclidean norm 1. None means as this model says.
        max_length : int or None, default=the model's
            Number of tokens of a text to use. None means all.
        pca_ordered : bool or None, default=None
            Whether the first columns are the best ones, as those of a model that was trained to
            be cut (Matryoshka): a :class:`StaticEmbedder` can then set `pca_dims`. None means as
            this model says.
        split_unknown : bool or None, default=None
            Whether characters that make a word unknown, such as the heart behind "love", are split
            off, so that the rest of the word is read; see :attr:`split_unknown`. None means as
            this model does.

        Returns
        -------
        model : StaticModel
            This model if nothing changes.

        Raises
        ------
        ValueError
            If `split_unknown` is True and the tokenizer is no WordPiece model.
        """
        core = self._core.with_settings(
            normalize=self.normalize if normalize is None else check_flag("normalize", normalize),
            max_length=self._resolve_length(max_length),
            split_unknown=None
            if split_unknown is None
            else check_flag("split_unknown", split_unknown),
        )
        if pca_ordered is not None:
            ordered = check_flag("pca_ordered", pca_ordered)
            if ordered != self.config.pca_ordered:
                core = replace(core, config=replace(core.config, pca_ordered=ordered))
        return self._of(core)

    def extend(
        self,
        words: Sequence[str],
        model_name: str | os.PathLike[str] | Any = None,
        *,
        vectors: npt.ArrayLike | None = None,
        tokenizer: Any = None,
        device: str | None = None,
        revision: str | None = None,
        subfolder: str | None = None,
        trust_remote_code: bool = False,
        allow_pickle_weights: bool = False,
        show_progress_bar: bool | None = None,
    ) -> Self:
        """Add words to the vocabulary, without a new distillation.

        The teacher reads each word alone, and the projection that the model keeps turns its
        vector into a row. Words become tokens as those of the `vocabulary` of
        :func:`skm2v.distill` do: found wherever they stand as words, whatever the tokenizer, and
        never inside of others; words that are tokens already are left out. Tokens that the model
        has keep their ids and their rows, and texts without the words their vectors.

        With `vectors`, the words get these vectors, and no teacher is needed.

        Parameters
        ----------
        words : sequence of str
            Words, or strings of several words.
        model_name : str, path, model in memory or None, default=None
            The teacher that the model was distilled from: a folder, a hub id, a transformers
            model or a `SentenceTransformer`. None means the name and the revision that the model
            keeps (``config.teacher``), which suffice for teachers from the hub.
        vectors : array-like of shape (n_words, d) or None, default=None
            What each word adds to the vector of a text, in the columns of the model and of the
            size that vectors of tokens have (see :meth:`encode_as_sequence`), as
            ``encode(..., normalize=False)`` returns them; stored in the number type of the
            table. Words must be new then, and there is nothing to say about a teacher.
        tokenizer : transformers tokenizer or None, default=None
            Only for a transformers model in memory.
        device, revision, subfolder, trust_remote_code, allow_pickle_weights : as for `distill`
            See :func:`skm2v.distill`.
        show_progress_bar : bool or None, default=None
            See :func:`skm2v.distill`.

        Returns
        -------
        model : StaticModel
            This model if all of the words are tokens already.

        Raises
        ------
        ValueError
            If `words` is a single string, or one of them is no string or holds no text; if the
            model has no projection, as models of other packages and those that were distilled
            with ``pca_dims=None``. With `vectors`: if they have another shape or are not finite;
            if a word is a token already, or the same as another one; if a teacher is given too.
        TeacherError
            If the teacher cannot be loaded, or its vectors have another width than those that
            the model was made of.
        MissingExtraError
            If torch or transformers is not installed.

        Notes
        -----
        With ``objective="tokens"`` a row is what a distillation with these words as `vocabulary`
        gives on the principal axes that the model has. With ``objective="sentences"`` it is the
        prior of a word that the texts did not contain. The Notes of :func:`skm2v.distill` say
        what "stands as a word" means.

        Examples
        --------
        >>> from skm2v import distill
        >>> teacher = "sentence-transformers/all-MiniLM-L6-v2"
        >>> model = distill(teacher)
        >>> extended = model.extend(["remdesivir", "long covid"], model_name=teacher)
        >>> len(extended.tokens) - len(model.tokens)
        2

        Without a teacher, a word means what others say:

        >>> from skm2v import StaticModel
        >>> from skm2v.datasets import default_model_path
        >>> model = StaticModel.from_pretrained(default_model_path())
        >>> meaning = model.encode("antiviral drug", normalize=False)
        >>> extended = model.extend(["remdesivir"], vectors=[meaning])
        >>> float(extended.encode("remdesivir") @ model.encode("antiviral drug")) > 0.99
        True
        """
        if vectors is not None:
            teacher = (model_name, tokenizer, device, revision, subfolder)
            if any(given is not None for given in teacher):
                raise ValueError(
                    "vectors were given, so no teacher reads the words: leave out model_name,"
                    " tokenizer, device, revision and subfolder."
                )
            from skm2v._distillation.fitting.extending import extend_with_vectors

            return self._of(extend_with_vectors(self._core, words, vectors))
        from skm2v._distillation.fitting.extending import extend_core

        extended = extend_core(
            self._core,
            words,
            model_name,
            tokenizer=tokenizer,
            device=device,
            revision=revision,
            subfolder=subfolder,
            trust_remote_code=trust_remote_code,
            allow_pickle_weights=allow_pickle_weights,
            show_progress_bar=show_progress_bar,
        )
        return self._of(extended)

    def adapt(
        self,
        texts: Any,
        model_name: str | os.PathLike[str] | Any = None,
        *,
        max_teacher_texts: int | None = None,
        stretch: Axes | None = None,
        memory: Any = None,
        tokenizer: Any = None,
        teacher_dtype: TeacherDType = "float32",
        device: str | None = None,
        revision: str | None = None,
        subfolder: str | None = None,
        trust_remote_code: bool = False,
        allow_pickle_weights: bool = False,
        show_progress_bar: bool | None = None,
    ) -> Self:
        """Adapt the vectors to texts of a domain, without labels.

        The teacher reads the texts, and the vectors of the tokens and pairs that they contain
        move so that their means come closer to what it makes of them, as far as held-out texts
        confirm it. All others keep their bytes, and the columns keep their meaning: texts that
        were embedded before stay comparable where they share no token with the new texts.

        Parameters
        ----------
        texts : column of str
            Texts like those that the model will embed: 2,000 or more, at least twice as many
            different ones as the model has dimensions.
        model_name : str, path, model in memory or None, default=None
            The teacher, best that which the model was distilled from; as for :meth:`extend`.
        max_teacher_texts : int or None, default=None
            Let the teacher read so many of the texts only, chosen so that as many tokens as
            possible occur several times.
        stretch : mapping or None, default=None
            Axes to stretch the adapted model along, as for :meth:`stretch`.
        memory : str, path, joblib.Memory or None, default=None
            Where the teacher's vectors are kept between processes.
        tokenizer : transformers tokenizer or None, default=None
            Only for a transformers model in memory.
        teacher_dtype : {"float32", "bfloat16"}, default="float32"
            What the teacher computes in: "bfloat16" nearly halves the time of its pass, where the
            processor or GPU has instructions for it.
        device, revision, subfolder, trust_remote_code, allow_pickle_weights : as for `distill`
            See :func:`skm2v.distill`.
        show_progress_bar : bool or None, default=None
            See :func:`skm2v.distill`.

        Returns
        -------
        model : StaticModel
            This model if the texts do not bring it closer to the teacher, and nothing is
            stretched.

        Raises
        ------
        TextTypeError, TextValueError
            If `texts` is not a column of texts, or some of its rows are missing values.
        TeacherError
            If the teacher cannot be loaded, or has vectors of fewer dimensions than the model.
        MissingExtraError
            If torch or transformers is not installed.

        Warns
        -----
        TextWarning
            If there are too few texts, or they do not help; the model is then this one.

        Notes
        -----
        The teacher's vectors are mapped to the columns of the model by what both make of the
        texts (orthogonal axes, with a scale for each column), so that any model can adapt: also
        one that kept no projection, or that another package made. Rows of int8 tables are
        quantised again one by one. What :meth:`stretch` did is taken back for the fit and done
        again to the rows that moved.

        Examples
        --------
        >>> from skm2v import distill
        >>> from skm2v.datasets import load_sms_spam
        >>> texts = load_sms_spam(subset="train").data
        >>> teacher = "sentence-transformers/all-MiniLM-L6-v2"
        >>> model = distill(teacher)
        >>> adapted = model.adapt(texts[:500], model_name=teacher)
        >>> adapted.dim == model.dim
        True
        """
        return self._adapted(
            texts,
            model_name,
            max_teacher_texts=max_teacher_texts,
            stretch=stretch,
            memory=memory,
            tokenizer=tokenizer,
            teacher_dtype=teacher_dtype,
            device=device,
            revision=revision,
            subfolder=subfolder,
            trust_remote_code=trust_remote_code,
            allow_pickle_weights=allow_pickle_weights,
            show_progress_bar=show_progress_bar,
        )[0]

    def stretch(self, axes: Axes) -> Self:
        """Return a model in which distances along some directions are longer.

        Two reviews of one film are close, whether they praise it or not. A direction is learned
        from words with values, by a ridge regression on their unit vectors, and the space is
        stretched along it, by a linear map that becomes part of the rows: embedding takes no
        longer, and :meth:`extend` stretches the rows that it makes of the teacher's vectors.

        Parameters
        ----------
        axes : mapping of str to float or (words, values, factor)
            By the name of the axis, the factor: 1 changes nothing, 1.5 makes differences along the
            axis one and a half times as large, less than 1 makes them smaller. ``"valence"``, how
            good or bad what a word says is, needs only a factor; its words are English
            (:func:`skm2v.datasets.load_valence`). Other names come with some hundred words, or
            texts, and a number for each. Each axis is learned in the space that those before left.

        Returns
        -------
        model : StaticModel
            ``config.stretches`` tells the factor and direction of each axis, the number of words,
            and how their values correlate with what is predicted of words that were left out.

        Raises
        ------
        ValueError
            If an axis has no known name and no words, values that are no numbers or all the same,
            fewer than 50 words that the model has tokens for, or a factor that is not positive.

        Warns
        -----
        TextWarning
            If the correlation of an axis is below 0.2; the table is not stretched along it.

        Notes
        -----
        With unit direction u and factor f, rows are multiplied by I + (f - 1) u uᵀ, and stored in
        the table's number type again. Columns that are ordered by variance are so only roughly
        afterwards. Texts that were embedded before must be embedded again.

        Examples
        --------
        >>> from skm2v import StaticModel
        >>> from skm2v.datasets import default_model_path
        >>> model = StaticModel.from_pretrained(default_model_path())
        >>> stretched = model.stretch({"valence": 2})
        >>> praise, blame = "a wonderful film", "a dreadful film"
        >>> before, after = (m.encode([praise, blame]) for m in (model, stretched))
        >>> bool(after[0] @ after[1] < before[0] @ before[1] - 0.1)
        True
        """
        from skm2v._distillation.fitting.stretching import stretch_core

        return self._of(stretch_core(self._core, axes)[0])

    def _adapted(
        self, texts: Any, model_name: Any = None, **how: Any
    ) -> tuple[Self, dict[str, Any]]:
        """Adapt, and tell what was done; see :meth:`adapt`."""
        from skm2v._distillation.fitting.adapting import adapt_core

        adapted, done = adapt_core(self._core, texts, model_name, **how)
        return self._of(adapted), done
