"""A sentence transformer in memory: vectors of tokens and vectors of texts."""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v.distill.extras import import_extra
from skm2v.distill.layers import Head, find_pickles, head_of_folder, head_of_modules, no_weights
from skm2v.distill.layers import pool as pool_states
from skm2v.distill.source import TeacherFiles, find_teacher, read_json
from skm2v.distill.vocabulary import TokenPlan, plan_tokens
from skm2v.exceptions import TeacherError

__all__ = ["POOLINGS", "Teacher", "load_files", "load_teacher", "wrap_teacher"]

logger = logging.getLogger("skm2v")

POOLINGS = ("mean", "last", "first", "pooler", "auto")

# Tokenizers say 1e30 or so when they do not know.
_NO_LIMIT = 1_000_000
# Encoder classes of models whose AutoModel has a decoder that sentence transformers lack.
_ENCODERS = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")

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
        Hash of everything that its vectors depend on.
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
    """

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

    def plan_tokens(
        self, vocabulary: Sequence[str] = (), remove_pattern: str | None = None
    ) -> TokenPlan:
        """Derive the tokens of a static model; see :func:`skm2v.distill.vocabulary.plan_tokens`."""
        return plan_tokens(
            self.tokenizer.backend_tokenizer,
            words=vocabulary,
            remove_pattern=remove_pattern,
            unk_token=self.tokenizer.unk_token,
            pad_token=self.tokenizer.pad_token,
            max_length=self.max_length,
        )

    def embed_tokens(
        self,
        sequences: Sequence[Sequence[int]],
        *,
        pooling: str = "mean",
        batch_size: int = 128,
        progress: Progress | None = None,
    ) -> npt.NDArray[np.float32]:
        """Embed sequences of token ids.

        Parameters
        ----------
        sequences : sequence of sequence of int
            The teacher's own ids, with its special tokens where they belong.
        pooling : {"mean", "last", "first", "pooler", "auto"}, default="mean"
            "auto" is the teacher's own, followed by its Dense layers.
        batch_size : int, default=128
            Has no influence on the result, beyond rounding.
        progress : callable or None, default=None
            Called with the number of finished sequences after each batch.

        Returns
        -------
        vectors : ndarray of float32 of shape (n, d)
            Missing numbers (NaN) become 0.

        Raises
        ------
        TeacherError
            If the teacher has no pooler, or gives infinite numbers.
        """
        torch = import_extra("torch")
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {POOLINGS}; got {pooling!r}.")
        if pooling == "pooler" and any("pooler" in name for name in self.untrained):
            raise TeacherError(
                f"The teacher {self.name!r} has no weights for its pooler: with pooling='pooler'"
                " its vectors would be random. Use pooling='mean'."
            )
        lengths = np.array([len(sequence) for sequence in sequences])
        vectors: npt.NDArray[np.float32] | None = None
        with self._ready(), torch.inference_mode():
            for rows in _equal_lengths(lengths, batch_size):
                ids = torch.tensor([sequences[row] for row in rows], device=self.device)
                # One length in a batch: no padding, nothing to mask.
                batch = self._pool_tokens(ids, pooling).float().cpu().numpy()
                if vectors is None:
                    vectors = np.empty((len(sequences), batch.shape[1]), dtype=np.float32)
                vectors[rows] = batch
                if progress is not None:
                    progress(len(rows))
        if vectors is None:
            raise ValueError("There are no tokens to embed.")
        return _finite(vectors, self.name)

    def _pool_tokens(self, ids: Any, pooling: str) -> Any:
        mask = ids.new_ones(ids.shape)
        output = self.encoder(input_ids=ids, attention_mask=mask)
        states = output.last_hidden_state
        if pooling == "mean":
            return states.mean(dim=1)
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
        batch_size : int, default=32
        prompt : str or None, default=None
            Text to put in front of each text. None means the teacher's default, "" none.
        prompt_name : str or None, default=None
            Name of one of the teacher's prompts, instead of `prompt`.
        progress : callable or None, default=None
            Called with the number of finished texts after each batch.

        Returns
        -------
        vectors : ndarray of float32 of shape (n, d)
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
        return _finite(vectors, self.name)

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
        vectors = pool_states(states, mask, self.head.poolings)
        for layer in self.head.layers:
            vectors = layer.apply(vectors)
        array: npt.NDArray[np.float32] = vectors.float().cpu().numpy()
        return array

    def _prompt(self, prompt: str | None, prompt_name: str | None) -> str:
        if prompt_name is None:
            return (self.default_prompt or "") if prompt is None else prompt
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
        trained = self.encoder.training
        home = next(self.encoder.parameters()).device
        self.encoder.eval().to(self.device)
        self.head.to(self.device)
        try:
            yield
        finally:
            self.encoder.train(trained)
            self.encoder.to(home)


def load_teacher(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    subfolder: str | None = None,
    device: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle_weights: bool = False,
) -> Teacher:
    """Load a teacher: a sentence transformer or a plain transformer.

    Parameters
    ----------
    name : str or path
        Local folder, or hub id. Only for a hub id a network is used.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    subfolder : str or None, default=None
        Folder of the teacher inside the model.
    device : str or None, default=None
        Torch device. None or "auto" means a CUDA or Apple device if there is one.
    trust_remote_code : bool, default=False
        Run Python code that comes with the teacher.
    allow_pickle_weights : bool, default=False
        Load weights from pickles where there are no safetensors.

    Returns
    -------
    teacher : Teacher

    Raises
    ------
    TeacherError
        If it cannot be found or loaded.
    MissingExtraError
        If torch or transformers is not installed.
    """
    files = find_teacher(
        name,
        revision=revision,
        subfolder=subfolder,
        trust_remote_code=trust_remote_code,
        allow_pickle_weights=allow_pickle_weights,
    )
    return load_files(files, device)


def load_files(files: TeacherFiles, device: str | None = None) -> Teacher:
    """Load a teacher that has been found; see :func:`load_teacher`."""
    inner, head = head_of_folder(files.folder, allow_pickle_weights=files.allow_pickle_weights)
    folder = files.folder / inner
    encoder, untrained = _load_encoder(files, folder)
    tokenizer = _load_tokenizer(files, folder)
    settings = read_json(folder / "sentence_bert_config.json") or {}
    sentence_config = read_json(files.folder / "config_sentence_transformers.json") or {}
    prompts = dict(sentence_config.get("prompts") or {})
    return Teacher(
        name=files.name,
        revision=files.revision,
        licence=files.licence,
        language=files.language,
        fingerprint=files.fingerprint,
        max_length=_max_length(settings.get("max_seq_length"), tokenizer, encoder.config),
        encoder=encoder,
        tokenizer=tokenizer,
        head=head or Head(),
        prompts=prompts,
        default_prompt=prompts.get(sentence_config.get("default_prompt_name")),
        lowercase=bool(settings.get("do_lower_case", False)),
        device=pick_device(device),
        untrained=untrained,
    )


def wrap_teacher(model: Any, tokenizer: Any = None, *, device: str | None = None) -> Teacher:
    """Make a teacher of a model in memory.

    Parameters
    ----------
    model : transformers.PreTrainedModel or sentence_transformers.SentenceTransformer
        It is left as it is: weights, mode, device.
    tokenizer : transformers tokenizer or None, default=None
        Only a `SentenceTransformer` brings its own.
    device : str or None, default=None
        Torch device. None means the model's.

    Returns
    -------
    teacher : Teacher
    """
    head = Head()
    prompts: dict[str, str] = {}
    default_prompt = None
    max_length = None
    encoder = model
    if type(model).__name__ == "SentenceTransformer":
        first, *others = model
        encoder = getattr(first, "auto_model", None) or getattr(first, "model", None)
        head = head_of_modules(others)
        tokenizer = model.tokenizer if tokenizer is None else tokenizer
        prompts = dict(model.prompts)
        default_prompt = prompts.get(model.default_prompt_name)
        max_length = model.max_seq_length
    if not hasattr(encoder, "config") or not hasattr(encoder, "parameters"):
        raise TeacherError(
            "model must be a transformers model or a SentenceTransformer; got"
            f" {type(model).__name__}."
        )
    tokenizer = _checked_tokenizer(tokenizer)
    name = str(getattr(encoder.config, "_name_or_path", "") or type(encoder).__name__)
    if os.path.exists(name):
        name = os.path.basename(os.path.abspath(name))
    here = str(next(encoder.parameters()).device)
    return Teacher(
        name=name,
        revision=getattr(encoder.config, "_commit_hash", None),
        licence=None,
        language=(),
        fingerprint=_hash_in_memory(encoder, tokenizer, head),
        max_length=_max_length(max_length, tokenizer, encoder.config),
        encoder=encoder,
        tokenizer=tokenizer,
        head=head,
        prompts=prompts,
        default_prompt=default_prompt,
        device=here if device is None else pick_device(device),
    )


def pick_device(device: str | None) -> str:
    """Return the torch device to use; None or "auto" means the fastest that is there."""
    torch = import_extra("torch")
    if device not in (None, "auto"):
        try:
            return str(torch.device(device))
        except (RuntimeError, TypeError) as error:
            raise ValueError(f"device must name a torch device; got {device!r}.") from error
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _load_encoder(files: TeacherFiles, folder: Any) -> tuple[Any, tuple[str, ...]]:
    """Load the transformer; return it and the names of the weights that its file lacks."""
    import_extra("torch")
    transformers = import_extra("transformers")
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise TeacherError(f"There is no model in {str(folder)!r}: it has no config.json.")
    if config.get("model_type") == "model2vec":
        raise TeacherError(
            f"{files.name!r} is a static model already: use StaticModel.from_pretrained."
        )
    if not any(folder.glob("*.safetensors")):
        pickles = find_pickles(folder)
        if not (pickles and files.allow_pickle_weights):
            raise TeacherError(no_weights(folder, pickles))
    if config.get("auto_map") and not files.trust_remote_code:
        logger.info("The teacher's own Python code is not run (trust_remote_code=False).")
    loader = getattr(transformers, _ENCODERS.get(str(config.get("model_type")), "AutoModel"))
    try:
        with _quiet(transformers):
            encoder, report = loader.from_pretrained(
                str(folder),
                trust_remote_code=files.trust_remote_code,
                local_files_only=True,
                use_safetensors=None if files.allow_pickle_weights else True,
                output_loading_info=True,
            )
    except MemoryError:
        raise
    except Exception as error:
        raise TeacherError(
            f"The teacher in {str(folder)!r} does not load: {type(error).__name__}:"
            f" {str(error).strip()[:500]}"
        ) from error
    if encoder.config.is_encoder_decoder:
        encoder = encoder.get_encoder()
    missing = tuple(sorted(report["missing_keys"]))
    serious = [name for name in missing if "pooler" not in name]
    if serious:
        raise TeacherError(
            f"The weights in {str(folder)!r} lack {len(serious)} of the model's tensors, such as"
            f" {serious[0]!r}: they would be random. The file and config.json do not fit together."
        )
    return encoder.float(), missing


def _load_tokenizer(files: TeacherFiles, folder: Any) -> Any:
    transformers = import_extra("transformers")
    try:
        with _quiet(transformers):
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                str(folder), trust_remote_code=files.trust_remote_code, local_files_only=True
            )
    except MemoryError:
        raise
    except Exception as error:
        raise TeacherError(
            f"The teacher's tokenizer in {str(folder)!r} does not load: {type(error).__name__}:"
            f" {str(error).strip()[:500]}"
        ) from error
    return _checked_tokenizer(tokenizer)


def _checked_tokenizer(tokenizer: Any) -> Any:
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise TeacherError(
            "The teacher's tokenizer must be a fast one (with a tokenizer.json); got"
            f" {type(tokenizer).__name__}."
        )
    return tokenizer


def _max_length(stated: int | None, tokenizer: Any, config: Any) -> int | None:
    """Return how many tokens a teacher reads: what sentence-transformers states wins."""
    if stated is not None:
        return int(stated)
    limits = [int(tokenizer.model_max_length)]
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        # RoBERTa's positions start after the padding id.
        offset = (config.pad_token_id or 0) + 1 if "roberta" in config.model_type else 0
        limits.append(positions - offset)
    limit = min(limits)
    return limit if limit < _NO_LIMIT else None


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep transformers from drawing bars and reporting what is checked here anyway."""
    logs = transformers.utils.logging
    level, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    try:
        yield
    finally:
        logs.set_verbosity(level)
        if bars:
            logs.enable_progress_bar()


