"""From texts to topics in one call, on the command line, and as a page."""

from __future__ import annotations

import csv
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, v_measure_score

from skm2v._cli.main import main
from skm2v._clustering import topics as topics_module
from skm2v.clustering import find_topics
from skm2v.datasets import load_banking77, load_sms_spam
from tests.clustering.test_describing import Reader


@pytest.fixture(scope="module")
def bank():
    found = load_banking77(subset="test")
    rows = np.flatnonzero(np.isin(found.target, range(0, 77, 6)))  # 13 intents, 520 questions
    return [found.data[row] for row in rows], found.target[rows]


@pytest.fixture(scope="module")
def topics(bank):
    return find_topics(bank[0], 13)


def test_topics_are_those_that_people_made(bank, topics):
    assert v_measure_score(bank[1], topics.labels) > 0.8
    assert repr(topics) == "<Topics: 13 of 520 texts>"
    assert topics.choice is None
    assert [one.label for one in topics.table] == list(range(13))
    assert [one.size for one in topics.table] == np.bincount(topics.labels).tolist()


def test_the_order_of_texts_changes_nothing(bank, topics):
    order = np.random.default_rng(0).permutation(len(bank[0]))
    found = find_topics([bank[0][row] for row in order], 13, n_jobs=2)
    np.testing.assert_array_equal(found.labels, topics.labels[order])
    np.testing.assert_array_equal(found.outlier_scores, topics.outlier_scores[order])
    assert [one.terms for one in found.table] == [one.terms for one in topics.table]
    assert str(found) == str(topics)


def test_the_number_is_chosen_by_itself(bank):
    found = find_topics(bank[0])
    assert 8 <= len(found.table) <= 20
    assert found.choice.n_clusters == len(found.table)
    assert adjusted_rand_score(bank[1], found.labels) > 0.5


def test_fitted_texts_are_predicted_as_they_were_and_new_ones_sensibly(bank, topics):
    np.testing.assert_array_equal(topics.predict(bank[0]), topics.labels)
    assert topics.predict([]).tolist() == []
    new = load_banking77(subset="train")
    rows = np.flatnonzero(np.isin(new.target, range(0, 77, 6)))[::7]
    labels = topics.predict([new.data[row] for row in rows])
    assert v_measure_score(new.target[rows], labels) > 0.7


def test_messages_that_are_none_of_these_belong_least(bank):
    odd = load_sms_spam(subset="test").data[:15]
    found = find_topics([*bank[0], *odd], 13)
    worst = np.argsort(-found.outlier_scores)[:15]
    assert (worst >= len(bank[0])).mean() > 0.6


def test_the_page_has_a_map_a_table_and_no_script(topics, monkeypatch):
    monkeypatch.setattr(topics_module, "POINTS", 100)
    page = find_topics([*topics.texts[:150], "<script>alert(1)</script>"] * 2, 4).to_html("<i>")
    reader = Reader()
    reader.feed(page)
    assert not {"script", "i"} & set(reader.tags) - {"i"}
    assert "<script" not in page and "<h1>&lt;i&gt;</h1>" in page
    assert reader.tags.count("svg") == 2
    assert "a sample of 100" in page
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert "http" not in page.replace("http-equiv", "")


def test_the_frame(bank, topics):
    pytest.importorskip("pandas")
    frame = topics.to_frame()
    assert frame["text"].tolist() == bank[0]
    assert list(frame) == ["text", "topic", "name", "outlier_score"]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([],), "no texts"),
        ((["a", "b"],), "Fix: give the number yourself"),
        ((["a", "b"], 0), "n_topics must be an integer of 1 or more"),
        ((["a", "b"], 3), "n_topics=3, but there are only 2 texts"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, match):
    with pytest.raises(ValueError, match=match):
        find_topics(*arguments)


