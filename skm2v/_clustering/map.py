"""A map of groups, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import is_count
from skm2v._clustering.colours import NO_GROUP, PALETTE, colours
from skm2v._clustering.drawing import axes
from skm2v._clustering.groups import read_labels
from skm2v._clustering.placement import anchors, place_labels, wrapped
from skm2v._clustering.positions import place_in_plane

__all__ = ["draw_map", "plot_map"]


def plot_map(
    vectors: Any,
    labels: Any,
    *,
    names: Mapping[Any, str] | None = None,
    reducer: Any = None,
    max_points: int = 5000,
    random_state: Any = 0,
    ax: Any = None,
) -> Any:
    """Draw groups of texts as a map, with their names.

    Needs matplotlib (``pip install 'skm2v[plot]'``). No name is over another; one without a place
    is left out, the smallest groups first. ``ax.figure.savefig("map.svg")`` writes any format.

    Parameters
    ----------
    vectors : array-like of shape (n, d)
        Vectors of the texts as the embedder makes them. Those of a
        :class:`~skm2v.clustering.NeighborAverager` shrink groups to spots.
    labels : array-like of shape (n,)
        Groups. Rows with the integer -1 are grey.
    names : mapping or None, default=None
        Names of labels, such as ``table.names``. None takes the labels.
    reducer : transformer or None, default=None
        Places vectors in the plane: ``fit_transform`` makes two columns, as that of UMAP does. It
        is cloned. None means scikit-learn's t-SNE from a start by PCA, 500 rounds.
    max_points : int, default=5000
        Most points that are placed by the `reducer` and drawn. Of more, a sample is.
    random_state : int, RandomState or None, default=0
        Draws the sample and starts t-SNE.
    ax : matplotlib.axes.Axes or None, default=None
        Where to draw; None makes a figure of 9 by 7 inches.

    Returns
    -------
    ax : matplotlib.axes.Axes
        Two axes that mean nothing, without ticks.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument is none of those above.

    Notes
    -----
    Distances between groups mean little on such a map, and sizes of empty spaces nothing. It is the
    same on every run, for any number of threads and order of rows. t-SNE of 5,000 points takes some
    twenty seconds of one core.

    References
    ----------
    L. van der Maaten, G. Hinton. Visualizing Data using t-SNE. Journal of Machine Learning
    Research, 2008. https://jmlr.org/papers/v9/vandermaaten08a.html

    Examples
    --------
    >>> from skm2v import StaticEmbedder
    >>> from skm2v.clustering import plot_map
    >>> texts = ["where is my card", "my card is late", "the rate of exchange", "today's rates"]
    >>> vectors = StaticEmbedder().fit_transform(texts)
    >>> ax = plot_map(vectors, [0, 0, 1, 1], names={0: "card", 1: "rate"})
    >>> sorted(text.get_text() for text in ax.texts)
    ['card', 'rate']
    """
    if not is_count(max_points, 2):
        raise ValueError(f"max_points must be an integer of 2 or more; got {max_points!r}.")
    ax = axes(ax, (9, 7))
    vectors = np.asarray(vectors)
    found, codes = read_labels(labels, len(vectors))
    positions = place_in_plane(
        vectors, reducer=reducer, max_points=max_points, random_state=random_state
    )
    draw_map(ax, positions.xy[positions.sampled], codes[positions.sampled], found, codes, names)
    return ax


def draw_map(
    ax: Any,
    xy: npt.NDArray[np.float64],
    codes: npt.NDArray[np.int64],
    found: list[Any],
    all_codes: npt.NDArray[np.int64],
    names: Mapping[Any, str] | None,
) -> None:
    """Draw points, and the names of groups where there is room."""
    sizes = np.bincount(all_codes[all_codes >= 0], minlength=len(found))
    by_size = np.argsort(-sizes, kind="stable")
    points = anchors(xy, codes, len(found))
    colour = np.empty(len(found), dtype=np.int64)
    colour[by_size] = colours(points[by_size])
    width = float(np.sqrt(np.clip(12000 / max(len(xy), 1), 4, 40)))
    shade = np.where(codes < 0, len(PALETTE), colour[codes] if len(found) else 0)
    for number, shown in enumerate((*PALETTE, NO_GROUP)):
        own = xy[shade == number]
        many = len(xy) > 500  # would be a large file of SVG; names are text all the same
        ax.plot(
            own[:, 0],
            own[:, 1],
            "o",
            ms=width,
            color=shown,
            mew=0,
            alpha=0.6,
            zorder=1,
            rasterized=many,
        )
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xticks([])
    ax.set_yticks([])
    _write_names(ax, points, by_size, [str((names or {}).get(one, one)) for one in found])


def _write_names(
    ax: Any, points: npt.NDArray[np.float64], by_size: npt.NDArray[np.int64], names: list[str]
) -> None:
    from matplotlib import patheffects

    figure = ax.figure.figure  # of a part of a figure, the whole
    figure.draw_without_rendering()  # a layout that is constrained is laid out now
    renderer = figure.canvas.get_renderer()
    frame = ax.get_window_extent(renderer)
    size = 8.5 if len(names) <= 40 else 7.0
    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    texts = []
    for code in by_size.tolist():
        lines = "\n".join(wrapped(names[code].replace("$", r"\$"), 18))
        texts.append(
            ax.text(
                0,
                0,
                lines,
                ha="center",
                va="center",
                fontsize=size,
                color="black",
                linespacing=1.0,
                path_effects=halo,
                zorder=3,
            )
        )
    extents = [text.get_window_extent(renderer) for text in texts]
    pixels = ax.transData.transform(points[by_size]) - (frame.x0, frame.y0)
    boxes = place_labels(
        pixels, [(one.width + 3, one.height + 3) for one in extents], (frame.width, frame.height)
    )
    to_data = ax.transData.inverted()
    for text, box, point in zip(texts, boxes, pixels, strict=True):
        if box is None:
            text.remove()
            continue
        text.set_position(to_data.transform((box.x + frame.x0, box.y + frame.y0)))
        end = box.leader(*point)
        if end is not None:
            line = to_data.transform(np.array([point, end]) + (frame.x0, frame.y0))
            ax.plot(line[:, 0], line[:, 1], color="0.2", linewidth=0.5, zorder=2)
