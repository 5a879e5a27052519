"""Add words to a finished model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v._distillation.fitting.weights import sif_weights, token_weights
from skm2v._distillation.teacher.vocabulary import extend_tokens
from skm2v._distillation.teacher.words import KNOWN, TWICE, warn_of_words
from skm2v._distillation.teacher_pass.teacher_pass import TeacherPass
from skm2v._model import Core
from skm2v._warnings import warn_user
from skm2v.exceptions import TeacherError, TeacherNotFoundError, TextWarning

if TYPE_CHECKING:
    from skm2v._distillation.teacher.teacher import Pooling

__all__ = ["extend_core", "extend_with_vectors", "teacher_of"]


def extend_core(
    model: Core,
    words: Sequence[str],
    model_name: Any = None,
    *,
    show_progress_bar: bool | None = None,
    **where: Any,
) -> Core:
    """Add words to a model; see :meth:`skm2v.StaticModel.extend`."""
    words = _listed(words)
    if not words:
        return model
    projection = model.projection
    if projection is None:
        raise ValueError(
            "The model has no projection, which turns the teacher's vector of a word into a row:"
            " it was saved without, made by another package, or distilled with pca_dims=None."
            " Distil with vocabulary=words, or with another pca_dims, or pass vectors, instead."
        )
    known = extend_tokens(model.tokenizer, None, words)
    if not known.rows:  # no need for a teacher
        warn_of_words(known.notes)
        return model
    teacher = teacher_of(
        model,
        model_name,
        show_progress_bar=show_progress_bar,
        instead=", or vectors=..., one for each word, which need no teacher.",
        **where,
    )
    with teacher.stages("teacher loaded"):
        loaded = teacher.load()
    plan = loaded.plan_words(model.tokenizer, words)
    warn_of_words(plan.notes)
    n_new = len(plan.sequences)
    with teacher.stages("teacher pass", n_new, "tokens") as progress:
        vectors = loaded.embed_tokens(
            plan.sequences,
            pooling=cast("Pooling", model.config.pooling or "mean"),
            progress=progress,
        )
    if vectors.shape[1] != len(projection.mean):
        raise TeacherError(
            f"The teacher {loaded.name!r} has vectors of {vectors.shape[1]} dimensions; the model"
            f" was made of vectors of {len(projection.mean)}, by {model.config.teacher!r}. Pass"
            " that teacher as model_name."
        )
    weights = _weights(model, len(model.tokenizer.tokens) + n_new)[-n_new:]
    rows = projection.transform(vectors) * weights[:, None]
    if projection.offset is not None:
        rows += projection.offset
    return model.with_new_tokens(plan.tokenizer, rows)


def extend_with_vectors(model: Core, words: Sequence[str], vectors: npt.ArrayLike) -> Core:
    """Add words with given vectors to a model; see :meth:`skm2v.StaticModel.extend`."""
    words = _listed(words)
    given = _checked(vectors, words, model.dim)
    if not words:
        return model
    plan = extend_tokens(model.tokenizer, None, words)
    for reason, *why in (
        (KNOWN, "is a token already, which keeps its vector. Leave it out.",
                "are tokens already, which keep their vectors. Leave them out."),
        (TWICE, "is, as the tokenizer reads it, the same as another word. Leave it out.",
                "are, as the tokenizer reads them, the same as other words. Leave them out."),
    ):  # fmt: skip
        if reason in plan.left_out:
            wrong = [words[row] for row in plan.left_out[reason]]
            raise ValueError(
                "Every vector must be for a word of its own that is new;"
                f" {some(wrong)} {why[len(wrong) > 1]}"
            )
    warn_of_words(plan.notes)
    _warn_of_lengths(model, given)
    return model.with_new_tokens(plan.tokenizer, given[plan.rows])


def _warn_of_lengths(model: Core, given: npt.NDArray[np.float64]) -> None:
    """Tell who took vectors of texts for rows: those have length 1, of which rows know nothing."""
    if not model.normalize or not np.allclose(np.linalg.norm(given, axis=1), 1, atol=1e-3):
        return
    tokens = np.linspace(0, len(model.tokenizer.tokens) - 1, 1000).astype(int)  # some of them
    usual = float(np.median(np.linalg.norm(model.table.entry_vectors(tokens), axis=1)))
    if not 0.5 < usual < 2:
        weigh = "little" if usual > 1 else "much"
        warn_user(
            "The vectors all have length 1, as encode() makes them, and those of the model's tokens"
            f" one of about {usual:.2g}: beside other words of a text the new ones weigh {weigh}."
            " Fix: pass encode(..., normalize=False), or vectors of that length.",
            TextWarning,
        )


def _listed(words: Any) -> list[str]:
    if isinstance(words, (str, bytes)) or not isinstance(words, Iterable):
        raise ValueError(f"words must be a sequence of strings; got {words!r:.60}.")
    return list(words)


def _checked(vectors: npt.ArrayLike, words: Sequence[str], dim: int) -> npt.NDArray[np.float64]:
    """Vectors as an array, one row for each word."""
    try:
        array = np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"vectors must be an array of numbers: {error}.") from error
    if array.shape != (len(words), dim):
        raise ValueError(
            f"vectors must have the shape {(len(words), dim)}, one row for each word and one column"
            f" for each dimension of the model; got {array.shape}."
        )
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        raise ValueError(
            "vectors must be finite; got NaN or infinity for"
            f" {some([words[row] for row in bad.tolist()])}."
        )
    return array


def teacher_of(
    model: Core,
    model_name: Any = None,
    *,
    revision: str | None = None,
    instead: str = "",
    **options: Any,
) -> TeacherPass:
    """Find the teacher of a model.

    Parameters
    ----------
    model : Core
    model_name : str, path, model in memory or None, default=None
        None means what the model says.
    revision : str or None, default=None
        See :meth:`skm2v.StaticModel.extend`.
    instead : str, default=""
        End of the errors that there is no teacher: what does without.
    **options
        Of :meth:`TeacherPass.open`.
    """
    # Words and texts are to be read as those that the model was made of.
    options = {"prompt": model.config.prompt, **options}
    if model_name is not None and not isinstance(model_name, (str, os.PathLike)):
        return TeacherPass.open(model_name, **options)
    name = model.config.teacher if model_name is None else model_name
    if name is None:
        raise TeacherError(
            f"The model does not say which teacher it comes from. Pass it, model_name=...{instead}"
        )
    if revision is None and name == model.config.teacher and not os.path.isdir(name):
        revision = model.config.revision  # what the model was made of, whatever came after it
    try:
        return TeacherPass.open(name, revision=revision, **options)
    except TeacherNotFoundError as error:
        if model_name is not None:
            raise
        raise TeacherNotFoundError(
            f"The model was made by the teacher {name!r}, which is not found under that name:"
            f" {error} Pass its folder, model_name=...{instead}"
        ) from error


def _weights(model: Core, n_tokens: int) -> npt.NDArray[Any]:
    """Weights that a distillation gives to tokens; the new ones are the last."""
    if model.config.objective == "sentences":
        # The texts of the fit did not contain them, or not as one token.
        return token_weights(np.zeros(n_tokens))
    weights = sif_weights(n_tokens, model.config.sif_coefficient)
    return np.ones(n_tokens) if weights is None else weights
