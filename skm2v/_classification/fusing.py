"""Collapse a fitted pipeline from texts to decisions into one table of scores.

What a step does is found by asking it: an affine map is known by its values at the origin and at
the unit vectors, and a step that does something else at random points is refused. So any linear
transformer or linear model can be fused, whatever its class.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse
from sklearn.base import is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from skm2v._classification.classifier import StaticTextClassifier
from skm2v._classification.collapsing import collapse
from skm2v._classification.fused import FusedTextClassifier, FusedTextRegressor
from skm2v._classification.links import LINKS, classes_of
from skm2v._classification.normalized_scores import NormalizedScores
from skm2v._classification.scores import ScoreTable
from skm2v._embedder import StaticEmbedder
from skm2v._features.vectorizer import HybridVectorizer
from skm2v._pooling import PoolingTable
from skm2v._static_model import StaticModel

__all__ = ["explainable", "fuse"]

Floats = npt.NDArray[np.float64]

# Relative difference between a step and its affine map that is rounding.
ROUNDING = 1e-6
N_PROBES = 64


class _Affine(NamedTuple):
    """The map ``x -> x @ matrix + offset``."""

    matrix: Floats
    offset: Floats

    def then(self, other: _Affine) -> _Affine:
        return _Affine(self.matrix @ other.matrix, self.offset @ other.matrix + other.offset)

    def __call__(self, points: Floats) -> Floats:
        return points @ self.matrix + self.offset


def fuse(
    estimator: Any,
    *,
    handle_missing: Literal["error", "zero"] | None = None,
    n_jobs: int | None = None,
) -> FusedTextClassifier | FusedTextRegressor:
    """Collapse a fitted model of texts into one table of scores.

    Parameters
    ----------
    estimator : Pipeline or StaticTextClassifier
        Fitted. A pipeline must start with a :class:`~skm2v.StaticEmbedder` and end with a linear
        classifier or regressor; steps between them must be affine, as scalers and PCA are. Or it
        has one step, a StaticTextClassifier; or two, a :class:`~skm2v.HybridVectorizer` with
        ``normalize=False`` and a linear model with `coef_`. Pipelines in it count as their steps,
        and what is in a :class:`~sklearn.frozen.FrozenEstimator` as itself.
    handle_missing : {"error", "zero"} or None, default=None
        What to do with missing texts: raise, or decide by the intercept. None means what the
        embedder does.
    n_jobs : int or None, default=None
        Number of threads of prediction, -1 for all processors. None means those of the estimator.

    Returns
    -------
    fused : FusedTextClassifier or FusedTextRegressor
        With the same `predict`, `decision_function` and, where the classifier has it,
        `predict_proba`, up to rounding.

    Raises
    ------
    TypeError
        If `estimator` is neither a pipeline nor a StaticTextClassifier.
    ValueError
        If a step cannot be fused; the message names it. If a setting is invalid.
    NotFittedError
        If `estimator` is not fitted.

    Notes
    -----
    With ``StaticEmbedder(normalize=False)`` the table holds one score for each token and class,
    and no vector is ever built: this is the form to choose where a fused model is wanted. With
    ``normalize=True`` a decision divides by the norm of the text's vector, for which the
    embedding table is kept: exact, and no faster than the pipeline.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skm2v import StaticEmbedder, fuse
    >>> texts = ["Win a free phone now", "Claim your prize", "See you at lunch", "Call me later"]
    >>> pipeline = make_pipeline(StaticEmbedder(normalize=False), LogisticRegression(C=100))
    >>> fused = fuse(pipeline.fit(texts, [1, 1, 0, 0]))
    >>> fused.predict(["A free prize for you"])
    array([1])
    """
    fused = _fused(estimator, to_explain=False)
    fused._with_given(handle_missing, n_jobs)
    return fused


def explainable(estimator: Any) -> FusedTextClassifier | FusedTextRegressor:
    """Return what explains a fitted model: more models than can be fused.

    Parameters
    ----------
    estimator : Pipeline or StaticTextClassifier
        As for `fuse`, or with a HybridVectorizer that normalizes.

    Returns
    -------
    model : FusedTextClassifier or FusedTextRegressor
        To be asked for explanations only.
    """
    return _fused(estimator, to_explain=True)


def _fused(estimator: Any, *, to_explain: bool) -> FusedTextClassifier | FusedTextRegressor:
    steps = _steps(estimator)
    first = steps[0][1]
    if len(steps) == 1 and isinstance(first, StaticTextClassifier):
        return _fuse_text_classifier(first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the names that columns had in fit
        return _fuse_pipeline(*_parts(steps), to_explain)


def _fuse_text_classifier(classifier: StaticTextClassifier) -> FusedTextClassifier:
    classifier._checked_scores()
    return FusedTextClassifier(
        classifier.scores_,
        classifier.classes_,
        link=classifier._link,
        multilabel=classifier._multilabel,
        inverse_temperature=classifier.inverse_temperature_,
        handle_missing=classifier._missing,
        n_jobs=classifier.n_jobs,
    )


def _fuse_pipeline(
    first: StaticEmbedder | HybridVectorizer,
    transformers: list[tuple[str, Any]],
    last: tuple[str, Any],
    to_explain: bool,
) -> FusedTextClassifier | FusedTextRegressor:
    if isinstance(first, HybridVectorizer):
        return _fuse_hybrid(first, *last, to_explain)
    name, head = last
    embedder, model = first, first.model_
    affine = _Affine(np.eye(model.dim), np.zeros(model.dim))
    for step_name, transformer in transformers:
        step = _probe(
            transformer.transform, affine.matrix.shape[1], f"Step {step_name!r}", transformer
        )
        affine = affine.then(step)
    n_inputs = affine.matrix.shape[1]
    what = f"Step {name!r}"
    settings: dict[str, Any] = {
        "handle_missing": embedder.handle_missing,
        "n_jobs": embedder.n_jobs,
    }
    if is_regressor(head):
        step = _probe(head.predict, n_inputs, what, head)
        flat = np.ndim(head.predict(np.zeros((1, n_inputs)))) == 1
        return FusedTextRegressor(_scores(model, affine.then(step)), flat=flat, **settings)
    _check_decides(head, what)
    step = _probe(head.decision_function, n_inputs, what, head)
    points = _random_points(n_inputs)
    near = np.concatenate([points, _near_boundary(step)])
    return _classifier(_scores(model, affine.then(step)), head, step, points, near, what, settings)


def _fuse_hybrid(
    vectorizer: HybridVectorizer, name: str, head: Any, to_explain: bool
) -> FusedTextClassifier | FusedTextRegressor:
    """Fuse features of words and of meaning with a linear model that tells its coefficients.

    There are too many features to ask a step about each.
    """
    what = f"Step {name!r}"
    if vectorizer.character_weight and to_explain:
        raise ValueError(
            "A HybridVectorizer with n-grams of characters cannot be explained: they are no words."
            " Fit it with character_weight=0."
        )
    if vectorizer.normalize and not to_explain:
        raise ValueError(
            "A HybridVectorizer with normalize=True cannot be fused: it divides by norms that a"
            " table of scores cannot tell. Fit it with normalize=False."
        )
    n_inputs = len(vectorizer.get_feature_names_out())
    points = _sparse_points(n_inputs)
    decide = head.predict if is_regressor(head) else _check_decides(head, what)
    step = _Affine(*_coefficients(head, n_inputs, what))
    actual = np.asarray(decide(points), dtype=np.float64).reshape(N_PROBES, -1)
    size = abs(points) @ np.abs(step.matrix) + np.abs(step.offset)
    if actual.shape != size.shape or (np.abs(actual - step(points)) > ROUNDING * size).any():
        raise ValueError(
            f"{what} ({type(head).__name__}) cannot be fused: its values are not those of its"
            " coef_ and intercept_."
        )
    coef = step.matrix.copy()
    coef[: vectorizer._n_semantic] *= vectorizer.semantic_scale_
    scores = collapse(vectorizer, coef, step.offset)
    if vectorizer.normalize:
        scores = NormalizedScores(
            scores.tokenizer,
            scores.table,
            scores.intercept,
            scores.form,
            scores.max_length,
            vectorizer=vectorizer,
        )
    embedder = vectorizer.embedder_
    settings: dict[str, Any] = {
        "handle_missing": embedder.handle_missing,
        "n_jobs": embedder.n_jobs,
    }
    if is_regressor(head):
        return FusedTextRegressor(scores, flat=np.ndim(head.predict(points[:1])) == 1, **settings)
    return _classifier(scores, head, step, points, points, what, settings)


def _sparse_points(n_inputs: int) -> Any:
    """As `_random_points`, but of a thousand inputs each at most."""
    rng = np.random.default_rng(0)
    n = min(1000, n_inputs)
    values = rng.normal(size=(N_PROBES, n)) * np.logspace(-3, 2, N_PROBES)[:, np.newaxis]
    places = rng.integers(n_inputs, size=N_PROBES * n, dtype=np.int32)
    indptr = np.arange(0, N_PROBES * n + 1, n, dtype=np.int32)
    return scipy.sparse.csr_array((values.ravel(), places, indptr), shape=(N_PROBES, n_inputs))


def _coefficients(head: Any, n_inputs: int, what: str) -> tuple[Floats, Floats]:
    coef = getattr(head, "coef_", None)
    if coef is None:
        raise ValueError(
            f"{what} ({type(head).__name__}) cannot be fused: it has no coef_. After a"
            " HybridVectorizer use a linear model, such as LogisticRegression or Ridge."
        )
    coef = coef.toarray() if hasattr(coef, "toarray") else coef
    matrix = np.asarray(coef, dtype=np.float64).reshape(-1, n_inputs).T
    return matrix, np.broadcast_to(np.float64(head.intercept_), matrix.shape[1:]).copy()


def _check_decides(head: Any, what: str) -> Callable[[Any], Any]:
    """Return the `decision_function` of a classifier; an error if it has none."""
    if not is_classifier(head) or not hasattr(head, "decision_function"):
        raise ValueError(
            f"{what} ({type(head).__name__}) cannot be fused: it has no decision_function. End the"
            " pipeline with a linear classifier or regressor, such as LogisticRegression or Ridge."
        )
    decide: Callable[[Any], Any] = head.decision_function
    return decide


def _classifier(
    scores: ScoreTable,
    head: Any,
    step: _Affine,
    points: Any,
    near: Any,
    what: str,
    settings: dict[str, Any],
) -> FusedTextClassifier:
    """Fuse scores with what a classifier makes of them, which is found out by asking."""
    multilabel = bool(np.ndim(head.predict(points[:1])) == 2)
    if not np.array_equal(
        head.predict(near), classes_of(step(near), head.classes_, multilabel=multilabel)
    ):
        raise ValueError(
            f"{what} ({type(head).__name__}) cannot be fused: it does not predict the class with"
            " the largest decision value, or cuts a single one at another place than 0."
        )
    return FusedTextClassifier(
        scores,
        np.asarray(head.classes_),
        link=_link(head, points, step(points), what),
        multilabel=multilabel,
        **settings,
    )


def _steps(estimator: Any, name: str = "") -> list[tuple[str, Any]]:
    """Steps that do something, with those of inner pipelines in their place."""
    estimator = _thawed(estimator)
    if isinstance(estimator, StaticTextClassifier):
        return [(name, estimator)]
    steps = getattr(estimator, "steps", None)
    if hasattr(estimator, "best_estimator_"):
        raise TypeError(
            f"A pipeline or StaticTextClassifier is needed; got {type(estimator).__name__}."
            " Pass its best_estimator_."
        )
    if not isinstance(steps, list):
        raise TypeError(
            f"A fitted Pipeline or StaticTextClassifier is needed; got {type(estimator).__name__}."
        )
    found: list[tuple[str, Any]] = []
    for step_name, step in steps:
        full_name = f"{name}__{step_name}" if name else step_name
        step = _thawed(step)
        if isinstance(getattr(step, "steps", None), list):
            found += _steps(step, full_name)
        elif step is not None and step != "passthrough":
            found.append((full_name, step))
    if not found and not name:
        raise ValueError("A pipeline without steps cannot be fused: it does nothing with texts.")
    return found


def _thawed(estimator: Any) -> Any:
    """Return what is in a FrozenEstimator, or the estimator itself."""
    while isinstance(estimator, FrozenEstimator):
        estimator = estimator.estimator
    return estimator


def _parts(
    steps: list[tuple[str, Any]],
) -> tuple[StaticEmbedder | HybridVectorizer, list[tuple[str, Any]], tuple[str, Any]]:
    """The embedder, the steps between, and the last step of a pipeline."""
    name, first = steps[0]
    hybrid = isinstance(first, HybridVectorizer) and len(steps) == 2
    if not hybrid and (not isinstance(first, StaticEmbedder) or len(steps) < 2):
        raise ValueError(
            f"Step {name!r} ({type(first).__name__}) cannot be fused: the pipeline must be a"
            " StaticEmbedder, scalers if any, and a linear classifier or regressor; a"
            " HybridVectorizer and one of these; or a StaticTextClassifier alone."
        )
    if not hasattr(first, "embedder_" if hybrid else "model_"):
        raise NotFittedError("The pipeline is not fitted. Call fit before fuse.")
    for name, step in steps[1:-1]:
        if not hasattr(step, "transform"):
            raise ValueError(
                f"Step {name!r} ({type(step).__name__}) cannot be fused: it has no transform."
            )
    return first, steps[1:-1], steps[-1]


def _random_points(n_inputs: int) -> Floats:
    """Points of all sizes that vectors have: what clips or bends shows on some of them."""
    rng = np.random.default_rng(0)
    sizes = np.logspace(-3, 2, N_PROBES)[:, np.newaxis]
    return rng.normal(size=(N_PROBES, n_inputs)) * sizes


def _near_boundary(step: _Affine) -> Floats:
    """Points on both sides of a binary boundary: a threshold that was tuned shows on them."""
    n_inputs, n_outputs = step.matrix.shape
    size = float(np.sum(step.matrix**2))
    if n_outputs != 1 or size == 0:
        return np.empty((0, n_inputs))
    values = np.logspace(-4, 1, N_PROBES // 2)
    values = np.concatenate([-values, values])[:, np.newaxis]
    return (values - step.offset) / size * step.matrix.T


def _probe(call: Callable[[Floats], Any], n_inputs: int, what: str, step: Any) -> _Affine:
    """Affine map of a step, found by calling it; an error if it is none."""

    def at(points: Floats) -> Floats:
        values = call(points)
        values = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
        return values.reshape(len(points), -1).astype(np.float64)

    try:
        offset = at(np.zeros((1, n_inputs)))[0]
        affine = _Affine(at(np.eye(n_inputs)) - offset, offset)
        points = _random_points(n_inputs)
        actual, expected = at(points), affine(points)
    except NotFittedError:
        raise
    except (ValueError, TypeError) as error:
        raise ValueError(f"{what} ({type(step).__name__}) cannot be fused: {error}") from error
    size = np.abs(points) @ np.abs(affine.matrix) + np.abs(offset)
    if not (np.abs(actual - expected) <= ROUNDING * size + 1e-300).all():
        raise ValueError(
            f"{what} ({type(step).__name__}) cannot be fused: its values are not a linear function"
            " of its input. Use scalers, PCA and linear models only, and StaticEmbedder's own"
            " normalize."
        )
    return affine


def _link(head: Any, points: Floats, values: Floats, what: str) -> str | None:
    """Name of the function that makes the head's probabilities of its decision values."""
    if not hasattr(head, "predict_proba"):
        return None
    expected = np.asarray(head.predict_proba(points))
    for name, function in LINKS.items():
        if name == "binary" and values.shape[1] != 1:
            continue
        actual = function(values)
        if actual.shape == expected.shape and np.allclose(actual, expected, rtol=0, atol=1e-9):
            return name
    raise ValueError(
        f"{what} ({type(head).__name__}) cannot be fused: it makes probabilities of decision values"
        f" in an unknown way; known are {', '.join(LINKS)}."
    )


def _scores(model: StaticModel, affine: _Affine) -> ScoreTable:
    """Table of scores of a static model followed by an affine map."""
    table = model.pooler.table
    tokenizer, length = model.text_tokenizer, model.max_length
    if model.normalize:
        return ScoreTable(tokenizer, table, affine.offset, "unit", length, affine.matrix)
    # A last column counts the tokens; pairs do not count.
    scores = table.entry_vectors() @ affine.matrix
    rows = np.concatenate([scores, np.ones((len(scores), 1))], axis=1).astype(np.float32)
    rows[table.n_tokens :, -1] = 0
    return ScoreTable(
        tokenizer, PoolingTable(rows, pairs=table.pairs), affine.offset, "mean", length
    )
