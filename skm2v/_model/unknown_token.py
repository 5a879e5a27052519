"""A weight of 0 for the unknown token, in the file that sentence-transformers reads.

Here, as in Model2Vec, unknown tokens are left out of the mean, whatever their vector is.
sentence-transformers averages all tokens of a text, so the file gives that vector the weight 0:
the sum is then the same, and so is the direction. What the model itself holds is kept beside it.
Weights also let it compute in single precision: in half precision it makes NaN of an empty text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._model.parts import UNKNOWN, ModelParts
from skm2v._model.tokenizer_check import build_tokenizer
from skm2v.exceptions import ModelFormatError

__all__ = ["mute", "unmute"]

Tensors = Mapping[str, npt.NDArray[Any]]


def mute(parts: ModelParts) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """Return the tensors to write, and the field with what :func:`unmute` needs to know.

    A model that needs no weights, or one that sentence-transformers does not read because of its
    vectors of pairs, is written as it is.
    """
    tensors = dict(parts.tensors)
    tokenizer = build_tokenizer(parts.tokenizer)
    unknown = tokenizer.unk_id
    weights = tensors.get("weights")
    in_single = weights is not None or tensors["embeddings"].dtype != np.float16
    if "pairs" in tensors or (unknown is None and in_single):
        return tensors, {}
    weight = None if weights is None else float(weights[unknown])
    if weights is None:
        weights = _ones(tokenizer.n_tokens, tensors["embeddings"].dtype)
    tensors["weights"] = weights.copy()
    if unknown is not None:
        tensors["weights"][unknown] = 0
    return tensors, {UNKNOWN: {"id": unknown, "weight": weight}}


def unmute(tensors: Tensors, note: object, *, what: str) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors of the model itself.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        As they are in the file.
    note : object
        Value of the field.
    what : str
        Name of the file, for error messages.

    Raises
    ------
    ModelFormatError
        If `note` is malformed or does not fit the weights. That the result is the model which was
        saved, its hash tells.
    """
    weights = tensors.get("weights")
    if (
        not isinstance(note, dict)
        or set(note) != {"id", "weight"}
        or not isinstance(note["id"], (int, type(None)))
        or not isinstance(note["weight"], (float, type(None)))
        or (note["id"] is None and note["weight"] is not None)
        or weights is None
        or weights.ndim != 1
        or not (note["id"] is None or 0 <= note["id"] < len(weights))
    ):
        raise ModelFormatError(f"What {what} says about its unknown token is damaged.")
    own = dict(tensors)
    if note["weight"] is not None:
        own["weights"] = weights.copy()
        own["weights"][note["id"]] = note["weight"]
        return own
    # These weights are not part of the content that the hash covers.
    n_tokens = len(tensors.get("mapping", tensors["embeddings"]))
    expected = _ones(n_tokens, tensors["embeddings"].dtype)
    if note["id"] is not None:
        expected[note["id"] : note["id"] + 1] = 0
    if weights.dtype != expected.dtype or weights.tobytes() != expected.tobytes():
        raise ModelFormatError(f"The weights in {what} are damaged. Get a fresh copy.")
    del own["weights"]
    return own


def _ones(n_tokens: int, table: np.dtype[Any]) -> npt.NDArray[Any]:
    # Half precision keeps Model2Vec's mean over a table of half precision what it is.
    return np.ones(n_tokens, dtype=np.float16 if table == np.float16 else np.float32)
