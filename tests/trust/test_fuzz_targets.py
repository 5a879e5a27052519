"""P19, P20: what reads files from elsewhere, on a few thousand damaged inputs."""

from __future__ import annotations

import pytest

from tests.trust.fuzz_targets import NAMES, mutants_of, seeds_of, target_of


@pytest.mark.parametrize("name", NAMES)
def test_p19_damaged_inputs_are_refused_by_the_one_error(name):
    target = target_of(name)
    assert all(map(target, seeds_of(name)))
    accepted = sum(map(target, mutants_of(name, 400)))
    assert accepted < 300  # most of them are damaged
