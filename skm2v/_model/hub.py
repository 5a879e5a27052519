"""From the name of a model to a local folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from skm2v._model.files import local_path
from skm2v.exceptions import MissingExtraError

__all__ = ["Location", "looks_like_hub_id", "locate"]

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
_FILES = (
    "model.safetensors",
    "tokenizer.json",
    "config.json",
    "modules.json",
    "config_sentence_transformers.json",
    "0_StaticEmbedding/model.safetensors",
    "0_StaticEmbedding/tokenizer.json",
)


class Location(NamedTuple):
    """Where a model is.

    Attributes
    ----------
    path : Path
        Folder, or model file.
    source : str or None
        Name on the hub, if it came from there.
    revision : str or None
        Commit on the hub.
    """

    path: Path
    source: str | None = None
    revision: str | None = None


def looks_like_hub_id(name: str | os.PathLike[str]) -> bool:
    """Return whether a name that is no local path may be looked up on the hub.

    It has the form ``name`` or ``owner/name``, and there is no local folder ``owner``: then
    ``owner/name`` is taken for a path with a typing error.
    """
    if not isinstance(name, str) or not _HUB_ID.fullmatch(name) or ".." in name:
        return False
    if name.endswith((".safetensors", ".json", ".bin")):
        return False
    owner, _, rest = name.partition("/")
    return not (rest and os.path.lexists(owner))


def locate(
    name: str | os.PathLike[str],
    *,
    subfolder: str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    force_download: bool = False,
) -> Location:
    """Find a model, in a local folder or on the hub.

    Parameters
    ----------
    name : str or path
        A local path, or a hub id. Only for a hub id a network is used.
    subfolder : str or None, default=None
        Folder in it.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    token : str, bool or None, default=None
        Access token for the hub.
    force_download : bool, default=False
        Download again what is in the cache.

    Returns
    -------
    location : Location

    Raises
    ------
    FileNotFoundError
        If there is no such path, or the model is neither in the cache nor to be had from the hub.
    MissingExtraError
        If `name` is a hub id and huggingface_hub is not installed.
    """
    path = local_path(name)
    inner = _checked_subfolder(subfolder)
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    else:
        if revision is not None:
            raise ValueError(
                f"revision={revision!r} was given, but {str(path)!r} is a local path, which has"
                " no revisions. Leave revision out."
            )
        return Location(path / inner)
    if not looks_like_hub_id(name):
        raise FileNotFoundError(
            f"There is no file or folder {os.fspath(name)!r}. (It does not look like a hub id,"
            " 'owner/name', so the hub was not asked.)"
        )
    folder = _download(str(name), inner, revision, token, force_download)
    return Location(folder / inner, source=str(name), revision=_commit(folder))


def _checked_subfolder(subfolder: str | None) -> str:
    if not subfolder:
        return ""
    parts = Path(subfolder).parts
    if Path(subfolder).is_absolute() or ".." in parts or "\0" in subfolder or "*" in subfolder:
        raise ValueError(f"subfolder must be a relative path inside the model; got {subfolder!r}.")
    return "/".join(part for part in parts if part != ".")


def _download(
    name: str, inner: str, revision: str | None, token: str | bool | None, force: bool
) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError(
            f"There is no folder {name!r} here. To look for it on the hub, install"
            ' huggingface_hub: pip install "skm2v[distill]".'
        ) from error
    prefix = f"{inner}/" if inner else ""
    try:
        folder = snapshot_download(
            name,
            revision=revision,
            token=token,
            force_download=force,
            allow_patterns=[prefix + file for file in _FILES],
        )
    except Exception as error:  # whatever the client's version and its HTTP library raise
        raise FileNotFoundError(
            f"{name!r} is neither a local folder nor in the hub's cache, and it could not be"
            f" fetched from the hub: {type(error).__name__}: {str(error).strip()[:300]}"
        ) from error
    return Path(folder)


def _commit(folder: Path) -> str | None:
    """Return the commit that the cache names a snapshot's folder after."""
    return folder.name if re.fullmatch(r"[0-9a-f]{40}", folder.name) else None
