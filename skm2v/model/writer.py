"""Model to folder."""

from __future__ import annotations

import os
from pathlib import Path

from skm2v.model import files
from skm2v.model.parts import FORMAT, ModelParts
from skm2v.model.tensor_file import dump_tensors

__all__ = ["save"]


def save(parts: ModelParts, sha256: str, path: str | os.PathLike[str]) -> None:
    """Minimal writer."""
    import json

    folder = Path(path)
    files.make_folder(folder)
    document = {
        "format": FORMAT,
        "settings": parts.settings,
        "sha256": sha256,
        "sidecars": {},
        "tokenizer": parts.tokenizer,
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    data = dump_tensors(dict(parts.tensors), {"skm2v": text})
    files.replace(files.stage(folder / "model.safetensors", data), folder / "model.safetensors")
