"""The text of a ``tokenizer.json`` file, and what it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._strict_json import parse_json
from skm2v.exceptions import ModelFormatError

__all__ = ["TokenizerDocument"]


class TokenizerDocument:
    """A ``tokenizer.json``, parsed when it is first looked into, and once for all who do.

    The checks of a tokenizer, the tokenizer itself and the compiled kernel are all made of it. What
    was parsed takes several times the memory of the text, so it can be let go.

    Parameters
    ----------
    text : str or ndarray of uint8
        Content of the file. In an array, perhaps of a file that is mapped into memory, it is UTF-8,
        which is decoded when somebody wants it.

    Raises
    ------
    ModelFormatError
        If `text` is no string; when it is looked into, if it is no JSON.
    """

    __slots__ = ("_data", "_spec", "_text")

    def __init__(self, text: str | npt.NDArray[np.uint8]) -> None:
        if not isinstance(text, (str, np.ndarray)):
            raise ModelFormatError(
                "A tokenizer is built from the text of a tokenizer.json file; got"
                f" {type(text).__name__}. Pass tokenizer.to_str() or path.read_text()."
            )
        self._text = text if isinstance(text, str) else None
        self._data = text if isinstance(text, np.ndarray) else None
        self._spec: Any = None

    @property
    def text(self) -> str:
        """Content of the file."""
        text = self._text
        if text is None:
            assert self._data is not None
            try:
                self._text = text = self._data.tobytes().decode()
            except UnicodeDecodeError as error:
                raise ModelFormatError(f"The tokenizer is not UTF-8: {error}") from error
        return text

    @property
    def spec(self) -> Any:
        """What the text says, in most cases a dictionary. It must not be changed."""
        spec = self._spec
        if spec is None:
            # Two threads may both get here: they parse the same.
            self._spec = spec = parse_json(self.text, what="The tokenizer")
        return spec

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenizerDocument) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def forget(self) -> None:
        """Let go of what was parsed or decoded; that is done again if it is asked for."""
        self._spec = None
        if self._data is not None:
            self._text = None
