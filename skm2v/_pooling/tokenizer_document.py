"""The text of a ``tokenizer.json`` file, and what it says."""

from __future__ import annotations

from typing import Any

from skm2v._strict_json import parse_json
from skm2v.exceptions import ModelFormatError

__all__ = ["TokenizerDocument"]


class TokenizerDocument:
    """A ``tokenizer.json``, parsed when it is first looked into, and once for all who do.

    The checks of a tokenizer, the tokenizer itself and the compiled kernel are all made of it. What
    was parsed takes several times the memory of the text, so it can be let go.

    Parameters
    ----------
    text : str
        Content of the file.

    Raises
    ------
    ModelFormatError
        If `text` is no string; when it is looked into, if it is no JSON.
    """

    __slots__ = ("_spec", "text")

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise ModelFormatError(
                "A tokenizer is built from the text of a tokenizer.json file; got"
                f" {type(text).__name__}. Pass tokenizer.to_str() or path.read_text()."
            )
        self.text = text
        self._spec: Any = None

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
        """Let go of what was parsed; it is parsed again if it is asked for."""
        self._spec = None
