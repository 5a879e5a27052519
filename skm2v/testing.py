"""Checks of scikit-learn transformers and classifiers whose input is text.

scikit-learn's own estimator checks make numeric arrays, so on an estimator for text they check
next to nothing. These call the ones that need no data, and do the others over texts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from unittest import SkipTest

from sklearn.base import is_classifier
from sklearn.exceptions import SkipTestWarning
from sklearn.utils import estimator_checks

from skm2v._text_checks import CLASSIFIER_CHECKS, TRANSFORMER_CHECKS

__all__ = [
    "check_text_classifier",
    "check_text_transformer",
    "parametrize_with_text_checks",
    "text_classifier_checks",
    "text_transformer_checks",
]

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
    "check_param_validation",
)
SKLEARN_TRANSFORMER_CHECKS = (
    *SKLEARN_CHECKS,
    "check_transformers_unfitted",
    "check_get_feature_names_out_error",
)

Check = Callable[[Any], None]


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
    check_text_classifier : The same for classifiers.
    text_transformer_checks : The same checks, one by one.
    parametrize_with_text_checks : The same checks as pytest parameters.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from skm2v.testing import check_text_transformer
    >>> try:
    ...     check_text_transformer(TfidfVectorizer())  # of StaticEmbedder() it says nothing
    ... except AssertionError as error:
    ...     print(error)
    TfidfVectorizer fails check_text_containers: an array of shape (n, 1) ends in ...
    """
    _run_all(text_transformer_checks(estimator, atol=atol), expected_failed_checks)


def check_text_classifier(
    estimator: Any,
    *,
    expected_failed_checks: Mapping[str, str] | None = None,
    atol: float = 0.0,
) -> None:
    """Check that a classifier of texts keeps the conventions of scikit-learn.

    About a dozen checks are scikit-learn's own. Others are those of transformers, asked of
    `predict`, `decision_function` and `predict_proba`: containers, missing and odd texts, input
    that must be refused, independence of the rows, of threads and of processes, pickles. The rest
    are about classes: kinds and containers of labels, labels that must be refused, shapes, whether
    predictions, decisions and probabilities agree, weights of texts and of classes, several labels
    a text, cross-validation, grid search, calibration and one-versus-rest.

    Parameters
    ----------
    estimator : classifier
        Instance with `fit` and `predict`, or a Pipeline from texts to a classifier. It is cloned,
        not changed. A `random_state` that is None is set, so that two fits can be compared.
    expected_failed_checks : mapping of str to str or None, default=None
        Names of checks that the estimator is known to fail, and the reasons. They are skipped
        with a :class:`~sklearn.exceptions.SkipTestWarning`.
    atol : float, default=0.0
        Largest difference between two results that should be the same. 0 means to the bit, which
        a sum over tokens can keep and a matrix product over a batch of texts cannot. Predicted
        classes must always be the same.

    Raises
    ------
    AssertionError
        At the first check that fails. The message names the check and says what was wrong.

    See Also
    --------
    check_text_transformer : The same for transformers.
    text_classifier_checks : The same checks, one by one.
    parametrize_with_text_checks : The same checks as pytest parameters.

    Notes
    -----
    A check that an estimator cannot be asked is skipped with a SkipTestWarning: about a method or
    parameter that it does not have, or what a tag of it rules out (`multi_class`, `multi_label`,
    `poor_score`, `non_deterministic`). Of a Pipeline, the input tags are those of its first step;
    `sample_weight` and `class_weight` are those of its last.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skm2v.testing import check_text_classifier
    >>> try:
    ...     check_text_classifier(make_pipeline(TfidfVectorizer(), LogisticRegression()))
    ... except AssertionError as error:
    ...     print(error)
    Pipeline fails check_text_containers: an array of shape (n, 1) ends in ...
    """
    _run_all(text_classifier_checks(estimator, atol=atol), expected_failed_checks)


def text_transformer_checks(estimator: Any, *, atol: float = 0.0) -> Iterator[tuple[Any, Check]]:
    """Yield the checks of :func:`~skm2v.testing.check_text_transformer` one by one.

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

    Examples
    --------
    >>> from skm2v import StaticEmbedder
    >>> from skm2v.testing import text_transformer_checks
    >>> for estimator, check in text_transformer_checks(StaticEmbedder()):
    ...     if "feature_names" in check.__name__:
    ...         check(estimator)
    """
    yield from _checks(estimator, SKLEARN_TRANSFORMER_CHECKS, TRANSFORMER_CHECKS, atol)


