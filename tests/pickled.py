"""One small object of everything that people pickle, and comparisons to the bit: P14, P16, P18."""

from __future__ import annotations

import importlib
import inspect
import mmap
import os
import pickle
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from skm2v import (
    Deduplicator,
    HybridVectorizer,
    StaticEmbedder,
    StaticModel,
    StaticTextClassifier,
    TextSearcher,
    fuse,
)
from skm2v._model.state import SealedState
from skm2v.clustering import ClusterDescriber, NeighborAverager, WardKMeans
from skm2v.deduplication import PairScorer
from tests import tiny
from tests.model.forge import tiny_model

TEXTS = list(tiny.SENTENCES)
LABELS = np.arange(len(TEXTS)) % 2

# Public classes with `fit` whose pickles are not sealed, and why.
NOT_SEALED = {
    "BM25": "a rival in evaluations, which nobody deploys",
    "TfidfSVD": "a rival in evaluations, which nobody deploys",
}


def public_classes() -> list[type]:
    """Return the public classes that are fitted, or whose pickles are sealed."""
    names = (Path(__file__).parent / "public_names.txt").read_text(encoding="utf-8").split()
    found: dict[type, None] = {}
    for name in names:
        module, _, attribute = name.rpartition(".")
        one = getattr(importlib.import_module(module), attribute)
        if inspect.isclass(one) and (hasattr(one, "fit") or issubclass(one, SealedState)):
            found[one] = None
    return [StaticModel, *found]


def make_objects() -> dict[str, Any]:
    """Return one object of each kind by its name, as small as can be."""
    model = tiny_model("wordpiece", "int8")
    embedder = StaticEmbedder(model).fit(TEXTS)
    classifier = StaticTextClassifier(StaticEmbedder(model), max_pairs=5)
    words = classifier.fit(TEXTS, np.array(["ham", "spam"])[LABELS])
    indicator = np.stack([LABELS, np.arange(len(TEXTS)) % 3 > 0], axis=1).astype(int)
    several = StaticTextClassifier(StaticEmbedder(model), max_pairs=5).fit(TEXTS, indicator)
    pipeline = make_pipeline(StaticEmbedder(model), LogisticRegression())
    regression = make_pipeline(StaticEmbedder(model, normalize=False), Ridge())
    kinds = ("exact", "near", "semantic")
    deduplicator = Deduplicator(StaticEmbedder(model), threshold=0.5, kinds=kinds)
    pairs = [*zip(TEXTS[:8], [*TEXTS[:4], *TEXTS[8:12]], strict=True)]
    scorer = PairScorer(embedder=StaticEmbedder(model))
    trees = HistGradientBoostingClassifier(max_iter=4, random_state=0)
    # So that every bit of its pickle can be tried.
    with mock.patch.object(PairScorer, "_new_estimator", lambda self: trees):
        scorer.fit(pairs, [1] * 4 + [0] * 4)
    searcher = TextSearcher(StaticEmbedder(model), stop_words=["the"])
    vectorizer = HybridVectorizer(StaticEmbedder(model), max_pairs=5, character_weight=1.0)
    describer = ClusterDescriber(embedder=StaticEmbedder(model), n_terms=2)
    return {
        "StaticModel": model,
        "StaticEmbedder": embedder,
        "unfitted StaticEmbedder": StaticEmbedder(pca_dims=8),
        "FitReport": embedder.fit_report_,
        "HybridVectorizer": HybridVectorizer(StaticEmbedder(model), max_pairs=5).fit(TEXTS),
        "HybridVectorizer with characters": vectorizer.fit(TEXTS),
        "Deduplicator": deduplicator.fit([*TEXTS[:6], *TEXTS[:2]]),
        "PairScorer": scorer,
        "TextSearcher": searcher.fit(TEXTS[:6], ids=[f"id-{i}" for i in range(6)]),
        "ClusterDescriber": describer.fit(TEXTS, LABELS),
        "NeighborAverager": NeighborAverager(2).fit(np.eye(3)),
        "WardKMeans": WardKMeans(2).fit(np.arange(12.0).reshape(6, 2)),
        "StaticTextClassifier": words,
        "multilabel StaticTextClassifier": several,
        "unfitted StaticTextClassifier": StaticTextClassifier(class_weight={"ham": 2.0, "spam": 1}),
        "FusedTextClassifier": fuse(words),
        "FusedTextClassifier of a pipeline": fuse(pipeline.fit(TEXTS, LABELS)),
        "FusedTextRegressor": fuse(regression.fit(TEXTS, LABELS)),
        "Explanation": fuse(words).explain(TEXTS[:2]),
    }


#: Names of what `make_objects` returns.
KINDS = (
    "StaticModel",
    "StaticEmbedder",
    "unfitted StaticEmbedder",
    "FitReport",
    "HybridVectorizer",
    "HybridVectorizer with characters",
    "Deduplicator",
    "PairScorer",
    "TextSearcher",
    "ClusterDescriber",
    "NeighborAverager",
    "WardKMeans",
    "StaticTextClassifier",
    "multilabel StaticTextClassifier",
    "unfitted StaticTextClassifier",
    "FusedTextClassifier",
    "FusedTextClassifier of a pipeline",
    "FusedTextRegressor",
    "Explanation",
)


def content_of(value: Any) -> Any:
    """All that an object holds, so that two objects can be compared, but no versions."""
    if isinstance(value, (SealedState, StaticModel)):
        return type(value).__name__, content_of(value.__getstate__())
    if isinstance(value, dict):
        return [(name, content_of(item)) for name, item in value.items() if name != "versions"]
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.dtype.name, value.shape, value.tobytes()
    if isinstance(value, (list, tuple, np.ndarray)):
        return [content_of(item) for item in value]
    if isinstance(value, np.random.Generator):
        return content_of(value.bit_generator.state)
    if isinstance(value, np.random.RandomState):
        return content_of(value.get_state())
    if hasattr(value, "__dict__") and not isinstance(value, type):  # of somebody else
        return type(value).__name__, content_of(vars(value))
    if isinstance(value, np.generic) and not isinstance(value, np.void):
        value = value.item()  # one flipped bit of a pickle makes the other of it: the same number
    has_address = type(value).__repr__ is object.__repr__
    return type(value).__name__, None if has_address else repr(value)


def flip_in_children(data: bytes, bits: list[int], kind: type, expected: Any) -> bytes:
    """Flip bits of a pickle, one at a time, in forked children.

    Returns
    -------
    outcome : bytes
        For each bit R for refused, S for the same object, C for a changed one, 0 for a crash.
    """
    from tests.memory_limit import limit_memory  # there is none on Windows, where nothing forks

    outcome = mmap.mmap(-1, len(bits))
    start = 0
    while start < len(bits):
        child = os.fork()
        if child == 0:
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what the machine of pickle says
                warnings.simplefilter("ignore")
                limit_memory(500)  # a flipped length can be one of terabytes
                for i in range(start, len(bits)):
                    outcome[i] = ord("0")  # if it is the last that is written: where it ended
                    outcome[i] = _flip(data, bits[i], kind, expected)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        written = outcome[:]
        ended = written.find(b"0")
        if ended >= 0:
            outcome[ended] = 0
            start = ended + 1
        else:
            start = len(bits)
    return outcome[:]


def _flip(data: bytes, bit: int, kind: type, expected: Any) -> int:
    flipped = bytearray(data)
    flipped[bit // 8] ^= 1 << bit % 8
    try:
        again = pickle.loads(bytes(flipped))
    except Exception:
        return ord("R")
    if type(again) is not kind:
        return ord("R")
    return ord("S") if content_of(again) == expected else ord("C")
