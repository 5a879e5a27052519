"""Texts on many processes and machines: batches of Arrow, frames of Dask."""

from __future__ import annotations

from skm2v._distributed import BatchTransformer, deduplicate, embed, predict

__all__ = ["BatchTransformer", "deduplicate", "embed", "predict"]

for _name in __all__:
    globals()[_name].__module__ = __name__
