"""Every kind of input is a column of texts or an error that names rows and the fix (P1-P3)."""

from __future__ import annotations

import collections
import csv
import enum
import io
import re
import subprocess
import sys
import types
from decimal import Decimal

import dask.array
import datasets
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.dtypes import StringDType
from numpy.testing import assert_array_equal

from skm2v._pooling import check_texts
from skm2v.exceptions import Skm2vError, TextTypeError, TextValueError

TEXTS = ["first", "sécond", "\U0001f600 third"]


class Colour(str, enum.Enum):
    RED = "red"


class Shouting(str):
    def __str__(self) -> str:
        return self.upper() + "!"


class Query:
    """A frame that is known by its columns only, and would be read by iterating over these."""

    columns = ("text",)

    def __iter__(self):
        return iter(self.columns)


class Items:
    """The old iteration protocol: __getitem__ alone."""

    def __getitem__(self, i: int) -> str:
        return TEXTS[i]


ACCEPTED = {
    "list": list(TEXTS),
    "tuple": tuple(TEXTS),
    "deque": collections.deque(TEXTS),
    "UserList": collections.UserList(TEXTS),
    "dict values": dict(zip("abc", TEXTS, strict=True)).values(),
    "generator": lambda: (text for text in TEXTS),
    "iterator": lambda: iter(TEXTS),
    "map": lambda: map(str, TEXTS),
    "__getitem__ only": Items(),
    "object array": np.array(TEXTS, dtype=object),
    "U array": np.array(TEXTS),
    "U array, other byte order": np.array(TEXTS).astype(np.array(TEXTS).dtype.newbyteorder()),
    "U array, strided": np.repeat(np.array(TEXTS), 2)[::2],
    "StringDType array": np.array(TEXTS, dtype=StringDType()),
    "Series": pd.Series(TEXTS, index=[9, 9, 1], name="ignored"),
    "object Series": pd.Series(TEXTS, dtype=object),
    "string Series": pd.Series(TEXTS, dtype="string"),
    "Arrow Series": pd.Series(TEXTS, dtype=pd.ArrowDtype(pa.string())),
    "categorical Series": pd.Series(TEXTS, dtype="category"),
    "Index": pd.Index(TEXTS),
    "pandas array": pd.array(TEXTS, dtype="string"),
    "polars Series": pl.Series(TEXTS),
    "polars Categorical": pl.Series(TEXTS, dtype=pl.Categorical),
    "polars Enum": pl.Series(TEXTS, dtype=pl.Enum(TEXTS)),
    "datasets column": datasets.Dataset.from_dict({"text": TEXTS})["text"],
    "datasets slice": datasets.Dataset.from_dict({"text": TEXTS})[:]["text"],
    "Arrow string": pa.array(TEXTS),
    "Arrow large_string": pa.array(TEXTS, pa.large_string()),
    "Arrow string_view": pa.array(TEXTS, pa.string_view()),
    "Arrow dictionary": pa.array(TEXTS).dictionary_encode(),
    "Arrow chunked": pa.chunked_array([TEXTS[:1], TEXTS[1:]]),
    "narwhals Series": nw.from_native(pl.Series(TEXTS), series_only=True),
}


def reader_of(**columns) -> pa.RecordBatchReader:
    """A one-shot reader of batches of one row each."""
    return pa.table(columns).to_reader(max_chunksize=1)


TWO_DIMENSIONAL = {
    "object array": (np.array(TEXTS, dtype=object)[:, None], None),
    "U array": (np.array(TEXTS)[:, None], None),
    "StringDType array": (np.array(TEXTS, dtype=StringDType())[:, None], None),
    "matrix": (np.array(TEXTS)[:, None].view(np.matrix), None),
    "DataFrame": (pd.DataFrame({"text": TEXTS}), "text"),
    "DataFrame, numbered column": (pd.DataFrame({0: TEXTS}), None),
    "DataFrame, string dtype": (pd.DataFrame({"text": TEXTS}, dtype="string"), "text"),
    "polars DataFrame": (pl.DataFrame({"text": TEXTS}), "text"),
    "Arrow table": (pa.table({"text": TEXTS}), "text"),
    "Arrow record batch": (pa.record_batch({"text": TEXTS}), "text"),
    "narwhals frame, pandas": (nw.from_native(pd.DataFrame({"text": TEXTS})), "text"),
    "narwhals frame, polars": (nw.from_native(pl.DataFrame({"text": TEXTS})), "text"),
    "narwhals frame, Arrow": (nw.from_native(pa.table({"text": TEXTS})), "text"),
    "Arrow reader": (lambda: reader_of(text=TEXTS), "text"),
}

