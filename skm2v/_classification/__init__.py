"""What classifiers of texts are made of: features, tables of scores, fusing, explanations."""

from __future__ import annotations

from skm2v._classification.explanation import Explanation

__all__ = ["Explanation"]
