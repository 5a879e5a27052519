"""Vectors and texts that fall into groups, and ways to compare groups."""

from __future__ import annotations

import numpy as np

SUBJECTS = {
    "cards": "my bank card did not arrive|where is the new card|card delivery takes long".split(
        "|"
    ),
    "rates": "the exchange rate is wrong|which exchange rate applies|rate of exchange".split("|"),
    "codes": "i forgot my passcode|reset the passcode|passcode is not accepted".split("|"),
}


def blobs(n_groups=6, n_each=30, d=24, spread=0.12, seed=0):
    """Rows of length about 1 around orthogonal directions, in random order, and their groups."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(n_groups), n_each))
    return np.eye(d)[groups] + spread * rng.standard_normal((len(groups), d)), groups


def questions():
    """Texts of three subjects, with small differences, and their labels."""
    texts, labels = [], []
    for label, sentences in SUBJECTS.items():
        for number, word in enumerate(("please", "today", "abroad", "again")):
            for sentence in sentences:
                texts.append(f"{sentence} {word} {number}")
                labels.append(label)
    return texts, labels


def as_sets(labels):
    labels = np.asarray(labels)
    return {frozenset(np.flatnonzero(labels == one).tolist()) for one in set(labels.tolist())}
