"""``skm2v dedup``: rows of a file without those that say the same."""

from __future__ import annotations

import csv
import gzip
import json

import pytest

from skm2v._cli import main as cli

TEXTS = ["the money transfer", "london new york", "THE money  transfer", 'win a "free", prize', ""]
KEPT = [0, 1, 3, 4]


@pytest.fixture
def run(tmp_path, tiny_static, capfd):
    tiny_static.save_pretrained(tmp_path / "model")

    def call(*arguments):
        try:
            code = cli.main(["dedup", "-m", str(tmp_path / "model"), *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        out, err = capfd.readouterr()
        return code, out, err

    return call


def test_csv_keeps_all_columns_and_cells(run, tmp_path):
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = [["id", "body", "note"], *([str(i), text, "x,\ny"] for i, text in enumerate(TEXTS))]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    code, _, err = run(path, "--column", "body", "-o", out, "--pairs", tmp_path / "pairs.csv",
                       "--report", tmp_path / "report.html")  # fmt: skip
    assert (code, err) == (0, "skm2v: 5 rows, 4 kept; left out: 1 exact\n")
    with out.open(newline="") as file:
        assert [*csv.reader(file)] == [rows[0], *(rows[1 + row] for row in KEPT)]
    pairs = (tmp_path / "pairs.csv").read_text().splitlines()
    assert pairs == ["left,right,similarity,kind", "0,2,1.0,exact"]
    report = (tmp_path / "report.html").read_text()
    assert "<h1>Duplicates in in.csv</h1>" in report and "<h4>Largest groups</h4>" in report


def test_jsonl_to_stdout(run, tmp_path):
    rows = [{"text": text, "n": i} for i, text in enumerate(TEXTS)] + [{"n": 9}]
    path = tmp_path / "in.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    code, out, _ = run(path, "--column", "text")
    assert code == 0
    # A row without a text is kept.
    assert [json.loads(line) for line in out.splitlines()] == [rows[i] for i in [*KEPT, 5]]


def test_lines(run, tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("\n".join(TEXTS) + "\n")
    code, out, err = run(path, "-q")
    assert (code, out.splitlines(), err) == (0, [TEXTS[row] for row in KEPT], "")


def test_parquet(run, tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"text": TEXTS, "n": list(range(5))})
    parquet.write_table(table, tmp_path / "in.parquet")
    code, _, _ = run(tmp_path / "in.parquet", "--column", "text", "-o", tmp_path / "out.parquet")
    assert code == 0
    assert parquet.read_table(tmp_path / "out.parquet").equals(table.take(KEPT))


def test_options_reach_the_deduplicator(run, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,votes,city\nthe money,1,a\nTHE money,5,a\nthe money,9,b\n")
    arguments = (path, "--column", "text", "--keep", "votes", "--within", "city", "--exact-only")
    assert run(*arguments)[1] == "text,votes,city\nTHE money,5,a\nthe money,9,b\n"


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_columns_may_be_parted_by_another_character(run, tmp_path, mark):
    path = tmp_path / "in.csv"
    rows = [["id", "body"], *([str(i), text] for i, text in enumerate(TEXTS))]
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=mark).writerows(rows)
    code, out, _ = run(path, "--column", "body", "--delimiter", mark)
    assert code == 0
    kept = [*csv.reader(out.splitlines(), delimiter=mark)]
    assert kept == [rows[0], *(rows[1 + row] for row in KEPT)]


def test_a_file_of_lines_has_no_delimiter(run, tmp_path):
    (tmp_path / "in.txt").write_text("the money\n")
    code, out, err = run(tmp_path / "in.txt", "--delimiter", ";")
    assert (code, out) == (2, "")
    assert "--delimiter is for CSV input; the input is read as lines." in err


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("a,b\n1,2\n", (), "has the columns 'a', 'b': choose that of the texts with --column"),
        ("a,b\n1,2\n", ("--column", "c"), "has no column 'c'; it has 'a', 'b'"),
        ("a\n1\n", ("-o", "out.jsonl"), "--output must be a file of the same kind"),
        ("a\n1\n", ("-o", "no/folder/out.csv"), "No folder"),
        ("a\n1\n", ("--threshold", "2"), "'threshold' parameter"),
        ("a\n1\n", ("--within", "b"), "no column 'b'"),
        ("a,a\n1,2\n", ("--column", "a"), "has more than one column 'a'"),
        ("a;b\n1;2, 3\n", (), "'a;b', which seems to be several: choose with --delimiter ';'"),
        ("a\tb\n1\t2\n", ("--column", "b"), "choose with --delimiter $'\\t', or"),
        ("a\n1\n", ("--delimiter", "||"), "--delimiter must be one character"),
        ("a\nthe\n\nnew\n", (), 'in.csv, line 3: is empty. Write "" for an empty text'),
    ],
)
def test_mistakes_are_named_and_leave_no_file(
    run, tmp_path, monkeypatch, content, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text(content)
    before = sorted(tmp_path.iterdir())
    code, out, err = run("in.csv", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("in.jsonl", '{"n": 1, "text": null}\n\n{"text": 5}\n', "in.jsonl, line 3: holds int"),
        ("in.json", '[{"text": "the"}, {"text": ["a"]}]', "in.json, item 2: holds list"),
    ],
)
def test_a_value_that_is_no_text_is_named_by_its_line(run, tmp_path, name, content, place):
    (tmp_path / name).write_text(content)
    code, out, err = run(tmp_path / name, "--column", "text")
    assert (code, out) == (2, "")
    assert f"{place} where a string is wanted." in err and "Fix" not in err


def test_a_parquet_column_of_numbers_is_no_column_of_texts(run, tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"n": [1, 2]}), tmp_path / "in.parquet")
    code, _, err = run(tmp_path / "in.parquet", "-o", tmp_path / "out.parquet")
    assert code == 2
    assert "in.parquet: column 'n' holds int64 where texts are wanted." in err


def test_the_input_is_a_file(run):
    code, out, err = run("-")
    assert (code, out) == (2, "")
    assert "name /dev/stdin for lines of text" in err


def test_pairs_in_the_kind_of_file_that_is_named(run, tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("\n".join(TEXTS) + "\n")
    out = [tmp_path / name for name in ("p.jsonl", "p.tsv", "p.parquet")]
    pytest.importorskip("pyarrow")
    for file in out:
        assert run(path, "-q", "-o", tmp_path / "out.txt", "--pairs", file)[0] == 0
    row = {"left": 0, "right": 2, "similarity": 1.0, "kind": "exact"}
    assert json.loads(out[0].read_text()) == row
    assert out[1].read_text() == "left\tright\tsimilarity\tkind\n0\t2\t1.0\texact\n"
    assert pytest.importorskip("pyarrow.parquet").read_table(out[2]).to_pylist() == [row]
    code, printed, err = run(path, "-q", "--pairs", tmp_path / "pairs.html")
    assert (code, printed) == (2, "")
    assert "must end in .csv, .tsv, .jsonl or .parquet" in err


def test_the_latest_row_of_a_csv_with_dates_and_gaps(run, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,day\nthe money,2024-01-03\nTHE money,2024-02-01\nThe  money,\n")
    code, out, _ = run(path, "--column", "text", "--keep", "day", "-q")
    assert (code, out) == (0, "text,day\nTHE money,2024-02-01\n")


def test_cells_say_how_much_they_found(run, tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("".join(f"the money {number}\n" for number in range(600)))
    code, _, err = run(path, "-o", tmp_path / "out.txt", "--method", "partition")
    assert code == 0
    assert "skm2v: Compared in cells: " in err
