"""Models in many processes and on many machines: batches in, batches out."""

from __future__ import annotations

from skm2v._distributed.batches import BatchTransformer
from skm2v._distributed.dask_frames import embed, predict
from skm2v._distributed.deduplication import deduplicate

__all__ = ["BatchTransformer", "deduplicate", "embed", "predict"]
