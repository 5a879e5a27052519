"""What a finished model can still learn; its teacher is needed for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Self

__all__ = ["Learning"]


def _distill() -> Any:
    """Return the room of teachers, which is built on this one: so late, and by its name."""
    return import_module("skm2v._distillation")


class Learning:
    """Methods of :class:`~skm2v.StaticModel` that return a model which has learned something."""

    __slots__ = ()

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
        show_progress_bar: bool = False,
    ) -> Self:
        """Add words to the vocabulary, without a new distillation.

        The teacher reads each word alone, and the projection that the model keeps turns its
        vector into a row. Words become tokens as those of the `vocabulary` of
        :func:`skm2v.distill` do: after the tokenizer's normalizer (which may lowercase them), a
        string of several words is matched as a whole, and words that are tokens already are left
        out. Tokens that the model has keep their ids and their rows.

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
            size that vectors of tokens have (see :meth:`encode_as_sequence`); stored in the
            number type of the table. Words must be new then, and there is nothing to say about
            a teacher.
        tokenizer : transformers tokenizer or None, default=None
            Only for a transformers model in memory.
        device, revision, subfolder, trust_remote_code, allow_pickle_weights
            See :func:`skm2v.distill`.
        show_progress_bar : bool, default=False
            Show a bar on standard error.

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
        prior of a word that the texts did not contain. A byte-pair tokenizer may need pieces of a
        word as tokens, too; they get rows in the same way, or with `vectors`, the mean of the
        rows that the model had for them.

        Examples
        --------
        >>> model = model.extend(["remdesivir", "long covid"])  # doctest: +SKIP

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
            with_vectors: Self = _distill().extend_with_vectors(self, words, vectors)
            return with_vectors
        extended: Self = _distill().extend_model(
            self,
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
        return extended

    def adapt(
        self,
        texts: Any,
        model_name: str | os.PathLike[str] | Any = None,
        *,
        max_teacher_texts: int | None = None,
        memory: Any = None,
        tokenizer: Any = None,
        device: str | None = None,
        revision: str | None = None,
        subfolder: str | None = None,
        trust_remote_code: bool = False,
        allow_pickle_weights: bool = False,
        show_progress_bar: bool = False,
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
        memory : str, path, joblib.Memory or None, default=None
            Where the teacher's vectors are kept between processes.
        tokenizer : transformers tokenizer or None, default=None
            Only for a transformers model in memory.
        device, revision, subfolder, trust_remote_code, allow_pickle_weights
            See :func:`skm2v.distill`.
        show_progress_bar : bool, default=False
            Show bars on standard error.

        Returns
        -------
        model : StaticModel
            This model if the texts do not bring it closer to the teacher.

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
        quantised again one by one.

        Examples
        --------
        >>> model = model.adapt(texts, memory="cache")  # doctest: +SKIP
        """
        adapted: Self = _distill().adapt_model(
            self,
            texts,
            model_name,
            max_teacher_texts=max_teacher_texts,
            memory=memory,
            tokenizer=tokenizer,
            device=device,
            revision=revision,
            subfolder=subfolder,
            trust_remote_code=trust_remote_code,
            allow_pickle_weights=allow_pickle_weights,
            show_progress_bar=show_progress_bar,
        )[0]
        return adapted
