"""Where tasks come from: folders, files, data sets in memory, the hub, and the package itself."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skm2v._checks import some
from skm2v.datasets import load_banking77, load_sms_spam
from skm2v.evaluation._contrast import DIAGNOSTICS, load_diagnostic
from skm2v.evaluation._errors import TaskDataError
from skm2v.evaluation._retrieval_files import load_retrieval
from skm2v.evaluation._table_reader import SPLIT_NAMES, DataOptions, same_file
from skm2v.evaluation._tables import Table, data_stem, data_suffix, read_table
from skm2v.evaluation._task import Task
from skm2v.evaluation._task_types import FOLDERS, build_task, guess_types
from skm2v.exceptions import MissingExtraError

__all__ = ["TaskSource", "find_sources", "select_sources"]

HUB_PREFIX = "hub:"


@dataclass(frozen=True)
class TaskSource:
    """A task that is not loaded yet.

    Attributes
    ----------
    name : str
        Name of the data, such as ``"intent/banking77"``.
    type : str
        Task type.
    load : callable
        Returns the `Task`, or raises what is wrong with its data.

    Examples
    --------
    >>> from skm2v.evaluation import find_sources
    >>> source = find_sources("bundled")[0]
    >>> source.load().name == source.name
    True
    """

    name: str
    type: str
    load: Callable[[], Task]

    def matches(self, word: str) -> bool:
        """Whether a word of ``--tasks`` means this task: its type, name, folder, or last part.

        Parameters
        ----------
        word : str
            What a user asks for.

        Returns
        -------
        bool
            True if it does.
        """
        folder, _, last = self.name.rpartition("/")
        return word.lower().replace("_", "-") in {
            part.lower().replace("_", "-") for part in (self.type, self.name, folder, last) if part
        }


def from_task(task: Task) -> TaskSource:
    """Wrap a task that is already in memory."""
    return TaskSource(task.name, task.type, lambda: task)


def find_sources(
    data: Any = None,
    options: DataOptions | None = None,
    note: Callable[[str], None] = lambda message: None,
) -> list[TaskSource]:
    """Find the tasks in whatever a user calls data.

    Parameters
    ----------
    data : str, Path, Task, TaskSource, data set, DataFrame, mapping, list of these, or None
        A path is a file or a folder; ``"hub:NAME"`` or ``"hub:NAME:CONFIG"`` is a data set on the
        Hugging Face hub; a mapping gives data sets or frames their names; ``"bundled"`` or None
        means the sets that come with the package.
    options : DataOptions or None, default=None
        Column names and splits; None guesses them.
    note : callable
        Called with a sentence about each file that is left out.

    Returns
    -------
    list of TaskSource
        One for each task, in the order of the data.

    Raises
    ------
    TaskDataError
        If a path does not exist or holds no task, or there is no file that columns are given for.

    Examples
    --------
    >>> from skm2v.evaluation import find_sources
    >>> sorted({source.type for source in find_sources("bundled")})
    ['classification', 'classification-full', 'diagnostic']
    """
    options = options or DataOptions()
    if data is None:
        data = "bundled"
    found: list[TaskSource] = []
    for piece in data if isinstance(data, (list, tuple)) else [data]:
        found.extend(_sources_of(piece, options, note))
    names = dict.fromkeys(source.name for source in found)
    for file in options.files:
        if not any(same_file(file, name) for name in names):
            raise TaskDataError(
                f"Columns are given for {file!r}, which is not among the data {some(names)}."
            )
    return found


def _sources_of(
    data: Any, options: DataOptions, note: Callable[[str], None]
) -> Iterable[TaskSource]:
    if isinstance(data, str) and data == "bundled":
        return [*bundled_sources(), *diagnostic_sources()]
    if isinstance(data, TaskSource):
        return [data]
    if isinstance(data, Task):
        return [from_task(data)]
    if isinstance(data, str) and data.startswith(HUB_PREFIX):
        name = data.removeprefix(HUB_PREFIX)
        return _named(name, functools.partial(_hub_table, name), (), options)
    if isinstance(data, (str, Path)):
        return _path_sources(Path(data), options, note)
    if isinstance(data, Mapping) and not hasattr(data, "column_names"):
        return [
            source
            for name, value in data.items()
            for source in _named(name, functools.partial(table_of, value, name), (), options)
        ]
    return _named("data", functools.partial(table_of, data, "data"), (), options)


def select_sources(sources: list[TaskSource], words: Iterable[str] | None) -> list[TaskSource]:
    """Keep the tasks that the words of ``--tasks`` name, by type, name, folder, or last part.

    Parameters
    ----------
    sources : list of TaskSource
    words : iterable of str or None
        None keeps all.

    Returns
    -------
    list of TaskSource

    Raises
    ------
    TaskDataError
        If a word names none.
    """
    if words is None:
        return sources
    words = [word for word in words if word]
    for word in words:
        if not any(source.matches(word) for source in sources):
            types = sorted({source.type for source in sources})
            names = sorted({source.name for source in sources})
            raise TaskDataError(
                f"There is no task {word!r} in the data; the types are {', '.join(types)}; the "
                f"names are {', '.join(names)}."
            )
    return [source for source in sources if any(source.matches(word) for word in words)]


def bundled_sources() -> list[TaskSource]:
    """Tasks over the data sets that come with the package."""

    def table(loader: Callable[[], Any], name: str) -> Table:
        bunch = loader()
        columns = {
            "text": [*bunch.data],
            "label": [str(bunch.target_names[t]) for t in bunch.target],
        }
        if "split" in bunch:
            columns["split"] = [str(s) for s in bunch.split]
        return Table(columns, f"skm2v.datasets.{loader.__name__}()")

    return [
        source
        for name, loader in (
            ("bundled/sms_spam", load_sms_spam),
            ("bundled/banking77", load_banking77),
        )
        for source in _table_sources(
            name,
            functools.partial(table, loader, name),
            ("classification", "classification-full"),
            DataOptions(),
        )
    ]


def diagnostic_sources() -> list[TaskSource]:
    """Return the diagnostic sets: negation, polysemy and word order."""
    return [
        TaskSource(f"diagnostic/{name}", "diagnostic", functools.partial(load_diagnostic, name))
        for name in DIAGNOSTICS
    ]


def table_of(data: Any, name: str) -> Table:
    """Turn a `datasets.Dataset`, a `datasets.DatasetDict` or a pandas DataFrame into a table."""
    if isinstance(data, Table):
        return data
    if isinstance(data, Mapping):  # a DatasetDict, or frames by split
        pieces = {split: table_of(part, name).columns for split, part in data.items()}
        if empty := [split for split, columns in pieces.items() if not any(columns.values())]:
            raise TaskDataError(f"{name}: the split {some(empty)} has no rows. Leave it out.")
        names = dict.fromkeys(column for columns in pieces.values() for column in columns)
        merged: dict[str, list[Any]] = {column: [] for column in names if column != "split"}
        merged["split"] = []
        for split, columns in pieces.items():
            n_rows = len(next(iter(columns.values())))
            for column in merged:
                missing = [split if column == "split" else None] * n_rows
                merged[column].extend(
                    missing if column == "split" else columns.get(column, missing)
                )
        return Table(merged, name)
    if hasattr(data, "features") and hasattr(data, "column_names"):
        columns = {column: list(data[column]) for column in data.column_names}
        for column, feature in data.features.items():
            if hasattr(feature, "int2str"):
                columns[column] = [
                    None if value is None or value < 0 else feature.int2str(value)
                    for value in columns[column]
                ]
        return Table(columns, name)
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        frame = {str(column): data[column].tolist() for column in data.columns}
        return Table(frame, name)
    raise TaskDataError(
        f"Data {name!r} is a {type(data).__name__}; expected a path, a Task, a datasets.Dataset, a "
        "datasets.DatasetDict or a pandas DataFrame."
    )


def _hub_table(name: str) -> Table:
    try:
        import datasets
    except ImportError:
        raise MissingExtraError(
            f'The data set {name!r} is read with datasets: pip install "skm2v[eval]".'
        ) from None
    path, _, config = name.partition(":")
    try:
        return table_of(datasets.load_dataset(path, config or None), name)
    except TaskDataError:
        raise
    except Exception as error:
        raise TaskDataError(
            f"Data set hub:{name} cannot be loaded ({error}). Check the name and the connection."
        ) from error


def _path_sources(
    path: Path, options: DataOptions, note: Callable[[str], None]
) -> Iterator[TaskSource]:
    if not path.exists():
        raise TaskDataError(
            f"{path}: no such file or folder; for a data set on the hub write "
            f"{HUB_PREFIX}{path.as_posix()}."
        )
    if path.is_file():
        types = FOLDERS.get(path.resolve().parent.name, [])
        yield from _named(data_stem(path), functools.partial(read_table, path), types, options)
        return
    found = list(_folder_sources(path, path, options, note))
    if not found:
        raise TaskDataError(
            f"{path}: no task data in this folder; expected CSV, TSV, JSON lines or Parquet files "
            "with columns such as text,label or text1,text2,score."
        )
    yield from found


def _folder_sources(
    root: Path, folder: Path, options: DataOptions, note: Callable[[str], None]
) -> Iterator[TaskSource]:
    name = folder.relative_to(root).as_posix() if folder != root else folder.resolve().name
    files = {data_stem(p): p for p in sorted(folder.iterdir()) if p.is_file() and data_suffix(p)}
    types = FOLDERS.get(folder.resolve().name.lower().replace("_", "-"), [])
    if {"corpus", "queries", "qrels"} <= set(files):
        load = functools.partial(load_retrieval, name, files)
        yield TaskSource(name, "retrieval", load)
    elif files and set(files) <= set(SPLIT_NAMES):
        table = functools.cache(
            lambda: table_of({s: read_table(p) for s, p in files.items()}, name)
        )
        yield from _noted(name, table, types, options, note)
    else:
        for stem, path in files.items():
            table = functools.cache(functools.partial(read_table, path))
            task_name = stem if folder == root else f"{name}/{stem}"
            yield from _noted(task_name, table, types, options, note)
    for child in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        yield from _folder_sources(root, child, options, note)


def _noted(
    name: str,
    table: Callable[[], Table],
    types: Sequence[str],
    options: DataOptions,
    note: Callable[[str], None],
) -> list[TaskSource]:
    """Sources of a file of a folder; a file that is no task data is left out with a note."""
    sources = _table_sources(name, table, types, options)
    if not sources:
        note(f"{table().source}: left out, no task fits the columns {', '.join(table().columns)}")
    return sources


def _named(
    name: str, load: Callable[[], Table], types: Sequence[str], options: DataOptions
) -> list[TaskSource]:
    """Sources of data that the user named: having none, or not a column asked for, is an error."""
    table = functools.cache(load)
    sources = _table_sources(name, table, types or guess_types(table(), options), options)
    if not sources:
        raise TaskDataError(
            f"{table().source}: no task fits the columns {', '.join(table().columns)}; expected "
            "text,label or text1,text2,score or text1,text2,label or query,positive,negative; say "
            "which columns they are with --column ROLE=NAME."
        )
    return sources


def _table_sources(
    name: str, table: Callable[[], Table], types: Sequence[str], options: DataOptions
) -> list[TaskSource]:
    if not types:
        try:
            types = guess_types(table(), options)
        except TaskDataError as error:
            # Reported as a failed task, like every other fault of a file among many.
            return [TaskSource(name, "unknown", functools.partial(_raise, error))]
    return [
        TaskSource(name, type, functools.partial(_load, type, name, table, options))
        for type in types
    ]


def _raise(error: Exception) -> Task:
    raise error


def _load(type: str, name: str, table: Callable[[], Table], options: DataOptions) -> Task:
    return build_task(type, name, table(), options)
