from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from skm2v import StaticModel
from skm2v._pooling import TextPooler
from tests import tiny

TEXTS = ["the money transfer", "", 'win a "free", prize', "text\fone\u2028two", "london new york"]


def embed_texts(model, texts):
    with np.errstate(all="raise"):
        return model.pooler.pool(texts, max_length=512, normalize=True).vectors


def write_inputs(tmp_path):
    lines = tmp_path / "texts.txt"
    lines.write_text("".join(text + "\n" for text in TEXTS), encoding="utf-8", newline="")
    quoted = [text.replace('"', '""') for text in TEXTS]
    csv = tmp_path / "texts.csv"
    csv.write_text(
        "id,body\n" + "".join(f'{i},"{text}"\n' for i, text in enumerate(quoted)),
        encoding="utf-8-sig",
        newline="",
    )
    tsv = tmp_path / "texts.tsv"
    tsv.write_text(
        "body\tid\r\n" + "".join(f'"{text}"\t{i}\r\n' for i, text in enumerate(quoted)),
        encoding="utf-8",
        newline="",
    )
    jsonl = tmp_path / "texts.jsonl"
    jsonl.write_text("\n".join(json.dumps({"id": 1, "body": text}) for text in TEXTS))
    strings = tmp_path / "strings.ndjson"
    strings.write_text("\n\n".join(json.dumps(text) for text in TEXTS))
    a_list = tmp_path / "texts.json"
    a_list.write_text(json.dumps(TEXTS, indent=2))
    of_objects = tmp_path / "objects.json"
    of_objects.write_text(json.dumps([{"body": text} for text in TEXTS]))
    lines_of_json = tmp_path / "lines.json"
    lines_of_json.write_text("\n".join(json.dumps(text) for text in TEXTS))
    unnamed = tmp_path / "unnamed.txt"
    unnamed.write_bytes(gzip.compress(lines.read_bytes()))
    packed = tmp_path / "texts.csv.gz"
    packed.write_bytes(gzip.compress(csv.read_bytes()))
    return {
        "lines": [lines],
        "csv": [csv, "--column", "body"],
        "tsv": [tsv, "--column", "body"],
        "jsonl": [jsonl, "--field", "body"],
        "json strings": [strings],
        "csv.gz": [packed, "--column", "body"],
        "json list": [a_list],
        "json list of objects": [of_objects, "--field", "body"],
        "field named as a column": [jsonl, "--column", "body"],
        "the same in a list": [of_objects, "--column", "body"],
        "json lines": [lines_of_json],
        "gzip without .gz": [unnamed],
    }


KINDS = ["lines", "csv", "tsv", "jsonl", "json strings", "csv.gz"]
KINDS += ["json list", "json list of objects", "json lines", "gzip without .gz"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch_size", [2, 1000])
def test_embed_writes_what_encode_returns(kind, batch_size, tmp_path, model, model_path, run):
    out = tmp_path / "out.npy"
    code, _, err = run(
        "embed",
        *write_inputs(tmp_path)[kind],
        *("-m", model_path, "-o", out, "--batch-size", batch_size),
    )
    assert code == 0, err
    vectors = np.load(out)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, embed_texts(model, TEXTS))
    assert "5 x 16" in err
    assert "texts without a known token, their vectors are zero: 1" in err


def test_embed_jsonl_out(tmp_path, model, model_path, run):
    out = tmp_path / "out.jsonl"
    code, _, _ = run("embed", *write_inputs(tmp_path)["lines"], "-m", model_path, "-o", out, "-q")
    assert code == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").split("\n")[:-1]]
    assert [row["text"] for row in rows] == TEXTS
    vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(vectors, embed_texts(model, TEXTS))


def test_embed_options(tmp_path, model, model_path, run):
    out = tmp_path / "out.npy"
    text = "the money transfer to the bank"
    (tmp_path / "in.txt").write_text(text)
    options = ["--dims", 4, "--max-length", 2, "--no-normalize", "--n-jobs", 2]
    code, _, err = run("embed", tmp_path / "in.txt", "-m", model_path, "-o", out, *options)
    assert code == 0, err
    expected = model.with_dimensions(4).pooler.pool([text], max_length=2, normalize=False)
    np.testing.assert_array_equal(np.load(out), expected.vectors)
    assert "texts cut to the maximum length, see --max-length: 1" in err