EMPTY = {
    "list": [],
    "tuple": (),
    "generator": (text for text in ()),
    "float array": np.array([]),
    "U array": np.array([], dtype="U"),
    "Series": pd.Series([], dtype=float),
    "polars Series": pl.Series([], dtype=pl.String),
    "Arrow array": pa.array([], pa.string()),
    "DataFrame": pd.DataFrame({"text": []}),
    "(0, 1) array": np.empty((0, 1)),
}

DATASET = datasets.Dataset.from_dict({"text": TEXTS})

REFUSED = {
    "str": ("text", r"a single string.*Fix: pass a list of texts: \[text\]"),
    "numpy str": (np.str_("text"), "a single string"),
    "bytes": (b"text", r"a single bytes object.*X\.decode\(\)"),
    "bytearray": (bytearray(b"text"), "a single bytearray"),
    "memoryview": (memoryview(b"text"), "a single memoryview"),
    "dict": ({"text": TEXTS}, r"a dictionary.*list\(X\.values\(\)\)"),
    "Counter": (collections.Counter(TEXTS), "a dictionary"),
    "set": (set(TEXTS), r"a set.*no order.*sorted\(X\)"),
    "frozenset": (frozenset(TEXTS), "a set"),
    "dict keys": ({"a": 1}.keys(), "a set"),
    "None": (None, "got NoneType"),
    "int": (3, "got int"),
    "NaN": (float("nan"), "got float"),
    "class": (list, "got the class list"),
    "class with to_list": (pd.Series, "got the class Series"),
    "0-d array": (np.array("text"), r"0-D array.*\[X\.item\(\)\]"),
    "3-D array": (np.full((2, 1, 1), "x"), r"shape \(2, 1, 1\)"),
    "two columns": (np.full((2, 2), "x"), r"shape \(2, 2\).*one column"),
    "no column": (np.empty((2, 0), dtype="U1"), r"shape \(2, 0\)"),
    "bytes array": (np.array([b"text"]), r"dtype \|S4.*numpy\.char\.decode"),
    "float array": (np.array([1.0]), r"dtype float64.*X\.astype\(str\)"),
    "int column": (np.array([[1], [2]]), "dtype int64"),
    "bool array": (np.array([True]), "dtype bool"),
    "dates": (np.array(["2020-01-01"], dtype="M8[D]"), "dtype datetime64"),
    "structured array": (np.zeros(2, dtype=[("a", "U1")]), "dtype"),
    "two-column frame": (pd.DataFrame({"a": TEXTS, "b": TEXTS}), "frame of 2 columns"),
    "frame without columns": (pd.DataFrame(), "frame of 0 columns"),
    "two-column polars": (pl.DataFrame({"a": TEXTS, "b": TEXTS}), "frame of 2 columns"),
    "two-column Arrow": (pa.table({"a": TEXTS, "b": TEXTS}), "frame of 2 columns"),
    "lazy frame": (pl.DataFrame({"a": TEXTS}).lazy(), r"LazyFrame.*X\.collect\(\)"),
    "narwhals lazy frame": (nw.from_native(pl.DataFrame({"a": TEXTS}).lazy()), "LazyFrame"),
    "two-column narwhals": (nw.from_native(pd.DataFrame({"a": TEXTS, "b": TEXTS})), "2 columns"),
    "two-column reader": (lambda: reader_of(a=TEXTS, b=TEXTS), "a reader of 2 columns.*one column"),
    "reader of chunks of frames": (
        lambda: pd.read_csv(io.StringIO("text\na\nb\n"), chunksize=1),
        r"got DataFrame in rows 0 and 1.*these are frames.*X\['text'\]",
    ),
    "generator of frames": (
        lambda: pl.DataFrame({"text": TEXTS}).iter_slices(1),
        r"got DataFrame in rows 0, 1 and 2.*these are frames",
    ),
    "generator of batches": (lambda: iter(pa.table({"a": TEXTS}).to_batches()), "these are frames"),
    "frame of an unknown library": (
        types.SimpleNamespace(columns=["text"], shape=(2, 1)),
        "a SimpleNamespace of types.*frame of pandas, polars or pyarrow",
    ),
    "lazy frame of an unknown library": (Query(), "a Query of .*frame of pandas, polars or pya"),
    "Dask array": (dask.array.from_array(np.array(TEXTS)), r"lazy.*X\.compute\(\)"),
    "rows of a CSV file": (
        lambda: csv.DictReader(io.StringIO("id,review\n1,good\n2,bad\n")),
        r"got dict in rows 0 and 1.*one field of each row, of 'id', 'review': \[x\['review'\] for",
    ),
    "rows of JSON": ([{"id": 1, "review": "a"}], r"got dict in row 0.*\[x\['review'\] for x in X"),
    "empty rows": ([{}], r"got dict in row 0.*\[x\['text'\] for x in X"),
    "lists of fields": (
        lambda: csv.reader(io.StringIO("1,good\n")),
        r"got list in row 0.*\[x\[0\] for",
    ),
    "polars expression": (pl.col("a"), "got Expr"),
    "data set": (DATASET, r"a data set.*\['text'\]"),
    "data set dictionary": (datasets.DatasetDict({"train": DATASET}), "a data set"),
    "nested lists": ([["a", "b"], ["c"]], r"got list in rows 0 and 1.*' '\.join"),
    "pairs": ([("a", "b")], "got tuple in row 0"),
    "MultiIndex": (pd.MultiIndex.from_tuples([("a", "b")]), "got tuple"),
    "polars lists": (pl.Series([["a"], ["b"]]), "got list in rows 0 and 1"),
    "dicts": ([{"a": 1}], "got dict in row 0"),
    "ints": (["a", 1, "b", 2], r"got int in rows 1 and 3.*str\(x\)"),
    "number Series": (pd.Series([1, 2]), "got int in rows 0 and 1"),
    "number polars": (pl.Series([1.5]), "got float in row 0"),
    "number Arrow": (pa.array([1]), "got int in row 0"),
    "many ints": ([1] * 9, "rows 0, 1, 2, 3, 4 and 4 more"),
    "bytes items": (["a", b"b"], r"got bytes in row 1.*x\.decode\(\)"),
    "missing and wrong": ([None, 1], "got int in row 1"),
    "Arrow scalars": (list(pa.array(["a"])), "got StringScalar in row 0"),
    "range": (range(2), "got int in rows 0 and 1"),
}

