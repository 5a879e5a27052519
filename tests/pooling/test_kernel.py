"""The compiled kernel: the reference path's vectors, to the bit wherever it runs."""

from __future__ import annotations

import json
import pickle
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skm2v._pooling import PoolingTable, TextPooler, TextTokenizer
from skm2v._pooling.reference import ReferenceEngine
from skm2v.exceptions import TextTypeError, TextValueError
from tests import tiny
from tests.sharing import run_in_threads

from .conftest import DTYPES, random_table

kernel_module = pytest.importorskip("skm2v._pooling.kernel", exc_type=ImportError)
build_kernel = kernel_module.build_kernel

TEXTS = [
    *tiny.SENTENCES,
    "",
    " \t\r\n",
    "the \U0001f600 bank",
    "[PAD] the [CLS]",
    "x" * 300,
    "money " * 700,
    "new york, new york! " * 40,
    "中文 café e\u0301 \0",
    "\u302e\u1b44 two marks that are reordered \u302ea\u1b44",
]


def pool(engine, texts, *, max_length=None, normalize=True, total=False):
    dim = engine.dim if hasattr(engine, "dim") else engine.table.dim
    out = np.full((len(texts), dim), np.nan, dtype=np.float32)
    empty, truncated = np.ones(len(texts), dtype=bool), np.ones(len(texts), dtype=bool)
    engine.pool_into(
        texts,
        out,
        max_length=max_length,
        normalize=normalize,
        empty=empty,
        truncated=truncated,
        total=total,
    )
    return out, empty, truncated


def available_simd(tokenizer, table, monkeypatch):
    """Kernels for all instruction sets of this CPU."""
    kernels = {}
    for name in ("scalar", "sse2", "avx2", "avx512", "neon"):
        monkeypatch.setenv("SKM2V_SIMD", name)
        try:
            kernels[name] = build_kernel(tokenizer, table)
        except ValueError:
            continue
        assert kernels[name].simd == name
    monkeypatch.delenv("SKM2V_SIMD")
    return kernels


def full_table(tokenizer, dtype, dim, *, weights, mapping, pairs, scale=1.0):
    """Make a random table with the parts asked for."""
    rng = np.random.default_rng(dim)
    n_tokens = len(tokenizer.tokens)
    n_rows = 40 if mapping else n_tokens
    arrays = {}
    if pairs:
        arrays["pairs"] = np.array(
            [(a, b) for a in range(100, 160) for b in range(90, 200) if (a + b) % 3], dtype=np.int32
        )
        n_rows += len(arrays["pairs"])
    if weights or dtype == "int8":
        n_weights = n_tokens + len(arrays.get("pairs", ()))
        arrays["weights"] = rng.uniform(0.2, 2.0, n_weights).astype(np.float32) * np.float32(scale)
        scale = 1.0
    if mapping:
        arrays["mapping"] = rng.integers(0, 40, n_tokens).astype(np.int32)
    if dtype == "int8":
        rows = rng.integers(-127, 128, (n_rows, dim)).astype(np.int8)
    else:
        rows = (rng.normal(size=(n_rows, dim)) * scale).astype(dtype)
    return PoolingTable(rows, **arrays)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [1, 3, 16, 31, 64, 200, 256, 300])
