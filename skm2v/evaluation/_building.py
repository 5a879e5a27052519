"""From a table to a task: which columns, which splits, which type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from skm2v._checks import some
from skm2v.evaluation._classification import FewShotClassification, FullClassification
from skm2v.evaluation._clustering import Clustering
from skm2v.evaluation._deduplication import Deduplication
from skm2v.evaluation._errors import TaskDataError
from skm2v.evaluation._pairs import STS, PairClassification, WordSimilarity
from skm2v.evaluation._retrieval import Reranking
from skm2v.evaluation._tables import COLUMN_NAMES, Table
from skm2v.evaluation._task import Task

TRAIN_SPLITS = ("train", "training")
VALIDATION_SPLITS = ("validation", "valid", "val", "dev")
TEST_SPLITS = ("test", "testing", *VALIDATION_SPLITS)
SPLIT_NAMES = (*TRAIN_SPLITS, *TEST_SPLITS)
_POSITIVE = {"1", "1.0", "true", "yes", "match", "duplicate"}
_NEGATIVE = {"0", "0.0", "false", "no"}


@dataclass(frozen=True)
class DataOptions:
    """How to read the user's data.

    Parameters
    ----------
    columns : mapping of str to str
        From role (``text``, ``label``, ``text1``, ``text2``, ``score``, ``query``, ``positive``,
        ``negative``, ``split``) to column name; roles left out are guessed from the names.
    train_split, test_split : str or None
        Values of the split column to train on and to score on; guessed when None.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    train_split: str | None = None
    test_split: str | None = None

    def __post_init__(self) -> None:
        unknown = set(self.columns) - set(COLUMN_NAMES)
        if unknown:
            raise TaskDataError(
                f"no such column role: {some(sorted(unknown))}; the roles are "
                f"{', '.join(COLUMN_NAMES)}"
            )


@dataclass(frozen=True)
class _Reader:
    """A table together with the options to read it by."""

    table: Table
    options: DataOptions

    def find(self, role: str) -> str | None:
        """Column of a role, or None; a column that the options name must exist."""
        names = list(self.table.columns)
        if (wanted := self.options.columns.get(role)) is not None:
            if wanted not in names:
                raise TaskDataError(
                    f"{self.table.source}: no column {wanted!r} for the role {role!r}; the columns "
                    f"are {', '.join(names)}"
                )
            return wanted
        lower = {name.lower(): name for name in reversed(names)}
        return next((lower[guess] for guess in COLUMN_NAMES[role] if guess in lower), None)

    def column(self, role: str) -> str:
        """Column of a role, or an error that names the file, the columns, and the fix."""
        found = self.find(role)
        if found is None:
            raise TaskDataError(
                f"{self.table.source}: no column for the {role!r} role; the columns are "
                f"{', '.join(self.table.columns)}; name one {COLUMN_NAMES[role][0]!r}, or say "
                f'which it is with --column {role}=NAME (columns={{"{role}": NAME}} in Python)'
            )
        return found

    def splits(self) -> dict[str, list[int]]:
        """Row numbers by split; empty where the table is one piece."""
        column = self.find("split")
        if column is None:
            return {}
        rows: dict[str, list[int]] = {}
        for row, value in enumerate(self.table.columns[column]):
            rows.setdefault(str(value), []).append(row)
        wanted = (self.options.train_split, self.options.test_split)
        return {} if len(rows) == 1 and not any(wanted) else rows

    def choose(
        self, splits: dict[str, list[int]], guesses: tuple[str, ...], wanted: str | None, use: str
    ) -> str:
        """Name of the split asked for, or of the first guess that exists."""
        names = (wanted,) if wanted else guesses
        found = next((name for name in names if splits.get(name)), None)
        if found is None:
            raise TaskDataError(
                f"{self.table.source}: column {self.find('split') or 'split'!r} has no {use} "
                f"split: expected {' or '.join(map(repr, names))}, found "
                f"{some(splits) or 'no split column'}; pass --{use}-split NAME "
                f"({use}_split=NAME in Python)"
            )
        return found

    def test(self) -> Table:
        """Rows to score a model on that is not trained: the test split, or the whole table."""
        splits = self.splits()
        if not splits and not self.options.test_split:
            return self.table
        found = self.choose(splits, TEST_SPLITS, self.options.test_split, "test")
        return self.table.take(splits[found])


def build_task(type: str, name: str, table: Table, options: DataOptions) -> Task:
    """Build the task of a type from a table.

    Parameters
    ----------
    type : str
        One of `TABLE_TYPES`.
    name : str
        Name of the task.
    table : Table
        Its data.
    options : DataOptions
        Column names and splits.

    Raises
    ------
    TaskDataError
        If a column or split is missing or holds what the task cannot use.
    """
    task: Task = _BUILDERS[type](name, _Reader(table, options))
    return task


def guess_types(table: Table, options: DataOptions) -> list[str]:
    """Task types that the columns of a table allow; none where it is not task data."""
    reader = _Reader(table, options)
    has = {role for role in COLUMN_NAMES if reader.find(role) is not None}
    if {"query", "positive", "negative"} <= has:
        return ["reranking"]
    if {"text1", "text2"} <= has:
        if "score" in has:
            return ["sts"]
        return ["pair-classification"] if "label" in has else []
    return ["classification", "classification-full"] if {"text", "label"} <= has else []


