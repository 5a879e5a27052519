"""Retrieval from a corpus, and reranking of given candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from skm2v._checks import some
from skm2v._search.ranking import ranking_metrics
from skm2v.evaluation._errors import TaskDataError
from skm2v.evaluation._metrics import Floats, Matrix, is_sparse, unit_rows
from skm2v.evaluation._table_reader import TableReader
from skm2v.evaluation._task import Encode, Example, Outcome, Task, clip_text, worst_rows

__all__ = ["Reranking", "Retrieval", "search"]

# Similarities held at a time: 8 million float32 are 32 MB, whatever the size of the corpus.
_BLOCK_CELLS = 8_000_000


@dataclass(frozen=True)
class Retrieval(Task):
    """Search of a corpus: nDCG@10, recall and MAP, with trec_eval's definitions.

    Documents are ranked by cosine, or by the dot product for a model that says so. The search is
    exact, in blocks of queries. Documents with the same similarity are ordered by
    their identifier, last first, which is trec_eval's rule. As in MTEB, the first 1000 documents
    count, and queries without a relevant document are left out.

    Parameters
    ----------
    name : str
        Name of the data.
    queries : list of str
        Query texts.
    documents : list of str
        Document texts.
    document_ids : list of str
        Identifiers, used for the order of ties only.
    relevance : list of dict of str to int
        For every query, from row number of a document (as str) to its relevance above 0.

    Examples
    --------
    >>> from skm2v.evaluation import Retrieval, evaluate
    >>> documents = ["a red car", "a blue car", "the sky"]
    >>> task = Retrieval("colours", ["blue sky"], documents, ["a", "b", "c"], [{"2": 1}])
    >>> evaluate("bm25", task).results[0].score
    1.0
    """

    queries: list[str]
    documents: list[str]
    document_ids: list[str]
    relevance: list[dict[str, int]]

    type: ClassVar[str] = "retrieval"
    title: ClassVar[str] = "Retrieval"
    measure: ClassVar[str] = "nDCG@10 of an exact search"
    use: ClassVar[str] = "search"
    metric: ClassVar[str] = "ndcg_at_10"
    version: ClassVar[int] = 1
    depth: ClassVar[int] = 1000

    def fit_texts(self) -> list[str]:
        """The documents, once each; see `Task.fit_texts`.

        Returns
        -------
        texts : list of str
            Texts of the corpus.
        """
        return list(dict.fromkeys(self.documents))

    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model; see `Task.run`.

        Parameters
        ----------
        encode : Encode
            The model under test.
        n_worst : int, default=5
            How many of the worst errors to collect.

        Returns
        -------
        Outcome
            Score, replicates and worst errors.
        """
        documents = _comparable(encode, encode(self.documents, "document"))
        queries = _comparable(encode, encode(self.queries, "query"))
        ranked = search(queries, documents, _tie_order(self.document_ids), self.depth)
        return self.outcome(ranked, n_worst)

    def outcome(self, ranked: NDArray[np.int64], n_worst: int = 5) -> Outcome:
        """Score rankings, however they came about.

        Parameters
        ----------
        ranked : ndarray of shape (n_queries, depth), int64
            Row numbers of documents, best first; -1 where there are no more.
        n_worst : int, default=5
            How many of the worst errors to collect.

        Returns
        -------
        Outcome
            Score, replicates and worst errors.
        """
        gains = np.zeros(ranked.shape, dtype=np.float64)
        for query, judged in enumerate(self.relevance):
            relevant = {int(row): gain for row, gain in judged.items()}
            for place in np.flatnonzero(np.isin(ranked[query], list(relevant))):
                gains[query, place] = relevant[int(ranked[query, place])]
        metrics = ranking_metrics(gains, [np.array(list(j.values())) for j in self.relevance])
        return Outcome.of_items(
            metrics[self.metric],
            metrics={
                key: float(values.mean()) for key, values in metrics.items() if key != self.metric
            },
            protocol={"documents": len(self.documents), "depth": self.depth},
            worst=self._worst(metrics[self.metric], ranked, n_worst),
        )

    def _worst(self, ndcg: Floats, ranked: NDArray[np.int64], n_worst: int) -> list[Example]:
        return [
            {
                "query": clip_text(self.queries[row]),
                "expected": clip_text(self.documents[int(next(iter(self.relevance[row])))]),
                "found first": (
                    clip_text(self.documents[ranked[row, 0]]) if ranked[row, 0] >= 0 else ""
                ),
                "nDCG@10": f"{ndcg[row]:.3f}",
            }
            for row in worst_rows(1 - ndcg, n_worst)
        ]


