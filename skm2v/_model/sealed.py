"""Plain data under a seal: what every saved thing of this package has in common.

A model, a fused model or whatever else is saved comes down to settings, perhaps the text of a
tokenizer, and arrays. A format number says who reads them; a SHA-256 over all of them finds
damage before anything is built. A file holds arrays as safetensors and the rest in one entry of
its metadata, so it is complete in itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from skm2v._model.kernel_tables import KERNEL, hash_of_arrays, pack, unpack
from skm2v._model.tensor_file import dump_tensors
from skm2v._pooling.kernel_state import KernelState
from skm2v._strict_json import canonical_json, count_strings, parse_json
from skm2v._version import __version__
from skm2v.exceptions import ModelFormatError

__all__ = [
    "FUSED_KEY",
    "MODEL_KEY",
    "SEARCH_KEY",
    "Content",
    "Seal",
    "check_number",
    "describe_sealed",
    "is_sealed",
]

T = TypeVar("T")

MODEL_KEY, FUSED_KEY, SEARCH_KEY = "skm2v", "skm2v-fused", "skm2v-search"
# What each key says that a file is, for who was given the wrong one.
KINDS = {
    MODEL_KEY: "a static model, which StaticModel.from_pretrained loads",
    FUSED_KEY: "a fused model, which FusedTextClassifier.load or FusedTextRegressor.load loads",
    SEARCH_KEY: "an index, which TextSearcher.load loads",
}

FIELDS = frozenset({"format", "settings", "sha256", "tokenizer"})
# Names of classes are the most that a document has, next to the text of its tokenizer.
MAX_STRINGS = 1_000_000
DOCUMENT_START = '{"format":'  # keys are sorted when a document is written


@dataclass(frozen=True, eq=False)
class Content:
    """What is saved, as plain data.

    Parameters
    ----------
    settings : mapping of str to Any
        What JSON can hold; "format" is no name of a setting.
    tensors : mapping of str to ndarray
    tokenizer : str, ndarray of uint8 or None, default=None
        JSON text of a tokenizer, or the UTF-8 of it.
    kernel : KernelState or None, default=None
        What the compiled kernel makes of the tokenizer, for files only. The hash is not about it.
    """

    settings: Mapping[str, Any]
    tensors: Mapping[str, npt.NDArray[Any]]
    tokenizer: str | npt.NDArray[np.uint8] | None = None
    kernel: KernelState | None = None

    def sha256(self, number: int) -> str:
        """Hash of all content in a format, the same on every machine.

        Parameters
        ----------
        number : int
            Number of the format.

        Raises
        ------
        TypeError, ValueError
            If something is no plain data.
        """
        digest = hashlib.sha256(canonical_json({"format": number, **self.settings}).encode())
        if self.tokenizer is not None:
            text = self.tokenizer
            data = text.encode() if isinstance(text, str) else text.data
            digest.update(b"\0tokenizer %d\0" % len(data))
            digest.update(data)
        hash_of_arrays(digest, self.tensors)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Seal(Generic[T]):
    """How a kind of thing is saved, and read again from every format it ever had.

    Parameters
    ----------
    key : str
        Name of the document among the metadata of a file.
    readers : mapping of int to callable
        For each format number, what makes the thing of its :class:`Content`; it takes the name
        of the file, too, for messages. New things are written in the format of the largest.
    beside : frozenset of str, default=frozenset()
        Fields of the document that the hash is not about.
    perhaps : frozenset of str, default=frozenset()
        Such fields that not every document has.
    """

    key: str
    readers: Mapping[int, Callable[[Content, str], T]]
    beside: frozenset[str] = frozenset()
    perhaps: frozenset[str] = frozenset()

    @property
    def number(self) -> int:
        """Format that is written."""
        return max(self.readers)

    @property
    def mark(self) -> bytes:
        """How a file of this kind starts, after the eight bytes of the header's size."""
        return b'{"__metadata__":{"%s":' % self.key.encode()

    def dump(self, content: Content, *, sha256: str | None = None, **beside: Any) -> bytes:
        """Return the bytes of a file.

        Parameters
        ----------
        content : Content
        sha256 : str or None, default=None
            Its hash, if it is known.
        **beside : Any
            Values of the fields `beside`.

        Raises
        ------
        ValueError
            If it has more names than would be read again.
        """
        tokenizer, tensors = content.tokenizer, dict(content.tensors)
        if content.kernel is not None:
            assert isinstance(tokenizer, str)
            beside[KERNEL], own = pack(tokenizer, content.kernel)
            tokenizer, tensors = None, {**tensors, **own}
        document = {
            "format": self.number,
            "settings": content.settings,
            "sha256": content.sha256(self.number) if sha256 is None else sha256,
            "tokenizer": tokenizer,
            **beside,
        }
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        n_strings = count_strings(text)
        if n_strings > MAX_STRINGS:
            raise ValueError(f"A file can hold {MAX_STRINGS} names and settings; got {n_strings}.")
        return dump_tensors(tensors, {self.key: text})

    def read(
        self,
        text: str,
        tensors: Mapping[str, npt.NDArray[Any]],
        *,
        what: str,
        verify: bool = True,
    ) -> tuple[T, dict[str, Any]]:
        """Read the document of a file together with its tensors.

        Parameters
        ----------
        text : str
            The entry `key` of the file's metadata.
        tensors : mapping of str to ndarray
        what : str
            Name of the file in messages.
        verify : bool, default=True
            Whether the hash is computed.

        Returns
        -------
        thing : T
        document : dict
            With the fields "sha256" and `beside`, among others.

        Raises
        ------
        ModelFormatError
            If something is damaged, malformed, or of a newer format.
        """
        document = self.document(text, what=what)
        return self.open(document, tensors, what=what, verify=verify), document

    def document(self, text: str, *, what: str) -> dict[str, Any]:
        """Read the document of a file; what it stands for is not built and not checked yet."""
        label = f"The metadata of {what}"
        document = parse_json(text, what=label, max_strings=MAX_STRINGS)
        if not isinstance(document, dict):
            raise ModelFormatError(f"{label} must be a JSON object.")
        self.check_number(document.get("format"), what)
        if set(document) - self.perhaps - {KERNEL} != FIELDS | self.beside:
            raise ModelFormatError(f"{label} are damaged: a field is missing or unknown.")
        return document

    def open(
        self,
        document: Mapping[str, Any],
        tensors: Mapping[str, npt.NDArray[Any]],
        *,
        what: str,
        verify: bool = True,
    ) -> T:
        """Check the hash of a document and its tensors, and build what they stand for.

        With ``verify=False`` the hash is not computed: all else is checked.
        """
        settings, tokenizer = document["settings"], document["tokenizer"]
        if not isinstance(settings, dict) or not isinstance(tokenizer, (str, type(None))):
            raise ModelFormatError(
                f"{what} is damaged: its settings or its tokenizer have a wrong type."
            )
        content = Content(settings, tensors, tokenizer)
        if KERNEL in document:
            if tokenizer is not None:
                raise ModelFormatError(f"{what} is damaged: it has two tokenizers.")
            text, kernel, tensors = unpack(document[KERNEL], tensors, what=what, verify=verify)
            content = Content(settings, tensors, text, kernel)
        number = document["format"]
        if not verify:
            return self.readers[number](content, what)
        try:
            actual = content.sha256(number)
        except (ValueError, TypeError) as error:
            raise ModelFormatError(f"{what} is damaged: {error}") from error
        if actual != document["sha256"]:
            raise ModelFormatError(
                f"{what} is damaged: the SHA-256 of its content is {actual}, it was saved with"
                f" {document['sha256']!r:.80}. Get a fresh copy."
            )
        return self.readers[number](content, what)

    def check_number(self, number: object, what: str) -> None:
        """Refuse a format that this version does not know."""
        check_number(number, self.readers, what)


def check_number(number: object, known: Collection[int], what: str) -> None:
    """Refuse the number of a format that is not known."""
    if type(number) is int and number in known:
        return
    if type(number) is int and number > max(known):
        raise ModelFormatError(
            f"{what} has format {number}; skm2v {__version__} reads formats up to {max(known)}."
            " Upgrade skm2v."
        )
    raise ModelFormatError(f"{what} has no valid format number; got {number!r:.60}.")


def describe_sealed(metadata: Mapping[str, str], *, not_by: str) -> str | None:
    """Say what of ours a file holds, if another reader than the one asked is for it.

    Parameters
    ----------
    metadata : mapping of str to str
        Those of the file.
    not_by : str
        Key of what was asked for.

    Returns
    -------
    kind : str or None
        What it is and how it is loaded.
    """
    for key, kind in KINDS.items():
        if key in metadata and key != not_by:
            return kind
    return None


def is_sealed(metadata: Mapping[str, str]) -> bool:
    """Whether the metadata of a file hold a document of ours, under whatever name."""
    return any(value.startswith(DOCUMENT_START) for value in metadata.values())
