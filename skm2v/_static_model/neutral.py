"""What callers of other libraries hand to `encode`, and what of it this package can do.

Programs written for sentence-transformers and Model2Vec pass values on that change nothing there.
They change nothing here either; a value that asks for more is an error which names the way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from skm2v._checks import check_flag
from skm2v._pooling import check_batch_size

if TYPE_CHECKING:
    from typing_extensions import Required, TypedDict

    class Neutral(TypedDict, total=False):
        """Keywords of `encode` in other libraries, with the values that this one takes."""

        normalize_embeddings: bool | None
        convert_to_numpy: Literal[True]
        convert_to_tensor: Literal[False]
        device: Any
        prompt_name: None
        prompt: Literal[""] | None
        output_value: Literal["sentence_embedding"]
        precision: Literal["float32"]
        truncate_dim: int | None
        pool: None
        chunk_size: int | None
        use_multiprocessing: bool | None
        multiprocessing_threshold: int | None

    class _Torch(TypedDict, total=False):
        normalize_embeddings: bool | None
        device: Any
        prompt_name: None
        prompt: Literal[""] | None
        output_value: Literal["sentence_embedding"]
        precision: Literal["float32"]
        truncate_dim: int | None
        pool: None
        chunk_size: int | None

    class OneTensor(_Torch, total=False):
        """The same, with a tensor for a result."""

        convert_to_numpy: bool
        convert_to_tensor: Required[Literal[True]]

    class ListOfTensors(_Torch, total=False):
        """The same, with a list of tensors for a result."""

        convert_to_numpy: Required[Literal[False]]
        convert_to_tensor: Literal[False]


__all__ = ["Form", "check_settings", "progress_bar", "shaped"]

Form: TypeAlias = Literal["array", "tensor", "tensors"]

# Values that change nothing, and what to do instead of others.
_NEUTRAL: dict[str, tuple[tuple[Any, ...], str]] = {
    "prompt_name": (
        (None,),
        "a static model has no prompts; a teacher reads one while it is distilled:"
        " distill(..., prompt=...).",
    ),
    "prompt": (
        (None, ""),
        "a static model has no prompts; a teacher reads one while it is distilled:"
        " distill(..., prompt=...). To embed it as text, write it in front of each text.",
    ),
    "output_value": (
        ("sentence_embedding",),
        "use model.encode_as_sequence(texts) for the vectors of tokens.",
    ),
    "precision": (
        ("float32",),
        "vectors of texts are float32; sentence_transformers.quantize_embeddings and"
        " numpy.ndarray.astype make others of them.",
    ),
    "pool": ((None,), "there are no processes to start; use n_jobs for threads."),
}
# Those that are looked at below, and those that have no effect whatever they are.
_LOOKED_AT = {
    "normalize_embeddings",
    "device",
    "truncate_dim",
    "convert_to_numpy",
    "convert_to_tensor",
}
_WITHOUT_EFFECT = {"chunk_size", "use_multiprocessing", "multiprocessing_threshold"}


def check_settings(
    others: dict[str, Any],
    *,
    batch_size: Any,
    normalize: Any,
    of_model: bool,
    dim: int,
) -> tuple[bool, Form]:
    """Check what a call of `encode` asks for.

    Parameters
    ----------
    others : dict
        Keywords of other libraries; see `Neutral`.
    batch_size, normalize
        The arguments of these names.
    of_model : bool
        Whether the model normalizes.
    dim : int
        Number of columns of the model.

    Returns
    -------
    normalize : bool
        Whether to normalize.
    form : {"array", "tensor", "tensors"}
        What the caller gets: an ndarray, a torch tensor or a list of these.

    Raises
    ------
    TypeError
        If a keyword is unknown.
    ValueError
        If a value asks for what there is not.
    """
    # Somebody else's second argument, such as a prompt's name, must not be lost in silence.
    check_batch_size(batch_size)
    for name, value in others.items():
        if name in _NEUTRAL:
            neutral, instead = _NEUTRAL[name]
            if value not in neutral:
                raise ValueError(f"A static model cannot do {name}={value!r}: {instead}")
        elif name not in _LOOKED_AT and name not in _WITHOUT_EFFECT:
            raise TypeError(f"encode() got an unexpected keyword argument {name!r}")
    device, cut = others.get("device"), others.get("truncate_dim")
    if device is not None and str(device) != "cpu":
        raise ValueError(f"A static model runs on the CPU; got device={device!r}.")
    if cut is not None and cut != dim:
        raise ValueError(
            f"A static model cannot do truncate_dim={cut!r}: this one has {dim} dimensions;"
            " use model.with_dimensions(k)."
        )
    arrays, tensor = (
        check_flag(name, others.get(name, default))
        for name, default in (("convert_to_numpy", True), ("convert_to_tensor", False))
    )
    form: Form = "tensor" if tensor else "array" if arrays else "tensors"
    return _whether_to_normalize(normalize, others.get("normalize_embeddings"), of_model), form


def _whether_to_normalize(normalize: Any, embeddings: Any, of_model: bool) -> bool:
    """Whether to normalize; `normalize_embeddings` only ever adds, as in sentence-transformers."""
    if embeddings is not None and check_flag("normalize_embeddings", embeddings):
        if normalize is not None and not check_flag("normalize", normalize):
            raise ValueError("normalize and normalize_embeddings contradict each other.")
        return True
    return of_model if normalize is None else check_flag("normalize", normalize)


def shaped(vectors: npt.NDArray[np.float32], form: Form) -> Any:
    """Return vectors as an ndarray, a torch tensor or a list of tensors.

    Raises
    ------
    MissingExtraError
        If tensors are wanted and torch is not installed.
    """
    if form == "array":
        return vectors
    from skm2v._distillation.tensors import as_tensor

    tensor = as_tensor(vectors)
    return list(tensor) if form == "tensors" and vectors.ndim == 2 else tensor


def progress_bar(total: int | None = None) -> Callable[[int], None]:
    """Make a function that counts texts on standard error; 0 is the end of unknown numbers."""
    done = 0
    of_all = "" if total is None else f" of {total}"

    def advance(n_texts: int) -> None:
        nonlocal done
        done += n_texts
        is_last = n_texts == 0 if total is None else done >= total
        sys.stderr.write(f"\rEmbedded {done}{of_all} texts" + "\n" * is_last)
        sys.stderr.flush()

    return advance
