"""All checks of a text transformer, on StaticEmbedder."""

from __future__ import annotations

from unittest import SkipTest

from skm2v import StaticEmbedder, StaticModel
from skm2v.testing import check_text_transformer, parametrize_with_text_checks
from tests import tiny

MODELS = {
    kind: StaticModel(tiny.tiny_table(kind), tiny.tiny_tokenizer(kind)) for kind in tiny.KINDS
}


@parametrize_with_text_checks(
    [
        StaticEmbedder(MODELS["wordpiece"]),
        StaticEmbedder(MODELS["bpe"], handle_missing="zero", max_length=None),
        StaticEmbedder(MODELS["unigram"].quantized("int8"), normalize=False, n_jobs=2),
    ]
)
def test_text_transformer_checks(estimator, check):
    try:
        check(estimator)
    except SkipTest as skip:
        raise AssertionError("every check applies to StaticEmbedder") from skip


def test_text_transformer_checks_of_a_teacher(tiny_teacher):
    """The same where fit distils: nothing is skipped, nothing warns."""
    check_text_transformer(StaticEmbedder(str(tiny_teacher), pca_dims=8))
