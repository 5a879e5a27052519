"""The layouts of Model2Vec and sentence-transformers.

Model2Vec keeps ``embeddings``, and perhaps ``weights`` and ``mapping``, in ``model.safetensors``
beside ``tokenizer.json`` and ``config.json``. sentence-transformers names the folder of each
module in ``modules.json``; that of StaticEmbedding holds ``embedding.weight`` and the tokenizer,
those of Dense a matrix that is multiplied into the table.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._model import files
from skm2v._model.config import ModelConfig
from skm2v._model.dense import fold_dense
from skm2v._model.folder import Folder, Place
from skm2v._model.foreign import describe_foreign
from skm2v._model.front_matter import read_card
from skm2v._model.parts import ModelParts
from skm2v._model.tensor_file import parse_tensors
from skm2v._pooling import TokenizerDocument
from skm2v._strict_json import parse_json
from skm2v.exceptions import ModelFormatError

__all__ = ["MAX_JSON_BYTES", "read_peer"]

MAX_JSON_BYTES = 64 << 20
MAX_TENSOR_BYTES = 8 << 30
MAX_INT32 = 2**31 - 1
# What Model2Vec 0.10 takes where the configuration says nothing.
MODEL2VEC_NORMALIZE = False
MODEL2VEC_MAX_LENGTH = 512
MODEL2VEC_FIELDS = {"model_type", "normalize", "tokenizer_name", "apply_pca", "hidden_dim"}
UNKNOWN_TOKENS = {"<unk>", "[UNK]", "<UNK>", "<|unk|>"}

Tensors = dict[str, npt.NDArray[Any]]
AnyFolder = Folder | Path
AnyFile = Place | Path


def read_peer(folder: AnyFolder, file: AnyFile | None, tensors: Tensors) -> ModelParts:
    """Read a model that another library saved.

    Parameters
    ----------
    folder : Folder or Path
    file : Place, Path or None
        The ``model.safetensors`` in `folder`, if there is one.
    tensors : dict of str to ndarray
        Its tensors.

    Raises
    ------
    ModelFormatError
        If the model is damaged or has parts that are not supported.
    OSError
        If a file cannot be read.
    """
    if file is not None and "embeddings" in tensors:
        return _read_model2vec(folder, file, tensors)
    if file is not None and "embedding.weight" not in tensors:
        raise ModelFormatError(
            f"{file} holds no static model: it has no tensor 'embeddings' or 'embedding.weight',"
            f" but {sorted(tensors)[:5]}. To distil a transformer use skm2v.distill."
        )
    return _read_sentence_transformers(folder)


def _read_model2vec(folder: AnyFolder, file: AnyFile, tensors: Tensors) -> ModelParts:
    _check_names(file, tensors, {"embeddings", "weights", "mapping"})
    path = folder / "config.json"
    config = _read_json(path)
    if (
        not isinstance(config, dict)
        or not MODEL2VEC_FIELDS & set(config)
        or config.get("model_type", "model2vec") != "model2vec"
    ):
        raise ModelFormatError(
            f"{path} is not the configuration of a Model2Vec model: it must be an object with"
            " model_type 'model2vec'."
        )
    pca_dims = config.get("apply_pca")
    if isinstance(pca_dims, bool):  # early versions
        pca_dims = "auto" if pca_dims else None
    tokenizer = TokenizerDocument(_read_text(folder / "tokenizer.json"))
    card = read_card(folder)
    try:
        return ModelParts(
            tokenizer if "max_length" in config else _with_its_unknown_token(tokenizer),
            _table(tensors, "embeddings"),
            config.get("normalize", MODEL2VEC_NORMALIZE),
            config.get("max_length", MODEL2VEC_MAX_LENGTH),
            ModelConfig(
                teacher=config.get("tokenizer_name", card.base_model),
                licence=card.licence,
                language=card.language,
                objective="tokens" if "apply_pca" in config else None,
                pooling=config.get("pooling"),
                sif_coefficient=config.get("sif_coefficient"),
                pca_dims=pca_dims,
                pca_ordered=pca_dims is not None or card.ordered,
            ),
        )
    except ModelFormatError as error:
        raise ModelFormatError(f"{path}: {error}") from error


def _with_its_unknown_token(document: TokenizerDocument) -> TokenizerDocument:
    """Return a tokenizer whose Unigram model names its own unknown token.

    Model2Vec leaves tokens out and, from 0.8 on, keeps `unk_id`, which so comes to be the number
    of a word. 0.10, which writes `max_length` too, leaves this word out of every text. Before, all
    tokens were averaged.
    """
    spec = document.spec
    model = spec.get("model") if isinstance(spec, dict) else None
    if not isinstance(model, dict) or model.get("type") != "Unigram":
        return document
    try:
        special = {token["content"] for token in spec["added_tokens"] if token["special"]}
        names, pieces = UNKNOWN_TOKENS & special, model["vocab"]
        unknown = [i for i, piece in enumerate(pieces) if piece[0] in names]
        if pieces[model["unk_id"]][0] in special or len(unknown) != 1:
            return document
    except (TypeError, KeyError, IndexError):  # for the checks of tokenizers
        return document
    spec = {**spec, "model": {**model, "unk_id": unknown[0]}}
    return TokenizerDocument(json.dumps(spec, ensure_ascii=False))


def _read_sentence_transformers(folder: AnyFolder) -> ModelParts:
    path = folder / "modules.json"
    try:
        modules = _read_json(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{folder} holds no static model: there is neither a model.safetensors with a table"
            " of tokens nor a modules.json. If it is a module of a sentence-transformers model,"
            " load the folder above it."
        ) from error
    kinds = _module_kinds(modules, path)
    places = [_inside(module["path"], path) for module in modules]
    _check_prompts(folder / "config_sentence_transformers.json")
    file = folder / places[0] / "model.safetensors"
    tensors = _read_tensors(file)
    _check_names(file, tensors, {"embedding.weight"})
    path_of_tokenizer = folder / places[0] / "tokenizer.json"
    tokenizer = TokenizerDocument(_read_text(path_of_tokenizer))
    table = _table(tensors, "embedding.weight")
    for kind, place in zip(kinds, places, strict=True):
        if kind == "Dense":
            layer = folder / place
            table["embeddings"] = fold_dense(
                table["embeddings"],
                _read_json(layer / "config.json"),
                _read_tensors(layer / "model.safetensors"),
                what=str(layer),
            )
    card = read_card(folder)
    return ModelParts(
        tokenizer,
        table,
        "Normalize" in kinds,
        _truncation(tokenizer, path_of_tokenizer),
        ModelConfig(
            teacher=card.base_model,
            licence=card.licence,
            language=card.language,
            # A matrix on top mixes the columns.
            pca_ordered=card.ordered and "Dense" not in kinds,
        ),
    )


def _module_kinds(modules: Any, path: AnyFile) -> list[str]:
    if (
        not isinstance(modules, list)
        or not modules
        or not all(
            isinstance(module, dict)
            and isinstance(module.get("type"), str)
            and isinstance(module.get("path"), str)
            for module in modules
        )
    ):
        raise ModelFormatError(f"{path} must be a list of modules with type and path.")
    kinds = [module["type"].rpartition(".")[2] for module in modules]
    if kinds[0] != "StaticEmbedding":
        raise ModelFormatError(
            f"{path} names the modules {kinds[:5]}; a static model begins with StaticEmbedding."
            " To distil a sentence transformer use skm2v.distill."
        )
    inner = kinds[1:]
    while inner[-1:] == ["Normalize"]:
        inner.pop()
    others = [kind for kind in inner if kind != "Dense"]
    if others:
        raise ModelFormatError(
            f"{path} names the modules {kinds[:5]}. After StaticEmbedding there can be Dense and,"
            f" as the last one, Normalize: {others[0]} in that place cannot become part of a table"
            " of token vectors. Use the model with sentence-transformers."
        )
    return kinds


def _inside(path: str, file: AnyFile) -> PurePosixPath:
    """Return the folder of a module, if it is one inside the model's."""
    inner = PurePosixPath(path)
    if inner.is_absolute() or ".." in inner.parts or "\\" in path or "\0" in path:
        raise ModelFormatError(f"The path {path!r:.60} in {file} leaves the folder.")
    return inner


