"""For tests of the estimator checks: tags of estimators, and what of the checks fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from unittest import SkipTest


class TakesTexts:
    """Tags of an estimator of texts with a parameter `handle_missing`."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = self.handle_missing == "zero"
        return tags


def failures_of(
    checks: Iterable[tuple[Any, Callable[[Any], None]]], *, leave_out: Iterable[str] = ()
) -> dict[str, str]:
    """Messages of the checks that fail, by name."""
    failures = {}
    for estimator, check in checks:
        if check.__name__ in leave_out:
            continue
        try:
            check(estimator)
        except SkipTest:
            continue
        except AssertionError as error:
            failures[check.__name__] = str(error)
    return failures
