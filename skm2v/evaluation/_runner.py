"""Running models over tasks: the importable form of ``skm2v eval``."""

from __future__ import annotations

import copy
import dataclasses
import logging
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from skm2v._checks import some
from skm2v._version import __version__
from skm2v.evaluation._encoders import Model
from skm2v.evaluation._errors import ModelSpecError, TaskDataError
from skm2v.evaluation._model_specs import load_model, named_model
from skm2v.evaluation._progress import Listener
from skm2v.evaluation._result_store import Result, ResultStore, with_interval
from skm2v.evaluation._results import Evaluation
from skm2v.evaluation._table_reader import DataOptions
from skm2v.evaluation._task import Task
from skm2v.evaluation._task_sources import TaskSource, find_sources, select_sources

__all__ = ["as_models", "evaluate", "run_task"]

logger = logging.getLogger("skm2v")


def evaluate(
    models: Any,
    data: Any = None,
    tasks: Iterable[str] | None = None,
    *,
    columns: Mapping[str, str | Mapping[str, str]] | None = None,
    train_split: str | None = None,
    test_split: str | None = None,
    store: str | Path | None = None,
    n_worst: int = 5,
    listener: Listener | None = None,
) -> Evaluation:
    """Score models on tasks with MTEB's protocols, with intervals, speed and size.

    A task that fails, for its data or for a model, is reported as failed and does not stop the
    others; one that a model cannot do, such as search for a classifier, has no result of it.

    Parameters
    ----------
    models : str, model, mapping of str to these, or list of these
        Models under test: anything with ``.encode`` or ``.transform``, a classifier of texts, or a
        name as on the command line (``"default"``, ``"words"``, ``"both"``, a folder; see
        `load_model`). A transformer that is not fitted is fitted on the texts of each task, a
        classifier that is not fitted is trained on its training texts, and a fitted one is scored
        as it is. A mapping gives them names. Differences in the report are to the first.
    data : str, Path, Task, data set, DataFrame, mapping, list of these, or None
        Files, folders, data sets in memory, or ``"hub:NAME"``; None means the sets that come with
        the package, with the diagnostic sets. See `find_sources`.
    tasks : iterable of str or None, default=None
        Types, names or folders of tasks to run; None runs all.
    columns : mapping of str to str, or to mapping of str to str, or None, default=None
        From role (``text``, ``label``, ``text1``, …) to column name; guessed where left out. Under
        the name of a file, a mapping for this file alone.
    train_split, test_split : str or None, default=None
        Names of the splits; guessed where left out.
    store : str, Path or None, default=None
        Folder that keeps results; a later call with the same model, data and protocol takes them
        from there. Nothing is kept when None.
    n_worst : int, default=5
        Worst errors kept per result; 0 keeps no text in results.
    listener : Listener or None, default=None
        Told about progress.

    Returns
    -------
    Evaluation
        The results, with their tables and reports.

    Raises
    ------
    TaskDataError
        If `data` or the files of `columns` name nothing, `tasks` names no task, or no model can do
        one of them.
    ModelSpecError
        If a model is none.

    Examples
    --------
    >>> from skm2v.evaluation import evaluate, STS
    >>> task = STS("pets", ["a cat", "a dog", "a car"], ["the cat", "my cat", "my cat"], [5, 3, 0])
    >>> [result] = evaluate("tfidf", task).results
    >>> result.metric, round(result.score, 2)
    ('spearman', 0.87)
    """
    listener = listener or Listener()
    tested = as_models(models)
    options = DataOptions(columns or {}, train_split, test_split)
    sources = select_sources(find_sources(data, options, listener.note), tasks)
    results_store = ResultStore(store) if store is not None else None
    listener.started(len(sources) * len(tested))
    results: list[Result] = []
    # Tasks outside, models inside: a data set is read once and in memory only while it is needed.
    for source in sources:
        task, error = _load(source)
        for model in tested:
            if task is None:
                result, stored = _failed(model, source, error), False
            elif not model.takes(task):
                listener.skipped(model.name, source.name, source.type)
                continue
            else:
                result, stored = _result(model, source, task, results_store, n_worst, listener)
            listener.finished(result, stored)
            results.append(result)
    if sources and not results:
        raise TaskDataError(
            f"No model can do the tasks {some(source.name for source in sources)}: a classifier "
            "needs texts with labels, and a fitted one takes classification-full only."
        )
    summaries = {model.name: model.summary for model in tested if model.summary}
    return Evaluation(results, [model.name for model in tested], _versions(), summaries)


