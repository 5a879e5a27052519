"""The container of tensors, read for itself: what comes out, and where its limits are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from skm2v._model import tensor_file
from skm2v._model.tensor_file import (
    DTYPES,
    MAX_TENSORS,
    dump_tensors,
    hidden,
    parse_tensors,
    shown,
    with_own_numbers,
)
from skm2v.exceptions import ModelFormatError

PAST = np.array([1.0, -2.5, 3.0e38, 0.0, -0.0, 2.0**-130], np.float32)


def container(entries, body=b"", metadata=None) -> bytes:
    """Write it by hand, as another program could."""
    header = {name: dict(zip(KEYS, entry, strict=True)) for name, entry in entries.items()}
    text = json.dumps({**({} if metadata is None else {"__metadata__": metadata}), **header})
    return len(text).to_bytes(8, "little") + text.encode() + body


KEYS = ("dtype", "shape", "data_offsets")


@pytest.mark.parametrize("dtype", [name for name in DTYPES if name != "BF16"])
def test_every_type_comes_out_as_it_went_in(dtype):
    wanted = np.arange(-3, 9).astype(DTYPES[dtype]).reshape(3, 4)
    data = container({"x": (dtype, [3, 4], [0, wanted.nbytes])}, wanted.tobytes(), {"a": "b"})
    tensors, metadata = parse_tensors(data, what="x")
    assert metadata == {"a": "b"}
    assert tensors["x"].dtype == wanted.dtype and np.array_equal(tensors["x"], wanted)
    assert not tensors["x"].flags.writeable and tensors["x"].flags.aligned


def test_short_floats_become_the_same_numbers_of_32_bits():
    halves = (PAST.view(np.uint32) >> 16).astype("<u2")  # the upper half of each is the number
    tensors, _ = parse_tensors(container({"x": ("BF16", [6], [0, 12])}, halves.tobytes()), what="x")
    wanted = (halves.astype(np.uint32) << 16).view(np.float32)
    assert tensors["x"].dtype == np.float32
    assert tensors["x"].tobytes() == wanted.tobytes()
    assert tensors["x"][:2].tolist() == [1.0, -2.5]
    np.testing.assert_allclose(tensors["x"], PAST, rtol=2**-7)


def test_a_header_may_be_as_long_as_its_limit(monkeypatch):
    data = dump_tensors({"x": np.arange(3)}, {})
    size = int.from_bytes(data[:8], "little")
    monkeypatch.setattr(tensor_file, "MAX_HEADER_BYTES", size)
    assert parse_tensors(data, what="x")[0]["x"].tolist() == [0, 1, 2]
    monkeypatch.setattr(tensor_file, "MAX_HEADER_BYTES", size - 1)
    with pytest.raises(ModelFormatError, match=f"header of {size} bytes.*{size - 1} is the limit"):
        parse_tensors(data, what="x")


def test_the_limit_of_a_header_is_64_megabytes():
    with pytest.raises(ModelFormatError, match=f"{64 * 1024 * 1024} is the limit"):
        parse_tensors(b"\xff" * 16, what="x")


def test_a_header_may_end_the_file():
    assert parse_tensors(container({}), what="x") == ({}, {})
    assert parse_tensors(b"\2" + b"\0" * 7 + b"{}", what="x") == ({}, {})
    with pytest.raises(ModelFormatError, match="declares a header of 3 bytes"):
        parse_tensors(b"\3" + b"\0" * 7 + b"{}", what="x")


def test_as_many_tensors_as_the_limit_are_read():
    entries = {str(i): ("I8", [1], [i, i + 1]) for i in range(MAX_TENSORS + 1)}
    last = entries.popitem()
    data = container(entries, bytes(MAX_TENSORS))
    assert len(parse_tensors(data, what="x")[0]) == MAX_TENSORS
    with pytest.raises(ModelFormatError, match=f"has {MAX_TENSORS + 1} tensors"):
        parse_tensors(container({**entries, last[0]: last[1]}, bytes(MAX_TENSORS + 1)), what="x")


def test_tensors_may_stand_in_any_order_in_the_header():
    entries = {
        "none": ("I8", [0], [3, 3]),
        "last": ("I8", [1], [2, 3]),
        "first": ("I8", [2], [0, 2]),
    }
    for some in (entries, dict(reversed(entries.items()))):
        tensors, _ = parse_tensors(container(some, b"\1\2\3"), what="x")
        assert {name: array.tolist() for name, array in tensors.items()} == {
            "none": [],
            "first": [1, 2],
            "last": [3],
        }


@pytest.mark.parametrize("size", [2**48 - 1, 2**48])
def test_sizes_are_numbers_of_48_bits(size):
    data = container({"x": ("I8", [size, 0], [0, 0])})
    if size < 2**48:
        assert parse_tensors(data, what="x")[0]["x"].shape == (size, 0)
    else:
        with pytest.raises(ModelFormatError, match="one or two dimensions"):
            parse_tensors(data, what="x")


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_arrays_of_small_files_begin_where_the_kernel_reads_fastest(monkeypatch, extra):
    """They are copied for that; those of large files are parts of it, and no copy is made."""
    data = dump_tensors({"x": np.arange(8, dtype=np.float32)}, {})
    monkeypatch.setattr(tensor_file, "MOST_ALIGNED", len(data) + extra)
    tensors, _ = parse_tensors(data, what="x")
    is_part = np.shares_memory(tensors["x"], np.frombuffer(data, np.uint8))
    assert is_part == (extra < 0)
    assert tensors["x"].tolist() == list(range(8))


def test_numbers_that_are_not_where_a_processor_reads_them_are_copied(monkeypatch):
    """Only by luck does the body of a file begin there: its header is as long as it is."""
    monkeypatch.setattr(tensor_file, "MOST_ALIGNED", 0)
    for pad in range(4):
        wanted = np.arange(5, dtype="<f4")
        data = container({"x": ("F32", [5], [0, 20])}, wanted.tobytes(), {"pad": "x" * pad})
        tensors, _ = parse_tensors(data, what="x")
        assert tensors["x"].flags.aligned and tensors["x"].tolist() == wanted.tolist()


def test_names_that_no_other_tool_looks_for_are_taken_off_again():
    tensors = {"embeddings": np.zeros(2), "a.hidden.b": np.ones(1)}
    assert list(hidden(tensors)) == ["hidden.embeddings", "hidden.a.hidden.b"]
    for given in (hidden(tensors), tensors):
        again = shown(given)
        assert list(again) == list(tensors)
        assert all(again[name] is array for name, array in tensors.items())


def test_row_numbers_are_copied_and_vectors_are_not():
    names = ("embeddings", "mapping", "table.mapping", "pairs", "x.pairs", "mapping.x", "mappings")
    tensors = {name: np.arange(4) for name in names}
    own = with_own_numbers(tensors)
    assert list(own) == list(names)
    copied = [name for name in names if not np.shares_memory(own[name], tensors[name])]
    assert copied == ["mapping", "table.mapping", "pairs", "x.pairs"]
    assert not any(own[name].flags.writeable for name in copied)
    assert all(own[name].tolist() == [0, 1, 2, 3] for name in names)
