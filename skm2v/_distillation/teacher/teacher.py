"""A sentence transformer in memory: vectors of tokens and vectors of texts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from skm2v._distillation.teacher.batches import all_finite, equal_lengths
from skm2v._distillation.teacher.device import TeacherDType, autocast
from skm2v._distillation.teacher.extras import import_extra
from skm2v._distillation.teacher.layers import Head
from skm2v._distillation.teacher.layers import pool as pool_states
from skm2v._distillation.teacher.vocabulary import TokenPlan, extend_tokens, plan_tokens
from skm2v._pooling import TextTokenizer
from skm2v.exceptions import TeacherError

__all__ = ["POOLINGS", "Pooling", "Teacher"]

Pooling: TypeAlias = Literal["mean", "last", "first", "pooler", "auto"]
POOLINGS: tuple[str, ...] = get_args(Pooling)

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")

# The largest block whose release makes glibc keep freed blocks of up to its size (mallopt(3)).
LARGEST_KEPT_BLOCK = (32 << 20) - 8192

Progress = Callable[[int], object]


@dataclass(frozen=True, eq=False)
class Teacher:
    """A teacher in memory.

    Attributes
    ----------
    name : str
    revision : str or None
        Commit, if it comes from the hub.
    licence : str or None
    language : tuple of str
    fingerprint : str
        Hash of everything that its vectors in float32 depend on.
    max_length : int or None
        Number of tokens that it reads, special tokens included.
    encoder : torch.nn.Module
    tokenizer : transformers tokenizer with a ``backend_tokenizer``
    head : Head
        Pooling and later layers of :meth:`encode` and of ``pooling="auto"``.
    prompts : dict of str to str
        Prompts by name.
    default_prompt : str or None
        Text that :meth:`encode` puts in front, if not told otherwise.
    lowercase : bool
        Whether texts are lowercased before tokenizing.
    device : str
    untrained : tuple of str
        Weights of the encoder that its file does not have.
    prompt : str or None
        Text that it reads before every token and every text. None means none before tokens, and
        the default prompt before texts.
    dtype : {"float32", "bfloat16"}
        What it computes in; its weights, and the sums over tokens, are as they are.

    Examples
    --------
    >>> from skm2v import load_teacher
    >>> teacher = load_teacher("sentence-transformers/all-MiniLM-L6-v2")
    >>> teacher.device, teacher.default_prompt
    ('cpu', None)
    >>> vectors = teacher.encode(["a cat", "a dog"])
    >>> vectors.dtype
    dtype('float32')
    """

    __module__ = "skm2v"

    name: str
    revision: str | None
    licence: str | None
    language: tuple[str, ...]
    fingerprint: str
    max_length: int | None
    encoder: Any
    tokenizer: Any
    head: Head = field(default_factory=Head)
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    lowercase: bool = False
    device: str = "cpu"
    untrained: tuple[str, ...] = ()
    prompt: str | None = None
    dtype: TeacherDType = "float32"

    def plan_tokens(
        self, vocabulary: Sequence[str] = (), remove_pattern: str | None = None
    ) -> TokenPlan:
        """Derive the tokens of a static model; see `plan_tokens` of the vocabulary.

        Parameters
        ----------
        vocabulary : sequence of str, default=()
            Words and phrases that become tokens.
        remove_pattern : str or None, default=None
            Regular expression of tokens that are left out.

        Returns
        -------
        plan : TokenPlan
            The tokens, and what the teacher reads for each.
        """
        return plan_tokens(
            self.tokenizer.backend_tokenizer,
            words=vocabulary,
            remove_pattern=remove_pattern,
            unk_token=self.tokenizer.unk_token,
            pad_token=self.tokenizer.pad_token,
            max_length=self.max_length,
        )

    def plan_words(self, tokenizer: TextTokenizer, words: Sequence[str]) -> TokenPlan:
        """Append words to a model's tokenizer.

        See `extend_tokens` in `skm2v/_distillation/teacher/vocabulary.py`.

        Parameters
        ----------
        tokenizer : TextTokenizer
            Tokenizer of the model.
        words : sequence of str
            Words to append.

        Returns
        -------
        plan : TokenPlan
            The tokens, and what the teacher reads for each new one.
        """
        return extend_tokens(
            tokenizer,
            self.tokenizer.backend_tokenizer,
            words,
            unk_token=self.tokenizer.unk_token,
            max_length=self.max_length,
        )

    def embed_tokens(
        self,
        sequences: Sequence[Sequence[int]],
        *,
        pooling: Pooling = "mean",
        batch_size: int = 256,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.float32]:
        """Embed sequences of token ids, each after the prompt if there is one.

        The states of a prompt are pooled, too, unless the teacher leaves those of prompts out.

        Parameters
        ----------
        sequences : sequence of sequence of int
            The teacher's own ids, with its special tokens where they belong.
        pooling : {"mean", "last", "first", "pooler", "auto"}, default="mean"
            "auto" is the teacher's own, followed by its Dense layers.
        batch_size : int, default=256
            Sequences at a time; fewer where they are long. No influence on the result, beyond
            rounding. More no longer fit into the caches of a processor; with less, each step of
            the encoder waits more often for its slowest thread, which is felt on a busy machine.
        progress : callable or None, default=None
            Called with the number of finished sequences after each batch.

        Returns
        -------
        vectors : ndarray of float32 of shape (n, d)
            A vector for each sequence.

        Raises
        ------
        TeacherError
            If the teacher has no pooler, or gives NaN or infinity.
        """
        torch = import_extra("torch")
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {POOLINGS}; got {pooling!r}.")
        if pooling == "pooler" and any("pooler" in name for name in self.untrained):
            raise TeacherError(
                f"The teacher {self.name!r} has no weights for its pooler: with pooling='pooler'"
                " its vectors would be random. Use pooling='mean'."
            )
        sequences, n_skipped = self._after_prompt(sequences)
        lengths = np.array([len(sequence) for sequence in sequences])
        vectors: npt.NDArray[np.float32] | None = None
        with self._ready(), torch.inference_mode():
            for rows in equal_lengths(lengths, batch_size):
                ids = torch.tensor([sequences[row] for row in rows], device=self.device)
                # One length in a batch: no padding, nothing to mask.
                batch = self._pool_tokens(ids, pooling, n_skipped).float().cpu().numpy()
                if vectors is None:
                    vectors = np.empty((len(sequences), batch.shape[1]), dtype=np.float32)
                vectors[rows] = batch
                if progress is not None:
                    progress(len(rows))
        if vectors is None:
            raise ValueError("There are no tokens to embed.")
        return all_finite(
            vectors, self.name, lambda row: repr(self.tokenizer.decode(sequences[row]))[:80]
        )

    def _after_prompt(
        self, sequences: Sequence[Sequence[int]]
    ) -> tuple[Sequence[Sequence[int]], int]:
        """Put the prompt's ids after leading special ones; return how many are not pooled."""
        # A space at its end belongs to the word that follows.
        prompt = (self.prompt or "").rstrip(" ")
        if not prompt:
            return sequences, 0
        backend = self.tokenizer.backend_tokenizer
        backend = type(backend).from_str(backend.to_str())
        backend.no_padding()
        backend.no_truncation()
        ids = backend.encode(prompt, add_special_tokens=False).ids
        special = backend.encode("a").special_tokens_mask
        start = special.index(0) if 0 in special else 0
        if self.max_length is not None and start + len(ids) + 2 > self.max_length:
            raise TeacherError(
                f"The prompt {prompt!r:.60} takes {len(ids)} tokens; the teacher {self.name!r}"
                f" reads {self.max_length}, and a token with its special ones must fit after it."
            )
        longer = [[*sequence[:start], *ids, *sequence[start:]] for sequence in sequences]
        if self.max_length is not None:
            limit = self.max_length
            longer = [s if len(s) <= limit else [*s[: limit - 1], s[-1]] for s in longer]
        return longer, 0 if self.head.include_prompt else start + len(ids)

    def _pool_tokens(self, ids: Any, pooling: str, n_skipped: int) -> Any:
        mask = ids.new_ones(ids.shape)
        output = self.encoder(input_ids=ids, attention_mask=mask)
        states = self._as_pooled(output.last_hidden_state)
        if pooling == "mean":
            return states[:, n_skipped:].mean(dim=1)
        if pooling == "first":
            return states[:, 0]
        if pooling == "last":
            return states[:, -1]
        if pooling == "pooler":
            vectors = getattr(output, "pooler_output", None)
            if vectors is None:
                raise TeacherError(
                    f"The teacher {self.name!r} has no pooler. Use pooling='mean' or 'auto'."
                )
            return vectors
        mask[:, :n_skipped] = 0
        vectors = pool_states(states, mask, self.head.poolings)
        for layer in self.head.token_layers:
            vectors = layer.apply(vectors)
        return vectors

    def encode(
        self,
        texts: Sequence[str],
        *,
        batch_size: int = 32,
        prompt: str | None = None,
        prompt_name: str | None = None,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.float32]:
        """Embed texts as the teacher itself does: its pooling, layers, prompts and length.

        Parameters
        ----------
        texts : sequence of str
            Texts to read.
        batch_size : int, default=32
            Most texts that are read at a time.
        prompt : str or None, default=None
            Text to put in front of each text. None means this object's `prompt`, and if that is
            None the teacher's default; "" means none.
        prompt_name : str or None, default=None
            Name of one of the teacher's prompts, instead of `prompt`.
        progress : callable or None, default=None
            Called with the number of finished texts after each batch.

        Returns
        -------
        vectors : ndarray of float32 of shape (n, d)
            A vector for each text.

        Raises
        ------
        TeacherError
            If the teacher gives NaN or infinity.
        """
        torch = import_extra("torch")
        prompt = self._prompt(prompt, prompt_name)
        texts = [prompt + text for text in texts]
        if self.lowercase:
            texts = [text.lower() for text in texts]
        skipped = 0 if self.head.include_prompt or not prompt else self._n_tokens(prompt)
        # Texts of similar length together, the longest first: little padding, and if memory does
        # not suffice it shows at once.
        order = np.argsort([-len(text) for text in texts], kind="stable")
        vectors: npt.NDArray[np.float32] | None = None
        with self._ready(), torch.inference_mode():
            for start in range(0, len(texts), batch_size):
                rows = order[start : start + batch_size]
                batch = self._encode_batch([texts[row] for row in rows], skipped)
                if vectors is None:
                    vectors = np.empty((len(texts), batch.shape[1]), dtype=np.float32)
                vectors[rows] = batch
                if progress is not None:
                    progress(len(rows))
        if vectors is None:
            return np.empty((0, self._width()), dtype=np.float32)
        return all_finite(vectors, self.name, lambda row: f"{texts[row]!r:.80}")

    def _encode_batch(self, texts: list[str], skipped: int) -> npt.NDArray[np.float32]:
        features = self.tokenizer(
            texts,
            padding=True,
            truncation=self.max_length is not None,
            max_length=self.max_length,
            return_tensors="pt",
        ).to(self.device)
        # Tokenizers also give what their own model does not take, and the other way round.
        accepted = inspect.signature(self.encoder.forward).parameters
        names = [name for name in _INPUTS if name in features and name in accepted]
        states = self.encoder(**{name: features[name] for name in names}).last_hidden_state
        mask = features["attention_mask"]
        if skipped:
            mask = mask * (mask.cumsum(dim=1) > skipped)
        vectors = pool_states(self._as_pooled(states), mask, self.head.poolings)
        for layer in self.head.layers:
            vectors = layer.apply(vectors)
        array: npt.NDArray[np.float32] = vectors.float().cpu().numpy()
        return array

    def _as_pooled(self, states: Any) -> Any:
        """States in the type that they are summed in, which is that of a model in memory."""
        return states if self.dtype == "float32" else states.float()

    def _prompt(self, prompt: str | None, prompt_name: str | None) -> str:
        if prompt_name is None:
            given = (prompt, self.prompt, self.default_prompt, "")
            return next(text for text in given if text is not None)
        if prompt_name not in self.prompts:
            raise ValueError(
                f"prompt_name must be one of the teacher's prompts, {sorted(self.prompts)};"
                f" got {prompt_name!r}."
            )
        return self.prompts[prompt_name]

    def _n_tokens(self, prompt: str) -> int:
        """Return the number of leading tokens that a prompt takes."""
        ids = self.tokenizer(prompt)["input_ids"]
        ends = ids and ids[-1] in (self.tokenizer.sep_token_id, self.tokenizer.eos_token_id)
        return len(ids) - bool(ends)

    def _width(self) -> int:
        return int(self.encode([""]).shape[1])

    @contextmanager
    def _ready(self) -> Iterator[None]:
        """Put the encoder into evaluation mode on its device, and back afterwards."""
        # Otherwise the states of every layer are given back to the system and, for the next layer,
        # asked for and zeroed again: a sixth of the time of a pass. Frees the block at once.
        torch = import_extra("torch")
        torch.empty(LARGEST_KEPT_BLOCK, dtype=torch.uint8, device="cpu")
        trained = self.encoder.training
        home = next(self.encoder.parameters()).device
        self.encoder.eval().to(self.device)
        self.head.to(self.device)
        try:
            with autocast(self.dtype, self.device):
                yield
        finally:
            self.encoder.train(trained)
            self.encoder.to(home)
