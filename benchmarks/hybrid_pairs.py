"""Pairs of product descriptions and of questions: meaning, words, and the mean of both cosines.

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


def average_precisions(path: Path) -> dict[str, float]:
    pairs = pd.read_csv(path, keep_default_na=False)
    fitted = pairs[pairs["split"] == "train"]
    judged = pairs[pairs["split"] == "valid"]
    judged = judged if len(judged) else fitted
    texts = sorted({*fitted["text1"], *fitted["text2"]})
    vectorizer = HybridVectorizer(dtype=np.float64).fit(texts)
    left, right = (vectorizer.transform(judged[column]) for column in ("text1", "text2"))
    n = vectorizer.embedder_.n_components_
    parts = {"meaning": slice(0, n), "words": slice(n, None), "both": slice(None)}
    return {
        name: average_precision_score(
            judged["label"].astype(int), left[:, part].multiply(right[:, part]).sum(axis=1)
        )
        for name, part in parts.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print(f"{'set':30}{'meaning':>9}{'words':>9}{'both':>9}")
    for name in SETS:
        values = average_precisions(folder / f"{name}.csv.gz")
        print(f"{name:30}" + "".join(f"{values[part]:9.3f}" for part in values))


if __name__ == "__main__":
    main()