MISSING_VALUES = [
    None,
    float("nan"),
    np.float32("nan"),
    np.datetime64("NaT"),
    Decimal("NaN"),
    np.ma.masked,
    pd.NA,
    pd.NaT,
]

WITH_MISSING = {
    "object array": np.array(["a", None, "c"], dtype=object),
    "masked array": np.ma.array(["a", "b", "c"], mask=[0, 1, 0]),
    "masked column": np.ma.array([["a"], ["b"], ["c"]], mask=[[0], [1], [0]]),
    "StringDType, None": np.array(["a", None, "c"], dtype=StringDType(na_object=None)),
    "StringDType, NaN": np.array(["a", np.nan, "c"], dtype=StringDType(na_object=np.nan)),
    "Series": pd.Series(["a", np.nan, "c"]),
    "object Series": pd.Series(["a", None, "c"], dtype=object),
    "string Series": pd.Series(["a", pd.NA, "c"], dtype="string"),
    "Arrow Series": pd.Series(["a", None, "c"], dtype=pd.ArrowDtype(pa.string())),
    "categorical Series": pd.Series(["a", None, "c"], dtype="category"),
    "DataFrame": pd.DataFrame({"text": ["a", None, "c"]}),
    "polars Series": pl.Series(["a", None, "c"]),
    "polars DataFrame": pl.DataFrame({"text": ["a", None, "c"]}),
    "Arrow array": pa.array(["a", None, "c"]),
}


@pytest.mark.parametrize("kind", ACCEPTED)
def test_accepts_columns(kind):
    X = ACCEPTED[kind]
    column = check_texts(X() if callable(X) else X)
    assert column.texts == TEXTS
    assert {type(text) for text in column.texts} == {str}
    assert len(column.missing) == 0
    assert column.feature_name is None
    assert not column.two_dimensional


