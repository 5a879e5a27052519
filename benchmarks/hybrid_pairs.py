"""Pairs of product descriptions and of questions: meaning, words, characters, and mixtures.

They are inner products of rows of ``HybridVectorizer``: of each kind of columns alone, of meaning
and words (the default), of words and characters (``semantic_weight=0, character_weight=2``), and of
all three (``character_weight=2``).

Run from a checkout: ``python benchmarks/hybrid_pairs.py FOLDER``, with files
``dedup/abt_buy.csv.gz``, ``dedup/amazon_google.csv.gz`` and ``pairs/medical_question_pairs.csv.gz``
in the folder, of the columns text1, text2, label (1 for a match) and split. The vectorizer is
fitted on the texts of the training split, without labels, and average precision is that of the
validation split (of the training split where there is no other but the test split).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from skm2v import HybridVectorizer

SETS = ("dedup/abt_buy", "dedup/amazon_google", "pairs/medical_question_pairs")
MIXTURES = {
    "m + w": {},
    "w + c": {"semantic_weight": 0.0, "character_weight": 2.0},
    "m + w + c": {"character_weight": 2.0},
}
NAMES = ("meaning", "words", "characters", *MIXTURES)


def average_precisions(path: Path) -> dict[str, float]:
    pairs = pd.read_csv(path, keep_default_na=False)
    fitted = pairs[pairs["split"] == "train"]
    judged = pairs[pairs["split"] == "valid"]
    judged = judged if len(judged) else fitted
    texts = sorted({*fitted["text1"], *fitted["text2"]})
    labels = judged["label"].astype(int)
    values = {}
    for name, settings in MIXTURES.items():
        vectorizer = HybridVectorizer(dtype=np.float64, **settings).fit(texts)
        left, right = (vectorizer.transform(judged[column]) for column in ("text1", "text2"))
        products = left.multiply(right).tocsc()
        values[name] = average_precision_score(labels, products.sum(axis=1))
    kinds = np.array([name.partition("_")[0] for name in vectorizer.get_feature_names_out()])
    parts = {
        "meaning": kinds == "dimension",
        "words": np.isin(kinds, ("token", "pair")),
        "characters": kinds == "characters",
    }
    for name, columns in parts.items():
        of_kind = products[:, np.flatnonzero(columns)].sum(axis=1)
        values[name] = average_precision_score(labels, of_kind)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print(f"{'set':30}" + "".join(f"{name:>12}" for name in NAMES))
    for name in SETS:
        values = average_precisions(folder / f"{name}.csv.gz")
        print(f"{name:30}" + "".join(f"{values[name]:12.3f}" for name in NAMES))


if __name__ == "__main__":
    main()
