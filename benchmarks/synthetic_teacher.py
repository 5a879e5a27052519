"""A teacher that costs nothing, and texts for it: to measure the fit alone, at any size.

Words are made up, each one token; their frequencies follow Zipf's law. The teacher's vector of a
text is the mean of hidden vectors of its words, with noise, so that a table can come close to it;
its vectors of single words tell a part of the hidden ones, as those of a real teacher do.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from skm2v._distillation import Teacher
from skm2v._pooling import TextTokenizer

Floats = npt.NDArray[np.float32]

WIDTH = 384  # of the teacher's vectors
MEAN_LENGTH = 12  # words of a text
N_NOISES = 8192


class SyntheticTeacher:
    """A teacher of random vectors, with as much of the interface of `Teacher` as a fit uses.

    Parameters
    ----------
    n_tokens : int
        Size of the vocabulary.
    kind : {"wordpiece", "unigram"}
        Kind of the tokenizer.
    """

    revision = licence = prompt = None
    dtype = "float32"
    language: tuple[str, ...] = ()
    max_length = 256
    plan_tokens = Teacher.plan_tokens

    def __init__(self, n_tokens: int, kind: str = "wordpiece") -> None:
        self.name = f"synthetic-{kind}-{n_tokens}"
        self.fingerprint = self.name
        self.words = made_up_words(n_tokens - 1)
        backend = _TOKENIZERS[kind](self.words)
        self.tokenizer = SimpleNamespace(
            backend_tokenizer=backend, unk_token=UNKNOWN, pad_token=None
        )
        self._reader = TextTokenizer(backend.to_str())
        rng = np.random.default_rng(1)
        spectrum = np.arange(1, WIDTH + 1, dtype=np.float32) ** -0.4
        self._hidden = _normal(rng, n_tokens) * spectrum
        # One thread: the teacher is to be the same whatever the threads of the fit.
        with threadpool_limits(1, user_api="blas"):
            self._shown = self._hidden @ (_normal(rng, WIDTH) / np.float32(WIDTH**0.5))
        self._shown += 0.3 * self._hidden.std() * _normal(rng, n_tokens)
        self._noises = 0.5 / MEAN_LENGTH**0.5 * spectrum * _normal(rng, N_NOISES)

    def embed_tokens(
        self,
        sequences: Sequence[Sequence[int]],
        *,
        pooling: str = "mean",
        batch_size: int = 1024,
        progress: Callable[[int], object] | None = None,
    ) -> Floats:
        """Return the shown vectors of tokens; there are no special tokens around."""
        if progress is not None:
            progress(len(sequences))
        return self._shown[[ids[0] for ids in sequences]]

    def encode(self, texts: Sequence[str], *, batch_size: int = 32) -> Floats:
        """Return vectors of texts."""
        ids, indptr = self._reader.ids(list(texts), limit=self.max_length)
        counts = csr_array(
            (np.ones(len(ids), np.float32), ids, indptr), shape=(len(texts), len(self._hidden))
        )
        vectors = counts @ self._hidden / np.maximum(np.diff(indptr), 1)[:, None]
        vectors += self._noises[[zlib.crc32(text.encode()) % N_NOISES for text in texts]]
        return np.asarray(vectors, np.float32)


def made_up_words(n: int) -> list[str]:
    """Return different words of letters that look like syllables, the same on every run."""
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    base = len(syllables)
    words = []
    for number in range(base, base + n):  # two syllables or more
        word = ""
        while number:
            number, digit = divmod(number, base)
            word += syllables[digit]
        words.append(word)
    return words


def made_up_texts(words: Sequence[str], n: int) -> list[str]:
    """Return texts of 3 to 40 words, 12 on average, the frequent ones first in `words`."""
    rng = np.random.default_rng(2)
    share = 1 / (np.arange(len(words)) + 2.7)
    lengths = np.clip(rng.lognormal(np.log(MEAN_LENGTH) - 0.125, 0.5, n), 3, 40).astype(int)
    drawn = np.searchsorted(np.cumsum(share) / share.sum(), rng.random(lengths.sum()))
    drawn = np.minimum(drawn, len(words) - 1)
    ends = np.cumsum(lengths)
    return [
        " ".join([words[i] for i in drawn[end - length : end].tolist()])
        for length, end in zip(lengths.tolist(), ends.tolist(), strict=True)
    ]


UNKNOWN = "[UNK]"


def _normal(rng: np.random.Generator, n: int) -> Floats:
    return rng.standard_normal((n, WIDTH), dtype=np.float32)


def _wordpiece(words: Sequence[str]) -> Any:
    vocabulary = {word: i for i, word in enumerate([UNKNOWN, *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _unigram(words: Sequence[str]) -> Any:
    scores = -np.log(np.arange(len(words)) + 2.7) - 4.0
    pieces = [(UNKNOWN, 0.0)]
    pieces += [("▁" + word, score) for word, score in zip(words, scores.tolist(), strict=True)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


_TOKENIZERS = {"wordpiece": _wordpiece, "unigram": _unigram}
