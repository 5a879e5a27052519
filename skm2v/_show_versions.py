"""What a bug report needs to say."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

_CORE = ("skm2v", "numpy", "scipy", "scikit-learn", "joblib", "tokenizers", "safetensors")
_OPTIONAL = ("torch", "transformers", "huggingface_hub", "pandas", "polars", "datasets")


def show_versions() -> None:
    """Print the versions a bug report needs, and whether the compiled kernel is in use.

    The packages are not imported.

    Examples
    --------
    >>> import skm2v
    >>> skm2v.show_versions()
    python : 3...
    >>> skm2v.__version__
    '0...'
    """
    from skm2v._version import __version__

    rows = [("python", sys.version.split()[0]), ("platform", platform.platform())]
    for name in (*_CORE, *_OPTIONAL):
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, __version__ if name == "skm2v" else "not installed"))
    rows.append(("compiled kernel", _kernel()))
    width = max(len(name) for name, _ in rows)
    for name, version in rows:
        print(f"{name:<{width}} : {version}")


def _kernel() -> str:
    try:
        import skm2v._pooling.kernel  # noqa: F401
    except ImportError as error:
        return f"not available ({error})"
    return "available"
