"""The switcher of versions, where a site is published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = "_static/switcher.json"


def theme_options(site: str, release: str) -> dict[str, Any]:
    """Return what the theme needs; a build for reading here has no other version beside it."""
    if not site:
        return {"navbar_start": ["navbar-logo"]}
    return {
        "navbar_start": ["navbar-logo", "version-switcher"],
        "switcher": {"json_url": FILE, "version_match": release},
    }


def finish(folder: Path, site: str) -> None:
    """Give the versions of a built site their full addresses, or leave them out."""
    path = folder / FILE
    if not site:
        path.unlink(missing_ok=True)
        return
    entries = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries:
        entry["url"] = f"{site}/{entry['url']}"
    path.write_text(json.dumps(entries), encoding="utf-8")
