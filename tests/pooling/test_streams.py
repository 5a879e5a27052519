"""A stream gives the vectors of all texts at once, and reads no more than is asked for."""

from __future__ import annotations

import itertools
import signal
import warnings

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.dtypes import StringDType
from numpy.testing import assert_array_equal

from skm2v import StaticEmbedder
from skm2v._pooling import iter_texts
from skm2v.exceptions import TextTypeError, TextValueError, TextWarning
from tests import tiny

TEXTS = [*tiny.SENTENCES, "sécond \U0001f600 water", "free" * 9]

COLUMNS = {
    "list": TEXTS,
    "tuple": tuple(TEXTS),
    "generator": lambda: (text for text in TEXTS),
    "dict values": dict(enumerate(TEXTS)).values(),
    "object array": np.array(TEXTS, dtype=object),
    "U array": np.array(TEXTS),
    "StringDType array": np.array(TEXTS, dtype=StringDType()),
    "(n, 1) array": np.array(TEXTS)[:, None],
    "masked array": np.ma.array(TEXTS),
    "Series": pd.Series(TEXTS, index=np.arange(len(TEXTS))[::-1]),
    "Arrow Series": pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.string())),
    "categorical Series": pd.Series(TEXTS, dtype="category"),
    "Index": pd.Index(TEXTS),
    "DataFrame": pd.DataFrame({"text": TEXTS}),
    "polars Series": pl.Series(TEXTS),
    "polars DataFrame": pl.DataFrame({"text": TEXTS}),
    "Arrow array": pa.array(TEXTS),
    "Arrow chunked": pa.chunked_array([TEXTS[:5], [], TEXTS[5:]]),
    "Arrow table": pa.table({"text": TEXTS}),
    "datasets column": datasets.Dataset.from_dict({"text": TEXTS})["text"],
}


@pytest.fixture
def streams(tiny_static):
    """`encode_iter` and `transform_iter` over the same model."""
    embedder = StaticEmbedder(tiny_static).fit(TEXTS)
    return {"encode_iter": tiny_static.encode_iter, "transform_iter": embedder.transform_iter}


@pytest.fixture(params=["encode_iter", "transform_iter"])
def stream(request, streams):
    return streams[request.param]


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("batch_size", [1, 7, len(TEXTS), 1000])
def test_batches_are_the_rows_of_the_whole(tiny_static, stream, kind, batch_size):
    X = COLUMNS[kind]
    batches = list(stream(X() if callable(X) else X, batch_size=batch_size))
    sizes = [len(batch) for batch in batches]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1) and 1 <= sizes[-1] <= batch_size
    assert {batch.dtype for batch in batches} == {np.dtype(np.float32)}
    assert_array_equal(np.concatenate(batches), tiny_static.encode(TEXTS), strict=True)


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_every_tokenizer_family(any_tiny_static, batch_size):
    batches = any_tiny_static.encode_iter(iter(TEXTS), batch_size)
    assert_array_equal(np.concatenate(list(batches)), any_tiny_static.encode(TEXTS), strict=True)


def test_settings_are_those_of_encode(tiny_static):
    for settings in (
        {"normalize": False},
        {"normalize_embeddings": False, "prompt_name": None},
        {"max_length": 2},
        {"max_length": None, "n_jobs": 2},
        {"convert_to_numpy": True, "device": "cpu", "use_multiprocessing": True},
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TextWarning)
            batches = list(tiny_static.encode_iter(TEXTS, 8, **settings))
            assert_array_equal(np.concatenate(batches), tiny_static.encode(TEXTS, **settings))


def test_batches_are_no_tensors(tiny_static):
    with pytest.raises(ValueError, match=r"torch\.from_numpy\(batch\)"):
        tiny_static.encode_iter(TEXTS, convert_to_tensor=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 0},
        {"batch_size": "query"},
        {"max_length": 0},
        {"n_jobs": 0},
        {"precision": "int8"},
        {"device": "cuda"},
        {"normalize": False, "normalize_embeddings": True},
    ],
    ids=str,
)
def test_bad_settings_are_refused_before_anything_is_read(tiny_static, settings):
    texts = iter(TEXTS)
    with pytest.raises(ValueError) as of_stream:
        tiny_static.encode_iter(texts, **settings)
    assert next(texts) == TEXTS[0]
    with pytest.raises(ValueError) as of_encode:
        tiny_static.encode(TEXTS, **settings)
    assert str(of_stream.value) == str(of_encode.value)


@pytest.mark.parametrize("X", ["water", b"water", {"a": "b"}, {"water"}, None, 7, np.zeros(3)])
def test_what_is_no_column_is_refused_at_once(stream, X):
    with pytest.raises(TextTypeError, match="Expected a column of texts"):
        stream(X)


@pytest.mark.parametrize("X", [[], iter(()), np.array([]), pd.Series([], dtype=str), pl.Series([])])
def test_no_texts_make_no_batches(stream, X):
    assert list(stream(X)) == []


def test_an_endless_generator_is_read_as_far_as_needed(stream):
    n_read = 0

    def lines():
        nonlocal n_read
        for n_read in itertools.count(1):  # noqa: B007
            yield "water bank"

    batches = stream(lines(), batch_size=10)
    assert n_read == 0
    for i, batch in enumerate(itertools.islice(batches, 50), start=1):
        assert batch.shape == (10, 16)
        assert n_read == 10 * i
    batches.close()
    assert n_read == 500
    with pytest.raises(StopIteration):
        next(batches)


