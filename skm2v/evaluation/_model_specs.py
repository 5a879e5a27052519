"""Names of models on the command line."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skm2v._distillation import load_teacher
from skm2v._search.searcher import TextSearcher
from skm2v._static_model import StaticModel
from skm2v.datasets import default_model_path
from skm2v.evaluation._baselines import BM25, TfidfSVD, tfidf
from skm2v.evaluation._classifiers import TextClassifier, is_text_classifier
from skm2v.evaluation._encoders import Encoder, Model
from skm2v.evaluation._errors import ModelSpecError
from skm2v.evaluation._rivals import words, words_and_vectors
from skm2v.evaluation._searching import SearchModel, fused_search, stemmed_bm25
from skm2v.exceptions import MissingExtraError, Skm2vError

__all__ = ["load_model", "named_model"]


def named_model(name: str, model: Any) -> Model:
    """Wrap what is to be tested by what it can do; a classifier is one, whatever else it is."""
    if isinstance(model, TextSearcher):
        return SearchModel(name, model)
    kind = TextClassifier if is_text_classifier(model) else Encoder
    return kind(name, model)


def load_model(spec: str, name: str | None = None) -> Model:
    """Load a model under test by its name on the command line.

    Parameters
    ----------
    spec : str
        ``default`` (the bundled model), ``words`` (tf-idf of words and pairs with a linear SVM or
        cosines, BM25 for search: what to beat), ``both`` (`StaticTextClassifier`, or the cosine of
        `HybridVectorizer`), ``tfidf``, ``tfidf-svd``, ``bm25``, ``bm25-stems`` and ``search``
        (`TextSearcher` with words alone, and with words and meaning; for retrieval), a folder or
        hub id of a static model, ``model2vec:FOLDER``, ``teacher:FOLDER`` (a sentence transformer,
        through sentence-transformers where it is installed and the package's own reader where not),
        ``joblib:FILE`` (a fitted transformer, classifier or pipeline; only open files you trust),
        ``fused:FILE`` (a saved `FusedTextClassifier`) or ``python:MODULE:ATTRIBUTE`` (any object,
        or a function that returns one). ``NAME=SPEC`` gives it a name.
    name : str or None, default=None
        Name in results; made from `spec` when None.

    Returns
    -------
    model : Encoder, TextClassifier, or a rival of several models
        What :func:`evaluate` and :func:`run_task` take.

    Raises
    ------
    ModelSpecError
        If the model is not known or cannot be loaded.
    MissingExtraError
        If a package is missing that it needs.

    Examples
    --------
    >>> from skm2v.evaluation import load_model
    >>> load_model("baseline=tfidf").name
    'baseline'
    """
    head, equals, tail = spec.partition("=")
    if equals and name is None and not Path(spec).exists():
        name, spec = head, tail
    kind, colon, rest = spec.partition(":")
    try:
        if spec in _NAMED:
            model = _NAMED[spec]()
        elif colon and kind in _LOADERS:
            model = _LOADERS[kind](rest)
        else:
            model = _load_static(spec)
    except (ModelSpecError, MissingExtraError):
        raise
    except (Skm2vError, OSError, ValueError, ImportError, AttributeError) as error:
        raise ModelSpecError(
            f"Model {spec!r} cannot be loaded: {str(error).rstrip('.')}. Expected "
            f"{', '.join(_NAMED)}, a folder or hub id of a static model, or one of "
            f"{', '.join(f'{k}:...' for k in _LOADERS)}."
        ) from error
    if isinstance(model, Model):
        model.name = name or model.name
        return model
    loaded = named_model(name or _short(spec), model)
    if spec == "default":
        loaded.summary = "static vectors"
    return loaded


def _short(spec: str) -> str:
    """Name for results: the spec, or the last part of a path."""
    kind, colon, rest = spec.partition(":")
    if not colon:
        kind, rest = "", spec
    if kind == "python":
        return rest.rpartition(":")[2] or rest
    last = Path(rest).name if os.path.exists(rest) else rest
    return f"{last} ({kind})" if kind else last


def _load_default() -> Any:
    return _load_static(str(default_model_path()))


def _load_static(spec: str) -> Any:
    return StaticModel.from_pretrained(spec)


def _load_model2vec(path: str) -> Any:
    try:
        import model2vec
    except ImportError:
        raise MissingExtraError(
            f"Model model2vec:{path} needs model2vec: pip install model2vec, or leave out "
            "'model2vec:' to load the folder with skm2v."
        ) from None
    return model2vec.StaticModel.from_pretrained(path)


def _load_teacher(path: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        return load_teacher(path)
    return SentenceTransformer(path)


def _load_joblib(path: str) -> Any:
    import joblib

    return joblib.load(path)


def _load_fused(path: str) -> Any:
    from skm2v._classification.fused import FusedTextClassifier

    return FusedTextClassifier.load(path)


def _load_python(path: str) -> Any:
    module, colon, attribute = path.rpartition(":")
    if not colon:
        raise ModelSpecError(f"Model python:{path}: expected python:MODULE:ATTRIBUTE.")
    found = getattr(importlib.import_module(module), attribute)
    is_model = any(hasattr(found, name) for name in ("encode", "transform", "predict"))
    return found() if isinstance(found, type) or not is_model else found


_NAMED: dict[str, Callable[[], Any]] = {
    "default": _load_default,
    "words": words,
    "both": words_and_vectors,
    "tfidf": tfidf,
    "tfidf-svd": TfidfSVD,
    "bm25": BM25,
    "bm25-stems": stemmed_bm25,
    "search": fused_search,
}
_LOADERS: dict[str, Callable[[str], Any]] = {
    "model2vec": _load_model2vec,
    "teacher": _load_teacher,
    "joblib": _load_joblib,
    "fused": _load_fused,
    "python": _load_python,
}
