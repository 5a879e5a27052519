"""What calls do when they are stopped, and when something runs short."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from skm2v._pairs.searching import pairs_above
from skm2v._pooling import TextPooler, TextTokenizer
from skm2v._pooling.reference import ReferenceEngine
from skm2v._pooling.sharing import share
from skm2v._pooling.text_buffers import TextBuffers
from skm2v.exceptions import TextValueError
from tests import tiny

from .conftest import random_table

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=tiny.KINDS)
def pooler(request):
    tokenizer = TextTokenizer(tiny.tiny_tokenizer(request.param).to_str())
    made = TextPooler(tokenizer, random_table(tokenizer))
    if isinstance(made.engine, ReferenceEngine):
        pytest.skip("there is no kernel")
    return made


def pool(pooler, texts, **options):
    return pooler.pool(texts, **{"max_length": None, "normalize": True, **options}).vectors


# --- Ctrl-C -------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer")
@pytest.mark.parametrize("text", ["the bank " * 4_000_000, "x" * 40_000_000], ids=["prose", "word"])
def test_p31_one_long_text_is_interrupted(pooler, text):
    """A signal in the middle of a text ends the call there, and not at the end of the text."""
    if text[0] == "x" and pooler.tokenizer.document.spec["model"]["type"] != "WordPiece":
        pytest.skip("the reference tokenizer reads such a text in one piece")
    wanted = pool(pooler, ["the bank"])

    def handler(*_):
        raise KeyboardInterrupt

    inherited = signal.signal(signal.SIGALRM, handler)
    out, unwritten = np.empty((1, pooler.table.dim), np.float32), bytearray(b"\7")
    options = {"max_length": None, "normalize": True, "truncated": bytearray(1)}
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            pooler.engine.pool_into([text], out, empty=unwritten, **options)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, inherited)
    assert unwritten == b"\7"
    np.testing.assert_array_equal(pool(pooler, ["the bank"]), wanted)


def test_p31_other_threads_stop_in_the_middle_of_a_text(pooler):
    """Their part of a call that failed is in vain."""
    long = "the bank " * 3_000_000
    started = threading.Event()
    ends = []

    class Failed(Exception):
        pass

    def work(start, stop):
        if threading.current_thread() is threading.main_thread():
            started.wait()
            raise Failed
        started.set()
        try:
            while True:
                pool(pooler, [long])
        except BaseException as error:
            ends.append(type(error))
            raise

    with pytest.raises(Failed):
        share(work, [(i, i + 1) for i in range(8)], 2)
    assert ends == [KeyboardInterrupt]


# --- Threads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("available", [0, 1])
def test_p10_where_threads_cannot_start_there_are_fewer(pooler, monkeypatch, available):
    texts = [*tiny.SENTENCES] * 300
    wanted = pool(pooler, texts)
    rows = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    pairs = pairs_above(rows, 0.9)
    started = []
    start = threading.Thread.start

    def start_few(self):
        if len(started) >= available:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", start_few)
    np.testing.assert_array_equal(pool(pooler, texts, n_jobs=3), wanted)
    assert len(started) == available
    started.clear()
    found = pairs_above(rows, 0.9, n_jobs=3)
    np.testing.assert_array_equal(found.left, pairs.left)
    np.testing.assert_array_equal(found.similarity, pairs.similarity)


def test_p10_threads_at_the_end_of_the_interpreter():
    code = """
    import atexit, threading
    from skm2v._pooling import TextPooler, TextTokenizer
    from tests import tiny
    from tests.pooling.conftest import random_table
    tokenizer = TextTokenizer(tiny.tiny_tokenizer().to_str())
    pooler = TextPooler(tokenizer, random_table(tokenizer))
    def embed():
        texts = [*tiny.SENTENCES] * 300
        vectors = pooler.pool(texts, max_length=None, normalize=True, n_jobs=2).vectors
        print(len(vectors) == len(texts), flush=True)
    atexit.register(embed)
    def later():
        threading.main_thread().join()
        embed()
    threading.Thread(target=later).start()
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "True\nTrue\n", "")


# --- Memory that somebody else writes -----------------------------------------------------------

# None of them is a code point.
MALFORMED = [
    *(bytes([lead, 0xBF, 0xBF, 0xBF]) for lead in (0xF4, 0xF5, 0xF6, 0xF7, 0xFC, 0xFD, 0xFE, 0xFF)),
    b"\xf7\xbf\xbf\xbf" * 50,
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
]


@pytest.mark.parametrize("where", ["{}", "the {} bank", "the bank{}", "a{}" * 100])
def test_p5_texts_that_are_no_utf8_any_more(pooler, where):
    """Arrow memory is checked before; somebody may write it in between."""
    for malformed in MALFORMED:
        data = where.encode().replace(b"{}", malformed)
        held = np.frombuffer(data + b" ", np.uint8)
        texts = TextBuffers(np.array([held.ctypes.data]), np.array([len(data)], np.int64), [held])
        with pytest.raises(TextValueError, match="no valid UTF-8 any more"):
            pool(pooler, texts)
    assert pool(pooler, ["the bank"]).any()


@pytest.mark.parametrize("lead", range(0x80, 0x100, 7))
def test_p5_cut_characters_are_harmless(pooler, lead):
    """A text that ends, or goes on, in the middle of a character: some vector, or the error."""
    for rest in (b"", b"\x80", b"\x80\x80", b"a", b" ", b"\xff\xff\xff"):
        data = b"the bank " * 3 + bytes([lead]) + rest
        held = np.frombuffer(data, np.uint8)
        texts = TextBuffers(np.array([held.ctypes.data]), np.array([len(data)], np.int64), [held])
        with contextlib.suppress(TextValueError):
            assert np.isfinite(pool(pooler, texts)).all()


# --- Memory that is not there -------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits on memory")
def test_p23_a_kernel_for_which_there_was_no_memory_is_built_later():
    code = """
    import json, resource, sys
    from skm2v._pooling import PoolingTable, TextPooler, TextTokenizer
    from skm2v._pooling.reference import ReferenceEngine
    from tests import tiny
    import numpy as np
    import scipy.sparse, skm2v._pooling.kernel  # what fails to load is another story
    spec = json.loads(tiny.tiny_tokenizer().to_str())
    vocabulary = spec["model"]["vocab"]
    for i in range(150_000):
        vocabulary.setdefault(f"w{i * 7919 % 999983}x{i}", len(vocabulary))
    tokenizer = TextTokenizer(json.dumps(spec))
    table = PoolingTable(np.ones((len(vocabulary), 2), np.float32))
    pooler = TextPooler(tokenizer, table)
    def size():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    failed = 0
    for megabytes in range(0, 400, 4):
        unlimited = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size() + (megabytes << 20), unlimited[1]))
        try:
            pooler.pool(["the bank"], max_length=None, normalize=True)
        except MemoryError:
            failed += 1
        finally:
            resource.setrlimit(resource.RLIMIT_AS, unlimited)
        engine = pooler._engine
        assert not isinstance(engine, ReferenceEngine), megabytes
        if engine is not None:
            break
    print(failed > 1, pooler._engine is not None)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert (run.returncode, run.stdout) == (0, "True True\n"), run.stderr
