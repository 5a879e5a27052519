"""Errors and warnings of skm2v.

Every error of the package is a :class:`Skm2vError` and also the built-in type that scikit-learn
users catch (:class:`ValueError`, :class:`TypeError`, :class:`ImportError`,
:class:`FileNotFoundError`). Messages say what was got, what was wanted and how to fix it.
"""

from __future__ import annotations

__all__ = [
    "MissingExtraError",
    "ModelFormatError",
    "Skm2vError",
    "TeacherError",
    "TeacherNotFoundError",
    "TextTypeError",
    "TextValueError",
    "TextWarning",
    "VersionWarning",
]


class Skm2vError(Exception):
    """Base class of all errors raised by skm2v."""


class ModelFormatError(Skm2vError, ValueError):
    """A model file, a tokenizer or a pickled state is damaged or not supported."""


class TextValueError(Skm2vError, ValueError):
    """Input of an accepted type holds texts that cannot be embedded, such as missing values."""


class TextTypeError(Skm2vError, TypeError):
    """Input is not a column of strings."""


class TeacherError(Skm2vError, ValueError):
    """A teacher model cannot be found, loaded or distilled."""


class TeacherNotFoundError(TeacherError, FileNotFoundError):
    """There is no teacher of that name, neither here nor on the hub."""


class MissingExtraError(Skm2vError, ImportError):
    """An optional dependency is needed; the message names the extra to install."""


class TextWarning(UserWarning):
    """Some texts were truncated, gave a zero vector, or are in a language that is not known."""


class VersionWarning(UserWarning):
    """A model was saved or pickled by a different version of the software."""
