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
    """Base class of all errors raised by skm2v.

    Examples
    --------
    >>> from skm2v import StaticModel
    >>> from skm2v.exceptions import Skm2vError
    >>> try:
    ...     StaticModel.from_pretrained("default").encode([None])
    ... except Skm2vError as error:
    ...     print(type(error).__name__)
    TextValueError
    """


class ModelFormatError(Skm2vError, ValueError):
    """A model file, a tokenizer or a pickled state is damaged or not supported.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skm2v import FusedTextClassifier
    >>> from skm2v.exceptions import ModelFormatError
    >>> _ = Path("damaged.safetensors").write_bytes(b"not a model")
    >>> try:
    ...     FusedTextClassifier.load("damaged.safetensors")
    ... except ModelFormatError as error:
    ...     print(error)
    damaged.safetensors is truncated or no safetensors file: it declares a header of ...
    """


class TextValueError(Skm2vError, ValueError):
    """Input of an accepted type holds texts that cannot be embedded, such as missing values.

    Examples
    --------
    >>> from skm2v import StaticModel
    >>> from skm2v.exceptions import TextValueError
    >>> try:
    ...     StaticModel.from_pretrained("default").encode(["a cat", None])
    ... except TextValueError as error:
    ...     print(error)
    Missing texts in row 1 (None). Fix: fill or drop them first.
    """


class TextTypeError(Skm2vError, TypeError):
    """Input is not a column of strings.

    Examples
    --------
    >>> from skm2v import StaticEmbedder
    >>> from skm2v.exceptions import TextTypeError
    >>> try:
    ...     StaticEmbedder().fit([1.5, 2.5])
    ... except TextTypeError as error:
    ...     print(error)
    Every text must be a str; got float in rows 0 and 1. Fix: convert them: [str(x) for x in X].
    """


class TeacherError(Skm2vError, ValueError):
    """A teacher model cannot be found, loaded or distilled.

    Examples
    --------
    >>> from skm2v import distill_from_model
    >>> from skm2v.exceptions import TeacherError
    >>> try:
    ...     distill_from_model("a name")
    ... except TeacherError as error:
    ...     print(error)
    model must be a transformers model or a SentenceTransformer; got str. ...
    """


class TeacherNotFoundError(TeacherError, FileNotFoundError):
    """There is no teacher of that name, neither here nor on the hub.

    Examples
    --------
    >>> from skm2v import load_teacher
    >>> from skm2v.exceptions import TeacherNotFoundError
    >>> try:
    ...     load_teacher("./no-such-folder")
    ... except TeacherNotFoundError as error:
    ...     print(error)
    There is no file or folder './no-such-folder'. ...
    """


class MissingExtraError(Skm2vError, ImportError):
    """An optional dependency is needed; the message names the extra to install.

    Examples
    --------
    >>> import sys
    >>> from unittest.mock import patch
    >>> from skm2v.clustering import plot_map
    >>> from skm2v.exceptions import MissingExtraError
    >>> try:
    ...     with patch.dict(sys.modules, {"matplotlib": None}):  # as where it is not installed
    ...         plot_map([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    ... except MissingExtraError as error:
    ...     print(error)
    Plots need matplotlib: pip install 'skm2v[plot]'
    """


class TextWarning(UserWarning):
    """Some texts were truncated, gave a zero vector, or are in a language that is not known.

    Examples
    --------
    >>> import warnings
    >>> from skm2v import StaticModel
    >>> from skm2v.exceptions import TextWarning
    >>> model = StaticModel.from_pretrained("default")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     _ = model.encode(["", "a cat"])
    >>> [warning.category is TextWarning for warning in caught]
    [True]
    """


class VersionWarning(UserWarning):
    """A model was saved or pickled by a different version of the software.

    Examples
    --------
    >>> import warnings
    >>> from skm2v.exceptions import VersionWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", VersionWarning)
    ...     pass  # load a model here, and one of another version is an error
    """
