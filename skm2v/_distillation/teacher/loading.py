"""Load a teacher from its files, or take over a model that is in memory."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from skm2v._distillation.teacher.device import (
    TeacherDType,
    check_can_compute,
    check_teacher_dtype,
    pick_device,
)
from skm2v._distillation.teacher.extras import import_extra
from skm2v._distillation.teacher.files import (
    TeacherFiles,
    check_prompt,
    find_teacher,
    read_json,
    with_prompt,
)
from skm2v._distillation.teacher.layers import (
    Head,
    find_pickles,
    head_of_folder,
    head_of_modules,
    no_weights,
)
from skm2v._distillation.teacher.teacher import Teacher
from skm2v._model.files import read_start
from skm2v._model.foreign import N_BYTES, describe_foreign
from skm2v.exceptions import TeacherError

__all__ = ["load_files", "load_teacher", "open_teacher", "wrap_teacher"]

logger = logging.getLogger("skm2v")

# Tokenizers say 1e30 or so when they do not know.
_NO_LIMIT = 1_000_000
# Encoder classes of models whose AutoModel has a decoder that sentence transformers lack.
_ENCODERS = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}


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
        The teacher, on its device.

    Raises
    ------
    TeacherError
        If it cannot be found or loaded.
    MissingExtraError
        If torch or transformers is not installed.

    Examples
    --------
    >>> from skm2v import load_teacher
    >>> teacher = load_teacher("sentence-transformers/all-MiniLM-L6-v2")
    >>> teacher.encode(["a cat", "a dog"]).shape
    (2, 256)
    """
    files = find_teacher(
        name,
        revision=revision,
        subfolder=subfolder,
        trust_remote_code=trust_remote_code,
        allow_pickle_weights=allow_pickle_weights,
    )
    return load_files(files, device)


def open_teacher(
    model: str | os.PathLike[str] | Any,
    tokenizer: Any = None,
    *,
    device: str | None = None,
    prompt: str | None = None,
    teacher_dtype: TeacherDType = "float32",
    **where: Any,
) -> tuple[TeacherFiles | Teacher, Callable[[], Teacher]]:
    """Find a teacher by its name without loading it, or take one that is in memory.

    Parameters
    ----------
    model : str, path, transformers.PreTrainedModel or SentenceTransformer
    tokenizer : transformers tokenizer or None, default=None
        Only for a transformers model in memory.
    device : str or None, default=None
        Torch device.
    prompt : str or None, default=None
        Text that it is to read before every token and every text.
    teacher_dtype : {"float32", "bfloat16"}, default="float32"
        What it is to compute in.
    **where
        For a name: `revision`, `subfolder`, `trust_remote_code` and `allow_pickle_weights` of
        :func:`load_teacher`.

    Returns
    -------
    teacher : TeacherFiles or Teacher
    load : callable
        Loads it.
    """
    if isinstance(model, (str, os.PathLike)):
        files = find_teacher(model, prompt=prompt, dtype=teacher_dtype, **where)
        return files, partial(load_files, files, device)
    teacher = wrap_teacher(model, tokenizer, device=device, prompt=prompt, dtype=teacher_dtype)
    return teacher, lambda: teacher


def load_files(files: TeacherFiles, device: str | None = None) -> Teacher:
    """Load a teacher that has been found; see :func:`load_teacher`."""
    device = pick_device(device)  # before anything is loaded for a device that is not there
    check_can_compute(files.dtype, device)
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
        device=device,
        untrained=untrained,
        prompt=files.prompt,
        dtype=files.dtype,
    )


def wrap_teacher(
    model: Any,
    tokenizer: Any = None,
    *,
    device: str | None = None,
    prompt: str | None = None,
    dtype: TeacherDType = "float32",
) -> Teacher:
    """Make a teacher of a model in memory.

    Parameters
    ----------
    model : transformers.PreTrainedModel or sentence_transformers.SentenceTransformer
        It is left as it is: weights, mode, device.
    tokenizer : transformers tokenizer or None, default=None
        Only a `SentenceTransformer` brings its own.
    device : str or None, default=None
        Torch device. None means the model's.
    prompt : str or None, default=None
        Text that it is to read before every token and every text.
    dtype : {"float32", "bfloat16"}, default="float32"
        What it is to compute in; its weights stay as they are.

    Returns
    -------
    teacher : Teacher
    """
    check_prompt(prompt)
    check_teacher_dtype(dtype)
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
    device = here if device is None else pick_device(device)
    check_can_compute(dtype, device)
    return Teacher(
        name=name,
        revision=getattr(encoder.config, "_commit_hash", None),
        licence=None,
        language=(),
        fingerprint=with_prompt(_hash_in_memory(encoder, tokenizer, head), prompt),
        max_length=_max_length(max_length, tokenizer, encoder.config),
        encoder=encoder,
        tokenizer=tokenizer,
        head=head,
        prompts=prompts,
        default_prompt=default_prompt,
        device=device,
        prompt=prompt,
        dtype=dtype,
    )


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
    weights = sorted(folder.glob("*.safetensors"))
    for path in weights:
        start = read_start(path, N_BYTES)
        kind = None if start[8:9] == b"{" else describe_foreign(start)
        if kind is not None:
            raise TeacherError(f"The teacher's weights {str(path)!r} are none: it is {kind}.")
    if not weights:
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