@pytest.mark.parametrize("kind", TWO_DIMENSIONAL)
def test_accepts_one_column_of_two_dimensions(kind):
    X, name = TWO_DIMENSIONAL[kind]
    X = X() if callable(X) else X
    column = check_texts(X)
    assert column.texts == TEXTS
    assert column.two_dimensional
    assert column.feature_name == name


@pytest.mark.parametrize("kind", EMPTY)
def test_accepts_no_texts(kind):
    assert check_texts(EMPTY[kind]).texts == []


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("handle_missing", ["error", "zero"])
def test_refuses_with_the_fix(kind, handle_missing):
    X, message = REFUSED[kind]
    X = X() if isinstance(X, types.LambdaType) else X
    with pytest.raises(TextTypeError, match=message) as caught:
        check_texts(X, handle_missing=handle_missing)
    assert "Fix: " in str(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("value", MISSING_VALUES, ids=repr)
def test_missing_values(value):
    X = ["a", value, "c", value]
    with pytest.raises(TextValueError, match="Missing texts in rows 1 and 3 .*Fix: ") as caught:
        check_texts(X)
    assert "handle_missing" not in str(caught.value)  # the caller may have no such parameter
    with pytest.raises(TextValueError, match="rows 1 and 3 .*handle_missing='zero'"):
        check_texts(X, handle_missing="error")
    column = check_texts(X, handle_missing="zero")
    assert column.texts == ["a", "", "c", ""]
    assert_array_equal(column.missing, [1, 3])
    assert column.missing.dtype == np.int64


@pytest.mark.parametrize("kind", WITH_MISSING)
def test_missing_in_containers(kind):
    X = WITH_MISSING[kind]
    with pytest.raises(TextValueError, match="Missing texts in row 1"):
        check_texts(X)
    column = check_texts(X, handle_missing="zero")
    assert column.texts == ["a", "", "c"]
    assert column.missing.tolist() == [1]


def test_at_most_five_rows_are_named():
    with pytest.raises(TextValueError, match="rows 0, 1, 2, 3, 4 and 95 more"):
        check_texts([None] * 100)


@pytest.mark.parametrize(
    ("n", "told"),
    [(1, "row 0"), (2, "rows 0 and 1"), (5, "rows 0, 1, 2, 3 and 4"), (6, "3, 4 and 1 more")],
)
def test_rows_are_named_in_words(n, told):
    with pytest.raises(TextValueError, match=rf"Missing texts in [rows 0-3,]*{told} \(None\)\."):
        check_texts([None] * n)


def frames_of(columns):
    return [pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)]


def proposed(frame) -> str:
    with pytest.raises(TextTypeError) as caught:
        check_texts(frame)
    return re.search(r"pass one column: X\[(.*?)\]", str(caught.value))[1]


def test_the_column_with_the_most_text_is_proposed():
    columns = {"id": ["10001", "10002"], "n": [1, 2], "text": ["would buy again", None]}
    columns["x"] = ["a", "b"]
    assert [proposed(frame) for frame in frames_of(columns)] == ["'text'"] * 3
    assert proposed(pd.DataFrame(columns).rename(columns={"text": 5})) == "5"


def test_a_hundred_rows_are_looked_at_for_that():
    ends = {"late": ["a"] * 100 + ["b" * 999], "steady": ["ab"] * 101}
    assert [proposed(frame) for frame in frames_of(ends)] == ["'steady'"] * 3
    ends["late"][99] = "b" * 999
    assert [proposed(frame) for frame in frames_of(ends)] == ["'late'"] * 3


def test_columns_without_text_or_of_one_name_are_proposed_last():
    assert proposed(pd.DataFrame({"a": [1], "b": [2]})) == "'a'"
    twice = pd.DataFrame([["long text", "longer text", "a"]], columns=["x", "x", "y"])
    assert proposed(twice) == "'y'"
    assert proposed(reader_of(a=["x"], b=["long text"])) == "'a'"
    assert proposed(pd.DataFrame()) == "'text'"


def test_memory_that_was_never_text_is_refused():
    noise = np.array([97, 0x110000], np.uint32).view("U2").tolist()
    with pytest.raises(TextValueError, match="row 1"):
        check_texts(["a", *noise])


