"""Every promise that can be tried at random, in the sizes of `make test`."""

from __future__ import annotations

import os

import pytest

from tests.trust.probes import PROBES, wrong_in

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and limits on memory")


@pytest.mark.parametrize("probe", PROBES, ids=str)
def test_promise(probe, tmp_path):
    counts = probe.run(probe.ci, tmp_path)
    assert wrong_in(counts) == {}
    assert counts.total() > 0
