"""Dense layers on top of a static table: a matrix product that the table itself can hold.

A layer with the identity as its activation maps the mean of vectors to the mean of the mapped
vectors, so mapping the rows once is the same. Nothing else that a layer can do has this property.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v.exceptions import ModelFormatError

__all__ = ["fold_dense"]

IDENTITIES = ("torch.nn.modules.linear.Identity", "torch.nn.Identity")
TEXT_VECTOR = "sentence_embedding"
REMEDY = (
    " Only linear layers can become part of a table of token vectors: use the model with"
    " sentence-transformers, or train it with activation_function=torch.nn.Identity()."
)


def fold_dense(
    rows: npt.NDArray[Any], config: Any, tensors: dict[str, npt.NDArray[Any]], *, what: str
) -> npt.NDArray[Any]:
    """Apply a Dense layer of sentence-transformers to the rows of a table.

    Parameters
    ----------
    rows : ndarray of shape (V, d)
    config : object
        Content of the layer's ``config.json``.
    tensors : dict of str to ndarray
        Its weights: ``linear.weight`` of shape (e, d), and perhaps ``linear.bias`` of shape (e,)
        and ``residual.weight`` of shape (e, d).
    what : str
        The layer's folder, for messages.

    Returns
    -------
    rows : ndarray of float32 (float64 for rows of that type) of shape (V, e)

    Raises
    ------
    ModelFormatError
        If the layer is not linear or does not fit the table.
    """
    if not isinstance(config, dict):
        raise ModelFormatError(f"The configuration of the Dense layer in {what} must be an object.")
    # What sentence-transformers takes where the configuration says nothing is a Tanh.
    activation = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    if activation not in IDENTITIES:
        raise ModelFormatError(
            f"The Dense layer in {what} has the activation {activation!r:.80}." + REMEDY
        )
    source = config.get("module_input_name", TEXT_VECTOR)
    target = config.get("module_output_name") or source
    if (source, target) != (TEXT_VECTOR, TEXT_VECTOR):
        raise ModelFormatError(
            f"The Dense layer in {what} makes {target!r:.60} of {source!r:.60}, not the vector of"
            " a text of itself." + REMEDY
        )
    dim = rows.shape[1]
    matrix = _matrix(tensors, "linear.weight", dim, what)
    if config.get("use_residual"):
        square = matrix.shape[0] == dim
        matrix = matrix + (
            np.eye(dim) if square else _matrix(tensors, "residual.weight", dim, what)
        )
    bias = tensors.get("linear.bias", np.zeros(len(matrix)))
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise ModelFormatError(f"The weights of the Dense layer in {what} are not all finite.")
    if bias.shape != (len(matrix),):
        raise ModelFormatError(
            f"The bias of the Dense layer in {what} must have {len(matrix)} values; got an array"
            f" of shape {bias.shape}."
        )
    unknown = set(tensors) - {"linear.weight", "linear.bias", "residual.weight"}
    if unknown:
        raise ModelFormatError(f"The Dense layer in {what} has unknown tensors: {sorted(unknown)}.")
    mapped = rows.astype(np.float64) @ matrix.T + bias.astype(np.float64)
    return mapped.astype(np.float64 if rows.dtype == np.float64 else np.float32)


def _matrix(
    tensors: dict[str, npt.NDArray[Any]], name: str, dim: int, what: str
) -> npt.NDArray[np.float64]:
    matrix = tensors.get(name)
    if matrix is None or matrix.ndim != 2 or matrix.shape[1] != dim or matrix.dtype.kind != "f":
        got = "nothing" if matrix is None else f"{matrix.dtype} of shape {matrix.shape}"
        raise ModelFormatError(
            f"The Dense layer in {what} needs {name!r}: a matrix of floats with {dim} columns, as"
            f" the layer before has; got {got}."
        )
    return matrix.astype(np.float64)
