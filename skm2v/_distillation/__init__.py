"""Everything that needs a teacher; torch and transformers are imported inside its functions."""

from __future__ import annotations

from skm2v._distillation.distillation import distill, distill_from_model, distill_with_report
from skm2v._distillation.fitting.adapting import adapt_model
from skm2v._distillation.fitting.extending import extend_model, extend_with_vectors
from skm2v._distillation.fitting.sentence_recipe import SENTENCE_OPTIONS, SentenceRecipe
from skm2v._distillation.fitting.token_recipe import TokenRecipe
from skm2v._distillation.teacher.files import TeacherFiles, find_teacher
from skm2v._distillation.teacher.loading import load_files, load_teacher, wrap_teacher
from skm2v._distillation.teacher.teacher import Teacher
from skm2v._distillation.teacher_pass.store import cache_folder, clear_recent

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
