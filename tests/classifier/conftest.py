from __future__ import annotations

import numpy as np
import pytest

from skm2v import StaticEmbedder, StaticModel, StaticTextClassifier
from tests import tiny


def labelled(n_classes: int = 2, *, n: int = 60, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts whose words tell their class, and the classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    words = np.array(tiny.WORDS)
    topics = np.array_split(words[: 30 * n_classes // 2], n_classes)
    texts = []
    for label in y:
        own = rng.choice(topics[label], size=rng.integers(2, 9))
        noise = rng.choice(words[60:], size=rng.integers(0, 6))
        texts.append(" ".join(rng.permutation([*own, *noise])))
    return texts, y


@pytest.fixture(scope="session")
def data():
    return labelled()


@pytest.fixture(scope="session")
def data3():
    return labelled(3, n=90)


@pytest.fixture(scope="session")
def indicator(data3):
    """Texts with any of three labels: their topics, and whether they are long."""
    texts, y = data3
    long = np.array([len(text.split()) > 6 for text in texts])
    return texts, np.stack([y == 0, y != 1, long], axis=1).astype(int)


@pytest.fixture
def tiny_embedder(tiny_static: StaticModel) -> StaticEmbedder:
    return StaticEmbedder(tiny_static)


@pytest.fixture
def classifier(tiny_embedder: StaticEmbedder) -> StaticTextClassifier:
    return StaticTextClassifier(tiny_embedder)


@pytest.fixture(params=["binary", "classes", "labels"])
def fitted(request, tiny_embedder, data, data3, indicator):
    """A fitted classifier of each kind of target, its texts and its labels."""
    texts, y = {"binary": data, "classes": data3, "labels": indicator}[request.param]
    return StaticTextClassifier(tiny_embedder).fit(texts, y), texts, y


def make_pairs_model(kind: str = "wordpiece") -> StaticModel:
    """A model whose table has rows for pairs of tokens, a mapping and weights."""
    rng = np.random.default_rng(3)
    tokenizer = tiny.tiny_tokenizer(kind)
    v = tokenizer.get_vocab_size()
    ids = tokenizer.encode("the of to and bank card money free", add_special_tokens=False).ids
    pairs = np.array(list(dict.fromkeys(zip(ids, ids[1:], strict=False))), dtype=np.int32)
    rows = rng.normal(size=(20 + len(pairs), 8)).astype(np.float32)
    return StaticModel(
        rows,
        tokenizer,
        weights=rng.uniform(0.5, 2, size=v + len(pairs)).astype(np.float32),
        mapping=rng.integers(0, 20, size=v).astype(np.int32),
        pairs=pairs,
    )
