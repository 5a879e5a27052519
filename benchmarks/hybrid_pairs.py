"""Pairs of product descriptions and of questions: meaning, words, and the mean of both cosines.

Beside them stands tf-idf of two to four characters, alone and as the mean with meaning.

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
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import average_precision_score

from skm2v import HybridVectorizer

NAMES = ("meaning", "words", "both", "characters", "c + meaning")
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
    cosines = {
        name: left[:, part].multiply(right[:, part]).sum(axis=1) for name, part in parts.items()
    }
    ngrams = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit(texts)
    left, right = (ngrams.transform(judged[column]) for column in ("text1", "text2"))
    cosines["characters"] = np.asarray(left.multiply(right).sum(axis=1)).ravel()
    # In a row of norm 1, each kind of features has norm .5 ** .5.
    cosines["c + meaning"] = cosines["characters"] / 2 + cosines["meaning"]
    labels = judged["label"].astype(int)
    return {name: average_precision_score(labels, values) for name, values in cosines.items()}


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
