"""Checks of scikit-learn transformers whose input is text.

scikit-learn's own estimator checks make numeric arrays, so on an estimator for text they check
next to nothing. These call the ones that need no data, and do the others over texts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from unittest import SkipTest

from sklearn.exceptions import SkipTestWarning
from sklearn.utils import estimator_checks

from skm2v._text_checks import TEXT_CHECKS

__all__ = ["check_text_transformer", "parametrize_with_text_checks", "text_transformer_checks"]

# scikit-learn's checks that make no data, or whose data an unfitted estimator never looks at.
SKLEARN_CHECKS = (
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
    "check_mixin_order",
    "check_estimators_unfitted",
    "check_transformers_unfitted",
    "check_get_feature_names_out_error",
    "check_param_validation",
)


def check_text_transformer(
    estimator: Any,
    *,
    expected_failed_checks: Mapping[str, str] | None = None,
    atol: float = 0.0,
) -> None:
    """Check that a transformer of texts keeps the conventions of scikit-learn.

    About fifteen checks are scikit-learn's own; the others are about texts: every container a
    user may have them in, missing and empty texts, input that must be refused, independence of
    the rows from each other, of threads and of processes, pickles, `set_output`, feature names,
    pipelines, and that `transform` changes nothing.

    Parameters
    ----------
    estimator : transformer
        Instance with `fit` and `transform`. It is cloned, not changed.
    expected_failed_checks : mapping of str to str or None, default=None
        Names of checks that the estimator is known to fail, and the reasons. They are skipped
        with a :class:`~sklearn.exceptions.SkipTestWarning`.
    atol : float, default=0.0
        Largest difference between two results that should be the same. 0 means to the bit, which
        a sum over tokens can keep and a matrix product over a batch of texts cannot.

    Raises
    ------
    AssertionError
        At the first check that fails. The message names the check and says what was wrong.

    See Also
    --------
    text_transformer_checks : The same checks, one by one.
    parametrize_with_text_checks : The same checks as pytest parameters.

    Examples
    --------
    >>> from skm2v import StaticEmbedder
    >>> from skm2v.testing import check_text_transformer
    >>> check_text_transformer(StaticEmbedder())
    """
    expected = dict(expected_failed_checks or {})
    for _, check in text_transformer_checks(estimator, atol=atol):
        if check.__name__ in expected:
            warnings.warn(
                f"Skipping {check.__name__} for {type(estimator).__name__}:"
                f" {expected[check.__name__]}",
                SkipTestWarning,
                stacklevel=2,
            )
            continue
        try:
            check(estimator)
        except SkipTest as skip:
            warnings.warn(str(skip), SkipTestWarning, stacklevel=2)


def text_transformer_checks(
    estimator: Any, *, atol: float = 0.0
) -> Iterator[tuple[Any, Callable[[Any], None]]]:
    """Yield the checks of :func:`check_text_transformer` one by one.

    Parameters
    ----------
    estimator : transformer
        Instance with `fit` and `transform`.
    atol : float, default=0.0
        Largest difference between two results that should be the same.

    Yields
    ------
    estimator : transformer
        The estimator that was passed.
    check : callable
        To be called with the estimator; its `__name__` is the name of the check. It raises
        AssertionError, or :class:`unittest.SkipTest` where the check does not apply.
    """
    name = type(estimator).__name__
    for check_name in SKLEARN_CHECKS:
        check = getattr(estimator_checks, check_name)
        yield estimator, _named(partial(_run_sklearn_check, check, name), check_name)
    for text_check in TEXT_CHECKS:
        run = partial(_run, text_check, name, atol=atol)
        yield estimator, _named(run, text_check.__name__)


def parametrize_with_text_checks(estimators: Sequence[Any], *, atol: float = 0.0) -> Any:
    """Parametrise a pytest function over estimators and checks.

    Parameters
    ----------
    estimators : sequence of transformers
        Instances with `fit` and `transform`.
    atol : float, default=0.0
        Largest difference between two results that should be the same.

    Returns
    -------
    decorator : pytest.MarkDecorator
        For a test function with the arguments `estimator` and `check`.

    Examples
    --------
    >>> from skm2v import StaticEmbedder
    >>> from skm2v.testing import parametrize_with_text_checks
    >>> @parametrize_with_text_checks([StaticEmbedder()])
    ... def test_conventions(estimator, check):
    ...     check(estimator)
    """
    import pytest

    parameters = [
        pytest.param(estimator, check, id=f"{type(estimator).__name__}{number}-{check.__name__}")
        for number, estimator in enumerate(estimators)
        for estimator, check in text_transformer_checks(estimator, atol=atol)
    ]
    return pytest.mark.parametrize(("estimator", "check"), parameters)


def _named(check: Callable[[Any], None], name: str) -> Callable[[Any], None]:
    check.__name__ = name
    return check


def _run_sklearn_check(check: Callable[[str, Any], None], name: str, estimator: Any) -> None:
    if check.__name__ == "check_param_validation" and not hasattr(
        estimator, "_parameter_constraints"
    ):
        raise SkipTest(f"{name} has no _parameter_constraints.")
    if check.__name__ == "check_transformers_unfitted" and not (
        estimator_checks.get_tags(estimator).requires_fit
    ):
        raise SkipTest(f"{name} does not need to be fitted.")
    _run(check, name, estimator)


def _run(check: Callable[..., None], name: str, estimator: Any, **options: Any) -> None:
    """Run a check; whatever goes wrong becomes an AssertionError that says where."""
    try:
        check(name, estimator, **options)
    except SkipTest:
        raise
    except AssertionError as error:
        raise AssertionError(f"{name} fails {check.__name__}: {error}") from error
    except Exception as error:
        raise AssertionError(
            f"{name} fails {check.__name__}: {type(error).__name__}: {error}"
        ) from error
