"""The file of a fused model: one safetensors file, complete in itself and checked when read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._classification.links import LINKS, check_outputs
from skm2v._classification.scores import ScoreTable, check_tensor
from skm2v._model import files
from skm2v._model.kernel_tables import kernel_of
from skm2v._model.sealed import FUSED_KEY, Content, Seal
from skm2v._model.sealed_file import SealedFile
from skm2v.exceptions import ModelFormatError

__all__ = ["FusedContent", "read", "write"]

MAX_BYTES = 8 << 30
READERS = {"classifier": "FusedTextClassifier", "regressor": "FusedTextRegressor"}
SETTINGS = {
    "classes",
    "flat",
    "form",
    "handle_missing",
    "kind",
    "link",
    "max_length",
    "multilabel",
}
CLASS_DTYPES = {"bool", "object", "str"} | {
    f"{kind}{bits}"
    for kind in ("int", "uint", "float")
    for bits in (8, 16, 32, 64)
    if kind != "float" or bits > 8
}
PLAIN = (str, int, float, bool)  # what the classes may be in an array of objects
TEMPERATURE = "inverse_temperature"


class FusedContent(NamedTuple):
    """What is in the file of a fused model.

    Attributes
    ----------
    scores : ScoreTable
    kind : {"classifier", "regressor"}
    handle_missing : {"error", "zero"}
    flat : bool or None
        Only of regressors: whether predictions are 1-D.
    classes : ndarray of shape (n_classes,) or None
        Only of classifiers, as are the following.
    link : str or None
    multilabel : bool or None
    inverse_temperature : ndarray of float64 or None
    """

    scores: ScoreTable
    kind: str
    handle_missing: Literal["error", "zero"]
    flat: bool | None = None
    classes: npt.NDArray[Any] | None = None
    link: str | None = None
    multilabel: bool | None = None
    inverse_temperature: npt.NDArray[np.float64] | None = None


def write(content: FusedContent, path: str | os.PathLike[str]) -> None:
    """Write a fused model; see :meth:`skm2v.FusedTextClassifier.save`."""
    target = FILE.target(path)
    scores = content.scores.content
    settings = {
        **scores.settings,
        "classes": None if content.classes is None else _class_document(content.classes),
        "flat": content.flat,
        "handle_missing": content.handle_missing,
        "kind": content.kind,
        "link": content.link,
        "multilabel": content.multilabel,
    }
    tensors = dict(scores.tensors)
    if content.inverse_temperature is not None:
        tensors[TEMPERATURE] = content.inverse_temperature
    kernel = kernel_of(content.scores.tokenizer)
    FILE.write(target, Content(settings, tensors, scores.tokenizer, kernel))


def read(
    path: str | os.PathLike[str],
    kind: str | None = None,
    *,
    mmap: bool = False,
    verify: bool = True,
) -> FusedContent:
    """Read a fused model of a kind, or of any; see :meth:`skm2v.FusedTextClassifier.load`."""
    content = FILE.read(path, mmap=mmap, verify=verify)
    if kind not in (None, content.kind):
        raise ModelFormatError(
            f"{files.local_path(path)} holds a {content.kind}; load it with"
            f" {READERS[content.kind]}.load."
        )
    return content


def _read_v1(content: Content, what: str) -> FusedContent:
    settings, tensors = content.settings, dict(content.tensors)
    _check_settings(settings, what)
    temperature = tensors.pop(TEMPERATURE, None)
    if temperature is not None:
        check_tensor(TEMPERATURE, temperature, (1, "float64"), what)
    of_scores = {name: settings[name] for name in ("form", "max_length")}
    scores = ScoreTable.of_content(
        Content(of_scores, tensors, content.tokenizer, content.kernel), what
    )
    kind, missing = settings["kind"], settings["handle_missing"]
    if kind == "regressor":
        if settings["flat"] and scores.n_outputs != 1:
            raise ModelFormatError(f"{what} is damaged: it has {scores.n_outputs} targets.")
        return FusedContent(scores, kind, missing, flat=settings["flat"])
    classes = _classes(settings["classes"], what)
    check_outputs(
        settings["link"],
        settings["multilabel"],
        scores.n_outputs,
        len(classes),
        temperature,
        what=what,
    )
    return FusedContent(
        scores,
        kind,
        missing,
        classes=classes,
        link=settings["link"],
        multilabel=settings["multilabel"],
        inverse_temperature=temperature,
    )


#: Files of fused models.
FUSED = Seal(FUSED_KEY, {1: _read_v1})
FILE = SealedFile(
    FUSED,
    "a fused model",
    "save()",
    MAX_BYTES,
    " A folder with a static model is loaded with StaticModel.from_pretrained.",
)


def _check_settings(settings: Mapping[str, Any], what: str) -> None:
    if (
        set(settings) != SETTINGS
        or settings["kind"] not in tuple(READERS)
        or settings["handle_missing"] not in ("error", "zero")
        or (settings["kind"] == "regressor" and type(settings["flat"]) is not bool)
        or (settings["kind"] == "classifier" and type(settings["multilabel"]) is not bool)
        or (settings["link"] is not None and settings["link"] not in tuple(LINKS))
    ):
        raise ModelFormatError(f"{what} is damaged: a setting is missing, unknown or malformed.")


def _class_document(classes: npt.NDArray[Any]) -> dict[str, Any]:
    """Classes as plain data."""
    # What is a string for Python is saved as one.
    values = [str(value) if isinstance(value, str) else value for value in classes.tolist()]
    name = "str" if classes.dtype.kind in "UT" else classes.dtype.name
    document: dict[str, Any] = {"dtype": name, "values": values}
    try:
        "".join(value for value in values if isinstance(value, str)).encode()  # lone surrogates
        _classes(document, "")  # what is written can be read
    except (ModelFormatError, UnicodeEncodeError):
        odd = next((value for value in values if not _is_plain(value)), values[0])
        raise ValueError(
            f"Classes of {classes.dtype} cannot be saved, such as {odd!r:.60}. Fit with strings,"
            " numbers or booleans as labels."
        ) from None
    return document


def _is_plain(value: object) -> bool:
    """Whether a class can be written as JSON."""
    if isinstance(value, str):
        return not any("\ud800" <= c <= "\udfff" for c in value)
    return type(value) in PLAIN


def _classes(document: Any, what: str) -> npt.NDArray[Any]:
    if isinstance(document, dict) and set(document) == {"dtype", "values"}:
        name, values = document["dtype"], document["values"]
        wanted: tuple[type, ...] = {"bool": (bool,), "object": PLAIN, "str": (str,)}.get(
            name if isinstance(name, str) else "", (int, float)
        )
        if (
            name in tuple(CLASS_DTYPES)
            and isinstance(values, list)
            and values
            and all(type(value) in wanted for value in values)
            and len(set(values)) == len(values)
        ):
            classes = _as_array(values, name)
            if classes.tolist() == values:
                return classes
    raise ModelFormatError(f"{what} is damaged: its classes are malformed.")


def _as_array(values: list[Any], dtype: str) -> npt.NDArray[Any]:
    """Values in an array of a type, which may change those that do not fit."""
    if dtype == "object":
        classes = np.empty(len(values), dtype=object)
        classes[:] = values
        return classes
    # Not np.array(values, dtype=dtype): NumPy 1 wraps what does not fit.
    try:
        with np.errstate(all="ignore"):
            # Integers by way of objects: among others those beyond 2**63 would become floats.
            exact = None if dtype == "str" else object
            return np.array(values, dtype=exact).astype(dtype)
    except (ValueError, OverflowError):
        return np.array([])