def _check_prompts(path: AnyFile) -> None:
    try:
        config = _read_json(path)
    except FileNotFoundError:
        return
    prompts = config.get("prompts") if isinstance(config, dict) else None
    if not isinstance(config, dict) or not isinstance(prompts, (dict, type(None))):
        raise ModelFormatError(f"{path} must be an object, with prompts that are an object.")
    default = config.get("default_prompt_name")
    if isinstance(default, str) and (prompts or {}).get(default):
        raise ModelFormatError(
            f"{path} says that a prompt, {default!r:.60}, is put before every text, which is not"
            " supported. Set default_prompt_name to null and put it before your texts."
        )


def _truncation(document: TokenizerDocument, path: AnyFile) -> int | None:
    """Return the maximum length that a tokenizer's truncation section states."""
    spec = document.spec
    truncation = spec.get("truncation") if isinstance(spec, dict) else None
    if truncation is None:
        return None
    if not isinstance(truncation, dict) or "max_length" not in truncation:
        raise ModelFormatError(f"The truncation section of {path} is malformed.")
    if truncation.get("direction", "Right") != "Right":
        raise ModelFormatError(f"The tokenizer {path} keeps the end of a text, not its start.")
    length: int | None = truncation["max_length"]
    return length


def _table(tensors: Tensors, name: str) -> Tensors:
    table = {"embeddings": tensors[name]}
    if "weights" in tensors:
        weights = tensors["weights"]
        if weights.dtype.kind != "f":
            raise ModelFormatError(f"The weights must be floats; got {weights.dtype}.")
        with np.errstate(over="ignore"):  # infinity is refused later
            table["weights"] = weights.astype(np.float32)
    if "mapping" in tensors:
        mapping = tensors["mapping"]
        if mapping.dtype.name not in ("int32", "int64"):
            raise ModelFormatError(f"The mapping must be int32 or int64; got {mapping.dtype}.")
        if mapping.size and not 0 <= int(mapping.min()) <= int(mapping.max()) <= MAX_INT32:
            raise ModelFormatError("The mapping must hold row numbers of the table.")
        table["mapping"] = mapping.astype(np.int32)
    return table