@pytest.mark.parametrize(
    ("batch_size", "n_jobs", "used"),
    [(1000, 4, {4}), (1, 4, {2}), (1, 3, {1}), (1, 2, {1}), (1000, 1, {1}), (1, 1, {1})],
)
def test_threads_share_one_batch_or_have_one_each(
    batch_size, n_jobs, used, tmp_path, model_path, run, monkeypatch
):
    pool, found = TextPooler.pool, set()

    def recording(self, texts, *, n_jobs, **options):
        found.add(n_jobs)
        return pool(self, texts, n_jobs=n_jobs, **options)

    monkeypatch.setattr(TextPooler, "pool", recording)
    arguments = [*write_inputs(tmp_path)["lines"], "-m", model_path, "-o", tmp_path / "out.npy"]
    assert run("embed", *arguments, "--batch-size", batch_size, "--n-jobs", n_jobs)[0] == 0
    assert found == used


def test_embed_stdin_to_stdout(model, model_path):
    """In a process of its own: real pipes, and nothing but JSON lines on stdout."""
    result = subprocess.run(
        [sys.executable, "-m", "skm2v", "embed", "-m", model_path],
        input=b"the money\nlondon",
        capture_output=True,
        check=True,
        timeout=60,
    )
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(vectors, embed_texts(model, ["the money", "london"]))
    assert result.stderr == b""


def test_reader_that_goes_away(model_path):
    command = f"yes the money | {sys.executable} -m skm2v embed -m {model_path} | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=60)
    assert result.stdout.count(b"\n") == 1
    assert result.stderr == b""


def test_empty_input(tmp_path, model_path, run):
    (tmp_path / "in.txt").write_text("")
    code, _, err = run("embed", tmp_path / "in.txt", "-m", model_path, "-o", tmp_path / "out.npy")
    assert code == 0, err
    assert np.load(tmp_path / "out.npy").shape == (0, 16)


def test_missing_as_zero(tmp_path, model_path, run):
    (tmp_path / "in.jsonl").write_text('{"t": "the"}\n{"t": null}\n{}')
    arguments = ["embed", tmp_path / "in.jsonl", "--field", "t", "-m", model_path]
    arguments += ["-o", tmp_path / "out.npy", "--handle-missing", "zero"]
    assert run(*arguments)[0] == 0
    norms = np.linalg.norm(np.load(tmp_path / "out.npy"), axis=1)
    np.testing.assert_allclose(norms, [1, 0, 0], atol=1e-6)


def test_blank_cells_of_one_column_are_rows(tmp_path, model, model_path, run):
    (tmp_path / "in.csv").write_text('t\nthe\n\n""\nmoney\n\n')
    out = tmp_path / "out.npy"
    arguments = ["embed", tmp_path / "in.csv", "-m", model_path, "-o", out]
    assert run(*arguments, "--handle-missing", "zero")[0] == 0
    expected = embed_texts(model, ["the", "", "", "money", ""])
    np.testing.assert_array_equal(np.load(out), expected)


