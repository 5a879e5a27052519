"""Near duplicates: all pairs above a Jaccard similarity of runs of five characters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skm2v._dedup import near
from skm2v._dedup.near import near_pairs


def grams(text):
    text = text.ljust(5, "\0")
    return {text[i : i + 5] for i in range(len(text) - 4)}


def brute(texts, threshold, n_left=None):
    found = {}
    for j in range(len(texts)):
        for i in range(j):
            if n_left is not None and not i < n_left <= j:
                continue
            a, b = grams(texts[i]), grams(texts[j])
            value = np.float32(len(a & b) / len(a | b))
            if value >= np.float32(threshold):
                found[i, j] = value
    return found


def found_pairs(texts, threshold, n_left=None):
    pairs = {}
    for chunk in near_pairs(texts, threshold, n_left):
        for i, j, value in zip(*chunk, strict=True):
            assert (i, j) not in pairs
            pairs[i, j] = value
    return pairs


TEXTS = st.lists(st.text(alphabet="ab \u00e9\U0001f600", max_size=14), min_size=1, max_size=25)


@given(TEXTS, st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.7, 0.8, 1.0]), st.sampled_from([None, 3]))
@settings(max_examples=150, deadline=None)
def test_pairs_are_those_of_brute_force(texts, threshold, n_left):
    assert found_pairs(texts, threshold, n_left) == brute(texts, threshold, n_left)


@pytest.mark.parametrize(("work", "verified"), [(1, 2), (20_000_000, 1 << 16)])
def test_parts_of_the_work_change_nothing(work, verified, monkeypatch):
    monkeypatch.setattr(near, "WORK", work)
    monkeypatch.setattr(near, "VERIFIED", verified)
    texts = [f"message number {i % 7} of {i % 3}" for i in range(40)]
    assert found_pairs(texts, 0.6) == brute(texts, 0.6)


def test_many_different_characters_are_told_apart():
    texts = ["".join(map(chr, range(0x4E00 + i, 0x4E00 + i + 7000))) for i in (0, 1, 9000)]
    assert list(found_pairs(texts, 0.9)) == [(0, 1)]
