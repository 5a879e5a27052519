"""Fewer groups: the most similar ones become one, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import dendrogram

from skm2v._checks import is_count
from skm2v._clustering.drawing import axes
from skm2v._clustering.groups import Groups, group_rows
from skm2v._clustering.order import scattered

__all__ = ["MergedClusters", "merge_clusters"]


class MergedClusters:
    """Groups after merging, and the tree of all merges.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Labels after merging: a merged group has that of its largest part. Rows that had no group
        still have -1.
    parts : dict
        For each label that is left, the labels that it stands for now, the largest group first.
    clusters : list
        Labels before merging, in the order of the leaves of the tree.
    tree : ndarray of float64 of shape (n_clusters - 1, 4)
        Merges down to one group, as ``scipy.cluster.hierarchy`` has them: the groups before merging
        are its leaves.

    Examples
    --------
    >>> from skm2v import StaticEmbedder
    >>> from skm2v.clustering import merge_clusters
    >>> texts = ["my card is lost", "lost card", "a new card", "exchange rates", "the rate"]
    >>> vectors = StaticEmbedder().fit_transform(texts)
    >>> merged = merge_clusters([0, 0, 1, 2, 2], vectors, n_clusters=2)
    >>> merged.parts
    {0: [0, 1], 2: [2]}
    >>> merged.labels
    array([0, 0, 0, 2, 2])
    """

    __module__ = "skm2v.clustering"

    def __init__(
        self,
        labels: npt.NDArray[Any],
        parts: dict[Any, list[Any]],
        clusters: list[Any],
        tree: npt.NDArray[np.float64],
    ) -> None:
        self.labels, self.parts, self.clusters, self.tree = labels, parts, clusters, tree

    def plot(self, *, names: dict[Any, str] | None = None, ax: Any = None) -> Any:
        """Draw the tree with matplotlib; merges above the cut are black.

        Parameters
        ----------
        names : dict or None, default=None
            Names of labels before merging, such as ``table.names``.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        ax : matplotlib.axes.Axes
            The axes that were drawn on.
        """
        size = (7, 1 + 0.22 * len(self.clusters))
        ax = axes(ax, size)
        if len(self.clusters) > 1:
            n_left = len(self.parts)
            done = len(self.clusters) - n_left
            heights = [0.0, *self.tree[:, 2].tolist(), 1.01 * float(self.tree[-1, 2])]
            cut = (heights[done] + heights[done + 1]) / 2
            dendrogram(
                self.tree,
                orientation="left",
                labels=[str((names or {}).get(label, label))[:40] for label in self.clusters],
                color_threshold=cut,
                above_threshold_color="black",
                leaf_font_size=9,
                ax=ax,
            )
            if 1 < n_left < len(self.clusters):
                ax.axvline(cut, color="black", linestyle=":")
        ax.set_xlabel("loss of the merge")
        return ax

    def __repr__(self) -> str:
        return f"<MergedClusters: {len(self.clusters)} groups became {len(self.parts)}>"


def merge_clusters(labels: Any, vectors: Any, n_clusters: int) -> MergedClusters:
    """Merge groups until few enough are left.

    In each step, those two become one whose rows lose least by it: Ward's criterion, which knows
    sizes, so that small groups go before large ones.

    Parameters
    ----------
    labels : array-like of shape (n,)
        Groups, of any clusterer. The integer -1 means no group.
    vectors : array-like of shape (n, d)
        Vectors of the rows.
    n_clusters : int
        Number of groups to be left.

    Returns
    -------
    merged : MergedClusters
        ``labels``, ``parts`` and the ``tree``. For terms of the new groups, describe them:
        ``describe_clusters(texts, merged.labels)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v.clustering import merge_clusters
    >>> vectors = np.array([[1.0, 0.0], [1.0, 0.1], [0.9, 0.2], [0.0, 1.0]])
    >>> merged = merge_clusters(["a", "a", "b", "c"], vectors, 2)
    >>> merged.labels.tolist(), merged.parts
    (['a', 'a', 'a', 'c'], {'a': ['a', 'b'], 'c': ['c']})
    """
    groups = group_rows(vectors, labels)
    n_groups = len(groups.names)
    if not is_count(n_clusters) or n_clusters > n_groups:
        raise ValueError(
            f"n_clusters must be from 1 to {n_groups}, the number of groups; got {n_clusters!r}."
        )
    tree = ward_tree(groups)
    members: dict[int, list[int]] = {code: [code] for code in range(n_groups)}
    for step, (one, other) in enumerate(tree[: n_groups - n_clusters, :2].astype(int).tolist()):
        members[n_groups + step] = members.pop(one) + members.pop(other)
    target = np.empty(n_groups + 1, dtype=np.int64)
    target[-1] = -1
    parts = {}
    for codes in members.values():
        codes.sort(key=lambda code: (-groups.sizes[code], code))
        parts[groups.names[codes[0]]] = [groups.names[code] for code in codes]
        target[codes] = codes[0]
    parts = {name: parts[name] for name in groups.names if name in parts}
    names = np.asarray([*groups.names, -1] if (groups.codes < 0).any() else groups.names)
    new = target[groups.codes]
    return MergedClusters(scattered(names[new], groups.order), parts, groups.names, tree)


def ward_tree(groups: Groups) -> npt.NDArray[np.float64]:
    """Merges of groups by the increase of the sum of squares within them.

    Their heights are roots of twice the increase, as scipy has them for single rows.
    """
    n = len(groups.sizes)
    sizes = groups.sizes.astype(np.float64)
    means = groups.sums / sizes[:, None]
    squares = (means**2).sum(axis=1)
    distance = squares[:, None] + squares - 2 * np.einsum("id,jd->ij", means, means)
    cost = 2 * np.maximum(distance, 0) * sizes[:, None] * sizes / (sizes[:, None] + sizes)
    np.fill_diagonal(cost, np.inf)
    node, leaves = np.arange(n), np.ones(n)
    tree = np.empty((max(n - 1, 0), 4))
    for step in range(n - 1):
        one, other = divmod(int(cost.argmin()), n)
        height = cost[one, other]
        total = sizes[one] + sizes[other]
        # Lance and Williams' formula: costs to the new group follow from those to its parts.
        to_new = (
            (sizes[one] + sizes) * cost[one] + (sizes[other] + sizes) * cost[other] - sizes * height
        ) / (total + sizes)
        first, second = sorted((int(node[one]), int(node[other])))
        leaves[one] += leaves[other]
        tree[step] = first, second, np.sqrt(height), leaves[one]
        cost[one] = cost[:, one] = to_new
        cost[one, one] = np.inf
        cost[other] = cost[:, other] = np.inf
        sizes[one], sizes[other] = total, 1
        node[one] = n + step
    return tree
