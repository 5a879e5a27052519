"""All checks of a text classifier, on StaticTextClassifier."""

from __future__ import annotations

from unittest import SkipTest

from skm2v import StaticEmbedder, StaticModel, StaticTextClassifier
from skm2v.testing import parametrize_with_text_checks
from tests import tiny

MODELS = {
    kind: StaticModel(tiny.tiny_table(kind), tiny.tiny_tokenizer(kind)) for kind in tiny.KINDS
}


@parametrize_with_text_checks(
    [
        StaticTextClassifier(StaticEmbedder(MODELS["wordpiece"])),
        StaticTextClassifier(
            StaticEmbedder(MODELS["bpe"], handle_missing="zero", max_length=None),
            semantic_weight=0,
            max_pairs=10,
        ),
        StaticTextClassifier(StaticEmbedder(MODELS["unigram"].quantized("int8")), C=1.0, n_jobs=2),
    ],
)
def test_text_classifier_checks(estimator, check):
    try:
        check(estimator)
    except SkipTest as skip:  # it knows more than two classes
        assert check.__name__ == "check_text_binary_only", skip
