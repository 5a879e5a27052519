"""What the speed benchmarks share: corpora, our models, the peers, and how results are shown."""

from __future__ import annotations

import csv
import gzip
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

PACKAGES = (
    "skm2v", "numpy", "scipy", "scikit-learn", "tokenizers", "model2vec", "sentence-transformers",
    "laghu", "laghu-rs", "nanotoken", "wordllama", "fasttext", "torch",
)  # fmt: skip


def limit_threads(n: int) -> None:
    """Set the thread counts of every library; call before they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(n)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if n > 1 else "false"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


# ---- corpora ---------------------------------------------------------------------------------


def csv_rows(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 30)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def long_texts(data: Path) -> list[list[str]]:
    """Long English texts of the development data, one list per source."""
    sources = [
        [row["text"] for row in csv_rows(data / name)]
        for name in (
            "topic/20newsgroups_stripped.csv.gz",
            "spam/enron1.csv.gz",
            "sentiment/movie_reviews.csv.gz",
        )
    ]
    for name in ("text/state_union.txt.gz", "text/moby_dick.txt.gz"):
        with gzip.open(data / name, "rt", encoding="utf-8") as file:
            sources.append(file.read().split("\n"))
    return sources


def english(data: Path, n_sentences: int = 50_000, n_documents: int = 5_000) -> dict[str, Any]:
    """Make the two corpora: sentences of 60 to 100 characters, documents of 1 to 2 kB."""
    rng = random.Random(0)
    sentences: dict[str, None] = {}
    documents: dict[str, None] = {}
    for source in long_texts(data):
        for text in source:
            for part in re.split(r"(?<=[.!?])\s+", text):
                part = " ".join(part.split())
                letters = sum(c.isalpha() for c in part)
                if 60 <= len(part) <= 100 and letters > 0.7 * len(part):
                    sentences[part] = None
        everything = "\n".join(source)
        start = 0
        while start < len(everything):
            length = rng.randint(1000, 2000)
            if start + length <= len(everything):
                documents[everything[start : start + length]] = None
            start += length
    corpora = {}
    for name, texts, n in (
        ("sentences", list(sentences), n_sentences),
        ("documents", list(documents), n_documents),
    ):
        rng.shuffle(texts)
        corpora[name] = texts[:n]
    return corpora


def multilingual(data: Path) -> dict[str, list[str]]:
    """Make one corpus per language of the non-ASCII sentences."""
    corpora: dict[str, list[str]] = {}
    for row in csv_rows(data / "multilingual/ud_sentences.csv.gz"):
        corpora.setdefault(row["label"], []).append(row["text"])
    return {k: corpora[k] for k in ("ar", "zh", "hi", "ja", "ru", "th", "tr", "de")}


# ---- models ----------------------------------------------------------------------------------


def load_parts(folder: Path) -> tuple[Any, Any]:
    """Return the (V, d) float32 table and the tokenizer of a model folder, as JSON text."""
    from skm2v import StaticModel

    model = StaticModel.from_pretrained(folder)
    table = model.embedding.astype("float32")
    if model.weights is not None:
        table = table * model.weights[:, None]
    return table, (folder / "tokenizer.json").read_text(encoding="utf-8")


def peer_folder(folder: Path, table: Any, tokenizer: str) -> Path:
    """Write the model as the peers like it best: float32, a tokenizer that does not truncate."""
    from safetensors.numpy import save_file

    target = Path(tempfile.mkdtemp(prefix="skm2v-benchmark-"))
    for path in folder.iterdir():
        if path.suffix in (".json", ".txt") and path.name != "tokenizer.json":
            shutil.copy(path, target)
    save_file({"embeddings": table}, target / "model.safetensors")
    spec = {**json.loads(tokenizer), "truncation": None, "padding": None}
    (target / "tokenizer.json").write_text(json.dumps(spec), encoding="utf-8")
    return target


def our_model(table: Any, tokenizer: str, dtype: str) -> Any:
    """Make a StaticModel over the table in a type."""
    from skm2v import StaticModel

    model = StaticModel(table, tokenizer)
    return model if dtype == "float32" else model.quantized(dtype)


Encoder = Callable[[list[str]], Any]


class Peer:
    """Something that encodes texts; `make` gives an encoder that has seen no text yet."""

    def __init__(self, name: str, make: Callable[[], Encoder], most: int | None = None) -> None:
        self.name = name
        self.make = make
        self.most = most  # slow: time at most so many texts


def peers(
    folder: Path,
    table: Any,
    tokenizer: str,
    teacher: Path | None,
    train: list[str],
    threads: int,
    only: list[str] | None = None,
) -> tuple[list[Peer], list[str]]:
    """Return the peers that are installed, and the names of those that are not."""
    found: list[Peer] = []
    absent: list[str] = []

    def add(name: str, package: str, make: Callable[[], Encoder], most: int | None = None) -> None:
        if only is not None and name not in only:
            return
        try:
            make()
        except ModuleNotFoundError:
            absent.append(f"{name} ({package} is not installed)")
        except Exception as error:  # a peer that cannot load this model is named as well
            absent.append(f"{name} ({type(error).__name__}: {str(error).splitlines()[0][:90]})")
        else:
            found.append(Peer(name, make, most))

    def model2vec() -> Encoder:
        from model2vec import StaticModel

        model = StaticModel.from_pretrained(str(folder))
        model.embedding = table
        return lambda texts: model.encode(texts, max_length=512, use_multiprocessing=threads > 1)

    def laghu() -> Encoder:
        import laghu
        import laghu_rs
        import tokenizers

        model = laghu.load(str(folder), fallback=False)
        # Its fast path, which is taken in silence or not: the tokenizer's and the table's form are
        # right, but the Rust core goes with one minor version of tokenizers only.
        if model.tokenizer.rs is None:
            raise RuntimeError(
                f"laghu-rs wants tokenizers {laghu_rs.TOKENIZERS}, not {tokenizers.__version__}"
            )
        model.tokenizer.threads = threads
        return lambda texts: model.encode(texts, max_length=512, use_multiprocessing=threads > 1)

    def nanotoken() -> Encoder:
        import nanotoken
        import numpy as np
        from scipy.sparse import csr_array

        spec = json.loads(tokenizer)
        spec["added_tokens"] = []  # special tokens in a text are plain text
        spec["post_processor"] = None
        unknown = spec["model"]["vocab"][spec["model"]["unk_token"]]
        fast = nanotoken.Tokenizer.from_json(json.dumps(spec))
        # The best exact peer, with the same result: UNK dropped, mean, norm.
        pooled = table.copy()
        pooled[unknown] = 0

        def encode(texts: list[str]) -> Any:
            rows = fast.encode_batch(
                texts, add_special_tokens=False, max_length=512, parallel=threads > 1
            )
            ids = np.asarray(rows.ids).astype(np.int32, copy=False)
            indptr = np.asarray(rows.offsets).astype(np.int32, copy=False)
            counts = csr_array(
                (np.ones(len(ids), np.float32), ids, indptr), shape=(len(texts), len(table))
            )
            vectors = counts @ pooled
            norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
            return vectors / np.where(norms == 0, 1, norms)

        encode(["probe"])
        return encode

    def static_embedding() -> Encoder:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.models import Normalize, StaticEmbedding
        from tokenizers import Tokenizer

        module = StaticEmbedding(Tokenizer.from_str(tokenizer), embedding_weights=table)
        model = SentenceTransformer(modules=[module, Normalize()], device="cpu")
        return lambda texts: model.encode(texts, batch_size=1024, show_progress_bar=False)

    def wordllama() -> Encoder:
        from wordllama import WordLlama

        # It has no other table than its own: 32,000 tokens of a byte-level BPE, 256 columns.
        model = WordLlama.load(disable_download=True)
        return lambda texts: model.embed(texts, norm=True, batch_size=1024)

    def fasttext() -> Encoder:
        import fasttext  # noqa: F401

        raise RuntimeError("no fastText vectors are named")

    def hashing() -> Encoder:
        from sklearn.feature_extraction.text import HashingVectorizer

        return HashingVectorizer().transform

    fitted: list[Any] = []

    def tfidf() -> Encoder:
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline

        if not fitted:
            svd = TruncatedSVD(min(256, len(train) // 4), n_iter=2, random_state=0)
            fitted.append(make_pipeline(TfidfVectorizer(), svd).fit(train))
        return fitted[0].transform

    def transformer() -> Encoder:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        if teacher is None:
            raise RuntimeError("no --teacher")
        model = SentenceTransformer(str(teacher), device="cpu")
        return lambda texts: model.encode(texts, batch_size=32, show_progress_bar=False)

    add("model2vec", "model2vec", model2vec)
    add("laghu", "laghu with laghu-rs", laghu)
    add("nanotoken + CSR", "nanotoken", nanotoken)
    add("sentence-transformers StaticEmbedding", "sentence-transformers", static_embedding)
    add("WordLlama (its own table)", "wordllama", wordllama)
    add("fastText", "fasttext", fasttext)
    add("HashingVectorizer", "scikit-learn", hashing)
    add("TfidfVectorizer + TruncatedSVD", "scikit-learn", tfidf)
    add("teacher", "sentence-transformers", transformer, most=64)
    return found, absent


# ---- results ---------------------------------------------------------------------------------


def timed(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def summary(seconds: list[float]) -> dict[str, float]:
    return {"min": min(seconds), "median": median(seconds)}


def cpu_name() -> str:
    try:
        text = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
        return (
            next(line for line in text.splitlines() if "Model name" in line).split(":")[1].strip()
        )
    except (OSError, StopIteration, subprocess.CalledProcessError):
        return platform.processor() or platform.machine()


def environment(simd: str) -> dict[str, Any]:
    """Return the versions, CPU and load that figures are worth nothing without."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "in place" if name == "skm2v" else None
    return {
        "python": platform.python_version(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "instruction_set": simd,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": versions,
    }


def simd_in_use() -> str:
    """Name of the kernel's instruction set, or that the reference path runs."""
    try:
        from skm2v._pooling._kernel import best_simd
    except ImportError:
        return "reference path (no compiled kernel)"
    return str(best_simd())


def markdown(header: list[str], rows: list[list[Any]]) -> str:
    """Return a Markdown table with numbers to three digits."""

    def cell(value: Any) -> str:
        return f"{value:.3g}" if isinstance(value, float) else str(value)

    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def show_environment(env: dict[str, Any]) -> None:
    versions = ", ".join(f"{k} {v}" for k, v in env["versions"].items() if v)
    print(f"{env['cpu']}, {env['cores']} cores, {env['instruction_set']}, load {env['load']}")
    print(f"Python {env['python']}, {versions}\n")


def write_json(path: Path | None, result: dict[str, Any]) -> None:
    if path:
        path.write_text(json.dumps(result, indent=1), encoding="utf-8")