BAD_INPUTS = {
    "latin.txt": (b"the\ncaf\xe9\n", [], "line 2: is not UTF-8"),
    "two.csv": (b"a,b\n1,2\n", [], "columns 'a', 'b': choose that of the texts with --col"),
    "semicolons.csv": (b"a;b\n1;2\n", [], "'a;b', which seems to be several: choose with --del"),
    "tabs.csv": (b"a\tb\n1\t2\n", [], "choose with --delimiter $'\\t', or --delimiter ',' if"),
    "no.csv": (b"a,b\n1,2\n", ["--column", "c"], "no column 'c'; it has 'a', 'b'"),
    "twice.csv": (b"a,a\n1,2\n", ["--column", "a"], "more than one column 'a'"),
    "ragged.csv": (b"a,b\n1,2\n1\n", ["--column", "a"], "line 3: has 1 fields, the header 2"),
    "empty.csv": (b"", ["--column", "a"], "is empty"),
    "bad.jsonl": (b'{"t": "the"}\n{"t": \n', ["--field", "t"], "line 2: is not JSON"),
    "number.jsonl": (b'{"t": 1}\n', ["--field", "t"], "line 1: holds int where a string"),
    "null.jsonl": (b'{"t": null}\n', ["--field", "t"], "field 't' is null. Use --handle-missing"),
    "absent.jsonl": (b'{"u": 1}\n', ["--field", "t"], "field 't' is missing"),
    "field.jsonl": (b'{"u": "the"}\n', [], "choose one of its fields with --field ('u')"),
    "half.jsonl": (b'"\\ud800"\n', [], "line 1: holds half of a surrogate pair"),
    "quote.csv": (
        b'id,t\n1,"the\n2,money\n3,"bank"\n',
        ["--column", "t"],
        "line 2: has 'bank\"' after a closing quote in line 4",
    ),
    "open.csv": (
        b'id,t\n1,the\n2,"money\n3,bank\n',
        ["--column", "t"],
        "line 3: opens a quote that is not closed by line 4",
    ),
    "blank.csv": (b"t\nthe\n\nmoney\n", [], "line 3: is empty"),
    "list.json": (b'["the", 1]', [], "item 2: holds int where a string is wanted"),
    "objects.json": (b'[{"t": "the"}, {}]', ["--field", "t"], "item 2: field 't' is missing"),
    "deep.jsonl": (b'{"t": ' + b"[" * 100_000 + b"\n", ["--field", "t"], "line 1: is not JSON"),
    "deep.json": (b"[" * 100_000, [], "is not JSON"),
    "digits.jsonl": (b'"the"\n' + b"1" * 5000, [], "line 2: is not JSON"),
    "none.txt.gz": (b"", [], "is damaged or cut short after 0 lines"),
    "no.txt.gz": (b"the\n", [], "is damaged or cut short"),
    "cut.txt.gz": (gzip.compress(b"the\n" * 999)[:-9], [], "is damaged or cut short"),
    "bad.txt.gz": (gzip.compress(b"the\n" * 999)[:-9] + b"\xff" * 9, [], "is damaged or cut short"),
    "lines.txt": (b"the\n", ["--column", "a", "--format", "lines"], "--column is for CSV input"),
    "both.jsonl": (b"1\n", ["--field", "a", "--column", "b"], "both name the field of the texts"),
    "column.jsonl": (b'{"u": "the"}\n', ["--column", "t"], "line 1: field 't' is missing"),
    "field.csv": (b"a\n", ["--field", "a", "--format", "csv"], "--field is for JSONL input"),
    "delimiter.csv": (b"a\n", ["--delimiter", "||"], "--delimiter must be one character"),
    "delimiter.txt": (b"a\n", ["--delimiter", ";"], "--delimiter is for CSV input; the input is"),
    "hint.csv": (b"a;b\n1;2\n", ["--column", "b"], "'a;b', which seems to be several: choose"),
    "as quote.csv": (b"a\n", ["--delimiter", '"'], "--delimiter must be one character, no quote"),
}


def test_a_name_with_a_semicolon_is_one_column_where_the_delimiter_is_given(
    tmp_path, model, model_path, run
):
    (tmp_path / "in.csv").write_text("a;b\nthe;money\n", encoding="utf-8")
    out = tmp_path / "out.npy"
    arguments = ["embed", tmp_path / "in.csv", "-m", model_path, "-o", out]
    assert run(*arguments, "--delimiter", ",")[0] == 0
    np.testing.assert_array_equal(np.load(out), embed_texts(model, ["the;money"]))


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_names_the_line_and_leaves_no_file(name, tmp_path, model_path, run):
    content, options, message = BAD_INPUTS[name]
    (tmp_path / name).write_bytes(content)
    before = sorted(os.listdir(tmp_path))
    out = tmp_path / "out.npy"
    code, _, err = run("embed", tmp_path / name, *options, "-m", model_path, "-o", out)
    assert code == 2
    assert err.startswith("skm2v: error: ")
    assert message in err
    assert sorted(os.listdir(tmp_path)) == before


