"""Re-fit a finished model to other texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skm2v._checks import is_count, require
from skm2v._distillation.fitting.corpus import (
    choose_texts,
    count_tokens,
    held_out,
    says_too_little,
    unique_texts,
)
from skm2v._distillation.fitting.extending import teacher_of
from skm2v._distillation.fitting.extra_rows import count_known_pairs
from skm2v._distillation.fitting.penalties import RHOS, TextData, choose_residual, moved_rows
from skm2v._distillation.fitting.sentence_recipe import MIN_TEXTS
from skm2v._distillation.fitting.token_recipe import TeacherLike
from skm2v._distillation.stages import Stages, one_thread
from skm2v._distillation.teacher_pass.reading import Once, reading_window, unit_vectors
from skm2v._distillation.teacher_pass.store import cache_folder
from skm2v._model.config import Adaptation
from skm2v._model.rows import entry_vectors
from skm2v._pooling import check_texts
from skm2v._static_model import StaticModel
from skm2v._warnings import warn_user
from skm2v.exceptions import TeacherError, TextWarning

__all__ = ["adapt_model"]


def adapt_model(
    model: StaticModel,
    texts: Any,
    model_name: Any = None,
    *,
    max_teacher_texts: int | None = None,
    memory: Any = None,
    show_progress_bar: bool = False,
    **teacher: Any,
) -> tuple[StaticModel, dict[str, Any]]:
    """Adapt a model to texts, and tell what was done; see :meth:`skm2v.StaticModel.adapt`."""
    require(
        max_teacher_texts is None or is_count(max_teacher_texts, MIN_TEXTS),
        "max_teacher_texts",
        max_teacher_texts,
        f"a number of texts, at least {MIN_TEXTS}, or None",
    )
    column = check_texts(texts).texts
    source, load = teacher_of(model, model_name, **teacher)
    stages = Stages(show_progress_bar)
    folder = cache_folder(memory)
    adapted, facts = _adapt(model, column, source, Once(load), folder, max_teacher_texts, stages)
    return adapted, {**facts, **stages.measured()}


def _adapt(
    model: StaticModel,
    texts: list[str],
    teacher: TeacherLike,
    load: Once,
    folder: Path | None,
    n_most: int | None,
    stages: Stages,
) -> tuple[StaticModel, dict[str, Any]]:
    unique, weights = unique_texts([text for text in texts if text.strip()])
    facts: dict[str, Any] = {
        "teacher": teacher.name,
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
    window = reading_window(load, teacher.fingerprint, folder, model.max_length)
    with stages("tokens counted", len(unique), "texts") as progress:
        counts = count_tokens(model.text_tokenizer, unique, max_length=window, progress=progress)
        rows = np.flatnonzero(counts.lengths)
        if n_most is not None:
            rows = rows[choose_texts(counts.counts[rows], n_most)]
        pairs = count_known_pairs(counts, rows, model.pooler.table)
    facts["n_teacher_texts"] = len(rows)
    if len(rows) < n_least:
        return _unchanged(
            model,
            facts,
            f"A model of {model.dim} dimensions needs at least {n_least} texts to adapt to; the"
            f" vocabulary knows a token of {len(rows)} of {len(unique)} different texts, or"
            " max_teacher_texts is too small.",
        )
    read = [unique[i] for i in rows]
    held = held_out(read, 0.1)
    if alike := says_too_little(read, held):
        return _unchanged(model, facts, alike)
    with stages("teacher's texts", len(rows), "texts") as progress:
        S = unit_vectors(read, load, teacher.fingerprint, folder, progress)
    if S.shape[1] < model.dim:
        raise TeacherError(
            f"The teacher {teacher.name!r} has vectors of {S.shape[1]} dimensions, the model of"
            f" {model.dim}: it was made by another one, {model.config.teacher!r}."
        )
    data = TextData.build(counts, rows, pairs, S, weights[rows])
    n_tokens = len(model.tokens)
    table = entry_vectors(model.pooler.table, np.arange(data.A.shape[1]))
    with stages("choice of penalties", len(RHOS) + 1) as progress, one_thread():
        chosen, axes = choose_residual(data, table, held, progress=progress)
    facts.update(rho=chosen.rho, held_out_cosine=chosen.cosines)
    if chosen.kept == "prior":
        return _unchanged(
            model, facts, "The texts do not bring the model closer to the teacher (held-out texts)."
        )
    with stages("regression", model.dim, "columns") as progress, one_thread():
        residual = axes.apply(S)
        residual -= data.A @ table
        moved, D = moved_rows(data, residual, chosen.rho, progress=progress)
    n_moved = int((moved < n_tokens).sum())
    facts.update(n_moved_tokens=n_moved, n_moved_pairs=len(moved) - n_moved)
    done = Adaptation(
        teacher.name, teacher.revision, len(rows), facts["n_moved_tokens"], facts["n_moved_pairs"]
    )
    config = replace(model.config, adaptations=(*model.config.adaptations, done))
    with stages("model built"):
        return model._with_vectors(moved, table[moved] + D, config), facts


def _unchanged(
    model: StaticModel, facts: dict[str, Any], reason: str
) -> tuple[StaticModel, dict[str, Any]]:
    warn_user(f"{reason} The model stays as it is.", TextWarning)
    return model, {**facts, "fallback": reason}
