"""Ragged token ids, against lists of lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skm2v._pooling import PoolingTable, TokenIds, keys_of_pairs, pairs_of_keys

TEXTS = st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=8)


def ragged(texts: list[list[int]]) -> TokenIds:
    indptr = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return TokenIds(np.array(sum(texts, []), dtype=np.int32), indptr)


def lists(tokens: TokenIds) -> list[list[int]]:
    assert tokens.indptr[0] == 0 and tokens.indptr[-1] == len(tokens.ids)
    return [ids.tolist() for ids in tokens.split()]


@given(TEXTS, st.integers(0, 5))
def test_known_drops_the_unknown_token_and_keeps_every_text(texts, unknown):
    tokens = ragged(texts)
    assert lists(tokens) == texts and tokens.n_texts == len(texts)
    assert tokens.lengths.tolist() == [*map(len, texts)]
    assert tokens.known(None) is tokens
    assert lists(tokens.known(unknown)) == [[i for i in ids if i != unknown] for ids in texts]


@given(TEXTS, st.data())
def test_take_gives_texts_in_the_order_asked_for(texts, data):
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1))) if texts else []
    taken = ragged(texts).take(np.array(rows, dtype=np.int64))
    assert lists(taken) == [texts[row] for row in rows]


@given(TEXTS)
def test_neighbours_are_within_a_text(texts):
    left, right, rows = ragged(texts).neighbours()
    found = list(zip(left.tolist(), right.tolist(), rows.tolist(), strict=True))
    expected = [
        (one, other, row)
        for row, ids in enumerate(texts)
        for one, other in zip(ids, ids[1:], strict=False)
    ]
    assert found == expected


@given(st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 2**20))))
def test_a_pair_and_its_key_tell_each_other(pairs):
    array = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    keys = keys_of_pairs(array[:, 0], array[:, 1], 2**20 + 1)
    assert_array_equal(pairs_of_keys(keys, 2**20 + 1), array)
    assert np.argsort(keys, kind="stable").tolist() == sorted(
        range(len(pairs)), key=pairs.__getitem__
    )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("n_pairs", [0, 3])
def test_entry_vectors_are_rows_times_weights(dtype, mapped, n_pairs):
    rng = np.random.default_rng(0)
    n_tokens, n_rows = 7, 4 if mapped else 7
    rows = rng.integers(-50, 50, (n_rows + n_pairs, 3)).astype(dtype)
    weights = rng.normal(size=n_tokens + n_pairs).astype(np.float32)
    mapping = rng.integers(0, n_rows, n_tokens).astype(np.int32) if mapped else None
    pairs = np.array([[0, 1], [6, 2], [3, 3]], np.int32)[:n_pairs] if n_pairs else None
    table = PoolingTable(rows, weights, mapping, pairs)
    assert table.n_pairs == n_pairs
    places = [*(range(n_tokens) if mapping is None else mapping), *range(n_rows, n_rows + n_pairs)]
    expected = rows[places].astype(np.float64) * weights[:, None].astype(np.float64)
    assert_array_equal(table.entry_vectors(), expected)
    some = np.array([6, 0, 0, n_tokens + n_pairs - 1])
    assert_array_equal(table.entry_vectors(some), expected[some])
    narrow = table.entry_vectors(some, np.float32)
    assert narrow.dtype == np.float32
    assert_array_equal(narrow, expected[some].astype(np.float32))
    assert table.rows.dtype == dtype, "the table itself is not expanded"
