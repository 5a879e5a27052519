"""Builds the compiled kernel of a model: what its tokenizer does, as tables."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._pooling import _kernel
from skm2v._pooling._kernel import Kernel
from skm2v._pooling.bert import bert_parts
from skm2v._pooling.byte_level import byte_level_parts
from skm2v._pooling.kernel_state import KernelState
from skm2v._pooling.normalizers import KernelParts
from skm2v._pooling.table import PoolingTable
from skm2v._pooling.tokenization import TextTokenizer
from skm2v._pooling.unigram import unigram_parts

__all__ = ["Kernel", "build_kernel", "can_read", "check_trie", "make_state"]

# As in _kernel.pyx. The compiled file is not under version control, so it can be an older one.
INTERFACE = 7
if getattr(_kernel, "INTERFACE", None) != INTERFACE:
    raise ImportError(
        f"{_kernel.__file__} was compiled from another version of skm2v. Compile it again:"
        " pip install -e ."
    )

# Described when a kernel is built: Latin, Greek and Cyrillic letters, punctuation and kana.
EAGER = [*range(0x250), *range(0x370, 0x530), *range(0x2010, 0x2060), *range(0x3000, 0x3100)]

# Those that the BERT normalizer sets apart from their neighbours, and does not change. A Chinese or
# Japanese text has hundreds of different ones, and asking for them takes longer than its tokens.
IDEOGRAPHS = range(0x4E00, 0xA000)

LARGE = ("vocab", "merges")  # of a model, what its arrays have


class _Guard:
    """Guards the tables of code points, which grow.

    A thread may come again while it describes code points: a signal handler, a finalizer or a fork
    hook of its own embeds a text. It finds tables without the entries that are being described, and
    asks for its own. A fork waits for other threads, so that the child's tables are whole.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        # When the interpreter ends, other threads stop where they are, with what they hold.
        if not self._lock.acquire(blocking=not sys.is_finalizing()):
            raise RuntimeError(
                "Texts cannot be embedded any more: the interpreter is shutting down."
            )

    def __exit__(self, *error: object) -> None:
        self._lock.release()


_GUARD = _Guard()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_GUARD.__enter__, after_in_parent=_GUARD.__exit__, after_in_child=_GUARD.__exit__
    )


def build_kernel(tokenizer: TextTokenizer, table: PoolingTable) -> Kernel | None:
    """Build the compiled kernel for a tokenizer and a table.

    Parameters
    ----------
    tokenizer : TextTokenizer
    table : PoolingTable

    Returns
    -------
    kernel : Kernel or None
        None if the kernel cannot reproduce this tokenizer exactly; the reference path is used
        then. The environment variable ``SKM2V_SIMD`` (``scalar``, ``sse2``, ``avx2``, ``avx512``
        or ``neon``) overrides the choice of the instruction set.
    """
    parts = _parts(tokenizer)
    if parts is None:
        return None
    state, foreign = tokenizer.state, tokenizer.foreign_tokens
    try:
        kernel = Kernel(
            table.rows,
            table.weights,
            table.mapping,
            table.pairs,
            words=parts.words,
            prefix=parts.prefix,
            trie=None if state is None else state.trie,
            native=parts.native,
            unknown=parts.unknown,
            max_chars=parts.max_chars,
            dropped=-1 if tokenizer.unk_id is None else tokenizer.unk_id,
            describe=parts.describe,
            tokenize_chunks=tokenizer.ids,
            lock=_GUARD,
            simd=os.environ.get("SKM2V_SIMD") or None,
            foreign=None if foreign is None else np.packbits(foreign, bitorder="little"),
            added=parts.added,
            **parts.options,
        )
    except OverflowError:  # more words than the kernel's trie can hold
        return None
    if parts.native:
        kernel.set_code_points(EAGER)
        if parts.ideographs:
            kernel.set_words_alone(IDEOGRAPHS)
    return kernel


def can_read(tokenizer: TextTokenizer) -> bool:
    """Whether :func:`build_kernel` builds a kernel, if the vocabulary is not too large."""
    return _parts(tokenizer) is not None


def make_state(tokenizer: TextTokenizer) -> KernelState | None:
    """Return what a file may hold of the kernel of a tokenizer.

    Returns
    -------
    state : KernelState or None
        None if the kernel cannot segment words of this tokenizer by itself.
    """
    if tokenizer.state is not None:
        return tokenizer.state
    parts = _parts(tokenizer)
    if parts is None or not parts.native:
        return None
    try:
        units, tokens, roots = _kernel.build_trie(parts.words, parts.prefix)
    except OverflowError:
        return None
    arrays: dict[str, npt.NDArray[Any]]
    arrays = {"units": np.frombuffer(units, np.int32), "tokens": np.frombuffer(tokens, np.int32)}
    options = parts.options.get("unigram") or parts.options.get("byte_level") or {}
    arrays.update({name: options[name] for name in ("scores", "merges") if name in options})
    if tokenizer.foreign_tokens is not None:
        arrays["foreign"] = np.packbits(tokenizer.foreign_tokens, bitorder="little")
    known = tokenizer.unknown_characters
    settings = {
        "spec": _without_vocabulary(tokenizer),
        "n_tokens": tokenizer.n_tokens,
        "unk_id": tokenizer.unk_id,
        "max_chars": parts.max_chars,
        "roots": list(roots),
        "byte_ids": list(options.get("byte_ids", ())),
        "known": None if known is None else known.known,
    }
    return KernelState(settings, arrays)


def check_trie(state: KernelState) -> None:
    """Refuse a trie that would lead outside of its arrays, or to a token that there is not.

    Raises
    ------
    ValueError
        If the trie is no sound one.
    """
    _kernel.check_trie(*state.trie, state.n_words)


def _without_vocabulary(tokenizer: TextTokenizer) -> dict[str, Any]:
    """What is not in arrays of what a tokenizer's JSON says."""
    spec = tokenizer.document.spec
    model = {name: value for name, value in spec["model"].items() if name not in LARGE}
    ids = tokenizer.added_ids
    added = [{**token, "id": ids[token["content"]]} for token in spec.get("added_tokens") or ()]
    return {**spec, "model": model, "added_tokens": added, "truncation": None, "padding": None}


def _parts(tokenizer: TextTokenizer) -> KernelParts | None:
    """Take a tokenizer apart; None if the kernel cannot reproduce it exactly."""
    kind = tokenizer.spec["model"]["type"]
    of_kind = {"Unigram": unigram_parts, "BPE": byte_level_parts}.get(kind, bert_parts)
    return of_kind(tokenizer)
