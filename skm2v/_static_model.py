"""The static embedding model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from skm2v._checks import MODEL_DEFAULT, ModelDefault, check_flag, check_length, is_integer
from skm2v._distillation import adapt_core, extend_core, extend_with_vectors
from skm2v._model import ModelConfig, Projection
from skm2v._model.core import Core
from skm2v._model.files import local_path
from skm2v._model.hub import checked_subfolder
from skm2v._model.parts import MODEL, ModelParts
from skm2v._model.publishing import push
from skm2v._model.reader import load
from skm2v._model.state import from_state, to_state
from skm2v._model.writer import save
from skm2v._pooling import (
    TextPooler,
    TextTokenizer,
    TokenizerDocument,
    check_batch_size,
    check_texts,
    iter_texts,
    pool_batches,
    warn_of_losses,
)
from skm2v.exceptions import ModelFormatError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StaticModel"]

# Of batch_size, normalize, normalize_embeddings, convert_to_numpy, convert_to_tensor and device.
_USUAL_SETTINGS = (1024, None, None, True, False, None)


class StaticModel:
    """Static text embeddings: a tokenizer and a table with one vector per token.

    The vector of a text is the mean of the vectors of its tokens. A model is immutable: its
    arrays are read-only, its attributes cannot be set, and any number of threads may use it at
    the same time. Two models are equal if all of their content is.

    Parameters
    ----------
    embedding : array of shape (R, d), dtype float16, float32, float64 or int8
        Table of vectors. It is copied.
    tokenizer : TextTokenizer, tokenizers.Tokenizer or str
        Tokenizer with V tokens, or the text of its ``tokenizer.json``.
    weights : array of float32 of shape (V + P,) or None, default=None
        Factor of each token's vector, then of each pair's. For an int8 table they hold the
        scales of the rows; None means 1.
    mapping : array of int32 of shape (V,) or None, default=None
        Row of each token. None means one row per token, in the order of their ids.
    pairs : array of int32 of shape (P, 2) or None, default=None
        Pairs of neighbouring tokens that add a row of their own, the last P rows of
        `embedding`.
    normalize : bool, default=True
        Whether vectors of texts have Euclidean norm 1.
    max_length : int or None, default=512
        Number of tokens of a text to use. None means all.
    config : ModelConfig, mapping or None, default=None
        Where the model comes from.
    projection : Projection or None, default=None
        Rotation from the teacher's vectors to the columns of `embedding`.

    Raises
    ------
    ModelFormatError
        If the arguments do not fit together or the tokenizer is not supported.

    Examples
    --------
    >>> import numpy as np
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> from skm2v import StaticModel
    >>> words = models.WordLevel({"[UNK]": 0, "warm": 1, "cold": 2}, unk_token="[UNK]")
    >>> tokenizer = Tokenizer(words)
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> model = StaticModel(np.array([[0, 0], [3, 4], [4, -3.0]]), tokenizer)
    >>> model.encode(["warm", "warm and cold"])
    array([[0.6       , 0.8       ],
           [0.98994946, 0.14142136]], dtype=float32)
    """

    __module__ = "skm2v"

    __slots__ = ("__weakref__", "_core")
    _core: Core

    def __init__(
        self,
        embedding: npt.ArrayLike,
        tokenizer: Any,
        *,
        weights: npt.ArrayLike | None = None,
        mapping: npt.ArrayLike | None = None,
        pairs: npt.ArrayLike | None = None,
        normalize: bool = True,
        max_length: int | None = 512,
        config: ModelConfig | Mapping[str, Any] | None = None,
        projection: Projection | None = None,
    ) -> None:
        table = {"embeddings": _own(embedding, None)}
        for name, array, dtype in (
            ("weights", weights, np.float32),
            ("mapping", mapping, np.int32),
            ("pairs", pairs, np.int32),
        ):
            if array is not None:
                table[name] = _own(array, dtype)
        if not isinstance(config, ModelConfig):
            config = ModelConfig.from_dict({} if config is None else config)
        parts = ModelParts(
            TokenizerDocument(_tokenizer_json(tokenizer)),
            table,
            check_flag("normalize", normalize),
            check_length(max_length),
            config,
        )
        core = Core.of_parts(parts)
        if projection is not None:
            arrays = (getattr(projection, item.name) for item in fields(Projection))
            copies = (None if array is None else _own(array, None) for array in arrays)
            core = replace(core, projection=Projection(*copies))  # type: ignore[arg-type]
        self._set_core(core)

    def _set_core(self, core: Core) -> None:
        """Fill an empty object: the one place where a model comes into being."""
        object.__setattr__(self, "_core", core)

    @classmethod
    def _of_core(cls, core: Core) -> Self:
        """Return the model of a core."""
        model = cls.__new__(cls)
        model._set_core(core)
        return model

    def _of(self, core: Core) -> Self:
        """Return the model of a core, this one if it is its own."""
        return self if core is self._core else self._of_core(core)

    @property
    def embedding(self) -> npt.NDArray[Any]:
        """Table of vectors, read-only, of shape (R, d)."""
        return self._core.table.rows

    @property
    def weights(self) -> npt.NDArray[np.float32] | None:
        """Factor of each token's vector (and pair's), read-only, or None."""
        return self._core.table.weights

    @property
    def mapping(self) -> npt.NDArray[np.int32] | None:
        """Row of each token, read-only, or None."""
        return self._core.table.mapping

    @property
    def pairs(self) -> npt.NDArray[np.int32] | None:
        """Token ids of each pair, read-only, of shape (P, 2), or None."""
        return self._core.table.pairs

    @property
    def dim(self) -> int:
        """Number of columns, d."""
        return self._core.table.dim

    @property
    def tokens(self) -> tuple[str, ...]:
        """Tokens; the position is the token id."""
        return self._core.tokenizer.tokens

    @property
    def tokenizer(self) -> Any:
        """A new ``tokenizers.Tokenizer``; changes to it do not reach the model.

        Its ids are those of the library, also where :attr:`split_unknown` is True: unlike
        :meth:`tokenize`, it loses a word with a character that it does not know.
        """
        return self._core.tokenizer.copy_hf()

    @property
    def text_tokenizer(self) -> TextTokenizer:
        """The immutable tokenizer that the model uses."""
        return self._core.tokenizer

    @property
    def pooler(self) -> TextPooler:
        """What turns texts into vectors."""
        return self._core.pooler

    @property
    def normalize(self) -> bool:
        """Whether vectors of texts have Euclidean norm 1."""
        return self._core.normalize

    @property
    def max_length(self) -> int | None:
        """Number of tokens of a text to use, or None for all."""
        return self._core.max_length

    @property
    def split_unknown(self) -> bool:
        """Whether characters that make a word unknown to the tokenizer are split off.

        WordPiece knows a word as a whole or not at all: "love" with a heart behind it is one
        unknown token. Where this is True, such a character stands alone, or its compatibility form
        (of letters of full width, for example) takes its place; tokens of words that the tokenizer
        knows stay what they are. The model's ``tokenizer.json`` says it, as a setting that other
        readers of the file pass over: their tokens, and those of :attr:`tokenizer`, are the ones
        without. See :meth:`with_settings`.
        """
        return self._core.split_unknown

    @property
    def config(self) -> ModelConfig:
        """Where the model comes from."""
        return self._core.config

    @property
    def projection(self) -> Projection | None:
        """Rotation from the teacher's vectors to the table's columns, if it was kept."""
        return self._core.projection

    @property
    def sha256(self) -> str:
        """Hash of the model's content."""
        return self._core.sha256

    def encode(
        self,
        sentences: str | Iterable[str],
        batch_size: int = 1024,
        show_progress_bar: bool = False,
        normalize: bool | None = None,
        max_length: int | ModelDefault | None = MODEL_DEFAULT,
        *,
        n_jobs: int | None = None,
        normalize_embeddings: bool | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: str | None = None,
        use_multiprocessing: bool | None = None,
        multiprocessing_threshold: int | None = None,
    ) -> npt.NDArray[np.float32]:
        """Embed texts.

        Parameters
        ----------
        sentences : str or column of str
            One text, or a list, tuple, array, Series or one-column frame of texts.
        batch_size : int, default=1024
            Accepted for compatibility: results and memory do not depend on it.
        show_progress_bar : bool, default=False
            Show the number of finished texts on standard error.
        normalize : bool or None, default=None
            Scale vectors to Euclidean norm 1. None means as the model says.
        max_length : int or None, default=the model's
            Number of tokens of a text to use. None means all.
        n_jobs : int or None, default=None
            Number of threads; None means 1, -1 all processors.
        normalize_embeddings : bool or None, default=None
            Another name of `normalize`, as in sentence-transformers.
        convert_to_numpy, convert_to_tensor, device, use_multiprocessing, multiprocessing_threshold
            Accepted for compatibility. The result is always a NumPy array, computed on the CPU,
            by `n_jobs` threads.

        Returns
        -------
        vectors : ndarray of float32 of shape (d,) for a str, (n, d) otherwise
            A text without a known token gets zeros.

        Raises
        ------
        TextTypeError, TextValueError
            If `sentences` is not a column of texts, or some of its rows are missing values.
        ValueError
            If a setting is out of its bounds, or asks for something else than a NumPy array.

        Warns
        -----
        TextWarning
            If texts were truncated, got a zero vector, or are mostly unknown or single letters.
        """
        core = self._core
        settings = (
            batch_size,
            normalize,
            normalize_embeddings,
            convert_to_numpy,
            convert_to_tensor,
            device,
        )
        # To compare takes 50 ns, to call and look at each 165, and a short text 2,400 in all.
        usual = settings == _USUAL_SETTINGS
        normalize = core.normalize if usual else self._check_settings(*settings)
        column = [sentences] if isinstance(sentences, str) else sentences
        texts: Any = check_texts(column, buffers=True).texts
        pooled = core.pooler.pool(
            texts,
            max_length=core.max_length
            if max_length is MODEL_DEFAULT
            else self._resolve_length(max_length),
            normalize=normalize,
            n_jobs=n_jobs,
            progress=_progress(len(texts)) if show_progress_bar else None,
        )
        if pooled.lost:
            warn_of_losses(pooled.empty, pooled.truncated, pooled.foreign)
        return pooled.vectors[0] if isinstance(sentences, str) else pooled.vectors

    def encode_iter(
        self,
        sentences: Iterable[str],
        batch_size: int = 1024,
        show_progress_bar: bool = False,
        normalize: bool | None = None,
        max_length: int | ModelDefault | None = MODEL_DEFAULT,
        *,
        n_jobs: int | None = None,
        normalize_embeddings: bool | None = None,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: str | None = None,
        use_multiprocessing: bool | None = None,
        multiprocessing_threshold: int | None = None,
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
        show_progress_bar : bool, default=False
            Show the number of finished texts on standard error.
        n_jobs : int or None, default=None
            Number of threads that share a batch; None means 1, -1 all processors. Batches of less
            than 8,192 short texts are too small to be shared.
        normalize, max_length, normalize_embeddings, convert_to_numpy, convert_to_tensor, device, \
        use_multiprocessing, multiprocessing_threshold
            As for :meth:`encode`.

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
            At the end of the stream, if texts were truncated or got a zero vector.

        Examples
        --------
        >>> from skm2v import StaticModel
        >>> from skm2v.datasets import default_model_path
        >>> model = StaticModel.from_pretrained(default_model_path())
        >>> lines = (f"line {i}" for i in range(2500))
        >>> [batch.shape for batch in model.encode_iter(lines, batch_size=1000)]
        [(1000, 256), (1000, 256), (500, 256)]
        """
        normalize = self._check_settings(
            batch_size,
            normalize,
            normalize_embeddings,
            convert_to_numpy,
            convert_to_tensor,
            device,
        )
        _, batches = iter_texts(sentences, batch_size)
        return pool_batches(
            self._core.pooler,
            batches,
            max_length=self._resolve_length(max_length),
            normalize=normalize,
            n_jobs=n_jobs,
            progress=_progress() if show_progress_bar else None,
        )

    def _check_settings(
        self,
        batch_size: Any,
        normalize: bool | None,
        normalize_embeddings: bool | None,
        convert_to_numpy: bool,
        convert_to_tensor: bool,
        device: str | None,
    ) -> bool:
        """Check what `encode` accepts for compatibility; whether to normalize."""
        # Somebody else's second argument, such as a prompt's name, must not be lost in silence.
        check_batch_size(batch_size)
        if convert_to_tensor or not convert_to_numpy:
            raise ValueError(
                "encode returns a NumPy array; use torch.from_numpy(model.encode(...)) for a"
                " tensor, list(model.encode(...)) for a list."
            )
        if device not in (None, "cpu"):
            raise ValueError(f"A static model runs on the CPU; got device={device!r}.")
        if normalize is None:
            normalize = normalize_embeddings
        elif normalize_embeddings not in (None, normalize):
            raise ValueError("normalize and normalize_embeddings contradict each other.")
        return self.normalize if normalize is None else check_flag("normalize", normalize)

    def _resolve_length(self, max_length: Any) -> int | None:
        if max_length is MODEL_DEFAULT:
            return self.max_length
        return check_length(max_length)

    def tokenize(self, sentences: str | Iterable[str]) -> list[list[int]]:
        """Return the ids of the known tokens of each text, without special tokens.

        Texts are not truncated.

        Parameters
        ----------
        sentences : str or column of str

        Returns
        -------
        ids : list of list of int
        """
        return [ids.tolist() for ids in self._known_ids(_texts(sentences), None)]

    def _known_ids(self, texts: list[str], limit: int | None) -> list[npt.NDArray[np.int32]]:
        tokenizer = self._core.tokenizer
        return tokenizer.ids(texts, limit=limit).known(tokenizer.unk_id).split()

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
        max_length : int or None, default=None
            Number of tokens of a text to use, unknown ones included. None means all.
        batch_size, show_progress_bar, use_multiprocessing, multiprocessing_threshold
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

    def with_dimensions(self, dim: int) -> StaticModel:
        """Return a model with the first `dim` columns.

        It is a good model if the columns are ordered by importance, as PCA orders them
        (``config.pca_ordered``).

        Parameters
        ----------
        dim : int
            Number of columns, at most those of this model.

        Returns
        -------
        model : StaticModel
        """
        if not is_integer(dim):
            raise ValueError(f"The number of dimensions must be an integer; got {dim!r}.")
        if not 1 <= dim <= self.dim:
            raise ValueError(
                f"The number of dimensions must be from 1 to {self.dim}, the model's own;"
                f" got {dim}."
            )
        return self._of_core(self._core.first_columns(int(dim)))

    def quantized(self, dtype: str) -> StaticModel:
        """Return a model whose table has another number type.

        Parameters
        ----------
        dtype : {"float16", "float32", "float64", "int8"}
            int8 keeps a scale per row, as part of `weights`.

        Returns
        -------
        model : StaticModel
            This model if it has the type already.
        """
        return self._of(self._core.quantized(dtype))

    def clustered(self, n_clusters: int) -> StaticModel:
        """Return a model whose tokens share rows, which makes large tables small.

        The directions of the tokens' vectors are grouped by k-means; each token keeps the length
        of its own, as one of the `weights`.

        Parameters
        ----------
        n_clusters : int
            Number of rows, from 2 to the number of tokens.

        Returns
        -------
        model : StaticModel
        """
        n_tokens = len(self.tokens)
        if not is_integer(n_clusters) or not 2 <= n_clusters <= n_tokens:
            raise ValueError(
                "The number of clusters must be an integer from 2 to the number of tokens,"
                f" {n_tokens}; got {n_clusters!r}."
            )
        return self._of(self._core.clustered(int(n_clusters)))

    def with_settings(
        self,
        *,
        normalize: bool | None = None,
        max_length: int | ModelDefault | None = MODEL_DEFAULT,
        pca_ordered: bool | None = None,
        split_unknown: bool | None = None,
    ) -> StaticModel:
        """Return a model with other defaults for :meth:`encode`.

        Parameters
        ----------
        normalize : bool or None, default=None
            Whether vectors of texts have Euclidean norm 1. None means as this model says.
        max_length : int or None, default=the model's
            Number of tokens of a text to use. None means all.
        pca_ordered : bool or None, default=None
            Whether the first columns are the best ones, as those of a model that was trained to
            be cut (Matryoshka): a :class:`StaticEmbedder` can then set `pca_dims`. None means as
            this model says.
        split_unknown : bool or None, default=None
            Whether characters that make a word unknown, such as the heart behind "love", are split
            off, so that the rest of the word is read; see :attr:`split_unknown`. None means as
            this model does.

        Returns
        -------
        model : StaticModel
            This model if nothing changes.

        Raises
        ------
        ValueError
            If `split_unknown` is True and the tokenizer is no WordPiece model.
        """
        core = self._core.with_settings(
            normalize=self.normalize if normalize is None else check_flag("normalize", normalize),
            max_length=self._resolve_length(max_length),
            split_unknown=None
            if split_unknown is None
            else check_flag("split_unknown", split_unknown),
        )
        if pca_ordered is not None:
            ordered = check_flag("pca_ordered", pca_ordered)
            if ordered != self.config.pca_ordered:
                core = replace(core, config=replace(core.config, pca_ordered=ordered))
        return self._of(core)

    def extend(
        self,
        words: Sequence[str],
        model_name: str | os.PathLike[str] | Any = None,
        *,
        vectors: npt.ArrayLike | None = None,
        tokenizer: Any = None,
        device: str | None = None,
        revision: str | None = None,
        subfolder: str | None = None,
        trust_remote_code: bool = False,
        allow_pickle_weights: bool = False,
        show_progress_bar: bool = False,
    ) -> Self:
        """Add words to the vocabulary, without a new distillation.

        The teacher reads each word alone, and the projection that the model keeps turns its
        vector into a row. Words become tokens as those of the `vocabulary` of
        :func:`skm2v.distill` do: found wherever they stand as words, whatever the tokenizer, and
        never inside of others; words that are tokens already are left out. Tokens that the model
        has keep their ids and their rows, and texts without the words their vectors.

        With `vectors`, the words get these vectors, and no teacher is needed.

        Parameters
        ----------
        words : sequence of str
            Words, or strings of several words.
        model_name : str, path, model in memory or None, default=None
            The teacher that the model was distilled from: a folder, a hub id, a transformers
            model or a `SentenceTransformer`. None means the name and the revision that the model
            keeps (``config.teacher``), which suffice for teachers from the hub.
        vectors : array-like of shape (n_words, d) or None, default=None
            What each word adds to the vector of a text, in the columns of the model and of the
            size that vectors of tokens have (see :meth:`encode_as_sequence`); stored in the
            number type of the table. Words must be new then, and there is nothing to say about
            a teacher.
        tokenizer : transformers tokenizer or None, default=None
            Only for a transformers model in memory.
        device, revision, subfolder, trust_remote_code, allow_pickle_weights
            See :func:`skm2v.distill`.
        show_progress_bar : bool, default=False
            Show a bar on standard error.

        Returns
        -------
        model : StaticModel
            This model if all of the words are tokens already.

        Raises
        ------
        ValueError
            If `words` is a single string, or one of them is no string or holds no text; if the
            model has no projection, as models of other packages and those that were distilled
            with ``pca_dims=None``. With `vectors`: if they have another shape or are not finite;
            if a word is a token already, or the same as another one; if a teacher is given too.
        TeacherError
            If the teacher cannot be loaded, or its vectors have another width than those that
            the model was made of.
        MissingExtraError
            If torch or transformers is not installed.

        Notes
        -----
        With ``objective="tokens"`` a row is what a distillation with these words as `vocabulary`
        gives on the principal axes that the model has. With ``objective="sentences"`` it is the
        prior of a word that the texts did not contain. The Notes of :func:`skm2v.distill` say
        what "stands as a word" means.

        Examples
        --------
        >>> model = model.extend(["remdesivir", "long covid"])  # doctest: +SKIP

        Without a teacher, a word means what others say:

        >>> from skm2v import StaticModel
        >>> from skm2v.datasets import default_model_path
        >>> model = StaticModel.from_pretrained(default_model_path())
        >>> meaning = model.encode("antiviral drug", normalize=False)
        >>> extended = model.extend(["remdesivir"], vectors=[meaning])
        >>> float(extended.encode("remdesivir") @ model.encode("antiviral drug")) > 0.99
        True
        """
        if vectors is not None:
            teacher = (model_name, tokenizer, device, revision, subfolder)
            if any(given is not None for given in teacher):
                raise ValueError(
                    "vectors were given, so no teacher reads the words: leave out model_name,"
                    " tokenizer, device, revision and subfolder."
                )
            return self._of(extend_with_vectors(self._core, words, vectors))
        extended = extend_core(
            self._core,
            words,
            model_name,
            tokenizer=tokenizer,
            device=device,
            revision=revision,
            subfolder=subfolder,
            trust_remote_code=trust_remote_code,
            allow_pickle_weights=allow_pickle_weights,
            show_progress_bar=show_progress_bar,
        )
        return self._of(extended)

    def adapt(
        self,
        texts: Any,
        model_name: str | os.PathLike[str] | Any = None,
        *,
        max_teacher_texts: int | None = None,
        memory: Any = None,
        tokenizer: Any = None,
        device: str | None = None,
        revision: str | None = None,
        subfolder: str | None = None,
        trust_remote_code: bool = False,
        allow_pickle_weights: bool = False,
        show_progress_bar: bool = False,
    ) -> Self:
        """Adapt the vectors to texts of a domain, without labels.

        The teacher reads the texts, and the vectors of the tokens and pairs that they contain
        move so that their means come closer to what it makes of them, as far as held-out texts
        confirm it. All others keep their bytes, and the columns keep their meaning: texts that
        were embedded before stay comparable where they share no token with the new texts.

        Parameters
        ----------
        texts : column of str
            Texts like those that the model will embed: 2,000 or more, at least twice as many
            different ones as the model has dimensions.
        model_name : str, path, model in memory or None, default=None
            The teacher, best that which the model was distilled from; as for :meth:`extend`.
        max_teacher_texts : int or None, default=None
            Let the teacher read so many of the texts only, chosen so that as many tokens as
            possible occur several times.
        memory : str, path, joblib.Memory or None, default=None
            Where the teacher's vectors are kept between processes.
        tokenizer : transformers tokenizer or None, default=None
            Only for a transformers model in memory.
        device, revision, subfolder, trust_remote_code, allow_pickle_weights
            See :func:`skm2v.distill`.
        show_progress_bar : bool, default=False
            Show bars on standard error.

        Returns
        -------
        model : StaticModel
            This model if the texts do not bring it closer to the teacher.

        Raises
        ------
        TextTypeError, TextValueError
            If `texts` is not a column of texts, or some of its rows are missing values.
        TeacherError
            If the teacher cannot be loaded, or has vectors of fewer dimensions than the model.
        MissingExtraError
            If torch or transformers is not installed.

        Warns
        -----
        TextWarning
            If there are too few texts, or they do not help; the model is then this one.

        Notes
        -----
        The teacher's vectors are mapped to the columns of the model by what both make of the
        texts (orthogonal axes, with a scale for each column), so that any model can adapt: also
        one that kept no projection, or that another package made. Rows of int8 tables are
        quantised again one by one.

        Examples
        --------
        >>> model = model.adapt(texts, memory="cache")  # doctest: +SKIP
        """
        return self._adapted(
            texts,
            model_name,
            max_teacher_texts=max_teacher_texts,
            memory=memory,
            tokenizer=tokenizer,
            device=device,
            revision=revision,
            subfolder=subfolder,
            trust_remote_code=trust_remote_code,
            allow_pickle_weights=allow_pickle_weights,
            show_progress_bar=show_progress_bar,
        )[0]

    def _adapted(
        self, texts: Any, model_name: Any = None, **how: Any
    ) -> tuple[Self, dict[str, Any]]:
        """Adapt, and tell what was done; see :meth:`adapt`."""
        adapted, done = adapt_core(self._core, texts, model_name, **how)
        return self._of(adapted), done

    def save_pretrained(
        self,
        path: str | os.PathLike[str],
        model_name: str | None = None,
        subfolder: str | None = None,
    ) -> None:
        """Write the model to a folder, in one step.

        ``model.safetensors`` is the complete model, with settings, tokenizer and a hash of all
        content in its metadata. The other files are a card for people and the files with which
        Model2Vec and sentence-transformers load the model; a model with vectors of pairs of
        tokens, which they do not know, is saved without them.

        Parameters
        ----------
        path : str or path
            Folder; created if it is not there. A model in it is replaced: readers see the old
            one or the new one, also if saving is interrupted. A ``README.md`` that somebody wrote
            or changed is left alone.
        model_name : str or None, default=None
            Title of the card, and what its example loads.
        subfolder : str or None, default=None
            Folder in `path` to write to.

        Raises
        ------
        OSError
            If a file cannot be written; a model that was in the folder is still there.
        """
        inner = checked_subfolder(subfolder)
        folder = os.path.join(local_path(path), inner) if inner else path
        save(self._core.parts, self.sha256, folder, model_name=model_name)

    def push_to_hub(
        self,
        repo_id: str,
        private: bool = False,
        token: str | bool | None = None,
        subfolder: str | None = None,
        *,
        revision: str | None = None,
        commit_message: str | None = None,
        create_pr: bool = False,
    ) -> str:
        """Upload the model to the hub, as one commit of the files of :meth:`save_pretrained`.

        Parameters
        ----------
        repo_id : str
            Name on the hub, ``owner/name``; the repository is created if it is not there.
        private : bool, default=False
            Whether a repository that is created is private.
        token : str, bool or None, default=None
            Access token that may write. None means the one that the hub's client has stored.
        subfolder : str or None, default=None
            Folder in the repository.
        revision : str or None, default=None
            Branch to write to.
        commit_message : str or None, default=None
            What the commit says.
        create_pr : bool, default=False
            Open a pull request instead of writing to the branch.

        Returns
        -------
        url : str
            Address of the commit.

        Raises
        ------
        MissingExtraError
            If huggingface_hub is not installed.
        OSError
            If the hub cannot be reached or does not take the model.
        """
        return push(
            self._core.parts,
            self.sha256,
            repo_id,
            subfolder=checked_subfolder(subfolder),
            private=private,
            token=token,
            revision=revision,
            commit_message=commit_message,
            create_pr=create_pr,
        )

    @classmethod
    def from_pretrained(
        cls,
        path: str | os.PathLike[str],
        *,
        subfolder: str | None = None,
        revision: str | None = None,
        token: str | bool | None = None,
        force_download: bool = False,
        sha256: str | None = None,
        normalize: bool | None = None,
        max_length: int | ModelDefault | None = MODEL_DEFAULT,
        split_unknown: bool | None = None,
        dimensionality: int | None = None,
        truncate_dim: int | None = None,
        quantize_to: str | None = None,
        vocabulary_quantization: int | None = None,
    ) -> StaticModel:
        """Load a model: the bundled one, one of a folder or one of the hub.

        Models saved by skm2v, by Model2Vec and by sentence-transformers (StaticEmbedding) can
        be loaded. A file that is damaged or holds anything unexpected is refused.

        Parameters
        ----------
        path : str or path
            "default" for the bundled model, or a folder, a ``model.safetensors`` file written by
            skm2v, or a hub id (``owner/name``). The
            network is used only for a hub id, and not if the cache has what is needed and the
            hub cannot be reached.
        subfolder : str or None, default=None
            Folder in `path` that holds the model.
        revision : str or None, default=None
            Branch, tag or commit on the hub. The commit is kept in ``config.source_revision``.
        token : str, bool or None, default=None
            Access token for the hub.
        force_download : bool, default=False
            Download again what is in the cache.
        sha256 : str or None, default=None
            Expected SHA-256 of the bytes of ``model.safetensors``, for models written by skm2v.
            The hash inside a file finds accidents; this one also finds another file.
        normalize : bool or None, default=None
            Replaces the model's setting.
        max_length : int or None, default=the model's
            Replaces the model's setting; None means no limit.
        split_unknown : bool or None, default=None
            Replaces the model's setting; see :attr:`split_unknown`.
        dimensionality, truncate_dim : int or None, default=None
            Keep the first columns only; see :meth:`with_dimensions`.
        quantize_to : {"float16", "float32", "float64", "int8"} or None, default=None
            Number type of the table; see :meth:`quantized`.
        vocabulary_quantization : int or None, default=None
            Number of rows that the tokens share; see :meth:`clustered`.

        Returns
        -------
        model : StaticModel

        Raises
        ------
        ModelFormatError
            If the model is damaged, not supported, or of a newer format.
        OSError
            If there is no such model or it cannot be read.
        ValueError
            If `split_unknown` is True and the tokenizer is no WordPiece model.
        """
        if dimensionality is not None and truncate_dim not in (None, dimensionality):
            raise ValueError("dimensionality and truncate_dim contradict each other.")
        parts, digest = load(
            path,
            subfolder=subfolder,
            revision=revision,
            token=token,
            force_download=force_download,
            sha256=sha256,
        )
        model = cls._of_core(Core.of_parts(parts, digest))
        model = model.with_settings(
            normalize=normalize, max_length=max_length, split_unknown=split_unknown
        )
        dim = dimensionality if truncate_dim is None else truncate_dim
        if dim is not None:
            model = model.with_dimensions(dim)
        if vocabulary_quantization is not None:
            model = model.clustered(vocabulary_quantization)
        return model if quantize_to is None else model.quantized(quantize_to)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"A StaticModel cannot be changed: {name!r} was not set. Build a new one, for example"
            " with with_dimensions() or quantized()."
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"A StaticModel cannot be changed: {name!r} was not deleted.")

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, StaticModel) and self.sha256 == other.sha256)

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __len__(self) -> int:
        return len(self.tokens)

    def __copy__(self) -> StaticModel:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> StaticModel:
        return self

    def __repr__(self) -> str:
        teacher = self.config.teacher or self.config.source
        return (
            f"StaticModel({'' if teacher is None else f'{teacher!r}, '}{len(self.tokens)} tokens,"
            f" {self.dim} dimensions, {self.embedding.dtype})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return to_state(MODEL, self._core.parts.content, sha256=self.sha256)

    def __setstate__(self, state: object) -> None:
        parts = from_state(MODEL, state, what=f"The pickled {type(self).__name__}")
        self._set_core(Core.of_parts(parts, state["sha256"]))  # type: ignore[index]


def _own(values: npt.ArrayLike, dtype: Any) -> npt.NDArray[Any]:
    """Copy an array, refusing values that another number type would change beyond rounding."""
    array = np.array(values, copy=True, order="C")
    if dtype is None or array.dtype == dtype:
        return array
    if array.dtype.kind not in "iuf" or (dtype == np.int32 and array.dtype.kind == "f"):
        raise ModelFormatError(
            f"An array of {np.dtype(dtype).name} was expected; got one of {array.dtype}."
        )
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    if dtype == np.int32 and not np.array_equal(cast, array):
        raise ModelFormatError("Row numbers and token ids must fit int32.")
    return cast


def _tokenizer_json(tokenizer: Any) -> str:
    if isinstance(tokenizer, str):
        return tokenizer
    if isinstance(tokenizer, TextTokenizer):
        return tokenizer.json
    to_str = getattr(tokenizer, "to_str", None)
    if to_str is None:
        raise ModelFormatError(
            "tokenizer must be a TextTokenizer, a tokenizers.Tokenizer or the text of a"
            f" tokenizer.json file; got {type(tokenizer).__name__}."
        )
    return str(to_str())


def _texts(sentences: str | Iterable[str]) -> list[str]:
    column = [sentences] if isinstance(sentences, str) else sentences
    texts: list[str] = check_texts(column).texts
    return texts


def _progress(total: int | None = None) -> Callable[[int], None]:
    """Make a function that counts texts on standard error; 0 is the end of unknown numbers."""
    done = 0
    of_all = "" if total is None else f" of {total}"

    def advance(n_texts: int) -> None:
        nonlocal done
        done += n_texts
        is_last = n_texts == 0 if total is None else done >= total
        sys.stderr.write(f"\rEmbedded {done}{of_all} texts" + "\n" * is_last)
        sys.stderr.flush()

    return advance
