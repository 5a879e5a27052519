"""``objective="sentences"``: a table whose means of tokens are the teacher's vectors of texts.

Pooling is linear in the table, so the table that comes closest to the teacher on given texts is
the solution of a least squares problem. An affine map of the teacher's token vectors is the prior
of every row; the tokens that the texts contain move away from it as far as the texts demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_count, require
from skm2v._distillation.fitting.corpus import unique_texts
from skm2v._distillation.fitting.extra_rows import PairCounts, count_pairs, split_words
from skm2v._distillation.fitting.parameters import normalised
from skm2v._distillation.fitting.penalties import (
    N_TRIALS,
    TextData,
    TokenVectors,
    choose,
    fit_table,
)
from skm2v._distillation.fitting.reading_list import MIN_TEXTS, ReadingList, reading_list
from skm2v._distillation.fitting.regression import AffineMap, Rotation, rotation_of
from skm2v._distillation.fitting.stretching import with_axes
from skm2v._distillation.fitting.token_recipe import TokenRecipe, config_of
from skm2v._distillation.stages import one_thread
from skm2v._distillation.teacher_pass.principal_axes import PrincipalAxes, number_of_components
from skm2v._distillation.teacher_pass.teacher_pass import TeacherPass
from skm2v._fit_report import FitReport
from skm2v._model import Core, Projection, quantize
from skm2v._model.tokenizer_check import build_tokenizer
from skm2v._pooling import PoolingTable, TextTokenizer
from skm2v._warnings import warn_user
from skm2v.exceptions import TextWarning

__all__ = ["SentenceRecipe"]

Floats = npt.NDArray[np.float32]


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
        for name in ("align", "ngram_range", "extra_words", "max_teacher_texts"):
            object.__setattr__(self, name, normalised(name, getattr(self, name)))
        require(self.align in ("texts", "teacher"), "align", self.align, "'texts' or 'teacher'")
        ngrams = self.ngram_range
        require(ngrams in ((1, 1), (1, 2)), "ngram_range", ngrams, "(1, 1) or (1, 2)")
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

    def build(self, teacher: TeacherPass, texts: Sequence[str]) -> tuple[Core, FitReport]:
        """Distil a teacher on texts.

        Parameters
        ----------
        teacher : TeacherPass
        texts : sequence of str
            Texts like those that the model will embed. Empty ones do not count.

        Returns
        -------
        model : Core
        report : FitReport

        Warns
        -----
        TextWarning
            If there are too few different texts, or they teach nothing: the model is then that
            of the plain recipe.
        """
        teacher = teacher.keeping_the_teacher()
        model, facts = _Fit(self, teacher).run(texts)
        model, done = with_axes(model, self.tokens.stretch, teacher.stages)
        done.update(teacher.facts())
        return model, FitReport.of_model(model, **facts, **done, **teacher.stages.measured())


@dataclass
class _Fit:
    """One run of the recipe."""

    recipe: SentenceRecipe
    teacher: TeacherPass

    def run(self, texts: Sequence[str]) -> tuple[Core, dict[str, Any]]:
        stages = self.teacher.stages
        unique, weights = unique_texts([text for text in texts if text.strip()])
        facts: dict[str, Any] = {"n_texts": len(texts), "n_different_texts": len(unique)}
        if len(unique) < MIN_TEXTS:
            return self._fall_back(
                facts,
                f"objective='sentences' needs at least {MIN_TEXTS} different texts; got"
                f" {len(unique)}.",
            )
        tokenizer, tokens, n_words = self._tokens(unique)
        reading = self._reading_list(tokenizer, unique, weights)
        facts["n_teacher_texts"] = len(reading.texts)
        if len(reading.texts) < MIN_TEXTS:
            return self._fall_back(
                facts,
                f"Only {len(reading.texts)} of {len(unique)} different texts have a token that"
                " the vocabulary of the teacher knows.",
            )
        if alike := reading.says_too_little:
            return self._fall_back(facts, alike)
        data = reading.read(self.teacher)
        with stages("choice of penalties", N_TRIALS) as progress, one_thread():
            rotation = self._rotation(data)
            chosen = choose(data, tokens, rotation, reading.held, progress=progress)
        facts.update(gamma=chosen.gamma, rho=chosen.rho, held_out_cosine=chosen.cosines)
        if chosen.kept == "tokens":
            return self._fall_back(
                facts, "The texts do not improve on the plain recipe (held-out texts)."
            )
        n_columns = rotation.axes.shape[1]
        with stages("regression", n_columns, "columns") as progress, one_thread():
            E, affine = fit_table(data, tokens, rotation, chosen, progress=progress)
        model = self._model(E, tokenizer, reading.pairs, rotation, affine)
        seen = np.count_nonzero(np.bincount(data.A.indices, minlength=data.A.shape[1]))
        n_pairs = 0 if reading.pairs is None else len(reading.pairs.pairs)
        facts.update(n_seen_tokens=int(seen - n_pairs), n_pairs=n_pairs, n_extra_words=n_words)
        return model, facts

    def _tokens(self, unique: list[str]) -> tuple[TextTokenizer, TokenVectors, int]:
        """Let the teacher read the model's tokens; tell how many the texts added."""
        recipe = self.recipe.tokens
        pass_ = (recipe.token_remove_pattern, recipe.pooling)
        vocabulary = tuple(recipe.vocabulary or ())
        table = plain = self.teacher.token_table(vocabulary, *pass_)
        words: tuple[str, ...] = ()
        if self.recipe.extra_words:
            with self.teacher.stages("extra words", len(unique), "texts") as progress:
                words = split_words(
                    TextTokenizer(plain.tokenizer),
                    unique,
                    self.recipe.extra_words,
                    progress=progress,
                )
            table = self.teacher.token_table((*vocabulary, *words), *pass_)
        tokens = TokenVectors(table.raw, plain.raw, recipe.sif_coefficient)
        return build_tokenizer(table.tokenizer), tokens, len(words)

    def _reading_list(
        self, tokenizer: TextTokenizer, unique: list[str], weights: Floats
    ) -> ReadingList:
        with_pairs = self.recipe.ngram_range == (1, 2)
        return reading_list(
            self.teacher,
            tokenizer,
            unique,
            weights,
            max_length=self.recipe.tokens.max_length,
            n_most=self.recipe.max_teacher_texts,
            find_pairs=lambda counts, rows: count_pairs(counts, rows) if with_pairs else None,
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
        tokenizer: TextTokenizer,
        pairs: PairCounts | None,
        rotation: Rotation,
        affine: AffineMap,
    ) -> Core:
        tokens = self.recipe.tokens
        with self.teacher.stages("model built"):
            rows, scales = quantize(E, tokens.quantize_to)
            of_pairs = None if pairs is None or not len(pairs.pairs) else pairs.pairs
            return Core(
                tokenizer,
                PoolingTable(rows, scales, pairs=of_pairs),
                _projection(affine, rotation),
                tokens.normalize,
                tokens.max_length,
                config_of(
                    self.teacher.teacher,
                    objective="sentences",
                    pooling=tokens.pooling,
                    pca_dims=None if self.recipe.align == "teacher" else tokens.pca_dims,
                    pca_ordered=rotation.explained_variance_ratio is not None,
                ),
            )

    def _fall_back(self, facts: dict[str, Any], reason: str) -> tuple[Core, dict[str, Any]]:
        warn_user(f"{reason} The model is that of objective='tokens'.", TextWarning)
        model = self.recipe.tokens.core(self.teacher)
        return model, {**facts, "fallback": reason}


def _projection(affine: AffineMap, rotation: Rotation) -> Projection:
    """Keep what the row of another token would be: weight · vector · components + offset."""
    components = affine.matrix @ rotation.axes
    return Projection(
        np.zeros(len(affine.matrix), np.float32),
        np.ascontiguousarray(components.T),
        rotation.explained_variance_ratio,
        offset=(affine.offset - rotation.mean) @ rotation.axes,
    )
