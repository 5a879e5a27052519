"""The task types that we have, and how a table or a folder says which it is.

A new type is a subclass of `Task` and one line here.
"""

from __future__ import annotations

from skm2v.evaluation._classification import FewShotClassification, FullClassification
from skm2v.evaluation._clustering import Clustering
from skm2v.evaluation._contrast import Contrast
from skm2v.evaluation._deduplication import Deduplication
from skm2v.evaluation._pairs import STS, PairClassification, WordSimilarity
from skm2v.evaluation._retrieval import Reranking, Retrieval
from skm2v.evaluation._table_reader import DataOptions, TableReader
from skm2v.evaluation._tables import COLUMN_NAMES, Table
from skm2v.evaluation._task import Task

__all__ = ["BY_TYPE", "FOLDERS", "ORDER", "TASK_TYPES", "build_task", "guess_types"]

# In the order of every table of results.
TASK_TYPES: tuple[type[Task], ...] = (
    FewShotClassification,
    FullClassification,
    Clustering,
    PairClassification,
    Deduplication,
    Reranking,
    Retrieval,
    STS,
    WordSimilarity,
    Contrast,
)
BY_TYPE = {task.type: task for task in TASK_TYPES}
ORDER = {type: place for place, type in enumerate(BY_TYPE)}
# What the files of a folder are, by the name of the folder. Other folders go by their columns.
FOLDERS: dict[str, list[str]] = {}
for _task in TASK_TYPES:
    for _folder in _task.folders:
        FOLDERS.setdefault(_folder, []).append(_task.type)


def build_task(type: str, name: str, table: Table, options: DataOptions) -> Task:
    """Build the task of a type from a table.

    Parameters
    ----------
    type : str
        A key of `BY_TYPE`.
    name : str
        Name of the task.
    table : Table
        Its data.
    options : DataOptions
        Column names and splits.

    Returns
    -------
    Task

    Raises
    ------
    TaskDataError
        If a column or split is missing or holds what the task cannot use.
    """
    return BY_TYPE[type].of_table(name, TableReader(table, options))


def guess_types(table: Table, options: DataOptions) -> list[str]:
    """Task types that the columns of a table allow; none where it is not task data.

    A table that has the columns of several kinds of task is taken for the last of them, whose
    columns say more: pairs with scores have labels by accident.

    Parameters
    ----------
    table : Table
        The data.
    options : DataOptions
        Column names and splits.

    Returns
    -------
    list of str
    """
    reader = TableReader(table, options)
    has = {role for role in COLUMN_NAMES if reader.find(role) is not None}
    guessed = [task for task in TASK_TYPES if task.by_columns and has.issuperset(task.roles)]
    return [task.type for task in guessed if task.roles == guessed[-1].roles]
