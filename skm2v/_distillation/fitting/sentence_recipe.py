"""``objective="sentences"``: a table whose means of tokens are the teacher's vectors of texts.

Pooling is linear in the table, so the table that comes closest to the teacher on given texts is
the solution of a least squares problem. An affine map of the teacher's token vectors is the prior
of every row; the tokens that the texts contain move away from it as far as the texts demand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_count, require
from skm2v._distillation.fitting.corpus import (
    choose_texts,
    count_tokens,
    held_out,
    says_too_little,
    unique_texts,
)
from skm2v._distillation.fitting.extra_rows import PairCounts, count_pairs, split_words
from skm2v._distillation.fitting.penalties import N_TRIALS, Chosen, TextData, choose, fit_table
from skm2v._distillation.fitting.principal_axes import PrincipalAxes, number_of_components
from skm2v._distillation.fitting.regression import Rotation, rotation_of
from skm2v._distillation.fitting.token_recipe import TeacherLike, TokenRecipe
from skm2v._distillation.stages import Stages, one_thread
from skm2v._distillation.teacher.teacher import Teacher
from skm2v._distillation.teacher_pass.reading import Once, reading_window, unit_vectors
from skm2v._distillation.teacher_pass.token_table import TokenTable, token_table
from skm2v._fit_report import FitReport
from skm2v._model import ModelConfig, Projection, quantize, software_versions
from skm2v._pooling import TextTokenizer
from skm2v._static_model import StaticModel
from skm2v._warnings import warn_user
from skm2v.exceptions import TextWarning

__all__ = ["SENTENCE_OPTIONS", "SentenceRecipe"]

Floats = npt.NDArray[np.float32]

# Parameters that only this objective has, and their defaults.
SENTENCE_OPTIONS: dict[str, Any] = {
    "align": "texts",
    "ngram_range": (1, 1),
    "extra_words": 0,
    "max_teacher_texts": None,
}

MIN_TEXTS = 200  # different ones; with fewer, the plain recipe is at least as good


@dataclass(frozen=True)
class SentenceRecipe:
    """The parameters of ``objective="sentences"``, checked; :func:`skm2v.distill` explains them.

    Parameters
    ----------
    tokens : TokenRecipe
        The plain recipe: what is taken from it, compared with and, if need be, fallen back to.
    align : {"texts", "teacher"}, default="texts"
    ngram_range : tuple of int, default=(1, 1)
    extra_words : int, default=0
    max_teacher_texts : int or None, default=None

    Raises
    ------
    ValueError
        If a parameter is out of its bounds.
    """

    tokens: TokenRecipe = field(default_factory=TokenRecipe)
    align: str = "texts"
    ngram_range: tuple[int, int] = (1, 1)
    extra_words: int = 0
    max_teacher_texts: int | None = None

    def __post_init__(self) -> None:
        require(self.align in ("texts", "teacher"), "align", self.align, "'texts' or 'teacher'")
        ngrams = self.ngram_range
        require(
            isinstance(ngrams, (tuple, list)) and tuple(ngrams) in ((1, 1), (1, 2)),
            "ngram_range",
            ngrams,
            "(1, 1) or (1, 2)",
        )
        object.__setattr__(self, "ngram_range", tuple(ngrams))
        words = self.extra_words
        require(is_count(words, 0), "extra_words", words, "a number of words, or 0")
        most = self.max_teacher_texts
        require(
            most is None or is_count(most, MIN_TEXTS),
            "max_teacher_texts",
            most,
            f"a number of texts, at least {MIN_TEXTS}, or None",
        )
        shared = self.tokens.vocabulary_quantization
        wanted = "None with objective='sentences'"
        require(shared is None, "vocabulary_quantization", shared, wanted)

    def build(
        self,
        teacher: TeacherLike,
        load: Callable[[], Teacher],
        texts: Sequence[str],
        *,
        folder: Path | None = None,
        batch_size: int = 256,
        show_progress_bar: bool = False,
    ) -> tuple[StaticModel, FitReport]:
        """Distil a teacher on texts.

        Parameters
        ----------
        teacher : TeacherLike
            Where the model comes from.
        load : callable
            Loads the teacher; called only if its vectors are not in the cache.
        texts : sequence of str
            Texts like those that the model will embed. Empty ones do not count.
        folder : Path or None, default=None
            Where the cache keeps entries on disk.
        batch_size : int, default=256
        show_progress_bar : bool, default=False

        Returns
        -------
        model : StaticModel
        report : FitReport

        Warns
        -----
        TextWarning
            If there are too few different texts, or they teach nothing: the model is then that
            of the plain recipe.
        """
        fit = _Fit(self, teacher, Once(load), folder, batch_size, Stages(show_progress_bar))
        return fit.run(texts)


@dataclass
class _Fit:
    """One run of the recipe."""

    recipe: SentenceRecipe
    teacher: TeacherLike
    load: Once
    folder: Path | None
    batch_size: int
    stages: Stages

    def run(self, texts: Sequence[str]) -> tuple[StaticModel, FitReport]:
        unique, weights = unique_texts([text for text in texts if text.strip()])
        facts: dict[str, Any] = {"n_texts": len(texts), "n_different_texts": len(unique)}
        if len(unique) < MIN_TEXTS:
            return self._fall_back(
                facts,
                f"objective='sentences' needs at least {MIN_TEXTS} different texts; got"
                f" {len(unique)}.",
            )
        table, pairs, data, rows = self._read(unique, weights)
        facts["n_teacher_texts"] = len(data.S)
        if len(data.S) < MIN_TEXTS:
            return self._fall_back(
                facts,
                f"Only {len(data.S)} of {len(unique)} different texts have a token that the"
                " vocabulary of the teacher knows.",
            )
        read = [unique[i] for i in rows]
        held = held_out(read, 0.1)
        if alike := says_too_little(read, held):
            return self._fall_back(facts, alike)
        with self.stages("choice of penalties", N_TRIALS) as progress, one_thread():
            rotation = self._rotation(data)
            chosen = choose(data, table, rotation, held, progress=progress)
        facts.update(gamma=chosen.gamma, rho=chosen.rho, held_out_cosine=chosen.cosines)
        if chosen.kept == "tokens":
            return self._fall_back(
                facts, "The texts do not improve on the plain recipe (held-out texts)."
            )
        n_columns = rotation.axes.shape[1]
        with self.stages("regression", n_columns, "columns") as progress, one_thread():
            E, affine = fit_table(data, table, rotation, chosen, progress=progress)
        model = self._model(E, table, pairs, rotation, affine, chosen)
        seen = np.count_nonzero(np.bincount(data.A.indices, minlength=data.A.shape[1]))
        facts.update(
            n_seen_tokens=int(seen - (0 if pairs is None else len(pairs.pairs))),
            n_pairs=0 if pairs is None else len(pairs.pairs),
            n_extra_words=len(table.extra_words),
        )
        return model, self._report(facts, model)

    def _read(
        self, unique: list[str], weights: Floats
    ) -> tuple[_Vectors, PairCounts | None, TextData, npt.NDArray[np.int64]]:
        """Let the teacher read: tokens, then texts."""
        recipe = self.recipe
        window = reading_window(
            self.load, self.teacher.fingerprint, self.folder, recipe.tokens.max_length
        )
        plain = self._token_table(recipe.tokens)
        words: tuple[str, ...] = ()
        table = plain
        if recipe.extra_words:
            with self.stages("extra words", len(unique), "texts") as progress:
                tokenizer = TextTokenizer(plain.tokenizer)
                words = split_words(tokenizer, unique, recipe.extra_words, progress=progress)
            vocabulary = (*(recipe.tokens.vocabulary or ()), *words)
            table = self._token_table(replace(recipe.tokens, vocabulary=vocabulary))
        with self.stages("tokens counted", len(unique), "texts") as progress:
            tokenizer = TextTokenizer(table.tokenizer)
            counts = count_tokens(tokenizer, unique, max_length=window, progress=progress)
            rows = np.flatnonzero(counts.lengths)
            if recipe.max_teacher_texts is not None:
                rows = rows[choose_texts(counts.counts[rows], recipe.max_teacher_texts)]
            pairs = count_pairs(counts, rows) if recipe.ngram_range == (1, 2) else None
        with self.stages("teacher's texts", len(rows), "texts") as progress:
            S = unit_vectors(
                [unique[i] for i in rows],
                self.load,
                self.teacher.fingerprint,
                self.folder,
                progress,
            )
        data = TextData.build(counts, rows, pairs, S, weights[rows])
        return _Vectors(table, plain, words), pairs, data, rows

    def _token_table(self, recipe: TokenRecipe) -> TokenTable:
        with self.stages("teacher's tokens"):
            return token_table(
                self.load,
                self.teacher.fingerprint,
                vocabulary=recipe.vocabulary or (),
                token_remove_pattern=recipe.token_remove_pattern,
                pooling=recipe.pooling,
                folder=self.folder,
                batch_size=self.batch_size,
                show_progress_bar=self.stages.show_progress_bar,
            )

    def _rotation(self, data: TextData) -> Rotation:
        width = data.S.shape[1]
        if self.recipe.align == "teacher":
            return Rotation(np.zeros(width, np.float32), np.eye(width, dtype=np.float32), None)
        rotation = rotation_of(data.S, data.weights)
        dims = self.recipe.tokens.pca_dims
        if dims is None:  # no rotation, only the centre
            return Rotation(rotation.mean, np.eye(width, dtype=np.float32), None)
        assert rotation.explained_variance_ratio is not None
        mean, components = rotation.mean.astype(np.float64), rotation.axes.T.astype(np.float64)
        axes = PrincipalAxes(mean, components, rotation.explained_variance_ratio)
        return rotation.first(number_of_components(dims, axes))

    def _model(
        self,
        E: Floats,
        table: _Vectors,
        pairs: PairCounts | None,
        rotation: Rotation,
        affine: Any,
        chosen: Chosen,
    ) -> StaticModel:
        tokens = self.recipe.tokens
        with self.stages("model built"):
            rows, scales = quantize(E, tokens.quantize_to)
            return StaticModel(
                rows,
                table.table.tokenizer,
                weights=scales,
                pairs=None if pairs is None or not len(pairs.pairs) else pairs.pairs,
                normalize=tokens.normalize,
                max_length=tokens.max_length,
                config=ModelConfig(
                    teacher=self.teacher.name,
                    revision=self.teacher.revision,
                    licence=self.teacher.licence,
                    language=self.teacher.language,
                    objective="sentences",
                    pooling=tokens.pooling,
                    pca_dims=None if self.recipe.align == "teacher" else tokens.pca_dims,
                    pca_ordered=rotation.explained_variance_ratio is not None,
                    created_with=software_versions(),
                ),
                projection=_projection(affine, rotation),
            )

    def _fall_back(self, facts: dict[str, Any], reason: str) -> tuple[StaticModel, FitReport]:
        warn_user(f"{reason} The model is that of objective='tokens'.", TextWarning)
        model = self.recipe.tokens.build(
            self.teacher,
            self.load,
            folder=self.folder,
            batch_size=self.batch_size,
            show_progress_bar=self.stages.show_progress_bar,
        )
        return model, self._report({**facts, "fallback": reason}, model)

    def _report(self, facts: dict[str, Any], model: StaticModel) -> FitReport:
        return FitReport.of_model(model, **facts, **self.stages.measured())


@dataclass(frozen=True)
class _Vectors:
    """Token vectors: with extra words, and without, as the plain recipe has them."""

    table: TokenTable
    plain: TokenTable
    extra_words: tuple[str, ...]


def _projection(affine: Any, rotation: Rotation) -> Projection:
    """Keep what the row of another token would be: weight · vector · components + offset."""
    components = affine.matrix @ rotation.axes
    return Projection(
        np.zeros(len(affine.matrix), np.float32),
        np.ascontiguousarray(components.T),
        rotation.explained_variance_ratio,
        offset=(affine.offset - rotation.mean) @ rotation.axes,
    )
