"""Estimator checks over texts; see :mod:`skm2v.testing`."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from skm2v._text_checks import classifiers, common, company, labels, lifetime, transformers

__all__ = ["CLASSIFIER_CHECKS", "TRANSFORMER_CHECKS"]


def _checks_in(*modules: ModuleType) -> tuple[Callable[..., None], ...]:
    return tuple(
        value
        for module in modules
        for key, value in vars(module).items()
        if key.startswith("check_text_")
    )


TRANSFORMER_CHECKS = _checks_in(common, lifetime, transformers)
CLASSIFIER_CHECKS = _checks_in(common, lifetime, classifiers, labels, company)
