"""What `import skm2v` loads, in a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LATE = (
    "torch",
    "transformers",
    "huggingface_hub",
    "datasets",
    "pandas",
    "polars",
    "pyarrow",
    "matplotlib",
    "pytest",
    "sklearn.linear_model",
    "sklearn.decomposition",
    "sklearn.model_selection",
    "sklearn.callback",
)


def loaded_by(code: str) -> set[str]:
    """Names in sys.modules after running some code in a new process."""
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert not run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def baseline():
    return loaded_by("import sklearn.base, tokenizers")


@pytest.mark.parametrize(
    "code",
    [
        "import skm2v",
        "import skm2v; skm2v.StaticModel, skm2v.distill; skm2v.StaticEmbedder()",
        "import skm2v.exceptions, skm2v.pooling, skm2v.model, skm2v.distill, skm2v.embedder",
    ],
    ids=["package", "public names", "rooms"],
)
def test_import_adds_no_heavy_module(baseline, code):
    added = loaded_by(code) - baseline
    assert "skm2v.embedder" in added
    heavy = {
        name for name in added if name in LATE or name.startswith(tuple(f"{m}." for m in LATE))
    }
    assert not heavy


def test_a_fit_on_a_static_source_loads_no_teacher_library(baseline, tmp_path):
    code = f"""
from tests import tiny
from skm2v import StaticEmbedder, StaticModel
StaticModel(tiny.tiny_table(), tiny.tiny_tokenizer()).save_pretrained({str(tmp_path)!r})
StaticEmbedder({str(tmp_path)!r}).fit(["a"]).transform(["free money"])
"""
    added = loaded_by(code) - baseline
    assert not added & {
        "torch",
        "transformers",
        "huggingface_hub",
        "pandas",
        "polars",
        "skm2v.testing",
    }
