from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skm2v._pooling import PoolingTable
from skm2v.exceptions import ModelFormatError

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)
BIG = np.finfo(np.float32).max


def int32(*values):
    return np.array(values, dtype=np.int32)


def float32(*values):
    return np.array(values, dtype=np.float32)


def test_sizes():
    table = PoolingTable(ROWS)
    assert (table.n_tokens, table.dim) == (6, 2)
    assert PoolingTable(ROWS, mapping=int32(5, 5, 0)).n_tokens == 3
    table = PoolingTable(ROWS, pairs=int32([0, 1], [1, 1]))
    assert table.n_tokens == 4
    table = PoolingTable(ROWS, mapping=int32(3, 0), pairs=int32([0, 1], [1, 1]))
    assert table.n_tokens == 2


def test_arrays_are_read_only_views():
    weights = np.ones(6, dtype=np.float32)
    rows = ROWS.copy()
    table = PoolingTable(rows, weights)
    assert np.shares_memory(table.rows, rows)
    for array in (table.rows, table.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    rows[0] = 1  # the caller's array stays writeable
    with pytest.raises(AttributeError):
        table.rows = rows


def test_arrays_become_contiguous_and_native():
    table = PoolingTable(ROWS.astype(">f4")[:, ::-1])
    assert table.rows.flags.c_contiguous
    assert table.rows.dtype.isnative
    assert_array_equal(table.rows, ROWS[:, ::-1])


def test_find_pairs():
    pairs = int32([3, 0], [0, 1], [2, 2])
    table = PoolingTable(np.ones((7, 1), dtype=np.float32), pairs=pairs)
    found = table.find_pairs(int32(0, 2, 1, 3, 3), int32(1, 2, 0, 0, 3))
    assert found.tolist() == [1, 2, -1, 0, -1]
    assert PoolingTable(ROWS).find_pairs(int32(0, 1), int32(1, 0)).tolist() == [-1, -1]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    table = PoolingTable(
        ROWS.astype(np.int8), np.ones(5, np.float32), int32(0, 2, 1), int32([0, 1], [2, 2])
    )
    copy = pickle.loads(pickle.dumps(table, protocol))
    for name in ("rows", "weights", "mapping", "pairs"):
        assert_array_equal(getattr(copy, name), getattr(table, name))
        assert getattr(copy, name).dtype == getattr(table, name).dtype


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"rows": ROWS[0]}, "rows must be a 2-D array of .*; got 1-D of float32"),
        ({"rows": ROWS.astype(np.int16)}, "rows must be .* int8; got 2-D of int16"),
        ({"rows": ROWS.astype(object)}, "got 2-D of object"),
        ({"rows": None}, "got 0-D of object"),
        ({"rows": ROWS[:, :0]}, "at least one column"),
        ({"rows": ROWS.astype(np.int8)}, "int8 rows need weights"),
        ({"rows": ROWS + np.nan}, "rows must be finite"),
        ({"rows": np.full((6, 2), -np.inf, np.float16)}, "rows must be finite"),
        ({"rows": np.full((6, 2), -np.nan, np.float16)}, "rows must be finite"),
        ({"rows": np.full((2, 1), 1e300)}, r"must not exceed 1.7e\+38.*; got 1e\+300"),
        ({"rows": np.full((2, 1), BIG)}, "must not exceed"),
        ({"weights": np.ones(5, np.float32)}, "one value per token and pair, 6; got 5"),
        ({"weights": np.ones(6)}, "weights must be a 1-D array of float32; got 1-D of float64"),
        ({"weights": np.ones((6, 1), np.float32)}, "got 2-D of float32"),
        ({"weights": np.full(6, np.nan, np.float32)}, "weights must be finite"),
        ({"weights": np.full(6, 1e38, np.float32)}, "must not exceed"),
        ({"mapping": int32(0, 6)}, "mapping must hold numbers from 0 to 5; got 0 to 6"),
        ({"mapping": int32(-1, 0)}, "mapping must hold numbers from 0 to 5; got -1 to 0"),
        ({"mapping": np.zeros(2, np.int64)}, "mapping must be a 1-D array of int32"),
        ({"pairs": int32(0, 1)}, "pairs must be a 2-D array of int32"),
        ({"pairs": int32([0, 1, 2])}, "pairs must have 2 columns; got 3"),
        ({"pairs": int32([0, 5])}, "pairs must hold numbers from 0 to 4; got 0 to 5"),
        ({"pairs": int32([0, -1])}, "pairs must hold numbers from 0 to 4"),
        ({"pairs": int32([0, 1], [1, 2], [0, 1])}, "must not repeat a pair"),
        ({"pairs": int32(*[[0, 1]] * 7)}, "Every pair needs a row; got 7 pairs and 6 rows"),
        (
            {"pairs": int32([0, 1]), "weights": np.ones(5, np.float32)},
            "one value per token and pair, 6; got 5",
        ),
    ],
)
def test_arrays_that_do_not_fit(arrays, message):
    with pytest.raises(ModelFormatError, match=message):
        PoolingTable(**{"rows": ROWS, **arrays})


def test_a_late_nan_is_found():
    rows = np.zeros((70_000, 8), dtype=np.float16)
    rows[-1, -1] = np.nan
    with pytest.raises(ModelFormatError, match="finite"):
        PoolingTable(rows)
