"""Arrow columns are read from their memory, with the vectors and errors of a list of strings."""

from __future__ import annotations

import gc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skm2v import StaticEmbedder
from skm2v._pooling import TextPooler, check_texts
from skm2v._pooling.reference import ReferenceEngine
from skm2v._pooling.text_buffers import TextBuffers, read_buffers
from skm2v.exceptions import TextTypeError, TextValueError
from tests import tiny

invalid_utf8 = pytest.importorskip("skm2v._pooling._kernel").invalid_utf8

pytestmark = pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")  # empty texts

TEXTS = ["", "water", "sécond \U0001f600 bank", "\u2603", "free " * 9, "a" * 12, "b" * 13,
         "é" * 300, "a\0b", "word " * 5000, *tiny.SENTENCES]  # fmt: skip
MISSING = [None if i % 3 == 1 else text for i, text in enumerate(TEXTS)]

COLUMNS = {
    "string": pa.array,
    "large_string": lambda texts: pa.array(texts, pa.large_string()),
    "string_view": lambda texts: pa.array(texts, pa.string_view()),
    "sliced": lambda texts: pa.array(["x", *texts, None, "y"])[1:-2],
    "sliced view": lambda texts: pa.array(["x", *texts, None], pa.string_view())[1:-1],
    "chunked": lambda texts: pa.chunked_array([texts[:2], [], texts[2:]], pa.string()),
    "chunked, sliced": lambda texts: pa.chunked_array([["x", "y"], texts], pa.string())[2:],
    "table": lambda texts: pa.table({"text": pa.array(texts, pa.string())}),
    "polars": lambda texts: pl.Series(texts, dtype=pl.String),
    "polars, sliced": lambda texts: pl.Series(["x", *texts, "y"], dtype=pl.String)[1:-1],
    "polars, two chunks": lambda texts: pl.concat(
        [pl.Series(texts[:2], dtype=pl.String), pl.Series(texts[2:], dtype=pl.String)],
        rechunk=False,
    ),
    "polars frame": lambda texts: pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)}),
    "ArrowDtype": lambda texts: pd.Series(texts, dtype=pd.ArrowDtype(pa.string())),
    "pyarrow strings": lambda texts: pd.Series(texts, dtype=pd.StringDtype("pyarrow")),
    "pandas frame": lambda texts: pd.DataFrame(
        {"text": pd.Series(texts, dtype=pd.ArrowDtype(pa.large_string()))}
    ),
}

OTHERS = {
    "list": list(TEXTS),
    "U array": np.array(TEXTS),
    "object Series": pd.Series(TEXTS, dtype=object),
    "python strings": pd.Series(TEXTS, dtype=pd.StringDtype("python")),
    "categorical": pd.Series(TEXTS, dtype="category"),
    "dictionary": pa.array(TEXTS).dictionary_encode(),
    "polars categorical": pl.Series(TEXTS, dtype=pl.Categorical),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_texts_are_left_where_they_are(tiny_static, kind):
    X = COLUMNS[kind](TEXTS)
    column = check_texts(X, buffers=True)
    assert type(column.texts) is TextBuffers
    assert list(column.texts) == TEXTS
    assert check_texts(X).texts == TEXTS
    expected = tiny_static.encode(TEXTS, max_length=None)
    del X
    gc.collect()
    assert list(column.texts) == TEXTS  # the memory is still there
    for n_jobs in (None, 2):
        actual = tiny_static.pooler.pool(
            column.texts, max_length=None, normalize=True, n_jobs=n_jobs
        )
        assert_array_equal(actual.vectors, expected, strict=True)
    assert_array_equal(tiny_static.encode(COLUMNS[kind](TEXTS), max_length=None), expected)


@pytest.mark.parametrize("kind", ["string", "string_view", "polars, two chunks"])
def test_every_tokenizer_family(any_tiny_static, kind):
    expected = any_tiny_static.encode(TEXTS, max_length=None)
    assert_array_equal(any_tiny_static.encode(COLUMNS[kind](TEXTS), max_length=None), expected)


@pytest.mark.parametrize("kind", COLUMNS)
def test_missing_texts(tiny_static, kind):
    X = COLUMNS[kind](MISSING)
    column = check_texts(X, buffers=True, handle_missing="zero")
    assert type(column.texts) is TextBuffers
    of_items = check_texts(X, handle_missing="zero")
    assert_array_equal(column.missing, of_items.missing, strict=True)
    assert list(column.texts) == of_items.texts
    assert (column.feature_name, column.two_dimensional) == of_items[2:]
    with pytest.raises(TextValueError) as of_buffers:
        check_texts(X, buffers=True)
    with pytest.raises(TextValueError) as of_list:
        check_texts(X)
    assert str(of_buffers.value) == str(of_list.value)
    embedder = StaticEmbedder(tiny_static, handle_missing="zero", max_length=None).fit(TEXTS)
    assert_array_equal(embedder.transform(X), embedder.transform(MISSING), strict=True)


@pytest.mark.parametrize("kind", COLUMNS)
def test_no_texts(tiny_static, kind):
    assert tiny_static.encode(COLUMNS[kind]([])).shape == (0, 16)


@pytest.mark.parametrize("kind", OTHERS)
def test_other_columns_are_lists(tiny_static, kind):
    column = check_texts(OTHERS[kind], buffers=True)
    assert column.texts == TEXTS


NO_TEXTS = [pa.array([b"a"]), pa.array([1]), pa.array([["a"]]), pl.Series([1.5]), pl.Series([b"a"]),
            pd.Series([1], dtype="int64[pyarrow]")]  # fmt: skip


@pytest.mark.parametrize("X", NO_TEXTS)
def test_what_is_no_text_is_refused_as_ever(X):
    with pytest.raises(TextTypeError) as of_buffers:
        check_texts(X, buffers=True)
    with pytest.raises(TextTypeError) as of_list:
        check_texts(X)
    assert str(of_buffers.value) == str(of_list.value)


def test_nulls_alone(tiny_static):
    column = check_texts(pa.array([None, None]), buffers=True, handle_missing="zero")
    assert list(column.texts) == ["", ""] and column.missing.tolist() == [0, 1]


def test_bytes_that_are_no_text_are_named(tiny_static):
    bad = [b"water", b"\xff", b"ok", b"\xed\xa0\x80"]
    offsets = np.cumsum([0, *map(len, bad)]).astype(np.int32)
    X = pa.StringArray.from_buffers(4, pa.py_buffer(offsets), pa.py_buffer(b"".join(bad)))
    with pytest.raises(TextValueError, match="Invalid UTF-8 in rows 1 and 3"):
        tiny_static.encode(X)
    with pytest.raises(TextValueError, match="Invalid UTF-8 in rows 3 and 5"):
        list(tiny_static.encode_iter(pa.chunked_array([["a", "b"], X]), batch_size=6))


def addresses_of(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray, bytes]:
    data = b"".join(texts)
    lengths = np.array([*map(len, texts)], dtype=np.int64)
    start = np.frombuffer(data, np.uint8).ctypes.data if data else 0
    return start + np.cumsum(lengths) - lengths, lengths, data


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


nearly_text = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=12).map(str.encode),
    st.tuples(st.text(max_size=12), st.binary(max_size=3)).map(lambda t: t[0].encode() + t[1]),
    st.tuples(st.text(max_size=12), st.integers(0, 20)).map(lambda t: t[0].encode()[: t[1]]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(nearly_text, min_size=1, max_size=8))
