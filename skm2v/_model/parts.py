"""A model as plain data: what files, pickles and comparisons have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from skm2v._checks import MAX_LENGTH
from skm2v._model.config import ModelConfig
from skm2v._model.projection import Projection
from skm2v._model.sealed import MODEL_KEY, Content, Seal
from skm2v._pooling import PoolingTable, TokenizerDocument
from skm2v._pooling.kernel_state import KernelState
from skm2v.exceptions import ModelFormatError

__all__ = ["MODEL", "UNKNOWN", "ModelParts"]

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


@dataclass(frozen=True, eq=False)
class ModelParts:
    """Everything a model is made of.

    Parameters
    ----------
    tokenizer : TokenizerDocument
    tensors : mapping of str to ndarray
        Arrays by the names that they have in a model file.
    normalize : bool
    max_length : int or None
    config : ModelConfig
    kernel : KernelState or None, default=None
        What the compiled kernel makes of the tokenizer, if the file has it or is to have it.
    """

    tokenizer: TokenizerDocument
    tensors: Mapping[str, npt.NDArray[Any]]
    normalize: bool
    max_length: int | None
    config: ModelConfig
    kernel: KernelState | None = None

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

    @property
    def content(self) -> Content:
        """The model as what is saved."""
        return Content(self.settings, self.tensors, self.tokenizer.text, self.kernel)

    def sha256(self) -> str:
        """Hash of all content, the same on every machine."""
        return self.content.sha256(MODEL.number)


def read_v1(content: Content, what: str) -> ModelParts:
    """Put stored settings, tokenizer and tensors together."""
    settings, tokenizer = content.settings, content.tokenizer
    if set(settings) != {"config", "max_length", "normalize"} or tokenizer is None:
        raise ModelFormatError(
            f"{what} is damaged: it must have a tokenizer, and the settings config, max_length and"
            " normalize."
        )
    return ModelParts(
        TokenizerDocument(tokenizer),
        content.tensors,
        settings["normalize"],
        settings["max_length"],
        ModelConfig.from_dict(settings["config"]),
        content.kernel,
    )


#: Field with what the file of a model, but not the model, says of its unknown token.
UNKNOWN = "unknown"

#: Files and pickles of models. Hashes of the files beside a model's come with the model's.
MODEL = Seal(MODEL_KEY, {1: read_v1}, frozenset({"sidecars"}), frozenset({UNKNOWN}))
