"""The state of a pickled model: plain data, versioned, hashed, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from skm2v._model.config import ModelConfig, software_versions
from skm2v._model.parts import FORMAT, ModelParts, check_format
from skm2v._warnings import warn_user
from skm2v.exceptions import ModelFormatError, VersionWarning

__all__ = ["from_state", "to_state"]

FIELDS = {"format", "versions", "settings", "tokenizer", "tensors", "sha256"}


def to_state(parts: ModelParts, sha256: str) -> dict[str, Any]:
    """Return a model as strings, numbers and arrays."""
    return {
        "format": FORMAT,
        "versions": software_versions(),
        "settings": parts.settings,
        "tokenizer": parts.tokenizer,
        "tensors": dict(parts.tensors),
        "sha256": sha256,
    }


def from_state(state: object) -> tuple[ModelParts, str]:
    """Check the state of a pickled model.

    Raises
    ------
    ModelFormatError
        If the state is damaged, or of a newer format.

    Warns
    -----
    VersionWarning
        If the model was pickled with other versions of skm2v, numpy or tokenizers.
    """
    what = "The pickled StaticModel"
    if not isinstance(state, dict):
        raise ModelFormatError(f"{what} is damaged: its state is a {type(state).__name__}.")
    check_format(state.get("format"), what=what)
    if set(state) != FIELDS:
        raise ModelFormatError(f"{what} is damaged: its fields are {sorted(map(str, state))[:10]}.")
    tokenizer, tensors, settings = state["tokenizer"], state["tensors"], state["settings"]
    if (
        not isinstance(tokenizer, str)
        or not isinstance(tensors, dict)
        or not all(isinstance(array, np.ndarray) for array in tensors.values())
        or not isinstance(settings, dict)
    ):
        raise ModelFormatError(f"{what} is damaged: a field has a wrong type.")
    parts = parts_from_settings(settings, tokenizer, tensors, what=what)
    check_hash(parts, state["sha256"], what=what)
    _warn_of_versions(state["versions"], what)
    return parts, state["sha256"]


def parts_from_settings(
    settings: object, tokenizer: str, tensors: dict[str, Any], *, what: str
) -> ModelParts:
    """Put stored settings, tokenizer and tensors together."""
    if not isinstance(settings, dict) or set(settings) != {"config", "max_length", "normalize"}:
        raise ModelFormatError(
            f"{what} is damaged: its settings must be config, max_length and normalize."
        )
    return ModelParts(
        tokenizer,
        tensors,
        settings["normalize"],
        settings["max_length"],
        ModelConfig.from_dict(settings["config"]),
    )


def check_hash(parts: ModelParts, expected: object, *, what: str) -> None:
    """Compare the hash of a model's content with the stored one."""
    try:
        actual = parts.sha256()
    except (UnicodeEncodeError, ValueError, TypeError) as error:
        raise ModelFormatError(f"{what} is damaged: {error}") from error
    if actual != expected:
        raise ModelFormatError(
            f"{what} is damaged: the SHA-256 of its content is {actual}, it was saved with"
            f" {expected!r:.80}. Get a fresh copy."
        )


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
