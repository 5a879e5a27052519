"""Distillation of a teacher into a static model."""

from __future__ import annotations

from skm2v._distillation.distillation import distill, distill_from_model
from skm2v._distillation.teacher.loading import load_teacher

__all__ = ["distill", "distill_from_model", "load_teacher"]
