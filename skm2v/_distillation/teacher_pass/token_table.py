"""The teacher's vectors of single tokens, and the same on their principal axes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._distillation.stages import Stages
from skm2v._distillation.teacher.teacher import Pooling, Teacher
from skm2v._distillation.teacher_pass.agreement import N_TOKENS, cosines, sample
from skm2v._distillation.teacher_pass.principal_axes import PrincipalAxes, rotate
from skm2v._distillation.teacher_pass.store import Arrays
from skm2v._model.quantization import cluster

__all__ = ["RotatedTable", "TokenTable", "cluster_tokens", "key_of", "read_tokens", "rotated_table"]

# Part of every key: raise it when the same input gives another table.
_RECIPE = 2


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


def read_tokens(
    load: Callable[[], Teacher],
    *,
    vocabulary: Sequence[str],
    token_remove_pattern: str | None,
    pooling: Pooling,
    batch_size: int,
    stages: Stages,
) -> dict[str, npt.NDArray[Any]]:
    """Let a teacher read each token of a model: the arrays of a :class:`TokenTable`.

    If it computes in another number type than float32, also the `cosines` of some tokens with what
    they are in float32.
    """
    with stages("teacher loaded"):
        teacher = load()
    with stages("tokens chosen"):
        plan = teacher.plan_tokens(vocabulary, token_remove_pattern)
    with stages("teacher pass", len(plan.sequences), "tokens") as progress:
        raw = teacher.embed_tokens(
            plan.sequences, pooling=pooling, batch_size=batch_size, progress=progress
        )
    compared: dict[str, npt.NDArray[Any]] = {}
    if teacher.dtype != "float32":
        rows = sample(len(raw), N_TOKENS)
        with stages("tokens in float32", len(rows), "tokens") as progress:
            exact = replace(teacher, dtype="float32").embed_tokens(
                [plan.sequences[row] for row in rows],
                pooling=pooling,
                batch_size=batch_size,
                progress=progress,
            )
        compared["cosines"] = cosines(raw[rows], exact)
    # Weights of hundreds of megabytes, which the rotation does not need.
    del teacher
    tokenizer = np.frombuffer(plan.tokenizer.encode(), dtype=np.uint8).copy()
    notes = np.frombuffer(json.dumps(dict(plan.notes)).encode(), dtype=np.uint8).copy()
    read: dict[str, npt.NDArray[Any]] = {"raw": raw, "tokenizer": tokenizer, "notes": notes}
    return {**read, **compared, **_rotated_arrays(raw, stages)}


def cluster_tokens(
    raw: npt.NDArray[np.float32], n_clusters: int, stages: Stages
) -> dict[str, npt.NDArray[Any]]:
    """Group tokens with similar vectors: centres, the cluster of each token, and the axes."""
    with stages("tokens clustered"):
        centres, mapping = cluster(raw, n_clusters)
    return {"centres": centres, "mapping": mapping, **_rotated_arrays(centres, stages)}


def _rotated_arrays(rows: npt.NDArray[Any], stages: Stages) -> dict[str, npt.NDArray[Any]]:
    with stages("table rotated"):
        rotated, axes = rotate(rows)
    return {
        "rotated": rotated,
        "mean": axes.mean,
        "components": axes.components,
        "explained_variance_ratio": axes.explained_variance_ratio,
    }


def rotated_table(arrays: Arrays) -> RotatedTable:
    """Collect what was stored of rows on their principal axes."""
    axes = PrincipalAxes(arrays["mean"], arrays["components"], arrays["explained_variance_ratio"])
    return RotatedTable(arrays["rotated"], axes)


def key_of(*parts: Any) -> str:
    """Hash of all that an entry of the cache depends on."""
    return hashlib.sha256(json.dumps([_RECIPE, *parts]).encode()).hexdigest()
