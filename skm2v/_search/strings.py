"""Many strings as one run of bytes, which a file can hold and processes can share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Strings"]

CHUNK = 65_536  # strings that are checked at a time


@dataclass(frozen=True, eq=False)
class Strings:
    """A list of strings that is never changed.

    Attributes
    ----------
    data : ndarray of int8 of shape (n_bytes,)
        UTF-8 of all strings, one after the other.
    starts : ndarray of int64 of shape (n + 1,)
        The bytes of string ``i`` are ``data[starts[i]:starts[i + 1]]``.
    """

    data: npt.NDArray[np.int8]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, strings: Iterable[str]) -> Strings:
        """Gather strings."""
        parts = [string.encode() for string in strings]
        starts = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, parts), dtype=np.int64, count=len(parts)), out=starts[1:])
        return cls(np.frombuffer(b"".join(parts), dtype=np.int8), starts)

    def is_sound(self) -> bool:
        """Whether the arrays fit together and hold strings."""
        data, starts = self.data, self.starts
        if (
            data.dtype != np.int8
            or starts.dtype != np.int64
            or data.ndim != 1
            or starts.ndim != 1
            or not len(starts)
            or starts[0] != 0
            or starts[-1] != len(data)
            or (np.diff(starts) < 0).any()
        ):
            return False
        # A string starts where a character does; all is UTF-8 if each part of it is.
        first = data[starts[:-1][np.diff(starts) > 0]].view(np.uint8)
        if ((first & 0xC0) == 0x80).any():
            return False
        try:
            for start in range(0, len(self), CHUNK):
                stop = min(start + CHUNK, len(self))
                str(data[starts[start] : starts[stop]].data, "utf-8")
        except UnicodeDecodeError:
            return False
        return True

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, i: int) -> str:
        return self._bytes(range(len(self))[i]).decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self.take(np.arange(len(self))))

    def _bytes(self, i: int) -> bytes:
        return self.data[self.starts[i] : self.starts[i + 1]].tobytes()

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> list[str]:
        """Return some of the strings."""
        data, starts, stops = self.data.data, self.starts[rows], self.starts[rows + 1]
        spans = zip(starts.tolist(), stops.tolist(), strict=True)
        return [str(data[start:stop], "utf-8") for start, stop in spans]

    def where(self, keep: npt.NDArray[np.bool_]) -> Strings:
        """Return the strings that are kept."""
        lengths = np.diff(self.starts)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[keep])])
        return Strings(self.data[np.repeat(keep, lengths)], starts)

    def followed_by(self, other: Strings) -> Strings:
        """Return these strings, then others."""
        return Strings(
            np.concatenate([self.data, other.data]),
            np.concatenate([self.starts, self.starts[-1] + other.starts[1:]]),
        )

    def find(self, string: str) -> int:
        """Row of a string where they are sorted; -1 if it is not there."""
        wanted = string.encode()
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            # UTF-8 sorts as strings do.
            if self._bytes(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self) and self._bytes(low) == wanted else -1
