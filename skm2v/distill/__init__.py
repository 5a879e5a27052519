"""Everything that needs a teacher; torch and transformers are imported inside its functions."""

from __future__ import annotations

from skm2v.distill.adapting import adapt_model
from skm2v.distill.distillation import distill, distill_from_model, distill_with_report
from skm2v.distill.extending import extend_model, extend_with_vectors
from skm2v.distill.loading import load_files, load_teacher, wrap_teacher
from skm2v.distill.recipe import TokenRecipe
from skm2v.distill.sentences import SENTENCE_OPTIONS, SentenceRecipe
from skm2v.distill.source import TeacherFiles, find_teacher
from skm2v.distill.store import cache_folder, clear_recent
from skm2v.distill.teacher import Teacher

__all__ = [
    "SENTENCE_OPTIONS",
    "SentenceRecipe",
    "Teacher",
    "TeacherFiles",
    "TokenRecipe",
    "adapt_model",
    "cache_folder",
    "clear_recent",
    "distill",
    "distill_from_model",
    "distill_with_report",
    "extend_model",
    "extend_with_vectors",
    "find_teacher",
    "load_files",
    "load_teacher",
    "wrap_teacher",
]
