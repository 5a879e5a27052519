from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from skm2v.evaluation import TaskDataError
from skm2v.evaluation._tables import data_stem, read_table

Write = Callable[[str, str], Path]


def test_csv_cells_are_the_text_in_the_file(write: Write) -> None:
    text = 'text,label\n"two\nlines, ""quoted""",a\nnull,b\nNaN,c\n"",d\n NA ,e\n'
    table = read_table(write("a.csv", text))
    assert table.texts("text") == ['two\nlines, "quoted"', "null", "NaN", "", " NA "]
    assert table.labels("label") == list("abcde")


def test_csv_keeps_carriage_returns_and_long_texts_and_drops_the_bom(write: Write) -> None:
    long = "x" * 200_000
    table = read_table(write("a.tsv", f'\ufefftext\tlabel\r\n"a\r\nb"\t1\r\n{long}\t2\r\n'))
    assert table.texts("text") == ["a\r\nb", long]


def test_gzip_jsonl_and_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(
        gzip.compress('{"text": "é", "label": 1}\n\n{"text": "b", "label": 2}\n'.encode())
    )
    table = read_table(path)
    assert table.columns == {"text": ["é", "b"], "label": [1, 2]}
    assert table.labels("label") == ["1", "2"]
    assert data_stem(path) == "a"
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame({"text": ["a", None], "label": ["x", "y"]}).to_parquet(tmp_path / "b.parquet")
    table = read_table(tmp_path / "b.parquet")
    assert table.columns["text"] == ["a", None]
    with pytest.raises(
        TaskDataError, match=r"b\.parquet: column 'text' has missing values in 1 rows"
    ):
        table.texts("text")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "text,label\n", r"a\.csv: the file has no rows"),
        ("a.csv", "text,text\na,b\n", "names a column twice"),
        (
            "a.csv",
            "text,label\na,b\nc\n",
            r"line 3: has 1 fields, the header 2\. Put texts that hold",
        ),
        ("a.csv", 'text,label\n"a"b,c\n', "line 2: has .* after a closing quote"),
        ("a.jsonl", '{"text": "a"}\n{"text": \n', "line 2: is not JSON"),
        ("a.jsonl", "[1]\n", "item 1 is a int, expected an object"),
        ("a.parquet", "no", "not a readable Parquet file"),
        ("a.txt", "hello", "cannot tell the format"),
        ("a.csv.gz", "not gzip", "is damaged or cut short"),
    ],
)
def test_bad_files_are_named(write: Write, name: str, text: str, message: str) -> None:
    if "parquet" in name:
        pytest.importorskip("pyarrow")
    with pytest.raises(TaskDataError, match=message):
        read_table(write(name, text))


def test_missing_file_and_wrong_encoding(tmp_path: Path) -> None:
    with pytest.raises(TaskDataError, match="no such file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("text\ncafé\n".encode("latin-1"))
    with pytest.raises(TaskDataError, match="line 2: is not UTF-8"):
        read_table(tmp_path / "latin.csv")


def test_bad_rows_are_numbered(write: Write) -> None:
    rows = (
        "".join('{"text": null, "score": "x"}\n' for _ in range(7)) + '{"text": "a", "score": 1}\n'
    )
    table = read_table(write("a.jsonl", rows))
    with pytest.raises(TaskDataError, match="in 7 rows, first in rows 0, 1, 2, 3, 4 and 2 more"):
        table.texts("text")
    with pytest.raises(TaskDataError, match="must hold numbers"):
        table.numbers("score")
