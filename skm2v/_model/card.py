"""The model card: what a person reads beside the model file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator

from skm2v._model.parts import ModelParts

__all__ = ["is_as_rendered", "render_card"]

# The last line of a card. Without it, or with other text above it, a person wrote the card.
SEAL = "<!-- Written by skm2v. Saving replaces this text as long as it is as written: {} -->\n"
SEAL_PATTERN = re.compile(re.escape(SEAL).replace(r"\{\}", "([0-9a-f]{64})"))


def render_card(parts: ModelParts, model_name: str | None = None) -> str:
    """Return the text of ``README.md`` for a model: front matter, origin, licence, usage.

    Parameters
    ----------
    parts : ModelParts
    model_name : str or None, default=None
        Title of the card, and what its example loads. None means a general title.
    """
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in _front_matter(parts))
    config = parts.config
    teacher = config.teacher or "an unknown teacher"
    rows, dim = parts.tensors["embeddings"].shape
    sections = [
        f"---\n{front}\n---",
        f"# {'Static text embeddings' if model_name is None else _one_line(model_name)}",
        f"Distilled from **{_one_line(teacher)}** with skm2v: a table of {rows} vectors of {dim}"
        f" dimensions ({parts.tensors['embeddings'].dtype.name}). The vector of a text is the mean"
        " of the vectors of its tokens.",
        "| | |\n| --- | --- |\n"
        + "\n".join(f"| {name} | {_one_line(value)} |" for name, value in _facts(parts)),
        _licence_section(parts),
    ]
    if config.attribution:
        sections += ["## Sources", config.attribution.strip()]
    sections.append(_usage(parts, model_name or "path/to/this/folder"))
    text = "\n\n".join(sections) + "\n\n"
    return text + SEAL.format(_digest(text))


def is_as_rendered(card: bytes) -> bool:
    """Whether a card is as :func:`render_card` wrote it, and nobody changed it since."""
    text = card.decode("utf-8", errors="replace")
    start = text.rstrip("\n").rfind("\n") + 1
    seal = SEAL_PATTERN.fullmatch(text[start:])
    return seal is not None and seal[1] == _digest(text[:start])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _front_matter(parts: ModelParts) -> Iterator[tuple[str, object]]:
    # JSON is YAML, which front matter is written in.
    config = parts.config
    yield "library_name", "skm2v"
    yield "pipeline_tag", "feature-extraction"
    if config.licence:
        yield "license", config.licence
    if config.language:
        yield "language", list(config.language)
    if config.teacher and config.teacher.count("/") == 1 and config.teacher[0] not in "./~":
        yield "base_model", config.teacher
    tags = ["static-embeddings", "skm2v"]
    yield (
        "tags",
        tags if "pairs" in parts.tensors else [*tags, "model2vec", "sentence-transformers"],
    )


def _facts(parts: ModelParts) -> Iterator[tuple[str, object]]:
    config = parts.config
    yield "Teacher", config.teacher or "unknown"
    yield "Teacher's revision", config.revision or "unknown"
    yield "Licence", config.licence or "unknown"
    yield "Objective", config.objective or "unknown"
    if config.prompt is not None:
        yield "Prompt that the teacher read", json.dumps(config.prompt, ensure_ascii=False)
    if config.teacher_dtype is not None:
        yield "Number type that the teacher computed in", config.teacher_dtype
    yield "Pooling of the teacher's token states", config.pooling or "unknown"
    yield "PCA", "none" if config.pca_dims is None else config.pca_dims
    sif = config.sif_coefficient
    yield "SIF coefficient", "none" if sif is None else sif
    yield "Normalised", "yes" if parts.normalize else "no"
    yield "Longest text", f"{parts.max_length} tokens" if parts.max_length else "any"
    if config.source:
        yield "Loaded from", f"{config.source} at {config.source_revision or 'unknown revision'}"
    for adaptation in config.adaptations:
        yield "Adapted", adaptation
    for stretch in config.stretches:
        yield "Stretched along", stretch
    for name, version in sorted(config.created_with.items()):
        yield f"Made with {name}", version


def _licence_section(parts: ModelParts) -> str:
    config = parts.config
    if config.licence is None:
        text = (
            "The licence of the teacher is not known to this file; the model is a derivative of"
            " the teacher, so look it up before you share the model."
        )
    else:
        text = (
            f"{_one_line(config.licence)}, as the card of the teacher says, or that of the model"
            " which this one was made from. The model is a derivative of the teacher."
        )
    return f"## Licence\n\n{text}"


def _usage(parts: ModelParts, name: str) -> str:
    usage = f"""## Usage

```python
from skm2v import StaticModel

model = StaticModel.from_pretrained({json.dumps(name)})
vectors = model.encode(["some text", "another text"])
```

`model.safetensors` is the complete model; its metadata hold settings, tokenizer and a SHA-256 of
all content."""
    if "pairs" in parts.tensors:
        return usage + (
            " The model has vectors of pairs of tokens, which Model2Vec and sentence-transformers"
            " cannot use, so the files that they look for are left out."
        )
    return usage + (
        " The JSON files beside it let Model2Vec (0.10 or later) and sentence-transformers (6 or"
        " later) load it with equal vectors"
        + (
            "."
            if parts.normalize
            else ", except that sentence-transformers counts unknown tokens, as zeros, in the mean:"
            " the vectors of texts that have any are shorter there."
        )
    )


def _one_line(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
