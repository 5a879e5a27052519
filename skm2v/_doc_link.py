"""Where estimators are documented, for the "?" of their HTML representation."""

from __future__ import annotations

import os
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata


@cache
def api_address() -> str:
    """Return the address of the folder of the API reference; empty where no site is known.

    The build that published the package wrote it into its metadata (``SKM2V_SITE`` in `setup.py`),
    so that a fork links to its own site. The same variable names another one when it is set while
    a program runs: a site that was built locally, say.
    """
    if site := os.environ.get("SKM2V_SITE", "").rstrip("/"):
        return f"{site}/api"
    try:
        addresses = metadata("skm2v").get_all("Project-URL") or []
    except PackageNotFoundError:  # a source tree
        return ""
    named: dict[str, str] = dict(one.split(", ", 1) for one in addresses)
    return named.get("API", "").rstrip("/")


class Documented:
    """An estimator whose HTML representation links to its page of the API reference."""

    _doc_link_module = "skm2v"

    @property
    def _doc_link_template(self) -> str:
        # The representation describes parameters only where there is something to link to.
        address = api_address()
        return f"{address}/{{estimator_module}}.{{estimator_name}}.html" if address else "#"
