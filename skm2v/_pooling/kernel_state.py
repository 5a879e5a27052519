"""What the compiled kernel makes of a tokenizer, as plain data that a file can hold.

Of a vocabulary of half a million tokens the trie takes a second to build, and the JSON of the
tokenizer half a second and a hundred megabytes to parse. A process that finds both done needs
neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["KERNEL_FORMAT", "KernelState"]

#: Number of the layout of the arrays and of what the settings mean. A file with another one is read
#: as if it had none of them, so raise it with every change of either.
KERNEL_FORMAT = 1


@dataclass(frozen=True, eq=False)
class KernelState:
    """Everything about a vocabulary that the kernel needs.

    Parameters
    ----------
    settings : mapping of str to Any
        What JSON can hold: `spec`, the tokenizer's own but for its vocabulary and merges;
        `n_tokens`; `unk_id`; `max_chars` and `roots` as ``Kernel`` has them; `byte_ids`, the tokens
        of single bytes, or none; `known`, the characters that words begin with and those that
        stand in them, or None where unknown characters are not split off.
    arrays : mapping of str to ndarray
        `units` and `tokens`, int32 of shape (n,), of the trie. `scores`, float64 of shape (V,), of
        Unigram tokenizers. `merges`, int32 of shape (m, 3), of byte-level ones. `foreign`, uint8, a
        bit for each token, if there are foreign ones.
    """

    settings: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]

    @property
    def spec(self) -> dict[str, Any]:
        """What a ``tokenizer.json`` says, without vocabulary and merges."""
        spec: dict[str, Any] = self.settings["spec"]
        return spec

    @property
    def n_tokens(self) -> int:
        """Number of tokens, those that were added included."""
        return int(self.settings["n_tokens"])

    @property
    def unk_id(self) -> int | None:
        """Id of the unknown token, if there is one."""
        token: int | None = self.settings["unk_id"]
        return token

    @property
    def trie(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32], list[int]]:
        """Units, tokens and roots, as ``build_trie`` of the kernel returns them."""
        # The numbers of a file are little-endian; those of most machines, too.
        units, tokens = (
            np.ascontiguousarray(self.arrays[name], np.int32) for name in ("units", "tokens")
        )
        return units.view(np.uint32), tokens, self.settings["roots"]

    @property
    def n_words(self) -> int:
        """Number of ids that the trie may have: a token that was added is in another one."""
        return len(self.arrays["scores"]) if "scores" in self.arrays else self.n_tokens

    @property
    def foreign(self) -> npt.NDArray[np.bool_] | None:
        """Tokens that tell of a language that the vocabulary was not made for, or None."""
        if "foreign" not in self.arrays:
            return None
        bits = np.unpackbits(self.arrays["foreign"], count=self.n_tokens, bitorder="little")
        return bits.view(np.bool_)