def test_equal_to_the_reference_and_on_every_instruction_set(tokenizer, monkeypatch, dtype, dim):
    for options in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)):
        weights, mapping, pairs = map(bool, options)
        table = full_table(tokenizer, dtype, dim, weights=weights, mapping=mapping, pairs=pairs)
        kernels = available_simd(tokenizer, table, monkeypatch)
        assert "scalar" in kernels
        reference = ReferenceEngine(tokenizer, table)
        for max_length, normalize in ((None, True), (512, True), (3, True), (1, False)):
            want = pool(reference, TEXTS, max_length=max_length, normalize=normalize)
            size = max(1.0, float(np.abs(want[0]).max()))
            outcomes = [
                pool(kernel, TEXTS, max_length=max_length, normalize=normalize)
                for kernel in kernels.values()
            ]
            for vectors, empty, truncated in outcomes:
                assert_allclose(vectors, want[0], rtol=0, atol=1e-6 * size)
                assert_array_equal(empty, want[1])
                assert_array_equal(truncated, want[2])
                assert_array_equal(vectors, outcomes[0][0])


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 7, 15, 21, 64, 85, 156])
def test_totals_are_rounded_once_and_on_every_instruction_set(tokenizer, monkeypatch, dim):
    table = full_table(tokenizer, "float32", dim, weights=False, mapping=False, pairs=True)
    texts = [*TEXTS, "the bank " * 4000]  # so many additions in float32 would be 1e-5 off
    want, *_ = pool(ReferenceEngine(tokenizer, table), texts, normalize=False, total=True)
    assert not want[TEXTS.index("")].any() and want.any(axis=1).sum() > 10
    size = np.abs(want).max(axis=1, keepdims=True)
    kernels = available_simd(tokenizer, table, monkeypatch).values()
    outcomes = [pool(kernel, texts, normalize=False, total=True)[0] for kernel in kernels]
    for vectors in outcomes:
        assert_array_equal(vectors, outcomes[0])
        assert (np.abs(vectors - want) <= 1.3e-7 * size).all()


def test_pairs_are_found(tokenizer):
    # The table of the test above is of no use if its pairs never occur.
    with_pairs = full_table(tokenizer, "float32", 16, weights=False, mapping=False, pairs=True)
    n_token_rows = len(with_pairs.rows) - len(with_pairs.pairs)
    without = PoolingTable(with_pairs.rows[:n_token_rows])
    vectors, *_ = pool(build_kernel(tokenizer, with_pairs), TEXTS)
    plain, *_ = pool(build_kernel(tokenizer, without), TEXTS)
    assert (vectors != plain).any(axis=1).sum() > 10


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
@pytest.mark.parametrize("scale", [1e-42, 1e-30, 1e30, 4e34])
@pytest.mark.parametrize("normalize", [True, False])
def test_extreme_scales(tokenizer, dtype, scale, normalize):
    table = full_table(tokenizer, dtype, 20, weights=True, mapping=False, pairs=False, scale=scale)
    texts = [*TEXTS, "the a of " * 5000]
    vectors, empty, _ = pool(build_kernel(tokenizer, table), texts, normalize=normalize)
    want, *_ = pool(ReferenceEngine(tokenizer, table), texts, normalize=normalize)
    assert np.isfinite(vectors).all()
    size = 1.0 if normalize else float(np.abs(want).max())
    # One unit of the smallest float32 is a lot for subnormal means.
    assert_allclose(vectors, want, rtol=0, atol=max(1e-6 * size, 3e-45))
    if normalize:
        assert_allclose(np.linalg.norm(vectors[~empty], axis=1), 1, atol=1e-5)


def test_subnormal_and_largest_halves_are_converted_exactly(tokenizer, monkeypatch):
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    rows = np.resize(halves, (len(tokenizer.tokens), 512))
    word = tokenizer.vocabulary["the"]
    for start in range(0, len(halves), 512):
        chunk = halves[start : start + 512]
        rows[word, : len(chunk)] = chunk
        table = PoolingTable(rows)
        for kernel in available_simd(tokenizer, table, monkeypatch).values():
            vector, *_ = pool(kernel, ["the"], normalize=False)
            assert_array_equal(vector[0], rows[word].astype(np.float32))


def test_batches_order_and_workspaces_do_not_matter(tokenizer, rng):
    table = random_table(tokenizer, dim=48)
    kernel = build_kernel(tokenizer, table)
    texts = [TEXTS[i] for i in rng.integers(0, len(TEXTS), 5000)]
    want, *_ = pool(kernel, texts, max_length=50)
    one_by_one = np.vstack([pool(kernel, [text], max_length=50)[0] for text in texts[:500]])
    assert_array_equal(one_by_one, want[:500])
    order = rng.permutation(len(texts))
    shuffled, *_ = pool(kernel, [texts[i] for i in order], max_length=50)
    assert_array_equal(shuffled, want[order])
    fresh, *_ = pool(build_kernel(tokenizer, table), texts, max_length=50)
    assert_array_equal(fresh, want)


