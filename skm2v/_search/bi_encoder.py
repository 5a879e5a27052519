"""A sentence transformer as the second stage of a search; each text is read once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from skm2v._distillation import TeacherPass
from skm2v._doc_link import Documented
from skm2v._pooling import check_texts

__all__ = ["BiEncoderReranker"]


class BiEncoderReranker(Documented, BaseEstimator):
    """Score texts by the cosine of a sentence transformer's vectors.

    A function of a query and texts, for ``TextSearcher(reranker=...)``. It needs torch, the extra
    ``distill``. A text is read once: vectors are kept in this process, and with `memory` on disk,
    for other processes and later days.

    Parameters
    ----------
    teacher : str, path, SentenceTransformer or transformers model
        Folder or hub id, or what is in memory.
    tokenizer : transformers tokenizer or None, default=None
        Only with a transformers model.
    prompt : str or None, default=None
        Text that it reads before every document, such as ``"passage: "`` for E5. None means its
        own.
    query_prompt : str or None, default=None
        Text that it reads before every query, such as ``"query: "``. None means `prompt`.
    revision : str or None, default=None
        Branch, tag or commit of a hub id.
    device : str or None, default=None
        Torch device. None means a CUDA or Apple device if there is one.
    memory : str, path, joblib.Memory or None, default=None
        Folder in which vectors are kept.
    show_progress_bar : bool, default=False
        Show a bar for texts that are read.

    Examples
    --------
    >>> from skm2v import TextSearcher
    >>> from skm2v.search import BiEncoderReranker
    >>> reranker = BiEncoderReranker("sentence-transformers/all-MiniLM-L6-v2", memory="cache")
    >>> searcher = TextSearcher(reranker=reranker)
    """

    __module__ = "skm2v.search"

    def __init__(
        self,
        teacher: str | os.PathLike[str] | Any,
        *,
        tokenizer: Any = None,
        prompt: str | None = None,
        query_prompt: str | None = None,
        revision: str | None = None,
        device: str | None = None,
        memory: Any = None,
        show_progress_bar: bool = False,
    ) -> None:
        self.teacher = teacher
        self.tokenizer = tokenizer
        self.prompt = prompt
        self.query_prompt = query_prompt
        self.revision = revision
        self.device = device
        self.memory = memory
        self.show_progress_bar = show_progress_bar

    def __call__(self, query: str, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Score texts for a query.

        Parameters
        ----------
        query : str
        texts : sequence of str

        Returns
        -------
        scores : ndarray of float64 of shape (n_texts,)
            Cosines.
        """
        of_query = self._vectors(self._pass(self.query_prompt), [query])
        of_texts = self._vectors(self._pass(None), texts)
        return np.asarray(of_texts.astype(np.float64) @ of_query[0])

    def prepare(self, queries: Any, texts: Any) -> BiEncoderReranker:
        """Read queries and texts ahead, in one pass and with one bar.

        A search does so with its best documents; ``prepare([], corpus)`` reads a whole corpus.

        Parameters
        ----------
        queries, texts : column of str
            Queries and documents.

        Returns
        -------
        self : BiEncoderReranker
            The reranker itself.
        """
        for prompt, column in ((self.query_prompt, queries), (None, texts)):
            different = list(dict.fromkeys(check_texts(column).texts))
            if different:
                teacher = self._pass(prompt)
                with teacher.stages("second stage", len(different), "texts") as progress:
                    teacher.unit_vectors(different, progress)
        return self

    def _vectors(self, teacher: TeacherPass, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        different = list(dict.fromkeys(texts))
        places = {text: place for place, text in enumerate(different)}
        return teacher.unit_vectors(different)[[places[text] for text in texts]]

    def _pass(self, prompt: str | None) -> TeacherPass:
        """The pass of a prompt; its teacher is found once and loaded when a vector is missing."""
        prompt = self.prompt if prompt is None else prompt
        asked = {**self.get_params(deep=False), "prompt": prompt}
        del asked["query_prompt"]
        known = self.__dict__.setdefault("_passes", {})
        if prompt not in known or known[prompt][0] != asked:
            where = {name: asked[name] for name in ("memory", "show_progress_bar", "device")}
            if self.revision is not None:
                where["revision"] = self.revision
            opened = TeacherPass.open(self.teacher, self.tokenizer, prompt=prompt, **where)
            known[prompt] = asked, opened.keeping_the_teacher()
        found: TeacherPass = known[prompt][1]
        return found

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_passes", None)
        return state
