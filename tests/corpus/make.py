"""Write the models that every later version must load with equal vectors.

Run ``python -m tests.corpus.make`` once for a release; what is there is never changed. Pickles
are kept beside the folders: their format is the classes' state, which must stay readable too.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np

from skm2v import StaticModel, __version__
from skm2v._model import ModelConfig, Projection, software_versions
from tests import tiny

CORPUS = Path(__file__).parent
TEXTS = (*tiny.SENTENCES[:12], "", "calling [PAD] the bank!", "café in New York, 中文 漢")


def models() -> dict[str, StaticModel]:
    """Return one model of each kind of tokenizer, with all parts between them."""
    rng = np.random.default_rng(20261123)
    config = ModelConfig(
        teacher="owner/teacher",
        revision="0123456789abcdef",
        licence="apache-2.0",
        language=("en",),
        objective="tokens",
        pooling="mean",
        sif_coefficient=1e-4,
        pca_dims=4,
        pca_ordered=True,
        created_with=software_versions(),
    )
    sizes = {kind: tiny.tiny_tokenizer(kind).get_vocab_size() for kind in tiny.KINDS}
    return {
        "wordpiece-float32": StaticModel(
            rng.normal(size=(sizes["wordpiece"], 4)).astype(np.float32),
            tiny.tiny_tokenizer("wordpiece"),
            config=config,
            projection=Projection(
                rng.normal(size=6), rng.normal(size=(4, 6)), np.array([0.4, 0.3, 0.2, 0.05])
            ),
        ),
        "bpe-int8-mapping": StaticModel(
            rng.normal(size=(60, 4)).astype(np.float32),
            tiny.tiny_tokenizer("bpe"),
            mapping=rng.integers(0, 60, size=sizes["bpe"]),
            weights=rng.uniform(size=sizes["bpe"]),
            max_length=None,
            config=config,
        ).quantized("int8"),
        "unigram-float16-pairs": StaticModel(
            rng.normal(size=(sizes["unigram"] + 2, 4)).astype(np.float16),
            tiny.tiny_tokenizer("unigram"),
            pairs=[[4, 5], [6, 4]],
            normalize=False,
            max_length=5,
        ),
    }


def vectors(model: StaticModel) -> np.ndarray:
    """Return the vectors of the texts, without the warnings about lost ones."""
    pooled = model.pooler.pool(list(TEXTS), max_length=model.max_length, normalize=model.normalize)
    return pooled.vectors


def main() -> None:
    folder = CORPUS / __version__
    if folder.exists():
        sys.exit(f"{folder} is there already; what was released stays as it is.")
    for name, model in models().items():
        model.save_pretrained(folder / name)
        np.save(folder / name / "vectors.npy", vectors(model))
        (folder / name / "model.pickle").write_bytes(pickle.dumps(model, protocol=4))


if __name__ == "__main__":
    main()