def test_read_only_memory_mapped_table(tokenizer, tmp_path):
    table = random_table(tokenizer, "float16")
    np.save(tmp_path / "rows.npy", table.rows)
    mapped = PoolingTable(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    kernel = build_kernel(tokenizer, mapped)
    assert_array_equal(pool(kernel, TEXTS)[0], pool(build_kernel(tokenizer, table), TEXTS)[0])


def test_cache_is_bounded(tokenizer):
    kernel = build_kernel(tokenizer, random_table(tokenizer))
    numbers = iter(range(10**9))
    for _ in range(12):  # short and long chunks, and some that only tokenizers can split
        words = [
            f"w{next(numbers)} {next(numbers):030d} \u302e\u1b44{next(numbers)}"
            for _ in range(8000)
        ]
        pool(kernel, [" ".join(words[i : i + 100]) for i in range(0, len(words), 100)])
    pool(kernel, ["x" * 3_000_000, "中" * 1_000_000])
    pool(kernel, ["the"])
    assert kernel.cache_nbytes() < 32e6


def test_threads_share_a_kernel(tokenizer):
    kernel = build_kernel(tokenizer, random_table(tokenizer))
    # Code points that no one has met yet, so that all threads ask for them at the same time.
    texts = [*TEXTS, *("the " + chr(0x4E00 + i) + chr(0x1200 + i) for i in range(200))]
    want, *_ = pool(build_kernel(tokenizer, random_table(tokenizer)), texts, max_length=20)

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(40):
            some = rng.integers(0, len(texts), rng.integers(1, 30))
            vectors, *_ = pool(kernel, [texts[i] for i in some], max_length=20)
            assert_array_equal(vectors, want[some])

    run_in_threads(work, 16)


def test_failing_tokenizer_leaves_the_kernel_usable(tokenizer):
    kernel = build_kernel(tokenizer, random_table(tokenizer))
    broken = kernel_module.Kernel(
        np.zeros((3, 2), dtype=np.float32), None, None, None,
        words={}, native=False, unknown=0, max_chars=0, dropped=-1, describe=None,
        tokenize_chunks=lambda texts: (np.full(len(texts), 3, np.int32),
                                       np.arange(len(texts) + 1, dtype=np.int64)),
        lock=threading.Lock(),
    )  # fmt: skip
    with pytest.raises(ValueError, match="made the id 3, of 3 tokens"):
        broken.ids(["a b"])
    with pytest.raises(ValueError, match="made the id 3"):
        broken.ids(["a b"])
    with pytest.raises(TextValueError, match="surrogate"):
        pool(kernel, ["the", "a\ud800b"])
    with pytest.raises(TextTypeError, match="Row 1 is bytes"):
        pool(kernel, ["the", b"the"])
    assert np.isfinite(pool(kernel, TEXTS)[0]).all()


def test_outputs_are_checked(tokenizer):
    kernel = build_kernel(tokenizer, random_table(tokenizer))
    flags = np.zeros(2, dtype=bool)
    options = {"max_length": None, "normalize": True}
    for out in (np.zeros((2, 15), "f4"), np.zeros((1, 16), "f4"), np.zeros((2, 16), "i4")):
        with pytest.raises(ValueError, match="out must be float32"):
            kernel.pool_into(["a", "b"], out, empty=flags, truncated=flags, **options)
    with pytest.raises(ValueError, match="empty and truncated"):
        kernel.pool_into(
            ["a", "b"], np.zeros((2, 16), "f4"), empty=flags[:1], truncated=flags, **options
        )
    with pytest.raises((ValueError, BufferError)):
        kernel.pool_into(
            ["a", "b"], np.zeros((2, 32), "f4")[:, ::2], empty=flags, truncated=flags, **options
        )


def test_kernel_is_chosen_and_never_pickled(tokenizer):
    pooler = TextPooler(tokenizer, random_table(tokenizer))
    vectors = pooler.pool(TEXTS, max_length=None, normalize=True).vectors
    assert isinstance(pooler.engine, kernel_module.Kernel)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(pooler.engine)
    again = pickle.loads(pickle.dumps(pooler))
    assert_array_equal(again.pool(TEXTS, max_length=None, normalize=True).vectors, vectors)


def test_unknown_instruction_set(tokenizer, monkeypatch):
    monkeypatch.setenv("SKM2V_SIMD", "mmx")
    with pytest.raises(ValueError, match="'mmx' is not available"):
        build_kernel(tokenizer, random_table(tokenizer))


def changed(tokenizer, **parts):
    """Tokenizer with other parts in its JSON."""
    spec = json.loads(tokenizer.json)
    for name, part in parts.items():
        spec[name] = {**spec[name], **part} if isinstance(part, dict) else part
    return TextTokenizer(json.dumps(spec))


def added(tokenizer, content, **options):
    token = {"id": len(tokenizer.tokens), "content": content, "single_word": False,
             "lstrip": False, "rstrip": False, "normalized": True, "special": False}  # fmt: skip
    spec = json.loads(tokenizer.json)
    return changed(tokenizer, added_tokens=[*spec["added_tokens"], {**token, **options}])


@pytest.mark.parametrize(
    ("content", "options"),
    [(" lead", {}), ("trail\u00a0", {}), ("new york", {"normalized": False})],
)
def test_added_tokens_with_white_space_need_the_reference(tokenizer, content, options):
    tokenizer = added(tokenizer, content, **options)
    assert build_kernel(tokenizer, random_table(tokenizer)) is None


@pytest.mark.parametrize("content", ["c++", "oil-", "york", "a.b"])
@pytest.mark.parametrize("options", [{}, {"normalized": False}, {"single_word": True},
                                     {"lstrip": True, "rstrip": True}])  # fmt: skip
def test_added_tokens_inside_chunks(tokenizer, content, options):
    tokenizer = added(tokenizer, content, **options)
    kernel = build_kernel(tokenizer, random_table(tokenizer))
    assert kernel.native == options.get("normalized", True)
    texts = [*TEXTS, f"x{content}y {content} {content}, {content.upper()} new {content}{content}"]
    assert_same_ids(tokenizer, kernel, texts)


def test_words_too_long_for_the_buffer_go_to_tokenizers(tokenizer):
    tokenizer = changed(tokenizer, model={"max_input_chars_per_word": 10**7})
    kernel = build_kernel(tokenizer, random_table(tokenizer))
    assert not kernel.native
    assert_same_ids(tokenizer, kernel, [*TEXTS, "a" * 5000])


def assert_same_ids(tokenizer, kernel, texts, **options):
    ids, indptr = kernel.ids(texts, **options)
    want, want_indptr = tokenizer.ids(texts)
    if options:
        limit = options["max_length"]
        rows = [want[a:b][:limit] for a, b in zip(want_indptr[:-1], want_indptr[1:], strict=True)]
        want = np.concatenate(rows)
        want_indptr = np.cumsum([0, *map(len, rows)])
    assert_array_equal(np.frombuffer(ids, dtype=np.int32), want)
    assert_array_equal(indptr, want_indptr)


def test_ids_that_are_known(tokenizer):
    table = full_table(tokenizer, "int8", 24, weights=True, mapping=True, pairs=True)
    kernel = build_kernel(tokenizer, table)
    ids, indptr = tokenizer.ids(TEXTS)
    out = np.full((len(TEXTS), 24), np.nan, dtype=np.float32)
    empty = np.full(len(TEXTS), 2, dtype=np.uint8)
    kernel.pool_ids(ids, indptr, out, normalize=True, empty=empty)
    want, want_empty, _ = pool(kernel, TEXTS)
    assert_array_equal(out, want)
    assert_array_equal(empty, want_empty)
    kernel.pool_ids(ids[:0], np.zeros(3, np.int64), out[:2], normalize=True, empty=empty[:2])
    assert not out[:2].any() and empty[:2].all()
    for bad_ids, bad_indptr in (
        (ids + 10**6, indptr),
        (ids - 10**6, indptr),
        (ids, indptr[::-1].copy()),
        (ids, indptr + 1),
    ):
        with pytest.raises(ValueError, match="no token|must rise"):
            kernel.pool_ids(bad_ids, bad_indptr, out, normalize=True, empty=empty)
