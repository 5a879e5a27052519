"""Dask frames in, lazy Dask frames of the same partitions out."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from skm2v._distributed.batches import BatchTransformer
from skm2v.exceptions import MissingExtraError, TextTypeError

__all__ = ["check_frame", "embed", "predict"]


def embed(frame: Any, column: str, model: Any, *, output: str = "vector") -> Any:
    """Add the vectors of a column of texts to a Dask frame, lazily.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
        The frame.
    column : str
        Name of the column of texts.
    model : StaticModel, fitted transformer, str or path
        As for :class:`BatchTransformer`. A path, which all workers must be able to read, is better
        for models of more than some 100 MB: each process of a worker loads it once.
    output : str, default="vector"
        Name of the new column, of lists of float32 of a fixed size, in Arrow's memory.

    Returns
    -------
    frame : dask.dataframe.DataFrame
        Lazy, with the same partitions, index and divisions. Vectors are those of one process, to
        the bit.

    Raises
    ------
    MissingExtraError
        If Dask or pyarrow is not installed.
    TextTypeError
        If `frame` is no Dask frame.
    ValueError
        If there is no such column, or one with the name of the new one.
    OSError, ModelFormatError
        If nothing that can be loaded lies at the path.

    Examples
    --------
    >>> import dask.dataframe
    >>> import pandas
    >>> from skm2v import StaticModel
    >>> from skm2v.distributed import embed
    >>> frame = pandas.DataFrame({"text": ["a cat", "a dog", "a car"]})
    >>> lazy = embed(
    ...     dask.dataframe.from_pandas(frame, npartitions=2),
    ...     "text",
    ...     StaticModel.from_pretrained("default"),
    ... )
    >>> lazy.compute().columns.tolist()
    ['text', 'vector']
    """
    return _mapped(frame, BatchTransformer(model, column, output=output))


def predict(
    frame: Any,
    column: str,
    model: Any,
    *,
    output: str = "prediction",
    method: str = "predict",
) -> Any:
    """Add what is predicted of a column of texts to a Dask frame, lazily.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
        The frame.
    column : str
        Name of the column of texts.
    model : fitted estimator, str or path
        A path is that of a fused model. See :func:`embed`.
    output : str, default="prediction"
        Name of the new column.
    method : {"predict", "predict_proba", "decision_function"}, default="predict"
        What is asked of the model.

    Returns
    -------
    frame : dask.dataframe.DataFrame
        Lazy, with the same partitions, index and divisions.

    Raises
    ------
    MissingExtraError, TextTypeError, ValueError, OSError, ModelFormatError
        As for :func:`embed`.

    Examples
    --------
    >>> import dask.dataframe
    >>> import pandas
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skm2v import StaticEmbedder
    >>> from skm2v.distributed import predict
    >>> model = make_pipeline(StaticEmbedder(), LogisticRegression())
    >>> _ = model.fit(["a cat", "two cats", "a car", "two cars"], ["pet", "pet", "thing", "thing"])
    >>> frame = pandas.DataFrame({"text": ["my cat", "his car"]})
    >>> lazy = predict(dask.dataframe.from_pandas(frame, npartitions=2), "text", model)
    >>> lazy.compute()["prediction"].tolist()
    ['pet', 'thing']
    """
    return _mapped(frame, BatchTransformer(model, column, output=output, method=method))


def check_frame(frame: Any, column: str, new: Sequence[str]) -> None:
    """Raise unless there is a Dask frame with a column, and none of those that it shall get.

    Raises
    ------
    MissingExtraError, TextTypeError, ValueError
        As the functions of :mod:`skm2v.distributed`.
    """
    if not hasattr(frame, "__dask_graph__") or not hasattr(frame, "map_partitions"):
        raise TextTypeError(
            f"Expected a Dask frame; got {type(frame).__name__}. Fix: dask.dataframe.from_pandas,"
            " or the estimator itself, which takes frames of pandas, polars and pyarrow."
        )
    columns = list(getattr(frame, "columns", ()))
    if column not in columns:
        raise ValueError(f"The frame has no column {column!r}, but {columns}.")
    for name in new:
        if name in columns:
            raise ValueError(
                f"The frame has a column {name!r} already. Give the new one another name."
            )


def _mapped(frame: Any, add: BatchTransformer) -> Any:
    check_frame(frame, add.column, [add.output])
    # By delayed, the model is one node of the graph that goes to each worker once, not a part of
    # every task.
    shared = _dask().delayed(add, traverse=False)
    return frame.map_partitions(_with_column, shared, meta=_with_column(frame._meta, add))


def _with_column(part: Any, add: BatchTransformer) -> Any:
    """Return one partition with one more column."""
    pandas = import_module("pandas")
    made = add.apply(part[add.column])
    values = pandas.Series(made, index=part.index, dtype=pandas.ArrowDtype(made.type))
    return part.assign(**{add.output: values})


def _dask() -> Any:
    try:
        import_module("dask.dataframe")
        return import_module("dask")
    except ImportError as error:
        raise MissingExtraError(
            "Frames of Dask need dask[dataframe]: pip install 'skm2v[dask]'."
        ) from error
