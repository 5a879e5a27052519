"""Models of every release load for ever, with vectors that are equal to the bit (P17)."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

from skm2v import StaticModel
from skm2v._pooling.reference import ReferenceEngine
from skm2v.exceptions import ModelFormatError, VersionWarning
from tests.corpus.make import CORPUS, vectors

MODELS = sorted(path.parent for path in CORPUS.glob("[0-9]*/*/model.safetensors"))
CRASHERS = sorted(path for path in (CORPUS / "crashers").glob("*") if path.is_dir())


def test_the_corpus_is_there():
    assert {path.parent.name for path in MODELS} >= {"0.1.0"}
    assert len(MODELS) >= 3


@pytest.mark.parametrize("folder", MODELS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_old_model_loads(folder: Path):
    model = StaticModel.from_pretrained(folder)
    expected = np.load(folder / "vectors.npy")
    np.testing.assert_allclose(vectors(model), expected, atol=1e-6)
    if not isinstance(model.pooler.engine, ReferenceEngine):  # the compiled kernel made them
        np.testing.assert_array_equal(vectors(model), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VersionWarning)
        unpickled = pickle.loads((folder / "model.pickle").read_bytes())
    assert unpickled == model


def test_the_first_files_are_never_changed():
    """Bytes of a release: a change of format needs a new number, not new files."""
    digest = hashlib.sha256()
    for folder in MODELS:
        if folder.parent.name == "0.1.0":
            digest.update((folder / "model.safetensors").read_bytes())
            digest.update((folder / "vectors.npy").read_bytes())
    assert digest.hexdigest() == DIGEST_0_1_0


DIGEST_0_1_0 = "1331fc411a540875dbe13d0149f95e1271f7992ac33c3c833f73d99a594c670c"


@pytest.mark.parametrize("folder", CRASHERS, ids=lambda path: path.name)
def test_a_crasher_is_refused(folder: Path):
    """Each was once a crash, a hang or a wrong vector (P33)."""
    with pytest.raises((ModelFormatError, OSError)):
        StaticModel.from_pretrained(folder)
