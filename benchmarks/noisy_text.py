"""Words that noisy texts lose to symbols, and accuracy, without and with splitting.

Run from a checkout: ``python benchmarks/noisy_text.py --data FOLDER``, a folder that holds
``sentiment/tweeteval_*.csv.gz`` and ``spam/sms_spam.csv.gz`` (columns text, label and split). Texts
of test splits are not read. A text lost a word where the tokenizer made an unknown token of
something with a letter or a digit in it. The bundled model embeds the texts, with
``split_unknown`` False and True; a logistic regression is judged by the same stratified folds for
both, and the standard error is that of the paired differences, text by text.
"""

from __future__ import annotations

import argparse
import platform
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import tokenizers
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

import skm2v
from skm2v.exceptions import TextWarning

FOLDS = 5
SEED = 0
C = 10.0


def development_sets(folder: Path) -> dict[str, pd.DataFrame]:
    """Texts and labels of each set, without those of its test split."""
    paths = [*sorted(folder.glob("sentiment/tweeteval_*.csv.gz")), folder / "spam/sms_spam.csv.gz"]
    sets = {}
    for path in paths:
        frame = pd.read_csv(path, keep_default_na=False)
        sets[path.name.removesuffix(".csv.gz")] = frame[frame["split"] != "test"]
    return sets


def lost_words(model: skm2v.StaticModel, texts: list[str]) -> np.ndarray:
    """For each text, whether a word of it became unknown."""
    tokenizer = model.text_tokenizer
    lost = np.zeros(len(texts), dtype=bool)
    for row, text in enumerate(texts):
        ids, offsets = tokenizer.offsets(text)
        unknown = offsets[ids == tokenizer.unk_id].tolist()
        lost[row] = any(any(map(str.isalnum, text[start:end])) for start, end in unknown)
    return lost


def right(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each text, 1 if it was predicted right by a model that was fitted without it."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    predicted = cross_val_predict(LogisticRegression(C=C, max_iter=2000), vectors, labels, cv=folds)
    return (predicted == labels).astype(float)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the development sets")
    arguments = parser.parse_args()
    plain = skm2v.StaticModel.from_pretrained("default").with_settings(split_unknown=False)
    split = plain.with_settings(split_unknown=True)
    print(
        f"skm2v {skm2v.__version__}, scikit-learn {sklearn.__version__}, numpy {np.__version__},"
        f" tokenizers {tokenizers.__version__}, Python {platform.python_version()}"
    )
    print(f"bundled model, LogisticRegression(C={C:g}), {FOLDS} stratified folds, seed {SEED}")
    print(
        f"{'':<20}{'texts':>7}{'changed':>9}{'lost a word':>13}{'split':>8}{'zero':>6}{'split':>7}"
        f"{'accuracy':>10}{'split':>8}{'difference':>12}{'error':>8}"
    )
    differences, errors = [], []
    for name, frame in development_sets(arguments.data).items():
        texts, labels = frame["text"].tolist(), frame["label"].to_numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TextWarning)  # the zero vectors are counted below
            before, after = plain.encode(texts), split.encode(texts)
        changed = np.mean((before != after).any(axis=1))
        shares = [lost_words(model, texts).mean() for model in (plain, split)]
        zeros = [int((~vectors.any(axis=1)).sum()) for vectors in (before, after)]
        hits = [right(vectors, labels) for vectors in (before, after)]
        difference = hits[1] - hits[0]
        differences.append(difference.mean())
        errors.append(difference.std(ddof=1) / np.sqrt(len(difference)))
        print(
            f"{name:<20}{len(texts):7,}{changed:9.1%}{shares[0]:13.2%}{shares[1]:8.2%}"
            f"{zeros[0]:6}{zeros[1]:7}{hits[0].mean():10.2%}{hits[1].mean():8.2%}"
            f"{100 * differences[-1]:+12.2f}{100 * errors[-1]:8.2f}",
            flush=True,
        )
    error = np.sqrt(np.square(errors).sum()) / len(errors)
    print(
        f"mean difference over the sets: {100 * np.mean(differences):+.3f} points, standard error"
        f" {100 * error:.3f}"
    )


if __name__ == "__main__":
    main()
