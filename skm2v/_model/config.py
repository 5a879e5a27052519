"""Where a model comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from skm2v.exceptions import ModelFormatError

__all__ = ["Adaptation", "Axes", "ModelConfig", "Stretch", "software_versions"]

# What a stretch is asked for by: factors, or words (or texts), their values and a factor, by name.
Axes: TypeAlias = Mapping[str, float | tuple[Any, npt.ArrayLike, float]]

OBJECTIVES = ("tokens", "sentences")


@dataclass(frozen=True)
class Adaptation:
    """What :meth:`skm2v.StaticModel.adapt` did to a model.

    Parameters
    ----------
    teacher : str
        Name of the teacher that read the texts.
    revision : str or None
        Commit of the teacher.
    n_texts : int
        Number of different texts that it read.
    n_moved_tokens, n_moved_pairs : int
        Number of tokens and pairs whose vectors moved.
    """

    teacher: str
    revision: str | None
    n_texts: int
    n_moved_tokens: int
    n_moved_pairs: int

    def __post_init__(self) -> None:
        _require("an adaptation's teacher", self.teacher, _is_text, "a string")
        _require("an adaptation's revision", self.revision, _is_text, "a string or None", True)
        for name in ("n_texts", "n_moved_tokens", "n_moved_pairs"):
            value = getattr(self, name)
            _require(f"an adaptation's {name}", value, _is_count, "a number that is not negative")

    @classmethod
    def from_dict(cls, values: object) -> Adaptation:
        """Build it from a dict of all fields."""
        return cls(**_all_fields(cls, values, "An adaptation"))

    def __str__(self) -> str:
        return (
            f"to {self.n_texts} texts that {self.teacher} read: {self.n_moved_tokens} tokens and"
            f" {self.n_moved_pairs} pairs moved"
        )


@dataclass(frozen=True)
class Stretch:
    """What :meth:`skm2v.StaticModel.stretch` did to a model.

    Parameters
    ----------
    name : str
        Of the axis.
    factor : float
        How much longer distances along the axis are.
    axis : tuple of float
        The direction, of norm 1; shorter where columns were cut off since.
    n_words : int
        Number of words that it was learned from.
    correlation : float
        Of the words' values with what was predicted of them, in a cross-validation.
    """

    name: str
    factor: float
    axis: tuple[float, ...]
    n_words: int
    correlation: float

    def __post_init__(self) -> None:
        _require("a stretch's name", self.name, _is_text, "a string")
        _require("a stretch's factor", self.factor, _is_positive, "a positive number")
        _require("a stretch's n_words", self.n_words, _is_count, "a number that is not negative")
        _require("a stretch's correlation", self.correlation, _is_number, "a number")
        _require("a stretch's axis", self.axis, _is_direction, "numbers of norm 1 at most")
        object.__setattr__(self, "axis", tuple(self.axis))

    @classmethod
    def from_dict(cls, values: object) -> Stretch:
        """Build it from a dict of all fields."""
        return cls(**_all_fields(cls, values, "A stretch"))

    def first(self, dim: int) -> Stretch:
        """Return what is left of it in the first `dim` columns."""
        return replace(self, axis=self.axis[:dim])

    def matrix(self, inverse: bool = False) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Return the map of rows, of shape (d, d): the identity and a matrix of rank one."""
        axis = np.array(self.axis)
        gain = self.factor - 1
        if inverse:  # Sherman and Morrison
            gain = -gain / (1 + gain * (axis @ axis))
        return np.asarray(np.eye(len(axis)) + gain * np.outer(axis, axis))

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.factor:g} times, learned from {self.n_words} words, correlation"
            f" {self.correlation:.2f}"
        )


