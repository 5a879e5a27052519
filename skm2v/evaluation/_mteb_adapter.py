"""Running a model in the ``mteb`` package itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skm2v.evaluation._encoders import Encoder
from skm2v.evaluation._errors import ModelSpecError
from skm2v.evaluation._metrics import is_sparse, unit_rows
from skm2v.evaluation._runner import as_models

__all__ = ["MtebEncoder"]


class MtebEncoder:
    """An adapter that makes any skm2v model an encoder of the ``mteb`` package.

    It follows the encoder protocol of mteb 2: batches of inputs come from a data loader, and the
    similarity is the cosine.

    Parameters
    ----------
    model : object
        Anything with ``.encode`` or a fitted transformer, or a name that `load_model` knows.
    name : str or None, default=None
        Name in mteb's results, as ``organisation/model``; ``skm2v/`` is put in front where there is
        no organisation.
    revision : str or None, default=None
        Revision in mteb's results; the start of the model's content hash when None.

    Raises
    ------
    ModelSpecError
        If the model makes no vectors.

    Examples
    --------
    ``mteb.evaluate(model, mteb.get_tasks(["STSBenchmark"]))`` calls it like this:

    >>> from skm2v import StaticModel
    >>> from skm2v.evaluation import MtebEncoder
    >>> model = MtebEncoder(StaticModel.from_pretrained("default"))
    >>> vectors = model.encode([{"text": ["a cat", "a dog"]}, {"text": ["the cat"]}])
    >>> model.similarity(vectors[:1], vectors[1:]).argmax(axis=1)
    array([1])
    """

    def __init__(self, model: Any, name: str | None = None, revision: str | None = None) -> None:
        [tested] = as_models({name: model} if name else model)
        if not isinstance(tested, Encoder):
            raise ModelSpecError(f"Model {tested.name!r} makes no vectors; mteb needs an encoder.")
        self._encoder = tested
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
        """Embed texts.

        Parameters
        ----------
        inputs : iterable of dict
            Batches, with a list of str under ``"text"``.
        task_metadata, hf_split, hf_subset : object
            Not used.
        prompt_type : object or None, default=None
            The side of a search that the texts stand on.
        **kwargs
            Not used.

        Returns
        -------
        vectors : ndarray of shape (n_texts, d)
            A vector for each text.
        """
        texts = [text for batch in inputs for text in batch["text"]]
        kind = None if prompt_type is None else str(getattr(prompt_type, "value", prompt_type))
        vectors = self._encoder.encode(texts, kind)
        return np.asarray(vectors.toarray() if is_sparse(vectors) else vectors)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> NDArray[np.floating[Any]]:
        """Cosine of every row of the first with every row of the second.

        Parameters
        ----------
        embeddings1 : array of shape (n, d), or (d,)
            Vectors of the rows.
        embeddings2 : array of shape (m, d), or (d,)
            Vectors of the columns.

        Returns
        -------
        cosines : ndarray of shape (n, m), or () for two single vectors
            Cosines; mteb makes a float of the latter.
        """
        first, second = np.asarray(embeddings1), np.asarray(embeddings2)
        cosines = unit_rows(np.atleast_2d(first)) @ unit_rows(np.atleast_2d(second)).T
        return np.asarray(cosines[0, 0] if first.ndim == second.ndim == 1 else cosines)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> NDArray[np.floating[Any]]:
        """Cosine of the rows pair by pair.

        Parameters
        ----------
        embeddings1, embeddings2 : array of shape (n, d), or (d,)
            Vectors of both sides.

        Returns
        -------
        cosines : ndarray of shape (n,), or () for two single vectors
            Cosine of each pair.
        """
        first, second = np.asarray(embeddings1), np.asarray(embeddings2)
        products = unit_rows(np.atleast_2d(first)) * unit_rows(np.atleast_2d(second))
        cosines = products.sum(axis=1)
        return np.asarray(cosines[0] if first.ndim == second.ndim == 1 else cosines)

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
