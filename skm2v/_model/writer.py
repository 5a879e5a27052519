"""Model to folder.

``model.safetensors`` is complete in itself: a save is done when that file is renamed into place,
and not before. The files beside it are for other tools. While they are exchanged some are
missing, which no reader minds; a file of one model beside the tensors of another would be an
error for ours and wrong vectors for theirs, so they go before the tensors change and come after.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import replace
from pathlib import Path

from skm2v._model import files
from skm2v._model.card import is_as_rendered
from skm2v._model.files import MODEL_FILE
from skm2v._model.front_matter import MAX_CARD_BYTES
from skm2v._model.kernel_tables import kernel_of
from skm2v._model.parts import MODEL, ModelParts
from skm2v._model.sidecars import CARD, SIDECARS, render_sidecars
from skm2v._model.tensor_file import hidden
from skm2v._model.tokenizer_check import build_tokenizer
from skm2v._model.unknown_token import mute
from skm2v.exceptions import ModelFormatError

__all__ = ["save"]


def save(
    parts: ModelParts,
    sha256: str,
    path: str | os.PathLike[str],
    *,
    model_name: str | None = None,
) -> None:
    """Write a model to a folder.

    Readers see the whole old model or the whole new one, whenever they look and wherever a save
    is interrupted. Savers of one folder wait for each other where the system has file locks.

    Parameters
    ----------
    parts : ModelParts
    sha256 : str
        Hash of the content of `parts`.
    path : str or path
        Folder; created if it is not there. Files of a model in it are replaced, others stay, and
        so does a card that a person wrote or changed.
    model_name : str or None, default=None
        Title of the card.

    Raises
    ------
    OSError
        If a file cannot be written. Nothing has changed then, except perhaps files for other
        tools, and no temporary file is left.
    """
    folder = files.local_path(path)
    sidecars = render_sidecars(parts, model_name)
    files.make_folder(folder)
    with files.exclusive(folder) as alone, _Exchange(folder) as exchange:
        if alone:
            files.sweep(folder)
        data = render_model(parts, sha256, sidecars)
        if not _is_ours(folder / CARD):
            del sidecars[CARD]
        for name, text in sidecars.items():
            exchange.stage(name, text)
        if _is_of_a_peer(folder):
            # Of their model the files beside the tensors are a part, so these stay until ours is
            # there; and until theirs are gone, ours goes under names that only we know.
            exchange.stage(FINAL, data)
            exchange.stage(MODEL_FILE, render_model(parts, sha256, {}, hide=True))
            exchange.commit(MODEL_FILE)
            exchange.retire(*SIDECARS)
            exchange.commit(*sidecars)
            exchange.commit(FINAL)
        else:
            exchange.stage(MODEL_FILE, data)
            exchange.retire(*SIDECARS)
            exchange.commit(MODEL_FILE)
            exchange.commit(*sidecars)


def _is_of_a_peer(folder: Path) -> bool:
    """Whether a folder has a model, or parts of one, that another tool wrote."""
    start = files.read_start(folder / MODEL_FILE, 8 + len(MODEL.mark))
    if start[8:] == MODEL.mark:
        return False
    return any(os.path.lexists(folder / name) for name in (MODEL_FILE, *SIDECARS))


def render_model(
    parts: ModelParts, sha256: str, sidecars: dict[str, bytes], *, hide: bool = False
) -> bytes:
    """Return the content of ``model.safetensors``, perhaps for our own reader only."""
    hashes = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in sidecars.items()
        if name != CARD  # which people edit, and which decides about nothing
    }
    tensors, unknown = mute(parts)
    kernel = kernel_of(build_tokenizer(parts.tokenizer)) if parts.kernel is None else parts.kernel
    content = replace(parts.content, tensors=hidden(tensors) if hide else tensors, kernel=kernel)
    return MODEL.dump(content, sha256=sha256, sidecars=hashes, **unknown)


def _is_ours(card: Path) -> bool:
    """Whether a card may be replaced: there is none, or it is as it was written here."""
    try:
        return is_as_rendered(files.read_file(card, max_bytes=MAX_CARD_BYTES)[0])
    except FileNotFoundError:
        return True
    except (OSError, ModelFormatError):  # a link to nowhere, a folder, a book
        return False


# A second version of the model file, which replaces the first when all else is in place.
FINAL = "final model"
TARGETS = {FINAL: MODEL_FILE}


class _Exchange:
    """Files to put in place and files to take away, undone as far as possible on failure."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staged: dict[str, Path] = {}
        self.retired: dict[str, Path] = {}

    def stage(self, name: str, data: bytes) -> None:
        self.staged[name] = files.stage(self.folder / TARGETS.get(name, name), data)

    def retire(self, *names: str) -> None:
        """Take files away, for now under another name."""
        for name in names:
            aside = files.set_aside(self.folder / name)
            if aside is not None:
                self.retired[name] = aside

    def commit(self, *names: str) -> None:
        """Put staged files in place, and make that last."""
        for name in names:
            files.replace(self.staged[name], self.folder / TARGETS.get(name, name))
            del self.staged[name]
            if name == MODEL_FILE:
                # From here on what was taken away belongs to a model that is no more.
                self._forget()
        files.sync_folder(self.folder)

    def _forget(self) -> None:
        for name, path in list(self.retired.items()):
            with contextlib.suppress(OSError):  # tried once more at the end
                files.unlink(path)
                del self.retired[name]

    def __enter__(self) -> _Exchange:
        return self

    def __exit__(self, *_: object) -> None:
        # Ctrl-C can come between the renaming and its entry in the books: ask the disk.
        if MODEL_FILE in self.staged and self.staged[MODEL_FILE].exists():
            for name, path in self.retired.items():
                with contextlib.suppress(OSError):
                    files.replace(path, self.folder / name)
        else:
            self._forget()
        for path in self.staged.values():
            with contextlib.suppress(OSError):
                files.unlink(path)
