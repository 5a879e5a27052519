"""P10 and P11: transform is safe to share and changes nothing."""

from __future__ import annotations

import copy
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest

from skm2v import StaticEmbedder
from tests import tiny
from tests.sharing import run_in_threads, surroundings

TEXTS = list(tiny.SENTENCES)
N_THREADS, N_CALLS = 8, 500


@pytest.mark.parametrize("kind", ["a teacher", "a static model"])
def test_threads_share_one_fitted_embedder(kind, ordered, tiny_teacher):
    embedder = StaticEmbedder(ordered if kind == "a static model" else tiny_teacher).fit(TEXTS)
    rng = np.random.default_rng(0)
    jobs = [
        [TEXTS[i] for i in rng.integers(len(TEXTS), size=size)] for size in (1, 2, 7, 30, 1, 12)
    ]
    expected = [embedder.transform(job).tobytes() for job in jobs]
    fresh = copy.deepcopy(embedder)  # its engine is not built yet: the threads race for it
    done = [0] * N_THREADS

    def work(number: int) -> None:
        for call in range(N_CALLS):
            job = (call + number) % len(jobs)
            assert fresh.transform(jobs[job]).tobytes() == expected[job]
            done[number] += 1

    run_in_threads(work, N_THREADS)
    assert done == [N_CALLS] * N_THREADS


def _calls():
    """Thirty kinds of call, some of which raise."""
    kinds = {
        "one text": ["free money"],
        "texts": TEXTS,
        "many": TEXTS * 100,
        "no texts": [],
        "empty text": [""],
        "only spaces": [" " * 3000],
        "unknown": ["\u0416"],
        "special tokens": ["[PAD] [UNK] [CLS]"],
        "long": ["free " * 5000],
        "one long word": ["x" * 100_000],
        "emoji": ["\U0001f469\u200d\U0001f467"],
        "nul": ["a\x00b"],
        "tuple": tuple(TEXTS),
        "iterator": iter(TEXTS),
        "object array": np.array(TEXTS, dtype=object),
        "string array": np.array(TEXTS),
        "column array": np.array(TEXTS)[:, None],
        "pandas series": pd.Series(TEXTS),
        "pandas string series": pd.Series(TEXTS, dtype="string"),
        "pandas frame": pd.DataFrame({"text": TEXTS}),
        "polars series": pl.Series(TEXTS),
        "polars frame": pl.DataFrame({"text": TEXTS}),
        "missing": ["a", None],
        "surrogate": ["\ud800"],
        "str": "text",
        "bytes": b"text",
        "numbers": [1, 2],
        "dict": {"a": "b"},
        "nested": [["a"], ["b"]],
        "two columns": pd.DataFrame({"a": TEXTS, "b": TEXTS}),
        "none": None,
    }
    assert len(kinds) >= 30
    return kinds


@pytest.mark.parametrize("kind", list(_calls()))
def test_transform_changes_nothing(kind, ordered, capfd):
    embedder = StaticEmbedder(ordered).fit(TEXTS)
    embedder.transform(["warm"])  # what is built on first use is built
    X = _calls()[kind]
    content = None if kind == "iterator" else joblib.hash(X)

    def snapshot():
        return {
            **surroundings(),
            "attributes": {key: id(value) for key, value in vars(embedder).items()},
            "model": joblib.hash(embedder),
            "table": embedder.embedding_.tobytes(),
            "tokenizer": embedder.model_.text_tokenizer.json,
        }

    # Threads of other tests may end meanwhile; ours may not stay.
    before, threads = snapshot(), set(threading.enumerate())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before["filters of warnings"] = list(warnings.filters)
        try:
            embedder.transform(X)
        except (TypeError, ValueError) as error:
            assert "skm2v" in type(error).__module__, "only our own errors leave transform"
        after = snapshot()
    assert after == before
    assert set(threading.enumerate()) <= threads
    assert capfd.readouterr() == ("", "")
    assert content is None or joblib.hash(X) == content


def test_only_the_first_transform_may_build_and_it_builds_nothing_visible(ordered):
    embedder = StaticEmbedder(ordered).fit(TEXTS)
    before = joblib.hash(embedder), list(vars(embedder))
    embedder.transform(TEXTS)
    assert (joblib.hash(embedder), list(vars(embedder))) == before
