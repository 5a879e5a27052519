from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "data" / "default"


def default_model_path() -> Path:
    """Return the folder of the bundled default model.

    The model is a static table distilled from sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)
    by this project's own `distill`: English, 256 dimensions, int8 rows with a scale each. Its
    card, `README.md` in the folder, holds the attribution.

    Returns
    -------
    path : pathlib.Path
        A folder that :meth:`skm2v.StaticModel.from_pretrained` loads.

    Raises
    ------
    FileNotFoundError
        When the installation lacks the folder.

    Examples
    --------
    >>> from skm2v import StaticModel
    >>> from skm2v.datasets import default_model_path
    >>> StaticModel.from_pretrained(default_model_path()).dim
    256
    """
    if not (_FOLDER / "model.safetensors").is_file():
        raise FileNotFoundError(
            f"The bundled default model is missing from this installation ({_FOLDER}). "
            "Reinstall skm2v, or in a checkout run `python tools/make_default_model.py`."
        )
    return _FOLDER
