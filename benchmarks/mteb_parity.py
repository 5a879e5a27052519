"""Compare the scores of ``skm2v.evaluation`` with those of the ``mteb`` package on the same data.

Every task is built once; its data go to our protocol and, through subclasses of mteb's abstract
tasks with ``load_data`` overridden, to ``mteb.evaluate``. Nothing is downloaded. Exit status 1 if
any score differs by more than 0.001.

    python benchmarks/mteb_parity.py --data ../shared/data
    python benchmarks/mteb_parity.py --data ../shared/data --model default --model tfidf.joblib
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from importlib import metadata
from typing import Any

# Before anything of Hugging Face is imported: this script must not reach for the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")

from skm2v.evaluation import (
    STS,
    Clustering,
    FewShotClassification,
    MtebEncoder,
    PairClassification,
    Reranking,
    Retrieval,
    Task,
    find_sources,
    load_model,
    run_task,
)

TOLERANCE = 0.001
TASKS = (
    "sms_spam",
    "trec",
    "banking77",
    "20ng_titles",
    "stackoverflow20",
    "sts13",
    "stsb",
    "medical_question_pairs",
    "adi",
    "cranfield",
    "trecqa",
)
# Names of a score with us and with mteb, by type of task; the main score is under "".
SCORES: dict[type[Task], dict[str, str]] = {
    FewShotClassification: {"": "accuracy", "f1_macro": "f1"},
    Clustering: {"": "v_measure", "ami": "ami"},
    STS: {"": "cosine_spearman", "pearson": "cosine_pearson"},
    PairClassification: {
        "": "cosine_ap",
        "max_ap": "max_ap",
        "f1": "cosine_f1",
        "accuracy": "cosine_accuracy",
    },
    Retrieval: {
        "": "ndcg_at_10",
        "recall_at_100": "recall_at_100",
        "map": "map_at_1000",
        "mrr_at_10": "mrr_at_10",
    },
    Reranking: {"": "map_at_1000", "mrr": "mrr_at_1000", "ndcg_at_10": "ndcg_at_10"},
}


def hashing() -> Any:
    """Return a second model of quite another kind: hashed words and word pairs, no fitting."""
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(n_features=512, ngram_range=(1, 2), dtype="float32")


def mteb_task(task: Task) -> Any:
    """Build the mteb task over the data of one of ours."""
    from mteb.abstasks.classification import AbsTaskClassification
    from mteb.abstasks.clustering import AbsTaskClustering
    from mteb.abstasks.pair_classification import AbsTaskPairClassification
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.sts import AbsTaskSTS

    base, kind, load, settings = {
        FewShotClassification: (AbsTaskClassification, "Classification", _classification, {}),
        Clustering: (AbsTaskClustering, "Clustering", _clustering, {}),
        STS: (AbsTaskSTS, "STS", _sts, {}),
        PairClassification: (AbsTaskPairClassification, "PairClassification", _pairs, {}),
        Retrieval: (AbsTaskRetrieval, "Retrieval", _retrieval, {}),
        Reranking: (AbsTaskRetrieval, "Reranking", _reranking, {}),
    }[type(task)]
    settings = dict(settings)
    if isinstance(task, Clustering):
        # None is mteb's spelling of "all documents".
        fraction = None if task.fraction == 1 else task.fraction
        settings["max_fraction_of_documents_to_embed"] = fraction
        settings["max_documents_per_cluster"] = task.sample_size
        settings["n_clusters"] = task.n_experiments

    def load_data(self: Any, *args: Any, **kwargs: Any) -> None:
        self.dataset = load(task)
        self.data_loaded = True

    name = "".join(part for part in task.name.title() if part.isalnum())
    members = {
        "metadata": _metadata(name, kind, SCORES[type(task)][""]),
        "load_data": load_data,
        **settings,
    }
    return type(name, (base,), members)()


def _metadata(name: str, kind: str, main_score: str) -> Any:
    from mteb.abstasks.task_metadata import TaskMetadata

    return TaskMetadata(
        name=name,
        type=kind,
        main_score=main_score,
        description="Local data.",
        dataset={"path": "local", "revision": "local"},
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        category="t2t",
        modalities=["text"],
        reference=None,
        date=None,
        domains=None,
        task_subtypes=None,
        license=None,
        annotations_creators=None,
        dialect=None,
        sample_creation=None,
        bibtex_citation=None,
    )


def _numbers(labels: list[str], known: list[str]) -> list[int]:
    places = {label: place for place, label in enumerate(sorted(set(known)))}
    return [places[label] for label in labels]


def _classification(task: FewShotClassification) -> Any:
    from datasets import Dataset, DatasetDict

    known = task.train_labels + task.test_labels
    train = {"text": task.train_texts, "label": _numbers(task.train_labels, known)}
    test = {"text": task.test_texts, "label": _numbers(task.test_labels, known)}
    return DatasetDict(train=Dataset.from_dict(train), test=Dataset.from_dict(test))


def _clustering(task: Clustering) -> Any:
    from datasets import Dataset, DatasetDict

    columns = {"sentences": task.texts, "labels": _numbers(task.labels, task.labels)}
    return DatasetDict(test=Dataset.from_dict(columns))


def _sts(task: STS) -> Any:
    from datasets import Dataset, DatasetDict

    columns = {"sentence1": task.texts1, "sentence2": task.texts2, "score": task.scores}
    return DatasetDict(test=Dataset.from_dict(columns))


def _pairs(task: PairClassification) -> Any:
    from datasets import Dataset, DatasetDict

    columns = {"sentence1": task.texts1, "sentence2": task.texts2, "labels": task.labels}
    return DatasetDict(test=Dataset.from_dict(columns))


def _retrieval(task: Retrieval) -> Any:
    judged = {
        f"q{query}": {task.document_ids[int(row)]: gain for row, gain in relevance.items()}
        for query, relevance in enumerate(task.relevance)
    }
    return _search_data(
        task.queries, dict(zip(task.document_ids, task.documents, strict=True)), judged
    )


def _reranking(task: Reranking) -> Any:
    documents: dict[str, str] = {}
    judged: dict[str, dict[str, int]] = {}
    ranked: dict[str, list[str]] = {}
    for query, candidates in enumerate(zip(task.positives, task.negatives, strict=True)):
        for gain, texts in zip((1, 0), candidates, strict=True):
            for text in texts:
                identifier = f"d{len(documents):08d}"
                documents[identifier] = text
                ranked.setdefault(f"q{query}", []).append(identifier)
                if gain:
                    judged.setdefault(f"q{query}", {})[identifier] = 1
    return _search_data(task.queries, documents, judged, ranked)


def _search_data(
    queries: list[str],
    documents: dict[str, str],
    judged: dict[str, dict[str, int]],
    ranked: dict[str, list[str]] | None = None,
) -> Any:
    from datasets import Dataset

    corpus = {"id": list(documents), "text": list(documents.values())}
    asked = {"id": [f"q{query}" for query in range(len(queries))], "text": queries}
    return {
        "default": {
            "test": {
                "corpus": Dataset.from_dict(corpus),
                "queries": Dataset.from_dict(asked),
                "relevant_docs": judged,
                "top_ranked": ranked,
            }
        }
    }


def compare(model: Any, task: Task) -> list[tuple[str, float, float]]:
    """Score a model on a task with us and with mteb.

    Parameters
    ----------
    model : Encoder
        The model under test.
    task : Task
        One of the types in `SCORES`.

    Returns
    -------
    list of (str, float, float)
        mteb's name of a score, our value, mteb's value.
    """
    import mteb

    ours = run_task(model, task, n_worst=0)
    results = mteb.evaluate(
        MtebEncoder(model), mteb_task(task), cache=None, show_progress_bar=False, co2_tracker=False
    )
    theirs = results.task_results[0].scores["test"][0]
    return [
        (name, ours.score if own == "" else ours.metrics[own], theirs[name])
        for own, name in SCORES[type(task)].items()
    ]


def main() -> int:
    """Print the comparison as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/data", help="folder of data sets")
    parser.add_argument(
        "--model", action="append", help="as in skm2v eval (default: default, and hashed words)"
    )
    parser.add_argument("--tasks", default=",".join(TASKS), help="names of data sets")
    args = parser.parse_args()
    from skm2v.evaluation import Encoder

    models = [load_model(spec) for spec in args.model or ["default"]]
    if not args.model:
        models.append(Encoder("hashed words", hashing()))
    worst = 0.0
    print(f"mteb {metadata.version('mteb')}, scikit-learn {metadata.version('scikit-learn')}\n")
    print("| task | model | score | skm2v | mteb | difference |")
    print("| --- | --- | --- | --- | --- | --- |")
    wanted = set(args.tasks.split(","))
    for source in find_sources(args.data):
        if source.name.rpartition("/")[2] not in wanted or source.type == "classification-full":
            continue
        for task in _variants(source.load()):
            for model in models:
                for name, own, other in compare(model, task):
                    worst = max(worst, abs(own - other))
                    label = f"{task.name}{_fraction(task)}"
                    print(
                        f"| {label} | {model.name} | {name} | {own:.6f} | {other:.6f} "
                        f"| {own - other:+.6f} |",
                        flush=True,
                    )
    print(f"\nlargest difference {worst:.6f}, allowed {TOLERANCE}")
    return int(worst > TOLERANCE)


def _variants(task: Task) -> list[Task]:
    """Add clustering with mteb's own default fraction of documents."""
    if isinstance(task, Clustering):
        return [task, dataclasses.replace(task, fraction=0.04)]
    return [task]


def _fraction(task: Task) -> str:
    return f" ({task.fraction:.0%} of the documents)" if isinstance(task, Clustering) else ""


if __name__ == "__main__":
    sys.exit(main())
