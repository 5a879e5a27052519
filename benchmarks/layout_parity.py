"""Models saved by one library, loaded by another: do they give the same vectors?

Run where model2vec and sentence-transformers are installed::

    PYTHONPATH=. python benchmarks/layout_parity.py
    PYTHONPATH=. python benchmarks/layout_parity.py --record tests/model/fixtures

Each line is one kind of model: the largest difference between the vectors of the library that
saved it and of the one that loaded it, relative to the largest entry. The peers return float16
for a float16 table, so there the last of eleven bits may differ. The second form also keeps a few
small models with their vectors for the tests.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import model2vec
import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

from skm2v import StaticModel
from skm2v._model import ModelConfig, Projection
from tests import tiny

DTYPES = ("float32", "float16", "float64", "int8")
TOLERANCE = {"float32": 1e-6, "float64": 1e-6, "int8": 1e-6, "float16": 2**-10}
TEXTS = [
    *tiny.SENTENCES[:20],
    "calling the bank: free prize!",
    "",
    "New York, London",
    "the " * 60,
]
# sentence-transformers counts unknown tokens in the mean: what it makes of what we saved has our
# direction, so it is compared where vectors are normalized.
UNKNOWN = [
    "the bank \N{SMILING FACE WITH HEART-SHAPED EYES} of",
    "\u65e5\u672c\u8a9e prize text",
    "\u2603",
]
# Longer than max_length. Model2Vec cuts such a text by characters first, sometimes too early, and
# single precision sums of 512 vectors differ in a digit more.
LONG = ["the bank of london " * 200]
LONG_TOLERANCE = 2e-5
DIM = 6


def table(kind: str, dtype: str, *, weights: bool, mapping: bool) -> dict[str, np.ndarray]:
    """Return random arrays in the layout of Model2Vec."""
    rng = np.random.default_rng([len(kind), DTYPES.index(dtype)])
    n_tokens = tiny.tiny_tokenizer(kind).get_vocab_size()
    n_rows = n_tokens // 3 if mapping else n_tokens
    rows = rng.normal(size=(n_rows, DIM))
    arrays = {"rows": (rows * 30).astype(np.int8) if dtype == "int8" else rows.astype(dtype)}
    if weights:
        arrays["weights"] = rng.uniform(0.01, 1, size=n_tokens).astype(np.float32)
    if mapping:
        arrays["mapping"] = rng.integers(0, n_rows, size=n_tokens, dtype=np.int32)
    return arrays


def ours(path: Path, texts: list[str] = TEXTS) -> np.ndarray:
    return StaticModel.from_pretrained(path).encode(texts)


def model2vecs(path: Path, texts: list[str] = TEXTS) -> np.ndarray:
    return model2vec.StaticModel.from_pretrained(path).encode(texts)


def sentence_transformers(path: Path, texts: list[str] = TEXTS) -> np.ndarray:
    return SentenceTransformer(str(path), device="cpu").encode(texts)


def save_model2vec(path: Path, kind: str, normalize: bool, arrays: dict[str, np.ndarray]) -> None:
    model2vec.StaticModel(
        arrays["rows"],
        tiny.tiny_tokenizer(kind),
        config={"model_type": "model2vec"},
        normalize=normalize,
        weights=arrays.get("weights"),
        token_mapping=arrays.get("mapping"),
    ).save_pretrained(path)


def save_ours(path: Path, kind: str, normalize: bool, arrays: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    StaticModel(
        arrays["rows"],
        tiny.tiny_tokenizer(kind),
        weights=arrays.get("weights"),
        mapping=arrays.get("mapping"),
        normalize=normalize,
        config=ModelConfig(teacher="owner/teacher", licence="apache-2.0", language=("en",)),
        # Tensors that the peers do not know must not disturb them.
        projection=Projection(rng.normal(size=9), rng.normal(size=(DIM, 9))),
    ).save_pretrained(path)


def save_sentence_transformers(
    path: Path, kind: str, normalize: bool, arrays: dict[str, np.ndarray]
) -> None:
    modules = [StaticEmbedding(tiny.tiny_tokenizer(kind), embedding_weights=arrays["rows"])]
    SentenceTransformer(
        modules=[*modules, Normalize()] if normalize else modules, device="cpu"
    ).save(str(path))


SAVERS = {
    "model2vec": (save_model2vec, model2vecs),
    "sentence-transformers": (save_sentence_transformers, sentence_transformers),
}
READERS = {"model2vec": model2vecs, "sentence-transformers": sentence_transformers}


def difference(one: np.ndarray, other: np.ndarray) -> float:
    scale = max(1e-30, float(np.abs(one).max()))
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max()) / scale


def compare(folder: Path) -> int:
    """Print one line per kind of model and direction; return how many differ."""
    n_bad = 0
    for dtype in DTYPES:
        for weights, mapping in ((False, False), (True, False), (True, True)):
            worst: dict[str, float] = {}
            for kind in tiny.KINDS:
                arrays = table(kind, dtype, weights=weights, mapping=mapping)
                for normalize in (True, False):
                    path = folder / f"{dtype}-{weights}-{mapping}-{kind}-{normalize}"
                    for name, (save, encode) in SAVERS.items():
                        if name != "model2vec" and (weights or dtype == "int8"):
                            continue  # sentence-transformers saves neither
                        save(path / name, kind, normalize, arrays)
                        gap = difference(encode(path / name), ours(path / name))
                        key = f"{name} -> skm2v"
                        worst[key] = max(worst.get(key, 0), gap)
                    save_ours(path / "ours", kind, normalize, arrays)
                    texts = [*TEXTS, *UNKNOWN] if normalize else TEXTS
                    for name, encode in READERS.items():
                        gap = difference(ours(path / "ours", texts), encode(path / "ours", texts))
                        key = f"skm2v -> {name}"
                        worst[key] = max(worst.get(key, 0), gap)
            parts = "+weights" * weights + "+mapping" * mapping
            for key, gap in worst.items():
                bad = not gap <= TOLERANCE[dtype]
                n_bad += bad
                print(f"{dtype + parts:24} {key:32} {gap:.1e}{'  DIFFERENT' if bad else ''}")
    worst_long = 0.0
    for kind in tiny.KINDS:
        save_ours(folder / kind, kind, True, table(kind, "float32", weights=False, mapping=False))
        gap = difference(ours(folder / kind, LONG), sentence_transformers(folder / kind, LONG))
        worst_long = max(worst_long, gap)
    print(f"{'float32, truncated':24} {'skm2v -> sentence-transformers':32} {worst_long:.1e}")
    return n_bad + int(not worst_long <= LONG_TOLERANCE)


def refusals(folder: Path) -> int:
    """Print what the peers say to a model with vectors of pairs; return how many load it."""
    rows = np.ones((tiny.tiny_tokenizer().get_vocab_size() + 1, DIM))
    StaticModel(rows, tiny.tiny_tokenizer(), pairs=[[10, 11]]).save_pretrained(folder)
    n_bad = 0
    for name, encode in READERS.items():
        try:
            encode(folder)
        except Exception as error:
            print(f"pairs: {name} refuses: {type(error).__name__}: {str(error)[:90]!r}")
        else:
            n_bad += 1
            print(f"pairs: {name} LOADS the model")
    return n_bad


def record(folder: Path) -> None:
    """Save small models of the peers with the vectors that the peers compute."""
    cases = {
        "model2vec-float32": ("model2vec", "wordpiece", "float32", False, False),
        "model2vec-float16-weights-mapping": ("model2vec", "unigram", "float16", True, True),
        "model2vec-int8": ("model2vec", "bpe", "int8", False, False),
        "sentence-transformers": ("sentence-transformers", "wordpiece", "float32", False, False),
    }
    for case, (library, kind, dtype, weights, mapping) in cases.items():
        path = folder / case
        shutil.rmtree(path, ignore_errors=True)
        save, encode = SAVERS[library]
        save(path, kind, True, table(kind, dtype, weights=weights, mapping=mapping))
        vectors = encode(path).astype(np.float32).tolist()
        (path / "README.md").unlink()
        (path / "model.safetensors").chmod(0o644)
        expected = {"library": library, "version": version(library), "vectors": vectors}
        lines = json.dumps({"texts": TEXTS, **expected}, indent=None)
        (path / "expected.json").write_text(lines + "\n", encoding="utf-8")
    # The layout of sentence-transformers before 5: each module in a folder of its own.
    flat, nested = folder / "sentence-transformers", folder / "sentence-transformers-nested"
    shutil.rmtree(nested, ignore_errors=True)
    shutil.copytree(flat, nested)
    inner = nested / "0_StaticEmbedding"
    inner.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (nested / name).rename(inner / name)
    modules = json.loads((nested / "modules.json").read_text(encoding="utf-8"))
    modules[0]["path"] = inner.name
    modules[0]["type"] = "sentence_transformers.models.StaticEmbedding"
    (nested / "modules.json").write_text(json.dumps(modules, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="keep models for the tests")
    arguments = parser.parse_args()
    names = ("model2vec", "sentence-transformers", "tokenizers", "numpy")
    print(", ".join(f"{name} {version(name)}" for name in names), flush=True)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        n_bad = compare(Path(folder)) + refusals(Path(folder) / "pairs")
    if arguments.record is not None:
        record(arguments.record)
    print(f"{n_bad} different")
    return int(n_bad > 0)


if __name__ == "__main__":
    sys.exit(main())
