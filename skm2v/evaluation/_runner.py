"""Running models over tasks: the importable form of ``skm2v eval``."""

from __future__ import annotations

import dataclasses
import logging
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from skm2v._version import __version__
from skm2v.evaluation._building import DataOptions
from skm2v.evaluation._encoders import Encoder, Meter
from skm2v.evaluation._errors import ModelSpecError
from skm2v.evaluation._model_specs import load_encoder
from skm2v.evaluation._progress import Listener
from skm2v.evaluation._result_store import Result, ResultStore, with_interval
from skm2v.evaluation._results import Evaluation
from skm2v.evaluation._task import Task
from skm2v.evaluation._task_sources import TaskSource, find_sources, select_sources

logger = logging.getLogger("skm2v")


def evaluate(
    models: Any,
    data: Any = None,
    tasks: Iterable[str] | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    train_split: str | None = None,
    test_split: str | None = None,
    store: str | Path | None = None,
    n_worst: int = 5,
    listener: Listener | None = None,
) -> Evaluation:
    """Score models on tasks with MTEB's protocols, with intervals, speed and size.

    A task that fails, for its data or for a model, is reported as failed and does not stop the
    others.

    Parameters
    ----------
    models : str, model, mapping of str to these, or list of these
        Models under test: anything with ``.encode`` or ``.transform``, a transformer that is not
        fitted (it is then fitted on the texts of each task), or a name as on the command line
        (``"default"``, ``"tfidf"``, ``"tfidf-svd"``, a folder; see `load_encoder`). A mapping gives
        them names. Differences in the report are to the first.
    data : str, Path, Task, data set, DataFrame, mapping, list of these, or None
        Files, folders, data sets in memory, or ``"hub:NAME"``; None means the sets that come with
        the package, with the diagnostic sets. See `find_sources`.
    tasks : iterable of str, optional
        Types, names or folders of tasks to run; all when None.
    columns : mapping of str to str, optional
        From role (``text``, ``label``, ``text1``, …) to column name; guessed where left out.
    train_split, test_split : str, optional
        Names of the splits; guessed where left out.
    store : str or Path, optional
        Folder that keeps results; a later call with the same model, data and protocol takes them
        from there. Nothing is kept when None.
    n_worst : int, default=5
        Worst errors kept per result; 0 keeps no text in results.
    listener : Listener, optional
        Told about progress.

    Returns
    -------
    Evaluation
        The results, with their tables and reports.

    Raises
    ------
    TaskDataError
        If `data` names nothing, or `tasks` names no task.
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
    encoders = as_encoders(models)
    options = DataOptions(columns or {}, train_split, test_split)
    sources = select_sources(find_sources(data, options, listener.note), tasks)
    results_store = ResultStore(store) if store is not None else None
    listener.started(len(sources) * len(encoders))
    results = []
    # Tasks outside, models inside: a data set is read once and in memory only while it is needed.
    for source in sources:
        task, error = _load(source)
        for encoder in encoders:
            if task is None:
                result, stored = _failed(encoder, source, error), False
            else:
                result, stored = _result(encoder, source, task, results_store, n_worst, listener)
            listener.finished(result, stored)
            results.append(result)
    return Evaluation(results, [encoder.name for encoder in encoders], _versions())


def as_encoders(models: Any) -> list[Encoder]:
    """Turn what a user calls models into named encoders; names are made unique."""
    if isinstance(models, Mapping):
        pairs = list(models.items())
    else:
        listed = models if isinstance(models, (list, tuple)) else [models]
        pairs = [(None, model) for model in listed]
    if not pairs:
        raise ModelSpecError('no model to evaluate; pass one, such as "default"')
    encoders: list[Encoder] = []
    for name, model in pairs:
        encoder = _as_encoder(name, model)
        taken = {other.name for other in encoders}
        base, number = encoder.name, 2
        while encoder.name in taken:
            encoder.name = f"{base} ({number})"
            number += 1
        encoders.append(encoder)
    return encoders


def _as_encoder(name: str | None, model: Any) -> Encoder:
    if isinstance(model, Encoder):
        return Encoder(name or model.name, model.model)
    if isinstance(model, (str, Path)):
        return load_encoder(str(model), name)
    return Encoder(name or type(model).__name__, model)


def _load(source: TaskSource) -> tuple[Task | None, str]:
    try:
        return source.load(), ""
    except Exception as error:
        logger.debug("task %s cannot be loaded", source.name, exc_info=True)
        return None, _reason(error)


def _result(
    encoder: Encoder,
    source: TaskSource,
    task: Task,
    store: ResultStore | None,
    n_worst: int,
    listener: Listener,
) -> tuple[Result, bool]:
    """Find the result in the store or compute it; the flag says which."""
    try:
        path = store.path(encoder.fingerprint, task.fingerprint, n_worst) if store else None
        if store and path and (found := store.read(path)):
            return dataclasses.replace(found, model=encoder.name), True
        listener.running(encoder.name, source.name, 0)
        result = run_task(
            encoder, task, n_worst, lambda n: listener.running(encoder.name, source.name, n)
        )
    except Exception as error:
        logger.debug("%s failed on %s", encoder.name, source.name, exc_info=True)
        return _failed(encoder, source, _reason(error)), False
    if store and path:
        store.write(path, result)
    return result, False


def run_task(
    encoder: Encoder,
    task: Task,
    n_worst: int = 5,
    progress: Callable[[int], None] | None = None,
) -> Result:
    """Run one model on one task.

    Parameters
    ----------
    encoder : Encoder
        The model under test.
    task : Task
        The task.
    n_worst : int, default=5
        Worst errors to keep.
    progress : callable, optional
        Called with the number of texts embedded so far.

    Returns
    -------
    Result
    """
    began = time.perf_counter()
    meter = Meter(encoder.for_task(task), progress)
    outcome = task.run(meter, n_worst)
    zeros = {"zero_vectors": meter.n_zero} if meter.n_zero else {}
    result = Result(
        model=encoder.name,
        task=task.name,
        type=task.type,
        metric=task.metric,
        score=outcome.score,
        metrics={name: float(value) for name, value in outcome.metrics.items()},
        n_items=outcome.n_items,
        protocol={"version": task.version, **outcome.protocol, **zeros},
        worst=outcome.worst,
        n_texts=meter.n_texts,
        n_characters=meter.n_characters,
        encode_seconds=meter.seconds,
        seconds=time.perf_counter() - began,
        dim=meter.dim,
        n_bytes=encoder.n_bytes,
        versions=_versions(),
    )
    return with_interval(result, outcome.replicates)


def _failed(encoder: Encoder, source: TaskSource, error: str) -> Result:
    return Result(encoder.name, source.name, source.type, error=error)


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