def _equal_lengths(
    lengths: npt.NDArray[np.int64], batch_size: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield batches of positions whose sequences have the same length."""
    order = np.argsort(lengths, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
        for start in range(0, len(group), batch_size):
            yield group[start : start + batch_size]


def _finite(vectors: npt.NDArray[np.float32], name: str) -> npt.NDArray[np.float32]:
    missing = np.isnan(vectors)
    if missing.any():
        logger.warning(
            "%d of the teacher's %d vectors had missing numbers, which became 0.",
            missing.any(axis=1).sum(),
            len(vectors),
        )
        vectors[missing] = 0
    if np.isinf(vectors).any():
        raise TeacherError(f"The teacher {name!r} gives infinite numbers; its weights are damaged.")
    return vectors


def _hash_in_memory(encoder: Any, tokenizer: Any, head: Head) -> str:
    digest = hashlib.sha256()
    parts = [("encoder", encoder.state_dict())]
    for i, layer in enumerate(head.layers):
        module = getattr(layer.to, "__self__", None)
        parts.append((f"{i} {layer.name}", {} if module is None else module.state_dict()))
    for part, state in parts:
        for name, tensor in sorted(state.items()):
            array = tensor.detach().float().cpu().contiguous().numpy()
            digest.update(f"{part} {name} {array.shape}\n".encode())
            digest.update(array)
    digest.update(repr((head.poolings, [layer.name for layer in head.layers])).encode())
    digest.update(encoder.config.to_json_string().encode())
    digest.update(tokenizer.backend_tokenizer.to_str().encode())
    return digest.hexdigest()
