"""The small example on which our scores are held to those of the mteb package.

Run ``PYTHONPATH=.:benchmarks python -m tests.evaluation.frozen`` where mteb is installed to write
``mteb_scores.json`` anew.
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.random_projection import GaussianRandomProjection

from skm2v.datasets import load_banking77
from skm2v.evaluation import (
    STS,
    Clustering,
    Encoder,
    FewShotClassification,
    PairClassification,
    Reranking,
    Retrieval,
    Task,
)

SCORES = Path(__file__).with_name("mteb_scores.json")


def models() -> list[Encoder]:
    """Two models that need no files and never change: random projections of hashed features.

    The projection is there against ties: where cosines are equal but for rounding, the order of a
    ranking is an accident, in mteb's scores as in ours.
    """
    words = HashingVectorizer(n_features=4096)
    pieces = HashingVectorizer(n_features=4096, analyzer="char_wb", ngram_range=(3, 4))
    return [
        Encoder(
            name, make_pipeline(features, GaussianRandomProjection(128, random_state=0)).fit([""])
        )
        for name, features in (("words", words), ("pieces", pieces))
    ]


def tasks() -> list[Task]:
    """One task of every type that mteb has, over some questions of bank customers."""
    train_texts, train_labels = _questions("train", 24)
    texts, labels = _questions("test", 10)
    first, second = texts[0::2], [*texts[3::2], texts[1]]
    same = [int(a == b) for a, b in zip(labels[0::2], [*labels[3::2], labels[1]], strict=True)]
    graded = [len(set(a.split()) & set(b.split())) % 6 for a, b in zip(first, second, strict=True)]
    return [
        FewShotClassification("banking", train_texts, train_labels, texts, labels),
        Clustering("banking", train_texts, train_labels, sample_size=512),
        Clustering("banking part", train_texts, train_labels, fraction=0.5, sample_size=300),
        STS("banking", first, second, [float(score) for score in graded]),
        PairClassification("banking", first, second, same),
        Retrieval(
            "banking",
            texts,
            train_texts,
            [f"doc{row}" for row in range(len(train_texts))],
            [
                {str(row): 1 + row % 2 for row, other in enumerate(train_labels) if other == label}
                for label in labels
            ],
        ),
        Reranking(
            "banking",
            texts[:40],
            [
                [t for t, other in zip(train_texts, train_labels, strict=True) if other == label][
                    :3
                ]
                for label in labels[:40]
            ],
            [
                [t for t, other in zip(train_texts, train_labels, strict=True) if other != label][
                    ::9
                ]
                for label in labels[:40]
            ],
        ),
    ]


def _questions(subset: str, per_label: int) -> tuple[list[str], list[str]]:
    bunch = load_banking77(subset=subset)
    texts, labels = [], []
    for label in range(0, 77, 8):
        rows = np.flatnonzero(np.asarray(bunch.target) == label)[:per_label]
        texts += [bunch.data[row] for row in rows]
        labels += [str(bunch.target_names[label])] * len(rows)
    return texts, labels


def main() -> None:
    """Score the example with mteb and write its scores."""
    import mteb_parity

    scores = {
        f"{type(task).__name__}/{task.name}/{model.name}": {
            name: theirs for name, _, theirs in mteb_parity.compare(model, task)
        }
        for task in tasks()
        for model in models()
    }
    versions = {name: metadata.version(name) for name in ("mteb", "scikit-learn")}
    SCORES.write_text(json.dumps({"versions": versions, "scores": scores}, indent=1) + "\n")


if __name__ == "__main__":
    main()
