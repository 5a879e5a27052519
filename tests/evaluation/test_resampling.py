from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import average_precision_score

from skm2v.evaluation._metrics import average_precision_counts, spearman_counts
from skm2v.evaluation._resampling import (
    bootstrap_mean,
    bootstrap_two_way,
    interval,
    paired_difference,
    resample_counts,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_counts_are_resamples_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(resample_counts(50, 200)))
    assert whole.shape == (200, 50)
    assert (whole.sum(axis=1) == 50).all()
    monkeypatch.setattr("skm2v.evaluation._resampling._BLOCK_CELLS", 700)
    blocks = list(resample_counts(50, 200))
    assert len(blocks) > 10
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_spearman_of_counts_is_spearman_of_the_resample(rng: np.random.Generator) -> None:
    # Few distinct values: most ranks are tied.
    gold, cosine = rng.integers(0, 6, 80).astype(float), rng.normal(size=80).round(1)
    counts = np.concatenate(list(resample_counts(80, 20)))
    expected = [
        scipy.stats.spearmanr(np.repeat(gold, c), np.repeat(cosine, c)).statistic for c in counts
    ]
    np.testing.assert_allclose(spearman_counts(gold, cosine, counts), expected, atol=1e-12)


def test_average_precision_of_counts_is_that_of_the_resample(rng: np.random.Generator) -> None:
    matches, cosine = rng.random(90) < 0.3, rng.normal(size=90).round(1)
    counts = np.concatenate(list(resample_counts(90, 20)))
    expected = [
        average_precision_score(np.repeat(matches, c), np.repeat(cosine, c)) for c in counts
    ]
    np.testing.assert_allclose(average_precision_counts(matches, cosine, counts), expected)


def test_interval_of_a_mean_is_that_of_theory(rng: np.random.Generator) -> None:
    values = (rng.random(2000) < 0.7).astype(float)
    low, high = interval(bootstrap_mean(values))
    half = 1.96 * values.std() / np.sqrt(2000)
    assert low == pytest.approx(values.mean() - half, abs=0.003)
    assert high == pytest.approx(values.mean() + half, abs=0.003)


def test_two_way_interval_is_wider_than_either_way_alone(rng: np.random.Generator) -> None:
    table = (rng.random((10, 400)) < rng.uniform(0.5, 0.9, (10, 1))).astype(float)
    low, high = interval(bootstrap_two_way(table))
    for values in (table.mean(axis=0), table.mean(axis=1)):
        one_low, one_high = interval(bootstrap_mean(values))
        assert high - low > one_high - one_low
    assert low < table.mean() < high


def test_paired_difference_sees_what_two_intervals_hide(rng: np.random.Generator) -> None:
    hard = rng.random(300)
    first, second = hard + 0.02, hard + rng.normal(0, 0.01, 300)
    samples = [bootstrap_mean(values) for values in (first, second)]
    overlap = interval(samples[0])[0] < interval(samples[1])[1]
    difference = paired_difference(first.mean(), samples[0], second.mean(), samples[1])
    assert overlap
    assert difference.verdict == "better"
    assert difference.low == pytest.approx(0.02, abs=0.003)
    other = paired_difference(second.mean(), samples[1], first.mean(), samples[0])
    assert other.verdict == "worse"
    assert paired_difference(1, samples[0], 1, samples[0]).verdict == "unclear"
