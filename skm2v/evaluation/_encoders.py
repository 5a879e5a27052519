"""Models under test, and those that embed: anything with ``.encode`` or ``.transform``."""

from __future__ import annotations

import hashlib
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
import sklearn

from skm2v._checks import some
from skm2v._version import __version__
from skm2v.evaluation._errors import ModelSpecError
from skm2v.evaluation._metrics import Matrix, is_sparse
from skm2v.evaluation._task import Outcome, Task
from skm2v.exceptions import TextWarning

__all__ = ["Encoder", "Meter", "Model", "Usage", "content_hash", "is_fitted"]

# Texts given to a model at a time: long enough for any batching, short enough for a progress bar.
CHUNK = 2048
_PROBES = [
    "The quick brown fox jumps over the lazy dog.",
    "Ein Satz mit Umlauten: Übergrößenträger für 12,50 €.",
    "numbers 0 1 2 3 42 1999 and symbols # $ % & @",
    "今日は天気がいいですね。 Привет, мир! مرحبا",
    "a",
    "",
]


@dataclass
class Usage:
    """What a model was given in a task, and the time it took.

    Attributes
    ----------
    n_texts, n_characters : int
        Distinct texts, and their length.
    n_zero : int
        Texts without a vector.
    seconds : float
        Time inside of the model.
    dim : int
        Dimensions of the vectors; 0 for a classifier.
    """

    n_texts: int = 0
    n_characters: int = 0
    n_zero: int = 0
    seconds: float = 0.0
    dim: int = 0


class Model(ABC):
    """A named model under test, whatever it does with texts.

    Parameters
    ----------
    name : str
        Name shown in results.
    model : object
        What is under test.

    Attributes
    ----------
    summary : str
        What reports call it in a sentence; its name, if nothing else is set.
    """

    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self.model = model
        self.summary = ""
        self._fingerprint: str | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of the model's content; results are stored under it."""
        if self._fingerprint is None:
            self._fingerprint = self._hash()
        return self._fingerprint

    def _hash(self) -> str:
        return content_hash(self.model)

    @property
    def n_bytes(self) -> int | None:
        """Bytes of the numbers that the model holds, where they are known."""
        return _n_bytes(self.model)

    def takes(self, task: Task) -> bool:
        """Whether the model can do what a task asks for.

        Parameters
        ----------
        task : Task
            The task.

        Returns
        -------
        takes : bool
            Whether :func:`run_task` can run it.
        """
        return True

    @abstractmethod
    def run(
        self, task: Task, n_worst: int, progress: Callable[[int], None] | None
    ) -> tuple[Outcome, Usage]:
        """Score the model on a task."""


class Encoder(Model):
    """A named model that embeds texts.

    Parameters
    ----------
    name : str
        Name shown in results.
    model : object
        Anything with ``.encode(list of str)`` (a static model, a sentence transformer) or
        ``.transform(list of str)`` (a scikit-learn transformer or pipeline). A transformer that is
        not fitted is cloned and fitted on each task's own texts, without labels.

    Attributes
    ----------
    similarity : {"cosine", "dot"}
        How its vectors are compared in a search: what the model says in ``similarity_fn_name``, as
        sentence transformers do.

    Raises
    ------
    ModelSpecError
        If the model has no such method.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from skm2v.evaluation import Encoder
    >>> Encoder("words", HashingVectorizer(n_features=64)).encode(["a cat", "a dog"]).shape
    (2, 64)
    """

    def __init__(self, name: str, model: Any) -> None:
        if not (callable(getattr(model, "encode", None)) or _transforms(model)):
            raise ModelSpecError(
                f"Model {name!r} is a {type(model).__name__} without .encode or .transform. "
                "Pass a StaticModel, a StaticEmbedder, a sentence transformer, a transformer or a "
                "classifier of texts."
            )
        super().__init__(name, model)
        said = getattr(model, "similarity_fn_name", None)
        self.similarity = "dot" if getattr(said, "value", said) == "dot" else "cosine"

    def run(
        self, task: Task, n_worst: int = 5, progress: Callable[[int], None] | None = None
    ) -> tuple[Outcome, Usage]:
        """Score the model on a task.

        Parameters
        ----------
        task : Task
            The task.
        n_worst : int, default=5
            Worst errors to keep.
        progress : callable or None, default=None
            Called with the number of texts embedded so far.

        Returns
        -------
        outcome : Outcome
            Score, replicates and worst errors.
        usage : Usage
            What it cost.
        """
        meter = Meter(self.for_task(task), progress)
        return task.run(meter, n_worst), meter.usage

    def for_task(self, task: Task) -> Encoder:
        """Return the encoder to use on a task: itself, or a clone fitted on the task's texts.

        Parameters
        ----------
        task : Task
            The task.

        Returns
        -------
        Encoder
            The model, fitted if it has to be.
        """
        if callable(getattr(self.model, "encode", None)) or is_fitted(self.model):
            return self
        from sklearn.base import clone

        return Encoder(self.name, clone(self.model).fit(task.fit_texts()))

    def encode(self, texts: list[str], kind: str | None = None) -> Matrix:
        """Embed texts.

        Parameters
        ----------
        texts : list of str
            Texts to embed.
        kind : {"query", "document"} or None, default=None
            The side of a search that the texts stand on, for a model that has prompts for them.

        Returns
        -------
        ndarray or sparse matrix of shape (n_texts, d)
            Finite numbers.

        Raises
        ------
        ModelSpecError
            If the model returned something else.
        """
        result = self._encode(texts, kind)
        if not is_sparse(result):
            result = _as_array(result)
        if result.ndim != 2 or result.shape[0] != len(texts):
            raise ModelSpecError(
                f"Model {self.name!r} returned shape {tuple(result.shape)} for {len(texts)} texts; "
                f"expected ({len(texts)}, d)."
            )
        values = result.data if is_sparse(result) else result
        if not np.isfinite(values).all():
            bad = np.flatnonzero(~np.isfinite(_as_array(result)).all(axis=1))
            raise ModelSpecError(
                f"Model {self.name!r} returned NaN or infinite values, first for the texts "
                f"{some(texts[row][:60] for row in bad)}."
            )
        return result

    def _encode(self, texts: list[str], kind: str | None) -> Any:
        # A sentence transformer has prompts of its own for the two sides of a search.
        if kind and callable(sided := getattr(self.model, f"encode_{kind}", None)):
            return sided(texts)
        if callable(getattr(self.model, "encode", None)):
            return self.model.encode(texts)
        return self.model.transform(texts)


