"""Why a document has its score: what each word of the query adds, by itself and by its meaning."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._classification.scores import ScoreTable
from skm2v._pooling import TokenIds
from skm2v._search.fusion import Query, Weights
from skm2v._search.index import Index
from skm2v._search.stemming import Analyzer
from skm2v._search.words import JoinedTokens, words_in
from skm2v._static_model import StaticModel

__all__ = ["SearchExplanation", "explain_score"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SearchExplanation:
    """What each word of a query adds to the score of a document.

    ``words.sum() + meaning.sum() == score``, but for rounding: nothing is estimated and nothing
    left out.

    Attributes
    ----------
    query, text : str
        Query and document.
    id : str or int
        Of the document.
    score : float
        ``(1 - lexical_weight) * cosine + lexical_weight * bm25 / (largest bm25 of the query)``.
    cosine : float
    bm25 : float
    parts : list of str
        Words of the query as they stand there, in their order; then pairs of neighbouring words
        that have a vector of their own. Where vectors are not sums over words, a last part, the
        empty string, stands for the meaning of the whole query.
    terms : list of str
        What each word was looked up as: stems, joined by a space. Empty for stop words.
    words : ndarray of float64 of shape (n_parts,)
        What each part adds because the document has this word. Of a word that comes twice each
        place has its half.
    meaning : ndarray of float64 of shape (n_parts,)
        What it adds by its vector; negative where it says something else than the document.

    Examples
    --------
    >>> from skm2v import TextSearcher
    >>> documents = ["how to reset a password", "opening hours of the shop", "refunds and returns"]
    >>> searcher = TextSearcher().fit(documents)
    >>> explanation = searcher.explain("reset my password", 0)
    >>> explanation.parts
    ['reset', 'my', 'password']
    >>> bool(abs(explanation.words.sum() + explanation.meaning.sum() - explanation.score) < 1e-6)
    True
    """

    query: str
    text: str
    id: Any
    score: float
    cosine: float
    bm25: float
    parts: list[str]
    terms: list[str]
    words: Floats
    meaning: Floats

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row for each part: part, term, words, meaning, both.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each part.
        """
        import pandas

        return pandas.DataFrame(
            {
                "part": self.parts,
                "term": self.terms,
                "words": self.words,
                "meaning": self.meaning,
                "both": self.words + self.meaning,
            }
        )

    def __repr__(self) -> str:
        rows = [
            f"{part or '(the whole query)':20} {word:8.3f} {meaning:8.3f}"
            for part, word, meaning in zip(self.parts, self.words, self.meaning, strict=True)
        ]
        text = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        head = f"{self.score:.3f} for {text!r}\n{'':20} {'words':>8} {'meaning':>8}"
        return "\n".join([head, *rows])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(part) or '<i>the whole query</i>'}</td><td>{word:.3f}</td>"
            f"<td>{meaning:.3f}</td></tr>"
            for part, word, meaning in zip(self.parts, self.words, self.meaning, strict=True)
        )
        head = f"<caption>{self.score:.3f} for {escape(self.text[:200])}</caption>"
        names = "<tr><th></th><th>words</th><th>meaning</th></tr>"
        return f"<table>{head}<thead>{names}</thead><tbody>{rows}</tbody></table>"


SearchExplanation.__module__ = "skm2v.search"


def explain_score(
    index: Index,
    row: int,
    text: str,
    query: Query,
    analyzer: Analyzer,
    model: StaticModel | None,
    weights: Weights,
) -> SearchExplanation:
    """Take the score of a document apart; `model` is None where vectors are no sums of tokens."""
    postings, w = index.postings, weights.lexical
    largest = float(postings.bm25(query.terms, weights.k1, weights.b).max(initial=0.0)) or 1.0
    cosine = float(index.dense.cosines(query.vector, np.array([row], dtype=np.int32))[0])
    if model is None:
        parts, n_words, meaning = _plain_parts(text, cosine)
    else:
        vector = index.vectors[row].astype(np.float64)
        norm = float(np.linalg.norm(vector))
        parts, n_words, meaning = _parts(text, model, vector / (norm or 1.0))
    terms = [
        [term for some in analyzer.terms_of_words([part]) for term in some] if i < n_words else []
        for i, part in enumerate(parts)
    ]
    of_terms = {
        term: _once(index, row, term, repeats, weights) for term, repeats in query.terms.items()
    }
    raw = np.array([sum(of_terms[term] for term in own) for own in terms], dtype=np.float64)
    bm25 = float(raw.sum())
    return SearchExplanation(
        text,
        index.texts[row],
        index.ids_at(np.array([row]))[0],
        (1 - w) * cosine + w * bm25 / largest,
        cosine,
        bm25,
        parts,
        [" ".join(own) for own in terms],
        w * raw / largest,
        (1 - w) * meaning,
    )


def _once(index: Index, row: int, term: str, repeats: int, weights: Weights) -> float:
    """What each of the places of a term in the query adds to the BM25 of a document."""
    place = index.postings.terms.find(term)
    if place < 0:
        return 0.0
    share = index.postings.share(place, repeats, weights.k1, weights.b)
    at = int(np.searchsorted(share.documents, row))
    there = at < len(share.documents) and share.documents[at] == row
    return float(share.values[at]) / repeats if there else 0.0


def _plain_parts(text: str, cosine: float) -> tuple[list[str], int, Floats]:
    words = words_in(text)
    return [*words, ""], len(words), np.array([0.0] * len(words) + [cosine])


def _parts(text: str, model: StaticModel, direction: Floats) -> tuple[list[str], int, Floats]:
    """Words of a query, then pairs of words with a vector; and what each adds to the cosine.

    Returns
    -------
    parts : list of str
    n_words : int
    meaning : ndarray of float64 of shape (n_parts,)
    """
    pooler, most = model.pooler, model.max_length
    ids, offsets, _ = pooler.tokenizer.pieces(text)
    known = np.ones(len(ids), dtype=bool)
    if pooler.tokenizer.unk_id is not None:
        known = ids != pooler.tokenizer.unk_id
    counts = (np.arange(len(ids)) < (most or len(ids)))[known]
    ids, offsets = ids[known], offsets[known]
    begins = JoinedTokens(pooler).begins(TokenIds(ids, np.array([0, len(ids)])))
    number = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    stops = np.append(starts[1:], len(ids)) - 1 if len(starts) else starts
    spans = zip(offsets[starts, 0].tolist(), offsets[stops, 1].tolist(), strict=True)
    words = [text[start:stop] for start, stop in spans]
    table = ScoreTable(
        pooler.tokenizer, pooler.table, np.zeros(1), "unit", most, direction[:, np.newaxis]
    )
    of_tokens, of_pairs, left = table.contributions(ids[counts])
    meaning = np.zeros(len(words))
    np.add.at(meaning, number[counts], of_tokens[:, 0])
    first, second = number[left], number[left + 1] if len(left) else number[left]
    inside = first == second
    np.add.at(meaning, first[inside], of_pairs[inside, 0])
    pairs = [f"{words[i]} {words[j]}" for i, j in zip(first[~inside], second[~inside], strict=True)]
    return [*words, *pairs], len(words), np.concatenate([meaning, of_pairs[~inside, 0]])
