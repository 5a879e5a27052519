"""A model as plain data: what files, pickles and comparisons have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._model.config import ModelConfig
from skm2v._model.projection import Projection
from skm2v._model.strict_json import canonical_json
from skm2v._pooling import PoolingTable
from skm2v.exceptions import ModelFormatError

__all__ = ["FORMAT", "ModelParts", "check_format"]

FORMAT = 1
TENSORS = (
    "embeddings",
    "weights",
    "mapping",
    "pairs",
    "projection.mean",
    "projection.components",
    "projection.explained_variance_ratio",
    "projection.offset",
)
MAX_LENGTH = 2**31 - 1


@dataclass(frozen=True, eq=False)
class ModelParts:
    """Everything a model is made of.

    Parameters
    ----------
    tokenizer : str
        JSON text of the tokenizer.
    tensors : mapping of str to ndarray
        Arrays by the names that they have in a model file.
    normalize : bool
    max_length : int or None
    config : ModelConfig
    """

    tokenizer: str
    tensors: Mapping[str, npt.NDArray[Any]]
    normalize: bool
    max_length: int | None
    config: ModelConfig

    def __post_init__(self) -> None:
        if not isinstance(self.normalize, bool):
            raise ModelFormatError(f"normalize must be True or False; got {self.normalize!r:.60}.")
        length = self.max_length
        if length is not None and (
            not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= MAX_LENGTH
        ):
            raise ModelFormatError(
                f"max_length must be a positive integer below 2**31 or None; got {length!r:.60}."
            )
        unknown = [name for name in self.tensors if name not in TENSORS]
        if unknown:
            raise ModelFormatError(
                f"Unknown tensors in the model: {sorted(unknown)[:5]}. Known: {list(TENSORS)}."
            )
        if "embeddings" not in self.tensors:
            raise ModelFormatError("The model has no tensor 'embeddings'.")

    @property
    def settings(self) -> dict[str, Any]:
        """What is neither tensor nor tokenizer, as plain data for JSON."""
        return {
            "config": self.config.to_dict(),
            "max_length": self.max_length,
            "normalize": self.normalize,
        }

    def table(self) -> PoolingTable:
        """Build the pooling table, which checks the tensors against each other."""
        tensors = self.tensors
        return PoolingTable(
            tensors["embeddings"],
            weights=tensors.get("weights"),
            mapping=tensors.get("mapping"),
            pairs=tensors.get("pairs"),
        )

    def projection(self) -> Projection | None:
        """Build the projection, if the model has one."""
        tensors = {
            name.removeprefix("projection."): array
            for name, array in self.tensors.items()
            if name.startswith("projection.")
        }
        if not tensors:
            return None
        if not {"mean", "components"} <= set(tensors):
            raise ModelFormatError(
                "The tensors 'projection.mean' and 'projection.components' come together; got"
                f" only {sorted(tensors)}."
            )
        return Projection(**tensors)

    def sha256(self) -> str:
        """Hash of all content, the same on every machine."""
        header = {"format": FORMAT, **self.settings}
        digest = hashlib.sha256(canonical_json(header).encode())
        text = self.tokenizer.encode()
        digest.update(b"\0tokenizer %d\0" % len(text))
        digest.update(text)
        for name, array in sorted(self.tensors.items()):
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            digest.update(f"\0{name} {array.dtype.name} {array.shape}\0".encode())
            digest.update(little.reshape(-1).view(np.uint8).data)
        return digest.hexdigest()


def check_format(number: object, *, what: str) -> None:
    """Refuse data of a format that this version does not know."""
    from skm2v._version import __version__

    if number == FORMAT and isinstance(number, int) and not isinstance(number, bool):
        return
    if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
        raise ModelFormatError(
            f"{what} has format {number}; skm2v {__version__} reads formats up to {FORMAT}."
            " Upgrade skm2v."
        )
    raise ModelFormatError(f"{what} has no valid format number; got {number!r:.60}.")
