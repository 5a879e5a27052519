"""The static embedding model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from skm2v._checks import MODEL_DEFAULT, ModelDefault, check_flag
from skm2v._model.core import Core
from skm2v._model.files import local_path
from skm2v._model.hub import checked_subfolder
from skm2v._model.publishing import push
from skm2v._model.quantization import DType
from skm2v._model.reader import load
from skm2v._model.writer import save
from skm2v._static_model.changing import ChangingModel

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StaticModel"]


class StaticModel(ChangingModel):
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

    __slots__ = ()

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
        mmap: bool = False,
        verify: bool = True,
        normalize: bool | None = None,
        max_length: int | ModelDefault | None = MODEL_DEFAULT,
        split_unknown: bool | None = None,
        dimensionality: int | None = None,
        truncate_dim: int | None = None,
        quantize_to: DType | None = None,
        vocabulary_quantization: int | None = None,
    ) -> Self:
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
        mmap : bool, default=False
            Map ``model.safetensors`` into memory instead of reading it: all processes of a machine
            share one copy of the table. The file must not be written into or shortened while the
            model lives; `save_pretrained` puts a new one in its place, which is no harm (but
            Windows refuses it).
        verify : bool, default=True
            Whether the hashes of a model written by skm2v are computed, which reads all of its
            files. False leaves it to you to know that they are what was saved: damage may then be
            other vectors without an error, and :attr:`sha256` is what the file says. All else is
            checked.
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
            The model that was saved.

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
            mmap=mmap,
            verify=check_flag("verify", verify),
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
