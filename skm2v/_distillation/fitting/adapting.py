"""Adapt a finished model to texts of a domain, without labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.linalg import multi_dot

from skm2v._checks import is_count, require
from skm2v._distillation.fitting.corpus import unique_texts
from skm2v._distillation.fitting.extending import teacher_of
from skm2v._distillation.fitting.extra_rows import count_known_pairs
from skm2v._distillation.fitting.penalties import RHOS, choose_residual, moved_rows
from skm2v._distillation.fitting.reading_list import MIN_TEXTS, reading_list
from skm2v._distillation.fitting.stretching import checked_axes, stretch_core
from skm2v._distillation.stages import one_thread
from skm2v._distillation.teacher_pass.teacher_pass import TeacherPass
from skm2v._model import Core
from skm2v._model.config import Adaptation
from skm2v._pooling import check_texts
from skm2v._warnings import warn_user
from skm2v.exceptions import TeacherError, TextWarning

__all__ = ["adapt_core"]


def adapt_core(
    model: Core,
    texts: Any,
    model_name: Any = None,
    *,
    max_teacher_texts: int | None = None,
    stretch: Any = None,
    memory: Any = None,
    show_progress_bar: bool | None = None,
    **where: Any,
) -> tuple[Core, dict[str, Any]]:
    """Adapt a model to texts, and tell what was done; see :meth:`skm2v.StaticModel.adapt`."""
    require(
        max_teacher_texts is None or is_count(max_teacher_texts, MIN_TEXTS),
        "max_teacher_texts",
        max_teacher_texts,
        f"a number of texts, at least {MIN_TEXTS}, or None",
    )
    checked_axes(stretch)
    column = check_texts(texts).texts
    teacher = teacher_of(
        model, model_name, memory=memory, show_progress_bar=show_progress_bar, **where
    ).keeping_the_teacher()
    adapted, facts = _adapt(model, column, teacher, max_teacher_texts)
    if stretch:
        adapted, facts["stretch"] = stretch_core(adapted, stretch)
    return adapted, {**facts, **teacher.facts(), **teacher.stages.measured()}


def _adapt(
    model: Core, texts: list[str], teacher: TeacherPass, n_most: int | None
) -> tuple[Core, dict[str, Any]]:
    unique, weights = unique_texts([text for text in texts if text.strip()])
    name, stages = teacher.teacher.name, teacher.stages
    facts: dict[str, Any] = {
        "teacher": name,
        "n_texts": len(texts),
        "n_different_texts": len(unique),
    }
    # The teacher's axes are found in the model's space by what both make of the texts.
    n_least = max(MIN_TEXTS, 2 * model.dim)
    if len(unique) < n_least:
        return _unchanged(
            model,
            facts,
            f"A model of {model.dim} dimensions needs at least {n_least} different texts to adapt"
            f" to; got {len(unique)}.",
        )
    reading = reading_list(
        teacher,
        model.tokenizer,
        unique,
        weights,
        max_length=model.max_length,
        n_most=n_most,
        find_pairs=lambda counts, rows: count_known_pairs(counts, rows, model.table),
    )
    facts["n_teacher_texts"] = len(reading.texts)
    if len(reading.texts) < n_least:
        return _unchanged(
            model,
            facts,
            f"A model of {model.dim} dimensions needs at least {n_least} texts to adapt to; the"
            f" vocabulary knows a token of {len(reading.texts)} of {len(unique)} different texts,"
            " or max_teacher_texts is too small.",
        )
    if alike := reading.says_too_little:
        return _unchanged(model, facts, alike)
    data = reading.read(teacher)
    if data.S.shape[1] < model.dim:
        raise TeacherError(
            f"The teacher {name!r} has vectors of {data.S.shape[1]} dimensions, the model of"
            f" {model.dim}: it was made by another one, {model.config.teacher!r}."
        )
    n_tokens = model.tokenizer.n_tokens
    table = model.table.entry_vectors(np.arange(data.A.shape[1]), np.float32)
    # The teacher's space is that of the table before it was stretched.
    stretches = model.config.stretches
    if stretches:
        back = multi_dot([np.eye(model.dim), *(s.matrix(inverse=True) for s in stretches[::-1])])
        table = (table @ back).astype(np.float32)
    with stages("choice of penalties", len(RHOS) + 1) as progress, one_thread():
        chosen, axes = choose_residual(data, table, reading.held, progress=progress)
    facts.update(rho=chosen.rho, held_out_cosine=chosen.cosines)
    if chosen.kept == "prior":
        return _unchanged(
            model, facts, "The texts do not bring the model closer to the teacher (held-out texts)."
        )
    with stages("regression", model.dim, "columns") as progress, one_thread():
        residual = axes.apply(data.S)
        residual -= data.A @ table
        moved, D = moved_rows(data, residual, chosen.rho, progress=progress)
    n_moved = int((moved < n_tokens).sum())
    facts.update(n_moved_tokens=n_moved, n_moved_pairs=len(moved) - n_moved)
    done = Adaptation(
        name,
        teacher.teacher.revision,
        len(reading.texts),
        facts["n_moved_tokens"],
        facts["n_moved_pairs"],
    )
    config = replace(model.config, adaptations=(*model.config.adaptations, done))
    with stages("model built"):
        vectors = table[moved] + D
        if stretches:
            vectors = vectors @ multi_dot([np.eye(model.dim), *(s.matrix() for s in stretches)])
        return replace(model.with_vectors(moved, vectors), config=config), facts


def _unchanged(model: Core, facts: dict[str, Any], reason: str) -> tuple[Core, dict[str, Any]]:
    warn_user(f"{reason} The model stays as it is.", TextWarning)
    return model, {**facts, "fallback": reason}
