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

__all__ = ["SENTENCE_PARAMETERS", "TOKEN_PARAMETERS", "check_parameters", "distil"]

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
    **parameters: Any,
) -> tuple[Core, FitReport]:
    """Distil a teacher, and tell what was done; see :func:`skm2v.distill`.

    Parameters
    ----------
    model, tokenizer
        See :meth:`TeacherPass.open`.
    objective, corpus
        See :func:`skm2v.distill`.
    **parameters
        Of the recipes and of :meth:`TeacherPass.open`.

    Returns
    -------
    model : Core
    report : FitReport
    """
    # All that can be wrong with the parameters is said before a teacher is looked for.
    of_tokens, of_texts = (
        {name: parameters.pop(name) for name in names if name in parameters}
        for names in (TOKEN_PARAMETERS, SENTENCE_PARAMETERS)
    )
    recipe, texts = _recipe(objective, corpus, TokenRecipe(**of_tokens), of_texts)
    return recipe.build(TeacherPass.open(model, tokenizer, **parameters), texts)


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Check the parameters of both recipes, whether or not they will be followed.

    Raises
    ------
    ValueError
        If one of them is out of its bounds.
    """
    of_tokens, of_texts = (
        {name: parameters[name] for name in names if name in parameters}
        for names in (TOKEN_PARAMETERS, SENTENCE_PARAMETERS)
    )
    SentenceRecipe(TokenRecipe(**of_tokens), **of_texts)


def _recipe(
    objective: str, corpus: Any, tokens: TokenRecipe, of_texts: Mapping[str, Any]
) -> tuple[TokenRecipe | SentenceRecipe, list[str]]:
    """Return the recipe of an objective, its parameters checked, and the texts of the corpus."""
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