def as_models(models: Any) -> list[Model]:
    """Turn what a user calls models into named ones; names are made unique."""
    if isinstance(models, Mapping):
        pairs = list(models.items())
    else:
        listed = models if isinstance(models, (list, tuple)) else [models]
        pairs = [(None, model) for model in listed]
    if not pairs:
        raise ModelSpecError('There is no model to evaluate; pass one, such as "default".')
    tested: list[Model] = []
    for name, given in pairs:
        model = _as_model(name, given)
        taken = {other.name for other in tested}
        base, number = model.name, 2
        while model.name in taken:
            model.name = f"{base} ({number})"
            number += 1
        tested.append(model)
    return tested


def _as_model(name: str | None, model: Any) -> Model:
    if isinstance(model, (str, Path)):
        return load_model(str(model), name)
    if isinstance(model, Model):
        renamed: Model = copy.copy(model)
        renamed.name = name or model.name
        return renamed
    return named_model(name or type(model).__name__, model)


def _load(source: TaskSource) -> tuple[Task | None, str]:
    try:
        return source.load(), ""
    except Exception as error:
        logger.debug("task %s cannot be loaded", source.name, exc_info=True)
        return None, _reason(error)


def _result(
    model: Model,
    source: TaskSource,
    task: Task,
    store: ResultStore | None,
    n_worst: int,
    listener: Listener,
) -> tuple[Result, bool]:
    """Find the result in the store or compute it; the flag says which."""
    try:
        path = store.path(model.fingerprint, task.fingerprint, n_worst) if store else None
        if store and path and (found := store.read(path)):
            return dataclasses.replace(found, model=model.name), True
        listener.running(model.name, source.name, 0)
        result = run_task(
            model, task, n_worst, lambda n: listener.running(model.name, source.name, n)
        )
    except Exception as error:
        logger.debug("%s failed on %s", model.name, source.name, exc_info=True)
        return _failed(model, source, _reason(error)), False
    if store and path:
        store.write(path, result)
    return result, False


def run_task(
    model: Model,
    task: Task,
    n_worst: int = 5,
    progress: Callable[[int], None] | None = None,
) -> Result:
    """Run one model on one task.

    Parameters
    ----------
    model : Encoder or TextClassifier
        The model under test.
    task : Task
        The task.
    n_worst : int, default=5
        Worst errors to keep.
    progress : callable or None, default=None
        Called with the number of texts embedded or classified so far.

    Returns
    -------
    Result
        Score, interval and facts about the run.

    Examples
    --------
    >>> from skm2v.evaluation import STS, Encoder, run_task, tfidf
    >>> task = STS("pets", ["a cat", "a dog", "a car"], ["the cat", "my cat", "my cat"], [5, 3, 0])
    >>> run_task(Encoder("words", tfidf()), task).n_items
    3
    """
    began = time.perf_counter()
    outcome, usage = model.run(task, n_worst, progress)
    zeros = {"zero_vectors": usage.n_zero} if usage.n_zero else {}
    result = Result(
        model=model.name,
        task=task.name,
        type=task.type,
        metric=task.metric,
        score=outcome.score,
        metrics={name: float(value) for name, value in outcome.metrics.items()},
        n_items=outcome.n_items,
        protocol={"version": task.version, **outcome.protocol, **zeros},
        worst=outcome.worst,
        n_texts=usage.n_texts,
        n_characters=usage.n_characters,
        encode_seconds=usage.seconds,
        seconds=time.perf_counter() - began,
        dim=usage.dim,
        n_bytes=model.n_bytes,
        versions=_versions(),
    )
    return with_interval(result, outcome.replicates)


def _failed(model: Model, source: TaskSource, error: str) -> Result:
    return Result(model.name, source.name, source.type, error=error)


def _reason(error: Exception) -> str:
    """One line that says what went wrong."""
    text = " ".join(str(error).split())
    # The messages of the project stand for themselves; those of others need the name of the error.
    own = type(error).__module__.startswith("skm2v")
    return text if own and text else f"{type(error).__name__}: {text}"


def _versions() -> dict[str, str]:
    """Versions that can change a score or a speed."""
    versions = {"skm2v": __version__, "python": platform.python_version()}
    for package in ("numpy", "scipy", "scikit-learn", "tokenizers"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    versions["machine"] = f"{platform.system()} {platform.machine()}"
    return versions
