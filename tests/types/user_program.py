"""What a user writes, for type checkers to accept; see `test_types.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v import (
    Deduplicator,
    FusedTextClassifier,
    HybridVectorizer,
    StaticEmbedder,
    StaticModel,
    StaticTextClassifier,
    distill,
    fuse,
)
from skm2v.datasets import load_banking77, load_sms_spam


def classify() -> npt.NDArray[Any]:
    X, y = load_sms_spam(subset="train", return_X_y=True)
    texts: list[str] = X
    labels: npt.NDArray[np.int64] = y
    classifier: StaticTextClassifier = StaticTextClassifier(C=1.0, class_weight="balanced").fit(
        texts, labels
    )
    fuse(classifier, handle_missing="zero").save("spam.safetensors")
    fused: FusedTextClassifier = FusedTextClassifier.load("spam.safetensors", mmap=True)
    probabilities: npt.NDArray[np.float64] = fused.predict_proba(texts)
    return probabilities


def embed(texts: list[str]) -> npt.NDArray[np.float32]:
    embedder: StaticEmbedder = StaticEmbedder(
        "default", pca_dims="auto", pooling="mean", quantize_to="int8", handle_missing="zero"
    ).fit(texts)
    vectors: npt.NDArray[np.float32] = embedder.transform(texts)
    vectorizer: HybridVectorizer = HybridVectorizer(embedder, sparse_output=False).fit(texts)
    vectorizer.transform(texts)
    return vectors


def encode(texts: list[str]) -> Iterator[npt.NDArray[np.float32]]:
    model: StaticModel = StaticModel.from_pretrained("default", quantize_to="float16")
    vectors: npt.NDArray[np.float32] = model.encode(
        texts, prompt_name=None, precision="float32", normalize_embeddings=False, device="cpu"
    )
    tensor = model.encode(texts, convert_to_tensor=True)
    print(tensor.device, model.similarity(vectors, vectors).shape)
    tensors: list[Any] = model.encode(texts, convert_to_numpy=False)
    one: npt.NDArray[np.float32] = model.encode_as_sequence(texts[0])
    many: list[npt.NDArray[np.float32]] = model.encode_as_sequence(texts)
    numbers: list[float] = model.embed_query(texts[0])
    print(len(tensors), len(one), len(many), len(numbers))
    smaller: StaticModel = model.with_dimensions(64).quantized("int8")
    smaller = smaller.with_settings(max_length=None)
    return smaller.encode_iter(iter(texts), batch_size=100)


def train_and_clean(folder: str) -> Any:
    model: StaticModel = distill(folder, objective="sentences", corpus=["a"], align="teacher")
    questions = load_banking77()
    return Deduplicator(model, kinds=("exact",), groups="components").fit(questions.data).groups_
