"""Distillation of a teacher into a static model; the public functions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from skm2v.exceptions import TeacherError

if TYPE_CHECKING:
    from skm2v._distillation.teacher.device import TeacherDType
    from skm2v._distillation.teacher.teacher import Pooling
    from skm2v._model.config import Axes
    from skm2v._model.quantization import DType
    from skm2v._static_model import StaticModel

__all__ = ["distill", "distill_from_model"]


def distill(
    model_name: str | os.PathLike[str],
    *,
    vocabulary: Sequence[str] | None = None,
    pca_dims: int | float | Literal["auto"] | None = 256,
    sif_coefficient: float | None = 1e-4,
    pooling: Pooling = "mean",
    token_remove_pattern: str | None = r"\[unused\d+\]",
    quantize_to: DType = "float16",
    vocabulary_quantization: int | None = None,
    max_length: int | None = 512,
    normalize: bool = True,
    stretch: Axes | None = None,
    objective: Literal["tokens", "sentences"] = "tokens",
    corpus: Any = None,
    align: Literal["texts", "teacher"] = "texts",
    ngram_range: tuple[int, int] = (1, 1),
    extra_words: int = 0,
    max_teacher_texts: int | None = None,
    prompt: str | None = None,
    device: str | None = None,
    teacher_dtype: TeacherDType = "float32",
    revision: str | None = None,
    subfolder: str | None = None,
    trust_remote_code: bool = False,
    allow_pickle_weights: bool = False,
    memory: Any = None,
    batch_size: int = 256,
    show_progress_bar: bool | None = None,
) -> StaticModel:
    r"""Distil a sentence transformer into a static model.

    Every token of the teacher's vocabulary is embedded once by the teacher; the vectors are
    reduced by principal component analysis and weighted by an estimate of how rare the token is.
    The result embeds a text by averaging rows of that table, without the teacher and without
    torch.

    Parameters
    ----------
    model_name : str or path
        The teacher: a local folder of a sentence transformer or of a plain transformer, or a hub
        id, which is looked up in the hub's cache when offline. A name that looks like a path is
        never looked up on the hub.
    vocabulary : sequence of str or None, default=None
        Words that become tokens of their own, in addition to the teacher's, or strings of several
        words, such as ``"new york"``; see Notes.
    pca_dims : int, float, "auto" or None, default=256
        Number of dimensions (at most the teacher's), or the share of variance that they keep.
        "auto" rotates and keeps all, None does not rotate.
    sif_coefficient : float or None, default=1e-4
        Coefficient a of the weights a / (a + p), where the probability p of a token is estimated
        by Zipf's law from its id. None means no weights.
    pooling : {"mean", "last", "first", "pooler", "auto"}, default="mean"
        How the teacher's states of one token and the special tokens around it become a vector.
        "auto" is the teacher's own pooling, followed by its Dense layers.
    token_remove_pattern : str or None, default=r"\[unused\d+\]"
        Regular expression; tokens that it matches from their start are removed.
    quantize_to : {"float16", "float32", "float64", "int8"}, default="float16"
        Number type of the table. int8 has a scale for each row.
    vocabulary_quantization : int or None, default=None
        Number of clusters of tokens that share a row. None means a row for each token.
    max_length : int or None, default=512
        Number of tokens of a text that the model uses. None means all.
    normalize : bool, default=True
        Whether the model scales vectors of texts to Euclidean norm 1.
    stretch : mapping or None, default=None
        Axes along which the finished table is stretched, such as ``{"valence": 1.5}``; see
        :meth:`StaticModel.stretch <skm2v.StaticModel.stretch>`.
    objective : {"tokens", "sentences"}, default="tokens"
        "tokens" takes what the teacher makes of each token alone. "sentences" also lets it read
        the texts of `corpus`, and fits the rows so that their means come close to its vectors of
        these texts; with fewer than 200 different texts, or with texts that do not help, there is
        a warning and the result of "tokens". `sif_coefficient` then has no other use.
    corpus : column of str or None, default=None
        For "sentences": texts like those that the model will embed, without labels. 2,000 give
        most of the gain, 10,000 nearly all.
    align : {"texts", "teacher"}, default="texts"
        For "sentences": "texts" reduces to the principal components of the teacher's vectors of
        the texts; "teacher" stays in the teacher's own space, with all its dimensions, so that
        its vectors and the model's can be compared.
    ngram_range : (1, 1) or (1, 2), default=(1, 1)
        For "sentences": (1, 2) adds rows for the 4,000 most frequent pairs of neighbouring
        tokens, which only this package's format holds.
    extra_words : int, default=0
        For "sentences": add at most so many frequent words of the corpus that the teacher's
        vocabulary splits.
    max_teacher_texts : int or None, default=None
        For "sentences": let the teacher read so many of the texts only, chosen so that as many
        tokens as possible occur several times.
    prompt : str or None, default=None
        Text that the teacher reads before every token and every text, such as ``"query: "`` for E5
        or the instruction of an instruct model. None means none before tokens and the teacher's
        own default prompt before texts. The model itself is given texts without it.
    device : str or None, default=None
        Torch device of the teacher. None or "auto" means a CUDA or Apple device if there is one.
    teacher_dtype : {"float32", "bfloat16"}, default="float32"
        What the teacher computes in. "bfloat16" nearly halves the time of its pass, where the
        processor or GPU has instructions for it, and is an error where it has none. The vectors
        move by little: some are read in float32, too, and the logger "skm2v" tells the cosine.
    revision : str or None, default=None
        Branch, tag or commit of the teacher on the hub.
    subfolder : str or None, default=None
        Folder of the teacher inside the model.
    trust_remote_code : bool, default=False
        Run Python code that comes with the teacher.
    allow_pickle_weights : bool, default=False
        Load weights from pickles, which can run any code, where there are no safetensors.
    memory : str, path, joblib.Memory or None, default=None
        Where the teacher's vectors are kept between processes. Within one process the recent
        ones are kept anyway: distilling a teacher again with other dimensions or weights takes
        no second pass of it.
    batch_size : int, default=256
        Number of tokens that the teacher embeds at a time.
    show_progress_bar : bool or None, default=None
        Show on standard error how far each stage is. None shows it after a few seconds where
        somebody may be watching: in a terminal or notebook, and not in the workers of a search.
        The environment variable ``SKM2V_PROGRESS`` changes that everywhere: 0 shows nothing, 1
        shows it in files and pipes too. Seconds per stage go to the logger "skm2v".

    Returns
    -------
    model : StaticModel
        The static model, on the CPU.

    Raises
    ------
    TeacherError
        If the teacher cannot be found or loaded.
    MissingExtraError
        If torch, transformers or huggingface_hub is needed and not installed.
    ValueError
        If a parameter is out of its bounds.

    See Also
    --------
    distill_from_model : The same for a teacher in memory.

    Notes
    -----
    Tokens are read alone, rotated by a PCA and weighted as in Model2Vec [1]_, with SIF weights
    [2]_ by their rank in the vocabulary.

    A word of `vocabulary` is found wherever it stands as a word in the text that the tokenizer's
    normalizer leaves: with no letter, digit or underscore right before or behind it. It is never
    found inside another word, and texts without it keep their tokens. In scripts that put no spaces
    between words (Han, kana, Thai, Lao, Khmer, Myanmar) nothing says where a word ends, so a word
    that begins and ends in them is found wherever its characters follow each other; of several
    words that begin at one place, the longest is taken. Spaces inside of a phrase count: "new york"
    is found in "new  york" only if the normalizer makes one space of two. Words that are tokens
    already, and names of tokens, are left out. Where a tokenizer cannot find a word everywhere, a
    :class:`~skm2v.exceptions.TextWarning` names it.

    References
    ----------
    .. [1] S. Tulkens, T. van Dongen, "Model2Vec: Fast State-of-the-Art Static Embeddings", 2024.
    .. [2] S. Arora, Y. Liang, T. Ma, "A simple but tough-to-beat baseline for sentence
       embeddings", ICLR 2017.

    Examples
    --------
    >>> from skm2v import distill
    >>> model = distill("sentence-transformers/all-MiniLM-L6-v2", pca_dims=128)
    >>> model.encode(["Static vectors are fast."]).shape
    (1, 128)
    """
    from skm2v._distillation.distillation import distil
    from skm2v._static_model import StaticModel

    core, _ = distil(
        model_name,
        objective=objective,
        corpus=corpus,
        vocabulary=vocabulary,
        pca_dims=pca_dims,
        sif_coefficient=sif_coefficient,
        pooling=pooling,
        token_remove_pattern=token_remove_pattern,
        quantize_to=quantize_to,
        vocabulary_quantization=vocabulary_quantization,
        max_length=max_length,
        normalize=normalize,
        stretch=stretch,
        align=align,
        ngram_range=ngram_range,
        extra_words=extra_words,
        max_teacher_texts=max_teacher_texts,
        prompt=prompt,
        device=device,
        teacher_dtype=teacher_dtype,
        revision=revision,
        subfolder=subfolder,
        trust_remote_code=trust_remote_code,
        allow_pickle_weights=allow_pickle_weights,
        memory=memory,
        batch_size=batch_size,
        show_progress_bar=show_progress_bar,
    )
    return StaticModel._of_core(core)


def distill_from_model(
    model: Any,
    tokenizer: Any = None,
    *,
    vocabulary: Sequence[str] | None = None,
    pca_dims: int | float | Literal["auto"] | None = 256,
    sif_coefficient: float | None = 1e-4,
    pooling: Pooling = "mean",
    token_remove_pattern: str | None = r"\[unused\d+\]",
    quantize_to: DType = "float16",
    vocabulary_quantization: int | None = None,
    max_length: int | None = 512,
    normalize: bool = True,
    stretch: Axes | None = None,
    objective: Literal["tokens", "sentences"] = "tokens",
    corpus: Any = None,
    align: Literal["texts", "teacher"] = "texts",
    ngram_range: tuple[int, int] = (1, 1),
    extra_words: int = 0,
    max_teacher_texts: int | None = None,
    prompt: str | None = None,
    device: str | None = None,
    teacher_dtype: TeacherDType = "float32",
    memory: Any = None,
    batch_size: int = 256,
    show_progress_bar: bool | None = None,
) -> StaticModel:
    """Distil a sentence transformer that is in memory.

    Parameters
    ----------
    model : transformers.PreTrainedModel or sentence_transformers.SentenceTransformer
        The teacher. It is left as it is.
    tokenizer : transformers tokenizer or None, default=None
        A fast one. A `SentenceTransformer` brings its own.
    vocabulary, pca_dims, sif_coefficient, pooling, token_remove_pattern, quantize_to, \
vocabulary_quantization, max_length, normalize, stretch, objective, corpus, align, ngram_range, \
extra_words, max_teacher_texts, prompt : as for :func:`distill`
        What to distil, and how.
    device : str or None, default=None
        Torch device of the teacher. None means the one that it is on.
    teacher_dtype : {"float32", "bfloat16"}, default="float32"
        What the teacher computes in, as for :func:`distill`; its weights stay as they are.
    memory, batch_size, show_progress_bar : as for :func:`distill`
        How the teacher reads.

    Returns
    -------
    model : StaticModel
        The static model, on the CPU.

    Raises
    ------
    TeacherError
        If `model` or `tokenizer` is not supported.
    ValueError
        If a parameter is out of its bounds.

    Examples
    --------
    >>> from transformers import AutoModel, AutoTokenizer
    >>> from skm2v import distill_from_model
    >>> name = "sentence-transformers/all-MiniLM-L6-v2"
    >>> teacher, tokenizer = AutoModel.from_pretrained(name), AutoTokenizer.from_pretrained(name)
    >>> model = distill_from_model(teacher, tokenizer, pca_dims=64)
    >>> model.encode(["Static vectors are fast."]).shape
    (1, 64)
    """
    if isinstance(model, (str, os.PathLike)):
        raise TeacherError(
            f"model must be a transformers model or a SentenceTransformer; got"
            f" {type(model).__name__}. For a name or a folder use distill(model_name)."
        )
    from skm2v._distillation.distillation import distil
    from skm2v._static_model import StaticModel

    core, _ = distil(
        model,
        tokenizer,
        objective=objective,
        corpus=corpus,
        vocabulary=vocabulary,
        pca_dims=pca_dims,
        sif_coefficient=sif_coefficient,
        pooling=pooling,
        token_remove_pattern=token_remove_pattern,
        quantize_to=quantize_to,
        vocabulary_quantization=vocabulary_quantization,
        max_length=max_length,
        normalize=normalize,
        stretch=stretch,
        align=align,
        ngram_range=ngram_range,
        extra_words=extra_words,
        max_teacher_texts=max_teacher_texts,
        prompt=prompt,
        device=device,
        teacher_dtype=teacher_dtype,
        memory=memory,
        batch_size=batch_size,
        show_progress_bar=show_progress_bar,
    )
    return StaticModel._of_core(core)