@dataclass(frozen=True)
class ModelConfig:
    """Provenance of a model: stored with it, shown on its card, never used to compute a vector.

    Parameters
    ----------
    teacher : str or None, default=None
        Name of the model that was distilled.
    revision : str or None, default=None
        Commit of the teacher.
    licence : str or None, default=None
        Licence of the teacher, such as "apache-2.0".
    language : tuple of str, default=()
        Language codes, such as "en".
    objective : {"tokens", "sentences"} or None, default=None
        What was distilled.
    pooling : str or None, default=None
        How the teacher's token states were pooled.
    sif_coefficient : float or None, default=None
        Coefficient of the smooth inverse frequency weights; None means unweighted.
    pca_dims : int, float, str or None, default=None
        The `pca_dims` of the distillation.
    pca_ordered : bool, default=False
        Whether columns are ordered, by variance or by training (Matryoshka), so that the first k
        are the best k.
    source : str or None, default=None
        Name that the model was loaded from, when it came from a hub.
    source_revision : str or None, default=None
        Commit of `source`.
    prompt : str or None, default=None
        Text that the teacher read before every token and every text, if it was told one.
    teacher_dtype : str or None, default=None
        What the teacher computed in, if it was told another number type than float32.
    attribution : str or None, default=None
        Text for the card: data sources, their licences, acknowledgements.
    adaptations : tuple of Adaptation, default=()
        What the model was adapted to since, the latest last.
    stretches : tuple of Stretch, default=()
        Along which axes the model was stretched, the latest last; adapting it takes them back
        first and repeats them afterwards.
    created_with : mapping of str to str, default={}
        Versions of the software that made the model.

    Examples
    --------
    >>> from skm2v import StaticModel
    >>> config = StaticModel.from_pretrained("default").config
    >>> config.teacher, config.language, config.objective
    ('sentence-transformers/all-MiniLM-L6-v2', ('en',), 'sentences')
    """

    __module__ = "skm2v"

    teacher: str | None = None
    revision: str | None = None
    licence: str | None = None
    language: tuple[str, ...] = ()
    objective: str | None = None
    pooling: str | None = None
    sif_coefficient: float | None = None
    pca_dims: int | float | str | None = None
    pca_ordered: bool = False
    source: str | None = None
    source_revision: str | None = None
    prompt: str | None = None
    teacher_dtype: str | None = None
    attribution: str | None = None
    adaptations: tuple[Adaptation, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    created_with: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (
            "teacher",
            "revision",
            "licence",
            "objective",
            "pooling",
            "source",
            "source_revision",
            "prompt",
            "teacher_dtype",
            "attribution",
        ):
            _require(name, getattr(self, name), _is_text, "a string or None", optional=True)
        _require("objective", self.objective, OBJECTIVES.__contains__, f"one of {OBJECTIVES}", True)
        languages = self.language
        _require(
            "language",
            languages,
            lambda value: isinstance(value, (tuple, list)) and all(map(_is_text, value)),
            "a sequence of strings",
        )
        object.__setattr__(self, "language", tuple(languages))
        _require("sif_coefficient", self.sif_coefficient, _is_number, "a number or None", True)
        _require(
            "pca_dims",
            self.pca_dims,
            lambda value: _is_number(value) or _is_text(value),
            "a number, a string or None",
            optional=True,
        )
        _require("pca_ordered", self.pca_ordered, lambda v: isinstance(v, bool), "True or False")
        for name, kind in (("adaptations", Adaptation), ("stretches", Stretch)):
            done = getattr(self, name)
            _require(name, done, lambda v: isinstance(v, (tuple, list)), "a sequence")
            done = tuple(item if isinstance(item, kind) else kind.from_dict(item) for item in done)
            object.__setattr__(self, name, done)
        versions = self.created_with
        _require(
            "created_with",
            versions,
            lambda value: (
                isinstance(value, Mapping)
                and all(_is_text(key) and _is_text(value[key]) for key in value)
            ),
            "a mapping of names to versions",
        )
        object.__setattr__(self, "created_with", MappingProxyType(dict(versions)))

    @classmethod
    def from_dict(cls, values: object) -> ModelConfig:
        """Build a configuration from a dict such as :meth:`to_dict` returns.

        Parameters
        ----------
        values : dict
            Fields by name; those that are missing have their defaults.

        Returns
        -------
        config : ModelConfig
            The configuration.

        Raises
        ------
        ModelFormatError
            If there is an unknown field or a value of a wrong type.
        """
        if not isinstance(values, Mapping):
            raise ModelFormatError(
                f"A model configuration must be a mapping; got {type(values).__name__}."
            )
        names = [item.name for item in fields(cls)]
        unknown = [key for key in values if key not in names]
        if unknown:
            raise ModelFormatError(
                f"Unknown fields in the model configuration: {unknown[:5]}. Known: {names}."
            )
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain data that JSON can hold.

        Returns
        -------
        values : dict
            Fields by name.
        """
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["language"] = list(self.language)
        values["created_with"] = dict(self.created_with)
        # None are left out, as before there were any: hashes of models stay what they are.
        for name in ("adaptations", "stretches"):
            values[name] = [asdict(item) for item in values[name]]
            if not values[name]:
                del values[name]
        for item in values.get("stretches", ()):
            item["axis"] = list(item["axis"])
        for name in ("prompt", "teacher_dtype"):
            if values[name] is None:
                del values[name]
        return values

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_dict, (self.to_dict(),)

    def __hash__(self) -> int:
        return hash((self.teacher, self.revision, self.source, self.source_revision))


def software_versions() -> dict[str, str]:
    """Return the versions of what decides about a vector: skm2v, numpy, tokenizers."""
    from importlib.metadata import version

    from skm2v._version import __version__

    return {"skm2v": __version__, "numpy": np.__version__, "tokenizers": version("tokenizers")}


def _is_text(value: object) -> bool:
    """Whether a value is a string that a UTF-8 file can hold."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and _is_number(value) and value > 0


def _is_direction(value: object) -> bool:
    """Whether a value is a sequence of numbers of norm 1 at most, but for rounding."""
    if not isinstance(value, (tuple, list)) or not all(map(_is_number, value)):
        return False
    return math.hypot(*value) <= 1 + 1e-3


def _all_fields(kind: type[Any], values: object, what: str) -> dict[str, Any]:
    """Return a dict of all fields of a dataclass, or say that it is none."""
    names = {item.name for item in fields(kind)}
    if not isinstance(values, Mapping) or set(values) != names:
        raise ModelFormatError(
            f"{what} in the model configuration must be a mapping of {sorted(names)};"
            f" got {str(values)[:60]!r}."
        )
    return dict(values)


def _require(name: str, value: object, test: Any, wanted: str, optional: bool = False) -> None:
    if value is None and optional:
        return
    if not test(value):
        raise ModelFormatError(
            f"{name} in the model configuration must be {wanted}; got {str(value)[:60]!r}."
        )
