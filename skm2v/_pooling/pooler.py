"""Texts in, vectors out."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from skm2v._checks import MAX_LENGTH, check_length, check_n_jobs
from skm2v._pooling.foreign import find_foreign_texts
from skm2v._pooling.reference import ReferenceEngine
from skm2v._pooling.sharing import pieces_of, share
from skm2v._pooling.table import PoolingTable
from skm2v._pooling.text_buffers import TextBuffers
from skm2v._pooling.texts import new_tuple
from skm2v._pooling.threads import count_threads
from skm2v._pooling.token_ids import TokenIds
from skm2v._pooling.tokenization import PART_CHARS, Pieces, TextTokenizer
from skm2v.exceptions import ModelFormatError

__all__ = ["Pooled", "TextPooler", "slowed_by_words"]

logger = logging.getLogger("skm2v")

_FLOAT32 = np.dtype(np.float32)
_NOT_LOST = np.zeros(1, dtype=bool)
_NOT_LOST.flags.writeable = False


class Pooled(NamedTuple):
    """Vectors of texts, and which of the texts are special.

    Attributes
    ----------
    vectors : ndarray of float32 of shape (n_texts, d)
    empty : ndarray of bool of shape (n_texts,)
        Texts without a known token; their vector is zero.
    truncated : ndarray of bool of shape (n_texts,)
        Texts of which only the first `max_length` tokens were used.
    foreign : ndarray of bool of shape (n_texts,)
        Texts of a language that the vocabulary was not made for: of their tokens most are unknown
        or single letters of a script that it has little of.
    lost : bool
        Whether a text is empty, truncated or foreign.
    """

    vectors: npt.NDArray[np.float32]
    empty: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    foreign: npt.NDArray[np.bool_]
    lost: bool


def _pooled(
    vectors: npt.NDArray[np.float32],
    empty: npt.NDArray[np.bool_],
    truncated: npt.NDArray[np.bool_],
    noted: bool,
) -> Pooled:
    """Take apart what engines write into `empty`: 1 for empty, 2 for foreign texts."""
    if not noted:  # all are False: ten short texts take 6,000 ns, one more array 100
        return new_tuple(Pooled, (vectors, empty, truncated, empty, False))
    kinds = empty.view(np.uint8)
    return Pooled(vectors, kinds == 1, truncated, kinds == 2, True)


class Engine(Protocol):
    """What does the work: the compiled kernel or the reference."""

    def pool_into(
        self,
        texts: list[str] | TextBuffers,
        out: npt.NDArray[np.float32],
        *,
        max_length: int | None,
        normalize: bool,
        empty: npt.NDArray[np.bool_] | bytearray,
        truncated: npt.NDArray[np.bool_] | bytearray,
        total: bool = False,
    ) -> bool: ...

    def ids(
        self, texts: list[str], *, max_length: int | None
    ) -> tuple[bytes | npt.NDArray[np.int32], list[int] | npt.NDArray[np.int64]]: ...


class TextPooler:
    """Mean of the token vectors of texts.

    Parameters
    ----------
    tokenizer : TextTokenizer
    table : PoolingTable
        One vector for each token of `tokenizer`.
    engine : Engine or None, default=None
        What does the work. None means the compiled kernel where there is one for such a
        tokenizer, else the reference; it is built when it is first needed. Pickles go without it.

    Raises
    ------
    ModelFormatError
        If the table does not have one entry per token.
    """

    def __init__(
        self, tokenizer: TextTokenizer, table: PoolingTable, engine: Engine | None = None
    ) -> None:
        if tokenizer.n_tokens != table.n_tokens:
            raise ModelFormatError(
                f"The tokenizer has {tokenizer.n_tokens} tokens, the table {table.n_tokens}."
            )
        self.tokenizer = tokenizer
        self.table = table
        self._dim = table.dim
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """What does the work."""
        return self._engine or self._choose_engine()

    def pool(
        self,
        texts: list[str] | TextBuffers,
        *,
        max_length: int | None,
        normalize: bool,
        n_jobs: int | None = None,
        progress: Callable[[int], object] | None = None,
        total: bool = False,
    ) -> Pooled:
        """Embed texts.

        A text's vector is the mean of the vectors of its first `max_length` tokens, of which
        unknown tokens are left out, and pairs of neighbours that have a vector of their own are
        added. It does not depend on the other texts, their order, or `n_jobs`.

        Parameters
        ----------
        texts : list of str or TextBuffers
            Texts as returned by :func:`skm2v._pooling.check_texts`.
        max_length : int or None
            Number of tokens of a text to use, unknown ones included; None means all.
        normalize : bool
            Scale vectors to Euclidean norm 1.
        n_jobs : int or None, default=None
            Number of threads. None means 1, -1 all processors. Inside a joblib worker one thread
            is used. Only the compiled kernel runs in parallel, as it releases the GIL.
        progress : callable or None, default=None
            Called with the number of texts that were just finished, possibly in another thread.
        total : bool, default=False
            Sums instead of means, added up in float64 for tables of scores; not together with
            `normalize`.

        Returns
        -------
        pooled : Pooled

        Raises
        ------
        ValueError
            If `max_length` is less than 1, `n_jobs` is 0, or `total` meets `normalize`.
        TextValueError
            If a text cannot be tokenized.
        """
        if max_length is not None and not 1 <= max_length <= MAX_LENGTH:
            check_length(max_length)
        if n_jobs not in (None, 1):
            check_n_jobs(n_jobs)
        if total and normalize:
            raise ValueError("A vector is either a total or normalized; choose one.")
        n = len(texts)
        vectors = np.empty((n, self._dim), _FLOAT32)
        engine = self._engine or self._choose_engine()
        if n == 1 and progress is None:
            return self._pool_one(engine, texts, vectors, max_length, normalize, total)
        empty, truncated = np.empty(n, dtype=bool), np.empty(n, dtype=bool)
        # One thread without a bar: the engine makes blocks of its own and listens to Ctrl-C.
        if progress is None and n_jobs in (None, 1):
            noted = engine.pool_into(
                texts,
                vectors,
                max_length=max_length,
                normalize=normalize,
                empty=empty,
                truncated=truncated,
                total=total,
            )
            return _pooled(vectors, empty, truncated, noted)

        def work(start: int, stop: int) -> None:
            part = slice(start, stop)
            engine.pool_into(
                texts[part],
                vectors[part],
                max_length=max_length,
                normalize=normalize,
                empty=empty[part],
                truncated=truncated[part],
                total=total,
            )
            if progress is not None:
                progress(stop - start)

        n_threads = count_threads(n_jobs)
        pieces = pieces_of(texts, n_threads)
        share(work, pieces, min(n_threads, len(pieces)))
        return _pooled(vectors, empty, truncated, bool(empty.any() or truncated.any()))

    def _pool_one(
        self,
        engine: Engine,
        texts: list[str] | TextBuffers,
        vectors: npt.NDArray[np.float32],
        max_length: int | None,
        normalize: bool,
        total: bool,
    ) -> Pooled:
        """Pool one text, for which making small arrays would take longer than the work."""
        empty, truncated = bytearray(1), bytearray(1)
        noted = engine.pool_into(
            texts,
            vectors,
            max_length=max_length,
            normalize=normalize,
            empty=empty,
            truncated=truncated,
            total=total,
        )
        if not noted:
            return new_tuple(Pooled, (vectors, _NOT_LOST, _NOT_LOST, _NOT_LOST, False))
        return _pooled(vectors, np.frombuffer(empty, bool), np.frombuffer(truncated, bool), True)

    def token_ids(self, texts: list[str], *, max_length: int | None) -> TokenIds:
        """Ids of the tokens that `pool` adds up, for features that need them one by one.

        Parameters
        ----------
        texts : list of str
            Texts as returned by :func:`skm2v._pooling.check_texts`.
        max_length : int or None
            Number of tokens of a text to use, unknown ones included; None means all.

        Returns
        -------
        ids : TokenIds
            Without unknown tokens.
        """
        return self._read(texts, max_length)[0].known(self.tokenizer.unk_id)

    def cut_token_ids(
        self, texts: list[str], *, max_length: int | None
    ) -> tuple[TokenIds, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Return what `token_ids` does, and `truncated` and `foreign` of :class:`Pooled`."""
        tokens, truncated = self._read(texts, max_length)
        unknown = self.tokenizer.unk_id
        foreign = find_foreign_texts(tokens, self.tokenizer.foreign_tokens, unknown)
        return tokens.known(unknown), truncated, foreign

    def _read(
        self, texts: list[str], max_length: int | None
    ) -> tuple[TokenIds, npt.NDArray[np.bool_]]:
        """Ids of texts with unknown ones, and which texts were cut."""
        # One token more than is wanted tells a text that is cut from one that just fits.
        asked = None if max_length is None else max_length + 1
        ids, indptr = self.engine.ids(texts, max_length=asked)
        tokens = TokenIds(np.frombuffer(ids, dtype=np.int32), np.asarray(indptr, dtype=np.int64))
        truncated = tokens.lengths == (-1 if asked is None else asked)
        if truncated.any():
            wanted = np.ones(len(tokens.ids), dtype=bool)
            wanted[tokens.indptr[1:][truncated] - 1] = False
            tokens = tokens.where(wanted)
        return tokens, truncated

    def pieces(self, text: str, *, max_length: int | None) -> tuple[Pieces, bool]:
        """Where the tokens that `pool` adds up come from in one text, with unknown ones.

        Parameters
        ----------
        text : str
        max_length : int or None
            Number of tokens to use, unknown ones included; None means all. The text is read hardly
            further than that, by tokenizers of which `pool` reads no more.

        Returns
        -------
        pieces : tuple of ndarray
            As :meth:`TextTokenizer.pieces` returns them.
        truncated : bool
            Whether the text has more tokens.
        """
        first = None
        if len(text) > PART_CHARS:
            limit = None if max_length is None else max_length + 1
            of_text, _ = self.engine.ids([text], max_length=limit)
            first = np.frombuffer(of_text, dtype=np.int32)
        ids, offsets, words = self.tokenizer.pieces(text, first)
        cut = max_length is not None and len(ids) > max_length
        return (ids[:max_length], offsets[:max_length], words[:max_length]), cut

    def _choose_engine(self) -> Engine:
        # Two threads may both get here; they build equal engines, and the last one stays.
        self._engine = _build_kernel(self.tokenizer, self.table) or ReferenceEngine(
            self.tokenizer, self.table
        )
        self.tokenizer.document.forget()  # nobody needs it at predict time
        return self._engine

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.tokenizer, self.table)


