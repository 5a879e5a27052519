"""From a teacher to the core of a static model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from skm2v._distillation.fitting.parameters import changed
from skm2v._distillation.fitting.sentence_recipe import SentenceRecipe
from skm2v._distillation.fitting.token_recipe import TokenRecipe
from skm2v._distillation.teacher_pass.teacher_pass import TeacherPass
from skm2v._fit_report import FitReport
from skm2v._model import Core
from skm2v._pooling import check_texts

__all__ = ["SENTENCE_PARAMETERS", "TOKEN_PARAMETERS", "distil"]

# What the recipes say of themselves, and the only place that says it: signatures are held against
# it by a test.
TOKEN_PARAMETERS: Mapping[str, Any] = {item.name: item.default for item in fields(TokenRecipe)}
SENTENCE_PARAMETERS: Mapping[str, Any] = {
    item.name: item.default for item in fields(SentenceRecipe) if item.name != "tokens"
}


def distil(
    model: str | os.PathLike[str] | Any,
    tokenizer: Any = None,
    *,
    objective: str = "tokens",
    corpus: Any = None,
    recipe: Mapping[str, Any],
    **teacher: Any,
) -> tuple[Core, FitReport]:
    """Distil a teacher, and tell what was done; see :func:`skm2v.distill`.

    Parameters
    ----------
    model, tokenizer, **teacher
        See :meth:`TeacherPass.open`.
    objective, corpus
        See :func:`skm2v.distill`.
    recipe : mapping of str to Any
        Parameters of the recipes.

    Returns
    -------
    model : Core
    report : FitReport
    """
    # All that can be wrong with the parameters is said before a teacher is looked for.
    checked, texts = _recipe(objective, corpus, recipe)
    return checked.build(TeacherPass.open(model, tokenizer, **teacher), texts)


def _recipe(
    objective: str, corpus: Any, parameters: Mapping[str, Any]
) -> tuple[TokenRecipe | SentenceRecipe, list[str]]:
    """Return the recipe of an objective, its parameters checked, and the texts of the corpus."""
    of_tokens = {name: parameters[name] for name in TOKEN_PARAMETERS if name in parameters}
    of_texts = {name: parameters[name] for name in SENTENCE_PARAMETERS if name in parameters}
    tokens = TokenRecipe(**of_tokens)
    if objective == "tokens":
        if corpus is not None or changed(of_texts, SENTENCE_PARAMETERS):
            raise ValueError(
                f"corpus, {', '.join(SENTENCE_PARAMETERS)} have no effect with"
                " objective='tokens'. Set objective='sentences', or leave them at their defaults."
            )
        return tokens, []
    if objective != "sentences":
        raise ValueError(f"objective must be 'tokens' or 'sentences'; got {objective!r}.")
    if corpus is None:
        raise ValueError(
            "objective='sentences' learns from texts: pass some thousand as corpus=texts."
        )
    return SentenceRecipe(tokens, **of_texts), check_texts(corpus).texts