def test_the_command_writes_a_page_and_a_table(bank, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(topics_module, "POINTS", 100)
    monkeypatch.chdir(tmp_path)
    with open("questions.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("id", "body"), *enumerate([*bank[0][:200], ""])])
    assert main(["topics", "questions.csv", "--column", "body", "-k", "5"]) == 0
    said = capsys.readouterr()
    assert "201 texts, 5 topics" in said.err and said.out == ""
    page = (tmp_path / "topics.html").read_text(encoding="utf-8")
    assert "<title>Topics of questions.csv</title>" in page
    with open("topics.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == list(range(201))
    assert {row["topic"] for row in rows} == set("01234")
    assert float(rows[200]["outlier_score"]) == 1
    assert [row["text"] for row in rows] == [*bank[0][:200], ""]
    arguments = ["topics", "questions.csv", "--column", "body", "-k", "5", "-q", "-o", "b.html"]
    assert main([*arguments, "--labels", "-"]) == 0
    said = capsys.readouterr()
    assert said.err == "" and said.out == (tmp_path / "topics.csv").read_text(encoding="utf-8")
    assert (tmp_path / "b.html").read_text(encoding="utf-8") == page


def test_the_command_keeps_columns_of_parquet(bank, tmp_path, capsys, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(topics_module, "POINTS", 100)
    monkeypatch.chdir(tmp_path)
    ids = pa.array(range(150), pa.int16())
    parquet.write_table(pa.table({"id": ids, "body": bank[0][:150], "name": ids}), "in.parquet")
    arguments = ["topics", "in.parquet", "--column", "body", "-k", "3", "--keep", "id"]
    assert main([*arguments, "--labels", "out.parquet"]) == 0
    made = parquet.read_table("out.parquet")
    assert made.schema.names == ["row", "id", "topic", "name", "outlier_score"]
    assert made["id"].combine_chunks().equals(ids) and made["row"].to_pylist() == [*range(150)]
    assert set(made["topic"].to_pylist()) == {0, 1, 2}
    assert main([*arguments, "--labels", "out.csv", "-q"]) == 0
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "row,id,topic,name,outlier_score" and len(lines) == 151
    capsys.readouterr()
    for column, message in (("nothing", "has no column 'nothing'"), ("name", "--keep name: the")):
        assert main([*arguments, "--keep", column]) == 2
        assert message in capsys.readouterr().err


def test_the_command_shows_shares_over_time(bank, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(topics_module, "POINTS", 100)
    monkeypatch.chdir(tmp_path)
    months = [f"2026-{1 + row % 7:02}-05 10:00" for row in range(200)]
    with open("in.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(
            [("day", "body"), *zip(months, bank[0][:200], strict=True)],
        )
    arguments = ["topics", "in.csv", "--column", "body", "-k", "3", "-q"]
    assert main(arguments) == 2
    assert "choose with --delimiter ';'" in capsys.readouterr().err
    arguments += ["--delimiter", ";"]
    assert main([*arguments, "--by", "day"]) == 0
    page = (tmp_path / "topics.html").read_text(encoding="utf-8")
    assert "<h2>Shares over time</h2>" in page and "2026-07" in page
    assert page.count("<polyline") == 3
    assert main([*arguments, "--by", "when"]) == 2
    assert "in.csv has no column 'when' for --by" in capsys.readouterr().err
    assert main([*arguments, "--period", "month"]) == 2
    assert "Fix: name that column" in capsys.readouterr().err


def test_the_command_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.txt").write_text("one\ntwo\n")
    assert main(["topics", "few.txt"]) == 2
    assert "give the number yourself" in capsys.readouterr().err
    assert not list(tmp_path.glob("topics.*"))


def test_a_process_with_another_seed_of_hashes_finds_the_same(bank, topics):
    code = (
        "import sys; from skm2v.clustering import find_topics\n"
        "t = find_topics(sys.stdin.read().split('\\n'), 13)\n"
        "print(t.labels.tolist(), [c.terms for c in t.table])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        input="\n".join(bank[0]),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2", "PYTHONUTF8": "1"},
    )
    expected = f"{topics.labels.tolist()} {[c.terms for c in topics.table]}\n"
    assert run.stdout == expected, run.stderr
