"""``objective="tokens"``: a static model out of a teacher's vectors of single tokens."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._distillation.fitting.principal_axes import PrincipalAxes, rotate
from skm2v._distillation.progress import progress_bar
from skm2v._distillation.teacher.teacher import Teacher
from skm2v._distillation.teacher_pass.store import Arrays, fetch

__all__ = ["RotatedTable", "TokenTable", "clusters", "sif_weights", "token_table"]

logger = logging.getLogger("skm2v")

# Part of every key: raise it when the same input gives another table.
_RECIPE = 1


@dataclass(frozen=True)
class TokenTable:
    """The teacher's vector of every token of a model.

    Attributes
    ----------
    key : str
        Hash of all that the table depends on.
    tokenizer : str
        JSON text of the model's tokenizer.
    raw : ndarray of float32 of shape (V, d_teacher)
    rotated : RotatedTable
        The same rows on their principal axes.
    """

    key: str
    tokenizer: str
    raw: npt.NDArray[np.float32]
    rotated: RotatedTable


@dataclass(frozen=True)
class RotatedTable:
    """Rows on their principal axes, at full width: fewer dimensions are a slice of it."""

    rows: npt.NDArray[np.float32]
    axes: PrincipalAxes


def token_table(
    load: Callable[[], Teacher],
    fingerprint: str,
    *,
    vocabulary: Sequence[str] = (),
    token_remove_pattern: str | None = None,
    pooling: str = "mean",
    folder: Path | None = None,
    batch_size: int = 256,
    show_progress_bar: bool = False,
) -> TokenTable:
    """Return the teacher's vectors of a model's tokens: one teacher pass, or none if cached.

    Parameters
    ----------
    load : callable
        Loads the teacher; called only if its vectors are not in the cache.
    fingerprint : str
        Hash of the teacher.
    vocabulary, token_remove_pattern, pooling
        See :func:`skm2v.distill`.
    folder : Path or None
        Where the cache keeps entries on disk.
    batch_size, show_progress_bar
        Have no influence on the result.
    """
    vocabulary = tuple(vocabulary)
    key = _key("tokens", fingerprint, vocabulary, token_remove_pattern, pooling)

    def compute() -> Arrays:
        with stage("teacher loaded"):
            teacher = load()
        with stage("tokens chosen"):
            plan = teacher.plan_tokens(vocabulary, token_remove_pattern)
        n_tokens = len(plan.sequences)
        with stage("teacher pass"), progress_bar(n_tokens, show_progress_bar) as progress:
            raw = teacher.embed_tokens(
                plan.sequences, pooling=pooling, batch_size=batch_size, progress=progress
            )
        # Weights of hundreds of megabytes, which the rotation does not need.
        del teacher
        tokenizer = np.frombuffer(plan.tokenizer.encode(), dtype=np.uint8).copy()
        return {"raw": raw, "tokenizer": tokenizer, **_rotated_arrays(raw)}

    arrays = fetch(key, compute, folder)
    return TokenTable(key, arrays["tokenizer"].tobytes().decode(), arrays["raw"], _rotated(arrays))


def clusters(
    table: TokenTable, n_clusters: int, folder: Path | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], RotatedTable]:
    """Group tokens with similar vectors.

    Parameters
    ----------
    table : TokenTable
    n_clusters : int
    folder : Path or None
        Where the cache keeps entries on disk.

    Returns
    -------
    centres : ndarray of float32 of shape (n_clusters, d_teacher)
    mapping : ndarray of int32 of shape (V,)
        Cluster of each token.
    rotated : RotatedTable
        The centres on their own principal axes.
    """
    if n_clusters > len(table.raw):
        raise ValueError(
            f"vocabulary_quantization must be at most the number of tokens, {len(table.raw)};"
            f" got {n_clusters}."
        )

    def compute() -> Arrays:
        from sklearn.cluster import KMeans

        with stage("tokens clustered"):
            # A seed that is part of the recipe: the same table gives the same clusters.
            kmeans = KMeans(n_clusters=n_clusters, init="random", random_state=42).fit(table.raw)
        centres = kmeans.cluster_centers_.astype(np.float32)
        # Not `labels_`, which can differ at ties: a token belongs to its nearest final centre.
        mapping = kmeans.predict(table.raw).astype(np.int32)
        return {"centres": centres, "mapping": mapping, **_rotated_arrays(centres)}

    arrays = fetch(_key("clusters", table.key, n_clusters), compute, folder)
    return arrays["centres"], arrays["mapping"], _rotated(arrays)


def sif_weights(n_tokens: int, coefficient: float | None) -> npt.NDArray[np.float64] | None:
    """Weights of smooth inverse frequency, a / (a + p).

    The probability p of a token is estimated by Zipf's law from its id: vocabularies are ordered
    by frequency, nearly.

    Parameters
    ----------
    n_tokens : int
    coefficient : float or None
        The number a; None means no weights.

    Returns
    -------
    weights : ndarray of float64 of shape (n_tokens,) or None

    References
    ----------
    .. [1] S. Arora, Y. Liang, T. Ma, "A simple but tough-to-beat baseline for sentence
       embeddings", ICLR 2017.
    """
    if coefficient is None:
        return None
    shares = 1 / np.arange(2, n_tokens + 2)
    return np.asarray(coefficient / (coefficient + shares / shares.sum()))


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Log the seconds that a stage took."""
    start = time.perf_counter()
    yield
    logger.info("distill: %s in %.2f s", name, time.perf_counter() - start)


def _rotated_arrays(rows: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    with stage("table rotated"):
        rotated, axes = rotate(rows)
    return {
        "rotated": rotated,
        "mean": axes.mean,
        "components": axes.components,
        "explained_variance_ratio": axes.explained_variance_ratio,
    }


def _rotated(arrays: Arrays) -> RotatedTable:
    axes = PrincipalAxes(arrays["mean"], arrays["components"], arrays["explained_variance_ratio"])
    return RotatedTable(arrays["rotated"], axes)


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps([_RECIPE, *parts]).encode()).hexdigest()
