"""Folder to model."""

from __future__ import annotations

import os
from pathlib import Path

from skm2v.exceptions import ModelFormatError
from skm2v.model import files
from skm2v.model.parts import ModelParts, check_format
from skm2v.model.state import check_hash, parts_from_settings
from skm2v.model.strict_json import parse_json
from skm2v.model.tensor_file import parse_tensors

__all__ = ["load"]

MAX_MODEL_BYTES = 8 << 30


def load(
    path: str | os.PathLike[str], *, subfolder: str | None = None, sha256: str | None = None
) -> tuple[ModelParts, str | None]:
    folder = Path(path) / (subfolder or "")
    file = folder / "model.safetensors"
    data, _ = files.read_file(file, max_bytes=MAX_MODEL_BYTES)
    tensors, metadata = parse_tensors(data, what=str(file))
    if "skm2v" not in metadata:
        raise ModelFormatError("not yet")
    document = parse_json(metadata["skm2v"], what=f"The metadata of {file}")
    check_format(document.get("format"), what=str(file))
    parts = parts_from_settings(
        document["settings"], document["tokenizer"], tensors, what=str(file)
    )
    check_hash(parts, document["sha256"], what=str(file))
    return parts, document["sha256"]
