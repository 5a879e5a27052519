"""How a model gets to the processes that use it: by value, or by path and hash."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from skm2v._classification.fused import load_fused
from skm2v._static_model import StaticModel
from skm2v.exceptions import ModelFormatError

__all__ = ["ModelSource"]

# A process keeps the models that its tasks share; more than a few at a time are a mistake.
MOST_KEPT = 4
_kept: OrderedDict[tuple[str, str], Any] = OrderedDict()
_lock = threading.Lock()


class ModelSource:
    """A model, or where it lies and the hash of what should lie there.

    Parameters
    ----------
    model : estimator, StaticModel, str or path
        A path is that of a folder that `save_pretrained` wrote or of a file that the `save` of a
        fused model wrote. It is pickled as a path and a hash, and every process loads it once; a
        fused model is mapped, so that the processes of a machine share its memory.

    Raises
    ------
    OSError, ModelFormatError
        If nothing that can be loaded lies at the path.
    """

    def __init__(self, model: Any) -> None:
        self._path: str | None = None
        self._sha256 = ""
        self._model = model
        self._checked = False  # whether this process has looked at the file
        if isinstance(model, (str, os.PathLike)):
            self._path = os.path.abspath(model)
            self._sha256 = _hash_of(Path(self._path))
            self._model, self._checked = None, True

    def get(self) -> Any:
        """Return the model; the first call in a process loads it.

        Raises
        ------
        ModelFormatError
            If what lies at the path is not what lay there when this object was made.
        """
        if self._path is None:
            return self._model
        key = (self._path, self._sha256)
        with _lock:
            model = _kept.get(key)
            if model is None:
                model = self._load(Path(self._path))
                _kept[key] = model
            _kept.move_to_end(key)
            while len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
        return model

    def _load(self, path: Path) -> Any:
        found = self._sha256 if self._checked else _hash_of(path)
        if found != self._sha256:
            raise ModelFormatError(
                f"The model at {path} has the SHA-256 {found} here, and {self._sha256} where the"
                " work was handed out. Copy the same model to all machines, or to a path that they"
                " share."
            )
        return _load(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._path, self._sha256, self._model)


def _restore(path: str | None, sha256: str, model: Any) -> ModelSource:
    source = ModelSource.__new__(ModelSource)
    source._path, source._sha256, source._model, source._checked = path, sha256, model, False
    return source


def _hash_of(path: Path) -> str:
    """SHA-256 of the file that holds a model."""
    file = path / "model.safetensors" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no model at {path}: pass a folder written by save_pretrained, a file written"
            " by the save of a fused model, or the model itself."
        )
    with file.open("rb") as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _load(path: Path) -> Any:
    if path.is_dir():
        return StaticModel.from_pretrained(path, mmap=True)
    return load_fused(path, mmap=True)