def _check_names(file: AnyFile, tensors: Tensors, known: set[str]) -> None:
    unknown = set(tensors) - known
    if unknown:
        raise ModelFormatError(
            f"{file} has unknown tensors: {sorted(unknown)[:5]}. Known: {sorted(known)}."
        )


def _read_tensors(path: AnyFile) -> Tensors:
    try:
        data, _ = files.read_file(path, max_bytes=MAX_TENSOR_BYTES)
    except FileNotFoundError as error:
        pickle = Path(path).with_name("pytorch_model.bin")
        if not pickle.exists():
            raise
        raise ModelFormatError(
            f"The weights in {pickle.parent} are a pickle ({pickle.name}), which can run any code"
            " when it is loaded. Load it with sentence-transformers, if you trust where it comes"
            " from, and save it again: that writes model.safetensors."
        ) from error
    return parse_tensors(data, what=str(path))[0]


def _read_json(path: AnyFile) -> Any:
    return parse_json(_read_text(path), what=str(path))


def _read_text(path: AnyFile) -> str:
    data, _ = files.read_file(path, max_bytes=MAX_JSON_BYTES)
    kind = describe_foreign(data)
    if kind is not None:
        raise ModelFormatError(f"{path} is no JSON: it is {kind}.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ModelFormatError(f"{path} is not UTF-8: {error}") from error
