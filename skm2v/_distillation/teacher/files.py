"""From the name of a teacher to its files, without loading any of them into torch."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skm2v._distillation.teacher.device import TeacherDType, check_teacher_dtype
from skm2v._model.front_matter import read_card
from skm2v._model.hub import in_the_way, locate
from skm2v.exceptions import TeacherError, TeacherNotFoundError

__all__ = ["TeacherFiles", "check_prompt", "find_teacher", "read_json", "with_prompt"]

# What a teacher's vectors can depend on. Pictures, data sets and other formats of the weights
# (ONNX, OpenVINO, TensorFlow) are neither fetched nor hashed.
_SUFFIXES = (".json", ".txt", ".model", ".spm", ".safetensors", ".py", ".jinja")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_OTHER_FORMATS = ("onnx", "openvino", "tf_model", "flax_model")


@dataclass(frozen=True)
class TeacherFiles:
    """A teacher in a local folder.

    Attributes
    ----------
    folder : Path
    name : str
        Hub id, or the name of the folder.
    revision : str or None
        Commit, if the teacher comes from the hub.
    licence : str or None
        From the model card.
    language : tuple of str
        From the model card.
    trust_remote_code, allow_pickle_weights : bool
        What may be run while loading.
    prompt : str or None
        Text that it is to read before every token and every text.
    dtype : {"float32", "bfloat16"}
        What it is to compute in.
    """

    folder: Path
    name: str
    revision: str | None = None
    licence: str | None = None
    language: tuple[str, ...] = ()
    trust_remote_code: bool = False
    allow_pickle_weights: bool = False
    prompt: str | None = None
    dtype: TeacherDType = "float32"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all that its vectors in float32 depend on: content of files, prompt."""
        digest = hashlib.sha256()
        for path in self._files():
            name = path.relative_to(self.folder).as_posix()
            digest.update(f"{name}\0{_file_sha256(path)}\n".encode())
        return with_prompt(digest.hexdigest(), self.prompt)

    def _files(self) -> list[Path]:
        suffixes = _SUFFIXES + (_PICKLES if self.allow_pickle_weights else ())
        found = []
        for root, folders, names in os.walk(self.folder):
            folders[:] = sorted(f for f in folders if f not in _OTHER_FORMATS and f[0] != ".")
            found += [Path(root, name) for name in sorted(names) if name.endswith(suffixes)]
        return found


def with_prompt(fingerprint: str, prompt: str | None) -> str:
    """Return the fingerprint of a teacher that reads a prompt first."""
    if prompt is None:
        return fingerprint
    return hashlib.sha256(f"{fingerprint}\0prompt {prompt}".encode()).hexdigest()


def check_prompt(prompt: object) -> None:
    """Refuse a prompt that is no text."""
    if not isinstance(prompt, (str, type(None))):
        raise TeacherError(
            "prompt must be the text that the teacher reads first, such as 'query: ', or None; got"
            f" {prompt!r:.60}."
        )


def find_teacher(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    subfolder: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle_weights: bool = False,
    prompt: str | None = None,
    dtype: TeacherDType = "float32",
) -> TeacherFiles:
    """Find the files of a teacher: in a local folder, in the hub's cache or on the hub.

    Parameters
    ----------
    name : str or path
        Local folder, or hub id such as ``"sentence-transformers/all-MiniLM-L6-v2"``. Only for a
        hub id a network is used.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    subfolder : str or None, default=None
        Folder of the teacher inside the model.
    trust_remote_code, allow_pickle_weights : bool, default=False
        What may be run while loading.
    prompt : str or None, default=None
        Text that the teacher is to read before every token and every text.
    dtype : {"float32", "bfloat16"}, default="float32"
        What it is to compute in.

    Returns
    -------
    files : TeacherFiles

    Raises
    ------
    TeacherNotFoundError
        If there is no such folder, or the hub does not give the model.
    TeacherError
        If the arguments do not fit together.
    MissingExtraError
        If `name` is a hub id and huggingface_hub is not installed.
    """
    if not isinstance(name, (str, os.PathLike)):
        raise TeacherError(
            f"model_name must be a hub id or a path; got {type(name).__name__}. For a model in"
            " memory use distill_from_model(model, tokenizer)."
        )
    check_prompt(prompt)
    check_teacher_dtype(dtype)
    suffixes = _SUFFIXES + (_PICKLES if allow_pickle_weights else ())
    try:
        folder, source, commit = locate(
            name,
            subfolder=subfolder,
            revision=revision,
            patterns=[*(f"*{suffix}" for suffix in suffixes), "README.md"],
            ignored=[f"*{form}/*" for form in _OTHER_FORMATS],
        )
    except FileNotFoundError as error:
        raise TeacherNotFoundError(str(error)) from error
    except ValueError as error:
        raise TeacherError(str(error)) from error
    if not folder.is_dir():
        raise TeacherError(
            f"A teacher must be a folder or a hub id; {os.fspath(name)!r} is no folder. Pass the"
            " folder that has config.json in it."
        )
    hidden = "" if source else in_the_way(name)
    if hidden and not any((folder / file).exists() for file in ("config.json", "modules.json")):
        raise TeacherNotFoundError(f"{str(folder)!r} holds no model.{hidden}")
    card = read_card(folder)
    return TeacherFiles(
        folder=folder,
        name=source or folder.resolve().name,
        revision=commit or revision,
        licence=card.licence,
        language=card.language,
        trust_remote_code=trust_remote_code,
        allow_pickle_weights=allow_pickle_weights,
        prompt=prompt,
        dtype=dtype,
    )


def read_json(path: Path) -> Any:
    """Read one of a teacher's JSON files; None if there is no such file.

    Raises
    ------
    TeacherError
        If it is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError, OSError) as error:
        raise TeacherError(f"The teacher's file {str(path)!r} cannot be read: {error}.") from error


_hashes: dict[tuple[str, int, int], str] = {}
_hashes_lock = threading.Lock()


def _file_sha256(path: Path) -> str:
    """SHA-256 of a file, remembered as long as its size and time of change stay the same."""
    status = os.stat(path)
    key = os.path.realpath(path), status.st_size, status.st_mtime_ns
    with _hashes_lock:
        known = _hashes.get(key)
    if known is None:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        known = digest.hexdigest()
        with _hashes_lock:
            if len(_hashes) >= 4096:
                _hashes.clear()
            _hashes[key] = known
    return known
