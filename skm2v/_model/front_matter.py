"""Language, licence, origin and training that the card of a model or teacher declares.

A card (``README.md``) begins with front matter in YAML. Of that language only what cards use for
these four keys is read: a scalar, a list in brackets, or a list of lines. Whatever else is there
is passed over, for a card is prose, and no reason to refuse a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from skm2v._model import files
from skm2v._model.folder import Folder
from skm2v.exceptions import ModelFormatError

__all__ = ["CardFacts", "parse_card", "read_card"]

MAX_CARD_BYTES = 1 << 20
MATRYOSHKA = "loss:MatryoshkaLoss"  # tag that sentence-transformers writes

_KEY = re.compile(r"(license|language|base_model|tags)[ \t]*:[ \t]*(.*)")
_ITEM = re.compile(r"[ \t]*-[ \t]+(.*)")
_QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'""")
# One of a list in brackets: quoted, or up to the next comma.
_FLOW = re.compile(rf"[ \t]*({_QUOTED.pattern}|[^,\]]*)[ \t]*(?:,|$)")
_NOTHING = ("", "null", "~", "unknown")


class CardFacts(NamedTuple):
    """What a card declares.

    Attributes
    ----------
    licence : str or None
        Several are separated by commas.
    language : tuple of str
    base_model : str or None
        The first, if there are several.
    ordered : bool
        Whether the model was trained to be cut to its first columns (Matryoshka), as a tag says.
    """

    licence: str | None = None
    language: tuple[str, ...] = ()
    base_model: str | None = None
    ordered: bool = False


def read_card(folder: Folder | Path) -> CardFacts:
    """Read the ``README.md`` of a folder; nothing is declared if there is none to be read."""
    try:
        data, _ = files.read_file(folder / "README.md", max_bytes=MAX_CARD_BYTES)
        return parse_card(data.decode("utf-8-sig"))
    except (OSError, ModelFormatError, UnicodeDecodeError):
        return CardFacts()


def parse_card(text: str) -> CardFacts:
    """Return what the front matter of a card declares."""
    found: dict[str, list[str]] = {}
    key = None
    for line in _front_matter(text):
        entry, item = _KEY.match(line), _ITEM.match(line)
        if entry is not None:
            key, value = entry.groups()
            found[key] = list(_values(value))
        elif item is not None and key is not None and not line[:1].isalnum():
            found[key] += _values(item[1])
        elif line.strip() and not line.lstrip().startswith("#"):
            key = None
    licences, bases = found.get("license"), found.get("base_model")
    return CardFacts(
        licence=", ".join(licences) if licences else None,
        language=tuple(found.get("language", ())),
        base_model=bases[0] if bases else None,
        ordered=MATRYOSHKA in found.get("tags", ()),
    )


def _front_matter(text: str) -> Iterator[str]:
    lines = iter(text.splitlines())
    if next(lines, "").rstrip() != "---":
        return
    for line in lines:
        if line.rstrip() in ("---", "..."):
            return
        yield line


def _values(text: str) -> Iterator[str]:
    """Yield the scalars of a value in one line: one, those of a list in brackets, or none."""
    text = text.strip()
    if text.startswith("["):
        inside = text[1:].partition("]")[0]
        parts = [match[1] for match in _FLOW.finditer(inside)]
    else:
        parts = [text]
    for part in parts:
        value = _scalar(part.strip())
        if value not in _NOTHING:
            yield value


def _scalar(text: str) -> str:
    quoted = _QUOTED.match(text)
    if quoted is None:
        return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
    double, single = quoted.groups()
    if double is None:
        return single.replace("''", "'")
    return re.sub(r"\\(.)", r"\1", double)
