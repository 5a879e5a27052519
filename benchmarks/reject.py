"""Texts of classes that were not fitted, rejected by a floor on the probability.

Run from a checkout: ``python benchmarks/reject.py``. Of the training split of Banking77, 20 intents
are held out; of the other 57, three quarters of the texts are fitted and a quarter is judged
together with the texts of the 20. Three draws of the 20 intents and the quarter.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from skm2v import StaticTextClassifier
from skm2v.datasets import load_banking77

FLOORS = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SEEDS = (0, 1, 2)


def main() -> None:
    texts, labels = load_banking77(subset="train", return_X_y=True)
    texts, labels = np.array(texts, dtype=object), np.asarray(labels)
    areas, rows = [], []
    for seed in SEEDS:
        unknown = np.random.default_rng(seed).permutation(np.unique(labels))[:20]
        known = np.flatnonzero(~np.isin(labels, unknown))
        fitted, judged = train_test_split(
            known, test_size=0.25, random_state=seed, stratify=labels[known]
        )
        classifier = StaticTextClassifier().fit(texts[fitted], labels[fitted])
        outside = texts[np.isin(labels, unknown)]
        areas.append(
            roc_auc_score(
                np.repeat([1, 0], [len(judged), len(outside)]),
                classifier.predict_proba([*texts[judged], *outside]).max(axis=1),
            )
        )
        rows.append([])
        for floor in FLOORS:
            predicted = classifier.predict(texts[judged], floor=floor, rejected=-1)
            kept = predicted >= 0
            right = np.mean(predicted[kept] == labels[judged][kept])
            rejected = np.mean(classifier.predict(outside, floor=floor, rejected=-1) < 0)
            rows[-1].append((kept.mean(), right, rejected))
    print(f"area under the curve of known against unknown: {np.mean(areas):.3f}")
    print(f"{'floor':>6}{'known kept':>12}{'right of kept':>15}{'unknown rejected':>18}")
    for floor, (kept, right, rejected) in zip(FLOORS, np.mean(rows, axis=0), strict=True):
        print(f"{floor:6.1f}{kept:12.1%}{right:15.1%}{rejected:18.1%}")


if __name__ == "__main__":
    main()
