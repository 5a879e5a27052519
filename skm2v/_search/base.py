"""What stands behind the methods of :class:`TextSearcher`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skm2v._checks import check_n_jobs, is_count, is_number, require
from skm2v._doc_link import Documented
from skm2v._features.embedding import embedding_by
from skm2v._fit_report import FitReport
from skm2v._model.state import SealedState
from skm2v._model_transformer import ModelTransformer
from skm2v._pairs.coding import Stored
from skm2v._pairs.vectors import Vectors, check_vectors
from skm2v._pooling import check_texts
from skm2v._search.fusion import Found, Query, Weights, best_documents
from skm2v._search.index import Index
from skm2v._search.learned import LearnedStemmer
from skm2v._search.postings import Postings
from skm2v._search.reranking import blend, second_scores
from skm2v._search.result import SearchResult
from skm2v._search.stemming import Analyzer, Stem, snowball, stop_set
from skm2v._search.strings import Strings
from skm2v._search.words import JoinedTokens, PlainWords, Reader
from skm2v._static_model import StaticModel
from skm2v.exceptions import ModelFormatError

__all__ = ["FittedIndex"]

# Texts that are read at a time: some hundred megabytes of what is between texts and an index.
BATCH = 131_072
CHUNK = 8192  # vectors that are scaled at a time


class FittedIndex(SealedState, Documented, BaseEstimator):
    """Documents that are searched, and what makes vectors and terms of texts."""

    _plain_classes = (Index, Postings, Stored, Strings)

    embedder: Any
    lexical_weight: float
    stemmer: Any
    stop_words: Any
    k1: float
    b: float
    reranker: Any
    rerank_top: int
    rerank_weight: float
    n_jobs: int | None

    embedder_: Any
    fit_report_: FitReport
    _index: Index
    _terms_of: tuple[Any, Any]  # stemmer and stop words of the fit

    @property
    def _weights(self) -> Weights:
        return Weights(float(self.lexical_weight), float(self.k1), float(self.b))

    @property
    def _model(self) -> StaticModel | None:
        """The model whose tokens' vectors those of texts are sums of."""
        embedder = self.embedder_
        return embedder.model_ if isinstance(embedder, ModelTransformer) else None

    @property
    def _analyzer(self) -> Analyzer:
        """What makes terms of texts, built when it is first needed and not pickled."""
        known: Analyzer | None = self.__dict__.get("_built_analyzer")
        if known is None:
            known = self._built_analyzer = self._build_analyzer()
        return known

    def _build_analyzer(self) -> Analyzer:
        stemmer, stop_words = self._terms_of
        model = self._model
        reader: Reader = PlainWords() if model is None else JoinedTokens(model.pooler)
        stem: Stem | None
        if stemmer == "learned":
            if model is None:
                raise ValueError(
                    "stemmer='learned' needs the vectors of words, which only StaticEmbedder has;"
                    f" the embedder is a {type(self.embedder_).__name__}. Fix: name a language, or"
                    " stemmer=None."
                )
            stem = LearnedStemmer(model.pooler)
        else:
            stem = snowball(stemmer) if isinstance(stemmer, str) else stemmer
        return Analyzer(reader, stem, stop_set(stop_words, stemmer))

    def _plain_state(self) -> dict[str, Any]:
        state = super()._plain_state()
        state.pop("_built_analyzer", None)
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if "_index" in state and not self._index.is_sound():
            raise ModelFormatError(
                f"The pickled {type(self).__name__} is damaged: its arrays do not fit together."
            )

    def _index_of(self, texts: list[str], ids: Any) -> Index:
        """Make an index of texts."""
        embed = embedding_by(self.embedder_)
        vectors: list[npt.NDArray[np.float16]] = []
        parts: list[Postings] = []
        for start in range(0, max(len(texts), 1), BATCH):
            part = texts[start : start + BATCH]
            vectors.append(_halves(check_vectors(embed(part))))
            parts.append(Postings.of(self._analyzer.terms(part)))
        while len(parts) > 1:  # in pairs, so that each posting is copied few times
            parts = [
                parts[i].followed_by(parts[i + 1]) if i + 1 < len(parts) else parts[i]
                for i in range(0, len(parts), 2)
            ]
        index = Index(Strings.of(texts), ids, np.concatenate(vectors), parts[0])
        index.dense.prepare()
        return index

    def _queries(self, texts: list[str]) -> list[Query]:
        """Vectors and terms of queries."""
        vectors = embedding_by(self.embedder_)(texts)
        terms, numbers, indptr = self._analyzer.terms(texts)
        found = []
        for row in range(len(texts)):
            own, repeats = np.unique(numbers[indptr[row] : indptr[row + 1]], return_counts=True)
            counts = {
                terms[number]: n for number, n in zip(own.tolist(), repeats.tolist(), strict=True)
            }
            vector = vectors[row] if vectors.shape[1] == self._index.vectors.shape[1] else None
            if vector is None:  # of blank texts alone
                vector = np.zeros(self._index.vectors.shape[1], dtype=np.float32)
            found.append(Query(vector, counts))
        return found

    def _first_stage(
        self, texts: list[str], k: int, permitted: npt.NDArray[np.bool_] | None
    ) -> Iterator[Found]:
        return best_documents(
            self._index, self._queries(texts), k, self._weights, permitted, self.n_jobs
        )

    def _stages(
        self, texts: list[str], k: int, permitted: npt.NDArray[np.bool_] | None
    ) -> Iterator[tuple[Found, npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
        """Yield for each query what was found, the scores it is sorted by, and the reranker's."""
        if self.reranker is None:
            for found in self._first_stage(texts, k, permitted):
                yield found, found.score, np.full(len(found.rows), np.nan)
            return
        found_for_all = list(self._first_stage(texts, max(k, self.rerank_top), permitted))
        lists = [self._index.texts.take(found.rows) for found in found_for_all]
        for found, second in zip(
            found_for_all, second_scores(self.reranker, texts, lists), strict=True
        ):
            score = blend(found.score, second, self.rerank_weight)
            order = np.argsort(-score, kind="stable")[:k]
            yield found.take(order), score[order], second[order]

    def _search(
        self, texts: list[str], k: int, permitted: npt.NDArray[np.bool_] | None
    ) -> SearchResult:
        parts = list(self._stages(texts, k, permitted))
        sizes = [len(score) for _, score, _ in parts]

        def column(values: list[Any], dtype: Any = np.float64) -> npt.NDArray[Any]:
            return np.concatenate([np.zeros(0, dtype), *values])

        rows = column([found.rows for found, _, _ in parts], np.int64)
        return SearchResult(
            texts,
            np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)]),
            self._index.ids_at(rows),
            self._index.texts.take(rows),
            rows,
            column([score for _, score, _ in parts]),
            column([found.score for found, _, _ in parts]),
            column([found.cosine for found, _, _ in parts]),
            column([found.words for found, _, _ in parts]),
            column([found.bm25 for found, _, _ in parts]),
            column([second for _, _, second in parts]),
        )

    def _check(self, queries: Any, k: Any, name: str = "k") -> list[str]:
        """Texts of queries, one of which may come as it is."""
        check_is_fitted(self, "_index")
        # Of what may change after the fit, and not `_validate_params`: it takes half a millisecond.
        for parameter in ("lexical_weight", "b", "rerank_weight"):
            value = getattr(self, parameter)
            require(is_number(value) and 0 <= value <= 1, parameter, value, "a number from 0 to 1")
        require(is_number(self.k1) and self.k1 >= 0, "k1", self.k1, "a number that is not negative")
        check_n_jobs(self.n_jobs)
        require(is_count(self.rerank_top), "rerank_top", self.rerank_top, "a positive integer")
        require(is_count(k), name, k, "a positive integer")
        texts: list[str] = check_texts([queries] if isinstance(queries, str) else queries).texts
        return texts

    def _report(self, seconds: float | None = None) -> FitReport:
        postings = self._index.postings
        facts = {
            "n_documents": len(self._index),
            "n_terms": len(postings.terms),
            "n_postings": len(postings.documents),
            "mean_length": postings.mean_length,
            "n_components": self._index.vectors.shape[1],
            "stemmer": self._terms_of[0]
            if isinstance(self._terms_of[0], (str, type(None)))
            else "function",
        }
        return FitReport(facts if seconds is None else {**facts, "seconds": seconds})

    @property
    def ids_(self) -> npt.NDArray[Any]:
        """Ids of the documents, in their order."""
        check_is_fitted(self, "_index")
        ids = self._index.ids
        return np.array(list(ids), dtype=object) if isinstance(ids, Strings) else ids.copy()

    @property
    def n_documents_(self) -> int:
        """Number of documents."""
        check_is_fitted(self, "_index")
        return len(self._index)


def _halves(vectors: Vectors) -> npt.NDArray[np.float16]:
    """Vectors in half the space; those of another length than 1 are scaled to it.

    Only directions count, and a float16 has neither very large numbers nor very small ones.
    """
    norms = np.sqrt(vectors.squares)
    norms[norms == 0] = 1.0
    halves = np.empty(vectors.values.shape, dtype=np.float16)
    for start in range(0, len(halves), CHUNK):
        part = slice(start, start + CHUNK)
        # In float64: the reciprocal of a very small norm is too large for float32.
        halves[part] = vectors.values[part] / norms[part, np.newaxis]
    return halves
