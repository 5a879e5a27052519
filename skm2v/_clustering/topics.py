"""From texts to topics in one call."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import check_n_jobs, is_count
from skm2v._clustering.averaging import NeighborAverager
from skm2v._clustering.choosing import ClusterChoice, choose_n_clusters
from skm2v._clustering.describing import check_stop_words, describe_clusters
from skm2v._clustering.kmeans import WardKMeans
from skm2v._clustering.map import plot_map
from skm2v._clustering.outliers import outlier_scores
from skm2v._clustering.page import render_fragment, render_page
from skm2v._clustering.positions import Positions, place_in_plane
from skm2v._clustering.shares import ClusterShares
from skm2v._clustering.table import ClusterTable
from skm2v._features.embedding import embedding_by, fit_embedder
from skm2v._pooling import check_texts

__all__ = ["Topics", "find_topics"]

POINTS = 3000  # of the map of a report


class Topics:
    """Topics of texts: labels, a table, a map.

    Notebooks show map and table, ``print`` the table.

    Attributes
    ----------
    texts : list of str
    labels : ndarray of int64 of shape (n,)
        Topic of each text; topics are numbered by size, the largest one is 0.
    table : ClusterTable
        What is in each topic.
    outlier_scores : ndarray of float64 of shape (n,)
        How little each text belongs to its topic; see :func:`~skm2v.clustering.outlier_scores`.
    choice : ClusterChoice or None
        How the number of topics was chosen; None if it was given.
    vectors : ndarray of shape (n, d)
        Vectors of the texts.
    embedder, averager, clusterer : estimators
        The fitted steps.
    positions : Positions
        Places of the texts on the map.

    Examples
    --------
    >>> from skm2v.clustering import find_topics
    >>> from skm2v.datasets import load_banking77
    >>> topics = find_topics(load_banking77(subset="test").data[:200], n_topics=5)
    >>> len(topics.table), len(topics.labels)
    (5, 200)
    >>> topics.predict(["my card did not arrive"]).shape
    (1,)
    """

    __module__ = "skm2v.clustering"

    def __init__(
        self,
        texts: list[str],
        vectors: npt.NDArray[Any],
        embedder: Any,
        averager: NeighborAverager,
        clusterer: WardKMeans,
        table: ClusterTable,
        choice: ClusterChoice | None,
    ) -> None:
        self.texts, self.vectors, self.table, self.choice = texts, vectors, table, choice
        self.embedder, self.averager, self.clusterer = embedder, averager, clusterer
        self.labels = clusterer.labels_
        self.outlier_scores = outlier_scores(vectors, self.labels)

    @cached_property
    def positions(self) -> Positions:
        """Places of the texts on the map, made when they are first asked for."""
        return place_in_plane(self.vectors, max_points=POINTS)

    def predict(self, texts: Any) -> npt.NDArray[np.int64]:
        """Return the topics of other texts.

        Parameters
        ----------
        texts : column of str of length m
            Texts, which need not be those of the fit.

        Returns
        -------
        labels : ndarray of int64 of shape (m,)
            Topic of each text.
        """
        vectors = embedding_by(self.embedder)(list(check_texts(texts).texts))
        if not len(vectors):
            return np.empty(0, dtype=np.int64)
        return self.clusterer.predict(self.averager.transform(vectors))

    def plot_map(self, **options: Any) -> Any:
        """Draw the map with matplotlib; options are those of :func:`~skm2v.clustering.plot_map`.

        Parameters
        ----------
        **options : dict
            Parameters of :func:`~skm2v.clustering.plot_map` beside vectors and labels.

        Returns
        -------
        ax : matplotlib.axes.Axes
            The axes that were drawn on.
        """
        return plot_map(self.vectors, self.labels, **{"names": self.table.names, **options})

    def to_frame(self) -> Any:
        """Return a data frame of pandas: text, topic, name and outlier_score of each row.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each text.
        """
        import pandas

        names = self.table.names
        return pandas.DataFrame(
            {
                "text": self.texts,
                "topic": self.labels,
                "name": [names[label] for label in self.labels.tolist()],
                "outlier_score": self.outlier_scores,
            }
        )

    def to_html(self, title: str = "Topics", *, shares: ClusterShares | None = None) -> str:
        """Return a page with map and table, without scripts, that loads nothing.

        Parameters
        ----------
        title : str, default="Topics"
            Title and heading of the page.
        shares : ClusterShares or None, default=None
            What :func:`~skm2v.clustering.cluster_shares` made of `labels` and a column beside the
            texts: the page then shows the topics whose share changes most.

        Returns
        -------
        html : str
            A whole page.
        """
        return render_page(self, title, shares)

    def _repr_html_(self) -> str:
        return render_fragment(self)

    def __str__(self) -> str:
        return str(self.table)

    def __repr__(self) -> str:
        return f"<Topics: {len(self.table):,} of {len(self.labels):,} texts>"


def find_topics(
    texts: Any,
    n_topics: int | None = None,
    *,
    embedder: Any = None,
    stop_words: str | Collection[str] | None = "english",
    n_terms: int = 10,
    n_examples: int = 3,
    n_jobs: int | None = None,
) -> Topics:
    """Find out what texts are about: embed, average, choose a number, group, describe.

    Each step is there by itself; this is what is said of them below, and the same for the same
    texts on every run, in any order and with any number of threads.

    Parameters
    ----------
    texts : column of str of length n
        A list, tuple, 1-D array or Series; some 50 to 300,000 of them.
    n_topics : int or None, default=None
        Number of topics. None lets :func:`~skm2v.clustering.choose_n_clusters` choose it.
    embedder : transformer or None, default=None
        Makes vectors of texts; it is cloned and fitted. None means ``StaticEmbedder()``, which
        knows English.
    stop_words : "english", collection of str or None, default="english"
        Words that are in no term.
    n_terms : int, default=10
        Number of terms of each topic.
    n_examples : int, default=3
        Number of texts of each topic in the table.
    n_jobs : int or None, default=None
        Number of threads. None means 1, -1 all processors.

    Returns
    -------
    topics : Topics
        ``labels``, ``table``, ``outlier_scores``; ``to_html``, ``to_frame``, ``plot_map``,
        ``predict``.

    Raises
    ------
    TextTypeError, TextValueError
        If `texts` is not a column of texts, or some are missing.
    ValueError
        If there are too few texts, or a parameter is none of those above.

    Notes
    -----
    It takes a time that grows with the square of the number of texts: under a minute of one core
    for 100,000.

    Examples
    --------
    >>> from skm2v.clustering import find_topics
    >>> from skm2v.datasets import load_banking77
    >>> topics = find_topics(load_banking77(subset="test").data[:400], n_topics=10)
    >>> topics.table[1].terms[:2]
    ['exchange', 'exchange rates']
    """
    n_jobs = check_n_jobs(n_jobs)
    check_stop_words(stop_words)
    if n_topics is not None and not is_count(n_topics, 1):
        raise ValueError(f"n_topics must be an integer of 1 or more, or None; got {n_topics!r}.")
    checked = list(check_texts(texts).texts)
    if not checked:
        raise ValueError("There are no texts to find topics in.")
    if n_topics is not None and n_topics > len(checked):
        raise ValueError(f"n_topics={n_topics}, but there are only {len(checked):,} texts.")
    fitted = fit_embedder(embedder, checked, n_jobs)
    vectors = embedding_by(fitted)(checked)
    choice = None
    if n_topics is None:
        choice = choose_n_clusters(vectors)
        n_topics = choice.n_clusters
    averager = NeighborAverager(n_jobs=n_jobs)
    means = averager.fit_transform(vectors)
    clusterer = WardKMeans(n_topics).fit(means)
    table = describe_clusters(
        checked,
        clusterer.labels_,
        vectors=vectors,
        stop_words=stop_words,
        n_terms=n_terms,
        n_examples=n_examples,
    )
    return Topics(checked, vectors, fitted, averager, clusterer, table, choice)
