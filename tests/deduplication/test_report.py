"""The report: counts, groups and the pairs around the threshold, as text, frame and HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from skm2v._dedup import finding
from skm2v.deduplication import find_leakage
from tests.deduplication.test_deduplicator import Letters, dedup, random_texts
from tests.pairs import brute


def test_counts_add_up():
    texts = random_texts(200)
    found = dedup(kinds=("exact", "near", "semantic")).fit(texts)
    report = found.report_
    assert report.n_rows == 200
    assert report.n_kept + sum(report.n_dropped.values()) == 200
    assert report.n_kept == (~found.is_duplicate_).sum()
    assert repr(report).startswith(
        f"<DeduplicationReport: 200 rows, {report.n_kept} kept; dropped: "
    )


def test_the_largest_groups_come_first():
    texts = random_texts(200)
    found = dedup().fit(texts)
    sizes = np.sort(np.bincount(found.groups_))[::-1]
    groups = found.report_.largest_groups(3, n_texts=2)
    assert [group.size for group in groups] == sizes[:3].tolist()
    for group in groups:
        assert group.kept_text == texts[group.kept_row]
        assert group.least_similarity >= np.float32(0.9)
        assert len(group.dropped_texts) <= 2
        assert group.kept_text not in group.dropped_texts


@pytest.mark.parametrize("floor", [None, 0.8])
def test_borderline_pairs_are_the_nearest_on_both_sides(floor):
    texts = random_texts(150)
    pairs = dedup(floor=floor).fit(texts).report_.borderline(4)
    rows = sorted(
        {" ".join(t.lower().split()): r for r, t in reversed([*enumerate(texts)])}.values()
    )
    vectors = Letters().transform([texts[row] for row in rows])
    values = brute.pairs(vectors, 0.85).similarity
    limit = np.float32(0.9)
    above, below = np.sort(values[values >= limit])[:4], np.sort(values[values < limit])[-4:]
    assert [p.similarity for p in pairs] == [*above[::-1].tolist(), *below[::-1].tolist()]
    assert [p.is_duplicate for p in pairs] == [True] * 4 + [False] * 4
    for pair in pairs:
        assert texts[pair.left_row] == pair.left_text
        assert texts[pair.right_row] == pair.right_text


def test_pairs_below_are_those_of_a_sample_of_many_texts(monkeypatch):
    monkeypatch.setattr(finding, "FEW", 50)
    monkeypatch.setattr(finding, "SAMPLE", 40)
    report = dedup().fit(random_texts(150)).report_
    assert report.n_searched == 40
    pairs = [(p.left_row, p.right_row) for p in report.borderline(30)]
    assert len(set(pairs)) == len(pairs)
    assert "a sample of 40 texts" in report.to_html()


def test_the_frame_says_why_a_text_went():
    pytest.importorskip("pandas")
    texts = ["aab", "zz", "AAB"]
    frame = dedup().fit(texts).report_.to_frame()
    assert frame.to_dict("records") == [
        {
            "row": 2,
            "kept_row": 0,
            "similarity": 1.0,
            "kind": "exact",
            "text": "AAB",
            "kept_text": "aab",
        }
    ]


class Balanced(HTMLParser):
    """Fails where tags do not match, and collects the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        assert tag != "script"
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_shows_texts_as_they_are_and_nothing_runs():
    texts = ["<script>alert(1)</script> abc", "<script>alert(1)</script> abcd", "\0 & <b>"] * 2
    html = dedup(threshold=0.8).fit(texts).report_._repr_html_()
    page = Balanced()
    page.feed(html)
    assert not page.open
    assert "<script>alert(1)</script>" in page.text.replace("\n", "")
    assert "\0" not in html
    assert "6" in page.text


@pytest.mark.parametrize("texts", [[], ["aab"], ["aab", "zzz"]])
def test_a_report_of_nothing(texts):
    report = dedup().fit(texts).report_
    assert report.borderline() == []
    assert report.largest_groups() == []
    assert "No duplicates" in report.to_html()
    assert str(report) == f"{len(texts)} rows, {len(texts)} kept, 0 dropped"


def test_the_text_names_groups_and_pairs():
    text = str(dedup().fit(random_texts(150)).report_)
    assert "largest groups" in text
    assert "pairs around the threshold 0.9" in text


def test_the_report_says_whether_all_pairs_were_found():
    texts = random_texts(600)
    exact, cells = (dedup(method=method).fit(texts).report_ for method in ("exact", "partition"))
    assert exact.completeness == "All pairs at or above the thresholds were found."
    assert exact.completeness in exact.to_html()
    assert exact.completeness not in str(exact)
    pattern = r"Compared in cells: \d+\.\d\d % of the semantic pairs .* interval .* on \d+ texts"
    for shown in (cells.completeness, cells.to_html(), str(cells)):
        assert re.search(pattern, shown)


def test_printed_pairs_show_the_first_rows_and_how_many_more_there_are():
    texts = random_texts(150)
    pairs = dedup().fit(texts).pairs_
    lines = str(pairs).split("\n")
    assert lines[0] == repr(pairs)[1:-1]
    assert lines[1].split() == ["left", "right", "similarity", "kind"]
    assert lines[2].split() == [
        str(pairs.left[0]), str(pairs.right[0]), f"{pairs.similarity[0]:.4f}", pairs.kind[0]
    ]  # fmt: skip
    assert lines[-1] == f"... and {len(pairs) - 10:,} more"
    assert len(lines) == 13
    html = pairs._repr_html_()
    assert html.count("<tr>") == 11
    assert f"and {len(pairs) - 10:,} more" in html
    few = dedup().fit(["aab", "AAB"]).pairs_
    assert str(few).split("\n")[2:] == ["   0      1      1.0000  exact"]
    assert str(dedup().fit(["aab"]).pairs_) == "DuplicatePairs: none"
    assert "<table>" not in dedup().fit(["aab"]).pairs_._repr_html_()


def test_printed_leakage_names_rows_of_both_tables():
    leakage = find_leakage(["a card"], ["Lunch?", "A card"], kinds=("exact",))
    assert str(leakage).split("\n") == [
        "Leakage: 1 of 2 test texts, 1 pairs",
        "test_row  train_row  similarity   kind",
        "       1          0      1.0000  exact",
    ]
    assert "<td>exact</td>" in leakage._repr_html_()
