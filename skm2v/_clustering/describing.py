"""Groups of texts in words: terms, texts in the middle and at the border."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from skm2v._clustering.groups import Groups, cosines_to, group_rows, of_length_one
from skm2v._clustering.table import Cluster, ClusterTable
from skm2v._clustering.terms import best_terms, class_tfidf, count_terms, stem_of
from skm2v._clustering.words import STOP_WORDS
from skm2v._features.embedding import embedding_by, fit_embedder
from skm2v._pooling import check_texts

__all__ = ["check_stop_words", "describe", "describe_clusters"]

# Of every group, terms that are compared with its centre.
CANDIDATES = 200


def describe_clusters(
    texts: Any,
    labels: Any,
    *,
    vectors: Any = None,
    embedder: Any = None,
    vectorizer: Any = None,
    stop_words: str | Collection[str] | None = "english",
    n_terms: int = 10,
    n_examples: int = 3,
    n_jobs: int | None = None,
) -> ClusterTable:
    """Say what is in each group of texts, whatever grouped them.

    Terms are those which a group has more often than others (class-based tf-idf), times how near
    they are to the centre of its meaning.

    Parameters
    ----------
    texts : column of str of length n
        A list, tuple, 1-D array or Series.
    labels : array-like of shape (n,)
        Groups: integers or strings. The integer -1 means no group, as with scikit-learn's HDBSCAN.
    vectors : array-like of shape (n, d) or None, default=None
        Vectors of the texts, of any model. None embeds them.
    embedder : transformer or None, default=None
        Makes vectors of texts where there are none; None means ``StaticEmbedder()``.
    vectorizer : transformer or None, default=None
        Finds terms: ``fit_transform(texts)`` gives a sparse matrix and ``get_feature_names_out()``
        their names, as a ``CountVectorizer`` does. None finds words of any script and pairs of
        them.
    stop_words : "english", collection of str or None, default="english"
        Words that are in no term. Others that are spread evenly over the groups are no terms,
        either. Without effect on a `vectorizer`, which has its own.
    n_terms : int, default=10
        Number of terms of each group.
    n_examples : int, default=3
        Number of central and of borderline texts of each group.
    n_jobs : int or None, default=None
        Number of threads of the default embedder.

    Returns
    -------
    table : ClusterTable
        A :class:`Cluster` for each group, the largest one first, with size, share, cohesion,
        nearest group, terms and texts. It does not depend on the order of texts.

    Raises
    ------
    TextTypeError, TextValueError
        If `texts` is not a column of texts, or some are missing.
    TypeError, ValueError
        If `labels` or `vectors` have another length, or there is no group.

    Examples
    --------
    >>> from skm2v.clustering import describe_clusters
    >>> texts = ["My card has not arrived", "Where is my new card?", "The exchange rate is wrong",
    ...          "What is your exchange rate?"]
    >>> table = describe_clusters(texts, ["cards", "cards", "rates", "rates"])
    >>> table.find("rates").terms
    ['exchange', 'exchange rate', 'rate']
    """
    checked = list(check_texts(texts).texts)
    if vectors is None:
        vectors = embedding_by(fit_embedder(embedder, checked, n_jobs))(checked)
    groups = group_rows(vectors, _of_same_length(labels, checked))
    return describe(
        checked,
        groups,
        vectorizer=vectorizer,
        stop_words=check_stop_words(stop_words),
        n_terms=n_terms,
        n_examples=n_examples,
    )


def _of_same_length(labels: Any, texts: list[str]) -> Any:
    if len(labels) != len(texts):
        raise ValueError(f"labels must be one for each of {len(texts)} texts; got {len(labels)}.")
    return labels


def check_stop_words(stop_words: Any) -> frozenset[str]:
    """Return a set of words in lower case."""
    if stop_words is None:
        return frozenset()
    if isinstance(stop_words, str):
        if stop_words != "english":
            raise ValueError(
                f"stop_words must be 'english', a collection of words or None; got {stop_words!r}."
            )
        return STOP_WORDS
    return frozenset(str(word).lower() for word in stop_words)


def describe(
    texts: list[str],
    groups: Groups,
    *,
    vectorizer: Any,
    stop_words: Collection[str],
    n_terms: int,
    n_examples: int,
) -> ClusterTable:
    """Make the table of groups.

    Parameters
    ----------
    texts : list of str
        In their first order.
    groups : Groups
    vectorizer, stop_words, n_terms, n_examples
        As for :func:`describe_clusters`.
    """
    ordered = [texts[row] for row in groups.order.tolist()]
    centers = groups.centers
    to_centers = cosines_to(centers, groups.vectors)
    between = centers @ centers.T
    np.fill_diagonal(between, -np.inf)
    terms = _terms(ordered, groups, centers, vectorizer, stop_words, n_terms)
    by_size = np.argsort(-groups.sizes, kind="stable").tolist()
    names = _distinct_names([terms[code] for code in by_size], [groups.names[i] for i in by_size])
    several = len(groups.names) > 1
    clusters = []
    for code, name in zip(by_size, names, strict=True):
        rows = np.flatnonzero(groups.codes == code)
        own = to_centers[rows, code]
        others = to_centers[rows].copy()
        others[:, code] = -np.inf
        near = int(between[code].argmax())
        central = _different(rows[_by(-own, rows, ordered)], ordered, n_examples)
        margin = own - others.max(axis=1) if several else own
        border = _different(rows[_by(margin, rows, ordered)], ordered, n_examples)
        clusters.append(
            Cluster(
                label=groups.names[code],
                name=name,
                size=len(rows),
                share=len(rows) / len(texts),
                cohesion=float(own.mean(dtype=np.float64)),
                nearest=groups.names[near] if several else None,
                nearest_similarity=float(between[code, near]) if several else float("nan"),
                terms=terms[code],
                central_rows=groups.order[central].tolist(),
                central=[ordered[row] for row in central],
                borderline_rows=groups.order[border].tolist(),
                borderline=[ordered[row] for row in border],
            )
        )
    return ClusterTable(clusters, len(texts))


def _by(
    values: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], texts: list[str]
) -> list[int]:
    """Places in ascending order of values; equal ones in that of their texts."""
    return sorted(range(len(rows)), key=lambda i: (values[i], texts[rows[i]]))


def _different(rows: npt.NDArray[np.int64], texts: list[str], n: int) -> list[int]:
    """First rows with different texts, but for case and space, that are not empty."""
    found: dict[str, int] = {}
    for row in rows.tolist():
        if len(found) == n:
            break
        words = " ".join(texts[row].lower().split())
        if words:
            found.setdefault(words, row)
    return [*found.values()]


def _terms(
    texts: list[str],
    groups: Groups,
    centers: npt.NDArray[np.float64],
    vectorizer: Any,
    stop_words: Collection[str],
    n_terms: int,
) -> list[list[str]]:
    """Terms of each group, the best ones first."""
    if vectorizer is None:
        names, in_texts = count_terms(texts, stop_words)
    else:
        in_texts = sparse.csr_array(vectorizer.fit_transform(texts))
        names = [str(name) for name in vectorizer.get_feature_names_out()]
    if not names:
        return [[] for _ in groups.names]
    kept = groups.codes >= 0
    n_groups = len(groups.names)
    member = sparse.csr_array(
        (np.ones(kept.sum()), (groups.codes[kept], np.flatnonzero(kept))),
        shape=(n_groups, len(texts)),
    )
    scores = class_tfidf(member @ in_texts, groups.sizes)
    candidates = np.unique(np.argsort(-scores, axis=1, kind="stable")[:, :CANDIDATES])
    # The meaning of a term is that of the texts which have it.
    meaning = of_length_one(in_texts[:, candidates].T.astype(np.float64) @ groups.vectors)
    near = np.maximum(cosines_to(centers, meaning.astype(np.float32)), 0)
    final = scores[:, candidates] * near.T
    of_candidates = [names[term] for term in candidates.tolist()]
    return [
        [of_candidates[term] for term in best_terms(row, of_candidates, n_terms)] for row in final
    ]


def _distinct_names(terms: list[list[str]], labels: list[Any]) -> list[str]:
    """Name groups by their labels, where these are words, or by their first terms.

    A name is as many terms as it takes to have one word that is new, two at least; the label helps
    where terms do not tell groups apart.
    """
    names: list[str] = []
    for of_group, label in zip(terms, labels, strict=True):
        if isinstance(label, str):
            names.append(label)
            continue
        name = _short_name(of_group) or f"group {label}"
        if name in names:
            name = f"{name} ({label})"
        names.append(name)
    return names


def _short_name(terms: list[str], most: int = 3) -> str:
    """First terms whose words are not all there already."""
    seen: set[str] = set()
    chosen: list[str] = []
    for term in terms:
        words = set(map(stem_of, term.split()))
        if not words & seen:
            chosen.append(term)
            seen |= words
        if len(chosen) == most:
            break
    return ", ".join(chosen)
