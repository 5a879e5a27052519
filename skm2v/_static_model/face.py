"""What a model is: a core that nobody can change."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from skm2v._checks import MODEL_DEFAULT, check_flag, check_length
from skm2v._model import ModelConfig, Projection
from skm2v._model.core import Core
from skm2v._model.parts import MODEL, ModelParts
from skm2v._model.state import from_state, to_state
from skm2v._pooling import TextPooler, TextTokenizer, TokenizerDocument
from skm2v.exceptions import ModelFormatError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ModelFace"]

SETTINGS = ("normalize", "max_length", "pca_ordered", "split_unknown")  # of `with_settings`


class _Kind(type):
    """Kind of a class whose text names sentence_transformers.

    BERTopic and KeyBERT choose what to do with a model by the text of its class. Where they know
    no name in it, they embed with a model from the hub instead, and say nothing. With this name in
    it, they look closer and raise an error. `docs/clients.md` has what they take.
    """

    def __repr__(cls) -> str:
        name = f"{cls.__module__}.{cls.__qualname__}"
        return f"<class '{name}' (which is not sentence_transformers.SentenceTransformer)>"


class ModelFace(metaclass=_Kind):
    """A core with the attributes that users see; :class:`skm2v.StaticModel` documents it."""

    __slots__ = ("__weakref__", "_core")
    _core: Core

    def __init__(
        self,
        embedding: npt.ArrayLike,
        tokenizer: Any = None,  # not optional: a name alone gets a better error
        *,
        weights: npt.ArrayLike | None = None,
        mapping: npt.ArrayLike | None = None,
        pairs: npt.ArrayLike | None = None,
        normalize: bool = True,
        max_length: int | None = 512,
        config: ModelConfig | Mapping[str, Any] | None = None,
        projection: Projection | None = None,
    ) -> None:
        if isinstance(embedding, (str, os.PathLike)):
            raise TypeError(
                "StaticModel is made of a table and a tokenizer; to load a model, use"
                f" StaticModel.from_pretrained({os.fspath(embedding)!r})."
            )
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

    def _resolve_length(self, max_length: Any) -> int | None:
        if max_length is MODEL_DEFAULT:
            return self.max_length
        return check_length(max_length)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"A StaticModel cannot be changed: {name!r} was not set. Make a new one, such as"
            f" {f'with_settings({name}=...)' if name in SETTINGS else 'with_dimensions(128)'}."
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"A StaticModel cannot be changed: {name!r} was not deleted.")

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ModelFace) and self.sha256 == other.sha256)

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __len__(self) -> int:
        return self._core.tokenizer.n_tokens

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        teacher = self.config.teacher or self.config.source
        return (
            f"StaticModel({'' if teacher is None else f'{teacher!r}, '}{len(self)} tokens,"
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
