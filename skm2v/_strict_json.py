"""JSON from untrusted files: one meaning per text, bounded cost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from skm2v.exceptions import ModelFormatError

__all__ = ["canonical_json", "count_strings", "parse_json"]

# Bounds the memory of the parsed objects: about 64 bytes per bracket or comma at most. The
# largest vocabularies in use (500,000 scored pieces) need about 2 million.
MAX_STRUCTURE = 3_000_000
MAX_DIGITS = 400


def parse_json(
    text: str | bytes,
    *,
    what: str,
    max_structure: int = MAX_STRUCTURE,
    max_objects: int = MAX_STRUCTURE,
    max_strings: int | None = None,
) -> Any:
    """Parse JSON, refusing whatever readers could disagree on.

    Parameters
    ----------
    text : str or bytes
        JSON text; bytes must be UTF-8.
    what : str
        Name of the text in error messages.
    max_structure : int, default=3,000,000
        Largest number of brackets and commas, those in strings included.
    max_objects : int, default=3,000,000
        Largest number of objects; reading stops at one more.
    max_strings : int or None, default=None
        Largest number of strings, keys included. What is quoted in a string, as JSON in JSON, does
        not count. None means no limit of their own.

    Returns
    -------
    value : object

    Raises
    ------
    ModelFormatError
        If the text is not JSON, repeats a key, holds NaN or infinity, or is too deep or large.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        structure = sum(map(text.count, "[{,"))
        if structure > max_structure:
            raise ModelFormatError(
                f"{what} has {structure} brackets and commas; at most {max_structure} are read."
            )
        if max_strings is not None and (n_strings := count_strings(text)) > max_strings:
            raise ModelFormatError(
                f"{what} has {n_strings} strings; at most {max_strings} are read."
            )
        return json.loads(
            text,
            object_pairs_hook=_unique_keys(max_objects),
            parse_constant=_refuse_constant,
            parse_int=_parse_int,
        )
    except ModelFormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{what} is not valid JSON: {error}") from error


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, ASCII, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def count_strings(text: str) -> int:
    """Return the number of strings in a JSON text, without parsing it."""
    bare = text.replace("\\\\", "")  # a backslash before a quote then escapes it
    return (bare.count('"') - bare.count('\\"')) // 2


def _unique_keys(max_objects: int) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    n_objects = 0

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal n_objects
        n_objects += 1
        if n_objects > max_objects:
            raise ValueError(f"more than {max_objects} objects")
        value = dict(pairs)
        if len(value) != len(pairs):
            times = Counter(key for key, _ in pairs)
            repeated = next(key for key in value if times[key] > 1)
            raise ValueError(f"the key {repeated[:40]!r} is repeated")
        return value

    return build


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)
