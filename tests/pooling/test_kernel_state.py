"""What files hold for the kernel: whatever it is, and becomes, nothing is read outside of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skm2v._pooling import TextTokenizer, TokenizerDocument
from skm2v._pooling import _kernel as compiled
from skm2v._pooling.kernel import check_trie, make_state
from skm2v._pooling.kernel_state import KernelState
from tests import tiny

ROOT = Path(__file__).parents[2]


def state_of(kind="wordpiece"):
    return make_state(TextTokenizer(tiny.tiny_tokenizer(kind).to_str()))


def changed(state, **changes):
    arrays = {**state.arrays, **{n: a for n, a in changes.items() if n in state.arrays}}
    settings = {**state.settings, **{n: v for n, v in changes.items() if n not in state.arrays}}
    return KernelState(settings, arrays)


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_state_is_made_of_a_tokenizer_once(kind):
    state = state_of(kind)
    check_trie(state)
    tokenizer = TextTokenizer(TokenizerDocument("{}"), tuple, state)
    assert tokenizer.state is make_state(tokenizer) is state
    whole = TextTokenizer(tiny.tiny_tokenizer(kind).to_str())
    assert (tokenizer.n_tokens, tokenizer.unk_id) == (whole.n_tokens, whole.unk_id)
    assert tokenizer.added_ids == whole.added_ids


def test_a_tokenizer_that_the_kernel_does_not_segment_has_none():
    hf = tiny.tiny_tokenizer("wordpiece")
    hf.add_tokens(["New York"])  # is searched in what the normalizer lower-cases
    text = hf.to_str().replace('"normalized":true', '"normalized":false')
    assert make_state(TextTokenizer(text)) is None


def test_a_trie_that_leads_outside_is_refused():
    state = state_of()
    units, tokens, roots = state.trie
    n_tokens = state.n_words
    assert len(units) % 256 == 0
    last = np.nonzero(units & 0x100)[0][-1]

    def with_(array, place, value):
        array = array.copy()
        array[place] = value
        return array

    refused = {
        "an offset behind the end": (with_(units, 7, len(units) << 9), tokens, roots),
        "the largest offset": (with_(units, len(units) - 1, 0xFFFFFE00), tokens, roots),
        "a token that there is not": (units, with_(tokens, last, n_tokens), roots),
        "a negative token": (units, with_(tokens, last, -1), roots),
        "a root behind the end": (units, tokens, [len(units), 0]),
        "another root behind the end": (units, tokens, [0, 2**31 - 1]),
        "a part of a block": (units[:-1], tokens[:-1], roots),
        "fewer tokens": (units, tokens[:-256], roots),
        "fewer units": (units[:-256], tokens, roots),
        "nothing": (units[:0], tokens[:0], roots),
        "too many units": (
            np.zeros(2**23 + 256, np.uint32),
            np.zeros(2**23 + 256, np.int32),
            roots,
        ),
    }
    for what, arrays in refused.items():
        with pytest.raises(ValueError, match="no trie"):
            compiled.check_trie(*arrays, n_tokens)
            pytest.fail(what)
    compiled.check_trie(units, tokens, roots, n_tokens)


CHANGING = """
import ctypes, mmap, random, sys
import numpy as np
from skm2v._pooling import PoolingTable, TextTokenizer
from skm2v._pooling.kernel import build_kernel, make_state
from skm2v._pooling.kernel_state import KernelState
from tests import tiny
from tests.pooling.test_kernel_state import TEXTS

libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
GUARD = 40 << 20  # more than the largest offset is away
kept = []

def guarded(array):
    "A copy that ends where memory begins that must not be touched."
    size = -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, size + GUARD)
    kept.append(memory)
    start = np.frombuffer(memory, np.uint8).ctypes.data
    assert libc.mprotect(start + size, GUARD, 0) == 0
    copy = np.frombuffer(memory, array.dtype, array.size, size - array.nbytes)
    copy = copy.reshape(array.shape)
    copy[...] = array
    return copy

text = tiny.tiny_tokenizer(sys.argv[1]).to_str()
text = text.replace('"ignore_merges":false', '"ignore_merges":true')  # else it needs no trie
whole = TextTokenizer(text)
state = make_state(whole)
names = [name for name in state.arrays if name != "merges"]  # which the kernel copies
state = KernelState(
    state.settings, {n: guarded(a) if n in names else a for n, a in state.arrays.items()}
)
tokenizer = TextTokenizer(text, lambda: whole.tokens, state)
table = PoolingTable(np.ones((whole.n_tokens, 2), np.float32))
reference = build_kernel(whole, table)
unspoilt = {name: state.arrays[name].copy() for name in names}
rng = np.random.default_rng(0)

def read(kernel):
    ids = np.frombuffer(kernel.ids(TEXTS)[0], np.int32)
    assert ids.min() >= 0 and ids.max() < whole.n_tokens
    return ids.tolist()

different = 0
for i in range(400):
    for name in names:
        state.arrays[name][...] = unspoilt[name]
    kernel = build_kernel(tokenizer, table)
    if i == 0:
        assert read(kernel) == read(reference)
        continue
    for name in names:  # somebody writes into the file
        data = state.arrays[name].view(np.uint8)
        if i % 5 == 0:
            data[:] = rng.integers(0, 256, len(data), np.uint8)
        elif i % 5 == 1:
            data[:] = i % 256
        elif i % 5 == 2 and name == "units":  # labels as they were, offsets anywhere
            state.arrays[name][...] ^= rng.integers(0, 2**22, len(data) // 4, np.int32) << 9
        elif i % 5 == 3 and name == "tokens":
            state.arrays[name][...] = rng.integers(-2**31, 2**31 - 1, len(data) // 4, np.int32)
        elif name == "tokens":  # others that there are
            state.arrays[name][...] = np.where(data.view(np.int32) < 0, -1, i % whole.n_tokens)
    different += read(kernel) != read(reference)
assert different > 70, different
print("inside")
"""

TEXTS = [
    *tiny.SENTENCES,
    "banking transferred unknowable 12345 \u00e9\u4e2d x" * 5,
    "a\u0301 \U0001f600",
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows protects memory in another way")
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_what_is_written_into_a_mapped_trie_leads_nowhere_else(kind):
    """After it was checked: the kernel then reads other tokens, of those that there are."""
    done = subprocess.run(
        [sys.executable, "-c", CHANGING, kind], capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "inside\n"
