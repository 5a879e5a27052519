"""P10 for the kernel alone, on a Python without a GIL, where `tokenizers` may not be installed.

    apt-get source python3.13          # or any other way to the sources
    ./configure --disable-gil --prefix=$HOME/python && make && make install
    $HOME/python/bin/python3.13t -m pip install numpy setuptools cython
    $HOME/python/bin/python3.13t setup.py build_ext --inplace
    $HOME/python/bin/python3.13t -m tests.trust.free_threaded [ROUNDS]

Each round builds a kernel, and eight threads embed texts with it whose code points it has not met:
they describe them, fill caches and pool at the same time, and must get the bytes of one thread.
"""

from __future__ import annotations

import random
import sys
import threading
import types
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

try:
    import tokenizers  # noqa: F401
except ImportError:
    # It is imported on the way to the kernel, which does without it.
    sys.modules["tokenizers"] = types.ModuleType("tokenizers")

from skm2v._pooling._kernel import Kernel

N_THREADS, N_CALLS, DIM = 8, 60, 32
LETTERS = [
    chr(code)
    for block in (range(97, 123), range(0xE0, 0x250), range(0x3B1, 0x450), range(0x1200, 0x1800))
    for code in block
    if chr(code).isalnum()
]


def describe(code_points: list[int]) -> list[bytes]:
    """Letters are words, white space is space, and the rest is punctuation."""
    described = []
    for c in map(chr, code_points):
        item = 1 if c.isspace() else 0 if c.isalnum() else 2
        described.append(bytes([0, item, len(c.encode())]) + c.encode())
    return described


def kernels(rng: random.Random) -> tuple[list[str], Callable[[], Kernel]]:
    """Return a vocabulary, and what builds a kernel of it."""
    words = ["".join(rng.choices(LETTERS, k=rng.randint(2, 6))) for _ in range(3000)]
    vocabulary = list(dict.fromkeys(["[UNK]", *LETTERS, *words, ".", ","]))
    entries = {word: i for i, word in enumerate(vocabulary)}
    rows = np.random.default_rng(0).normal(size=(len(vocabulary), DIM)).astype(np.float32)

    def build() -> Kernel:
        return Kernel(
            rows,
            None,
            None,
            None,
            words=entries,
            prefix="",
            native=True,
            unknown=0,
            max_chars=100,
            dropped=0,
            describe=describe,
            tokenize_chunks=None,
            lock=threading.RLock(),
        )

    return vocabulary, build


def pooled(kernel: Any, texts: list[str]) -> bytes:
    n = len(texts)
    out, empty, cut = np.empty((n, DIM), np.float32), np.empty(n, bool), np.empty(n, bool)
    kernel.pool_into(texts, out, max_length=50, normalize=True, empty=empty, truncated=cut)
    return out.tobytes()


def race(n_rounds: int) -> Counter[str]:
    """Count calls and those with other bytes than one thread gets."""
    rng, counts, lock = random.Random(0), Counter[str](), threading.Lock()
    vocabulary, build = kernels(rng)
    jobs = [
        [" ".join(rng.choices(vocabulary, k=rng.choice([1, 5, 40]))) for _ in range(n)]
        for n in rng.choices([1, 3, 300], k=40)
    ]
    alone = build()
    wanted = [pooled(alone, job) for job in jobs]
    for _ in range(n_rounds):
        kernel, barrier = build(), threading.Barrier(N_THREADS)

        def work(seed: int, kernel: Kernel = kernel, barrier: threading.Barrier = barrier) -> None:
            chosen = random.Random(seed).choices(range(len(jobs)), k=N_CALLS)
            barrier.wait()
            try:
                different = sum(pooled(kernel, jobs[i]) != wanted[i] for i in chosen)
                found = {"calls": N_CALLS, "different": different}
            except Exception as error:
                print(repr(error), file=sys.stderr)
                found = {"errors": 1}
            with lock:
                counts.update(found)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(N_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return counts


if __name__ == "__main__":
    found = race(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
    has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"Python {sys.version.split()[0]} with{'' if has_gil else 'out'} a GIL: {dict(found)}")
    sys.exit(bool(found["different"] or found["errors"] or not found["calls"]))
