"""From a batch of Arrow to the same batch with what a model makes of its texts."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import check_choice, check_flag, require
from skm2v._distributed.model_source import ModelSource
from skm2v._static_model import StaticModel
from skm2v.exceptions import MissingExtraError

__all__ = ["METHODS", "BatchTransformer"]

METHODS = ("encode", "transform", "predict", "predict_proba", "decision_function")


class BatchTransformer:
    """A function from Arrow batches to Arrow batches, for engines that distribute them.

    It adds one column to a batch: the vectors of the texts of another one, or what is predicted of
    them. Rows, their order and all other columns stay as they are, and a row does not depend on the
    batch that it comes in. It is pickled with the model, or with its path.

    Parameters
    ----------
    model : StaticModel, fitted estimator, str or path
        What embeds or predicts. Of a path, every process loads the model once, and machines must
        have the same one there; it is what large models are for.
    column : str
        Name of the column of texts.
    output : str, default="vector"
        Name of the new column; one of this name is an error.
    method : {"encode", "transform", "predict", "predict_proba", "decision_function"} or None, \
default=None
        What is asked of the model. None means `encode` of a `StaticModel`, `transform` of an
        estimator that has it, and else `predict`.
    fixed_size : bool, default=True
        Whether vectors and probabilities are lists of a fixed size, from which NumPy and most
        engines take a matrix without a copy. Spark has lists of any size only: False.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    OSError, ModelFormatError
        If nothing that can be loaded lies at the path.
    ValueError
        If the model has no such method.

    Examples
    --------
    >>> import pyarrow
    >>> from skm2v import StaticModel
    >>> from skm2v.distributed import BatchTransformer
    >>> add_vectors = BatchTransformer(StaticModel.from_pretrained("default"), "text")
    >>> batch = pyarrow.RecordBatch.from_pydict({"id": [1, 2], "text": ["a cat", "a dog"]})
    >>> add_vectors(batch).schema.names
    ['id', 'text', 'vector']
    """

    __module__ = "skm2v.distributed"

    def __init__(
        self,
        model: Any,
        column: str,
        *,
        output: str = "vector",
        method: str | None = None,
        fixed_size: bool = True,
    ) -> None:
        _arrow()
        require(isinstance(column, str), "column", column, "the name of a column")
        require(isinstance(output, str) and bool(output), "output", output, "a name")
        if method is not None:
            check_choice("method", method, METHODS)
        self.column = column
        self.output = output
        self.fixed_size = check_flag("fixed_size", fixed_size)
        self._source = ModelSource(model)
        found = self._source.get()
        self.method = method or _method_of(found)
        if not hasattr(found, self.method):
            raise ValueError(f"A {type(found).__name__} has no method {self.method!r}.")

    def __call__(self, batch: Any) -> Any:
        """Return a batch with one more column.

        Parameters
        ----------
        batch : pyarrow.RecordBatch or pyarrow.Table

        Returns
        -------
        batch : pyarrow.RecordBatch or pyarrow.Table
            Vectors and probabilities are lists.

        Raises
        ------
        ValueError
            If there is no such column of texts, or one of the name of the new column.
        TextTypeError, TextValueError
            If the column does not hold texts, or some are missing; rows are those of the batch.
        """
        names = batch.schema.names
        if names.count(self.column) != 1:
            raise ValueError(f"The batch has no column {self.column!r}, but {names}.")
        if self.output in names:
            raise ValueError(
                f"The batch has a column {self.output!r} already; pass output= with another name."
            )
        made = self.apply(batch.column(names.index(self.column)))
        return batch.append_column(self.output, made)

    def apply(self, texts: Any) -> Any:
        """What the model makes of a column of texts, as an array of Arrow.

        Parameters
        ----------
        texts : column of str
            The column.

        Returns
        -------
        values : pyarrow.Array
            As long as `texts`.
        """
        model = self._source.get()
        ask = getattr(model, self.method)
        try:
            values = ask(texts)
        except ValueError:
            if len(texts):
                raise
            values = ask(["text"])[:0]  # most of scikit-learn's predictors refuse no rows
        if not isinstance(values, np.ndarray):
            kind = type(values).__name__
            raise TypeError(
                f"{self.method} of {type(model).__name__} gives a {kind}, which is no column of"
                " Arrow: end the pipeline with a predictor, or let it give arrays."
            )
        return _as_arrow(values, getattr(model, "classes_", None), self.fixed_size)

    def schema(self, schema: Any) -> Any:
        """Schema of the batches that are returned for batches of a schema, such as Spark asks for.

        Parameters
        ----------
        schema : pyarrow.Schema
            Schema of the batches that come.

        Returns
        -------
        schema : pyarrow.Schema
            Schema with one more field.
        """
        return self(schema.empty_table()).schema

    def map(self, batches: Any) -> Any:
        """Yield what is made of each batch of an iterator, as Spark's ``mapInArrow`` asks for.

        Parameters
        ----------
        batches : iterable of pyarrow.RecordBatch
            Batches as for a call.

        Returns
        -------
        batches : iterator of pyarrow.RecordBatch
            Batches with one more column.
        """
        return map(self, batches)


def _method_of(model: Any) -> str:
    if isinstance(model, StaticModel):
        return "encode"
    return "transform" if hasattr(model, "transform") else "predict"


def _as_arrow(values: npt.NDArray[Any], classes: Any, fixed_size: bool) -> Any:
    """Array of Arrow with an item for each row."""
    arrow = _arrow()
    if values.ndim == 2:
        flat = arrow.array(np.ascontiguousarray(values).reshape(-1))
        width = values.shape[1]
        if fixed_size:
            return arrow.FixedSizeListArray.from_arrays(flat, width)
        ends = arrow.array(np.arange(len(values) + 1) * width, type=arrow.int32())
        return arrow.ListArray.from_arrays(ends, flat)
    if values.dtype.kind in "biuf":
        return arrow.array(values)
    # Labels: an empty batch has those of the others, so that all batches have one type.
    kind = None if classes is None else arrow.array(np.asarray(classes).tolist()).type
    return arrow.array(values.tolist(), type=kind)


def _arrow() -> Any:
    try:
        return import_module("pyarrow")
    except ImportError as error:
        raise MissingExtraError(
            "Batches of Arrow need pyarrow: pip install 'skm2v[dask]', or pip install pyarrow."
        ) from error