class Meter:
    """An encoder as a task sees it: every distinct text embedded once, with counts and seconds.

    Parameters
    ----------
    encoder : Encoder
        The model under test.
    progress : callable or None, default=None
        Called with the number of texts embedded so far.
    """

    def __init__(self, encoder: Encoder, progress: Callable[[int], None] | None = None) -> None:
        self._encoder = encoder
        self._progress = progress
        self.similarity = encoder.similarity
        self.usage = Usage()
        self._warm: set[str | None] = set()

    def __call__(self, texts: list[str], kind: str | None = None) -> Matrix:
        """Embed texts; see `Encode`."""
        places = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        unique = list(places)
        parts = []
        self._warm_up(unique[:CHUNK], kind)
        for start in range(0, len(unique), CHUNK):
            chunk = unique[start : start + CHUNK]
            with warnings.catch_warnings():
                # Zero vectors are counted here, and long texts are cut on purpose.
                warnings.simplefilter("ignore", TextWarning)
                began = time.perf_counter()
                parts.append(self._encoder.encode(chunk, kind))
                self.usage.seconds += time.perf_counter() - began
            self.usage.n_zero += len(chunk) - int(_row_is_nonzero(parts[-1]).sum())
            self.usage.n_texts += len(chunk)
            self.usage.n_characters += sum(map(len, chunk))
            if self._progress:
                self._progress(self.usage.n_texts)
        stacked = (
            scipy.sparse.vstack(parts, format="csr")
            if is_sparse(parts[0])
            else np.concatenate(parts)
        )
        self.usage.dim = int(stacked.shape[1])
        return stacked[[places[text] for text in texts]]

    def _warm_up(self, texts: list[str], kind: str | None) -> None:
        """Have the model make, untimed, what it makes once: a table, threads, a compiled graph."""
        if texts and kind not in self._warm:
            self._warm.add(kind)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TextWarning)
                self._encoder._encode([max(texts, key=len)], kind)  # an empty one may need nothing


def _row_is_nonzero(vectors: Matrix) -> Any:
    if is_sparse(vectors):
        return np.diff(vectors.tocsr().indptr) > 0
    return (vectors != 0).any(axis=1)


def _as_array(result: Any) -> Any:
    """Dense array of an embedding matrix in whatever container a model returned it."""
    if is_sparse(result):
        return result.toarray()
    if hasattr(result, "detach"):  # a torch tensor, possibly on a device
        result = result.detach().cpu()
    array = np.asarray(result)
    if not np.issubdtype(array.dtype, np.floating):
        array = array.astype(np.float32)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _transforms(model: Any) -> bool:
    return callable(getattr(model, "transform", None))


def is_fitted(model: Any) -> bool:
    """Whether a model needs no fit: it has been fitted, or has none."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not hasattr(model, "fit") or not hasattr(model, "__sklearn_tags__"):
        return True
    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True


def content_hash(model: Any) -> str:
    """Hash of what a model is, by the best means that its kind allows."""
    digest = hashlib.sha256(f"{type(model).__module__}.{type(model).__qualname__}".encode())
    if not is_fitted(model):  # what it is going to be depends on the code that fits it
        digest.update(f"{__version__} {sklearn.__version__}".encode())
    for attribute in ("sha256", "fingerprint", "content_hash"):
        value = getattr(model, attribute, None)
        value = value() if callable(value) else value
        if isinstance(value, (str, bytes)):
            digest.update(value if isinstance(value, bytes) else value.encode())
            return digest.hexdigest()
    if hasattr(model, "state_dict"):  # torch: hash the parameters
        for key, value in sorted(model.state_dict().items()):
            digest.update(key.encode())
            digest.update(np.ascontiguousarray(_as_array(value)).tobytes())
        return digest.hexdigest()
    try:
        import joblib

        digest.update(str(joblib.hash(model)).encode())
    except Exception:
        # Not picklable: what it does to a few texts stands in for what it is.
        digest.update(np.round(_as_array(Encoder("probe", model).encode(_PROBES)), 4).tobytes())
    return digest.hexdigest()


def _n_bytes(model: Any) -> int | None:
    """Bytes of the arrays that a model holds."""
    if hasattr(model, "state_dict"):
        return int(sum(p.numel() * p.element_size() for p in model.state_dict().values()))
    model = getattr(model, "model_", model)
    if isinstance(getattr(model, "embedding", None), np.ndarray):
        names = ("embedding", "weights", "mapping", "pairs")
        arrays = (getattr(model, name, None) for name in names)
        return int(sum(a.nbytes for a in arrays if isinstance(a, np.ndarray)))
    return None
