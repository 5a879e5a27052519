"""Pages of HTML, and any text as part of one."""

from __future__ import annotations

import html

__all__ = ["document", "escaped", "titled_page"]

# Style of a page around a fragment that has its own.
_PAGE = """
body{font:15px/22px system-ui,sans-serif;margin:1em auto;padding:0 1em;max-width:60em;
background:#fff;color:#111}
h1{font-size:22px;line-height:28px;margin:.2em 0}
h2{font-size:17px;margin:1.4em 0 .3em}
"""

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


def document(title: str, body: str, style: str = "") -> str:
    """Return a page that is complete in itself, for wide and for narrow windows.

    Parameters
    ----------
    title : str
        Any text.
    body, style : str
        HTML and CSS, as they are.
    """
    sheet = f"<style>{style}</style>" if style else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title, 120)}</title>{sheet}</head><body>{body}</body></html>\n"
    )


def titled_page(title: str, fragment: str) -> str:
    """Return a page with a title above a fragment that has its own style."""
    return document(title, f"<h1>{escaped(title, 120)}</h1>{fragment}", _PAGE)
