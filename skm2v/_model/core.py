"""A model without a face: table, tokenizer, projection and settings, checked against each other.

Distillation builds it and files hold it; :class:`skm2v.StaticModel` is what users see of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._model.config import ModelConfig
from skm2v._model.kernel_check import open_tokenizer
from skm2v._model.parts import ModelParts
from skm2v._model.projection import Projection
from skm2v._model.quantization import cluster, quantize
from skm2v._model.tokenizer_check import build_tokenizer
from skm2v._pooling import PoolingTable, TextPooler, TextTokenizer
from skm2v.exceptions import ModelFormatError

__all__ = ["Core"]


@dataclass(frozen=True, eq=False)
class Core:
    """Everything a static model is made of. It is never changed: methods return another one.

    Parameters
    ----------
    tokenizer : TextTokenizer
        With V tokens.
    table : PoolingTable
        Vectors of the V tokens, and of pairs of them.
    projection : Projection or None, default=None
        Rotation from the teacher's vectors to the columns of the table.
    normalize : bool, default=True
        Whether vectors of texts have Euclidean norm 1.
    max_length : int or None, default=512
        Number of tokens of a text to use. None means all.
    config : ModelConfig
        Where the model comes from.

    Attributes
    ----------
    pooler : TextPooler
        What turns texts into vectors.
    sha256 : str
        Hash of all content, computed when it is first asked for.

    Raises
    ------
    ModelFormatError
        If the arguments do not fit together.
    """

    tokenizer: TextTokenizer
    table: PoolingTable
    projection: Projection | None = None
    normalize: bool = True
    max_length: int | None = 512
    config: ModelConfig = field(default_factory=ModelConfig)
    pooler: TextPooler = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.projection is not None and self.projection.dim != self.table.dim:
            raise ModelFormatError(
                f"The projection has {self.projection.dim} components, the table"
                f" {self.table.dim} columns."
            )
        for one in self.config.stretches:
            if len(one.axis) != self.table.dim:
                raise ModelFormatError(
                    f"The axis of the stretch {one.name!r} has {len(one.axis)} numbers, the table"
                    f" {self.table.dim} columns."
                )
        object.__setattr__(self, "pooler", TextPooler(self.tokenizer, self.table))

    @classmethod
    def of_parts(cls, parts: ModelParts, sha256: str | None = None) -> Core:
        """Build a model from what files and pickles hold.

        Parameters
        ----------
        parts : ModelParts
        sha256 : str or None, default=None
            Hash of the content, if it is known: the parts then come from a file or pickle of ours.
        """
        if sha256 is None and parts.kernel is None:
            tokenizer = build_tokenizer(parts.tokenizer)
        else:
            tokenizer = open_tokenizer(parts.tokenizer, parts.kernel)
        if parts.tensors["embeddings"].dtype == np.int8 and "weights" not in parts.tensors:
            n_entries = tokenizer.n_tokens + len(parts.tensors.get("pairs", ()))
            ones = np.ones(n_entries, dtype=np.float32)
            parts, sha256 = replace(parts, tensors={**parts.tensors, "weights": ones}), None
        core = cls(
            tokenizer,
            parts.table(),
            parts.projection(),
            parts.normalize,
            parts.max_length,
            parts.config,
        )
        if sha256 is not None:
            core.__dict__["sha256"] = sha256  # what `cached_property` would compute
        return core

    @property
    def parts(self) -> ModelParts:
        """The model as plain data, for files and pickles."""
        return ModelParts(
            self.tokenizer.document,
            tensors_of(self.table, self.projection),
            self.normalize,
            self.max_length,
            self.config,
            self.tokenizer.state,
        )

    @cached_property
    def sha256(self) -> str:
        """Hash of all content, the same on every machine."""
        return self.parts.sha256()

    @property
    def dim(self) -> int:
        """Number of columns, d."""
        return self.table.dim

    def with_settings(
        self, *, normalize: bool, max_length: int | None, split_unknown: bool | None = None
    ) -> Core:
        """Return a model that treats texts otherwise; this one if nothing changes."""
        if split_unknown is not None and split_unknown != self.split_unknown:
            tokenizer = build_tokenizer(self.tokenizer.with_split_unknown(split_unknown))
            other = replace(self, tokenizer=tokenizer)
            return other.with_settings(normalize=normalize, max_length=max_length)
        if (normalize, max_length) == (self.normalize, self.max_length):
            return self
        other = replace(self, normalize=normalize, max_length=max_length)
        object.__setattr__(other, "pooler", self.pooler)  # the same table and tokenizer
        return other

    @property
    def split_unknown(self) -> bool:
        """Whether characters that make a word unknown are split off."""
        return self.tokenizer.unknown_characters is not None

    def first_columns(self, dim: int) -> Core:
        """Return a model with the first `dim` columns."""
        rows = np.ascontiguousarray(self.table.rows[:, :dim])
        return replace(
            self,
            table=_with(self.table, rows=rows),
            projection=None if self.projection is None else self.projection.first(dim),
            config=replace(
                self.config, stretches=tuple(one.first(dim) for one in self.config.stretches)
            ),
        )

    def quantized(self, dtype: str) -> Core:
        """Return a model whose table has another number type; this one if it has it already."""
        rows = self.table.rows
        return self if rows.dtype == dtype else self._with_rows(rows, dtype)

    def mapped(self, matrix: npt.NDArray[np.float64]) -> Core:
        """Return a model whose rows, and rows to come, are multiplied by a matrix.

        Parameters
        ----------
        matrix : ndarray of float64 of shape (d, d)
        """
        rows = self.table.rows.astype(np.float64) @ matrix
        core = self._with_rows(rows, self.table.rows.dtype.name)
        if self.projection is None:
            return core
        return replace(core, projection=self.projection.mapped(matrix))

    def _with_rows(self, rows: npt.NDArray[Any], dtype: str) -> Core:
        """Return a model with rows in place of its own, stored in a number type."""
        table, weights = self.table, self.table.weights
        rows, scales = quantize(rows, dtype)
        if scales is not None:
            n_pairs = table.n_pairs
            of_tokens, of_pairs = np.split(scales, [len(scales) - n_pairs])
            if table.mapping is not None:
                of_tokens = of_tokens[table.mapping]
            scales = np.concatenate([of_tokens, of_pairs])
            weights = scales if weights is None else scales * weights
        return replace(self, table=_with(table, rows=rows, weights=weights))

    def clustered(self, n_clusters: int) -> Core:
        """Return a model whose tokens share rows: directions by k-means, lengths of their own."""
        table = self.table
        ids = np.arange(table.n_tokens)
        vectors = table.entry_vectors(ids)
        lengths = np.linalg.norm(vectors, axis=1)
        directions = vectors / np.where(lengths == 0, 1, lengths)[:, None]
        centres, mapping = cluster(directions, n_clusters)
        weights = lengths.astype(np.float32)
        rows = table.rows[_n_token_rows(table) :]
        if table.n_pairs:
            of_pairs = (
                np.ones(table.n_pairs) if table.weights is None else table.weights[len(ids) :]
            )
            weights = np.concatenate([weights, of_pairs]).astype(np.float32)
        dtype = table.rows.dtype
        if dtype.kind != "f":
            dtype = np.dtype(np.float32)
        shared = replace(
            self,
            table=PoolingTable(
                np.concatenate([centres.astype(dtype), rows.astype(dtype)]),
                weights,
                mapping,
                table.pairs,
            ),
        )
        return shared.quantized(table.rows.dtype.name)

    def with_new_tokens(self, tokenizer: str, vectors: npt.NDArray[np.floating[Any]]) -> Core:
        """Append tokens: their rows come after those of the other tokens, before those of pairs.

        Parameters
        ----------
        tokenizer : str
            JSON text of a tokenizer whose first V tokens are the model's.
        vectors : ndarray of shape (n, d)
            What each new token adds to the vector of a text.
        """
        table = self.table
        n_rows = _n_token_rows(table)
        rows, scales = quantize(vectors, table.rows.dtype.name)
        weights, mapping = table.weights, table.mapping
        if weights is not None:
            scales = np.ones(len(rows), np.float32) if scales is None else scales
            weights = np.insert(weights, table.n_tokens, scales)
        if mapping is not None:
            new = np.arange(n_rows, n_rows + len(rows), dtype=np.int32)
            mapping = np.concatenate([mapping, new])
        return replace(
            self,
            tokenizer=build_tokenizer(tokenizer),
            table=_with(
                table,
                rows=np.insert(table.rows, n_rows, rows, axis=0),
                weights=weights,
                mapping=mapping,
            ),
        )

    def with_vectors(
        self, entries: npt.NDArray[Any], vectors: npt.NDArray[np.floating[Any]]
    ) -> Core:
        """Replace vectors of tokens and pairs; all others keep their bytes.

        Parameters
        ----------
        entries : ndarray of int of shape (n,)
            Token ids; V + i is the i-th pair.
        vectors : ndarray of shape (n, d)
            What each of them shall add to the vector of a text.
        """
        table = self.table
        rows, scales = quantize(vectors, table.rows.dtype.name)
        weights, mapping = table.weights, table.mapping
        if weights is not None:
            weights = weights.copy()
            weights[entries] = 1 if scales is None else scales
        if mapping is None:
            changed = table.rows.copy()
            changed[entries] = rows
        else:
            changed, mapping = _with_own_rows(table, mapping, entries, rows)
        return replace(self, table=_with(table, rows=changed, weights=weights, mapping=mapping))


def tensors_of(table: PoolingTable, projection: Projection | None) -> dict[str, npt.NDArray[Any]]:
    """Arrays of a model by the names that they have in a model file."""
    arrays: Mapping[str, npt.NDArray[Any] | None] = {
        "embeddings": table.rows,
        "weights": table.weights,
        "mapping": table.mapping,
        "pairs": table.pairs,
    }
    if projection is not None:
        of_projection = (item.name for item in fields(projection))
        arrays = {
            **arrays,
            **{f"projection.{name}": getattr(projection, name) for name in of_projection},
        }
    return {name: array for name, array in arrays.items() if array is not None}


def _with(table: PoolingTable, **changed: Any) -> PoolingTable:
    """Return a table with other arrays."""
    arrays = {name: getattr(table, name) for name in ("rows", "weights", "mapping", "pairs")}
    return PoolingTable(**{**arrays, **changed})


def _with_own_rows(
    table: PoolingTable,
    mapping: npt.NDArray[np.int32],
    entries: npt.NDArray[Any],
    rows: npt.NDArray[Any],
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int32]]:
    """Rows and mapping in which entries have rows of their own, as others may share the old ones.

    Rows that no token has any more go, so that tables do not grow with each replacement.
    """
    n_rows = _n_token_rows(table)
    tokens = entries < table.n_tokens
    places = mapping.astype(np.int64)
    places[entries[tokens]] = n_rows + np.arange(tokens.sum())
    used, new_mapping = np.unique(places, return_inverse=True)
    of_tokens = np.concatenate([table.rows[:n_rows], rows[tokens]])[used]
    of_pairs = table.rows[n_rows:].copy()
    of_pairs[entries[~tokens] - table.n_tokens] = rows[~tokens]
    return np.concatenate([of_tokens, of_pairs]), new_mapping.astype(np.int32)


def _n_token_rows(table: PoolingTable) -> int:
    """Number of rows that belong to tokens; those of pairs follow."""
    return len(table.rows) - (table.n_pairs)
