"""The files beside ``model.safetensors``, which other tools read."""

from __future__ import annotations

import json
from typing import Any

from skm2v._model.card import render_card
from skm2v._model.parts import ModelParts

__all__ = ["CARD", "SIDECARS", "render_sidecars"]

CARD = "README.md"
SIDECARS = ("tokenizer.json", "config.json", "modules.json", "config_sentence_transformers.json")


def render_sidecars(parts: ModelParts, model_name: str | None = None) -> dict[str, bytes]:
    """Return the content of the files by name, in the order in which to write them.

    The layout is that of Model2Vec, which sentence-transformers reads too. Neither knows vectors
    of pairs of tokens: for a model that has them only the card is written, so that they say that
    files are missing instead of computing other vectors.
    """
    texts = {CARD: render_card(parts, model_name)}
    if "pairs" not in parts.tensors:
        values = (_tokenizer(parts), _config(parts), _modules(parts), _prompts())
        for name, value in zip(SIDECARS, values, strict=True):
            indent = None if name == "tokenizer.json" else 2
            texts[name] = json.dumps(value, indent=indent, ensure_ascii=False) + "\n"
    parts.tokenizer.forget()
    return {name: text.encode() for name, text in texts.items()}


def _tokenizer(parts: ModelParts) -> dict[str, Any]:
    """Return the tokenizer, with the truncation that sentence-transformers is to apply."""
    truncation = None
    if parts.max_length is not None:
        truncation = {
            "direction": "Right",
            "max_length": parts.max_length,
            "strategy": "LongestFirst",
            "stride": 0,
        }
    spec = parts.tokenizer.spec
    return {**spec, "truncation": truncation, "padding": None}


def _config(parts: ModelParts) -> dict[str, Any]:
    config = parts.config
    rows, dim = parts.tensors["embeddings"].shape
    values = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "tokenizer_name": config.teacher,
        "apply_pca": config.pca_dims,
        "sif_coefficient": config.sif_coefficient,
        "hidden_dim": dim,
        "seq_length": 1_000_000,
        "normalize": parts.normalize,
        "pooling": config.pooling,
        "max_length": parts.max_length,
        "embedding_dtype": parts.tensors["embeddings"].dtype.name,
    }
    if "mapping" in parts.tensors:
        values["vocabulary_quantization"] = rows
    return values


def _modules(parts: ModelParts) -> list[dict[str, Any]]:
    names = [("", "StaticEmbedding")]
    if parts.normalize:
        names.append(("1_Normalize", "Normalize"))
    return [
        {
            "idx": index,
            "name": str(index),
            "path": path,
            "type": f"sentence_transformers.models.{name}",
        }
        for index, (path, name) in enumerate(names)
    ]


def _prompts() -> dict[str, Any]:
    # Written so that none is left from a model that was in the folder before.
    return {"default_prompt_name": None, "prompts": {}, "similarity_fn_name": "cosine"}
