"""Everything that needs a teacher; torch and transformers are imported inside its functions.

`teacher` makes a named source into something that reads; `teacher_pass` is what it reads, once;
`fitting` makes the core of a static model out of that.
"""

from __future__ import annotations

from skm2v._distillation.distillation import (
    SENTENCE_PARAMETERS,
    TOKEN_PARAMETERS,
    check_parameters,
    distil,
)
from skm2v._distillation.fitting.adapting import adapt_core
from skm2v._distillation.fitting.extending import extend_core, extend_with_vectors
from skm2v._distillation.fitting.sentence_recipe import SentenceRecipe
from skm2v._distillation.fitting.token_recipe import TokenRecipe
from skm2v._distillation.teacher.files import TeacherFiles, find_teacher
from skm2v._distillation.teacher.loading import load_files, load_teacher, open_teacher, wrap_teacher
from skm2v._distillation.teacher.teacher import Teacher
from skm2v._distillation.teacher_pass.store import cache_folder, clear_recent
from skm2v._distillation.teacher_pass.teacher_pass import TeacherPass
from skm2v._distillation.tensors import as_tensor

__all__ = [
    "SENTENCE_PARAMETERS",
    "TOKEN_PARAMETERS",
    "SentenceRecipe",
    "Teacher",
    "TeacherFiles",
    "TeacherPass",
    "TokenRecipe",
    "adapt_core",
    "as_tensor",
    "cache_folder",
    "check_parameters",
    "clear_recent",
    "distil",
    "extend_core",
    "extend_with_vectors",
    "find_teacher",
    "load_files",
    "load_teacher",
    "open_teacher",
    "wrap_teacher",
]
