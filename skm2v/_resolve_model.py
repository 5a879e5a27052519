"""What `StaticEmbedder.model_name` may name: the bundled model, static models, teachers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from skm2v._fit_report import FitReport
from skm2v._model.files import read_file
from skm2v._model.hub import locate, looks_like_hub_id
from skm2v._static_model import StaticModel

__all__ = ["BUNDLED", "build_model", "teacher_options"]

BUNDLED = "default"
TEACHER_DIMS = 256
MAX_JSON_BYTES = 1 << 20
DESCRIPTIONS = ("modules.json", "config.json")  # small files that say what a model is

# Parameters that only a teacher can follow, and their defaults.
RECIPE: dict[str, Any] = {
    "align": "texts",
    "ngram_range": (1, 1),
    "extra_words": 0,
    "max_teacher_texts": None,
    "sif_coefficient": 1e-4,
    "pooling": "mean",
    "vocabulary": None,
    "token_remove_pattern": r"\[unused\d+\]",
    "quantize_to": "float16",
    "device": None,
}


def build_model(
    texts: list[str],
    model_name: str | os.PathLike[str] | StaticModel,
    *,
    objective: str,
    pca_dims: int | float | str | None,
    max_length: int | None,
    normalize: bool,
    revision: str | None,
    trust_remote_code: bool,
    memory: Any,
    **recipe: Any,
) -> tuple[StaticModel, FitReport]:
    """Load a static source or distil a teacher, as the parameters of `StaticEmbedder` say."""
    if revision is not None and (isinstance(model_name, StaticModel) or model_name == BUNDLED):
        raise ValueError(
            f"revision={revision!r} was given, but {model_name!r} does not come from the hub."
            " Leave revision out."
        )
    if isinstance(model_name, StaticModel):
        model = model_name
    elif model_name == BUNDLED:
        from skm2v.datasets import default_model_path

        model = StaticModel.from_pretrained(default_model_path())
    elif _is_static(name := os.path.expanduser(model_name), revision):
        model = StaticModel.from_pretrained(name, revision=revision)
    else:
        from skm2v._distillation import distill_with_report

        return distill_with_report(
            name,
            objective="tokens" if objective == "auto" else objective,
            corpus=texts if objective == "sentences" else None,
            pca_dims=TEACHER_DIMS if pca_dims == "default" else pca_dims,
            max_length=max_length,
            normalize=normalize,
            revision=revision,
            trust_remote_code=trust_remote_code,
            memory=memory,
            **recipe,
        )
    _refuse_recipe(model_name, objective, recipe)
    model = _sliced(model, model_name, pca_dims)
    model = model.with_settings(normalize=normalize, max_length=max_length)
    return model, FitReport.of_model(model)


def teacher_options(
    given: str | os.PathLike[str] | None,
    *,
    model_name: str | os.PathLike[str] | StaticModel,
    revision: str | None,
    device: str | None,
    trust_remote_code: bool,
    **_: Any,
) -> dict[str, Any]:
    """Return where the teacher of a fitted embedder is found again, as arguments of `extend`."""
    options: dict[str, Any] = {"device": device, "trust_remote_code": trust_remote_code}
    if given is not None:
        return {**options, "model_name": given}
    if isinstance(model_name, StaticModel) or model_name == BUNDLED:
        return options
    name = os.path.expanduser(model_name)
    try:
        static = _is_static(name, revision)
    except OSError:  # it has gone
        static = True
    return options if static else {**options, "model_name": name, "revision": revision}


def _is_static(name: str, revision: str | None) -> bool:
    """Whether a name leads to a static model; whatever else it is, is left to `distill`."""
    if os.path.exists(name) or not looks_like_hub_id(name):
        folder = locate(name, revision=revision).path  # raises if there is no such path
        if folder.is_file():
            return True
        has_table = (folder / "model.safetensors").is_file()
    else:
        try:
            folder = _download(name, revision)
        except Exception:  # no such model, no network, no hub client: distill says what to do
            return False
        has_table = True
    modules, config = (_read_json(folder / file) for file in DESCRIPTIONS)
    # The first module tells, else the type of model; without either, a table is all there is.
    if isinstance(modules, list) and modules and isinstance(modules[0], dict):
        return str(modules[0].get("type", "")).endswith("StaticEmbedding")
    if isinstance(config, dict):
        return config.get("model_type") == "model2vec"
    return has_table


def _download(name: str, revision: str | None) -> Path:
    """Folder in the hub's cache that has the descriptions of a model."""
    # One question for all files. Asked for single files without a network, the hub's client
    # tries for half a minute before it looks into the cache.
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, revision=revision, allow_patterns=list(DESCRIPTIONS)))


def _read_json(path: Path) -> Any:
    """Content of a small JSON file, None if there is none."""
    try:
        return json.loads(read_file(path, max_bytes=MAX_JSON_BYTES)[0])
    except (OSError, ValueError, RecursionError):
        return None


def _refuse_recipe(model_name: object, objective: str, recipe: dict[str, Any]) -> None:
    changed = [name for name, default in RECIPE.items() if recipe[name] != default]
    if objective != "auto":
        changed.insert(0, "objective")
    if changed:
        settings = ", ".join(
            f"{name}={objective if name == 'objective' else recipe[name]!r}" for name in changed
        )
        raise ValueError(
            f"{model_name!r} is static already, so these parameters have no effect: {settings}."
            " Leave them at their defaults, or set model_name to a sentence transformer."
        )


def _sliced(
    model: StaticModel, model_name: object, pca_dims: int | float | str | None
) -> StaticModel:
    """First `pca_dims` columns of a static model."""
    if pca_dims is None or isinstance(pca_dims, str):
        return model
    wanted = f"pca_dims={pca_dims!r}"
    if not isinstance(pca_dims, (int, np.integer)):
        raise ValueError(
            f"{wanted}: a share of the variance needs a teacher, but {model_name!r} is static"
            f" already. Set pca_dims to a number of columns, at most {model.dim}."
        )
    if pca_dims == model.dim:
        return model
    if pca_dims > model.dim:
        raise ValueError(
            f"{wanted}: the static model {model_name!r} has only {model.dim} columns. Set"
            f" pca_dims to at most {model.dim}, or leave it at its default."
        )
    if not model.config.pca_ordered:
        raise ValueError(
            f"{wanted}: the {model.dim} columns of the static model {model_name!r} are not ordered"
            " by variance, so the first ones are no summary of all. Leave pca_dims at its default."
        )
    return model.with_dimensions(int(pca_dims))
