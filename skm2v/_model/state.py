"""The state of pickled objects: plain data, versioned, hashed, checked."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from skm2v._model.config import software_versions
from skm2v._model.sealed import Content, Seal, check_number
from skm2v._warnings import warn_user
from skm2v.exceptions import ModelFormatError, VersionWarning

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SealedState", "from_state", "to_state"]

T = TypeVar("T")

SEAL = "_skm2v_seal"

FIELDS = frozenset({"format", "versions", "settings", "tokenizer", "tensors", "sha256"})


def to_state(seal: Seal[Any], content: Content, *, sha256: str | None = None) -> dict[str, Any]:
    """Return what is to be pickled: strings, numbers and arrays.

    Parameters
    ----------
    seal : Seal
    content : Content
    sha256 : str or None, default=None
        Its hash, if it is known.
    """
    return {
        "format": seal.number,
        "versions": software_versions(),
        "settings": dict(content.settings),
        "tokenizer": content.tokenizer,
        "tensors": dict(content.tensors),
        "sha256": content.sha256(seal.number) if sha256 is None else sha256,
    }


def from_state(seal: Seal[T], state: object, *, what: str, warn: bool = True) -> T:
    """Check the state of a pickled object and build what it stands for.

    Parameters
    ----------
    seal : Seal
    state : object
    what : str
        Name of the object in messages.
    warn : bool, default=True
        Warn of other versions; not for a part of what does.

    Raises
    ------
    ModelFormatError
        If the state is damaged, or of a newer format.

    Warns
    -----
    VersionWarning
        If the object was pickled with other versions of skm2v, numpy or tokenizers.
    """
    if not isinstance(state, dict):
        raise ModelFormatError(f"{what} is damaged: its state is a {type(state).__name__}.")
    seal.check_number(state.get("format"), what)
    if set(state) != FIELDS:
        raise ModelFormatError(f"{what} is damaged: its fields are {sorted(map(str, state))[:10]}.")
    tensors = state["tensors"]
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(array, np.ndarray) and not array.dtype.hasobject
        for name, array in tensors.items()
    ):
        raise ModelFormatError(f"{what} is damaged: its tensors have a wrong type.")
    thing = seal.open(state, tensors, what=what)
    if warn:
        _warn_of_versions(state["versions"], what)
    return thing


class SealedState:
    """Pickles as attributes under a seal; a mixin for estimators and results.

    The state of an object is its attributes as plain data, and one more that seals them: a format
    number, the versions of the software, and a hash over all that is plain. Objects among them
    look after themselves.
    """

    _state_formats: ClassVar[frozenset[int]] = frozenset({1})
    _state_warns: ClassVar[bool] = True  # of other versions
    #: Dataclasses of ours that are pickled as plain data, with those who have them.
    _plain_classes: ClassVar[tuple[type, ...]] = ()

    def _plain_state(self) -> dict[str, Any]:
        """Return the attributes as what is to be pickled."""
        return {name: _plain(value, self._plain_classes) for name, value in self.__dict__.items()}

    def _restore(self, state: dict[str, Any]) -> None:
        """Take attributes from what was pickled."""
        known = {kind.__name__: kind for kind in self._plain_classes}
        self.__dict__.update({name: _rich(value, known) for name, value in state.items()})

    def __copy__(self) -> Self:
        """Return an object with the same attributes, which need no seal within a process."""
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __getstate__(self) -> dict[str, Any]:
        state = self._plain_state()
        number = max(self._state_formats)
        seal = {
            "format": number,
            "versions": software_versions(),
            "sha256": _hash_of_state(number, state),
        }
        return {**state, SEAL: seal}

    def __setstate__(self, state: object) -> None:
        what = f"The pickled {type(self).__name__}"
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise ModelFormatError(f"{what} is damaged: its state is no dict of attributes.")
        attributes = dict(state)
        seal = attributes.pop(SEAL, None)
        if not isinstance(seal, dict):
            raise ModelFormatError(
                f"{what} is damaged, or was pickled before skm2v sealed pickles: it has no seal."
                " Fit it again."
            )
        check_number(seal.get("format"), self._state_formats, what)
        try:
            actual = _hash_of_state(seal["format"], attributes)
        except (ValueError, TypeError, RecursionError) as error:
            raise ModelFormatError(f"{what} is damaged: {error}") from error
        if actual != seal.get("sha256"):
            raise ModelFormatError(
                f"{what} is damaged: the SHA-256 of its attributes is {actual}, it was pickled with"
                f" {seal.get('sha256')!r:.80}. Get a fresh copy."
            )
        try:
            self._restore(attributes)
        except ModelFormatError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelFormatError(f"{what} is damaged: an attribute is malformed.") from error
        # Objects of ours among the attributes have said it already.
        ours = any(type(value).__module__ == "skm2v" for value in attributes.values())
        if self._state_warns and not ours:
            _warn_of_versions(seal.get("versions"), what)


# What stands for objects and for dicts with other keys than strings, which skops does not know.
OBJECT, ITEMS = "<object>", "<items>"


def _plain(value: Any, classes: tuple[type, ...]) -> Any:
    """Make dicts of dataclasses, and lists of dicts that need it."""
    if isinstance(value, classes) and is_dataclass(value):
        parts = {item.name: _plain(getattr(value, item.name), classes) for item in fields(value)}
        return {OBJECT: type(value).__name__, **parts}
    if type(value) is dict and not all(type(key) is str for key in value):
        return {ITEMS: [[_plain(key, classes), value[key]] for key in value]}
    return value


def _rich(value: Any, classes: Mapping[str, type]) -> Any:
    """Undo what :func:`_plain` did."""
    if type(value) is not dict:
        return value
    if set(value) == {ITEMS}:
        return {_rich(key, classes): item for key, item in value[ITEMS]}
    if OBJECT in value:
        kind = classes[value[OBJECT]]
        return kind(**{name: _rich(v, classes) for name, v in value.items() if name != OBJECT})
    return value


def _are_texts(values: Any) -> bool:
    """Whether there are strings, and nothing else: millions of them are hashed as one."""
    return len(values) > 0 and all(issubclass(kind, str) for kind in set(map(type, values)))


def _hash_of_state(number: int, state: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for token in _tokens([number, state]):
        digest.update(token)
    return digest.hexdigest()


def _tokens(value: Any) -> Iterator[Any]:
    """Bytes that tell plain data apart; numbers and sequences of NumPy count as those of Python.

    What else there is counts with the name of its type, a type with its own, and what is sealed
    itself with its hash.
    """
    if isinstance(value, np.generic) and not isinstance(value, np.void):
        value = value.item()
    if value is None or isinstance(value, (bool, int)):
        yield b"\0%b" % repr(value).encode()
    elif isinstance(value, float):
        yield b"\0f" + struct.pack("<d", value)
    elif isinstance(value, (str, bytes)):
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        yield b"\0%b%d\0" % (type(value).__name__[:1].encode(), len(data))
        yield data
    elif isinstance(value, np.ndarray) and value.dtype.kind not in "OTV":
        little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        yield f"\0a{little.dtype.str} {value.shape}\0".encode()
        if little.nbytes:
            yield little.reshape(-1).view(np.uint8).data
    elif isinstance(value, (list, tuple, np.ndarray)) and _are_texts(value):
        sizes = np.fromiter(map(len, value), dtype="<i8", count=len(value))
        yield b"\0t%d" % len(value)
        yield sizes.data
        yield "".join(value).encode("utf-8", "surrogatepass")
    elif isinstance(value, (list, tuple, np.ndarray)):
        yield b"\0l%d" % len(value)
        for item in value:
            yield from _tokens(item)
    elif isinstance(value, dict) and set(value) == FIELDS:
        yield b"\0s%b" % str(value["sha256"]).encode()
    elif isinstance(value, dict):
        yield b"\0d%d" % len(value)
        for name, item in value.items():
            yield from _tokens(name)
            yield from _tokens(item)
    else:
        sort, kind = ("c", value) if isinstance(value, type) else ("o", type(value))
        yield f"\0{sort}{kind.__module__}.{kind.__qualname__}\0".encode()


def _warn_of_versions(versions: object, what: str) -> None:
    here = software_versions()
    if not isinstance(versions, dict):
        raise ModelFormatError(f"{what} is damaged: it does not say what made it.")
    different = [
        f"{name} {str(versions.get(name))[:40]} (here {version})"
        for name, version in here.items()
        if _series(name, versions.get(name)) != _series(name, version)
    ]
    if different:
        warn_user(
            f"{what} was made with {', '.join(different)}. Its content is intact; vectors can"
            " differ in the last digits, or where the tokenizer's behaviour changed.",
            VersionWarning,
        )


def _series(name: str, version: object) -> object:
    """Return the part of a version that can matter: of numpy and tokenizers major and minor."""
    text = str(version)
    return text if name == "skm2v" else text.split(".")[:2]
