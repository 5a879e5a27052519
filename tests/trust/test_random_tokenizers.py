"""P34: ids are those of Hugging Face's tokenizers, whatever the tokenizer."""

from __future__ import annotations

from tests.trust.random_tokenizers import compare


def test_p34_random_tokenizers_give_the_ids_of_their_reference():
    found = compare(0, n_tokenizers=250, n_texts=40)
    assert found.differences == []
    assert found.counts["texts"] > 9000
    assert found.counts["compiled"] > 40
    assert found.counts["state"] > 30
    assert found.counts["reference"] > 100
