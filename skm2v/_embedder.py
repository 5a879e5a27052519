"""Texts to vectors, as a scikit-learn transformer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

from joblib import Memory
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions

from skm2v._callbacks import CallbackSupport
from skm2v._checks import MAX_LENGTH
from skm2v._distillation.teacher.device import TEACHER_DTYPES, TeacherDType
from skm2v._distillation.teacher.teacher import POOLINGS, Pooling
from skm2v._doc_link import Documented
from skm2v._fit_context import fit_context
from skm2v._model.config import Axes
from skm2v._model.hub import BUNDLED
from skm2v._model.quantization import DTYPES, DType
from skm2v._model_transformer import ModelTransformer
from skm2v._resolve_model import build_model, teacher_options
from skm2v._static_model import StaticModel

__all__ = ["StaticEmbedder"]


class StaticEmbedder(ModelTransformer, CallbackSupport, Documented, BaseEstimator):
    r"""Embed texts with one vector per token, distilled from a sentence transformer.

    `fit` obtains a table with one vector per token: it distils a named sentence transformer (the
    teacher; needs torch) or loads a model that is static already. `transform` averages the
    vectors of the tokens of each text, on the CPU, without torch.

    Parameters
    ----------
    model_name : str, path-like or StaticModel, default="default"
        Where the vectors come from:

        - ``"default"``: the static model that is bundled with skm2v (English, 256 dimensions);
        - a folder or hub id of a sentence transformer or other transformers model, which is
          distilled;
        - a folder or hub id of a static model (of skm2v, Model2Vec or the `StaticEmbedding` of
          sentence-transformers), or a :class:`~skm2v.StaticModel`, which is used as it is.

        A string that looks like a path and does not exist is an error, never a download.
    pca_dims : int, float, "auto", "default" or None, default="default"
        Number of dimensions of the vectors. For a teacher: the number of principal components,
        the share of the variance that they must explain (a float up to 1), ``"auto"`` to
        rotate and keep all, None to leave the teacher's vectors as they are; ``"default"`` is
        256. There are never more than the teacher has. A static source is cut to its first
        `pca_dims` columns, if they are ordered by variance; ``"default"``, ``"auto"`` and None
        keep all of them.
    objective : {"auto", "tokens", "sentences"}, default="auto"
        What `fit` does with a teacher. ``"tokens"``: the vector of a token is what the teacher
        makes of that token alone; the texts are not used. ``"sentences"``: the teacher reads the
        texts, and vectors are fitted so that their means come close to what it makes of whole
        texts, at no cost in `transform`. It needs some thousand texts, without labels, and the
        teacher's pass over them; with fewer than 200 different ones, or with texts that do not
        help, there is a warning and the result of ``"tokens"``. ``"auto"``: ``"tokens"`` for a
        teacher; a static source is loaded as it is.
    align : {"texts", "teacher"}, default="texts"
        ``"texts"`` reduces to the principal components of the teacher's vectors of the texts;
        ``"teacher"`` stays in the teacher's own space, with all its dimensions, so that its
        vectors and those of `transform` can be compared. Only for ``objective="sentences"``.
    ngram_range : (1, 1) or (1, 2), default=(1, 1)
        (1, 2) adds rows for the 4,000 most frequent pairs of neighbouring tokens. Only for
        ``objective="sentences"``.
    extra_words : int, default=0
        Add at most so many frequent words that the teacher's vocabulary splits. Only for
        ``objective="sentences"``.
    max_teacher_texts : int or None, default=None
        Let the teacher read so many of the texts only. Only for ``objective="sentences"``.
    sif_coefficient : float or None, default=1e-4
        Coefficient of the smooth inverse frequency weights of tokens; frequencies follow from the
        order of the vocabulary by Zipf's law. None means equal weights. Only for teachers.
    pooling : {"mean", "last", "first", "pooler", "auto"}, default="mean"
        Which of the teacher's states make the vector of a token: their mean, the last one, the
        first one, the output of the pooling layer, or what the teacher uses for sentences. Only
        for teachers.
    vocabulary : list of str or None, default=None
        Words to add to the teacher's vocabulary. Only for teachers.
    token_remove_pattern : str or None, default=r"\[unused\d+\]"
        Tokens whose beginning matches this regular expression are left out. Only for teachers.
    quantize_to : {"float16", "float32", "float64", "int8"}, default="float16"
        Number type of the stored table; int8 keeps a scale for each row. The vectors of texts are
        float32 in any case. Only for teachers.
    max_length : int or None, default=512
        Number of tokens of a text that are used. None means all.
    normalize : bool, default=True
        Whether to scale the vectors of texts to Euclidean norm 1.
    stretch : mapping or None, default=None
        Axes along which distances are made longer, such as ``{"valence": 1.5}`` for sentiment; see
        :meth:`StaticModel.stretch <skm2v.StaticModel.stretch>`.
    handle_missing : {"error", "zero"}, default="error"
        What to do with missing texts (None, NaN, ``pandas.NA``): raise an error that names the
        rows, or embed them as zeros.
    device : str or None, default=None
        Torch device of the teacher, such as ``"cpu"`` or ``"cuda"``. None means a CUDA or Apple
        device if there is one. Only for teachers.
    teacher_dtype : {"float32", "bfloat16"}, default="float32"
        What the teacher computes in. ``"bfloat16"`` nearly halves the time of its pass, where the
        processor or GPU has instructions for it, and is an error where it has none. The vectors
        move by little: some are read in float32, too, and `fit_report_` tells the cosine. Only
        for teachers.
    revision : str or None, default=None
        Branch, tag or commit of a hub id. Only for hub ids.
    prompt : str or None, default=None
        Text that a teacher reads before every token and every text, such as ``"query: "`` for E5 or
        the instruction of an instruct model. None means none before tokens and its own default
        prompt before texts. `transform` is given texts without it. Only for teachers.
    trust_remote_code : bool, default=False
        Whether Python code that comes with a teacher may run. Static models never run code.
    allow_pickle_weights : bool, default=False
        Whether the weights of a teacher may be a pickle, which can run any code, where it has no
        safetensors.
    memory : str, path, joblib.Memory or None, default=None
        Folder in which the pass through the teacher is cached, for other processes and later
        days. Without it, the pass is shared by all fits of one process only. Entries are files
        with checksums and locks, so an object that only has a `cache` method cannot keep them.
    n_jobs : int or None, default=None
        Number of threads of `transform`. None means 1, -1 all processors. Inside a joblib worker
        it is always 1.

    Attributes
    ----------
    model_ : StaticModel
        The model that embeds texts: ``model_.save_pretrained(folder)`` saves it for use without
        scikit-learn.
    embedding_ : ndarray of shape (n_rows, n_components_)
        Table of vectors, read-only, in the stored number type.
    vocabulary_ : dict of str to int
        Token id of each token.
    n_components_ : int
        Number of dimensions of the vectors.
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of the variance of the teacher's token vectors along each dimension. Only where it
        is known: after a distillation with PCA, or when the static source came with it.
    fit_report_ : mapping
        What `fit` did: the source, its revision and licence, the objective, the number of tokens
        and dimensions. For ``objective="sentences"`` also the chosen penalties, the cosine with
        the teacher on held-out texts, and the seconds of each stage; after `add_words` and
        `adapt`, what these did. Notebooks show a table.
        Pickles leave out seconds and memory, so that equal fits have equal pickles.
    n_features_in_ : int
        1, only if `fit` got a frame or an array with one column.
    feature_names_in_ : ndarray of shape (1,)
        Name of the column, only if `fit` got a frame whose column name is a string.

    See Also
    --------
    skm2v.StaticModel : The model itself, with the interface of Model2Vec and
        sentence-transformers.
    skm2v.distill : Distillation with every option, without scikit-learn.

    Notes
    -----
    Unless ``objective="sentences"``, vectors depend on the source and on the parameters only:
    `fit` checks the texts but learns nothing from them, so there is no leakage between the folds
    of a cross-validation, and a search over `pca_dims`, `sif_coefficient`, `normalize` or
    `max_length` pays for one pass through the teacher in each process; with `memory` set, for one
    pass in all. With ``objective="sentences"`` the teacher reads each different text once, folds
    share what they have in common, and labels are never used.

    Parameters that decide about vectors take effect in `fit`. `handle_missing` and `n_jobs` can
    be changed at any time.

    Texts without any known token get a zero vector. Such texts, and texts that are longer than
    `max_length`, are counted in one :class:`~skm2v.exceptions.TextWarning` per call.

    A fitted embedder is safe to share between threads, and pickles without torch.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skm2v import StaticEmbedder
    >>> texts = ["Win a free phone now", "Claim your prize", "See you at lunch", "Call me later"]
    >>> spam = [True, True, False, False]
    >>> classifier = make_pipeline(StaticEmbedder(), LogisticRegression())
    >>> classifier.fit(texts, spam).predict(["A free prize for you"])
    array([ True])
    >>> StaticEmbedder().fit_transform(texts).shape
    (4, 256)
    """

    __module__ = "skm2v"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "model_name": [str, os.PathLike, StaticModel],
        "pca_dims": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
            StrOptions({"auto", "default"}),
            None,
        ],
        "objective": [StrOptions({"auto", "tokens", "sentences"})],
        "align": [StrOptions({"texts", "teacher"})],
        "ngram_range": [tuple, list],
        "extra_words": [Interval(Integral, 0, None, closed="left")],
        "max_teacher_texts": [Interval(Integral, 1, None, closed="left"), None],
        "sif_coefficient": [Interval(Real, 0, 1, closed="neither"), None],
        "pooling": [StrOptions(set(POOLINGS))],
        "vocabulary": [list, tuple, None],
        "token_remove_pattern": [str, None],
        "quantize_to": [StrOptions(set(DTYPES))],
        "max_length": [Interval(Integral, 1, MAX_LENGTH, closed="both"), None],
        "normalize": ["boolean"],
        "stretch": [Mapping, None],
        "handle_missing": [StrOptions({"error", "zero"})],
        "device": [str, None],
        "teacher_dtype": [StrOptions(set(TEACHER_DTYPES))],
        "revision": [str, None],
        "prompt": [str, None],
        "trust_remote_code": ["boolean"],
        "allow_pickle_weights": ["boolean"],
        "memory": [str, os.PathLike, Memory, None],
        "n_jobs": [Integral, None],
    }

    # skrub hands one column at a time to a transformer that says this.
    __single_column_transformer__ = True

    def __init__(
        self,
        model_name: str | os.PathLike[str] | StaticModel = BUNDLED,
        *,
        pca_dims: int | float | Literal["auto", "default"] | None = "default",
        objective: Literal["auto", "tokens", "sentences"] = "auto",
        align: Literal["texts", "teacher"] = "texts",
        ngram_range: tuple[int, int] = (1, 1),
        extra_words: int = 0,
        max_teacher_texts: int | None = None,
        sif_coefficient: float | None = 1e-4,
        pooling: Pooling = "mean",
        vocabulary: Sequence[str] | None = None,
        token_remove_pattern: str | None = r"\[unused\d+\]",
        quantize_to: DType = "float16",
        max_length: int | None = 512,
        normalize: bool = True,
        stretch: Axes | None = None,
        handle_missing: Literal["error", "zero"] = "error",
        device: str | None = None,
        teacher_dtype: TeacherDType = "float32",
        revision: str | None = None,
        prompt: str | None = None,
        trust_remote_code: bool = False,
        allow_pickle_weights: bool = False,
        memory: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.model_name = model_name
        self.pca_dims = pca_dims
        self.objective = objective
        self.align = align
        self.ngram_range = ngram_range
        self.extra_words = extra_words
        self.max_teacher_texts = max_teacher_texts
        self.sif_coefficient = sif_coefficient
        self.pooling = pooling
        self.vocabulary = vocabulary
        self.token_remove_pattern = token_remove_pattern
        self.quantize_to = quantize_to
        self.max_length = max_length
        self.normalize = normalize
        self.stretch = stretch
        self.handle_missing = handle_missing
        self.device = device
        self.teacher_dtype = teacher_dtype
        self.revision = revision
        self.prompt = prompt
        self.trust_remote_code = trust_remote_code
        self.allow_pickle_weights = allow_pickle_weights
        self.memory = memory
        self.n_jobs = n_jobs

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any = None) -> StaticEmbedder:
        """Load or distil the model.

        Parameters
        ----------
        X : column of str
            Texts: a list, tuple, iterator, 1-D array, Series, or a frame or array with one
            column. They are checked as in `transform`, and learned from only with
            ``objective="sentences"``.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : StaticEmbedder
            Fitted embedder.

        Raises
        ------
        TextTypeError, TextValueError
            If `X` is not a column of texts.
        ModelFormatError, TeacherError, OSError
            If the model cannot be found, loaded or distilled.
        MissingExtraError
            If the model is a teacher and torch is not installed.
        ValueError
            If a parameter is invalid or does not apply to a static source.
        """
        column = self._check_to_fit(X, self.handle_missing)
        task = self._begin_task(X, y)
        parameters = self.get_params(deep=False)
        del parameters["handle_missing"], parameters["n_jobs"]
        self.model_, self.fit_report_ = build_model(column.texts, **parameters)
        self._remember_column(column, X)
        if task is not None:
            task.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes={})
        return self

    def _teacher(
        self, model_name: str | os.PathLike[str] | None, device: str | None
    ) -> dict[str, Any]:
        """Where the teacher is, as arguments of `extend` and `adapt`."""
        parameters = self.get_params(deep=False)
        if device is not None:
            parameters["device"] = device
        return teacher_options(model_name, **parameters)