def text_classifier_checks(estimator: Any, *, atol: float = 0.0) -> Iterator[tuple[Any, Check]]:
    """Yield the checks of :func:`~skm2v.testing.check_text_classifier` one by one.

    Parameters
    ----------
    estimator : classifier
        Instance with `fit` and `predict`, or a Pipeline from texts to a classifier.
    atol : float, default=0.0
        Largest difference between two results that should be the same.

    Yields
    ------
    estimator : classifier
        The estimator that was passed.
    check : callable
        To be called with the estimator; its `__name__` is the name of the check. It raises
        AssertionError, or :class:`unittest.SkipTest` where the check does not apply.

    Examples
    --------
    >>> from skm2v import StaticTextClassifier
    >>> from skm2v.testing import text_classifier_checks
    >>> checks = [check.__name__ for _, check in text_classifier_checks(StaticTextClassifier())]
    >>> "check_text_multi_label" in checks
    True
    """
    yield from _checks(estimator, SKLEARN_CHECKS, CLASSIFIER_CHECKS, atol)


def parametrize_with_text_checks(
    estimators: Sequence[Any],
    *,
    expected_failed_checks: Callable[[Any], Mapping[str, str]] | None = None,
    atol: float = 0.0,
) -> Any:
    """Parametrise a pytest function over estimators and checks.

    Parameters
    ----------
    estimators : sequence of transformers and classifiers
        Instances. Classifiers, and pipelines that end with one, get the checks of
        :func:`check_text_classifier`, transformers those of :func:`check_text_transformer`.
    expected_failed_checks : callable or None, default=None
        Called with an estimator, returns names of checks that it is known to fail, and the
        reasons. Such a test is marked with `pytest.mark.xfail`.
    atol : float, default=0.0
        Largest difference between two results that should be the same.

    Returns
    -------
    decorator : pytest.MarkDecorator
        For a test function with the arguments `estimator` and `check`.

    Raises
    ------
    TypeError
        If an estimator is neither a classifier nor a transformer, or not an instance.

    Examples
    --------
    >>> from skm2v import StaticEmbedder, StaticTextClassifier
    >>> from skm2v.testing import parametrize_with_text_checks
    >>> @parametrize_with_text_checks([StaticEmbedder(), StaticTextClassifier()])
    ... def test_conventions(estimator, check):
    ...     check(estimator)
    """
    import pytest

    parameters = []
    for number, estimator in enumerate(estimators):
        checks_of = _checks_of_its_kind(estimator)
        expected = expected_failed_checks(estimator) if expected_failed_checks else {}
        for _, check in checks_of(estimator, atol=atol):
            reason = expected.get(check.__name__)
            parameters.append(
                pytest.param(
                    estimator,
                    check,
                    id=f"{type(estimator).__name__}{number}-{check.__name__}",
                    marks=() if reason is None else pytest.mark.xfail(reason=reason),
                )
            )
    return pytest.mark.parametrize(("estimator", "check"), parameters)


def _checks_of_its_kind(estimator: Any) -> Callable[..., Iterator[tuple[Any, Check]]]:
    """Return the function that yields the checks for an estimator."""
    if isinstance(estimator, type):
        raise TypeError(f"{estimator.__name__} is a class; pass an instance.")
    name = type(estimator).__name__
    if not hasattr(estimator, "fit"):
        raise TypeError(f"{name} has no fit; the checks fit the estimator on texts of their own.")
    if is_classifier(estimator):
        return text_classifier_checks
    if hasattr(estimator, "transform"):
        return text_transformer_checks
    raise TypeError(
        f"{name} is neither a classifier nor a transformer of texts. Inherit from"
        " sklearn.base.ClassifierMixin or TransformerMixin, before BaseEstimator."
    )


def _checks(
    estimator: Any,
    sklearn_checks: Sequence[str],
    text_checks: Sequence[Callable[..., None]],
    atol: float,
) -> Iterator[tuple[Any, Check]]:
    name = type(estimator).__name__
    for check_name in sklearn_checks:
        check = getattr(estimator_checks, check_name)
        yield estimator, _named(partial(_run_sklearn_check, check, name), check_name)
    for text_check in text_checks:
        run = partial(_run, text_check, name, atol=atol)
        yield estimator, _named(run, text_check.__name__)


def _named(check: Check, name: str) -> Check:
    check.__name__ = name
    return check


def _run_all(
    checks: Iterator[tuple[Any, Check]], expected_failed_checks: Mapping[str, str] | None
) -> None:
    """Run checks up to the first that fails; warnings point to the caller of the caller."""
    expected = dict(expected_failed_checks or {})
    for estimator, check in checks:
        name = check.__name__
        if name in expected:
            skipped = f"Skipping {name} for {type(estimator).__name__}: {expected[name]}"
            warnings.warn(skipped, SkipTestWarning, stacklevel=3)
            continue
        try:
            check(estimator)
        except SkipTest as skip:
            warnings.warn(str(skip), SkipTestWarning, stacklevel=3)


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
