"""What `StaticEmbedder.model_name` may name: the bundled model, static models, teachers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from skm2v._distillation import (
    SENTENCE_PARAMETERS,
    TOKEN_PARAMETERS,
    check_parameters,
    distil,
)
from skm2v._distillation.fitting.parameters import changed
from skm2v._distillation.fitting.stretching import stretch_core
from skm2v._fit_report import FitReport
from skm2v._model.files import read_file
from skm2v._model.hub import BUNDLED, locate, looks_like_hub_id
from skm2v._static_model import StaticModel
from skm2v.datasets import default_model_path
from skm2v.exceptions import MissingExtraError

__all__ = ["build_model", "teacher_options"]

TEACHER_DIMS = 256
MAX_JSON_BYTES = 1 << 20
DESCRIPTIONS = ("modules.json", "config.json")  # small files that say what a model is

# What a static source can follow, too.
FOR_ALL = {"pca_dims", "max_length", "normalize", "vocabulary_quantization", "stretch"}
# Parameters that only a teacher can follow, and their defaults.
FOR_TEACHERS: dict[str, Any] = {
    "objective": "auto",
    **{
        name: default
        for name, default in {**SENTENCE_PARAMETERS, **TOKEN_PARAMETERS}.items()
        if name not in FOR_ALL
    },
    "prompt": None,
    "device": None,
    "teacher_dtype": "float32",
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
    allow_pickle_weights: bool,
    memory: Any,
    device: str | None,
    teacher_dtype: str,
    prompt: str | None,
    stretch: Any,
    **recipe: Any,
) -> tuple[StaticModel, FitReport]:
    """Load a static source or distil a teacher, as the parameters of `StaticEmbedder` say."""
    if revision is not None and (isinstance(model_name, StaticModel) or model_name == BUNDLED):
        raise ValueError(
            f"revision={revision!r} was given, but {model_name!r} does not come from the hub."
            " Leave revision out."
        )
    recipe.update(
        pca_dims=TEACHER_DIMS if pca_dims == "default" else pca_dims,
        max_length=max_length,
        normalize=normalize,
        stretch=stretch,
    )
    check_parameters(recipe)  # before a source is looked for
    if isinstance(model_name, StaticModel):
        model = model_name
    elif model_name == BUNDLED:
        model = StaticModel.from_pretrained(default_model_path())
    elif is_static(model_name, revision):
        model = StaticModel.from_pretrained(model_name, revision=revision)
    else:
        core, report = distil(
            model_name,
            objective="tokens" if objective == "auto" else objective,
            corpus=texts if objective == "sentences" else None,
            device=device,
            teacher_dtype=teacher_dtype,
            prompt=prompt,
            revision=revision,
            trust_remote_code=trust_remote_code,
            allow_pickle_weights=allow_pickle_weights,
            memory=memory,
            **recipe,
        )
        return StaticModel._of_core(core), report
    of_teacher = {"device": device, "teacher_dtype": teacher_dtype, "prompt": prompt}
    given = {"objective": objective, **of_teacher, **recipe}
    _refuse_recipe(model_name, given)
    model = _sliced(model, model_name, pca_dims)
    model = model.with_settings(normalize=normalize, max_length=max_length)
    if not stretch:
        return model, FitReport.of_model(model._core)
    core, done = stretch_core(model._core, stretch)
    return StaticModel._of_core(core), FitReport.of_model(core, stretch=done)


def teacher_options(
    given: str | os.PathLike[str] | None,
    *,
    model_name: str | os.PathLike[str] | StaticModel,
    revision: str | None,
    device: str | None,
    trust_remote_code: bool,
    allow_pickle_weights: bool,
    **_: Any,
) -> dict[str, Any]:
    """Return where the teacher of a fitted embedder is found again, as arguments of `extend`."""
    options: dict[str, Any] = {
        "device": device,
        "trust_remote_code": trust_remote_code,
        "allow_pickle_weights": allow_pickle_weights,
    }
    if given is not None:
        return {**options, "model_name": given}
    if isinstance(model_name, StaticModel):
        return options
    try:
        static = is_static(model_name, revision)
    except OSError:  # it has gone
        static = True
    return options if static else {**options, "model_name": model_name, "revision": revision}


def is_static(name: str | os.PathLike[str], revision: str | None = None) -> bool:
    """Whether a name leads to a static model; whatever else it is, is left to `distill`.

    Raises
    ------
    FileNotFoundError
        If the name looks like a path and there is no such file or folder.
    """
    if name == BUNDLED:
        return True
    on_hub = not os.path.exists(os.path.expanduser(name)) and looks_like_hub_id(name)
    try:
        folder = locate(name, revision=revision, patterns=DESCRIPTIONS, needed="*.json").path
    except (OSError, MissingExtraError):
        if on_hub:  # no such model, no network, no hub client: distill says what to do
            return False
        raise
    if folder.is_file():
        return True
    has_table = on_hub or (folder / "model.safetensors").is_file()
    modules, config = (_read_json(folder / file) for file in DESCRIPTIONS)
    # The first module tells, else the type of model; without either, a table is all there is.
    if isinstance(modules, list) and modules and isinstance(modules[0], dict):
        return str(modules[0].get("type", "")).endswith("StaticEmbedding")
    if isinstance(config, dict):
        return config.get("model_type") == "model2vec"
    return has_table


def _read_json(path: Path) -> Any:
    """Content of a small JSON file, None if there is none."""
    try:
        return json.loads(read_file(path, max_bytes=MAX_JSON_BYTES)[0])
    except (OSError, ValueError, RecursionError):
        return None


def _refuse_recipe(model_name: object, given: dict[str, Any]) -> None:
    without_effect = changed(given, FOR_TEACHERS)
    if without_effect:
        settings = ", ".join(f"{name}={value!r}" for name, value in without_effect.items())
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
            f"{wanted}: the {model.dim} columns of the static model {model_name!r} are not known to"
            " be ordered, so the first ones may be no summary of all. Leave pca_dims at its"
            " default; or, if the model was trained to be cut (Matryoshka), say so: set model_name"
            f" to {_said(model_name)}.with_settings(pca_ordered=True)."
        )
    return model.with_dimensions(int(pca_dims))


def _said(model_name: object) -> str:
    """How a user writes the model of a name."""
    if isinstance(model_name, StaticModel):
        return "model"
    return f"StaticModel.from_pretrained({str(model_name)!r})"
