"""Readers of text files: n rows in, n rows out, or an error that names the row."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skm2v import _text_tables
from skm2v._text_tables import read_csv, read_json, read_lines
from skm2v.exceptions import TextValueError


def lines_of(text):
    """The lines of a text as a file in binary mode gives them."""
    return [line.decode() for line in io.BytesIO(text.encode())]


@pytest.fixture
def tiny_limit():
    """A process whose csv module refuses every cell of two characters."""
    before = csv.field_size_limit(1)
    yield
    csv.field_size_limit(before)


CSV = st.lists(st.sampled_from(list('a"",,\n\n\r') + ["é\x00", " "]), max_size=14).map("".join)


def rows_of_the_standard_library(text):
    before = csv.field_size_limit(10**6)
    try:
        return list(csv.reader(lines_of(text), strict=True))
    except csv.Error:
        return None
    finally:
        csv.field_size_limit(before)


def rows_of_ours(text):
    try:
        return [row.value for row in _text_tables._CsvRows(lines_of(text), "f.csv", ",")]
    except TextValueError:
        return None


@given(CSV)
@example('"a\r\nb",""\n')
@example('a,b"c\r\r\n')
@settings(max_examples=500)
def test_csv_rows_are_those_of_the_standard_library(text):
    assert rows_of_ours(text) == rows_of_the_standard_library(text)


def test_long_cells_are_read_by_the_same_rules(tiny_limit):
    """Every row goes to our own reader, which must not know better than the module."""

    @given(CSV)
    @settings(max_examples=500)
    def check(text):
        assert rows_of_ours(text) == rows_of_the_standard_library(text)

    check()


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), max_size=6))
def test_what_was_written_is_read(rows):
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["a", "b"], *rows])
    found = list(read_csv(lines_of(buffer.getvalue()), "f.csv")) if _encodes(rows) else None
    assert found is None or [row.value for row in found[1:]] == rows


def _encodes(rows):
    return not any("\ud800" <= c <= "\udfff" for row in rows for cell in row for c in cell)


def test_the_limit_of_the_process_stays_as_it_is():
    before = csv.field_size_limit()
    text = "a,b\n" + f'"{"x" * 300_000}",1\n' + f'2,"{"y" * 300_000}"\n3,4\n'
    rows = list(read_csv(lines_of(text), "f.csv"))
    assert [(row.number, len(row.value[0]), len(row.value[1])) for row in rows] == [
        (1, 1, 1),
        (2, 300_000, 1),
        (3, 1, 300_000),
        (4, 1, 1),
    ]
    assert csv.field_size_limit() == before


def test_another_thread_never_sees_another_limit():
    seen, done = set(), threading.Event()

    def watch():
        while not done.is_set():
            seen.add(csv.field_size_limit())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(50):
        list(read_csv(lines_of(f"a,b\n{'x' * 200_000},1\n"), "f.csv"))
    done.set()
    watcher.join()
    assert seen == {csv.field_size_limit()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.csv is empty; a CSV file starts with column names"),
        (
            "a,b\n1,2\n3\n4,5\n",
            "f.csv, line 3: has 1 fields, the header 2. Put texts that hold ','",
        ),
        ('a,b\n"x\ny",2\n3,4,5\n', "line 4: has 3 fields, the header 2"),
        ('a,b\n1,"x\n3,4\n5,6\n', "line 2: opens a quote that is not closed by line 4"),
        ('a,b\n"x"y,2\n', "line 2: has 'y,2' after a closing quote"),
        ("a,b\n1\r2,3\n", "line 2: holds a carriage return outside of quotes"),
        ("a\nx\n\ny\n", 'line 3: is empty. Write "" for an empty text'),
    ],
)
def test_a_bad_row_is_named(text, message):
    with pytest.raises(TextValueError, match=message):
        list(read_csv(lines_of(text), "f.csv"))


@pytest.fixture(params=["the limit of the process", "a limit raised by others"])
def csv_limit(request):
    before = csv.field_size_limit()
    if "raised" in request.param:
        csv.field_size_limit(2**31 - 1)
    yield
    csv.field_size_limit(before)


def test_a_quote_does_not_swallow_gigabytes(monkeypatch, csv_limit):
    monkeypatch.setattr(_text_tables, "MAX_CELL", 1000)
    read = 0

    def lines():
        nonlocal read
        yield "a,b\n"
        yield '1,"x\n'
        while True:
            read += 1
            yield "y" * 100_000 + "\n"

    with pytest.raises(TextValueError, match="line 2: opens a quote that is not closed"):
        list(read_csv(lines(), "f.csv"))
    assert read < 10


def test_an_empty_line_of_one_column_is_a_row_if_that_is_said():
    lines = lines_of('a\nx\n\n""\ny\n')
    rows = list(read_csv(lines, "f.csv", blank_is_empty=True))
    assert [row.value for row in rows] == [["a"], ["x"], [""], [""], ["y"]]
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert [row.value for row in read_csv(lines_of("a,b\n\n1,2\n\n"), "f.csv")][1:] == [["1", "2"]]


@given(st.lists(st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=3)))
def test_json_lines_and_a_json_list_hold_the_same_values(values):
    # A list on the first line is the list of the file, so that the first value is none here.
    values = [{"a": 1}, *values]
    one_on_each_line = "\n\n".join(json.dumps(value) for value in values)
    for text in (one_on_each_line, json.dumps(values), "\n " + json.dumps(values, indent=1)):
        assert [row.value for row in read_json(lines_of(text), "f.json")] == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n\n{"a": \n', "f.json, line 3: is not JSON that can be read"),
        ("1" * 5000, "f.json, line 1: is not JSON that can be read"),
        ('{"a":' * 100_000, "f.json, line 1: is not JSON that can be read"),
        ("[" * 100_000, "f.json is not JSON that can be read"),
        ("[1, 2", "f.json is not JSON that can be read .*; it begins like one list"),
    ],
    ids=["cut", "digits", "deep", "deep list", "cut list"],
)
def test_json_that_is_none_is_an_error(text, message):
    with pytest.raises(TextValueError, match=message):
        list(read_json(lines_of(text), "f.json"))


TEXT = "".join(f"line {number}\n" for number in range(2000))


def test_compressed_files_are_known_by_their_content():
    packed = gzip.compress(TEXT.encode())
    for name in ("f.txt.gz", "f.txt"):
        assert "".join(read_lines(io.BytesIO(packed), name)) == TEXT
    assert "".join(read_lines(io.BytesIO(TEXT.encode()), "f.txt")) == TEXT


def test_every_cut_and_every_flipped_byte_of_a_gzip_file_is_noticed():
    packed = gzip.compress(TEXT.encode(), mtime=0)
    for length in range(len(packed)):
        with pytest.raises(TextValueError, match=r"f\.gz(, line \d+)? is damaged or cut short"):
            list(read_lines(io.BytesIO(packed[:length]), "f.gz"))
    for place in [0, 1, 2, *range(10, len(packed), 7)]:  # between: flags and a date
        bad = bytearray(packed)
        bad[place] ^= 0x10
        with pytest.raises(TextValueError):
            list(read_lines(io.BytesIO(bad), "f.gz"))


def test_lines_that_are_not_utf8_are_named():
    with pytest.raises(TextValueError, match="f.txt, line 2: is not UTF-8"):
        list(read_lines(io.BytesIO(b"a\ncaf\xe9\n"), "f.txt"))
    assert list(read_lines(io.BytesIO(b"\xef\xbb\xbfa\x0cb\r\nc"), "f.txt")) == ["a\x0cb\r\n", "c"]