def _build_kernel(tokenizer: TextTokenizer, table: PoolingTable) -> Engine | None:
    """Compiled kernel for this tokenizer and table, or None."""
    try:
        from skm2v._pooling.kernel import build_kernel
    except ImportError as error:
        if os.environ.get("SKM2V_REQUIRE_EXT") == "1":
            raise
        # Without a compiler there is none, which is fine; one that does not load is a mistake.
        absent = isinstance(error, ModuleNotFoundError)
        _log_missing_kernel(logging.INFO if absent else logging.WARNING, str(error))
        return None
    engine: Engine | None = build_kernel(tokenizer, table)
    if engine is None:
        # Nothing is wrong, and nothing is to be done about it.
        logger.info("pooling: no compiled kernel for this tokenizer; the slower path is used")
    return engine


def slowed_by_words(tokenizer: TextTokenizer) -> bool:
    """Whether added words keep the compiled kernel, if there is one, from reading a tokenizer."""
    try:
        from skm2v._pooling.kernel import can_read
    except ImportError:
        return False
    if can_read(tokenizer):
        return False
    spec = tokenizer.document.spec
    kept = [token for token in spec["added_tokens"] if token["special"]]
    return can_read(TextTokenizer(json.dumps({**spec, "added_tokens": kept})))


@cache
def _log_missing_kernel(level: int, reason: str) -> None:
    """Log, once in a process, what an installation with a compiler would mend."""
    logger.log(
        level,
        "pooling: there is no compiled kernel (%s); texts are embedded by a slower path of the same"
        " results. Install skm2v again where there is a C compiler, or from a wheel.",
        reason,
    )
