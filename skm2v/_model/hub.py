"""From the name of a model, static or a teacher, to a local folder."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from skm2v._model.files import local_path
from skm2v.datasets import default_model_path
from skm2v.exceptions import MissingExtraError

__all__ = ["BUNDLED", "Located", "checked_subfolder", "in_the_way", "locate", "looks_like_hub_id"]

BUNDLED = "default"  # name of the model that comes with the package

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
MODEL_FILES = (
    "model.safetensors",
    "tokenizer.json",
    "config.json",
    "modules.json",
    "config_sentence_transformers.json",
    "0_StaticEmbedding/model.safetensors",
    "0_StaticEmbedding/tokenizer.json",
    "*_Dense/config.json",
    "*_Dense/model.safetensors",
    "README.md",
)


class Located(NamedTuple):
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
    return _owner_folder(name) is None


def in_the_way(name: str | os.PathLike[str]) -> str:
    """Say so if a name has the form of a hub id, and a local folder has kept the hub from it."""
    if not isinstance(name, str) or not _HUB_ID.fullmatch(name) or ".." in name:
        return ""
    folder = name if os.path.isdir(name) else _owner_folder(name)
    if folder is None:
        return ""
    return (
        f" There is a local folder {folder!r}, so {name!r} was taken for a path, and the hub was"
        " not asked. If you mean the model on the hub, rename the folder or work in another one, or"
        f" pass what huggingface_hub.snapshot_download({name!r}) returns."
    )


def _owner_folder(name: str) -> str | None:
    """Return what is before the slash, if that is the name of something here."""
    owner, _, rest = name.partition("/")
    return owner if rest and os.path.lexists(owner) else None


def locate(
    name: str | os.PathLike[str],
    *,
    subfolder: str | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
    force_download: bool = False,
    patterns: Sequence[str] = MODEL_FILES,
    ignored: Sequence[str] = (),
    needed: str = "*.safetensors",
) -> Located:
    """Find the folder that a name means: the bundled model's, a local one, or one of the hub.

    Parameters
    ----------
    name : str or path
        "default", a local path, or a hub id. Only for a hub id a network is used.
    subfolder : str or None, default=None
        Folder in it.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    token : str, bool or None, default=None
        Access token for the hub.
    force_download : bool, default=False
        Download again what is in the cache.
    patterns, ignored : sequence of str
        Files to fetch from the hub, and not to fetch.
    needed : str, default="*.safetensors"
        Pattern of a file without which what the cache has of a commit is only a part.

    Returns
    -------
    located : Located

    Raises
    ------
    FileNotFoundError
        If there is no such path, or the model is neither in the cache nor to be had from the hub.
    ValueError
        If a revision is given for what is not on the hub, or `subfolder` leads out of the model.
    MissingExtraError
        If `name` is a hub id and huggingface_hub is not installed.
    """
    inner = checked_subfolder(subfolder)
    if name == BUNDLED:
        if os.path.lexists(name):
            raise ValueError(
                f"{name!r} is the bundled model, and there is a file or folder of that name here."
                f" Say './{name}' for it, or skm2v.datasets.default_model_path()."
            )
        path: Path | None = default_model_path()
    else:
        path = local_path(name)
        if not _exists(path):
            path = None
    if path is not None:
        if revision is not None:
            raise ValueError(
                f"revision={revision!r} was given, but {os.fspath(name)!r} does not come from the"
                " hub, so it has no revisions. Leave revision out."
            )
        located = Located(path / inner)
    elif looks_like_hub_id(name):
        prefix = f"{inner}/" if inner else ""
        folder = _download(
            str(name),
            revision,
            needed,
            token=token,
            force_download=force_download,
            allow_patterns=[prefix + pattern for pattern in patterns],
            ignore_patterns=[prefix + pattern for pattern in ignored],
        )
        located = Located(folder / inner, source=str(name), revision=_commit(folder))
    else:
        reason = in_the_way(name) or (
            " (It does not look like a hub id, 'owner/name', so the hub was not asked.)"
        )
        raise FileNotFoundError(f"There is no file or folder {os.fspath(name)!r}.{reason}")
    if inner and not _exists(located.path):
        raise FileNotFoundError(f"The model {os.fspath(name)!r} has no folder {subfolder!r}.")
    return located


def _exists(path: Path) -> bool:
    """Whether there is something; what cannot be looked at is an error, not an absence."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def checked_subfolder(subfolder: str | None) -> str:
    """Return a folder inside a model with slashes; "" for none."""
    if not subfolder:
        return ""
    parts = Path(subfolder).parts
    if Path(subfolder).is_absolute() or ".." in parts or "\0" in subfolder or "*" in subfolder:
        raise ValueError(f"subfolder must be a relative path inside the model; got {subfolder!r}.")
    return "/".join(part for part in parts if part != ".")


def _download(name: str, revision: str | None, needed: str, **options: Any) -> Path:
    """Folder of a snapshot in the hub's cache."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError(
            f"There is no folder {name!r} here. To look for it on the hub, install"
            ' huggingface_hub: pip install "skm2v[distill]".'
        ) from error
    if revision is not None and _COMMIT.fullmatch(revision) and not options["force_download"]:
        # A commit never changes: what is in the cache needs no question to the hub. A snapshot
        # that was made for other files, such as a tokenizer's alone, lacks what is needed.
        with contextlib.suppress(Exception):
            here = snapshot_download(name, revision=revision, local_files_only=True, **options)
            if any(Path(here).rglob(needed)):
                return Path(here)
    try:
        return Path(snapshot_download(name, revision=revision, **options))
    except Exception as error:  # whatever the client's version and its HTTP library raise
        at = f" at revision {revision!r}" if revision else ""
        raise FileNotFoundError(
            f"{name!r} is no local folder, and {_why_not(error)}{at}.{_likely(name)}"
            f" ({type(error).__name__}: {str(error).strip()[:300]})"
        ) from error


def _likely(name: str) -> str:
    """What may be meant by a name without an owner, as hardly a model of the hub has."""
    if "/" in name:
        return ""
    if get_close_matches(name.lower(), [BUNDLED]):
        return f" Did you mean {BUNDLED!r}, the bundled model?"
    return f" Names of models on the hub begin with their owner: 'owner/{name}'."


# Names of the client's errors, whose classes have moved from version to version.
_NOT_REACHED = {
    "LocalEntryNotFoundError", "OfflineModeIsEnabled", "ConnectionError", "TransportError",
    "Timeout", "TimeoutError",
}  # fmt: skip
_NOT_KNOWN = {"RepositoryNotFoundError", "RevisionNotFoundError", "GatedRepoError"}


def _why_not(error: Exception) -> str:
    """Say whether the hub was not reached, or does not have what was asked for."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & _NOT_KNOWN:
        return (
            "the hub has no model of that name that may be read without a token for it (token=...)"
        )
    if kinds & _NOT_REACHED:
        setting = os.environ.get("HF_HUB_OFFLINE", "")
        off = f" (HF_HUB_OFFLINE={setting} forbids it)" if setting not in ("", "0") else ""
        return f"the hub was not reached{off}, and its cache on this machine has no such model"
    return "the hub and its cache on this machine do not give a model of that name"


def _commit(folder: Path) -> str | None:
    """Return the commit that the cache names a snapshot's folder after."""
    return folder.name if _COMMIT.fullmatch(folder.name) else None
