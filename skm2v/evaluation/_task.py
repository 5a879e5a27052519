"""What a task is: data plus a protocol.

A task is a frozen dataclass whose fields are its data and the settings of its protocol, with a few
class variables and one method. This is a complete new task type, which can be evaluated as it is::

    @dataclass(frozen=True)
    class Titles(Task):
        texts: list[str]
        titles: list[str]

        type: ClassVar[str] = "titles"
        title: ClassVar[str] = "Titles"
        measure: ClassVar[str] = "mean cosine of a text and its title"
        metric: ClassVar[str] = "cosine"
        version: ClassVar[int] = 1

        def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
            cosine = paired_cosine(encode(self.texts), encode(self.titles))
            return Outcome.of_items(cosine)

With `roles` and `of_table` it is made from files, and a line in ``_task_types.py`` makes it ours.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from skm2v.evaluation._errors import TaskDataError
from skm2v.evaluation._metrics import Floats, Matrix
from skm2v.evaluation._resampling import bootstrap_mean

if TYPE_CHECKING:
    from skm2v.evaluation._table_reader import TableReader

__all__ = ["Encode", "Example", "Outcome", "Task", "clip_text", "worst_rows"]


class Encode(Protocol):
    """The model under test as a task sees it.

    Attributes
    ----------
    similarity : {"cosine", "dot"}
        How vectors are compared in a search.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.evaluation import STS, Encode
    >>> class Letters(Encode):
    ...     similarity = "cosine"
    ...     def __call__(self, texts, kind=None):
    ...         return np.array([[text.count(letter) for letter in "abc"] for text in texts], float)
    >>> task = STS("words", ["apple", "banana", "cherry"], ["ape", "bands", "bat"], [5, 5, 0])
    >>> round(task.run(Letters()).score, 2)
    0.87
    """

    similarity: str

    def __call__(self, texts: list[str], kind: str | None = None) -> Matrix:
        """Embed texts.

        Parameters
        ----------
        texts : list of str
        kind : {"query", "document"} or None, default=None
            The side of a search that the texts stand on.

        Returns
        -------
        ndarray or sparse matrix of shape (n_texts, d)
        """
        ...


# One example that a model got wrong: field name to text, in the order to be shown.
Example = dict[str, str]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a task found about a model.

    Attributes
    ----------
    score : float
        The task's main metric; higher is better.
    replicates : ndarray of shape (n_replicates,), float64
        Bootstrap replicates of `score`, paired across models.
    n_items : int
        Number of items scored: test texts, pairs, or queries.
    metrics : dict of str to float
        Further metrics.
    protocol : dict
        Facts about how the score came about that the reader of a report needs.
    worst : list of dict
        The worst errors, worst first.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.evaluation import Outcome
    >>> outcome = Outcome.of_items(np.array([1.0, 0.0, 1.0, 1.0]))
    >>> outcome.score, outcome.n_items
    (0.75, 4)
    """

    score: float
    replicates: Floats
    n_items: int
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    protocol: dict[str, Any] = dataclasses.field(default_factory=dict)
    worst: list[Example] = dataclasses.field(default_factory=list)

    @classmethod
    def of_items(cls, values: Floats, **fields: Any) -> Outcome:
        """Build the outcome of a score that is a mean over items.

        Parameters
        ----------
        values : ndarray of shape (n_items,), float64
            The score of every item.
        **fields
            Other fields of the outcome.

        Returns
        -------
        Outcome
            Their mean, with replicates.
        """
        return cls(
            score=float(np.mean(values)),
            replicates=bootstrap_mean(values),
            n_items=len(values),
            **fields,
        )


@dataclasses.dataclass(frozen=True)
class Task(ABC):
    """Base class of the task types.

    Parameters
    ----------
    name : str
        Name of the data, such as ``"intent/banking77"``.

    Examples
    --------
    >>> from skm2v.evaluation import STS, Task
    >>> task = STS("pets", ["a cat", "a dog", "a car"], ["the cat", "my cat", "my cat"], [5, 3, 0])
    >>> isinstance(task, Task), task.type, task.metric
    (True, 'sts', 'spearman')
    """

    name: str

    # The name of the type in results and on the command line, its title in reports, and what its
    # main score is, in words.
    type: ClassVar[str]
    title: ClassVar[str]
    measure: ClassVar[str]
    metric: ClassVar[str]
    # What decides about the best simple rival: "vectors", "classes", "groups" or "search".
    use: ClassVar[str] = "vectors"
    # Types that measure a limit rather than a use stay out of averages and verdicts.
    in_average: ClassVar[bool] = True
    # Columns that a table needs, whether having them makes it a task of this type, and names of
    # folders whose files are such tasks whatever their columns are called.
    roles: ClassVar[tuple[str, ...]] = ()
    by_columns: ClassVar[bool] = False
    folders: ClassVar[tuple[str, ...]] = ()
    # Raise it whenever a change to `run` can change a score: stored results of other versions are
    # not used again.
    version: ClassVar[int]

    @abstractmethod
    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model and collect its worst errors.

        Parameters
        ----------
        encode : Encode
            The model under test.
        n_worst : int, default=5
            How many of the worst errors to collect.

        Returns
        -------
        Outcome
            Score, replicates and worst errors.
        """

    @classmethod
    def of_table(cls, name: str, reader: TableReader) -> Task:
        """Make a task from the columns of a table.

        Parameters
        ----------
        name : str
            Name of the data.
        reader : TableReader
            The table, and which column is what.

        Returns
        -------
        Task
            A task of this type.

        Raises
        ------
        TaskDataError
            If a column or split is missing or holds what the task cannot use.
        """
        raise TaskDataError(f"{reader.table.source}: a {cls.type} task is not made from a table.")

    def fit_texts(self) -> list[str]:
        """Return texts that an unfitted baseline is fitted on: by default all texts of the task.

        No labels are given, and tasks with a training split return that split only.

        Returns
        -------
        list of str
            Texts, without labels.
        """
        found: dict[str, None] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name != "name" and isinstance(value, list) and value:
                found.update(dict.fromkeys(v for v in value if isinstance(v, str)))
        return list(found)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of type, version, name, data and settings: the key of stored results."""
        digest = hashlib.sha256(f"{self.type}/{self.version}".encode())
        for field in dataclasses.fields(self):
            digest.update(f"\0{field.name}\0".encode())
            for piece in _pieces(getattr(self, field.name)):
                digest.update(piece)
        return digest.hexdigest()


def _pieces(value: object) -> Iterable[bytes]:
    """Bytes that identify a field of a task."""
    if isinstance(value, np.ndarray):
        yield f"{value.dtype.str}{value.shape}".encode()
        yield np.ascontiguousarray(value).tobytes()
    else:
        yield json.dumps(value, ensure_ascii=True, sort_keys=True).encode()


def clip_text(text: str, limit: int = 280) -> str:
    """Shorten a text for a report, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def worst_rows(badness: Floats, n_worst: int) -> NDArray[np.int64]:
    """Row numbers with the highest positive badness, worst first."""
    order = np.argsort(-badness, kind="stable")[:n_worst]
    return np.asarray(order[badness[order] > 0], dtype=np.int64)
