"""Baselines without an embedding model: tf-idf, tf-idf followed by an SVD, and BM25."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, TransformerMixin

from skm2v._checks import is_number, require
from skm2v._doc_link import Documented

__all__ = ["BM25", "TfidfSVD", "tfidf"]

# Words of one letter count too: the tasks include single words and short product names.
_WORD = r"(?u)\b\w+\b"


def tfidf(pairs: bool = False) -> Any:
    """Return an unfitted tf-idf of words, sparse, float32.

    Parameters
    ----------
    pairs : bool, default=False
        Whether pairs of neighbouring words count beside the words.

    Returns
    -------
    vectorizer : TfidfVectorizer
        With ``sublinear_tf=True``.

    Examples
    --------
    >>> from skm2v.evaluation import tfidf
    >>> tfidf(pairs=True).fit(["a red car"]).get_feature_names_out().tolist()
    ['a', 'a red', 'car', 'red', 'red car']
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        sublinear_tf=True,
        token_pattern=_WORD,
        dtype=np.float32,
        ngram_range=(1, 2) if pairs else (1, 1),
    )


class TfidfSVD(TransformerMixin, Documented, BaseEstimator):
    """Latent semantic analysis: tf-idf of words, truncated SVD.

    Parameters
    ----------
    n_components : int, default=256
        Number of dimensions; fewer where the texts have fewer distinct words.
    random_state : int, default=0
        Seed of the randomised SVD.

    Attributes
    ----------
    vectorizer_ : TfidfVectorizer
        The fitted first step.
    svd_ : TruncatedSVD
        The fitted second step.

    References
    ----------
    S. Deerwester et al., Indexing by Latent Semantic Analysis, JASIS 41(6), 1990.

    Examples
    --------
    >>> from skm2v.evaluation import TfidfSVD
    >>> TfidfSVD(2).fit_transform(["a red car", "a blue car", "the blue sky"]).shape
    (3, 2)
    """

    def __init__(self, n_components: int = 256, random_state: int = 0) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: list[str], y: object = None) -> TfidfSVD:
        """Fit both steps on texts.

        Parameters
        ----------
        X : list of str
            Texts to learn from.
        y : None
            Not used.

        Returns
        -------
        self : TfidfSVD
            The fitted baseline.
        """
        from sklearn.decomposition import TruncatedSVD

        self.vectorizer_ = tfidf()
        counts = self.vectorizer_.fit_transform(X)
        rank = min(self.n_components, counts.shape[1] - 1)
        self.svd_ = TruncatedSVD(max(1, rank), random_state=self.random_state).fit(counts)
        return self

    def transform(self, X: list[str]) -> Any:
        """Embed texts.

        Parameters
        ----------
        X : list of str
            Texts to embed.

        Returns
        -------
        vectors : ndarray of shape (n_texts, n_components), float32
            A vector for each text.
        """
        return self.svd_.transform(self.vectorizer_.transform(X))


class BM25(TransformerMixin, Documented, BaseEstimator):
    """Okapi BM25 as sparse vectors: the score of a document is its dot product with the query.

    A document has the weight ``idf(w) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean))``
    for each word, a query counts its words, and ``idf(w) = log(1 + (n - df + 1/2) / (df + 1/2))``
    is never negative, as in Lucene. Words are as in `tfidf`, without stemming or a list of stop
    words.

    Parameters
    ----------
    k1 : float, default=1.2
        How slowly repetitions of a word stop to count.
    b : float, default=0.75
        How much the length of a document counts: 0 not at all, 1 fully.

    Attributes
    ----------
    vectorizer_ : CountVectorizer
        The fitted counts.
    idf_ : ndarray of shape (n_words,), float64
        Weights of the words.
    mean_length_ : float
        Words of a document, on average.

    References
    ----------
    S. Robertson and H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond,
    Foundations and Trends in Information Retrieval 3(4), 2009. https://doi.org/10.1561/1500000019

    C. Kamphuis et al., Which BM25 Do You Mean? ECIR 2020. https://doi.org/10.1007/978-3-030-45442-5_4

    Examples
    --------
    >>> from skm2v.evaluation import BM25
    >>> documents = ["a red car", "a blue car", "the blue sky"]
    >>> bm25 = BM25().fit(documents)
    >>> scores = bm25.encode_query(["blue sky"]) @ bm25.encode_document(documents).T
    >>> scores.toarray().argmax(axis=1).tolist()
    [2]
    """

    # Read by `Encoder`, as it is of sentence transformers.
    similarity_fn_name = "dot"

    def __init__(self, k1: float = 1.2, b: float = 0.75) -> None:
        self.k1 = k1
        self.b = b

    def fit(self, X: list[str], y: object = None) -> BM25:
        """Count the words of documents.

        Parameters
        ----------
        X : list of str
            The documents to be searched.
        y : None
            Not used.

        Returns
        -------
        self : BM25
            The fitted weighting.

        Raises
        ------
        ValueError
            If `k1` is negative, `b` is not from 0 to 1, or the documents hold no word.
        """
        from sklearn.feature_extraction.text import CountVectorizer

        require(is_number(self.k1) and self.k1 >= 0, "k1", self.k1, "a number that is not negative")
        require(is_number(self.b) and 0 <= self.b <= 1, "b", self.b, "a number from 0 to 1")
        self.vectorizer_ = CountVectorizer(token_pattern=_WORD, dtype=np.float32)
        counts = self.vectorizer_.fit_transform(X)
        n_documents = counts.shape[0]
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        self.idf_ = np.log1p((n_documents - frequency + 0.5) / (frequency + 0.5))
        self.mean_length_ = float(counts.sum(dtype=np.float64)) / n_documents
        return self

    def transform(self, X: list[str]) -> Any:
        """Weigh the words of documents.

        Parameters
        ----------
        X : list of str
            Documents.

        Returns
        -------
        weights : sparse matrix of shape (n_texts, n_words), float32
            A row for each document.
        """
        counts = self.vectorizer_.transform(X).tocsr()
        lengths = np.asarray(counts.sum(axis=1)).ravel() / self.mean_length_
        damping = np.repeat(self.k1 * (1 - self.b + self.b * lengths), np.diff(counts.indptr))
        weights = self.idf_[counts.indices] * counts.data * (self.k1 + 1) / (counts.data + damping)
        return scipy.sparse.csr_matrix(
            (weights.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape
        )

    def encode_document(self, X: list[str]) -> Any:
        """Weigh the words of documents; see `transform`.

        Parameters
        ----------
        X : list of str
            Documents.

        Returns
        -------
        weights : sparse matrix of shape (n_texts, n_words), float32
            A row for each document.
        """
        return self.transform(X)

    def encode_query(self, X: list[str]) -> Any:
        """Count the words of queries.

        Parameters
        ----------
        X : list of str
            Queries.

        Returns
        -------
        counts : sparse matrix of shape (n_texts, n_words), float32
            A row for each query.
        """
        return self.vectorizer_.transform(X)
