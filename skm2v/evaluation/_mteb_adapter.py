"""Running a model in the ``mteb`` package itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skm2v.evaluation._encoders import Encoder
from skm2v.evaluation._metrics import is_sparse, unit_rows


class MtebEncoder:
    """An adapter that makes any skm2v model an encoder of the ``mteb`` package.

    It follows the encoder protocol of mteb 2: batches of inputs come from a data loader, and the
    similarity is the cosine.

    Parameters
    ----------
    model : object
        Anything with ``.encode`` or a fitted transformer, or a name that `load_encoder` knows.
    name : str, optional
        Name in mteb's results, as ``organisation/model``; ``skm2v/`` is put in front where there is
        no organisation.
    revision : str, optional
        Revision in mteb's results; the start of the model's content hash when None.

    Examples
    --------
    >>> import mteb  # doctest: +SKIP
    >>> model = MtebEncoder(StaticModel.from_pretrained("my-model"))  # doctest: +SKIP
    >>> mteb.evaluate(model, mteb.get_tasks(["STSBenchmark"]))  # doctest: +SKIP
    """

    def __init__(self, model: Any, name: str | None = None, revision: str | None = None) -> None:
        from skm2v.evaluation._runner import as_encoders

        self._encoder: Encoder = as_encoders({name: model} if name else model)[0]
        self._revision = revision
        self._meta: Any = None

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any = None,
        hf_split: str = "",
        hf_subset: str = "",
        prompt_type: Any = None,
        **kwargs: Any,
    ) -> NDArray[np.floating[Any]]:
        """Embed a data loader of batches with a ``"text"`` list each; shape (n, d), dense."""
        texts = [text for batch in inputs for text in batch["text"]]
        kind = None if prompt_type is None else str(getattr(prompt_type, "value", prompt_type))
        vectors = self._encoder.encode(texts, kind)
        return np.asarray(vectors.toarray() if is_sparse(vectors) else vectors)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> NDArray[np.floating[Any]]:
        """Cosine of every row of the first with every row of the second."""
        first, second = (np.atleast_2d(np.asarray(e)) for e in (embeddings1, embeddings2))
        return np.asarray(unit_rows(first) @ unit_rows(second).T)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> NDArray[np.floating[Any]]:
        """Cosine of the rows pair by pair."""
        first, second = (np.atleast_2d(np.asarray(e)) for e in (embeddings1, embeddings2))
        return np.asarray((unit_rows(first) * unit_rows(second)).sum(axis=1))

    @property
    def mteb_model_meta(self) -> Any:
        """Metadata for mteb's results: name, revision, size and similarity."""
        if self._meta is None:
            from mteb.models.model_meta import ModelMeta, ScoringFunction

            name = self._encoder.name.replace(" ", "-")
            size = self._encoder.n_bytes
            self._meta = ModelMeta.create_empty(
                overwrites={
                    "name": name if "/" in name else f"skm2v/{name}",
                    "revision": self._revision or self._encoder.fingerprint[:16],
                    "similarity_fn_name": ScoringFunction.COSINE,
                    "memory_usage_mb": None if size is None else size / 2**20,
                }
            )
        return self._meta
