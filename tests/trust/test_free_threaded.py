"""P10: threads that meet new code points at the same time, with the kernel alone."""

from __future__ import annotations

import pytest

pytest.importorskip("skm2v._pooling._kernel")

from tests.trust.free_threaded import N_CALLS, N_THREADS, race  # noqa: E402


def test_p10_threads_that_fill_one_kernel_get_the_bytes_of_one_thread():
    assert race(3) == {"calls": 3 * N_THREADS * N_CALLS, "different": 0}
