"""Folder to model: every byte is checked before anything is built from it.

A file of ours is complete in itself and carries a hash. Without our metadata the layouts of
Model2Vec and sentence-transformers are read (:mod:`skm2v._model.layouts`).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from skm2v._model import files
from skm2v._model.files import MODEL_FILE
from skm2v._model.folder import Folder, Place
from skm2v._model.hub import in_the_way, locate
from skm2v._model.layouts import MAX_JSON_BYTES, read_peer
from skm2v._model.parts import MODEL, UNKNOWN, ModelParts
from skm2v._model.sealed import describe_sealed, is_sealed
from skm2v._model.sidecars import SIDECARS
from skm2v._model.tensor_file import parse_tensors, shown, with_own_numbers
from skm2v._model.unknown_token import unmute
from skm2v.exceptions import ModelFormatError

__all__ = ["load", "read"]

MAX_MODEL_BYTES = 8 << 30


def load(
    name: str | os.PathLike[str],
    *,
    subfolder: str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    force_download: bool = False,
    sha256: str | None = None,
    mmap: bool = False,
    verify: bool = True,
) -> tuple[ModelParts, str | None]:
    """Find and read a model; see :meth:`skm2v.StaticModel.from_pretrained`.

    Returns
    -------
    parts : ModelParts
    sha256 : str or None
        Hash of the content, if it is known.
    """
    location = locate(
        name,
        subfolder=subfolder,
        revision=revision,
        token=token,
        force_download=force_download,
    )
    try:
        parts, digest = read(location.path, sha256=sha256, mmap=mmap, verify=verify)
    except FileNotFoundError as error:
        hidden = "" if location.source else in_the_way(name)
        if not hidden:
            raise
        raise FileNotFoundError(f"{error}{hidden}") from error
    if location.source is not None:
        config = replace(parts.config, source=location.source, source_revision=location.revision)
        parts, digest = replace(parts, config=config), None
    return parts, digest


def read(
    path: Path, *, sha256: str | None = None, mmap: bool = False, verify: bool = True
) -> tuple[ModelParts, str | None]:
    """Read a model from a folder, or from its ``model.safetensors`` alone.

    Parameters
    ----------
    path : Path
    sha256 : str or None, default=None
        Expected SHA-256 of the bytes of ``model.safetensors``.
    mmap : bool, default=False
        Map that file into memory instead of reading it.
    verify : bool, default=True
        Whether the hashes are computed that a file of ours holds.

    Raises
    ------
    ModelFormatError
        If the model is damaged, not supported, or not the one that `sha256` names.
    OSError
        If a file cannot be read.
    """
    if path.is_file():
        return _read(_content(path, mmap), path, None, sha256, verify)
    with Folder(path) as folder:
        file = folder / MODEL_FILE
        try:
            data = _content(file, mmap)
        except FileNotFoundError:
            if sha256 is not None:
                raise
            _check_for_others(path)
            parts, digest = read_peer(folder, None, {}), None
        else:
            parts, digest = _read(data, file, folder, sha256, verify)
        # Of a file of ours it was asked which of them count.
        if digest is None and (changed := folder.changed()):
            raise ModelFormatError(f"{changed[0]} was replaced while it was read. Load it again.")
    return parts, digest


def _content(file: Path | Place, mmap: bool) -> Any:
    """Bytes of a file, read or mapped."""
    if mmap:
        return files.map_file(file, max_bytes=MAX_MODEL_BYTES)
    return files.read_file(file, max_bytes=MAX_MODEL_BYTES)[0]


def _read(
    data: Any, file: Path | Place, folder: Folder | None, sha256: str | None, verify: bool
) -> tuple[ModelParts, str | None]:
    """Make a model of a model file, and of those in its folder that are a part of it."""
    if sha256 is not None:
        _check_pin(data, sha256, file)
    tensors, metadata = parse_tensors(data, what=str(file))
    if not isinstance(data, bytes):
        tensors = with_own_numbers(tensors)
    if MODEL.key not in metadata:
        kind = describe_sealed(metadata, not_by=MODEL.key)
        if kind is not None:
            raise ModelFormatError(f"{file} holds {kind}.")
        if is_sealed(metadata):
            raise ModelFormatError(
                f"The metadata of {file} are damaged: {MODEL.key!r} has another name."
            )
        if sha256 is not None or folder is None:
            raise ModelFormatError(
                f"{file} was not written by skm2v, so its tokenizer and settings are in other"
                " files. Load the folder without sha256, and save it with save_pretrained."
            )
        return read_peer(folder, file, tensors), None
    document = MODEL.document(metadata[MODEL.key], what=str(file))
    _check_sidecars(document["sidecars"], file)
    tensors = shown(tensors)
    if UNKNOWN in document:
        tensors = unmute(tensors, document[UNKNOWN], what=str(file))
    parts = MODEL.open(document, tensors, what=str(file), verify=verify)
    if folder is not None and verify:
        edited = _edited_sidecars(folder, document["sidecars"])
        # While a new model is saved its files stand beside the old tensors, which were read.
        if edited and file not in folder.changed():
            raise ModelFormatError(
                f"{', '.join(edited)} in {folder} changed since the model was saved. Settings and"
                f" tokenizer are read from {MODEL_FILE}: undo the change, or delete the file."
            )
    return parts, document["sha256"]


def _check_for_others(folder: Path) -> None:
    """Say so where a folder without a model has files of ours under other names."""
    # Keys of models of any kind begin with that of static ones.
    mark = MODEL.mark.rstrip(b'":')
    for path in sorted(folder.glob("*.safetensors")):
        if files.read_start(path, 8 + len(mark))[8:] == mark:
            raise FileNotFoundError(
                f"{folder} has no {MODEL_FILE}. To load {path.name!r}, pass the path of the file."
            )


def _check_pin(data: Any, sha256: str, file: object) -> None:
    if not isinstance(sha256, str) or len(sha256) != 64:
        raise ValueError(f"sha256 must be a string of 64 hexadecimal digits; got {sha256!r:.80}.")
    actual = hashlib.sha256(data).hexdigest()
    if actual != sha256.lower():
        raise ModelFormatError(f"The SHA-256 of {file} is {actual}; {sha256} was expected.")


def _check_sidecars(sidecars: object, file: object) -> None:
    if (
        not isinstance(sidecars, dict)
        or not set(sidecars) <= set(SIDECARS)
        or not all(isinstance(digest, str) for digest in sidecars.values())
    ):
        raise ModelFormatError(f"The metadata of {file} are damaged: 'sidecars' is malformed.")


def _edited_sidecars(folder: Folder, sidecars: dict[str, str]) -> list[str]:
    edited = []
    for name, expected in sidecars.items():
        try:
            data, _ = files.read_file(folder / name, max_bytes=MAX_JSON_BYTES)
        except FileNotFoundError:
            continue
        if hashlib.sha256(data).hexdigest() != expected:
            edited.append(name)
    return edited
