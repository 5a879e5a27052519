"""``skm2v search``: index the texts of a file, and search them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from skm2v import TextSearcher
from skm2v._cli import main as cli

TEXTS = ["free money transfer", "london new york", "win a prize"]


@pytest.fixture
def run(capfd):
    def call(*arguments):
        try:
            code = cli.main(["search", *map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def index(run, tmp_path, tiny_static):
    tiny_static.save_pretrained(tmp_path / "model")
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n")
    target = tmp_path / "texts.index"
    code, out, err = run("index", tmp_path / "texts.txt", "-o", target, "-m", tmp_path / "model")
    assert (code, out) == (0, "")
    assert err == "skm2v: 3 texts, 8 terms\n"
    return target


def test_hits_are_lines_of_score_id_and_text(run, index):
    code, out, err = run("query", index, "money", "prizes", "-k", 1)
    assert (code, err) == (0, "")
    first, blank, second, end = out.split("\n", 3)
    score, name, text = first.split("\t")
    assert (name, text) == ("0", "free money transfer")
    assert float(score) == pytest.approx(
        TextSearcher.load(index).search("money", 1)[0][0].score, abs=5e-4
    )
    assert second.split("\t")[1:] == ["2", "win a prize"]
    assert (blank, end) == ("", "\n")


def test_json_has_a_line_for_each_query(run, index):
    code, out, _ = run("query", index, "money", "", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["query"] for line in lines] == ["money", ""]
    assert lines[1]["hits"] == []
    hit = TextSearcher.load(index).search("money")[0][0]
    assert lines[0]["hits"][0] == {
        "id": 0,
        "score": hit.score,
        "cosine": hit.cosine,
        "bm25": hit.bm25,
        "text": "free money transfer",
    }


def test_ids_and_texts_are_columns(run, tmp_path, index):
    rows = [{"key": f"k{i}", "body": text} for i, text in enumerate(TEXTS)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    options = ("-m", tmp_path / "model", "--column", "body", "--stemmer", "none", "-q")
    target = tmp_path / "rows.index"
    assert run("index", path, "-o", target, "--id", "key", *options) == (0, "", "")
    found = TextSearcher.load(target)
    assert found.ids_.tolist() == ["k0", "k1", "k2"] and found.stemmer is None
    code, _, err = run("index", path, "-o", target, "--id", "name", *options)
    assert (code, err) == (2, f"skm2v: error: {path} has no column 'name' for --id.\n")


def test_columns_may_be_parted_by_semicolons(run, tmp_path, index):
    path, target = tmp_path / "rows.csv", tmp_path / "rows.index"
    path.write_text("key;body\n" + "".join(f"k{i};{text}, now\n" for i, text in enumerate(TEXTS)))
    arguments = ("index", path, "-m", tmp_path / "model", "-o", target, "-q")
    code, _, err = run(*arguments, "--column", "body")
    assert code == 2
    assert "choose with --delimiter ';'" in err
    assert run(*arguments, "--column", "body", "--id", "key", "--delimiter", ";")[0] == 0
    _, out, _ = run("query", target, "london", "-k", 1)
    assert out.split("\t")[1:] == ["k1", "london new york, now\n\n"]


def test_the_weight_can_be_another_one(run, index):
    _, out, _ = run("query", index, "money", "--weight", 1, "--json")
    assert [hit["id"] for hit in json.loads(out)["hits"]] == [0]
    code, _, err = run("query", index, "money", "--weight", 2)
    assert code == 2 and "lexical_weight must be a number from 0 to 1; got 2.0" in err


def test_what_is_no_index_is_said(run, tmp_path):
    (tmp_path / "other").write_bytes(b"x" * 100)
    code, out, err = run("query", tmp_path / "other", "money")
    assert (code, out) == (2, "") and err.startswith("skm2v: error: ")
    assert "no safetensors file" in err and "`skm2v search index`" in err
    missing = tmp_path / "missing"
    code, _, err = run("query", missing, "money")
    assert (code, err) == (2, f"skm2v: error: No such file or directory: {str(missing)!r}\n")


@pytest.mark.parametrize("given", [[], ["-"]])
def test_queries_come_from_standard_input(index, tmp_path, given):
    command = [sys.executable, "-m", "skm2v", "search", "query", str(index), *given, "--json"]
    lines = ["money", "", "prize"] * 30
    whole = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, check=True
    )
    assert [json.loads(line)["query"] for line in whole.stdout.splitlines()] == lines
    (tmp_path / "queries.txt").write_text("\n".join(lines))
    with open(tmp_path / "queries.txt") as file:
        stored = subprocess.run(command, stdin=file, capture_output=True, text=True, check=True)
    assert stored.stdout == whole.stdout


def test_an_answer_comes_before_the_next_question(index):
    command = [sys.executable, "-m", "skm2v", "search", "query", str(index), "--json"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        for query in ("money", "prize"):
            process.stdin.write(query + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["query"] == query
        process.stdin.close()
    assert process.returncode == 0
