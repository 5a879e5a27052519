"""What is in each group, as a table for people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from skm2v._clustering.table_html import render_table

__all__ = ["Cluster", "ClusterTable"]


class Cluster(NamedTuple):
    """A group of texts.

    Attributes
    ----------
    label : int or str
    name : str
        Made of its first terms; no other group has it.
    size : int
        Number of texts.
    share : float
        Of all texts, those without a group included.
    cohesion : float
        Mean cosine of its texts to their centre.
    nearest : int, str or None
        Label of the group with the most similar centre; None if it is the only group.
    nearest_similarity : float
        Cosine of the two centres.
    terms : list of str
        Words and pairs of words, the best one first.
    central_rows, borderline_rows : list of int
        Rows of the texts below.
    central : list of str
        Different texts near the centre, the nearest one first.
    borderline : list of str
        Different texts that are almost, or more, in another group: first the one whose cosine to
        another centre is the largest beside that to its own.

    Examples
    --------
    >>> from skm2v.clustering import describe_clusters
    >>> texts = ["my card is lost", "lost card", "exchange rates", "the exchange rate"]
    >>> cluster = describe_clusters(texts, [0, 0, 1, 1])[0]
    >>> cluster.size, cluster.share
    (2, 0.5)
    """

    label: Any
    name: str
    size: int
    share: float
    cohesion: float
    nearest: Any
    nearest_similarity: float
    terms: list[str]
    central_rows: list[int]
    central: list[str]
    borderline_rows: list[int]
    borderline: list[str]


Cluster.__module__ = "skm2v.clustering"


class ClusterTable:
    """Groups of texts, the largest one first.

    Notebooks show it as HTML, ``print`` as a table. It has the length, the items and the order of a
    list of :class:`Cluster`; ``table.find(label)`` is the one with a label.

    Parameters
    ----------
    clusters : list of Cluster
        The groups.
    n_texts : int
        Number of texts, those without a group included.

    Examples
    --------
    >>> from skm2v.clustering import describe_clusters
    >>> texts = ["my card is lost", "lost card", "a new card", "exchange rates", "the rate"]
    >>> table = describe_clusters(texts, ["card", "card", "card", "rate", "rate"])
    >>> table[0].label, table.find("rate").size
    ('card', 2)
    >>> table.n_unassigned
    0
    """

    __module__ = "skm2v.clustering"

    def __init__(self, clusters: list[Cluster], n_texts: int) -> None:
        self.clusters, self.n_texts = clusters, n_texts

    def __len__(self) -> int:
        return len(self.clusters)

    def __iter__(self) -> Iterator[Cluster]:
        return iter(self.clusters)

    def __getitem__(self, place: int) -> Cluster:
        return self.clusters[place]

    def find(self, label: Any) -> Cluster:
        """Return the group with a label.

        Parameters
        ----------
        label : int or str
            Label of the group.

        Returns
        -------
        cluster : Cluster
            What is in the group.
        """
        for cluster in self.clusters:
            if cluster.label == label:
                return cluster
        raise KeyError(f"There is no group {label!r}.")

    @property
    def names(self) -> dict[Any, str]:
        """Names of groups by their labels."""
        return {cluster.label: cluster.name for cluster in self.clusters}

    @property
    def n_unassigned(self) -> int:
        """Number of texts without a group: those with the label -1."""
        return self.n_texts - sum(cluster.size for cluster in self.clusters)

    def to_frame(self) -> Any:
        """Return a data frame of pandas with a row for each group.

        Returns
        -------
        frame : pandas.DataFrame
            With the fields of :class:`Cluster` as columns.
        """
        import pandas

        return pandas.DataFrame(
            [cluster._asdict() for cluster in self.clusters], columns=Cluster._fields
        )

    def to_html(self) -> str:
        """Return an HTML fragment with its own style and without scripts.

        Returns
        -------
        html : str
            The table.
        """
        return render_table(self)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        width = max([len(str(one.label)) for one in self.clusters] + [5])
        lines = [f"{'label':>{width}} {'texts':>8} {'share':>6}  terms"]
        lines += [
            f"{one.label!s:>{width}} {one.size:8,} {one.share:6.1%}  {', '.join(one.terms[:6])}"
            for one in self.clusters
        ]
        if self.n_unassigned:
            share = self.n_unassigned / self.n_texts
            lines.append(f"{'none':>{width}} {self.n_unassigned:8,} {share:6.1%}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<ClusterTable: {len(self):,} groups of {self.n_texts:,} texts>"
