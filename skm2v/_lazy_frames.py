"""Columns of Dask for methods that take texts: lazy frames in, lazy frames out."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, TypeVar, cast

import numpy as np

__all__ = ["lazy_too"]

Method = TypeVar("Method", bound=Callable[..., Any])


def lazy_too(method: Method) -> Method:
    """Let a method of an estimator, whose rows are those of `X`, take a lazy column of Dask.

    It returns a lazy frame or series of the same partitions and index. Dask is not imported: an
    object can only be one of its own if the caller has imported it.
    """

    @wraps(method)
    def ask(self: Any, X: Any, *args: Any, **options: Any) -> Any:
        if not _is_lazy(X):
            return method(self, X, *args, **options)
        name = method.__name__
        # By delayed, the model is one node of the graph that goes to each worker once.
        shared = import_module("dask").delayed(self, traverse=False)
        # What is said of no rows tells the columns, and what is wrong with `X`.
        meta = _asked(X._meta, self, name, args, options)
        return X.map_partitions(_asked, shared, name, args, options, meta=meta)

    return cast(Method, ask)


def _is_lazy(X: Any) -> bool:
    return (
        type(X).__module__.startswith("dask.")
        and hasattr(X, "map_partitions")
        and (hasattr(X, "_meta") and hasattr(X._meta, "iloc"))
    )


def _asked(part: Any, model: Any, name: str, args: Any, options: Any) -> Any:
    """Ask about one partition, and give the answer its index."""
    pandas = import_module("pandas")
    values = getattr(model, name)(part, *args, **options)
    if isinstance(values, (pandas.DataFrame, pandas.Series)):
        return values
    values = np.asarray(values)
    if values.ndim == 1:
        return pandas.Series(values, index=part.index)
    columns = getattr(model, "classes_", range(values.shape[1]))
    if name == "transform":
        columns = model.get_feature_names_out()
    return pandas.DataFrame(values, index=part.index, columns=list(columns))
