"""Searchers in files: what goes into one, and what comes out again."""

from __future__ import annotations

import os
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skm2v._checks import check_flag
from skm2v._embedder import StaticEmbedder
from skm2v._features.embedding import fit_embedder
from skm2v._search import index_file
from skm2v._search.base import FittedIndex
from skm2v._search.index_file import SearchContent
from skm2v._search.stemming import snowball_version
from skm2v._warnings import warn_user
from skm2v.exceptions import ModelFormatError, VersionWarning

__all__ = ["SavedIndex"]


class SavedIndex(FittedIndex):
    """A searcher that is written to a file and read from one."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that searches need to one file, in one step.

        An interrupted save leaves the old file as it was. The reranker is no part of it.

        Parameters
        ----------
        path : str or path
            File; one that is there is replaced.

        Raises
        ------
        TypeError
            If the embedder is no ``StaticEmbedder``, or the stemmer is a function: a file holds
            no code. Pickle such a searcher.
        OSError
            If the file cannot be written; one that was there is still there.
        """
        check_is_fitted(self, "_index")
        index_file.write(self._content(), path)

    def _content(self) -> SearchContent:
        (stemmer, stop_words), model = self._terms_of, self._model
        if model is None:
            raise TypeError(
                f"save() writes the static model of a StaticEmbedder; this searcher has a"
                f" {type(self.embedder_).__name__}. Fix: joblib.dump(searcher, path)."
            )
        if not isinstance(stemmer, (str, type(None))):
            raise TypeError(
                "save() writes the name of a stemmer, and no function. Fix: joblib.dump(searcher,"
                " path)."
            )
        named = isinstance(stemmer, str) and stemmer != "learned"
        settings = {
            "b": float(self.b),
            "k1": float(self.k1),
            "lexical_weight": float(self.lexical_weight),
            "rerank_top": int(self.rerank_top),
            "rerank_weight": float(self.rerank_weight),
            "stemmer": stemmer,
            "stemmer_version": snowball_version(str(stemmer)) if named else None,
            "stop_words": stop_words
            if isinstance(stop_words, (str, type(None)))
            else sorted(stop_words),
        }
        return SearchContent(self._index, model, settings)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        mmap: bool = False,
        verify: bool = True,
        reranker: Any = None,
        n_jobs: int | None = None,
    ) -> Any:
        """Read a searcher that :meth:`save` has written.

        Nothing in the file is executed: it holds numbers and strings, which are checked.

        Parameters
        ----------
        path : str or path
            A file that :meth:`save` has written.
        mmap : bool, default=False
            Map the file into memory instead of reading it, so that processes share one copy. The
            file must not be changed in place as long as it is in use; `save` replaces it.
        verify : bool, default=True
            Whether the hash of the content is computed, which reads all of the file. False leaves
            it to you to know that the file is what was saved: damage may then be other hits
            without an error. All else is checked.
        reranker, n_jobs : as for :class:`~skm2v.TextSearcher`
            Parameters that are no part of a file.

        Returns
        -------
        searcher : TextSearcher
            The searcher that was saved.

        Raises
        ------
        ModelFormatError
            If the file is damaged, of a newer format, or holds something else.
        OSError
            If there is no such file or it cannot be read.
        MissingExtraError
            If its stemmer needs PyStemmer, which is not installed.

        Warns
        -----
        VersionWarning
            If the index was made with another version of the stemmers.
        """
        content = index_file.read(path, mmap=mmap, verify=check_flag("verify", verify))
        model, settings = content.model, content.settings
        version = settings.pop("stemmer_version")
        embedder = StaticEmbedder(model, max_length=model.max_length, normalize=model.normalize)
        searcher: Any = cls(embedder, reranker=reranker, n_jobs=n_jobs, **settings)
        try:
            searcher._validate_params()
        except ValueError as error:
            raise ModelFormatError(f"{path} is damaged: {error}") from error
        searcher._terms_of = (searcher.stemmer, searcher.stop_words)
        searcher.embedder_ = fit_embedder(embedder, [""], n_jobs)
        searcher._index = content.index
        here = None if version is None else snowball_version(str(searcher.stemmer))
        if here != version:
            warn_user(
                f"The terms of {path} were made by version {version} of the stemmers (here {here})."
                " A word whose stem changed is not found. Fix: fit again.",
                VersionWarning,
            )
        searcher.fit_report_ = searcher._report()
        return searcher
