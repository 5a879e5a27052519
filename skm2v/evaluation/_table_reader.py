"""What a task takes from a table: which columns, which splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skm2v._checks import some
from skm2v.evaluation._errors import TaskDataError
from skm2v.evaluation._tables import COLUMN_NAMES, Table, data_stem

__all__ = ["SPLIT_NAMES", "DataOptions", "TableReader"]

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
    columns : mapping of str to str, or to mapping of str to str
        From role (``text``, ``label``, ``text1``, ``text2``, ``score``, ``query``, ``positive``,
        ``negative``, ``split``) to column name; roles left out are guessed from the names. Under
        the name of a file, a mapping that holds for this file alone.
    train_split, test_split : str or None
        Values of the split column to train on and to score on; guessed when None.

    Raises
    ------
    TaskDataError
        If there is no such role.

    Examples
    --------
    >>> from skm2v.evaluation import DataOptions
    >>> options = DataOptions(columns={"text": "body", "label": "spam"}, test_split="2024")
    >>> options.columns_of("messages.csv")
    {'text': 'body', 'label': 'spam'}
    """

    columns: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)
    train_split: str | None = None
    test_split: str | None = None

    def __post_init__(self) -> None:
        roles = {role for role, name in self.columns.items() if isinstance(name, str)}
        for file in self.files:
            roles |= set(self.columns[file])
        if unknown := roles - set(COLUMN_NAMES):
            raise TaskDataError(
                f"There is no column role {some(sorted(unknown))}; the roles are "
                f"{', '.join(COLUMN_NAMES)}."
            )

    @property
    def files(self) -> list[str]:
        """Names of the files that have columns of their own."""
        return [name for name, value in self.columns.items() if not isinstance(value, str)]

    def columns_of(self, source: str) -> dict[str, str]:
        """Return the columns of a file or data set: those for all, and its own over them.

        Parameters
        ----------
        source : str
            Name or path.

        Returns
        -------
        dict of str to str
            From role to column name.
        """
        found = {role: name for role, name in self.columns.items() if isinstance(name, str)}
        for file in self.files:
            if same_file(file, source):
                found.update(self.columns[file])  # type: ignore[arg-type]
        return found


def same_file(name: str, other: str) -> bool:
    """Whether two names mean one file, with or without folders and the suffix of the format."""
    first, second = (
        (*Path(one).parts[:-1], data_stem(Path(one))) for one in (name.lower(), other.lower())
    )
    n_parts = min(len(first), len(second))
    return first[-n_parts:] == second[-n_parts:]


@dataclass(frozen=True)
class TableReader:
    """A table together with the options to read it by.

    Parameters
    ----------
    table : Table
        The data.
    options : DataOptions
        Column names and splits.
    """

    table: Table
    options: DataOptions

    def find(self, role: str) -> str | None:
        """Column of a role, or None; a column that the options name must exist."""
        names = list(self.table.columns)
        wanted = self.options.columns_of(self.table.source).get(role)
        if wanted is not None:
            if wanted not in names:
                raise TaskDataError(
                    f"{self.table.source}: no column {wanted!r} for the role {role!r}; the columns "
                    f"are {', '.join(names)}."
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
                f"{', '.join(self.table.columns)}. Name one {COLUMN_NAMES[role][0]!r}, or say "
                f'which it is with --column {role}=NAME (columns={{"{role}": NAME}} in Python).'
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

    def _choose(
        self, splits: dict[str, list[int]], guesses: tuple[str, ...], wanted: str | None, use: str
    ) -> str:
        """Name of the split asked for, or of the first guess that exists."""
        names = (wanted,) if wanted else guesses
        found = next((name for name in names if splits.get(name)), None)
        if found is None:
            raise TaskDataError(
                f"{self.table.source}: column {self.find('split') or 'split'!r} has no {use} "
                f"split: expected {' or '.join(map(repr, names))}, found "
                f"{some(splits) or 'no split column'}. Pass --{use}-split NAME "
                f"({use}_split=NAME in Python)."
            )
        return found

    def test(self) -> Table:
        """Rows to score a model on that is not trained: the test split, or the whole table."""
        splits = self.splits()
        if not splits and not self.options.test_split:
            return self.table
        found = self._choose(splits, TEST_SPLITS, self.options.test_split, "test")
        return self.table.take(splits[found])

    def tuning(self) -> Table | None:
        """Rows to choose a threshold on, if there are any that `test` does not hold."""
        splits = self.splits()
        guesses = (*VALIDATION_SPLITS, *TRAIN_SPLITS)
        rows = next((splits[guess] for guess in guesses if splits.get(guess)), [])
        tuning = self.table.take(rows)
        return tuning if rows and tuning.columns != self.test().columns else None

    def train_and_test(self, label: str) -> tuple[Table, Table, str]:
        """Rows to train on, rows to score on, and where the two come from."""
        splits, options = self.splits(), self.options
        if not (splits or options.train_split or options.test_split):
            train, test = _split_in_two(self.table, self.table.labels(label))
            return train, test, "made here: 80/20, stratified by label, seed 0"
        test_name = self._choose(splits, TEST_SPLITS, options.test_split, "test")
        # Some data sets publish a validation and a test split only: the former then trains.
        guesses = tuple(name for name in (*TRAIN_SPLITS, *VALIDATION_SPLITS) if name != test_name)
        train_name = self._choose(splits, guesses, options.train_split, "train")
        train, test = (self.table.take(splits[name]) for name in (train_name, test_name))
        return train, test, f"{train_name} -> {test_name}"

    def labelled_pairs(self, table: Table) -> tuple[list[str], list[str], list[int]]:
        """Both texts of every pair, and 1 for a match or 0 for none."""
        first, second, label = map(self.column, ("text1", "text2", "label"))
        values = [value.strip().lower() for value in table.labels(label)]
        if bad := sorted(set(values) - _POSITIVE - _NEGATIVE):
            raise TaskDataError(
                f"{self.table.source}: column {label!r} must hold 1 for a match and 0 for none, "
                f"found {some(bad)}. Rewrite the labels."
            )
        self.need_two_classes(label, values, "scored")
        labels = [int(value in _POSITIVE) for value in values]
        return table.texts(first), table.texts(second), labels

    def need_two_classes(self, column: str, labels: list[str], which: str) -> None:
        """Raise `TaskDataError` unless there are two labels."""
        if len(counts := Counter(labels)) < 2:
            raise TaskDataError(
                f"{self.table.source}: column {column!r} has a single class "
                f"({next(iter(counts))!r}) in the {len(labels)} {which} rows. A task needs two."
            )


def _split_in_two(table: Table, labels: list[str]) -> tuple[Table, Table]:
    """Split a table that has no splits: 80/20, stratified where every label has two rows."""
    from sklearn.model_selection import train_test_split

    if len(labels) < 5:
        raise TaskDataError(
            f"{table.source}: {len(labels)} rows are too few to split. Add rows, or a 'split' "
            "column."
        )
    counts = Counter(labels)
    n_test = round(0.2 * len(labels))
    stratify = labels if min(counts.values()) > 1 and n_test >= len(counts) else None
    train, test = train_test_split(
        list(range(len(labels))), test_size=n_test, random_state=0, stratify=stratify
    )
    return table.take(sorted(train)), table.take(sorted(test))
