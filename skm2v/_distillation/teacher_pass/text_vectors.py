"""The teacher's vectors of texts, each computed once.

A cross-validation shows overlapping sets of texts, so vectors are kept by text: in this process
and, if there is a folder, on disk, where the pass is written piece by piece. A pass that was
killed is resumed where it stopped.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._distillation.teacher.teacher import Teacher
from skm2v._distillation.teacher_pass.store import (
    SUFFIX,
    among_processes,
    lock_of,
    read_entry,
    write_entry,
)

__all__ = ["TeacherSource", "forget_texts", "text_vectors"]

logger = logging.getLogger("skm2v")

Floats = npt.NDArray[np.float32]

PIECE = 512  # texts of one piece of the pass, and of one file
RECENT_BYTES = 1 << 30  # vectors that this process remembers

_FORMAT = 1

TeacherSource = Callable[[], Teacher]


class _Known:
    """Vectors by text, of one teacher."""

    def __init__(self) -> None:
        self.places: dict[bytes, tuple[int, int]] = {}
        self.blocks: list[Floats] = []
        self.files: set[str] = set()

    def add(self, keys: Sequence[bytes], vectors: Floats) -> None:
        for row, key in enumerate(keys):
            self.places.setdefault(key, (len(self.blocks), row))
        self.blocks.append(vectors)

    def gather(self, keys: Sequence[bytes]) -> Floats:
        return np.stack([self.blocks[block][row] for block, row in map(self.places.get, keys)])  # type: ignore[misc]

    @property
    def n_bytes(self) -> int:
        return sum(block.nbytes for block in self.blocks)


_recent: OrderedDict[str, _Known] = OrderedDict()
_guard = threading.Lock()


def text_vectors(
    texts: Sequence[str],
    load: TeacherSource,
    fingerprint: str,
    *,
    folder: Path | None = None,
    batch_size: int = 32,
    progress: Callable[[int], object] | None = None,
) -> Floats:
    """Return the teacher's vectors of texts.

    Where joblib has a parallel backend (``with joblib.parallel_config("loky", n_jobs=4)``, or
    "dask" for several machines), pieces of the pass go to its workers; each loads the teacher.

    Parameters
    ----------
    texts : sequence of str
        Different texts, at least one.
    load : callable
        Loads the teacher; called only if a vector is missing. For workers of other processes it
        must be picklable.
    fingerprint : str
        Hash of the teacher.
    folder : Path or None, default=None
        Where vectors are kept on disk.
    batch_size : int, default=32
        Number of texts that the teacher embeds at a time.
    progress : callable or None, default=None
        Called with the number of texts whose vectors have just become available.

    Returns
    -------
    vectors : ndarray of float32 of shape (n, d_teacher)
    """
    name = hashlib.sha256(f"texts {_FORMAT} {fingerprint}".encode()).hexdigest()
    keys = [hashlib.blake2b(text.encode(), digest_size=16).digest() for text in texts]
    place = None if folder is None else folder / f"texts-{name[:32]}"
    with lock_of(name):
        known = _recall(name)
        if not all(key in known.places for key in keys):
            # One process makes a pass at a time: the next one finds what it has in common with it.
            with among_processes(None if place is None else place / "pass"):
                _read_new(known, place)
                missing = [i for i, key in enumerate(keys) if key not in known.places]
                if progress is not None and len(missing) < len(keys):
                    progress(len(keys) - len(missing))
                for rows, vectors in _embed(
                    [texts[i] for i in missing], load, fingerprint, batch_size
                ):
                    some = [keys[missing[row]] for row in rows]
                    known.add(some, vectors)
                    if place is not None:
                        _write(place, known, some, vectors)
                    if progress is not None:
                        progress(len(rows))
        elif progress is not None:
            progress(len(keys))
        vectors = known.gather(keys)
        _forget_old()
    return vectors


def forget_texts() -> None:
    """Forget the vectors that this process remembers."""
    with _guard:
        _recent.clear()


def _recall(name: str) -> _Known:
    with _guard:
        known = _recent.setdefault(name, _Known())
        _recent.move_to_end(name)
        return known


def _forget_old() -> None:
    """Keep the process small: drop whole teachers, the one used last too if it is too large."""
    with _guard:
        while _recent and sum(known.n_bytes for known in _recent.values()) > RECENT_BYTES:
            _recent.popitem(last=False)


def _embed(texts: list[str], load: TeacherSource, fingerprint: str, batch_size: int) -> Any:
    """Yield positions and vectors, piece by piece; pieces go to joblib's workers, if any."""
    from joblib import Parallel, delayed, effective_n_jobs

    # Texts of similar length together: the teacher pads little, and pieces take equally long.
    order = sorted(range(len(texts)), key=lambda i: (-len(texts[i]), i))
    pieces = [order[start : start + PIECE] for start in range(0, len(order), PIECE)]
    n_workers = min(effective_n_jobs(None), len(pieces))  # type: ignore[arg-type]
    if n_workers <= 1:
        teacher = load() if pieces else None
        for rows in pieces:
            assert teacher is not None
            yield rows, teacher.encode([texts[i] for i in rows], batch_size=batch_size)
        return
    # In rounds: what is done is on disk, should the rest be lost.
    for start in range(0, len(pieces), 4 * n_workers):
        some = pieces[start : start + 4 * n_workers]
        results = Parallel()(
            delayed(_work)(load, fingerprint, [texts[i] for i in rows], batch_size) for rows in some
        )
        yield from zip(some, results, strict=True)


_worker_teacher: tuple[str, Teacher] | None = None


def _work(load: TeacherSource, fingerprint: str, texts: list[str], batch_size: int) -> Floats:
    """Embed a piece in a worker, which keeps the teacher for the next one."""
    global _worker_teacher
    if _worker_teacher is None or _worker_teacher[0] != fingerprint:
        _worker_teacher = (fingerprint, load())
    return _worker_teacher[1].encode(texts, batch_size=batch_size)


def _read_new(known: _Known, place: Path | None) -> None:
    """Read the files of a folder that are not known yet; damaged ones count as missing."""
    if place is None or not place.is_dir():
        return
    for path in sorted(place.glob(f"*{SUFFIX}")):
        if path.name in known.files:
            continue
        arrays = read_entry(path)
        if arrays is None or set(arrays) != {"keys", "vectors"}:
            continue
        known.files.add(path.name)
        known.add([row.tobytes() for row in arrays["keys"]], arrays["vectors"])


def _write(place: Path, known: _Known, keys: Sequence[bytes], vectors: Floats) -> None:
    name = hashlib.blake2b(b"".join(keys), digest_size=16).hexdigest() + SUFFIX
    table = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16)
    write_entry(place / name, {"keys": table, "vectors": vectors})
    if os.path.exists(place / name):
        known.files.add(name)
