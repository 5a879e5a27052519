"""Search by words and meaning together, as a scikit-learn estimator."""

from __future__ import annotations

import time
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from skm2v._checks import is_integer, require, some
from skm2v._features.embedding import fit_embedder
from skm2v._pooling import check_texts
from skm2v._search.explaining import SearchExplanation, explain_score
from skm2v._search.fusion import score_all
from skm2v._search.index import check_ids, id_values, next_ids, read_where
from skm2v._search.result import SearchResult
from skm2v._search.saving import SavedIndex
from skm2v._search.stemming import Stem
from skm2v._search.tuning import Tuning, mean_ndcg, tune

__all__ = ["TextSearcher"]

# Without `str`, which is a collection of strings, too.
Words = list[str] | tuple[str, ...] | set[str] | frozenset[str]


class TextSearcher(SavedIndex):
    """Search a collection of texts by their words and their meaning together.

    The score of a document is ``(1 - lexical_weight) * cosine + lexical_weight * bm25 / largest``:
    the cosine of its vector and the query's, and its BM25 as a share of the largest one of the
    query. Words are joined from the tokens that vectors are made of, and stemmed. Both parts are
    exact: no document is missed by an approximate index, and documents can be added and removed
    with the result of a new fit.

    Parameters
    ----------
    embedder : transformer or None, default=None
        Makes dense vectors of texts; it is cloned and fitted to the corpus. None means
        ``StaticEmbedder()``.
    lexical_weight : float, default=0.5
        Weight of the words, from 0, which is the cosine alone, to 1, which is BM25 alone. It can
        be changed without another fit; `tune` chooses it.
    stemmer : str, callable or None, default="english"
        What makes one term of the forms of a word: the name of a language that PyStemmer has (the
        extra ``search``); a function that takes a list of words and returns as many stems;
        ``"learned"``, which groups words with the same first letters by the vectors of the model,
        for languages without a stemmer; or None, which leaves words as they are.
    stop_words : {"auto", "english"}, list of str or None, default="auto"
        Words that do not count. ``"auto"`` means the English ones, unless `stemmer` names another
        language.
    k1 : float, default=1.5
        How slowly repetitions of a word stop to count.
    b : float, default=0.75
        How much the length of a document counts: 0 not at all, 1 fully.
    reranker : callable, CrossEncoder or None, default=None
        A second stage: a function that takes a query and a list of texts and returns a score for
        each, or an object with ``predict``,
        such as a CrossEncoder of sentence-transformers, as it is.
    rerank_top : int, default=30
        Number of documents that the reranker reads of each query; at least those asked for.
    rerank_weight : float, default=0.5
        Weight of its scores. Both stages' scores are brought to mean 0 and standard deviation 1
        within the list before they are added; 1 orders by the reranker alone.
    n_jobs : int or None, default=None
        Number of threads. None means 1, -1 all processors.

    Attributes
    ----------
    embedder_ : transformer
        The fitted embedder.
    ids_ : ndarray of shape (n_documents,)
        Ids of the documents, in their order.
    n_documents_ : int
        Number of documents.
    fit_report_ : mapping
        Counts of documents, terms and postings, what was used, and seconds. Notebooks show a table.
    tuning_ : Tuning
        What `tune` tried; only after it.

    See Also
    --------
    skm2v.evaluation.ndcg_at : How good a ranking is.

    Notes
    -----
    Results are the same on every machine and for any number of threads; equal scores are sorted by
    the order of documents. Vectors are stored as float16, so cosines differ from those of
    `embedder` by about 0.0005.

    Ids may repeat, for passages of one document. With labels as ids, as ``GridSearchCV`` passes
    them, `score` says how well texts find others of their label.

    References
    ----------
    S. Robertson and H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond,
    Foundations and Trends in Information Retrieval 3(4), 2009. https://doi.org/10.1561/1500000019

    S. Bruch, S. Gai, A. Ingber, An Analysis of Fusion Functions for Hybrid Retrieval, ACM
    Transactions on Information Systems 42(1), 2023. https://doi.org/10.1145/3596512

    Examples
    --------
    >>> from skm2v import TextSearcher
    >>> texts = ["How to reset a password", "Opening hours", "Delete my account"]
    >>> searcher = TextSearcher().fit(texts, ids=["faq-1", "faq-2", "faq-3"])
    >>> [hit.id for hit in searcher.search(["I forgot my passwords"])[0]][0]
    'faq-1'
    """

    __module__ = "skm2v"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "embedder": [HasMethods(["fit", "transform"]), None],
        "lexical_weight": [Interval(Real, 0, 1, closed="both")],
        "stemmer": [str, callable, None],
        "stop_words": [str, list, tuple, set, frozenset, None],
        "k1": [Interval(Real, 0, None, closed="left")],
        "b": [Interval(Real, 0, 1, closed="both")],
        "reranker": [HasMethods(["predict"]), callable, None],
        "rerank_top": [Interval(Integral, 1, None, closed="left")],
        "rerank_weight": [Interval(Real, 0, 1, closed="both")],
        "n_jobs": [Integral, None],
    }

    tuning_: Tuning

    def __init__(
        self,
        embedder: Any = None,
        *,
        lexical_weight: float = 0.5,
        stemmer: str | Stem | None = "english",
        stop_words: Literal["auto", "english"] | Words | None = "auto",
        k1: float = 1.5,
        b: float = 0.75,
        reranker: Any = None,
        rerank_top: int = 30,
        rerank_weight: float = 0.5,
        n_jobs: int | None = None,
    ) -> None:
        self.embedder = embedder
        self.lexical_weight = lexical_weight
        self.stemmer = stemmer
        self.stop_words = stop_words
        self.k1 = k1
        self.b = b
        self.reranker = reranker
        self.rerank_top = rerank_top
        self.rerank_weight = rerank_weight
        self.n_jobs = n_jobs

    def fit(self, corpus: Any, ids: Any = None) -> TextSearcher:
        """Index texts.

        Parameters
        ----------
        corpus : column of str
            Documents: a list, tuple, iterator, 1-D array, Series, or a frame or array with one
            column.
        ids : column of str or of int, or None, default=None
            One for each document; None numbers them from 0.

        Returns
        -------
        self : TextSearcher
            The fitted searcher.

        Raises
        ------
        TextTypeError, TextValueError
            If `corpus` is not a column of texts, or some are missing.
        MissingExtraError
            If `stemmer` is a language and PyStemmer is not installed.
        TypeError, ValueError
            If a parameter is invalid, or ids do not fit.
        """
        self._validate_params()
        start = time.perf_counter()
        texts = check_texts(corpus).texts
        checked = next_ids(None, len(texts)) if ids is None else check_ids(ids, len(texts))
        fitted = TextSearcher(**self.get_params(deep=False))
        fitted._terms_of = (self.stemmer, self.stop_words)
        fitted.embedder_ = fit_embedder(self.embedder, texts, self.n_jobs)
        fitted._index = fitted._index_of(texts, checked)
        self._take(fitted)
        self.fit_report_ = self._report(time.perf_counter() - start)
        return self

    def _take(self, other: TextSearcher) -> None:
        """Take what another one was fitted to, at the end of a fit that may have been stopped."""
        self.__dict__.pop("tuning_", None)
        self.__dict__.pop("_built_analyzer", None)
        for name in ("_terms_of", "embedder_", "_index"):
            setattr(self, name, getattr(other, name))

    def add(self, texts: Any, ids: Any = None) -> TextSearcher:
        """Add documents after those that are there.

        Afterwards all results are those of a new fit, unless that would fit another embedder: the
        one that is there is kept. To replace documents, `remove` them first.

        Parameters
        ----------
        texts : column of str
            As for `fit`.
        ids : column of str or of int, or None, default=None
            As for `fit`, of the same type; None goes on after the largest integer.

        Returns
        -------
        self : TextSearcher
            The searcher, with the new documents.
        """
        check_is_fitted(self, "_index")
        checked = check_texts(texts).texts
        n, old = len(checked), self._index
        new_ids = next_ids(old.ids, n) if ids is None else check_ids(ids, n)
        if n:
            self._index = old.followed_by(self._index_of(checked, new_ids))
            self.fit_report_ = self._report()
        return self

    def remove(self, ids: Any) -> TextSearcher:
        """Remove documents; afterwards all results are those of a new fit without them.

        Parameters
        ----------
        ids : column of str or of int
            Those of the documents to remove.

        Returns
        -------
        self : TextSearcher
            The searcher, without the documents.

        Raises
        ------
        KeyError
            If there is no document of some id; nothing is removed then.
        """
        check_is_fitted(self, "_index")
        names = id_values([ids] if isinstance(ids, str) or is_integer(ids) else ids)
        unknown = [name for name in dict.fromkeys(names) if name not in self._index.places]
        if unknown:
            raise KeyError(f"There are no documents with the ids {some(unknown)}.")
        keep = np.ones(len(self._index), dtype=bool)
        keep[self._index.rows_of(names)] = False
        self._index = self._index.where(keep)
        self.fit_report_ = self._report()
        return self

    def search(self, queries: Any, k: int = 10, *, where: Any = None) -> SearchResult:
        """Find the best documents for queries.

        Parameters
        ----------
        queries : str or column of str
            One query, or a column of them.
        k : int, default=10
            Most documents to return for each query.
        where : mask, ids, callable or None, default=None
            Which documents may be found: an array of bool of shape (n_documents,), a collection of
            ids, or a function that takes an id and says whether. Scores are those without a filter.

        Returns
        -------
        result : SearchResult
            ``result[i]`` are the hits of query ``i``: documents with a score above 0, which share
            a word with the query or say something similar. A query of nothing known has none.

        Warns
        -----
        TextWarning
            If queries were truncated to the embedder's `max_length`, or hold no known token. Words
            count without a limit.
        """
        texts = self._check(queries, k)
        return self._search(texts, int(k), read_where(where, self._index))

    def kneighbors(self, X: Any, n_neighbors: int = 5, return_distance: bool = True) -> Any:
        """Find documents as scikit-learn's ``NearestNeighbors`` does.

        Parameters
        ----------
        X : column of str
            Queries.
        n_neighbors : int, default=5
            How many documents for each query.
        return_distance : bool, default=True
            Whether to return distances too.

        Returns
        -------
        distances : ndarray of float64 of shape (n_queries, n_neighbors)
            1 minus the score of the first stage, ascending; only if `return_distance`.
        indices : ndarray of int64 of shape (n_queries, n_neighbors)
            Places of the documents in the corpus. Where fewer are found, those with a score of 0
            or less follow.
        """
        texts = self._check(X, n_neighbors, "n_neighbors")
        n = len(self._index)
        if n_neighbors > n:
            raise ValueError(f"n_neighbors must be at most the {n} documents; got {n_neighbors}.")
        distances = np.empty((len(texts), n_neighbors))
        indices = np.empty((len(texts), n_neighbors), dtype=np.int64)
        queries = self._queries(texts)
        for row, found in enumerate(self._first_stage(texts, n_neighbors, None)):
            if len(found.rows) < n_neighbors:
                found = score_all(self._index, queries[row], self._weights)
            distances[row] = 1.0 - found.score[:n_neighbors]
            indices[row] = found.rows[:n_neighbors]
        return (distances, indices) if return_distance else indices

    def explain(self, query: str, id: Any) -> SearchExplanation:
        """Say what each word of a query adds to the score of a document.

        Parameters
        ----------
        query : str
            The query.
        id : str or int
            Of the document; of several passages with this id that with the best score.

        Returns
        -------
        explanation : SearchExplanation
            Its `words` and `meaning` sum to the score of the first stage. With another embedder
            than a ``StaticEmbedder`` the meaning is that of the whole query.

        Raises
        ------
        KeyError
            If there is no such document.
        """
        require(isinstance(query, str), "query", query, "one text, a str")
        text = self._check(query, 1)[0]
        rows = self._index.rows_of([id])
        if not len(rows):
            raise KeyError(f"There is no document with the id {id!r}.")
        own = self._queries([text])[0]
        if len(rows) > 1:
            found = score_all(self._index, own, self._weights)
            rows = found.rows[np.isin(found.rows, rows)]
        return explain_score(
            self._index, int(rows[0]), text, own, self._analyzer, self._model, self._weights
        )

    def score(self, queries: Any, relevance: Any) -> float:
        """Mean nDCG@10 of the ranking of all stages.

        Parameters
        ----------
        queries : column of str
            The queries.
        relevance : sequence
            For each query the relevant id, ids, or a mapping of ids to their relevance. Queries
            without a relevant document are left out.

        Returns
        -------
        ndcg : float
            From 0 to 1. Of an id that several documents have, all are relevant.
        """
        texts = self._check(queries, 1)
        found = [rows.rows for rows, _, _ in self._stages(texts, 10, None)]
        return mean_ndcg(self._index, found, relevance)

    def tune(
        self,
        queries: Any,
        relevance: Any,
        *,
        weights: npt.ArrayLike | None = None,
        cv: int = 5,
    ) -> TextSearcher:
        """Choose `lexical_weight`, and `rerank_weight` where there is a reranker, by nDCG@10.

        Parameters
        ----------
        queries, relevance : as for :meth:`score`
            Queries, and what is relevant to each.
        weights : array-like of float or None, default=None
            Those to try; None means 0, 0.1, and so on to 1.
        cv : int, default=5
            Number of folds of the queries. What is chosen on the others is scored on each fold, so
            that the score in `tuning_` is no flattery.

        Returns
        -------
        self : TextSearcher
            With the weights that are best for all queries set as parameters, and `tuning_`.
        """
        texts = self._check(queries, 1)
        tuning = tune(self, texts, relevance, weights, cv)
        self.lexical_weight = tuning.lexical_weight
        if tuning.rerank_weight is not None:
            self.rerank_weight = tuning.rerank_weight
        self.tuning_ = tuning
        return self
