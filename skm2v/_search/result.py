"""What a search found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Hit", "SearchResult"]

# A notebook that shows a thousand hits shows none.
MAX_SHOWN = 20


class Hit(NamedTuple):
    """A document that was found.

    Attributes
    ----------
    id : str or int
    score : float
        What hits are sorted by.
    cosine : float
        Of the vectors of query and document.
    bm25 : float
    second : float
        What the reranker said; NaN without one.
    position : int
        Place of the document in the index, from 0.
    text : str

    Examples
    --------
    >>> from skm2v import TextSearcher
    >>> documents = ["how to reset a password", "opening hours of the shop", "refunds and returns"]
    >>> hit = TextSearcher().fit(documents).search("lost password", k=1)[0][0]
    >>> hit.id, hit.text
    (0, 'how to reset a password')
    """

    id: Any
    score: float
    cosine: float
    bm25: float
    second: float
    position: int
    text: str


Hit.__module__ = "skm2v.search"


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Documents that were found for queries, the best ones first, as columns.

    ``result[i]`` is the list of the hits of query ``i``, ``len(result)`` the number of queries.

    Attributes
    ----------
    queries : list of str
    indptr : ndarray of int64 of shape (n_queries + 1,)
        The hits of query ``i`` are those from ``indptr[i]`` to ``indptr[i + 1]``.
    ids : list of str or of int
        Ids of the documents found.
    texts : list of str
    position : ndarray of int64 of shape (n_hits,)
        Places of the documents in the index.
    score : ndarray of float64 of shape (n_hits,)
        What hits are sorted by: the score of the first stage, or with a reranker the blend of
        both.
    first : ndarray of float64 of shape (n_hits,)
        ``(1 - lexical_weight) * cosine + lexical_weight * words``.
    cosine : ndarray of float64 of shape (n_hits,)
    words : ndarray of float64 of shape (n_hits,)
        BM25 as a share of the largest one of the query.
    bm25 : ndarray of float64 of shape (n_hits,)
    second : ndarray of float64 of shape (n_hits,)
        What the reranker said; NaN without one.

    Examples
    --------
    >>> from skm2v import TextSearcher
    >>> documents = ["how to reset a password", "opening hours of the shop", "refunds and returns"]
    >>> result = TextSearcher().fit(documents).search(["lost password", "when do you open"], k=1)
    >>> [hits[0].text for hits in result]
    ['how to reset a password', 'opening hours of the shop']
    >>> result.to_frame()["rank"].tolist()
    [1, 1]
    """

    queries: list[str]
    indptr: npt.NDArray[np.int64]
    ids: list[Any]
    texts: list[str]
    position: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    first: npt.NDArray[np.float64]
    cosine: npt.NDArray[np.float64]
    words: npt.NDArray[np.float64]
    bm25: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.queries)

    def __getitem__(self, i: int) -> list[Hit]:
        i = range(len(self))[i]
        part = slice(self.indptr[i], self.indptr[i + 1])
        columns = (self.score, self.cosine, self.bm25, self.second, self.position)
        lists = [column[part].tolist() for column in columns]
        return [*map(Hit, self.ids[part], *lists, self.texts[part])]

    def __iter__(self) -> Iterator[list[Hit]]:
        return (self[i] for i in range(len(self)))

    @property
    def query(self) -> npt.NDArray[np.int64]:
        """Number of the query of each hit."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    @property
    def rank(self) -> npt.NDArray[np.int64]:
        """Rank of each hit, from 1."""
        return np.arange(len(self.ids)) - self.indptr[:-1][self.query] + 1

    def to_frame(self) -> Any:
        """Return the hits as a pandas DataFrame, a row for each.

        Returns
        -------
        frame : pandas.DataFrame
            With the columns ``query``, ``query_text``, ``rank``, ``id``, ``score``, ``first``,
            ``cosine``, ``words``, ``bm25``, ``second``, ``position`` and ``text``.
        """
        import pandas

        query = self.query
        return pandas.DataFrame(
            {
                "query": query,
                "query_text": [self.queries[i] for i in query.tolist()],
                "rank": self.rank,
                "id": self.ids,
                "score": self.score,
                "first": self.first,
                "cosine": self.cosine,
                "words": self.words,
                "bm25": self.bm25,
                "second": self.second,
                "position": self.position,
                "text": self.texts,
            }
        )

    def __repr__(self) -> str:
        n_queries, n_hits = len(self), len(self.ids)
        return (
            f"<SearchResult: {n_queries:,} quer{'y' if n_queries == 1 else 'ies'},"
            f" {n_hits:,} hit{'s' * (n_hits != 1)}; print() shows them>"
        )

    def __str__(self) -> str:
        blocks = []
        for query, hits in zip(self.queries[:MAX_SHOWN], self, strict=False):
            shown = hits[:MAX_SHOWN]
            width = min(max((len(str(hit.id)) for hit in shown), default=0), 20)
            lines = [_short(query)]
            for rank, hit in enumerate(shown, 1):
                lines.append(f"{rank:4}  {hit.score:6.3f}  {hit.id!s:{width}}  {_short(hit.text)}")
            if len(hits) > len(shown):
                lines.append(f"      ... and {len(hits) - len(shown):,} more")
            blocks.append("\n".join(lines if hits else [*lines, "      nothing found"]))
        if len(self) > MAX_SHOWN:
            blocks.append(f"... and {len(self) - MAX_SHOWN:,} more queries")
        return "\n\n".join(blocks)

    def _repr_html_(self) -> str:
        rows = []
        for query, hits in zip(self.queries[:MAX_SHOWN], self, strict=False):
            rows.append(f"<tr><th colspan='5'>{escape(query[:200])}</th></tr>")
            rows += [
                f"<tr><td>{escape(str(hit.id))}</td><td>{hit.score:.3f}</td>"
                f"<td>{hit.cosine:.3f}</td><td>{hit.bm25:.2f}</td>"
                f"<td style='text-align:left'>{escape(hit.text[:200])}</td></tr>"
                for hit in hits[:MAX_SHOWN]
            ]
        names = ("id", "score", "cosine", "bm25", "text")
        head = "".join(f"<th>{name}</th>" for name in names)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


SearchResult.__module__ = "skm2v.search"


def _short(text: str, width: int = 80) -> str:
    """One line of a text, cut where it is longer."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
