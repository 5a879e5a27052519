"""P35: whatever embeds a text while its own thread describes code points gets its vector.

Signal handlers, finalizers and fork hooks run in the middle of whatever their thread does. Each
story is told in a process of its own, so that a deadlock is a test that fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests import tiny

pytest.importorskip("skm2v._pooling._kernel")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs signals and fork")

ROOT = Path(__file__).parents[2]

#: `texts()` are of code points that no kernel has met, and `interrupt` is called, once, in the
#: middle of describing some of them.
PRELUDE = """
import os, signal, sys, threading
from itertools import count
import numpy as np
from skm2v._pooling import TextPooler, TextTokenizer
from skm2v._pooling.byte_level import ByteCodePoints
from skm2v._pooling.bert import _CodePoints
from skm2v._pooling.reference import ReferenceEngine
from skm2v._pooling.unigram import PieceCodePoints
from tests import tiny
from tests.pooling.conftest import random_table

new = count(0x1200)

def use(kind):
    global pooler, reference
    tokenizer = TextTokenizer(tiny.tiny_tokenizer(kind).to_str())
    table = random_table(tokenizer)
    pooler = TextPooler(tokenizer, table)
    reference = TextPooler(tokenizer, table, ReferenceEngine(tokenizer, table))
    assert not isinstance(pooler.engine, ReferenceEngine)

def texts():
    return [f"the bank{chr(next(new))}, {chr(next(new))} water" for _ in range(3)]

def embed():
    some = texts()
    got = pooler.pool(some, max_length=None, normalize=True).vectors
    want = reference.pool(some, max_length=None, normalize=True).vectors
    np.testing.assert_allclose(got, want, atol=1e-6)

def nothing():
    pass

interrupt = nothing
def spied(cls, name):
    inner = getattr(cls, name)
    def spy(self, *arguments):
        global interrupt
        now, interrupt = interrupt, nothing
        now()
        return inner(self, *arguments)
    setattr(cls, name, spy)
spied(_CodePoints, "_flags")
spied(PieceCodePoints, "_describe")
spied(ByteCodePoints, "_describe")
"""

STORIES = {
    "a signal handler embeds": """
        done = []
        signal.signal(signal.SIGUSR1, lambda *_: (embed(), done.append(1)))
        interrupt = lambda: signal.raise_signal(signal.SIGUSR1)
        embed()
        assert done == [1]
    """,
    "a handler embeds while a handler embeds": """
        done = []
        def again(*_):
            global interrupt
            if len(done) < 3:
                interrupt = lambda: signal.raise_signal(signal.SIGUSR1)
                done.append(1)
            embed()
        signal.signal(signal.SIGUSR1, again)
        interrupt = lambda: signal.raise_signal(signal.SIGUSR1)
        embed()
        assert len(done) == 3
    """,
    "a finalizer embeds": """
        done = []
        class Finalized:
            def __del__(self):
                embed()
                done.append(1)
        interrupt = lambda: Finalized()
        embed()
        assert done == [1]
    """,
    "a handler forks, and both go on": """
        children = []
        def handler(*_):
            children.append(os.fork())
            embed()
        signal.signal(signal.SIGUSR1, handler)
        interrupt = lambda: signal.raise_signal(signal.SIGUSR1)
        embed()
        embed()
        if children[0] == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 7
    """,
    "another thread describes during a fork": """
        inside, forked = threading.Event(), threading.Event()
        def interrupt():
            inside.set()
            forked.wait(0.2)  # a fork waits until the tables are whole
        thread = threading.Thread(target=embed)
        thread.start()
        inside.wait()
        child = os.fork()
        embed()
        if child == 0:
            os._exit(7)
        forked.set()
        thread.join()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    """,
    "fork hooks embed": """
        os.register_at_fork(before=embed, after_in_parent=embed, after_in_child=embed)
        child = os.fork()
        embed()
        if child == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    """,
}

ENDING = """
inside = threading.Event()
def interrupt():
    inside.set()
    threading.Event().wait()
threading.Thread(target=embed, daemon=True).start()
inside.wait()
class Finalized:
    def __del__(self, embed=embed, error=RuntimeError, put=os.write):
        try:
            embed()
        except error:
            put(1, b"refused")
sys.modules["late"] = Finalized()  # nobody else has it, unlike what is in this module
"""


def told(code: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def as_function(story: str) -> str:
    body = textwrap.indent(textwrap.dedent(story), "    ")
    return f"\ndef story():\n    global interrupt\n{body}\n"


def test_p35_embedding_within_embedding():
    code = PRELUDE
    for name, story in STORIES.items():
        code += as_function(story)
        code += f"for kind in {tiny.KINDS}:\n    use(kind)\n    story()\n"
        code += f"print({name!r}, flush=True)"
    assert told(code).splitlines() == list(STORIES)


def test_p35_fork_hooks_that_were_there_first():
    """They run while the fork holds the tables."""
    hooks = "import os\nfor when in ('before', 'after_in_parent', 'after_in_child'):\n"
    hooks += "    os.register_at_fork(**{when: lambda: embed()})\n"
    code = hooks + PRELUDE + "use('wordpiece')" + as_function(STORIES["fork hooks embed"])
    told(code + "story()")


def test_p35_embedding_when_the_interpreter_ends():
    code = PRELUDE + "use('wordpiece')" + textwrap.dedent(ENDING)
    assert told(code) == "refused"
