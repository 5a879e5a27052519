"""P14: fitted pipelines go through skops with the published list of trusted types."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import skops.io as skops_io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder
from tests import tiny

GUIDE = Path(__file__).parents[2] / "docs" / "reliability.md"


def published_types() -> list[str]:
    return re.findall(r"`(skm2v\.[A-Z]\w+)`", GUIDE.read_text(encoding="utf-8"))


def test_pipeline_round_trips_with_the_published_types(tiny_teacher):
    texts = list(tiny.SENTENCES)
    labels = np.arange(len(texts)) % 2
    pipeline = make_pipeline(StaticEmbedder(str(tiny_teacher)), LogisticRegression())
    data = skops_io.dumps(pipeline.fit(texts, labels))
    untrusted = skops_io.get_untrusted_types(data=data)
    assert set(untrusted) <= set(published_types())
    loaded = skops_io.loads(data, trusted=untrusted)
    np.testing.assert_array_equal(loaded[:-1].transform(texts), pipeline[:-1].transform(texts))
    np.testing.assert_array_equal(loaded.predict(texts), pipeline.predict(texts))


def test_nothing_of_ours_loads_without_being_trusted(tiny_teacher):
    data = skops_io.dumps(StaticEmbedder(str(tiny_teacher)).fit(list(tiny.SENTENCES)))
    with pytest.raises(skops_io.exceptions.UntrustedTypesFoundException, match="StaticModel"):
        skops_io.loads(data)