def test_closing_early_leaves_the_rest_of_the_source(stream):
    lines = iter(TEXTS)
    batches = stream(lines, batch_size=4)
    next(batches)
    batches.close()
    assert list(lines) == TEXTS[4:]


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (None, TextValueError, "Missing texts in rows 9 and 10"),
        (7, TextTypeError, "got int in rows 9 and 10"),
        (b"x", TextTypeError, "got bytes in rows 9 and 10"),
        ("\ud800", TextValueError, "Lone surrogates .*rows 9 and 10"),
    ],
)
def test_errors_count_rows_from_the_start(stream, bad, error, message):
    X = ["water"] * 20
    X[9:11] = [bad, bad]
    batches = stream(iter(X), batch_size=4)
    assert [len(next(batches)) for _ in range(2)] == [4, 4]
    with pytest.raises(error, match=message):
        next(batches)
    with pytest.raises(StopIteration):
        next(batches)


def test_noise_in_an_array_is_named_from_the_start(stream):
    X = np.frombuffer(b"a\0\0\0" * 5 + b"\xff" * 4, dtype="<U1")
    with pytest.raises(TextValueError, match="Invalid Unicode in row 5"):
        list(stream(X, batch_size=2))


def test_errors_of_the_source_pass_through(stream):
    def lines():
        yield from TEXTS[:5]
        raise OSError("disk")

    batches = stream(lines(), batch_size=4)
    next(batches)
    with pytest.raises(OSError, match="disk"):
        next(batches)


def test_ctrl_c_ends_the_stream_and_harms_nothing(tiny_static, stream):
    expected = tiny_static.encode(TEXTS)

    def lines():
        yield from TEXTS[:6]
        signal.raise_signal(signal.SIGINT)
        yield from TEXTS[6:]

    batches = stream(lines(), batch_size=4)
    assert_array_equal(next(batches), expected[:4])
    # A suite that runs in the background inherits SIGINT as ignored.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            next(batches)
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert_array_equal(np.concatenate(list(stream(TEXTS, batch_size=4))), expected)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_ctrl_c_while_a_batch_is_embedded(tiny_static):
    batches = tiny_static.encode_iter(itertools.repeat("water bank"), 200_000)
    next(batches)
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.005)
            for _ in batches:  # endless
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    with pytest.raises(StopIteration):
        next(batches)


def test_one_warning_at_the_end_for_the_whole_stream(stream):
    texts = ["water", "\u2603", "\u2603"] * 10
    batches = stream(texts, batch_size=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(8):
            next(batches)
    with pytest.warns(TextWarning, match="Of 30 texts, 20 without a known token") as caught:
        assert list(batches) == []
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_progress_of_a_stream(tiny_static, capsys):
    list(tiny_static.encode_iter(iter(TEXTS[:10]), 4, show_progress_bar=True))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.split("\r")[1:] == ["Embedded 4 texts", "Embedded 8 texts", "Embedded 10 texts",
                                   "Embedded 10 texts\n"]  # fmt: skip


def test_missing_texts_of_the_transformer(tiny_static):
    X = ["water", None, "bank", float("nan"), "\u2603"]
    embedder = StaticEmbedder(tiny_static).fit(TEXTS)
    with pytest.raises(TextValueError, match="Missing texts in row 3"):
        list(embedder.transform_iter(["a", "b", "c", None], batch_size=2))
    embedder.set_params(handle_missing="zero")
    with pytest.warns(TextWarning, match="Of 5 texts, 1 without a known token"):
        batches = list(embedder.transform_iter(iter(X), batch_size=2))
    with pytest.warns(TextWarning):
        assert_array_equal(np.concatenate(batches), embedder.transform(X))


def test_the_transformer_checks_the_name_of_the_column(tiny_static):
    embedder = StaticEmbedder(tiny_static).fit(pd.DataFrame({"body": TEXTS}))
    assert len(next(embedder.transform_iter(pd.DataFrame({"body": TEXTS})))) == len(TEXTS)
    with pytest.raises(ValueError, match="fitted on the column 'body'; got the column 'title'"):
        embedder.transform_iter(pd.DataFrame({"title": TEXTS}))


def test_the_transformer_must_be_fitted(tiny_static):
    with pytest.raises(ValueError, match="not fitted yet"):
        StaticEmbedder(tiny_static).transform_iter(TEXTS)


def test_set_output_does_not_reach_batches(tiny_static):
    embedder = StaticEmbedder(tiny_static).set_output(transform="pandas").fit(TEXTS)
    assert type(next(embedder.transform_iter(TEXTS))) is np.ndarray


def test_a_reader_of_arrow_batches_is_read_as_far_as_its_texts_are_asked_for():
    schema = pa.schema([("text", pa.string())])
    read = []

    def batches():
        for number in range(1000):
            read.append(number)
            yield pa.record_batch([[f"{number} a", f"{number} b"]], schema=schema)

    reader = pa.RecordBatchReader.from_batches(schema, batches())
    name, parts = iter_texts(reader, 3)
    assert name == "text"
    assert next(parts).texts == ["0 a", "0 b", "1 a"]
    assert len(read) <= 4
