"""A tokenizer of what a file holds for the compiled kernel, checked like all that a file says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._model.tokenizer_check import (
    add_tokens,
    build_tokenizer,
    check_added_tokens_stay,
    check_spec,
    check_tokenizer,
)
from skm2v._model.tokenizer_settings import MAX_TOKENS, MAX_WORD_CHARS, integer
from skm2v._pooling import TextTokenizer, TokenizerDocument
from skm2v._pooling.kernel_state import KernelState
from skm2v._pooling.tokenizer_json import try_parts, with_one_token
from skm2v.exceptions import ModelFormatError

__all__ = ["open_tokenizer"]

SETTINGS = {"spec", "n_tokens", "unk_id", "max_chars", "roots", "byte_ids", "known"}
# Names of the arrays, by the kind of the model.
ARRAYS = {
    "WordPiece": {"units", "tokens"},
    "WordLevel": {"units", "tokens"},
    "Unigram": {"units", "tokens", "scores"},
    "BPE": {"units", "tokens", "merges"},
}
LARGEST_SCORE = 1e6


def open_tokenizer(
    source: str | npt.NDArray[np.uint8] | TokenizerDocument, state: KernelState | None
) -> TextTokenizer:
    """Return the tokenizer of a file or pickle of ours, whose hash says that it is what was saved.

    Parameters
    ----------
    source : str, ndarray of uint8 or TokenizerDocument
        Its ``tokenizer.json``.
    state : KernelState or None
        What the file holds for the kernel. The vocabulary of `source` is then read, and checked,
        when somebody asks for it or a text needs the reference tokenizer.

    Raises
    ------
    ModelFormatError
        If one of them is damaged, or has parts that are not supported.
    """
    document = source if isinstance(source, TokenizerDocument) else TokenizerDocument(source)
    if state is None:
        return build_tokenizer(document, sealed=True)
    _check_settings(state.settings)
    spec = state.spec
    _check_arrays(spec["model"]["type"], state)
    _check_trie(state)
    try_parts(spec)
    check_added_tokens_stay(spec)
    return TextTokenizer(document, partial(check_tokenizer, document), state)


def _check_trie(state: KernelState) -> None:
    try:
        from skm2v._pooling.kernel import check_trie
    except ImportError:  # nobody reads it
        return
    try:
        check_trie(state)
    except ValueError as error:
        raise _damaged("its trie") from error


def _damaged(what: str) -> ModelFormatError:
    return ModelFormatError(f"What the model holds for the compiled kernel is damaged: {what}.")


def _check_settings(settings: Mapping[str, Any]) -> None:
    if set(settings) != SETTINGS:
        raise _damaged("a setting is missing or unknown")
    spec, n_tokens, unknown = (settings[name] for name in ("spec", "n_tokens", "unk_id"))
    if not integer(1, MAX_TOKENS)(n_tokens):
        raise _damaged(f"its number of tokens is {n_tokens!r:.60}")
    is_id = integer(0, n_tokens - 1)
    if not isinstance(spec, dict) or not isinstance(spec.get("model"), dict):
        raise _damaged("its tokenizer is no object with a 'model' object")
    model = spec["model"]
    kind = model.get("type")
    if (
        not isinstance(kind, str)
        or kind not in ARRAYS
        or {"vocab", "merges"} & set(model)
        or not isinstance(model.get("unk_token"), (str, type(None)))
    ):
        raise _damaged("its tokenizer is none of a known kind without a vocabulary")
    check_spec({**with_one_token(spec), "added_tokens": []})
    added: dict[str, int] = {}
    add_tokens(added, spec.get("added_tokens") or [])
    byte_ids, known = settings["byte_ids"], settings["known"]
    sound = (
        all(map(is_id, added.values()))
        and (unknown is None if kind == "BPE" and unknown is None else is_id(unknown))
        and (kind != "Unigram" or model.get("unk_id") == unknown)
        and integer(0, MAX_WORD_CHARS)(settings["max_chars"])
        and (kind not in ("WordPiece", "WordLevel") or settings["max_chars"] > 0)
        and _are(settings["roots"], integer(0, 2**31 - 1), (2,))
        and _are(byte_ids, integer(-1 if kind == "Unigram" else 0, n_tokens - 1), (0, 256))
        and (kind != "BPE" or len(byte_ids) == 256)
        and (known is None or _are(known, lambda part: isinstance(part, str), (2,)))
        and (known is None) == (model.get("split_unknown") is not True)
    )
    if not sound:
        raise _damaged("a setting is malformed")


def _are(values: object, check: Any, lengths: tuple[int, ...]) -> bool:
    return isinstance(values, list) and len(values) in lengths and all(map(check, values))


def _check_arrays(kind: str, state: KernelState) -> None:
    arrays, n_tokens = state.arrays, state.n_tokens
    if set(arrays) - {"foreign"} != ARRAYS[kind]:
        raise _damaged(f"it has the arrays {sorted(arrays)[:10]}")
    for name, dtype, ndim in (
        ("units", "int32", 1),
        ("tokens", "int32", 1),
        ("scores", "float64", 1),
        ("merges", "int32", 2),
        ("foreign", "uint8", 1),
    ):
        if name in arrays and (arrays[name].dtype.name, arrays[name].ndim) != (dtype, ndim):
            raise _damaged(f"{name} is {arrays[name].ndim}-D of {arrays[name].dtype}")
    if "foreign" in arrays and len(arrays["foreign"]) != (n_tokens + 7) // 8:
        raise _damaged(f"foreign has {len(arrays['foreign'])} bytes")
    if "scores" in arrays:
        scores = arrays["scores"]
        unknown = state.unk_id
        if not 1 <= len(scores) <= n_tokens or unknown is None or unknown >= len(scores):
            raise _damaged(f"there are {len(scores)} scores")
        if not (abs(float(scores.min())) < LARGEST_SCORE > abs(float(scores.max()))):
            raise _damaged("a score is too large, or not finite")
    if "merges" in arrays:
        merges = arrays["merges"]
        if merges.shape[1] != 3 or (
            merges.size and not 0 <= int(merges.min()) <= int(merges.max()) < n_tokens
        ):
            raise _damaged("a merge is of other tokens")
