"""The state of pickled objects: plain data, versioned, hashed, checked."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from skm2v._model.config import software_versions
from skm2v._model.sealed import Content, Seal
from skm2v._warnings import warn_user
from skm2v.exceptions import ModelFormatError, VersionWarning

__all__ = ["from_state", "to_state"]

T = TypeVar("T")

FIELDS = frozenset({"format", "versions", "settings", "tokenizer", "tensors", "sha256"})


def to_state(seal: Seal[Any], content: Content, *, sha256: str | None = None) -> dict[str, Any]:
    """Return what is to be pickled: strings, numbers and arrays.

    Parameters
    ----------
    seal : Seal
    content : Content
    sha256 : str or None, default=None
        Its hash, if it is known.
    """
    return {
        "format": seal.number,
        "versions": software_versions(),
        "settings": dict(content.settings),
        "tokenizer": content.tokenizer,
        "tensors": dict(content.tensors),
        "sha256": content.sha256(seal.number) if sha256 is None else sha256,
    }


def from_state(seal: Seal[T], state: object, *, what: str) -> T:
    """Check the state of a pickled object and build what it stands for.

    Parameters
    ----------
    seal : Seal
    state : object
    what : str
        Name of the object in messages.

    Raises
    ------
    ModelFormatError
        If the state is damaged, or of a newer format.

    Warns
    -----
    VersionWarning
        If the object was pickled with other versions of skm2v, numpy or tokenizers.
    """
    if not isinstance(state, dict):
        raise ModelFormatError(f"{what} is damaged: its state is a {type(state).__name__}.")
    seal.check_number(state.get("format"), what)
    if set(state) != FIELDS:
        raise ModelFormatError(f"{what} is damaged: its fields are {sorted(map(str, state))[:10]}.")
    tensors = state["tensors"]
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(array, np.ndarray) and not array.dtype.hasobject
        for name, array in tensors.items()
    ):
        raise ModelFormatError(f"{what} is damaged: its tensors have a wrong type.")
    thing = seal.open(state, tensors, what=what)
    _warn_of_versions(state["versions"], what)
    return thing


def _warn_of_versions(versions: object, what: str) -> None:
    here = software_versions()
    if not isinstance(versions, dict):
        raise ModelFormatError(f"{what} is damaged: it does not say what made it.")
    different = [
        f"{name} {str(versions.get(name))[:40]} (here {version})"
        for name, version in here.items()
        if _series(name, versions.get(name)) != _series(name, version)
    ]
    if different:
        warn_user(
            f"{what} was made with {', '.join(different)}. Its content is intact; vectors can"
            " differ in the last digits, or where the tokenizer's behaviour changed.",
            VersionWarning,
        )


def _series(name: str, version: object) -> object:
    """Return the part of a version that can matter: of numpy and tokenizers major and minor."""
    text = str(version)
    return text if name == "skm2v" else text.split(".")[:2]
