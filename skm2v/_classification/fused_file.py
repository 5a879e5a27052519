"""The file of a fused model: one safetensors file, complete in itself and checked when read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._classification.links import LINKS
from skm2v._classification.scores import FORMS, ScoreTable
from skm2v._model import files
from skm2v._model.sealed import Content, Seal
from skm2v._model.tensor_file import parse_tensors
from skm2v._model.tokenizer_check import build_tokenizer
from skm2v._pooling import PoolingTable
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
TENSORS = {
    "rows": None,
    "weights": "float32",
    "mapping": "int32",
    "pairs": "int32",
    "coef": "float64",
    "intercept": "float64",
    "inverse_temperature": "float64",
}


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
    handle_missing: str
    flat: bool | None = None
    classes: npt.NDArray[Any] | None = None
    link: str | None = None
    multilabel: bool | None = None
    inverse_temperature: npt.NDArray[np.float64] | None = None


def write(content: FusedContent, path: str | os.PathLike[str]) -> None:
    """Write a fused model; see :meth:`skm2v.FusedTextClassifier.save`."""
    target = files.local_path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder; a fused model is a file in one.")
    scores, table = content.scores, content.scores.table
    arrays = {
        "rows": table.rows,
        "weights": table.weights,
        "mapping": table.mapping,
        "pairs": table.pairs,
        "coef": scores.coef,
        "intercept": scores.intercept,
        "inverse_temperature": content.inverse_temperature,
    }
    settings = {
        "classes": None if content.classes is None else _class_document(content.classes),
        "flat": content.flat,
        "form": scores.form,
        "handle_missing": content.handle_missing,
        "kind": content.kind,
        "link": content.link,
        "max_length": scores.max_length,
        "multilabel": content.multilabel,
    }
    tensors = {name: array for name, array in arrays.items() if array is not None}
    data = FUSED.dump(Content(settings, tensors, scores.tokenizer.json))
    staged = files.stage(target, data)
    try:
        files.replace(staged, target)
    finally:
        files.unlink(staged)
    files.sync_folder(target.parent)


def read(path: str | os.PathLike[str], kind: str, *, mmap: bool = False) -> FusedContent:
    """Read a fused model of a kind; see :meth:`skm2v.FusedTextClassifier.load`."""
    file = files.local_path(path)
    what = str(file)
    data: Any = (
        files.map_file(file, max_bytes=MAX_BYTES)
        if mmap
        else files.read_file(file, max_bytes=MAX_BYTES)[0]
    )
    tensors, metadata = parse_tensors(data, what=what)
    if FUSED.key not in metadata:
        raise ModelFormatError(
            f"{what} is no fused model: it was not written by save(). A static model is loaded"
            " with StaticModel.from_pretrained."
        )
    content, _ = FUSED.read(metadata[FUSED.key], tensors, what=what)
    if content.kind != kind:
        raise ModelFormatError(
            f"{what} holds a {content.kind}; load it with {READERS[content.kind]}.load."
        )
    return content


def _read_v1(content: Content, what: str) -> FusedContent:
    settings, tensors = content.settings, content.tensors
    _check_settings(settings, what)
    if content.tokenizer is None:
        raise ModelFormatError(f"{what} is damaged: it has no tokenizer.")
    _check_tensors(tensors, what)
    table = PoolingTable(
        tensors["rows"], tensors.get("weights"), tensors.get("mapping"), tensors.get("pairs")
    )
    scores = ScoreTable(
        build_tokenizer(content.tokenizer),
        table,
        tensors["intercept"],
        settings["form"],
        settings["max_length"],
        tensors.get("coef"),
    )
    kind, missing = settings["kind"], settings["handle_missing"]
    if kind == "regressor":
        if settings["flat"] and scores.n_outputs != 1:
            raise ModelFormatError(f"{what} is damaged: it has {scores.n_outputs} targets.")
        return FusedContent(scores, kind, missing, flat=settings["flat"])
    classes = _classes(settings["classes"], what)
    _check_outputs(settings, tensors, scores.n_outputs, len(classes), what)
    return FusedContent(
        scores,
        kind,
        missing,
        classes=classes,
        link=settings["link"],
        multilabel=settings["multilabel"],
        inverse_temperature=tensors.get("inverse_temperature"),
    )


#: Files of fused models.
FUSED = Seal("skm2v-fused", {1: _read_v1})


def _check_settings(settings: Mapping[str, Any], what: str) -> None:
    length = settings.get("max_length")
    if (
        set(settings) != SETTINGS
        or settings["kind"] not in tuple(READERS)
        or settings["form"] not in FORMS
        or settings["handle_missing"] not in ("error", "zero")
        or not (length is None or (type(length) is int and 1 <= length < 2**31))
        or (settings["kind"] == "regressor" and type(settings["flat"]) is not bool)
        or (settings["kind"] == "classifier" and type(settings["multilabel"]) is not bool)
        or (settings["link"] is not None and settings["link"] not in tuple(LINKS))
    ):
        raise ModelFormatError(f"{what} is damaged: a setting is missing, unknown or malformed.")


def _check_tensors(tensors: Mapping[str, npt.NDArray[Any]], what: str) -> None:
    if not {"rows", "intercept"} <= set(tensors) <= set(TENSORS):
        raise ModelFormatError(f"{what} is damaged: it has the tensors {sorted(tensors)[:10]}.")
    for name, array in tensors.items():
        ndim = 2 if name in ("rows", "coef", "pairs") else 1
        dtype = TENSORS[name]
        if array.ndim != ndim or (dtype is not None and array.dtype.name != dtype):
            raise ModelFormatError(
                f"{what} is damaged: tensor {name!r} is {array.ndim}-D of {array.dtype}."
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelFormatError(f"{what} is damaged: tensor {name!r} is not finite.")


def _check_outputs(
    settings: Mapping[str, Any],
    tensors: Mapping[str, npt.NDArray[Any]],
    n_outputs: int,
    n_classes: int,
    what: str,
) -> None:
    """Check that outputs, classes, link and temperatures fit together."""
    link, multilabel = settings["link"], settings["multilabel"]
    expected = n_classes if multilabel or n_classes > 2 else 1
    links = {None, "multilabel"} if multilabel else {None, "softmax", "one-versus-rest", "huber"}
    if expected == 1 and not multilabel:
        links = {None, "binary", "huber"}
    temperature = tensors.get("inverse_temperature")
    if (
        n_outputs != expected
        or (n_classes < 2 and not multilabel)
        or link not in links
        or (temperature is not None and len(temperature) not in (1, n_outputs))
    ):
        raise ModelFormatError(
            f"{what} is damaged: {n_outputs} outputs do not fit {n_classes} classes and the link"
            f" {link!r}."
        )


def _class_document(classes: npt.NDArray[Any]) -> dict[str, Any]:
    """Classes as plain data."""
    values = classes.tolist()
    name = "str" if classes.dtype.kind in "UT" else classes.dtype.name
    if name not in CLASS_DTYPES or (
        name == "object" and not all(type(value) is str for value in values)
    ):
        raise ValueError(
            f"Classes of {classes.dtype} cannot be saved, such as {values[0]!r}. Fit with strings,"
            " integers or booleans as labels."
        )
    return {"dtype": name, "values": values}


def _classes(document: Any, what: str) -> npt.NDArray[Any]:
    if isinstance(document, dict) and set(document) == {"dtype", "values"}:
        name, values = document["dtype"], document["values"]
        wanted: tuple[type, ...] = {"bool": (bool,), "object": (str,), "str": (str,)}.get(
            name if isinstance(name, str) else "", (int, float)
        )
        if (
            name in tuple(CLASS_DTYPES)
            and isinstance(values, list)
            and values
            and all(type(value) in wanted for value in values)
            and len(set(values)) == len(values)
        ):
            # Not np.array(values, dtype=name): NumPy 1 wraps what does not fit.
            try:
                with np.errstate(all="ignore"):
                    classes = np.array(values).astype(name)
            except (ValueError, OverflowError):
                classes = np.array([])
            if classes.tolist() == values:
                return classes
    raise ModelFormatError(f"{what} is damaged: its classes are malformed.")