def test_the_check_of_utf8_is_that_of_python(texts):
    addresses, lengths, data = addresses_of(texts)
    expected = [row for row, text in enumerate(texts) if not is_utf8(text)]
    assert invalid_utf8(addresses, lengths) == expected
    del data


def test_the_check_of_utf8_knows_every_edge():
    edges = [b"", b"\x7f", b"\x80", b"\xc1\xbf", b"\xc2\x80", b"\xdf\xbf", b"\xe0\x9f\xbf",
             b"\xe0\xa0\x80", b"\xed\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xee\x80\x80",
             b"\xef\xbf\xbf", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbf",
             b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xc2", b"\xe1\x80", b"\xf1\x80\x80",
             b"\xe1\xff\x80", b"\xf1\x80\x80\x41"]  # fmt: skip
    texts = [before + edge + after for edge in edges for before in (b"", b"a" * 7, b"a" * 8)
             for after in (b"", b"z", b"z" * 8)]  # fmt: skip
    addresses, lengths, data = addresses_of(texts)
    expected = [row for row, text in enumerate(texts) if not is_utf8(text)]
    assert invalid_utf8(addresses, lengths) == expected
    del data


def test_a_sequence_of_strings():
    texts = read_buffers(pa.array(TEXTS), 0)[0]
    assert len(texts) == len(TEXTS) and texts[2] == TEXTS[2] and texts[-1] == TEXTS[-1]
    assert list(texts[1:4]) == TEXTS[1:4]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_the_reference_reads_them_as_strings(tiny_static, n_jobs):
    expected = tiny_static.pooler.pool(TEXTS, max_length=9, normalize=True)
    tokenizer, table = tiny_static.pooler.tokenizer, tiny_static.pooler.table
    pooler = TextPooler(tokenizer, table, ReferenceEngine(tokenizer, table))
    texts = check_texts(pa.array(TEXTS), buffers=True).texts
    pooled = pooler.pool(texts, max_length=9, normalize=True, n_jobs=n_jobs)
    for actual, wanted in zip(pooled, expected, strict=True):
        np.testing.assert_allclose(actual, wanted, atol=1e-6)


def test_without_a_kernel_columns_are_lists(monkeypatch):
    monkeypatch.setattr("skm2v._pooling.text_buffers.invalid_utf8", None)
    assert check_texts(pa.array(TEXTS), buffers=True).texts == TEXTS


def test_memory_of_a_stream_is_given_back():
    X = pl.Series(["some text that does not lie in its view"] * 200_000)
    read_buffers(X, 0)
    before = pa.total_allocated_bytes()
    for _ in range(3):
        arrow = pa.chunked_array([pa.array(["water " * 9] * 50_000)] * 2)
        read_buffers(arrow, 0)
        del arrow
    gc.collect()
    assert pa.total_allocated_bytes() <= before
