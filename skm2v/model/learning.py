"""What a finished model can still learn; its teacher is needed for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Learning"]


def _distill() -> Any:
    """Return the room of teachers, which is built on this one: so late, and by its name."""
    return import_module("skm2v.distill")


class Learning:
    """Methods of :class:`~skm2v.StaticModel` that return a model which has learned something."""

    __slots__ = ()

    def extend(
        self,
        words: Sequence[str],
        model_name: str | os.PathLike[str] | Any = None,
        *,
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

        Parameters
        ----------
        words : sequence of str
            Words, or strings of several words.
        model_name : str, path, model in memory or None, default=None
            The teacher that the model was distilled from: a folder, a hub id, a transformers
            model or a `SentenceTransformer`. None means the name and the revision that the model
            keeps (``config.teacher``), which suffice for teachers from the hub.
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
            with ``pca_dims=None``.
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
        word as tokens, too; they get rows in the same way.

        Examples
        --------
        >>> model = model.extend(["remdesivir", "long covid"])  # doctest: +SKIP
        """
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