@pytest.mark.parametrize("handle_missing", ["error", "zero"])
def test_lone_surrogates_are_named(handle_missing):
    X = ["a", "\ud800", "é", "b \udfff c", "\U0001f600"]
    with pytest.raises(TextValueError, match="Lone surrogates .*rows 1 and 3") as caught:
        check_texts(X, handle_missing=handle_missing)
    fix = str(caught.value).partition("Fix: X = ")[2].rstrip(".")
    assert check_texts(eval(fix, {"X": X})).texts == ["a", "?", "é", "b ? c", "\U0001f600"]


def test_array_of_noise_is_refused():
    X = np.frombuffer(b"a\0\0\0" + b"\xff" * 4, dtype="<U1")
    with pytest.raises(TextValueError, match="Invalid Unicode in row 1"):
        check_texts(X)


def test_subclasses_of_str_lose_their_class():
    column = check_texts([Colour.RED, Shouting("hello"), np.str_("x")])
    assert column.texts == ["red", "hello", "x"]
    assert {type(text) for text in column.texts} == {str}


def test_the_list_is_a_copy():
    X = ["a", "b"]
    column = check_texts(X)
    X.append("c")
    assert column.texts == ["a", "b"]


def test_errors_of_an_iterator_pass_through():
    def broken():
        yield "a"
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        check_texts(broken())


def test_handle_missing_is_checked():
    with pytest.raises(ValueError, match="handle_missing must be 'error' or 'zero'; got 'ignore'"):
        check_texts(["a"], handle_missing="ignore")


def test_nothing_heavy_is_imported():
    def modules_of(code: str) -> set[str]:
        code = f"import sys; {code}; print(*sys.modules)"
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        return set(run.stdout.decode().split())

    ours = modules_of(
        "from skm2v._pooling import check_texts; check_texts(['a', None], handle_missing='zero')"
    )
    # scikit-learn may import pandas by itself.
    new = ours - modules_of("import sklearn.base, tokenizers, scipy.sparse")
    heavy = {"pandas", "polars", "pyarrow", "datasets", "torch", "transformers", "huggingface_hub"}
    assert not new & (heavy | {"sklearn.linear_model", "sklearn.decomposition"})


@pytest.mark.parametrize(
    "item", [*MISSING_VALUES, True, 1j, "", b"", object()], ids=lambda item: type(item).__name__
)
def test_a_bare_item_is_refused(item):
    with pytest.raises(TextTypeError, match="Expected a column of texts"):
        check_texts(item)


# --- P1 and P3: anything at all --------------------------------------------------------------

any_text = st.text(st.characters(codec=None) | st.sampled_from("\0\ud800\udfff"), max_size=8)
any_item = st.one_of(
    any_text,
    st.none(),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.binary(max_size=4),
    st.sampled_from([pd.NA, pd.NaT, np.float16("nan"), Decimal("sNaN"), 1j, object(), Colour.RED]),
    st.lists(st.text(max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2),
)


def _object_array(items):
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


containers = st.sampled_from(
    [
        list,
        tuple,
        iter,
        _object_array,
        lambda items: _object_array(items)[:, None],
        lambda items: pd.Series(_object_array(items)),
        lambda items: pd.DataFrame({"text": _object_array(items)}),
        lambda items: pl.Series(items, dtype=pl.Object),
        lambda items: dict(enumerate(items)),
        lambda items: np.array([str(item).encode("utf-8", "replace").decode() for item in items]),
    ]
)


@settings(max_examples=600, deadline=None)
@given(st.lists(any_item, max_size=6), containers, st.sampled_from(["error", "zero"]))
def test_one_text_per_row_or_our_error(items, container, handle_missing):
    try:
        column = check_texts(container(items), handle_missing=handle_missing)
    except Skm2vError as error:
        assert isinstance(error, (TypeError, ValueError))
        assert "Fix: " in str(error)
        return
    assert len(column.texts) == len(items)
    assert {type(text) for text in column.texts} <= {str}
    for text in column.texts:
        text.encode()
    if handle_missing == "error":
        assert len(column.missing) == 0


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=8), max_size=8), st.data())
def test_missing_rows_are_local(texts, data):
    rows = data.draw(st.lists(st.integers(0, len(texts)), max_size=3))
    X = list(texts)
    for row in rows:
        X.insert(row, None)
    missing = [row for row, item in enumerate(X) if item is None]
    column = check_texts(X, handle_missing="zero")
    assert column.missing.tolist() == missing
    assert [text for row, text in enumerate(column.texts) if row not in missing] == texts