def test_failure_keeps_the_old_output(tmp_path, model_path, run):
    out = tmp_path / "out.npy"
    out.write_bytes(b"old")
    (tmp_path / "in.txt").write_bytes(b"the\n\xff\n")
    code, _, _ = run(
        *("embed", tmp_path / "in.txt", "-m", model_path, "-o", out, "--batch-size", 1)
    )
    assert code == 2
    assert out.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed", "nowhere.txt"], "error: No such file or directory: 'nowhere.txt'"),
        (["embed", "--frobnicate", "7"], "--frobnicate\nTry `skm2v embed --help`."),
        (["embed", "-o", "vectors.txt"], "must end in .npy, .jsonl or .parquet"),
        (["embed", "-o", "no/folder/v.npy"], "No folder"),
        (["info", "./nowhere"], "nowhere"),
        (["frobnicate"], "invalid choice"),
        (["distill", "a", "b", "--pca-dims", "many"], "'many' is not a number of dimensions"),
        (["distill", "a", "b", "--vocabulary", "nowhere.txt"], "cannot read nowhere.txt"),
        (["distill", "a", "b", "--quantize-to", "int4"], "invalid choice: 'int4'"),
        (["distill", "./nowhere", "out"], "nowhere"),
        ([], "required"),
    ],
)
def test_user_errors_exit_with_2(arguments, message, tmp_path, model_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the\n")))
    if arguments[:1] == ["embed"]:
        arguments = [*arguments, "-m", model_path]
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err


def test_info(model, model_path, run):
    code, out, _ = run("info", model_path, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["dimensions"] == 16
    assert facts["tokens"] == len(model.tokens)
    assert facts["stored as"] == "float32"
    code, out, _ = run("info", model_path)
    assert code == 0
    assert re.search(r"^dimensions +: 16$", out, re.MULTILINE)
    assert "None" not in out


def test_version(run):
    from skm2v import __version__

    assert run("--version") == (0, f"skm2v {__version__}\n", "")


def test_distill(tmp_path, tiny_teacher, run):
    words = tmp_path / "words.txt"
    words.write_text("mortgage\n\nnew york city\n")
    out = tmp_path / "static"
    arguments = ["distill", tiny_teacher, out, "--pca-dims", 8, "--quantize-to", "float32"]
    arguments += ["--vocabulary", words, "--sif-coefficient", "none", "--max-length", 20]
    code, _, err = run(*arguments)
    assert code == 0, err
    assert "8 dimensions, float32" in err
    model = StaticModel.from_pretrained(out)
    assert model.dim == 8
    assert model.max_length == 20
    assert {"mortgage", "new york city"} <= set(model.tokens)
    assert model.config.sif_coefficient is None
    # A second run does not overwrite what may be dear to somebody.
    code, _, err = run(*arguments)
    assert code == 2
    assert "--force" in err
    assert run(*arguments, "--force", "--quiet") == (0, "", "")


def test_the_same_as_in_python(tmp_path, tiny_teacher, run):
    import skm2v

    assert run("distill", tiny_teacher, tmp_path / "static", "--pca-dims", "0.9")[0] == 0
    made = StaticModel.from_pretrained(tmp_path / "static")
    expected = skm2v.distill(str(tiny_teacher), pca_dims=0.9)
    np.testing.assert_array_equal(made.embedding, expected.embedding)
    text = list(tiny.SENTENCES)
    np.testing.assert_array_equal(made.encode(text), expected.encode(text))


def test_distill_on_the_texts_of_a_file(tmp_path, tiny_teacher, run):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(tiny.WORDS, rng.integers(3, 10))) for _ in range(4000)]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("\n".join(json.dumps({"body": text}) for text in texts))
    arguments = ["distill", tiny_teacher, tmp_path / "static", "--pca-dims", 16]
    arguments += ["--corpus", corpus, "--memory", tmp_path / "cache"]
    code, _, err = run(*arguments, "--field", "body")
    assert code == 0, err
    model = StaticModel.from_pretrained(tmp_path / "static")
    assert model.config.objective == "sentences"
    assert any((tmp_path / "cache").rglob("*"))


@pytest.mark.parametrize("option", ["--field", "--column", "--delimiter"])
def test_distill_without_the_file_that_an_option_is_for(option, tmp_path, tiny_teacher, run):
    code, _, err = run("distill", tiny_teacher, tmp_path / "other", option, ";")
    assert code == 2
    assert "--corpus FILE, which is missing" in err


def test_distill_on_a_file_that_semicolons_part(tmp_path, tiny_teacher, run):
    corpus = tmp_path / "in.csv"
    corpus.write_text("id;text\n1;the, money\n2\n")
    arguments = ["distill", tiny_teacher, tmp_path / "static", "--corpus", corpus]
    code, _, err = run(*arguments, "--column", "text")
    assert code == 2
    assert "choose with --delimiter ';'" in err
    code, _, err = run(*arguments, "--column", "text", "--delimiter", ";")
    assert code == 2
    assert "line 3: has 1 fields, the header 2" in err
