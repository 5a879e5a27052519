"""Groups in words: sizes, terms, texts in the middle and at the border."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.feature_extraction.text import CountVectorizer

from skm2v import StaticEmbedder
from skm2v.clustering import Cluster, ClusterTable, describe_clusters
from skm2v.exceptions import TextTypeError, TextValueError
from tests.clustering.blobs import blobs, questions


@pytest.fixture(scope="module")
def table():
    return describe_clusters(*questions())


def test_groups_have_their_terms(table):
    assert [cluster.label for cluster in table] == ["cards", "codes", "rates"]
    assert table.find("cards").terms[0] == "card"
    assert "passcode" in table.find("codes").terms[:1]
    assert sorted(table.find("rates").terms[:3]) == ["exchange", "exchange rate", "rate"]
    assert all("the" not in cluster.terms for cluster in table)


def test_sizes_cohesion_and_nearest_group_are_those_of_the_vectors():
    vectors, groups = blobs(n_groups=4, n_each=10)
    vectors[groups == 3] += 0.4 * np.eye(24)[1]  # the third group is near the first
    keep = np.flatnonzero(~((groups == 2) & (np.cumsum(groups == 2) > 4)))
    vectors, groups = vectors[keep], groups[keep]
    table = describe_clusters([f"text {i}" for i in range(len(groups))], groups, vectors=vectors)
    assert [c.label for c in table] == [0, 1, 3, 2]
    assert [c.size for c in table] == [10, 10, 10, 4]
    assert table.find(3).nearest == 1
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    center = unit[groups == 1].mean(axis=0)
    cosines = unit @ center / np.linalg.norm(center)
    cluster = table.find(1)
    assert cluster.share == pytest.approx(10 / 34)
    assert cluster.cohesion == pytest.approx(cosines[groups == 1].mean())
    rows = np.flatnonzero(groups == 1)
    assert cluster.central_rows == rows[np.argsort(-cosines[rows])][:3].tolist()
    assert cluster.central == [f"text {row}" for row in cluster.central_rows]
    centers = np.stack([unit[groups == g].mean(axis=0) for g in (0, 2, 3)])
    others = (unit @ (centers / np.linalg.norm(centers, axis=1, keepdims=True)).T).max(axis=1)
    margin = (cosines - others)[rows]
    assert cluster.borderline_rows == rows[np.argsort(margin)][:3].tolist()


def test_the_order_of_texts_changes_nothing(table):
    texts, labels = questions()
    order = np.random.default_rng(0).permutation(len(texts))
    found = describe_clusters([texts[i] for i in order], [labels[i] for i in order])
    for one, other in zip(table, found, strict=True):
        assert one._replace(central_rows=[], borderline_rows=[]) == other._replace(
            central_rows=[], borderline_rows=[]
        )
        assert one.central_rows == [order[row] for row in other.central_rows]


def test_texts_are_different_ones():
    texts = ["Same text", "same  text", "other", "other text", ""]
    table = describe_clusters(texts, [0] * 5, vectors=np.ones((5, 2)), n_examples=5)
    assert table[0].central == ["Same text", "other", "other text"]
    assert table[0].nearest is None
    assert np.isnan(table[0].nearest_similarity)


@pytest.mark.parametrize("clusterer", [KMeans(3, random_state=0), HDBSCAN(3, copy=True)])
def test_labels_of_any_clusterer(clusterer):
    texts, _ = questions()
    vectors = StaticEmbedder().fit_transform(texts)
    labels = clusterer.fit_predict(vectors)
    table = describe_clusters(texts, labels, vectors=vectors)
    assert {c.label: c.size for c in table} == {
        label: (labels == label).sum() for label in set(labels.tolist()) - {-1}
    }
    assert table.n_unassigned == (labels == -1).sum()


def test_names_are_words_and_none_has_two():
    texts = ["red apple", "red apple", "red apple", "red apple", "?", "!"]
    vectors = np.repeat(np.eye(3), 2, axis=0)
    table = describe_clusters(texts, [0, 0, 1, 1, 2, 2], vectors=vectors)
    assert sorted(table.names.values()) == ["apple, red", "apple, red (1)", "group 2"]


def test_terms_of_a_vectorizer_of_the_user():
    texts, labels = questions()
    vectorizer = CountVectorizer(analyzer="char_wb", ngram_range=(4, 4))
    table = describe_clusters(texts, labels, vectorizer=vectorizer, n_terms=4)
    assert {len(term) for cluster in table for term in cluster.terms} == {4}
    assert "card" in table.find("cards").terms


def test_stop_words_of_the_user():
    texts, labels = questions()
    table = describe_clusters(texts, labels, stop_words=["Passcode"])
    assert "passcode" not in " ".join(table.find("codes").terms)
    with pytest.raises(ValueError, match="stop_words must be 'english'"):
        describe_clusters(texts, labels, stop_words="german")


@pytest.mark.parametrize(
    ("labels", "error", "match"),
    [
        ([0, 1], ValueError, "one for each of 3 texts; got 2"),
        ([[0], [1], [2]], ValueError, r"got shape \(3, 1\)"),
        ([-1, -1, -1], ValueError, "There is no group: all labels are -1"),
        ([0.0, 0.5, 1.0], ValueError, "rows 1 are. Fix"),
        ([0, None, 1], ValueError, "rows 1 are. Fix"),
        ([0, "a", None], ValueError, "rows 2 are"),
    ],
)
def test_labels_that_are_none(labels, error, match):
    array = np.array(labels, dtype=object) if None in labels else labels
    with pytest.raises(error, match=match):
        describe_clusters(["a", "b", "c"], array, vectors=np.eye(3))


def test_texts_that_are_none():
    with pytest.raises(TextValueError, match="1"):
        describe_clusters(["a", None], [0, 1])
    with pytest.raises(TextTypeError):
        describe_clusters("a", [0])
    with pytest.raises(ValueError, match="one for each of 3 rows"):
        describe_clusters(["a", "b"], [0, 1], vectors=np.eye(3))


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name == "href"]


def test_the_page_escapes_texts_labels_and_terms_and_its_links_lead_somewhere():
    nasty = '<script>alert(1)</script> \x00 \ud800 & "quoted"'
    clusters = [
        Cluster(label, label, 2, 0.5, 0.4, other, 0.1, [nasty], [0], [nasty], [1], [nasty])
        for label, other in (("<b>", "&amp;"), ("&amp;", "<b>"))
    ]
    table = ClusterTable(clusters, 5)
    page = table.to_html()
    page.encode()
    reader = Reader()
    reader.feed(page)
    assert "script" not in reader.tags and reader.tags.count("b") == 2
    assert "&lt;script&gt;" in page and "&lt;b&gt;" in page and "&amp;amp;" in page
    assert "\x00" not in page
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert "1 texts (20.0%) are in none" in page


def test_the_table_as_text_and_frame(table):
    pandas = pytest.importorskip("pandas")
    assert "exchange rate" in str(table)
    assert repr(table) == "<ClusterTable: 3 groups of 36 texts>"
    assert isinstance(table.to_frame(), pandas.DataFrame)
    assert table.to_frame()["size"].tolist() == [12, 12, 12]
    with pytest.raises(KeyError, match="no group 'x'"):
        table.find("x")