@dataclass(frozen=True)
class Reranking(Task):
    """Ordering of given candidates by cosine: MAP and MRR over the whole candidate list.

    Candidates with the same similarity are ordered last first, so that a model which cannot tell
    them apart gains nothing from a list that has the right answers at its head.

    Parameters
    ----------
    name : str
        Name of the data.
    queries : list of str
        Query texts.
    positives, negatives : list of list of str
        For every query the right and the wrong candidates, at least one of each.

    Examples
    --------
    >>> from skm2v.evaluation import Reranking, evaluate
    >>> task = Reranking("colours", ["blue sky"], [["the blue sky"]], [["a red car", "a hat"]])
    >>> evaluate("bm25", task).results[0].score
    1.0
    """

    queries: list[str]
    positives: list[list[str]]
    negatives: list[list[str]]

    type: ClassVar[str] = "reranking"
    title: ClassVar[str] = "Reranking"
    measure: ClassVar[str] = "mean average precision of the given candidates"
    use: ClassVar[str] = "search"
    roles: ClassVar[tuple[str, ...]] = ("query", "positive", "negative")
    by_columns: ClassVar[bool] = True
    folders: ClassVar[tuple[str, ...]] = ("reranking",)
    metric: ClassVar[str] = "map"
    version: ClassVar[int] = 1

    def fit_texts(self) -> list[str]:
        """Return queries and candidates, once each; see `Task.fit_texts`.

        Returns
        -------
        texts : list of str
            Texts of both kinds.
        """
        return list(dict.fromkeys(self.queries + self._candidates()))

    @classmethod
    def of_table(cls, name: str, reader: TableReader) -> Reranking:
        """Make a task from the test split of a table; see `Task.of_table`.

        Parameters
        ----------
        name : str
            Name of the data.
        reader : TableReader
            Reads the columns of the table.

        Returns
        -------
        task : Reranking
            The task.
        """
        query, positive, negative = map(reader.column, ("query", "positive", "negative"))
        table = reader.test()
        candidates = {}
        for column in (positive, negative):
            bad = [
                row
                for row, value in enumerate(table.columns[column])
                if not isinstance(value, list)
                or not value
                or not all(isinstance(text, str) for text in value)
            ]
            if bad:
                raise TaskDataError(
                    f"{reader.table.source}: column {column!r} must hold a list of at least one "
                    f"text; rows {some(bad)} (counted from 0) do not. Correct or drop them."
                )
            candidates[column] = [list(value) for value in table.columns[column]]
        return cls(name, table.texts(query), candidates[positive], candidates[negative])

    def _candidates(self) -> list[str]:
        groups = zip(self.positives, self.negatives, strict=True)
        return [text for right, wrong in groups for text in right + wrong]

    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model; see `Task.run`.

        Parameters
        ----------
        encode : Encode
            The model under test.
        n_worst : int, default=5
            How many of the worst errors to collect.

        Returns
        -------
        Outcome
            Score, replicates and worst errors.
        """
        texts = self._candidates()
        candidates = _comparable(encode, encode(texts, "document"))
        queries = _comparable(encode, encode(self.queries, "query"))
        sizes = [len(p) + len(n) for p, n in zip(self.positives, self.negatives, strict=True)]
        gains = np.zeros((len(self.queries), max(sizes)))
        firsts, start = [], 0
        for query, size in enumerate(sizes):
            similarity = _dense(candidates[start : start + size] @ queries[[query]].T).ravel()
            order = np.lexsort((-np.arange(size), -similarity))
            gains[query, :size] = order < len(self.positives[query])
            firsts.append(texts[start + int(order[0])])
            start += size
        metrics = ranking_metrics(gains, [np.ones(len(p)) for p in self.positives], (10,))
        return Outcome.of_items(
            metrics[self.metric],
            metrics={
                key: float(values.mean()) for key, values in metrics.items() if key != self.metric
            },
            protocol={"candidates": len(texts)},
            worst=[
                {
                    "query": clip_text(self.queries[row]),
                    "expected": clip_text(self.positives[row][0]),
                    "found first": clip_text(firsts[row]),
                    "average precision": f"{metrics['map'][row]:.3f}",
                }
                for row in worst_rows(1 - metrics["map"], n_worst)
            ],
        )


def _tie_order(document_ids: list[str]) -> NDArray[np.int64]:
    """Place of every document among ties: identifiers in descending order."""
    order = np.empty(len(document_ids), dtype=np.int64)
    order[np.argsort(np.array(document_ids), kind="stable")[::-1]] = np.arange(len(document_ids))
    return order


def _comparable(encode: Encode, vectors: Matrix) -> Matrix:
    """Vectors whose products are what the model means by similarity."""
    return vectors if encode.similarity == "dot" else unit_rows(vectors)


def _dense(values: Matrix) -> NDArray[np.float32]:
    if is_sparse(values):
        values = values.toarray()
    return np.asarray(values, dtype=np.float32)


def search(
    queries: Matrix, documents: Matrix, tie_order: NDArray[np.int64], depth: int
) -> NDArray[np.int64]:
    """Row numbers of the `depth` most similar documents of every query, best first.

    Parameters
    ----------
    queries, documents : array or sparse matrix of shape (n, d)
        Rows of length one.
    tie_order : ndarray of shape (n_documents,), int64
        Lower comes first among documents of equal similarity.
    depth : int
        Documents to keep; fewer where the corpus is smaller.

    Returns
    -------
    ndarray of shape (n_queries, depth), int64
    """
    n_queries, n_documents = queries.shape[0], documents.shape[0]
    depth = min(depth, n_documents)
    found = np.empty((n_queries, depth), dtype=np.int64)
    step = max(1, _BLOCK_CELLS // n_documents)
    for start in range(0, n_queries, step):
        similarity = _dense(queries[start : start + step] @ documents.T)
        for offset, row in enumerate(similarity):
            # Everything at least as similar as the last one kept, so that ties are cut by rule.
            bound = np.partition(row, n_documents - depth)[n_documents - depth]
            kept = np.flatnonzero(row >= bound)
            order = np.lexsort((tie_order[kept], -row[kept]))[:depth]
            found[start + offset] = kept[order]
    return found
