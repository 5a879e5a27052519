"""Stretch a model along directions that matter more than their share of the variance says.

A mean of rows keeps what a word says of itself as far as the teacher's vectors vary with it. What
they say little about, such as whether a word is good or bad news, is in the table all the same: a
linear function of the row predicts it. Along the direction of that function distances can be made
larger, by a linear map of all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_number
from skm2v._distillation.stages import Stages, one_thread
from skm2v._model import Core
from skm2v._model.config import Stretch
from skm2v._pooling import check_texts
from skm2v._warnings import warn_user
from skm2v.datasets import load_valence
from skm2v.exceptions import TextWarning

__all__ = ["checked_axes", "stretch_core", "with_axes"]

Floats = npt.NDArray[np.float64]

NAMED: Mapping[str, Callable[[], tuple[list[str], Floats]]] = {
    "valence": lambda: load_valence(return_X_y=True),
}
# A direction of d columns is not found in a handful of words.
MIN_WORDS = 50
# Below this correlation the table does not know the axis, and a stretch would blow up noise.
MIN_CORRELATION = 0.2
N_FOLDS = 5
# In units of the words' mean variance over the columns. A weaker penalty predicts the values a
# little better; the axis then leans on columns of small variance, and similarity pays for it.
PENALTY = 1.0
DIGITS = 7  # of an axis: as many as a file keeps


class Axis(NamedTuple):
    """What an entry of `stretch` asks for."""

    name: str
    factor: float
    words: list[str]
    values: Floats


def checked_axes(stretch: Any) -> list[Axis]:
    """Check what `stretch` asks for; words of named axes are loaded.

    Raises
    ------
    ValueError
        If it is no mapping of names to factors, or to words, values and factors.
    """
    if stretch is None:
        return []
    if not isinstance(stretch, Mapping):
        raise ValueError(
            "stretch must be a mapping of names to factors, such as {'valence': 1.5}, or to"
            f" (words, values, factor), or None; got {str(stretch)[:60]!r}."
        )
    return [_checked(name, asked) for name, asked in stretch.items()]


def stretch_core(model: Core, stretch: Any) -> tuple[Core, dict[str, Any]]:
    """Stretch a model, and tell what was done; see :meth:`skm2v.StaticModel.stretch`.

    Parameters
    ----------
    model : Core
    stretch : mapping or None

    Returns
    -------
    model : Core
        The same object if nothing was to be done.
    facts : dict
        By the name of each axis: the factor, the number of words and the correlation.
    """
    facts: dict[str, Any] = {}
    axes = checked_axes(stretch)
    if not axes:
        return model, facts
    done: list[Stretch] = []
    with one_thread():
        matrix = np.eye(model.dim)
        for axis in axes:
            vectors, values = _known(model, axis, matrix)
            direction, correlation = learned(vectors, values)
            facts[axis.name] = {
                "factor": axis.factor,
                "n_words": len(values),
                "correlation": round(correlation, 4),
            }
            if not correlation >= MIN_CORRELATION:
                facts[axis.name]["factor"] = 1.0
                warn_user(
                    f"The model does not tell {axis.name!r}: what its vectors predict of"
                    f" {len(values)} words has a correlation of {correlation:.2f} with the values."
                    " It is not stretched along that axis.",
                    TextWarning,
                )
                continue
            one = Stretch(
                axis.name, axis.factor, tuple(direction), len(values), round(correlation, 4)
            )
            done.append(one)
            matrix = matrix @ one.matrix()
        if not done:
            return model, facts
        config = replace(model.config, stretches=(*model.config.stretches, *done))
        return replace(model.mapped(matrix), config=config), facts


def with_axes(model: Core, stretch: Any, stages: Stages) -> tuple[Core, dict[str, Any]]:
    """Stretch a model as the last stage of a fit; the facts are fields of its report."""
    if not stretch:
        return model, {}
    with stages("axes"):
        model, facts = stretch_core(model, stretch)
    return model, {"stretch": facts}


def learned(vectors: Floats, values: Floats) -> tuple[list[float], float]:
    """Direction along which unit vectors tell values, and how well they do.

    Parameters
    ----------
    vectors : ndarray of shape (n, d)
        Rows of norm 1.
    values : ndarray of shape (n,)

    Returns
    -------
    direction : list of d floats
        Of norm 1 but for rounding.
    correlation : float
        Of the values with predictions by regressions that did not see them.
    """
    # In the order of the words every N_FOLDS-th is left out, so the folds are the same everywhere.
    predicted = np.empty(len(values))
    for fold in range(N_FOLDS):
        out = np.arange(len(values)) % N_FOLDS == fold
        slope, mean, level = _ridge(vectors[~out], values[~out])
        predicted[out] = (vectors[out] - mean) @ slope + level
    spread = predicted.std() * values.std()
    covariance = ((predicted - predicted.mean()) * (values - values.mean())).mean()
    correlation = float(covariance / spread) if spread > 0 else 0.0
    slope, _, _ = _ridge(vectors, values)
    length = np.linalg.norm(slope)
    direction = slope / (length if length > 0 else 1)
    return [float(value) for value in direction.round(DIGITS)], correlation


def _ridge(vectors: Floats, values: Floats) -> tuple[Floats, Floats, float]:
    mean, level = vectors.mean(axis=0), float(values.mean())
    centred = vectors - mean
    gram = centred.T @ centred
    penalty = PENALTY * np.trace(gram) / len(gram)
    gram[np.diag_indices_from(gram)] += penalty if penalty > 0 else 1.0
    return np.linalg.solve(gram, centred.T @ (values - level)), mean, level


def _known(model: Core, axis: Axis, matrix: Floats) -> tuple[Floats, Floats]:
    """Unit vectors, in the space so far, of the words that have one, and their values."""
    pooled = model.pooler.pool(axis.words, max_length=None, normalize=False)
    vectors = pooled.vectors.astype(np.float64) @ matrix
    lengths = np.linalg.norm(vectors, axis=1)
    known = lengths > 0
    vectors, values = vectors[known] / lengths[known, None], axis.values[known]
    if len(values) < MIN_WORDS:
        raise ValueError(
            f"stretch[{axis.name!r}] needs at least {MIN_WORDS} words that the model has tokens"
            f" for; got {len(values)} of {len(axis.words)}."
        )
    if np.ptp(values) == 0:
        raise ValueError(f"stretch[{axis.name!r}] needs different values; all are {values[0]}.")
    return vectors, values


def _checked(name: Any, asked: Any) -> Axis:
    if not isinstance(name, str):
        raise ValueError(f"stretch must have names that are strings; got {name!r}.")
    if isinstance(asked, (tuple, list)):
        if len(asked) != 3:
            raise ValueError(
                f"stretch[{name!r}] must be a factor or (words, values, factor); got {len(asked)}"
                " items."
            )
        words, values, factor = asked
        words = check_texts(words).texts
        try:
            values = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"The values of stretch[{name!r}] must be numbers: {error}.") from None
        if values.shape != (len(words),) or not np.isfinite(values).all():
            raise ValueError(
                f"stretch[{name!r}] must have a finite value for each of its {len(words)} words;"
                f" got values of shape {values.shape}."
            )
    elif name in NAMED:
        factor = asked
        words, values = NAMED[name]()
    else:
        raise ValueError(
            f"stretch[{name!r}] must be (words, values, factor), as {name!r} is none of the axes"
            f" that need no words: {sorted(NAMED)}."
        )
    if not is_number(factor) or not factor > 0:
        raise ValueError(
            f"The factor of stretch[{name!r}] must be a positive number; got {factor!r}."
        )
    return Axis(name, float(factor), words, values)
