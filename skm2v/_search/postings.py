"""Which documents have a term, how often: counts, from which BM25 is computed at query time.

Nothing in the arrays depends on how they came about: those after additions and removals are the
ones of all that is there, to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skm2v._search.stemming import TermStream
from skm2v._search.strings import Strings

__all__ = ["Postings", "Share"]

# Terms of a query whose shares are held at a time.
TERMS = 64


class Share(NamedTuple):
    """What a term of a query adds to documents.

    Attributes
    ----------
    documents : ndarray of int32 of shape (n,)
        Ascending.
    values : ndarray of float64 of shape (n,)
    """

    documents: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Postings:
    """Counts of terms in documents, a sparse matrix whose rows are terms.

    Attributes
    ----------
    terms : Strings
        Sorted; each is in a document.
    starts : ndarray of int64 of shape (n_terms + 1,)
        Documents and counts of term ``i`` are those from ``starts[i]`` to ``starts[i + 1]``.
    documents : ndarray of int32 of shape (n_postings,)
        Of each term ascending.
    counts : ndarray of int8 or int32 of shape (n_postings,)
        int8 if all of them fit.
    lengths : ndarray of int32 of shape (n_documents,)
        Number of terms of each document.
    """

    terms: Strings
    starts: npt.NDArray[np.int64]
    documents: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int8] | npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]

    @classmethod
    def of(cls, stream: TermStream) -> Postings:
        """Count the terms of documents."""
        lengths = np.diff(stream.indptr)
        n = max(len(lengths), 1)
        keys = stream.numbers * n + np.repeat(np.arange(len(lengths)), lengths)
        keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        terms, documents = np.divmod(keys[first], n)
        counts = np.diff(first, append=len(keys))
        return cls._build(Strings.of(stream.terms), terms, documents, counts, lengths)

    @classmethod
    def _build(
        cls,
        strings: Strings,
        terms: npt.NDArray[np.int64],
        documents: npt.NDArray[np.integer[Any]],
        counts: npt.NDArray[np.integer[Any]],
        lengths: npt.NDArray[np.integer[Any]],
    ) -> Postings:
        starts = np.searchsorted(terms, np.arange(len(strings) + 1))
        small = not len(counts) or counts.max() <= np.iinfo(np.int8).max
        return cls(
            strings,
            starts.astype(np.int64),
            documents.astype(np.int32),
            counts.astype(np.int8) if small else counts.astype(np.int32),
            lengths.astype(np.int32),
        )

    @property
    def n_documents(self) -> int:
        """Number of documents."""
        return len(self.lengths)

    @property
    def of_terms(self) -> npt.NDArray[np.int64]:
        """Number of the term of each posting."""
        return np.repeat(np.arange(len(self.terms)), np.diff(self.starts))

    def followed_by(self, other: Postings) -> Postings:
        """Return the counts of these documents, then others."""
        own, theirs = list(self.terms), list(other.terms)
        strings = sorted({*own, *theirs})
        places = {string: place for place, string in enumerate(strings)}
        parts = []
        for postings, names in ((self, own), (other, theirs)):
            new = np.fromiter(map(places.__getitem__, names), dtype=np.int64, count=len(names))
            parts.append(new[postings.of_terms])
        terms = np.concatenate(parts)
        # Two sorted runs: later documents come after earlier ones.
        order = np.argsort(terms, kind="stable")
        documents = np.concatenate([self.documents, other.documents + self.n_documents])
        counts = np.concatenate([self.counts.astype(np.int32), other.counts])
        return Postings._build(
            Strings.of(strings),
            terms[order],
            documents[order],
            counts[order],
            np.concatenate([self.lengths, other.lengths]),
        )

    def where(self, keep: npt.NDArray[np.bool_]) -> Postings:
        """Return the counts of some of the documents."""
        kept = keep[self.documents]
        terms = self.of_terms[kept]
        there = np.zeros(len(self.terms), dtype=bool)
        there[terms] = True
        return Postings._build(
            self.terms.where(there),
            (np.cumsum(there) - 1)[terms],
            (np.cumsum(keep) - 1)[self.documents[kept]],
            self.counts[kept],
            self.lengths[keep],
        )

    def idf(self, term: int) -> float:
        """Weight of a term, ``log(1 + (n - df + 1/2) / (df + 1/2))``."""
        n, df = self.n_documents, int(self.starts[term + 1] - self.starts[term])
        return float(np.log1p((n - df + 0.5) / (df + 0.5)))

    @cached_property
    def mean_length(self) -> float:
        """Terms of a document, on average."""
        return int(self.lengths.sum(dtype=np.int64)) / max(self.n_documents, 1)

    def share(self, term: int, repeats: int, k1: float, b: float) -> Share:
        """What a term adds to the BM25 of its documents.

        Parameters
        ----------
        term : int
            Place in `terms`.
        repeats : int
            How often the query has it.
        k1, b : float
        """
        part = slice(self.starts[term], self.starts[term + 1])
        documents, counts = self.documents[part], self.counts[part].astype(np.float64)
        relative = self.lengths[documents] / (self.mean_length or 1.0)
        damping = k1 * (1.0 - b + b * relative)
        weight = repeats * self.idf(term) * (k1 + 1.0)
        return Share(documents, weight * counts / (counts + damping))

    def bm25(self, query: dict[str, int], k1: float, b: float) -> npt.NDArray[np.float64]:
        """BM25 of all documents.

        Parameters
        ----------
        query : dict of str to int
            How often the query has each term. Sums go in this order.
        k1, b : float

        Returns
        -------
        scores : ndarray of float64 of shape (n_documents,)
        """
        known = [(self.terms.find(term), repeats) for term, repeats in query.items()]
        known = [(term, repeats) for term, repeats in known if term >= 0]
        scores: npt.NDArray[np.float64] = np.zeros(self.n_documents)
        for start in range(0, len(known), TERMS):
            shares = [self.share(term, n, k1, b) for term, n in known[start : start + TERMS]]
            documents = np.concatenate([share.documents for share in shares])
            values = np.concatenate([share.values for share in shares])
            sums = np.bincount(documents, values, len(scores)).astype(np.float64, copy=False)
            scores = scores + sums if start else sums
        return scores

    def is_sound(self) -> bool:
        """Whether the arrays fit together."""
        n_terms, n = len(self.terms), len(self.documents)
        arrays = (self.starts, self.documents, self.counts, self.lengths)
        if not (
            all(array.ndim == 1 for array in arrays)
            and self.starts.dtype == np.int64
            and self.documents.dtype == self.lengths.dtype == np.int32
            and self.counts.dtype in (np.int8, np.int32)
            and len(self.starts) == n_terms + 1
            and len(self.counts) == n
            and self.starts[0] == 0
            and self.starts[-1] == n
            and (np.diff(self.starts) > 0).all()
            and (self.counts > 0).all()
            and (self.lengths >= 0).all()
        ):
            return False
        if n and not (self.documents.min() >= 0 and self.documents.max() < self.n_documents):
            return False
        inside = np.ones(n, dtype=bool)
        inside[self.starts[:-1]] = False
        if not (np.diff(self.documents)[inside[1:]] > 0).all():
            return False
        terms = list(self.terms)
        return all(a < b for a, b in zip(terms, terms[1:], strict=False))
