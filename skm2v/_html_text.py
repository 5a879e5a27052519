"""Any text as part of a page of HTML."""

from __future__ import annotations

import html

__all__ = ["escaped"]

# Control characters, which HTML forbids, become their pictures; halves of surrogate pairs, which
# no file can hold, and what stands for nothing become the sign for what cannot be shown.
_PICTURES = {code: 0x2400 + code for code in range(32) if code not in (9, 10, 13)}
_PICTURES.update(
    {code: 0xFFFD for code in (*range(0x7F, 0xA0), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)}
)


def escaped(text: str, most: int | None = None) -> str:
    """Escape a text, and cut it where it has more than `most` characters."""
    if most is not None and len(text) > most:
        text = text[: most - 1] + "…"
    return html.escape(text.translate(_PICTURES))
