"""Parquet files in and out, and the columns that are kept beside what is made."""

from __future__ import annotations

import datetime
import json
import sys

import numpy as np
import pytest

from skm2v._cli import parquet as parquet_files

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

TEXTS = ["the money transfer", "", "london new york", "the bank", "new money"]
DAYS = [datetime.date(2024, 1, day) for day in range(1, 6)]


def vectors_of(model, texts):
    return model.pooler.pool(list(texts), max_length=512, normalize=True).vectors


def matrix(column):
    flat = column.combine_chunks().flatten()
    return flat.to_numpy().reshape(len(column), -1)


@pytest.fixture
def table():
    return pa.table(
        {
            "id": pa.array([10, 11, 12, 13, 14], pa.int32()),
            "body": TEXTS,
            "day": pa.array(DAYS),
            "tags": [["a"], [], None, ["b", "c"], ["d"]],
        }
    )


@pytest.fixture
def path(tmp_path, table):
    path = tmp_path / "in.parquet"
    parquet.write_table(table, path, row_group_size=2)
    return path


@pytest.mark.parametrize("batch_size", [1, 2, 3, 1000])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_rows_of_a_parquet_file_keep_their_columns(
    path, table, tmp_path, model, model_path, run, batch_size, n_jobs
):
    out = tmp_path / "out.parquet"
    arguments = ["embed", path, "--column", "body", "-m", model_path, "-o", out, "-q"]
    arguments += ["--keep", "id", "--keep", "tags", "--keep", "day"]
    code, _, err = run(*arguments, "--batch-size", batch_size, "--n-jobs", n_jobs)
    assert code == 0, err
    made = parquet.read_table(out)
    assert made.drop_columns("embedding").equals(table.select(["id", "tags", "day"]))
    assert made.schema.field("embedding").type == pa.list_(pa.float32(), 16)
    np.testing.assert_array_equal(matrix(made["embedding"]), vectors_of(model, TEXTS))
    groups = parquet.ParquetFile(out).metadata
    sizes = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert sizes == [min(batch_size, 5 - first) for first in range(0, 5, batch_size)]


def test_the_text_is_beside_the_vector_unless_others_are_kept(path, tmp_path, model_path, run):
    arguments = ["embed", path, "--column", "body", "-m", model_path, "-q"]
    assert run(*arguments, "-o", tmp_path / "a.parquet")[0] == 0
    assert parquet.read_table(tmp_path / "a.parquet").drop_columns("embedding").to_pydict() == {
        "text": TEXTS
    }
    code, out, _ = run(*arguments, "--keep", "day")
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["day"] for row in rows] == [day.isoformat() for day in DAYS]
    assert {tuple(row) for row in rows} == {("day", "embedding")}


@pytest.mark.parametrize(
    "column",
    [
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS).dictionary_encode(),
        pa.array(TEXTS, pa.string_view()),
    ],
    ids=["large", "dictionary", "view"],
)
def test_strings_of_all_types_are_texts(column, tmp_path, model, model_path, run):
    parquet.write_table(pa.table({"t": column}), tmp_path / "in.parquet")
    out = tmp_path / "out.npy"
    assert run("embed", tmp_path / "in.parquet", "-m", model_path, "-o", out)[0] == 0
    np.testing.assert_array_equal(np.load(out), vectors_of(model, TEXTS))


def test_a_kernel_is_not_needed(path, tmp_path, model, model_path, run, monkeypatch):
    from skm2v._pooling import text_buffers

    monkeypatch.setattr(text_buffers, "invalid_utf8", None)
    out = tmp_path / "out.npy"
    assert run("embed", path, "--column", "body", "-m", model_path, "-o", out)[0] == 0
    np.testing.assert_array_equal(np.load(out), vectors_of(model, TEXTS))


