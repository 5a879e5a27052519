"""Texts to vectors, and vectors compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from skm2v._checks import MODEL_DEFAULT, ModelDefault
from skm2v._pooling import check_texts, iter_texts, pool_batches, warn_of_losses
from skm2v._static_model.face import ModelFace
from skm2v._static_model.neutral import Form, check_settings, progress_bar, shaped
from skm2v._static_model.similarity import cosines, pairwise_cosines

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from skm2v._static_model.neutral import ListOfTensors, Neutral, OneTensor

__all__ = ["EncodingModel"]


class EncodingModel(ModelFace):
    """A model that embeds texts, with the calls of Model2Vec and sentence-transformers."""

    __slots__ = ()

    @overload
    def encode(
        self,
        sentences: str | Iterable[str],
        batch_size: int = ...,
        show_progress_bar: bool | None = ...,
        normalize: bool | None = ...,
        max_length: int | ModelDefault | None = ...,
        *,
        n_jobs: int | None = ...,
        **others: Unpack[Neutral],
    ) -> npt.NDArray[np.float32]: ...
    @overload
    def encode(
        self,
        sentences: str | Iterable[str],
        batch_size: int = ...,
        show_progress_bar: bool | None = ...,
        normalize: bool | None = ...,
        max_length: int | ModelDefault | None = ...,
        *,
        n_jobs: int | None = ...,
        **others: Unpack[OneTensor],
    ) -> Any: ...
    @overload
    def encode(
        self,
        sentences: str | Iterable[str],
        batch_size: int = ...,
        show_progress_bar: bool | None = ...,
        normalize: bool | None = ...,
        max_length: int | ModelDefault | None = ...,
        *,
        n_jobs: int | None = ...,
        **others: Unpack[ListOfTensors],
    ) -> list[Any]: ...
    def encode(
        self,
        sentences: str | Iterable[str],
        batch_size: int = 1024,
        show_progress_bar: bool | None = False,
        normalize: bool | None = None,
        max_length: int | ModelDefault | None = MODEL_DEFAULT,
        *,
        n_jobs: int | None = None,
        **others: Any,
    ) -> Any:
        """Embed texts.

        Parameters
        ----------
        sentences : str or column of str
            One text, or a list, tuple, array, Series or one-column frame of texts.
        batch_size : int, default=1024
            Accepted for compatibility: results and memory do not depend on it.
        show_progress_bar : bool or None, default=False
            Show the number of finished texts on standard error.
        normalize : bool or None, default=None
            Scale vectors to Euclidean norm 1. None means as the model says.
        max_length : int or None, default=the model's
            Number of tokens of a text to use. None means all.
        n_jobs : int or None, default=None
            Number of threads; None means 1, -1 all processors.
        **others
            What callers of sentence-transformers and Model2Vec pass on:

            - `normalize_embeddings`: True normalizes. False and None add nothing, as in
              sentence-transformers: a model that normalizes does so. ``normalize=False`` gives
              the means of the tokens' vectors as they are.
            - `convert_to_tensor`: True gives a torch tensor, on the CPU.
            - `convert_to_numpy`: False gives a list of torch tensors.
            - `device`: None or ``"cpu"``.
            - `prompt_name`, `prompt`, `output_value`, `precision`, `truncate_dim`, `pool`: their
              defaults only, and the model's own number of dimensions.
            - `chunk_size`, `use_multiprocessing`, `multiprocessing_threshold`: without effect.

        Returns
        -------
        vectors : ndarray of float32 of shape (d,) for a str, (n, d) otherwise
            A text without a known token gets zeros. A tensor, or a list of tensors, where asked.

        Raises
        ------
        TextTypeError, TextValueError
            If `sentences` is not a column of texts, or some of its rows are missing values.
        TypeError
            If a keyword is unknown.
        ValueError
            If a setting is out of its bounds, or asks for what a static model cannot do.
        MissingExtraError
            If tensors are asked for and torch is not installed.

        Warns
        -----
        TextWarning
            If texts were truncated, got a zero vector, or are mostly unknown or single letters.
        """
        core = self._core
        form: Form = "array"
        # To look at each setting takes a twentieth of the time of a short text.
        if others or normalize is not None or batch_size != 1024:
            normalize, form = self._settings(others, batch_size, normalize)
        else:
            normalize = core.normalize
        column = [sentences] if isinstance(sentences, str) else sentences
        texts: Any = check_texts(column, buffers=True).texts
        pooled = core.pooler.pool(
            texts,
            max_length=core.max_length
            if max_length is MODEL_DEFAULT
            else self._resolve_length(max_length),
            normalize=normalize,
            n_jobs=n_jobs,
            progress=progress_bar(len(texts)) if show_progress_bar else None,
        )
        if pooled.lost:
            warn_of_losses(pooled.empty, pooled.truncated, pooled.foreign)
        vectors = pooled.vectors[0] if isinstance(sentences, str) else pooled.vectors
        return vectors if form == "array" else shaped(vectors, form)

    def encode_iter(
        self,
        sentences: Iterable[str],
        batch_size: int = 1024,
        show_progress_bar: bool | None = False,
        normalize: bool | None = None,
        max_length: int | ModelDefault | None = MODEL_DEFAULT,
        *,
        n_jobs: int | None = None,
        **others: Unpack[Neutral],
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Embed a stream of texts, batch by batch, in bounded memory.

        Parameters
        ----------
        sentences : column or iterator of str
            As for :meth:`encode`, but not a single str. A generator may be endless: it is read
            as far as the batches that were asked for.
        batch_size : int, default=1024
            Most texts in a batch; all but the last one have so many. The vectors do not depend
            on it.
        show_progress_bar : bool or None, default=False
            Show the number of finished texts on standard error.
        normalize, max_length : as for :meth:`encode`
            How texts are embedded.
        n_jobs : int or None, default=None
            Number of threads that share a batch; None means 1, -1 all processors. Batches of less
            than 8,192 short texts are too small to be shared.
        **others : as for :meth:`encode`
            Batches are NumPy arrays always.

        Returns
        -------
        batches : iterator of ndarray of float32 of shape (n, d), with n <= `batch_size`
            Equal to the rows of :meth:`encode`, to the bit and in the same order. No texts make
            no batches.

        Raises
        ------
        TextTypeError, TextValueError
            At once if `sentences` is not a column of texts; when the batch is asked for, if one
            of its rows is not a text. Rows are counted from the start of the stream.
        ValueError
            At once, if a setting is out of its bounds.

        Warns
        -----
        TextWarning
            At the end of the stream, if texts were truncated, got a zero vector, or are mostly
            unknown or single letters.

        Examples
        --------
        >>> from skm2v import StaticModel
        >>> from skm2v.datasets import default_model_path
        >>> model = StaticModel.from_pretrained(default_model_path())
        >>> lines = (f"line {i}" for i in range(2500))
        >>> [batch.shape for batch in model.encode_iter(lines, batch_size=1000)]
        [(1000, 256), (1000, 256), (500, 256)]
        """
        normalize, form = self._settings(dict(others), batch_size, normalize)
        if form != "array":
            raise ValueError(
                "encode_iter gives NumPy arrays; use torch.from_numpy(batch) for a tensor."
            )
        _, batches = iter_texts(sentences, batch_size)
        return pool_batches(
            self._core.pooler,
            batches,
            max_length=self._resolve_length(max_length),
            normalize=normalize,
            n_jobs=n_jobs,
            progress=progress_bar() if show_progress_bar else None,
        )

    def _settings(
        self, others: dict[str, Any], batch_size: Any, normalize: Any
    ) -> tuple[bool, Form]:
        """Whether to normalize, and what to return; see `check_settings`."""
        return check_settings(
            others,
            batch_size=batch_size,
            normalize=normalize,
            of_model=self.normalize,
            dim=self.dim,
        )

    def encode_query(self, sentences: str | Iterable[str], **settings: Any) -> Any:
        """Embed questions: :meth:`encode`, as static models treat all texts alike.

        Parameters
        ----------
        sentences : str or column of str
            One text or many.
        **settings
            As for :meth:`encode`.

        Returns
        -------
        vectors : ndarray of float32 of shape (d,) for a str, (n, d) otherwise
            Vectors; see :meth:`encode`.
        """
        return self.encode(sentences, **settings)

    def encode_document(self, sentences: str | Iterable[str], **settings: Any) -> Any:
        """Embed documents: :meth:`encode`, as static models treat all texts alike.

        Parameters
        ----------
        sentences : str or column of str
            One text or many.
        **settings
            As for :meth:`encode`.

        Returns
        -------
        vectors : ndarray of float32 of shape (d,) for a str, (n, d) otherwise
            Vectors; see :meth:`encode`.
        """
        return self.encode(sentences, **settings)

    def embed_documents(self, texts: Iterable[str]) -> list[list[float]]:
        """Embed texts as lists of numbers, which LangChain and its like ask for.

        Parameters
        ----------
        texts : column of str
            Texts to embed.

        Returns
        -------
        vectors : list of n lists of d floats
            Vectors as plain lists, as LangChain takes them.
        """
        vectors: list[list[float]] = self.encode(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Embed one text as a list of numbers, which LangChain and its like ask for.

        Parameters
        ----------
        text : str
            The text to embed.

        Returns
        -------
        vector : list of d floats
            Vector as a plain list.
        """
        return self.embed_documents([text])[0]

    def get_sentence_embedding_dimension(self) -> int:
        """Return :attr:`dim`, by the name that sentence-transformers gives it.

        Returns
        -------
        dim : int
            Number of columns.
        """
        return self.dim

    def similarity(
        self, embeddings1: npt.ArrayLike, embeddings2: npt.ArrayLike
    ) -> npt.NDArray[np.float32]:
        """Cosine of each vector with each of others.

        Parameters
        ----------
        embeddings1 : array-like of shape (n, d) or (d,)
            Vectors, as :meth:`encode` returns them; they need not have norm 1.
        embeddings2 : array-like of shape (m, d) or (d,)
            Vectors of the columns.

        Returns
        -------
        cosines : ndarray of float32 of shape (n, m)
            0 where one of the vectors is zero.

        Raises
        ------
        ValueError
            If the vectors differ in their numbers of dimensions.

        Examples
        --------
        >>> from skm2v import StaticModel
        >>> model = StaticModel.from_pretrained("default")
        >>> vectors = model.encode(["a small cat", "a little kitten", "stock market"])
        >>> model.similarity(vectors[0], vectors[1:]).round(1)
        array([[ 0.7, -0. ]], dtype=float32)
        """
        return cosines(embeddings1, embeddings2)

    def similarity_pairwise(
        self, embeddings1: npt.ArrayLike, embeddings2: npt.ArrayLike
    ) -> npt.NDArray[np.float32]:
        """Cosine of each vector with the one at its place.

        Parameters
        ----------
        embeddings1, embeddings2 : array-like of shape (n, d)
            Vectors of both sides.

        Returns
        -------
        cosines : ndarray of float32 of shape (n,)
            Cosine of each pair.

        Raises
        ------
        ValueError
            If the numbers of vectors or of dimensions differ.
        """
        return pairwise_cosines(embeddings1, embeddings2)

    def tokenize(self, sentences: str | Iterable[str]) -> list[list[int]]:
        """Return the ids of the known tokens of each text, without special tokens.

        Texts are not truncated.

        Parameters
        ----------
        sentences : str or column of str
            Texts to read.

        Returns
        -------
        ids : list of list of int
            Ids of the known tokens of each text.
        """
        return [ids.tolist() for ids in self._known_ids(_texts(sentences), None)]

    def _known_ids(self, texts: list[str], limit: int | None) -> list[npt.NDArray[np.int32]]:
        tokenizer = self._core.tokenizer
        return tokenizer.ids(texts, limit=limit).known(tokenizer.unk_id).split()

    @overload
    def encode_as_sequence(  # type: ignore[overload-overlap]
        self,
        sentences: str,
        *,
        max_length: int | None = ...,
        batch_size: int = ...,
        show_progress_bar: bool = ...,
        use_multiprocessing: bool | None = ...,
        multiprocessing_threshold: int | None = ...,
    ) -> npt.NDArray[np.float32]: ...
    @overload
    def encode_as_sequence(
        self,
        sentences: Iterable[str],
        *,
        max_length: int | None = ...,
        batch_size: int = ...,
        show_progress_bar: bool = ...,
        use_multiprocessing: bool | None = ...,
        multiprocessing_threshold: int | None = ...,
    ) -> list[npt.NDArray[np.float32]]: ...
    def encode_as_sequence(
        self,
        sentences: str | Iterable[str],
        *,
        max_length: int | None = None,
        batch_size: int = 1024,
        show_progress_bar: bool = False,
        use_multiprocessing: bool | None = None,
        multiprocessing_threshold: int | None = None,
    ) -> npt.NDArray[np.float32] | list[npt.NDArray[np.float32]]:
        """Return the vectors of the known tokens of each text.

        Parameters
        ----------
        sentences : str or column of str
            One text or many.
        max_length : int or None, default=None
            Number of tokens of a text to use, unknown ones included. None means all.
        batch_size, show_progress_bar, use_multiprocessing, multiprocessing_threshold : Ignored
            Accepted for compatibility, without effect.

        Returns
        -------
        vectors : ndarray of float32 of shape (n_tokens, d) for a str, else a list of them
            In the order of the tokens, not normalised.
        """
        texts = _texts(sentences)
        sequences = [
            self._rows(ids) for ids in self._known_ids(texts, self._resolve_length(max_length))
        ]
        return sequences[0] if isinstance(sentences, str) else sequences

    def _rows(self, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        return self._core.table.entry_vectors(ids, np.float32)


def _texts(sentences: str | Iterable[str]) -> list[str]:
    column = [sentences] if isinstance(sentences, str) else sentences
    texts: list[str] = check_texts(column).texts
    return texts
