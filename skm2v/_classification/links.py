"""From decision values to probabilities and classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v.exceptions import ModelFormatError

__all__ = ["LINKS", "check_outputs", "classes_of", "probabilities"]

Floats = npt.NDArray[np.float64]


def _expit(values: Floats) -> Floats:
    from scipy.special import expit  # as long to import as a fused model to load

    positive: Floats = expit(values)
    return positive


def _softmax(values: Floats) -> Floats:
    from scipy.special import softmax

    shares: Floats = softmax(values, axis=1)
    return shares


def _binary(values: Floats) -> Floats:
    positive = _expit(values[:, 0])
    return np.stack([1 - positive, positive], axis=1)


def _one_versus_rest(values: Floats) -> Floats:
    return _shares(_expit(values))


def _huber(values: Floats) -> Floats:
    each = (np.clip(values, -1, 1) + 1) / 2
    if each.shape[1] == 1:
        return np.concatenate([1 - each, each], axis=1)
    return _shares(each)


def _shares(each: Floats) -> Floats:
    """Rows that sum to 1; where every class is refused beyond all doubt none is preferred."""
    total = each.sum(axis=1, keepdims=True)
    return np.where(total > 0, each / np.where(total > 0, total, 1), 1 / each.shape[1])


#: How scikit-learn's linear classifiers turn decision values into probabilities.
LINKS: dict[str, Callable[[Floats], Floats]] = {
    "binary": _binary,
    "softmax": _softmax,
    "one-versus-rest": _one_versus_rest,
    "multilabel": _expit,
    "huber": _huber,
}


def probabilities(values: Floats, link: str, inverse_temperature: Floats | None = None) -> Floats:
    """Probabilities of classes.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_texts, n_outputs)
        Decision values.
    link : str
        One of `LINKS`.
    inverse_temperature : ndarray of float64 of shape (1,) or (n_outputs,) or None, default=None
        Factors of the decision values.

    Returns
    -------
    probabilities : ndarray of float64 of shape (n_texts, n_classes)
    """
    if inverse_temperature is not None:
        values = values * inverse_temperature
    return LINKS[link](values)


def check_outputs(
    link: Any,
    multilabel: Any,
    n_outputs: int,
    n_classes: int,
    inverse_temperature: Floats | None,
    *,
    what: str,
) -> None:
    """Refuse a saved classifier whose outputs, classes, link and temperatures do not fit together.

    Raises
    ------
    ModelFormatError
    """
    expected = n_classes if multilabel or n_classes > 2 else 1
    links = {None, "multilabel"} if multilabel else {None, "softmax", "one-versus-rest", "huber"}
    if expected == 1 and not multilabel:
        links = {None, "binary", "huber"}
    if (
        n_outputs != expected
        or (n_classes < 2 and not multilabel)
        or link not in tuple(links)
        or (inverse_temperature is not None and len(inverse_temperature) not in (1, n_outputs))
    ):
        raise ModelFormatError(
            f"{what} is damaged: {n_outputs} outputs do not fit {n_classes} classes and the link"
            f" {link!r:.60}."
        )


def classes_of(
    values: Floats, classes: npt.NDArray[np.generic], *, multilabel: bool
) -> npt.NDArray[np.generic]:
    """Predicted classes, or an indicator of labels.

    Parameters
    ----------
    values : ndarray of float64 of shape (n_texts, n_outputs)
    classes : ndarray of shape (n_classes,)
    multilabel : bool

    Returns
    -------
    predicted : ndarray of shape (n_texts,), or of int64 of shape (n_texts, n_classes)
    """
    if multilabel:
        return (values > 0).astype(np.int64)
    numbers = values[:, 0] > 0 if values.shape[1] == 1 else values.argmax(axis=1)
    return np.asarray(classes[numbers.astype(np.int64)])
