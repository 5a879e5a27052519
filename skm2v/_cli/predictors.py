"""Models that predict, from files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from skm2v._classification.fused import load_fused
from skm2v._classification.prediction import TextScoring
from skm2v._pooling.losses import collected_losses
from skm2v.exceptions import MissingExtraError, ModelFormatError

__all__ = ["LOADERS", "TRUSTED", "Predictor", "load_predictor", "sha256_of"]

# Classes that validate what they are given when they are loaded; docs/reliability.md has the list.
TRUSTED = (
    "skm2v.FusedTextClassifier",
    "skm2v.FusedTextRegressor",
    "skm2v.FitReport",
    "skm2v.HybridVectorizer",
    "skm2v.StaticEmbedder",
    "skm2v.StaticModel",
    "skm2v.StaticTextClassifier",
    "skm2v.clustering.NeighborAverager",
)


class Predictor:
    """What a model says about texts, as columns.

    Parameters
    ----------
    model : fitted estimator
        It must predict from a list of texts.
    name : str
        How errors call it.
    proba : bool
        Whether there are columns of probabilities.
    floor : float or None
        Smallest probability with which a class is predicted; others are None.

    Attributes
    ----------
    names : list of str
        Names of the columns.
    has_threads : bool
        Whether the model can use several threads for one call, as ours can.
    like : dict
        Examples of what a column holds, for those of which the first rows may not tell it.

    Raises
    ------
    ValueError
        If the model cannot do what is asked.
    """

    def __init__(self, model: Any, name: str, *, proba: bool, floor: float | None) -> None:
        self.model, self._name, self._proba, self._floor = model, name, proba, floor
        if not hasattr(model, "predict"):
            raise ValueError(f"{name} holds a {type(model).__name__}, which predicts nothing.")
        if (proba or floor is not None) and not hasattr(model, "predict_proba"):
            raise ValueError(f"{name} has no probabilities, which --proba and --floor need.")
        if floor is not None and not 0 <= floor <= 1:
            raise ValueError(f"--floor must be a number from 0 to 1; got {floor}.")
        self.has_threads = isinstance(model, TextScoring)
        with collected_losses():
            try:
                predicted = self._ask("predict", ["text"])
            except Exception as error:  # what somebody else's pipeline raises
                raise ValueError(
                    f"{name} cannot predict from texts, which must be all that it takes: {error}"
                ) from error
            self._several = predicted.ndim == 2
            classes = getattr(model, "classes_", None)
            if isinstance(classes, list):
                raise ValueError(f"{name} predicts several targets at once; save a model of one.")
            self._classes = None if classes is None else np.asarray(classes)
            if self._several and floor is not None:
                raise ValueError(
                    "--floor is for one class per text. Of several labels, --proba tells those that"
                    " are probable enough."
                )
            self.names = list(self._columns(["text"]))
        self.like: dict[str, list[Any]] = {}
        if self._classes is not None:
            values = self._classes.tolist()
            self.like = {"prediction": [values] if self._several else values}

    def use_threads(self, n_threads: int) -> None:
        """Use so many threads for each call from now on, if `has_threads`."""
        if self.has_threads and self.model.n_jobs != n_threads:
            self.model.set_params(n_jobs=n_threads)

    def columns(self, texts: list[str]) -> dict[str, Any]:
        """Return the prediction of each text, and the probabilities that were asked for."""
        if texts:
            return self._columns(texts)
        # Most predictors of scikit-learn refuse no rows.
        return {name: column[:0] for name, column in self._columns(["text"]).items()}

    def _columns(self, texts: list[str]) -> dict[str, Any]:
        predicted = self._ask("predict", texts)
        columns: dict[str, Any] = {"prediction": predicted}
        if predicted.ndim == 2:
            columns["prediction"] = self._named(predicted)
        elif predicted.dtype.kind not in "biuf":
            columns["prediction"] = predicted.tolist()
        if not self._proba and self._floor is None:
            return columns
        with collected_losses():  # told by the first call
            probabilities = self._ask("predict_proba", texts)
        if self._floor is not None:
            kept = (probabilities.max(axis=1) >= self._floor).tolist()
            values = zip(predicted.tolist(), kept, strict=True)
            columns["prediction"] = [value if known else None for value, known in values]
        if self._proba:
            assert self._classes is not None
            for name, column in zip(self._classes.tolist(), probabilities.T, strict=True):
                columns[f"probability_{name}"] = np.ascontiguousarray(column)
        return columns

    def _named(self, predicted: Any) -> list[Any]:
        """Names of the labels of each text; numbers where there are no names."""
        if self._classes is None:
            rows: list[Any] = predicted.tolist()
            return rows
        return [self._classes[row > 0].tolist() for row in predicted]

    def _ask(self, method: str, texts: list[str]) -> Any:
        answer = np.asarray(getattr(self.model, method)(texts))
        if answer.shape[:1] != (len(texts),) or answer.ndim > 2:
            raise ValueError(
                f"{self._name}: {method} of {len(texts)} texts gives an array of shape"
                f" {answer.shape}, where there should be a row for each."
            )
        return answer


def load_predictor(spec: str) -> tuple[Any, Path]:
    """Load a model that predicts.

    Parameters
    ----------
    spec : str
        A file that the `save` of a fused model wrote, or one with a word before it: see `LOADERS`.

    Returns
    -------
    model : fitted estimator
    path : Path
        The file.

    Raises
    ------
    OSError, ModelFormatError, MissingExtraError, ValueError
        If there is no such file, or it cannot be loaded.
    """
    kind, colon, rest = spec.partition(":")
    if not colon or kind not in LOADERS or os.path.exists(spec):
        kind, rest = "fused", spec
    path = Path(rest)
    if path.is_dir():
        raise ValueError(
            f"{rest!r} is a folder. A static model embeds; what predicts is a file that the save of"
            " a fused model wrote, or joblib:FILE."
        )
    return LOADERS[kind](path), path


def sha256_of(path: Path) -> str:
    """Return the hash of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _load_fused(path: Path) -> Any:
    try:
        return load_fused(path, mmap=True)
    except ModelFormatError as error:
        raise ModelFormatError(
            f"{error} A model that joblib or pickle wrote is joblib:{path}; open only files that"
            " you trust."
        ) from error


def _load_joblib(path: Path) -> Any:
    return import_module("joblib").load(path)


def _load_skops(path: Path) -> Any:
    try:
        io = import_module("skops.io")
    except ImportError as error:
        raise MissingExtraError(f"skops:{path} needs skops: pip install skops") from error
    unknown = io.get_untrusted_types(file=path)
    if strange := sorted(set(unknown) - set(TRUSTED)):
        raise ValueError(
            f"{path} holds types that are neither scikit-learn's nor ours: {', '.join(strange)}."
            " Load it in Python, where you can trust them, and save what is fused."
        )
    return io.load(path, trusted=unknown)


LOADERS: dict[str, Callable[[Path], Any]] = {
    "fused": _load_fused,
    "joblib": _load_joblib,
    "skops": _load_skops,
}
