"""Model folders that are wrong in one place and right everywhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skm2v import StaticModel
from skm2v._model.parts import MODEL
from skm2v._model.sealed import Content
from skm2v._model.tensor_file import dump_tensors, parse_tensors
from skm2v._pooling.kernel_state import KernelState
from tests import tiny


def tiny_model(kind: str = "wordpiece", dtype: str = "float32", **options: Any) -> StaticModel:
    table = tiny.tiny_table(kind, dim=4)
    return StaticModel(table, tiny.tiny_tokenizer(kind), **options).quantized(dtype)


def contents(model: StaticModel) -> dict[str, Any]:
    """Return what a model file is made of, to be changed and passed to `forge`."""
    parts = model._core.parts
    return {
        "tensors": {name: np.array(array) for name, array in parts.tensors.items()},
        "settings": parts.settings,
        "tokenizer": json.loads(parts.tokenizer.text),
    }


def forge(
    folder: Path,
    *,
    tensors: dict[str, np.ndarray],
    settings: Any,
    tokenizer: Any,
    sha256: str | None = None,
    **document: Any,
) -> Path:
    """Write a file of our format whose hash is right, so that nothing but the content is wrong."""
    text = tokenizer if isinstance(tokenizer, str) else json.dumps(tokenizer)
    if sha256 is None and not isinstance(settings, dict):
        sha256 = "0" * 64  # the settings are refused before the hash
    if sha256 is None:
        sha256 = Content(settings, tensors, text).sha256(MODEL.number)
    document = {
        "format": MODEL.number,
        "settings": settings,
        "sha256": sha256,
        "sidecars": {},
        "tokenizer": text,
        **document,
    }
    folder.mkdir(parents=True, exist_ok=True)
    data = dump_tensors(tensors, {"skm2v": json.dumps(document)})
    (folder / "model.safetensors").write_bytes(data)
    return folder


def forge_kernel(
    folder: Path, model: StaticModel, state: KernelState, *, tokenizer: str | None = None
) -> Path:
    """Write a file that holds this for the kernel, under hashes that are right."""
    parts = model._core.parts
    text = parts.tokenizer.text if tokenizer is None else tokenizer
    content = replace(parts.content, tokenizer=text, kernel=state)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(MODEL.dump(content, sidecars={}))
    return folder


def forge_model2vec(
    folder: Path, *, tensors: dict[str, np.ndarray], settings: Any, tokenizer: Any
) -> Path:
    """Write the same content in the layout of Model2Vec, which has no hash at all."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(dump_tensors(tensors, {}))
    text = tokenizer if isinstance(tokenizer, str) else json.dumps(tokenizer)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    config = {"model_type": "model2vec", **{k: v for k, v in settings.items() if k != "config"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def read_header(path: Path) -> tuple[dict[str, Any], bytes]:
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def write_header(path: Path, header: Any, body: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    return parse_tensors(path.read_bytes(), what=str(path))[0]