@pytest.mark.parametrize("values", [["the", None, "money"], [None, None, None]])
def test_missing_texts_are_an_error_or_zero(values, tmp_path, model_path, run):
    parquet.write_table(pa.table({"t": values}), tmp_path / "in.parquet")
    arguments = ["embed", tmp_path / "in.parquet", "-m", model_path, "-o", tmp_path / "out.npy"]
    code, _, err = run(*arguments, "--batch-size", 1)
    assert code == 2
    row = values.index(None) + 1
    assert f"in.parquet, row {row}: field 't' is null. Use --handle-missing zero" in err
    assert not (tmp_path / "out.npy").exists()
    assert run(*arguments, "--handle-missing", "zero")[0] == 0
    assert np.load(tmp_path / "out.npy").any(axis=1).tolist() == [bool(one) for one in values]


def test_no_rows(tmp_path, model_path, run):
    empty = pa.table({"id": pa.array([], pa.int8()), "t": pa.array([], pa.string())})
    parquet.write_table(empty, tmp_path / "in.parquet")
    arguments = ["embed", tmp_path / "in.parquet", "--column", "t", "-m", model_path]
    assert run(*arguments, "--keep", "id", "-o", tmp_path / "out.parquet")[0] == 0
    schema = parquet.read_table(tmp_path / "out.parquet").schema
    assert schema.types == [pa.int8(), pa.list_(pa.float32(), 16)]
    (tmp_path / "in.csv").write_text("t,n\n")
    arguments = ["embed", tmp_path / "in.csv", "--column", "t", "-m", model_path]
    assert run(*arguments, "--keep", "n", "-o", tmp_path / "out.parquet")[0] == 0
    made = parquet.read_table(tmp_path / "out.parquet")
    assert (made.num_rows, made.schema.types) == (0, [pa.string(), pa.list_(pa.float32(), 16)])


