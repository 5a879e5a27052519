"""What `StaticEmbedder.model_name` may name: the bundled model, static models, teachers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from skm2v.model import StaticModel

__all__ = ["BUNDLED", "build_model"]

BUNDLED = "default"
TEACHER_DIMS = 256

# Parameters that only a teacher can follow, and their defaults.
RECIPE: dict[str, Any] = {
    "sif_coefficient": 1e-4,
    "pooling": "mean",
    "vocabulary": None,
    "token_remove_pattern": r"\[unused\d+\]",
    "quantize_to": "float16",
    "device": None,
}


def build_model(
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
) -> StaticModel:
    """Load a static source or distil a teacher, as the parameters of `StaticEmbedder` say."""
    static = isinstance(model_name, StaticModel) or _is_static(model_name, revision)
    if not static:
        from skm2v.distill import distill

        return distill(
            model_name,
            pca_dims=TEACHER_DIMS if pca_dims == "default" else pca_dims,
            max_length=max_length,
            normalize=normalize,
            revision=revision,
            trust_remote_code=trust_remote_code,
            memory=memory,
            **recipe,
        )
    _refuse_recipe(model_name, objective, recipe)
    model = _load(model_name, revision)
    return _with_settings(_sliced(model, model_name, pca_dims), max_length, normalize)


def _load(model_name: str | os.PathLike[str] | StaticModel, revision: str | None) -> StaticModel:
    if isinstance(model_name, StaticModel):
        return model_name
    if model_name == BUNDLED:
        from skm2v.datasets import default_model_path

        return StaticModel.from_pretrained(default_model_path())
    return StaticModel.from_pretrained(model_name, revision=revision)


def _is_static(model_name: str | os.PathLike[str], revision: str | None) -> bool:
    """Whether a name leads to a static model; everything else is left to `distill`."""
    if model_name == BUNDLED:
        return True
    if Path(model_name).is_dir():
        return _looks_static(
            _read_json(Path(model_name) / "modules.json"),
            _read_json(Path(model_name) / "config.json"),
            (Path(model_name) / "model.safetensors").is_file(),
        )
    return False


def _looks_static(modules: Any, config: Any, has_tensors: bool) -> bool:
    """Tell by the first module, else by the type of model, else by what is left to be."""
    if isinstance(modules, list) and modules and isinstance(modules[0], dict):
        return str(modules[0].get("type", "")).endswith("StaticEmbedding")
    if isinstance(config, dict):
        return config.get("model_type") == "model2vec"
    return has_tensors


def _read_json(path: Path) -> Any:
    """Content of a small JSON file; None if there is no such file or it is not JSON."""
    try:
        with path.open(encoding="utf-8") as file:
            return json.loads(file.read(1 << 20))
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
    if pca_dims is None or isinstance(pca_dims, str) or pca_dims == model.dim:
        return model
    wanted = f"pca_dims={pca_dims!r}"
    if pca_dims < 1:
        raise ValueError(
            f"{wanted}: a share of the variance needs a teacher, but {model_name!r} is static"
            f" already. Set pca_dims to a number of columns, at most {model.dim}."
        )
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


def _with_settings(model: StaticModel, max_length: int | None, normalize: bool) -> StaticModel:
    if (model.max_length, model.normalize) == (max_length, normalize):
        return model
    return StaticModel(
        model.embedding,
        model.text_tokenizer,
        weights=model.weights,
        mapping=model.mapping,
        pairs=model.pairs,
        normalize=normalize,
        max_length=max_length,
        config=model.config,
        projection=model.projection,
    )
