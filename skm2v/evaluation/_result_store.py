"""Results, and the folder that keeps them between runs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from skm2v.evaluation._metrics import Floats
from skm2v.evaluation._resampling import interval
from skm2v.evaluation._task import Example

__all__ = ["Result", "ResultStore", "with_interval", "write_whole"]

# Raised when the shape of a stored result changes.
FORMAT = 1


@dataclass(frozen=True)
class Result:
    """One model on one task.

    Attributes
    ----------
    model, task, type, metric : str
        Names of the model, the data, the task type, and the main metric.
    score, low, high : float or None
        The main score and its 95 % interval, on the metric's own scale (mostly 0 to 1); None where
        the task failed.
    metrics : dict of str to float
        Further metrics.
    n_items : int
        Items scored.
    replicates : list of float
        Bootstrap replicates of the score, paired across models.
    protocol : dict
        Facts about the protocol.
    worst : list of dict
        The worst errors.
    n_texts, n_characters : int
        Distinct texts given to the model, and their length.
    encode_seconds, seconds : float
        Time spent in the model, and in the whole task.
    dim : int
        Dimensions of the embeddings.
    n_bytes : int or None
        Size of the model.
    error : str or None
        Why the task failed.
    versions : dict of str to str
        Versions of the software that computed the result.

    Examples
    --------
    >>> from skm2v.evaluation import STS, evaluate
    >>> task = STS("pets", ["a cat", "a dog", "a car"], ["the cat", "my cat", "my cat"], [5, 3, 0])
    >>> result = evaluate("tfidf", task).results[0]
    >>> result.model, result.task, result.n_items
    ('tfidf', 'pets', 3)
    """

    model: str
    task: str
    type: str
    metric: str = ""
    score: float | None = None
    low: float | None = None
    high: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    n_items: int = 0
    replicates: list[float] = field(default_factory=list, repr=False)
    protocol: dict[str, Any] = field(default_factory=dict)
    worst: list[Example] = field(default_factory=list, repr=False)
    n_texts: int = 0
    n_characters: int = 0
    encode_seconds: float = 0.0
    seconds: float = 0.0
    dim: int = 0
    n_bytes: int | None = None
    error: str | None = None
    versions: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """Type and name of the task: what pairs the results of several models."""
        return self.type, self.task

    @property
    def samples(self) -> Floats:
        """The bootstrap replicates as an array."""
        return np.array(self.replicates, dtype=np.float64)


def with_interval(result: Result, replicates: Floats) -> Result:
    """Return the result with replicates and their interval.

    Replicates are kept with six digits: far below their own noise, and a third of the file.
    """
    low, high = interval(replicates)
    digits = np.round(replicates, 6)
    kept = [float(value) if np.isfinite(value) else float("nan") for value in digits]
    return dataclasses.replace(result, low=low, high=high, replicates=kept)


class ResultStore:
    """A folder with one JSON file per result, so that a killed run goes on where it was.

    A result is found again by the content of the model, the data and settings of the task, and the
    version of its protocol. Files are written beside their place and moved there, so a file is
    either whole or absent.

    Parameters
    ----------
    folder : str or Path
        The folder; made when the first result is written.

    Examples
    --------
    >>> from skm2v.evaluation import STS, ResultStore, evaluate
    >>> task = STS("pets", ["a cat", "a dog", "a car"], ["the cat", "my cat", "my cat"], [5, 3, 0])
    >>> [result] = evaluate("tfidf", task, store="results").results
    >>> store = ResultStore("results")
    >>> store.read(next(store.folder.rglob("*.json"))).score == result.score
    True
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, model_fingerprint: str, task_fingerprint: str, n_worst: int) -> Path:
        """Return the file of a result.

        Parameters
        ----------
        model_fingerprint, task_fingerprint : str
            Hashes of the model's and the task's content.
        n_worst : int
            Number of worst errors that it keeps.

        Returns
        -------
        Path
            Where the result is, or would be.
        """
        key = f"{FORMAT}\0{model_fingerprint}\0{task_fingerprint}\0{n_worst}"
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def read(self, path: Path) -> Result | None:
        """Return a stored result.

        Parameters
        ----------
        path : Path
            What `path` returned.

        Returns
        -------
        Result or None
            None where there is none that can be used.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            names = {f.name for f in dataclasses.fields(Result)}
            return (
                Result(**record) if isinstance(record, Mapping) and set(record) == names else None
            )
        except (OSError, ValueError, TypeError):
            # Damaged by hand or by a full disk: computing it again is the remedy.
            return None

    def write(self, path: Path, result: Result) -> None:
        """Store a result at once or not at all.

        Parameters
        ----------
        path : Path
            What `path` returned.
        result : Result
            The result.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        write_whole(path, json.dumps(dataclasses.asdict(result)))


def write_whole(path: Path, text: str) -> None:
    """Write a text file that has its name only when it is complete; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "x", encoding="utf-8", newline="") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