def test_cells_and_fields_are_kept_as_they_are(tmp_path, model, model_path, run):
    (tmp_path / "in.csv").write_text('id,t\n007,the\n"a,\nb",money\n')
    arguments = ["embed", tmp_path / "in.csv", "--column", "t", "-m", model_path]
    assert run(*arguments, "--keep", "id", "-o", tmp_path / "out.parquet")[0] == 0
    made = parquet.read_table(tmp_path / "out.parquet")
    assert made["id"].to_pylist() == ["007", "a,\nb"]
    np.testing.assert_array_equal(matrix(made["embedding"]), vectors_of(model, ["the", "money"]))
    rows = [{"id": 1, "t": "the", "x": None}, {"id": 2, "t": "money", "x": "é"}, {"t": "bank"}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    arguments = ["embed", tmp_path / "in.jsonl", "--field", "t", "-m", model_path]
    arguments += ["--keep", "x", "--keep", "id", "--batch-size", 1]
    assert run(*arguments, "-o", tmp_path / "out.parquet")[0] == 0
    made = parquet.read_table(tmp_path / "out.parquet").drop_columns("embedding")
    # The first row has nothing to tell a type by.
    assert made.to_pydict() == {"x": [None, "é", None], "id": [1, 2, None]}
    code, out, _ = run(*arguments)
    assert [json.loads(line)["x"] for line in out.splitlines()] == [None, "é", None]
    (tmp_path / "in.txt").write_text("the\nmoney\n")
    code, out, _ = run("embed", tmp_path / "in.txt", "-m", model_path, "--keep", "text")
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["the", "money"]


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_values_of_several_types_are_no_column(batch_size, tmp_path, model_path, run):
    (tmp_path / "in.jsonl").write_text('{"t": "a", "x": 1}\n{"t": "a", "x": "b"}')
    arguments = ["embed", tmp_path / "in.jsonl", "--field", "t", "-m", model_path, "--keep", "x"]
    arguments += ["--batch-size", batch_size]
    before = sorted(tmp_path.iterdir())
    code, _, err = run(*arguments, "-o", tmp_path / "out.parquet")
    assert code == 2
    last = f"in rows {2 if batch_size == 1 else 1} to 2"
    assert f"Column 'x' has values of several types {last}" in err
    assert sorted(tmp_path.iterdir()) == before
    assert run(*arguments, "-o", tmp_path / "out.jsonl")[0] == 0


def test_mistakes_are_named_and_leave_no_file(path, tmp_path, monkeypatch, model_path, run):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no.parquet").write_bytes(b"no parquet, but longer than a footer")
    damaged = bytearray(path.read_bytes())
    damaged[4:200] = bytes(196)
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    (tmp_path / "in.txt").write_text("the\n")
    (tmp_path / "in.jsonl").write_text('"the"\n')
    (tmp_path / "half.jsonl").write_text('{"t": "the", "x": "\\ud800"}\n')
    (tmp_path / "in.csv").write_text("text,embedding\nthe,1\n")
    before = sorted(tmp_path.iterdir())
    body = ("in.parquet", "--column", "body")
    for arguments, message in (
        (["in.parquet"], "has the columns 'id', 'body', 'day', 'tags': choose that of the texts"),
        (["in.parquet", "--column", "nobody"], "has no column 'nobody'; it has 'id', 'body'"),
        (["in.parquet", "--column", "id"], "column 'id' holds int32 where texts are wanted"),
        (["in.parquet", "--field", "body"], "--field is not for Parquet"),
        ([*body, "--keep", "x"], "has no column 'x'"),
        ([*body, "--keep", "id", "--keep", "id"], "two columns 'id'"),
        ([*body, "--keep", "id", "-o", "out.npy"], "--keep needs a place for columns"),
        (["-", "--format", "parquet"], "cannot be read from stdin"),
        (["no.parquet"], "no.parquet is no Parquet file that can be read"),
        (["damaged.parquet", "--column", "body"], "damaged.parquet is damaged or cannot be read"),
        (["in.txt", "--keep", "id"], "in.txt has lines, and no column 'id' to keep"),
        (["in.jsonl", "--keep", "id"], "line 1: is a string, and has no field 'id' to keep"),
        (["half.jsonl", "--field", "t", "--keep", "x"], "line 1: holds half of a surrogate pair"),
        (["in.csv", "--column", "text", "--keep", "embedding"], "two columns 'embedding'"),
        (["in.csv", "--column", "text", "--keep", "x"], "in.csv has no column 'x'"),
    ):
        output = ["-o", "out.parquet"] if "-o" not in arguments else []
        code, _, err = run("embed", *arguments, *output, "-m", model_path)
        assert (code, message in err) == (2, True), err
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["embed", "dedup", "topics"])
def test_without_pyarrow_the_extra_is_named(command, path, model_path, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    code, out, err = run(command, path, "--column", "body", "-m", model_path)
    assert (code, out) == (2, "")
    assert err == "skm2v: error: Parquet files need pyarrow: pip install 'skm2v[parquet]'\n"


def test_groups_of_rows_that_are_skipped_are_not_read(path, table, monkeypatch):
    read = []
    opened = parquet.ParquetFile

    class Recording:
        def __init__(self, file):
            self.file = opened(file)

        def __getattr__(self, name):
            return getattr(self.file, name)

        def iter_batches(self, *arguments, row_groups, **options):
            read.append(row_groups)
            return self.file.iter_batches(*arguments, row_groups=row_groups, **options)

    with monkeypatch.context() as context:
        context.setattr(parquet, "ParquetFile", Recording)
        for n_rows, groups in ((0, [0, 1, 2]), (1, [0, 1, 2]), (2, [1, 2]), (3, [1, 2]), (4, [2])):
            with parquet_files.ParquetTexts(str(path), column="body", keep=["id"]) as source:
                source.skip(n_rows)
                found = list(source.batches(2))
            assert [text for batch in found for text in batch.texts] == TEXTS[n_rows:]
            ids = [value for batch in found for value in batch.columns["id"].to_pylist()]
            assert ids == table["id"].to_pylist()[n_rows:]
            assert read.pop() == groups
        with parquet_files.ParquetTexts(str(path), column="body") as source:
            source.skip(5)
            assert list(source.batches(2)) == []
    assert read == []
