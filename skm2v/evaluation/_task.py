"""What a task is: data plus a protocol.

A task is a frozen dataclass whose fields are its data and the settings of its protocol, with three
class variables and one method. This is a complete new task type::

    @dataclass(frozen=True)
    class Titles(Task):
        texts: list[str]
        titles: list[str]

        type: ClassVar[str] = "titles"
        metric: ClassVar[str] = "cosine"
        version: ClassVar[int] = 1

        def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
            cosine = paired_cosine(encode(self.texts), encode(self.titles))
            return Outcome.of_items(cosine)
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from skm2v.evaluation._metrics import Floats, Matrix
from skm2v.evaluation._resampling import bootstrap_mean


class Encode(Protocol):
    """The model under test as a task sees it."""

    def __call__(self, texts: list[str], kind: str | None = None) -> Matrix:
        """Return one row per text; `kind` is ``"query"``, ``"document"`` or None."""
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
    """

    score: float
    replicates: Floats
    n_items: int
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    protocol: dict[str, Any] = dataclasses.field(default_factory=dict)
    worst: list[Example] = dataclasses.field(default_factory=list)

    @classmethod
    def of_items(cls, values: Floats, **fields: Any) -> Outcome:
        """Build the outcome of a score that is the mean of `values` over items."""
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
    """

    name: str

    type: ClassVar[str]
    metric: ClassVar[str]
    # Raise it whenever a change to `run` can change a score: stored results of other versions are
    # not used again.
    version: ClassVar[int]

    @abstractmethod
    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model and collect its `n_worst` worst errors."""

    def fit_texts(self) -> list[str]:
        """Texts that an unfitted baseline is fitted on: by default all texts of the task.

        No labels are given, and tasks with a training split return that split only.
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
