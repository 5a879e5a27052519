"""Compare static models on the development sets, family by family, with paired intervals.

    python benchmarks/static_quality.py --data ../shared/data --stretch valence=1.5
    python benchmarks/static_quality.py --data ../shared/data --stretch valence=2,sentiment/mr=1.5
    python benchmarks/static_quality.py --data ../shared/data --model FOLDER [--test] [--sets]

The first model is the bundled one (or `--base FOLDER`), the others are models in folders and the
first one after a stretch, along named axes or along what tells the two classes of a development
set's training split; no model is scored on such a set. Nothing but training and development splits
is read, unless `--test` asks for the published test splits: labelled sets are split by a hash of
the text into a fifth that is scored and the rest that is learned from, STS is the training and the
development split of STSBenchmark.
Titles to cluster, collections to search and similarities of words have no splits; they are guards,
not what anything should be chosen by.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speed_common import environment, markdown, show_environment, simd_in_use  # noqa: E402

from skm2v import StaticEmbedder, StaticModel, StaticTextClassifier  # noqa: E402
from skm2v.evaluation import (  # noqa: E402
    STS,
    Evaluation,
    FewShotClassification,
    FullClassification,
    Result,
    Task,
    evaluate,
    find_sources,
)
from skm2v.evaluation._resampling import paired_difference  # noqa: E402

BASE = "base"
FOLDERS = ("intent", "sentiment", "spam", "topic")
AFFECT = {
    "movie_reviews", "mr", "sst2", "tweeteval_hate", "tweeteval_offensive", "tweeteval_sentiment",
}  # fmt: skip
GUARDS = ("clustering", "retrieval", "word-similarity")
FEWEST = 24  # texts of a class; rarer classes are left out
MOST = 4000  # texts to learn from, and to score
TITLES = {
    "classification": "few-shot, 8 a class",
    "affect": "few-shot, sentiment and offence",
    "sts": "STS",
    "clustering": "clustering, V-measure",
    "retrieval": "retrieval, nDCG@10",
    "word-similarity": "word similarity",
    "classification-full": "all labels",
}


def is_scored(text: str) -> bool:
    """Whether a text of a training split is one of the fifth that is held out."""
    return hashlib.blake2b(text.encode(), digest_size=1).digest()[0] % 5 == 0


def not_test(path: Path) -> pd.DataFrame:
    """Rows of a labelled set that are not in its test split, each text once."""
    table = pd.read_csv(path, keep_default_na=False, dtype=str)
    return table[table["split"] != "test"].drop_duplicates("text")


def two_classes(path: Path) -> tuple[list[str], list[float]]:
    """Texts of a set with two labels, and 0 or 1 for each."""
    table = not_test(path)
    first, second = sorted(table["label"].unique())
    return list(table["text"]), [float(label == second) for label in table["label"]]


def labelled(path: Path, name: str, draws: int) -> Iterator[Task]:
    """Few-shot and full classification of what is not in the test split."""
    table = not_test(path)
    counts = table["label"].value_counts()
    table = table[table["label"].isin(counts[counts >= FEWEST].index)]
    scored = np.array([is_scored(text) for text in table["text"]], dtype=bool)
    train, test = _shuffled(table[~scored])[:MOST], _shuffled(table[scored])[:MOST]
    parts = [list(part[column]) for part in (train, test) for column in ("text", "label")]
    yield FewShotClassification(name, *parts, split="training split", n_experiments=draws)
    yield FullClassification(name, *parts, split="training split")


def _shuffled(table: pd.DataFrame) -> pd.DataFrame:
    """Rows in a random order that is the same everywhere."""
    return table.iloc[np.random.default_rng(0).permutation(len(table))]


def development_tasks(data: Path, draws: int) -> Iterator[Task]:
    """Tasks of training and development splits, and the guards."""
    for folder in FOLDERS:
        for path in sorted((data / folder).glob("*.csv.gz")):
            yield from labelled(path, path.name.removesuffix(".csv.gz"), draws)
    pairs = pd.read_csv(data / "sts" / "stsb.csv.gz", keep_default_na=False)
    for split in ("train", "dev"):
        part = pairs[pairs["split"] == split]
        columns = (list(part[name]) for name in ("text1", "text2"))
        yield STS(f"stsb-{split}", *columns, [float(score) for score in part["score"]])
    for source in find_sources(data):
        if source.type in GUARDS:
            yield source.load()


def test_tasks(data: Path, draws: int) -> Iterator[Task]:
    """Tasks of the published splits."""
    for source in find_sources(data):
        if source.type in TITLES and source.name.split("/")[0] in (*FOLDERS, *GUARDS, "sts"):
            task: Any = source.load()
            yield replace(task, n_experiments=draws) if source.type == "classification" else task


def family_rows(results: list[Result], models: list[str]) -> Iterator[list[Any]]:
    """A row for each family and model: means, and the paired difference to the first model."""
    for family, title in TITLES.items():
        part = [r for r in results if r.type == family.replace("affect", "classification")]
        if family == "affect":
            part = [r for r in part if r.task.rpartition("/")[2] in AFFECT]
        if not part:
            continue
        means = {}
        for summary in Evaluation(part, models, {}).summaries():
            means[summary.model] = next(iter(summary.types.values()))
        first = means[BASE]
        n_sets = sum(r.model == BASE for r in part)
        for model in models[1:]:
            mean = means[model]
            gain = paired_difference(mean.score, mean.replicates, first.score, first.replicates)
            ends = f"[{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
            scores = [f"{100 * m.score:.1f}" for m in (first, mean)]
            yield [f"{title} ({n_sets})", model, *scores, f"{100 * gain.value:+.2f} {ends}"]


def set_rows(results: list[Result], models: list[str]) -> Iterator[list[Any]]:
    """A row for each set, with the scores of all models."""
    found = {(r.type, r.task, r.model): r.score for r in results}
    for type, task in dict.fromkeys((r.type, r.task) for r in results):
        yield [type, task, *(f"{100 * found[type, task, model]:.1f}" for model in models)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the development sets")
    parser.add_argument("--base", default="default", help="the model to compare with")
    parser.add_argument("--model", action="append", default=[], help="another model, by its folder")
    parser.add_argument("--stretch", action="append", default=[], metavar="NAME=FACTOR")
    parser.add_argument("--draws", type=int, default=5, help="of few-shot classification")
    parser.add_argument("--test", action="store_true", help="score the published test splits")
    parser.add_argument(
        "--classifier", action="store_true", help="score StaticTextClassifier with the models"
    )
    parser.add_argument("--sets", action="store_true", help="print the score of each set, too")
    options = parser.parse_args()
    show_environment(environment(simd_in_use()))
    base = StaticModel.from_pretrained(options.base)
    models: dict[str, Any] = {BASE: base}
    models |= {name: StaticModel.from_pretrained(name) for name in options.model}
    learned_from: set[str] = set()
    for one in options.stretch:
        axes: dict[str, Any] = {}
        for part in one.split(","):
            name, _, factor = part.partition("=")
            if "/" in name:
                axes[name] = (*two_classes(options.data / f"{name}.csv.gz"), float(factor))
                learned_from.add(name.rpartition("/")[2])
            else:
                axes[name] = float(factor)
        models[one] = base.stretch(axes)
    for name, model in models.items():
        axes_of = "; ".join(map(str, model.config.stretches))
        print(f"{name}: {model!r}, sha256 {model.sha256[:16]} {axes_of}")
    tasks = (test_tasks if options.test else development_tasks)(options.data, options.draws)
    scored = [task for task in tasks if task.name.rpartition("/")[2] not in learned_from]
    if options.classifier:
        models = {
            name: StaticTextClassifier(StaticEmbedder(model)) for name, model in models.items()
        }
        scored = [task for task in scored if task.type.startswith("classification")]
    results = evaluate(models, scored, n_worst=0).results
    for result in results:
        if result.error:
            raise SystemExit(f"{result.model} on {result.task}: {result.error}")
    names = list(models)
    splits = "published test splits" if options.test else "training and development splits"
    print(f"\n{splits}; scores times 100; paired bootstrap, 95 %; seeds as in skm2v.evaluation\n")
    header = ["mean over (sets)", "model", BASE, "model's", "difference [95 %]"]
    print(markdown(header, list(family_rows(results, names))))
    if options.sets:
        print(f"\n{markdown(['type', 'set', *names], list(set_rows(results, names)))}")


if __name__ == "__main__":
    main()
