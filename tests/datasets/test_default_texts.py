"""Texts of the default model: none of them is a text of a development set."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture(scope="module")
def tools():
    sys.path.insert(0, str(TOOLS))
    try:
        import check_no_test_text
    finally:
        sys.path.remove(str(TOOLS))
    return check_no_test_text


def write_csv(path, rows):
    path.parent.mkdir(exist_ok=True, parents=True)
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def sets(tmp_path):
    write_csv(
        tmp_path / "intent" / "banking77.csv.gz",
        [
            {"text": "Where is my card?", "label": "a", "split": "train"},
            {"text": "Activate it", "label": "a", "split": "test"},
        ],
    )
    write_csv(
        tmp_path / "sts" / "sts13.csv.gz",
        [{"text1": "the act of arriving", "text2": "a gloss", "score": "1", "split": "test"}],
    )
    write_csv(
        tmp_path / "multilingual" / "tatoeba.csv.gz",
        [{"text1": "Hallo.", "text2": "Hello there, you.", "split": "test"}],
    )
    folder = tmp_path / "retrieval" / "tiny"
    folder.mkdir(parents=True)
    with gzip.open(folder / "queries.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"id": "1", "text": "What is known of wings?"}))
    folder = tmp_path / "reranking"
    folder.mkdir()
    with gzip.open(folder / "qa.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"query": "who is it", "positive": ["it is me"], "negative": []}))
    return tmp_path


def test_texts_of_the_sets(tools, sets):
    assert tools.default_texts.evaluation_texts(sets) == {
        "intent/banking77": {"Activate it"},
        "sts/sts13": {"the act of arriving", "a gloss"},
        "retrieval/tiny": {"What is known of wings?"},
        "reranking/qa": {"who is it", "it is me"},
    }


def test_matches_are_found_and_counted(tools, sets):
    fitted = [
        "Where is my card?",  # train: allowed
        "Hello there, you.",  # Tatoeba: allowed
        "Activate it",
        "ACTIVATE   it!",
        "What is known of wings",
        "arrival: the act of arriving",
        "cat: a gloss",  # two words after a colon are vocabulary
        "...",
    ]
    result = tools.overlaps(fitted, tools.default_texts.evaluation_texts(sets))
    assert result["intent/banking77"][1:] == (["Activate it"], ["ACTIVATE   it!"], [])
    assert result["retrieval/tiny"][1:] == ([], ["What is known of wings"], [])
    assert result["sts/sts13"][1:] == ([], [], ["arrival: the act of arriving"])
    assert result["reranking/qa"].found == []
    assert "4 texts of the fit are texts of a development set" in tools.report(result, len(fitted))


@pytest.mark.parametrize(("text", "status"), [("A text.", 0), ("x: What is known of wings", 1)])
def test_exit_status(tools, sets, monkeypatch, capsys, text, status):
    monkeypatch.setattr(tools.default_texts, "collect", lambda *_: {"made up": [text]})
    assert tools.main(["--sources", str(sets)]) == status
    assert "retrieval/tiny" in capsys.readouterr().out


def test_the_collection_drops_them(tools, sets, monkeypatch):
    texts = tools.default_texts
    found = ["the act  of arriving", "arrival: The act of arriving.", "a gloss", "kept", "Kept!"]
    source = texts.Source("made up", "sts/sts13.csv.gz", "", "CC0", lambda folder: found)
    index = texts.Source("index", "index.txt", "", "CC0", str.splitlines)
    (sets / "index.txt").write_text("Activate it.\nalso kept")
    monkeypatch.setattr(texts, "COLLECTIONS", (source,))
    monkeypatch.setattr(texts, "PACKAGES", ())
    monkeypatch.setattr(texts, "INDEX", index)
    monkeypatch.setattr(texts, "check", lambda *_: None)
    collected = texts.collect(sets, sets, ["Where is my card?", "activate it"])
    assert collected == {
        "Banking77 (train)": ["Where is my card?"],
        "made up": ["kept"],
        "index": ["also kept"],
    }


def test_a_package_has_the_name_and_the_version_that_its_file_says(tools):
    package_of = tools.default_texts.package_of
    assert package_of("wordnet-base_1%3a3.0-37_all.deb") == ("wordnet-base", "1:3.0-37")
    assert package_of("python3.11-doc_3.11.2-6+deb12u9_all.deb") == (
        "python3.11-doc",
        "3.11.2-6+deb12u9",
    )
    assert package_of("randfacts-0.24.4-py3-none-any.whl") == ("randfacts", "0.24.4")
    assert package_of("simple_icd_10_cm-1.5.0-py3-none-any.whl") == ("simple_icd_10_cm", "1.5.0")


def test_every_package_is_fetched_by_the_name_it_goes_by(tools):
    texts = tools.default_texts
    for source in texts.PACKAGES:
        name, version = texts.package_of(source.file)
        assert name == source.name
        assert version[0].isdigit()
        command = texts.fetching(source.file)
        is_debian = source.file.endswith(".deb")
        assert command[-1] == (f"{name}={version}" if is_debian else f"{name}=={version}")


def test_a_wheel_for_one_python_is_fetched_for_that_python(tools):
    command = tools.default_texts.fetching("a-1.0-cp311-cp311-linux_2_24.linux_2_28.whl")
    options = " ".join(command)
    assert "--python-version 311 --abi cp311 --platform linux_2_24 --platform linux_2_28" in options
    assert "--platform" not in tools.default_texts.fetching("a-1.0-py3-none-any.whl")


@pytest.mark.parametrize("command", [["false"], ["no-such-command-here"]])
def test_what_cannot_be_fetched_is_named_and_leaves_nothing(tools, tmp_path, monkeypatch, command):
    texts = tools.default_texts
    monkeypatch.setattr(texts, "fetching", lambda file: command)
    source = texts.Source("old", "old-doc_1.0-1_all.deb", "0" * 64, "CC0", list)
    with pytest.raises(SystemExit, match=r"old-doc_1\.0-1_all\.deb cannot be fetched"):
        texts.fetch(source, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
