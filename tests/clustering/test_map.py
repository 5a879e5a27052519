"""Maps: places that depend on nothing but the vectors, and names that are not over each other."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from skm2v._clustering.colours import PALETTE, colours
from skm2v._clustering.placement import Box, anchors, place_labels, text_width, wrapped
from skm2v._clustering.positions import place_in_plane
from skm2v._clustering.svg import render_map
from skm2v.clustering import describe_clusters, plot_map
from skm2v.exceptions import MissingExtraError
from tests.clustering.blobs import blobs


def test_places_depend_on_neither_threads_nor_order_of_rows():
    vectors, _ = blobs(n_groups=4, n_each=20)
    expected = place_in_plane(vectors, max_points=60)
    order = np.random.default_rng(0).permutation(len(vectors))
    with threadpool_limits(2):
        found = place_in_plane(vectors[order], max_points=60)
    np.testing.assert_array_equal(found.xy, expected.xy[order])
    np.testing.assert_array_equal(found.sampled, expected.sampled[order])
    assert expected.sampled.sum() == 60


def test_groups_are_apart_also_where_rows_are_placed_by_their_neighbours():
    vectors, groups = blobs(n_groups=4, n_each=30)
    xy = place_in_plane(vectors, max_points=60).xy
    centers = np.stack([xy[groups == g].mean(axis=0) for g in range(4)])
    nearest = ((xy[:, None] - centers) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == groups).mean() > 0.95
    assert xy.min() == 0 and xy.max() == 1


@pytest.mark.parametrize(
    "rows", [np.eye(1), np.eye(2), np.eye(3), np.zeros((4, 2)), np.eye(5)[:, :1]]
)
def test_few_rows_have_places(rows):
    xy = place_in_plane(rows).xy
    assert xy.shape == (len(rows), 2) and np.isfinite(xy).all()


def test_a_reducer_of_the_user():
    vectors, _ = blobs(n_groups=3)
    xy = place_in_plane(vectors, reducer=PCA(2)).xy
    assert xy.shape == (90, 2)
    with pytest.raises(ValueError, match=r"PCA must make two finite columns; got shape \(90, 3\)"):
        place_in_plane(vectors, reducer=PCA(3))


def overlapping(boxes):
    placed = [box for box in boxes if box is not None]
    return [
        (one, other) for i, one in enumerate(placed) for other in placed[:i] if one.overlaps(other)
    ]


@pytest.mark.parametrize("n", [1, 10, 80, 300])
def test_no_label_is_over_another_and_all_are_inside(n):
    rng = np.random.default_rng(n)
    points, sizes = rng.random((n, 2)) * (800, 600), [(90.0, 26.0)] * n
    boxes = place_labels(points, sizes, (800, 600))
    assert boxes[0] is not None
    assert overlapping(boxes) == []
    for box in boxes:
        if box is not None:
            assert 45 <= box.x <= 755 and 13 <= box.y <= 587
    more = place_labels(points, sizes, (800, 600), [one for one in boxes if one is not None])
    assert overlapping([*boxes, *more]) == []


def test_a_label_is_at_its_point_if_it_can_be_and_near_it_otherwise():
    points = np.array([[100.0, 100.0], [100.0, 100.0], [5.0, 300.0]])
    first, second, edge = place_labels(points, [(80, 20)] * 3, (400, 400))
    assert first == Box(100, 100, 80, 20)
    assert 0 < np.hypot(second.x - 100, second.y - 100) < 100
    assert first.leader(100, 100) is None
    assert edge == Box(40, 300, 80, 20)
    assert place_labels(points[:1], [(500, 20)], (400, 400)) == [None]


def test_leaders_end_at_the_border():
    box = Box(100, 100, 80, 20)
    assert box.leader(300, 100) == (140, 100)
    assert box.leader(100, 0) == (100, 90)


def test_anchors_are_points_in_the_densest_part():
    xy = np.array([[0.1, 0.1], [0.12, 0.1], [0.1, 0.12], [0.9, 0.9], [0.5, 0.5]])
    found = anchors(xy, np.array([0, 0, 0, 0, 1]), 3)
    assert found[0].tolist() == [0.1, 0.1]
    assert found[1:].tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_neighbours_on_the_map_have_different_colours():
    points = np.random.default_rng(0).random((40, 2))
    found = colours(points)
    assert set(found[: len(PALETTE)]) == set(range(len(PALETTE)))
    nearest = ((points[:, None] - points) ** 2).sum(axis=2)
    np.fill_diagonal(nearest, 9)
    assert (found == found[nearest.argmin(axis=1)]).mean() < 0.1


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("card", ["card"]),
        ("exchange rate, fee", ["exchange", "rate, fee"]),
        ("one two three four five", ["one two", "three fou…"]),
        ("pneumonoultramicroscopic", ["pneumonou…"]),
    ],
)
def test_long_names_are_broken_into_two_lines(text, lines):
    assert wrapped(text, 10) == lines
    assert text_width("银行") == 2


def test_the_map_of_matplotlib_has_names_that_are_not_over_each_other():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    vectors, groups = blobs(n_groups=20, d=30, n_each=10)
    groups[:5] = -1
    names = {group: f"topic with ${group}$, long name" for group in range(20)}
    ax = plot_map(vectors, groups, names=names, reducer=PCA(2))
    renderer = ax.figure.canvas.get_renderer()
    frame = ax.get_window_extent(renderer)
    extents = [text.get_window_extent(renderer) for text in ax.texts]
    assert len(extents) >= 5
    for i, one in enumerate(extents):
        assert frame.x0 <= one.x0 and one.x1 <= frame.x1
        assert not any(one.overlaps(other) for other in extents[:i])
    assert "topic" in ax.texts[0].get_text() and r"\$" in ax.texts[0].get_text()
    with pytest.raises(ValueError, match="max_points"):
        plot_map(vectors, groups, max_points=1)
    matplotlib.pyplot.close("all")


def test_without_matplotlib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'skm2v\[plot\]'"):
        plot_map(np.eye(3), [0, 1, 2])


def test_the_map_of_a_page_has_all_points_and_links_and_no_label_over_another():
    vectors, groups = blobs(n_groups=30, d=40, n_each=5)
    texts = [f"word{group} thing{group} <&>" for group in groups]
    table = describe_clusters(texts, groups, vectors=vectors)
    place = {one.label: number for number, one in enumerate(table)}
    codes = np.array([place[group] for group in groups])
    codes[:3] = -1
    page = render_map(table, np.random.default_rng(0).random((150, 2)), codes)
    wide, narrow = page.split('<svg class="narrow"')
    for drawing in (wide, narrow):
        assert drawing.count("h0") == 150
        boxes = []
        for label in re.findall(r"<text>(.*?)</text>", drawing):
            spans = re.findall(r'x="([\d.]+)" y="([\d.]+)">(.*?)</tspan>', label)
            width = max(12 * text_width(text) for *_, text in spans)
            top, bottom = float(spans[0][1]) - 9, float(spans[-1][1]) + 2
            boxes.append(Box(float(spans[0][0]), (top + bottom) / 2, width - 2, bottom - top - 2))
        assert len(boxes) > 10
        assert overlapping(boxes) == []
    assert set(re.findall(r'href="#([\w-]+)"', page)) <= {
        f"skm2v-group-{number}" for number in range(1, 31)
    }
    assert "<script" not in page
