"""Any text takes bounded time and memory (P5)."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from tests import tiny

CHILD = """
import resource, signal, sys
from skm2v._pooling import TextPooler, TextTokenizer
from skm2v._pooling.reference import ReferenceEngine
from tests import tiny
from tests.pooling.conftest import random_table

kind, n_bytes, extra, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
max_length = int(sys.argv[5]) or None
units = {
    "prose": "The water was cold, and they had no money for the bank. ",
    "no space": "abcdefgh",
    "one letter": "a",
    "spaces": " ",
    "punctuation": "!",
    "marks": "\\u0301",
    "two marks": "\\u0301\\u0323",
    "marks after spaces": " \\u0301",
    "ideographs": "\\u4e2d\\u6587",
    "joined emoji": "\\U0001f468\\u200d\\U0001f469\\u200d\\U0001f467",
    "right to left": "\\u0627\\u0644\\u0639 ",
    "Thai": "\\u0e01\\u0e33\\u0e48",
    "jamo": "\\u1100\\u1161\\u11a8",
    "long decompositions": "\\ufdfa",
    "NUL": "\\0",
    "special tokens": "[PAD]<mask>",
}
tokenizer = TextTokenizer(tiny.tiny_tokenizer(kind).to_str())
table = random_table(tokenizer)
shared = TextPooler(tokenizer, table)
reference = TextPooler(tokenizer, table, ReferenceEngine(tokenizer, table))
shared.pool(["warm up"], max_length=9, normalize=True)
has_kernel = not isinstance(shared.engine, ReferenceEngine)
poolers = [shared, reference] if has_kernel else [reference]
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + extra, used + extra))
for name, unit in units.items():
    text = unit * (n_bytes // len(unit.encode()))
    for pooler in poolers:
        signal.alarm(seconds)
        pooler.pool([text, "the"], max_length=max_length, normalize=True)
        signal.alarm(0)
    print(name)
"""


def run_child(kind, *, n_bytes, extra, seconds, max_length):
    run = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(CHILD), kind),
            *map(str, (n_bytes, extra, seconds, max_length or 0)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 0, f"after {run.stdout.split()[-1:]}: {run.stderr[-2000:]}"
    assert len(run.stdout.splitlines()) == 16


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS and /proc")


def test_a_megabyte_of_anything():
    run_child("wordpiece", n_bytes=10**6, extra=10**9, seconds=30, max_length=512)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_other_tokenizers(kind):
    run_child(kind, n_bytes=10**5, extra=10**9, seconds=30, max_length=512)


@pytest.mark.soak
@pytest.mark.parametrize("max_length", [None, 512])
@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("n_bytes", [10**6, 10**7])
def test_megabytes_of_anything(kind, max_length, n_bytes):
    run_child(
        kind, n_bytes=n_bytes, extra=10**9 * n_bytes // 10**6, seconds=120, max_length=max_length
    )
