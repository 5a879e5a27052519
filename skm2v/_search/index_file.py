"""The file of a searcher: one safetensors file, complete in itself and checked when read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy.typing as npt

from skm2v._checks import is_count, is_number
from skm2v._model.core import Core
from skm2v._model.kernel_tables import kernel_of
from skm2v._model.parts import MODEL as MODEL_SEAL
from skm2v._model.sealed import SEARCH_KEY, Content, Seal
from skm2v._model.sealed_file import SealedFile
from skm2v._pairs.coding import Stored
from skm2v._search.index import Ids, Index
from skm2v._search.postings import Postings
from skm2v._search.strings import Strings
from skm2v._static_model import StaticModel
from skm2v.exceptions import ModelFormatError

__all__ = ["SearchContent", "read", "write"]

MAX_BYTES = 256 << 30
SETTINGS = {
    "b",
    "k1",
    "lexical_weight",
    "model",
    "rerank_top",
    "rerank_weight",
    "stemmer",
    "stemmer_version",
    "stop_words",
}
MODEL = "model."  # before the names of its tensors
STORED = tuple(field.name for field in fields(Stored))
STRINGS = ("texts", "terms")
IDS = "ids"


@dataclass(frozen=True, eq=False)
class SearchContent:
    """What is in the file of a searcher.

    Attributes
    ----------
    index : Index
    model : StaticModel
        What embeds queries.
    settings : dict
        Parameters, and the version of the stemmer.
    """

    index: Index
    model: StaticModel
    settings: dict[str, Any]


def write(content: SearchContent, path: str | os.PathLike[str]) -> None:
    """Write a searcher; see :meth:`skm2v.TextSearcher.save`."""
    target = FILE.target(path)
    index, model = content.index, content.model._core.parts.content
    postings, stored = index.postings, index.dense.stored()
    tensors: dict[str, npt.NDArray[Any]] = {
        "vectors": index.vectors,
        **{name: getattr(stored, name) for name in STORED},
        "starts": postings.starts,
        "documents": postings.documents,
        "counts": postings.counts,
        "lengths": postings.lengths,
        **_strings("texts", index.texts),
        **_strings("terms", postings.terms),
        **(_strings(IDS, index.ids) if isinstance(index.ids, Strings) else {IDS: index.ids}),
        **{MODEL + name: array for name, array in model.tensors.items()},
    }
    settings = {**content.settings, "model": dict(model.settings)}
    kernel = kernel_of(content.model.text_tokenizer)
    FILE.write(target, Content(settings, tensors, model.tokenizer, kernel))


def _strings(name: str, strings: Strings) -> dict[str, npt.NDArray[Any]]:
    return {f"{name}.data": strings.data, f"{name}.starts": strings.starts}


def read(path: str | os.PathLike[str], *, mmap: bool = False, verify: bool = True) -> SearchContent:
    """Read a searcher; see :meth:`skm2v.TextSearcher.load`."""
    return FILE.read(path, mmap=mmap, verify=verify)


def _read_v1(content: Content, what: str) -> SearchContent:
    settings, tensors = dict(content.settings), dict(content.tensors)
    _check_settings(settings, what)
    of_model = {
        name.removeprefix(MODEL): tensors.pop(name)
        for name in list(tensors)
        if name.startswith(MODEL)
    }
    model_content = Content(settings.pop("model"), of_model, content.tokenizer, content.kernel)
    parts = MODEL_SEAL.readers[1](model_content, what)
    model = StaticModel._of_core(Core.of_parts(parts))
    try:
        texts, terms = (_take_strings(name, tensors) for name in STRINGS)
        ids: Ids = _take_strings(IDS, tensors) if f"{IDS}.data" in tensors else tensors.pop(IDS)
        vectors = tensors.pop("vectors")
        stored = Stored(*map(tensors.pop, STORED))
        postings = Postings(terms, *map(tensors.pop, ("starts", "documents", "counts", "lengths")))
    except KeyError as error:
        raise ModelFormatError(f"{what} is damaged: it has no tensor {error}.") from None
    index = Index(texts, ids, vectors, postings, stored)
    if tensors or not index.is_sound() or vectors.shape[1] != model.dim:
        raise ModelFormatError(f"{what} is damaged: its arrays do not fit together.")
    return SearchContent(index, model, settings)


def _take_strings(name: str, tensors: dict[str, npt.NDArray[Any]]) -> Strings:
    return Strings(tensors.pop(f"{name}.data"), tensors.pop(f"{name}.starts"))


#: Files of searchers.
SEARCH = Seal(SEARCH_KEY, {1: _read_v1})
FILE = SealedFile(SEARCH, "an index", "TextSearcher.save()", MAX_BYTES)


def _check_settings(settings: Mapping[str, Any], what: str) -> None:
    numbers = ("b", "k1", "lexical_weight", "rerank_weight")
    stop_words = settings.get("stop_words")
    if (
        set(settings) != SETTINGS
        or not all(is_number(settings[name]) for name in numbers)
        or not is_count(settings["rerank_top"])
        or not isinstance(settings["model"], dict)
        or not all(
            isinstance(settings[name], (str, type(None))) for name in ("stemmer", "stemmer_version")
        )
        or not (
            isinstance(stop_words, (str, type(None)))
            or (isinstance(stop_words, list) and all(isinstance(w, str) for w in stop_words))
        )
    ):
        raise ModelFormatError(f"{what} is damaged: a setting is missing, unknown or malformed.")