def _classification(
    cls: type[FewShotClassification] | type[FullClassification],
) -> Callable[[str, _Reader], Task]:
    def build(name: str, reader: _Reader) -> Task:
        text, label = reader.column("text"), reader.column("label")
        splits, options = reader.splits(), reader.options
        if splits or options.train_split or options.test_split:
            test_name = reader.choose(splits, TEST_SPLITS, options.test_split, "test")
            # Some data sets publish a validation and a test split only: the former then trains.
            guesses = tuple(
                name for name in (*TRAIN_SPLITS, *VALIDATION_SPLITS) if name != test_name
            )
            train_name = reader.choose(splits, guesses, options.train_split, "train")
            train, test = (reader.table.take(splits[name]) for name in (train_name, test_name))
            how = f"{train_name} -> {test_name}"
        else:
            train, test = _split_in_two(reader.table, reader.table.labels(label))
            how = "made here: 80/20, stratified by label, seed 0"
        task = cls(
            name=name,
            train_texts=train.texts(text),
            train_labels=train.labels(label),
            test_texts=test.texts(text),
            test_labels=test.labels(label),
            split=how,
        )
        _need_two_classes(reader, label, task.train_labels, "training")
        return task

    return build


def _clustering(name: str, reader: _Reader) -> Task:
    text, label = reader.column("text"), reader.column("label")
    table = reader.test()
    task = Clustering(name, table.texts(text), table.labels(label))
    _need_two_classes(reader, label, task.labels, "scored")
    return task


def _sts(cls: type[STS]) -> Callable[[str, _Reader], Task]:
    def build(name: str, reader: _Reader) -> Task:
        first, second, score = map(reader.column, ("text1", "text2", "score"))
        table = reader.test()
        scores = table.numbers(score)
        if min(scores) == max(scores):
            raise TaskDataError(
                f"{reader.table.source}: column {score!r} holds one value ({scores[0]:g}) in all "
                f"{len(scores)} rows; a correlation needs graded scores"
            )
        return cls(name, table.texts(first), table.texts(second), scores)

    return build


def _pair_classification(name: str, reader: _Reader) -> Task:
    return PairClassification(name, *_labelled_pairs(reader, reader.test()))


def _deduplication(name: str, reader: _Reader) -> Task:
    splits = reader.splits()
    guesses = [*VALIDATION_SPLITS, *TRAIN_SPLITS]
    test = reader.test()
    tuning = next((splits[guess] for guess in guesses if splits.get(guess)), [])
    if tuning and (tuned := reader.table.take(tuning)).columns != test.columns:
        return Deduplication(name, *_labelled_pairs(reader, test), *_labelled_pairs(reader, tuned))
    return Deduplication(name, *_labelled_pairs(reader, test), [], [], [])


def _labelled_pairs(reader: _Reader, table: Table) -> tuple[list[str], list[str], list[int]]:
    first, second, label = map(reader.column, ("text1", "text2", "label"))
    values = [value.strip().lower() for value in table.labels(label)]
    bad = sorted(set(values) - _POSITIVE - _NEGATIVE)
    if bad:
        raise TaskDataError(
            f"{reader.table.source}: column {label!r} must hold 1 for a match and 0 for none, "
            f"found {some(bad)}; rewrite the labels"
        )
    _need_two_classes(reader, label, values, "scored")
    labels = [int(value in _POSITIVE) for value in values]
    return table.texts(first), table.texts(second), labels


def _reranking(name: str, reader: _Reader) -> Task:
    query, positive, negative = map(reader.column, ("query", "positive", "negative"))
    table = reader.test()
    candidates = {}
    for column in (positive, negative):
        bad = [
            row
            for row, value in enumerate(table.columns[column])
            if not isinstance(value, list)
            or not value
            or not all(isinstance(text, str) for text in value)
        ]
        if bad:
            raise TaskDataError(
                f"{reader.table.source}: column {column!r} must hold a list of at least one text; "
                f"rows {some(bad)} (counted from 0) do not; correct or drop them"
            )
        candidates[column] = [list(value) for value in table.columns[column]]
    return Reranking(name, table.texts(query), candidates[positive], candidates[negative])


def _need_two_classes(reader: _Reader, column: str, labels: list[str], which: str) -> None:
    if len(counts := Counter(labels)) < 2:
        raise TaskDataError(
            f"{reader.table.source}: column {column!r} has a single class "
            f"({next(iter(counts))!r}) in the {len(labels)} {which} rows; a task needs two or more"
        )


def _split_in_two(table: Table, labels: list[str]) -> tuple[Table, Table]:
    """Split a table that has no splits: 80/20, stratified where every label has two rows."""
    from sklearn.model_selection import train_test_split

    if len(labels) < 5:
        raise TaskDataError(
            f"{table.source}: {len(labels)} rows are too few to split; add rows or a 'split' column"
        )
    counts = Counter(labels)
    n_test = round(0.2 * len(labels))
    stratify = labels if min(counts.values()) > 1 and n_test >= len(counts) else None
    train, test = train_test_split(
        list(range(len(labels))), test_size=n_test, random_state=0, stratify=stratify
    )
    return table.take(sorted(train)), table.take(sorted(test))


_BUILDERS: dict[str, Callable[[str, _Reader], Any]] = {
    "classification": _classification(FewShotClassification),
    "classification-full": _classification(FullClassification),
    "clustering": _clustering,
    "sts": _sts(STS),
    "word-similarity": _sts(WordSimilarity),
    "pair-classification": _pair_classification,
    "deduplication": _deduplication,
    "reranking": _reranking,
}
TABLE_TYPES = tuple(_BUILDERS)
